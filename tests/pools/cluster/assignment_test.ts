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

/** A desk that notes what happens at it, with one job whose result is on its way. */
function setUp() {
  const log: string[] = [];
  const storing = Promise.withResolvers<Stored>();
  const delivery = {
    count: 1,
    data: write({ module: "m", fn: "f", name: "f", args: packValues([], String) }),
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
