/**
 * What is to be stored, on a connection that answers as the tests say.
 *
 * @module
 */

import { assertEquals, assertRejects } from "@std/assert";
import { FakeTime } from "@std/testing/time";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { ClosedError } from "../../../mod.ts";
import { NOT_FIRST, Outbox } from "../../../pools/cluster/outbox.ts";

/** A connection that notes what is published, and hands out answers. */
class FakeConnection {
  readonly published: { subject: string; id: string | undefined; reply: string }[] = [];
  #callback!: (error: Error | null, message: Msg) => void;

  subscribe(_subject: string, options: { callback: (error: Error | null, message: Msg) => void }) {
    this.#callback = options.callback;
  }

  publish(
    subject: string,
    _data: Uint8Array,
    { reply, headers }: { reply: string; headers?: Map<string, string> },
  ): void {
    this.published.push({ subject, id: headers?.get("Nats-Msg-Id"), reply });
  }

  /** Answers what was published last. */
  answer(text: string): void {
    const { reply } = this.published.at(-1)!;
    const data = new TextEncoder().encode(text);
    const message = { subject: reply, data, json: () => JSON.parse(text) };
    this.#callback(null, message as unknown as Msg);
  }
}

function setUp(): { connection: FakeConnection; outbox: Outbox } {
  const connection = new FakeConnection();
  return { connection, outbox: new Outbox(connection as unknown as NatsConnection) };
}

const letter = { subject: "s", data: new Uint8Array(), id: "1" };

Deno.test("P12: what has not been answered is sent again, as the same message", async () => {
  using time = new FakeTime();
  const { connection, outbox } = setUp();
  const storing = outbox.store(letter);
  assertEquals(connection.published.length, 1);
  // Nobody listens; a server that is on its way back; and what no server says.
  for (const text of ["", '{"error":{"err_code":10008}}', "{", "[]", '{"seq":"1"}', "null"]) {
    connection.answer(text);
    const before = connection.published.length;
    // The clock that says when it is due is not replaced.
    outbox.resend();
    assertEquals(connection.published.length, before + 1);
  }
  connection.answer('{"stream":"S","seq":7}');
  assertEquals(await storing, { seq: 7, refused: undefined });
  assertEquals(new Set(connection.published.map(({ id }) => id)), new Set(["1"]));
  await time.tickAsync(60_000);
  assertEquals(connection.published.length, 7);
  assertEquals(outbox.size, 0);
});

Deno.test("P12: what no answer has come to is sent again by itself", async () => {
  const { connection, outbox } = setUp();
  const storing = outbox.store(letter);
  while (connection.published.length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  connection.answer('{"seq":1}');
  assertEquals((await storing).seq, 1);
  outbox.close();
});

Deno.test("P12: what the server refuses for good is not sent again", async () => {
  const { connection, outbox } = setUp();
  const storing = outbox.store({ ...letter, first: true, ends: [NOT_FIRST] });
  connection.answer('{"error":{"err_code":10071,"description":"wrong last sequence"}}');
  const refused = { code: 10071, text: "wrong last sequence" };
  assertEquals(await storing, { seq: 0, refused });
  assertEquals(connection.published.length, 1);
  outbox.close();
});

Deno.test("P12: what has not been answered fails when the connection is closed", async () => {
  const { outbox } = setUp();
  const storing = outbox.store(letter);
  outbox.close();
  await assertRejects(() => storing, ClosedError);
  await assertRejects(() => outbox.store(letter), ClosedError);
});
