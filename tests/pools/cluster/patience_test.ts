/**
 * What is asked of a server that comes and goes, on a connection that says so when the tests want it.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { JetStreamApiError } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { Channel } from "../../../mod.ts";
import { Patience } from "../../../pools/cluster/patience.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

function setUp() {
  const statuses = new Channel<{ type: string }>(Infinity);
  const connection = { status: () => statuses, isClosed: () => statuses.closed };
  const patience = new Patience(connection as unknown as NatsConnection);
  const answers: PromiseWithResolvers<string>[] = [];
  const asking = patience.ask(() => {
    answers.push(Promise.withResolvers());
    return answers.at(-1)!.promise;
  });
  return {
    patience,
    answers,
    asking,
    async becomes(type: string): Promise<void> {
      await statuses.send({ type });
      await turn();
    },
    async close(): Promise<void> {
      statuses.close();
      await turn();
    },
  };
}

Deno.test("P12: what was asked when the connection was lost is asked again over the next one", async () => {
  const { patience, answers, asking, becomes, close } = setUp();
  await becomes("disconnect");
  assertEquals([answers.length, patience.isAway], [1, true]);
  await becomes("reconnect");
  assertEquals(patience.isAway, false);
  while (answers.length < 2) await turn();
  answers[1].resolve("here");
  assertEquals(await asking, "here");
  await close();
});

Deno.test("P12: nothing is asked while no server can be reached", async () => {
  const { patience, becomes, close } = setUp();
  await becomes("disconnect");
  let count = 0;
  const asking = patience.ask(() => Promise.resolve(++count));
  await turn();
  assertEquals(count, 0);
  await becomes("reconnect");
  assertEquals(await asking, 1);
  await close();
});

Deno.test("P12: what passes is asked again, and what is refused is not", async () => {
  const { patience, answers, asking, close } = setUp();
  answers[0].reject(new Error("timeout"));
  while (answers.length < 2) await turn();
  const refusal = { code: 404, err_code: 10059, description: "stream not found" };
  answers[1].reject(new JetStreamApiError(refusal));
  await assertRejects(() => asking, JetStreamApiError, "stream not found");
  await close();
  await assertRejects(
    () => patience.ask(() => Promise.reject(new Error("closed"))),
    Error,
    "closed",
  );
});

Deno.test("P12: who asks in vain hears at once when the connection is closed", async () => {
  const { patience, becomes, close } = setUp();
  await becomes("disconnect");
  const asking = patience.ask(() => Promise.reject(new Error("closed")));
  const refused = assertRejects(() => asking, Error, "closed");
  await close();
  await refused;
});
