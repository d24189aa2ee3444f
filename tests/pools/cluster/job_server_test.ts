/**
 * How a worker goes, with a server that agrees to everything.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { openNursery, sleep } from "../../../mod.ts";
import type { Delivery } from "../../../pools/cluster/delivery.ts";
import { JobServer } from "../../../pools/cluster/job_server.ts";
import { Layout } from "../../../pools/cluster/layout.ts";
import { write } from "../../../pools/cluster/messages.ts";
import { ModuleList } from "../../../pools/cluster/modules.ts";
import { packValues } from "../../../pools/cluster/packing.ts";
import type { Session } from "../../../pools/cluster/session.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";
import * as jobs from "./jobs.ts";
import { modules } from "./modules.ts";

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
  hear: () => ({ close: () => {} }),
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

function deliveryOf(fn: string, args: unknown[], answers: string[]): Delivery {
  return {
    subject: "grove.default.job.normal.a.b",
    data: write({ module: "jobs", fn, name: fn, args: packValues(args, String) }),
    count: 1,
    seq: 1,
    done: () => answers.push("done"),
    giveBack: () => answers.push("given back"),
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
      assertEquals(answers, ["done"]);
    });
  });
}
