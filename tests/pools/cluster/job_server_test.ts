/**
 * How a worker goes, with a server that agrees to everything.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { Event, nursery, openNursery, sleep } from "../../../mod.ts";
import type { Delivery } from "../../../pools/cluster/delivery.ts";
import { JobServer } from "../../../pools/cluster/job_server.ts";
import { Layout } from "../../../pools/cluster/layout.ts";
import { write, writeCancel } from "../../../pools/cluster/messages.ts";
import { ModuleList } from "../../../pools/cluster/modules.ts";
import { packValues } from "../../../pools/cluster/packing.ts";
import type { Session } from "../../../pools/cluster/session.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";
import * as jobs from "./jobs.ts";
import { modules } from "./modules.ts";

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

let tellWorker: (data: Uint8Array, subject: string) => void;

const session = {
  layout: new Layout("default", "test"),
  largest: 1000,
  connection: {
    subscribe: () => ({ unsubscribe: () => {} }),
    publish: () => {},
    flush: () => Promise.resolve(),
    isClosed: () => false,
    closed: () => new Promise(() => {}),
  },
  manager: { consumers: { add: () => Promise.resolve() } },
  patience: { ask: (question: () => unknown) => question() },
  outbox: { store: () => Promise.resolve({ seq: 1, refused: undefined }) },
  hear: (_subjects: string, take: typeof tellWorker) => {
    tellWorker = take;
    return { close: () => {} };
  },
  tell: () => {},
  onReconnected: () => {},
  takeLeave: (question: () => Promise<void>) => question(),
} as unknown as Session;

const settings = {
  name: "oak",
  concurrency: 1,
  ackWait: 1000,
  maxDeliver: 5,
  drain: 3000,
  executor: undefined,
};

function deliveryOf(fn: string, args: unknown[], answers: string[], seq = 1): Delivery {
  return {
    subject: "grove.default.job.normal.a.b",
    data: write({ module: "jobs", fn, name: fn, args: packValues(args, String) }),
    count: 1,
    seq,
    done: () => answers.push(`${seq} done`),
    giveBack: () => answers.push(`${seq} given back`),
    isInProgress: () => {},
  } as unknown as Delivery;
}

const ways = { cancelled: "cancel", "asked to stop": "stop" } as const;

for (const [way, how] of Object.entries(ways)) {
  Deno.test(`P12, G1: a worker that is ${way} ends when its jobs have, however long they take`, async () => {
    const list = new ModuleList(modules, "test");
    await list.load();
    const foreign = Promise.withResolvers<void>();
    jobs.deafTo.set("all", foreign.promise);
    jobs.log.length = 0;
    const answers: string[] = [];
    await withVirtualTime(async () => {
      const services = openNursery();
      const serving = services.spawn(() => {
        const started = () => server.take(deliveryOf("deaf", ["all"], answers), "normal");
        const server: JobServer = new JobServer(session, list, { ...settings, started });
        return server.run();
      });
      await sleep(1);
      assertEquals(jobs.log, ["deaf to all"]);
      services[how]();
      await sleep(3_600_000);
      assertEquals([serving.isAlive, answers], [true, []]);
      foreign.resolve();
      await services[Symbol.asyncDispose]();
      // It has run to its end after all: nobody need run it again.
      assertEquals(answers, ["1 done"]);
    });
  });
}

Deno.test("P12: of the jobs of one key a worker ends the one that was cancelled, and no other", async () => {
  const list = new ModuleList(modules, "test");
  await list.load();
  jobs.gates.set("one", new Event());
  jobs.log.length = 0;
  const answers: string[] = [];
  const { promise: started, resolve } = Promise.withResolvers<void>();
  await nursery(async (services) => {
    const server: JobServer = new JobServer(session, list, {
      ...settings,
      started: () => resolve(),
    });
    services.spawn(() => server.run());
    await started;
    const give = (seq: number) =>
      server.take(deliveryOf("passGate", ["one"], answers, seq), "normal");
    const cancel = (seq: number) => tellWorker(writeCancel(seq), "grove.default.cancel.a.b");
    give(1);
    give(2); // As soon as the first has gone.
    cancel(2);
    assertEquals([jobs.log, answers], [["at one"], ["2 done"]]);
    give(3);
    cancel(2);
    tellWorker(new Uint8Array(), "grove.default.cancel.a.b");
    await turn();
    assertEquals([jobs.log, answers], [["at one"], ["2 done"]]);
    cancel(1);
    while (jobs.log.length < 3) await turn();
    assertEquals(jobs.log, ["at one", "left one", "at one"]);
    cancel(1);
    assertEquals(server.stats().running, 1);
    jobs.gates.get("one")!.set();
    while (server.stats().done < 2) await turn();
    assertEquals(answers, ["2 done", "1 done", "3 done"]);
    services.cancel();
  });
});
