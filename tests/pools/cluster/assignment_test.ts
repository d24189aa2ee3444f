/**
 * What a worker says to the server of a job, and in which order.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ClosedError, MalformedError } from "../../../mod.ts";
import { Assignment, type Desk } from "../../../pools/cluster/assignment.ts";
import type { Delivery } from "../../../pools/cluster/delivery.ts";
import { Layout } from "../../../pools/cluster/layout.ts";
import { write } from "../../../pools/cluster/messages.ts";
import type { Stored } from "../../../pools/cluster/outbox.ts";
import { packValues } from "../../../pools/cluster/packing.ts";

interface Case {
  /** What its arguments are called in the store; nothing where they come along. */
  readonly input?: string;
  /** How often it was given to a worker. */
  readonly count?: number;
  /** Whether it is among the dead. */
  readonly isDead?: boolean;
  /** Whether it has a result; by default it has. */
  readonly hasResult?: boolean;
}

/** A desk that notes what happens at it, with one job whose result is on its way. */
function setUp({ input, count = 1, isDead = false, hasResult = true }: Case = {}) {
  const log: string[] = [];
  const fetching = Promise.withResolvers<Uint8Array>();
  const storing = Promise.withResolvers<Stored>();
  const delivery = {
    count,
    data: write({
      module: "m",
      fn: "f",
      name: "f",
      input,
      args: input ? undefined : packValues([], String),
    }),
    done: () => log.push("done"),
    giveBack: () => log.push("given back"),
  } as unknown as Delivery;
  const desk = {
    name: "desk",
    maxDeliver: 5,
    isLeaving: false,
    executor: undefined,
    session: {
      layout: new Layout("default", "test"),
      largest: 1000,
      tell: () => log.push("told"),
      resultOf: () => Promise.resolve(hasResult ? { seq: 1, result: {} } : undefined),
      isDead: () => Promise.resolve(isDead),
      inputs: {
        get: () => fetching.promise,
        delete: (name: string) => Promise.resolve(log.push(`forgot ${name}`)),
      },
      outbox: {
        store: () => {
          log.push("stored");
          return storing.promise;
        },
      },
    },
    functionOf: () => () => log.push("run"),
    // The task of the job: it runs, and has ended.
    start: (job: Assignment, _name: string, fn: () => unknown) => {
      job.ended({ state: "succeeded" } as Parameters<Assignment["ended"]>[0], fn());
    },
    wasDone: () => log.push("was done"),
    leave: () => log.push("left"),
    gone: (_job: Assignment, isDone: boolean) => log.push(`gone ${isDone}`),
  } as unknown as Desk;
  return { log, storing, fetching, desk, job: new Assignment(desk, "a.b", "r1", delivery, "low") };
}

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

Deno.test("P12: a job is acknowledged when its result is stored, and not before", async () => {
  const { log, storing, job } = setUp();
  job.begin();
  await turn();
  assertEquals(log, ["run", "left", "stored"]);
  storing.resolve({ seq: 1, refused: undefined });
  await turn();
  assertEquals(log.slice(3), ["done", "gone true"]);
});

Deno.test("P12: a job whose result has been stored by another is acknowledged, and counted", async () => {
  const { log, storing, job } = setUp();
  job.begin();
  storing.resolve({ seq: 0, refused: { code: 10071, text: "wrong last sequence" } });
  await turn();
  assertEquals(log.slice(3), ["was done", "done", "gone true"]);
});

Deno.test("P12: a job whose result cannot be stored is not acknowledged", async () => {
  const { log, storing, job } = setUp();
  job.begin();
  storing.reject(new ClosedError("closed"));
  await turn();
  assertEquals(log.slice(3), ["gone false"]);
});

Deno.test("P12: a job that was done by a worker that was lost then leaves nothing in the store", async () => {
  const { log, job } = setUp({ input: "x", count: 2 });
  job.begin();
  await turn();
  assertEquals(log, ["was done", "left", "done", "forgot a.b.x", "gone true"]);
});

Deno.test("P12: the arguments of a job that is dead are kept", async () => {
  const { log, job } = setUp({ input: "x", count: 2, isDead: true });
  job.begin();
  await turn();
  assertEquals(log, ["was done", "left", "done", "gone true"]);
});

Deno.test("P12: a job whose arguments are out of reach is given back, and has not failed", async () => {
  const { log, fetching, job } = setUp({ input: "x" });
  job.begin();
  fetching.reject(new Error("timeout"));
  await turn();
  assertEquals(log, ["left", "given back", "gone false"]);
});

Deno.test("P12: a job that is cancelled while its arguments come does not wait for them", async () => {
  const { log, storing, fetching, job } = setUp({ input: "x" });
  job.begin();
  job.cancel();
  storing.resolve({ seq: 1, refused: undefined });
  await turn();
  assertEquals(log, ["left", "stored", "done", "forgot a.b.x", "gone true"]);
  // That they are not there any more does not make it one that nobody could end.
  fetching.reject(new MalformedError("what was stored for a job", "it is not in the store"));
  await turn();
  assertEquals(log.length, 5);
});

Deno.test("P12: a job is given back whose worker goes between a question and its answer", async () => {
  const before = setUp({ count: 2, hasResult: false });
  before.job.begin();
  Object.assign(before.desk, { isLeaving: true });
  await turn();
  assertEquals(before.log, ["left", "given back", "gone false"]);
  const fetched = setUp({ input: "x" });
  fetched.job.begin();
  Object.assign(fetched.desk, { isLeaving: true });
  fetched.fetching.resolve(packValues([], String));
  await turn();
  assertEquals(fetched.log, ["left", "given back", "gone false"]);
});
