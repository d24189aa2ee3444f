/**
 * What a worker says to the server of a job, and in which order.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ClosedError } from "../../../mod.ts";
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
}

/** A desk that notes what happens at it, with one job whose result is on its way. */
function setUp({ input, count = 1, isDead = false }: Case = {}) {
  const log: string[] = [];
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
      resultOf: () => Promise.resolve({ seq: 1, result: {} }),
      isDead: () => Promise.resolve(isDead),
      inputs: {
        get: () => Promise.reject(new Error("timeout")),
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
  return { log, storing, job: new Assignment(desk, "a.b", "r1", delivery) };
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
  const { log, job } = setUp({ input: "x" });
  job.begin();
  await turn();
  assertEquals(log, ["left", "given back", "gone false"]);
});
