/**
 * `blocked-bytes`, `spawn-1m-bytes`: the heap that one blocked child keeps, with 100,000 and with 1,000,000 of them alive.
 *
 * The floor is one hoisted async function, called again and again, that awaits one promise shared by all: an async function
 * that is waiting cannot be smaller. Nobody keeps the promises that the calls gave, nor the handles of the contenders, so
 * what is weighed is what a library itself must keep to know its child. Two contenders sleep in place of awaiting the shared
 * promise: "grove, asleep" in Grove's `sleep`, "setTimeout" in a bare promise with a timer.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import { sleep, taskGroup } from "../mod.ts";
import { atMost } from "./clock.ts";
import { clearLongTimeouts, LONG, longTimeout } from "./long_sleep.ts";
import { turn, weighed } from "./memory.ts";
import { Effect } from "./peers/effect.ts";
import { run, spawn, until } from "./peers/effection.ts";
import { pLimit } from "./peers/p_limit.ts";
import { PQueue } from "./peers/p_queue.ts";
import type { Row } from "./row.ts";

/** What all children of a run await. Opened when they have been weighed, so that all contenders can end them. */
let gate = Promise.withResolvers<void>();

type Weigh = (size: number, settled: () => Promise<void>) => Promise<void>;

/** Closes a new gate for the run, and lets everything behind it end afterwards. */
function behindGate(weigh: Weigh): Weigh {
  return async (size, settled) => {
    gate = Promise.withResolvers<void>();
    await weigh(size, async () => {
      await settled();
      gate.resolve();
    });
    await turn();
  };
}

async function blocked(): Promise<void> {
  await gate.promise;
}

const promises = behindGate(async (size, settled) => {
  for (let i = 0; i < size; i++) blocked();
  await settled();
});

const context = new AsyncLocalStorage<{ index: number }>();

const promisesWithStores = behindGate(async (size, settled) => {
  await context.run({ index: -1 }, async () => {
    for (let i = 0; i < size; i++) context.run({ index: i }, blocked);
    await settled();
  });
});

const grove = behindGate(async (size, settled) => {
  await taskGroup(async (group) => {
    for (let i = 0; i < size; i++) group.spawn(blocked);
    await settled();
  });
});

async function asleep(): Promise<void> {
  await sleep(LONG);
}

const groveAsleep: Weigh = async (size, settled) => {
  await taskGroup(async (group) => {
    for (let i = 0; i < size; i++) group.spawn(asleep);
    await settled();
    group.cancel();
  }).catch(() => {}); // a body that its own cancel() cuts short owes its value
};

async function napping(): Promise<void> {
  await longTimeout();
}

const bareTimers: Weigh = async (size, settled) => {
  for (let i = 0; i < size; i++) napping();
  await settled();
  clearLongTimeouts();
};

const limited = behindGate(async (size, settled) => {
  const limit = pLimit(Infinity);
  for (let i = 0; i < size; i++) limit(blocked);
  await settled();
});

const queued = behindGate(async (size, settled) => {
  const queue = new PQueue();
  for (let i = 0; i < size; i++) queue.add(blocked);
  await settled();
});

/** A fiber or an operation that waits is an async function that waits already: the peers wrap none in another. */
const effectBlocked = Effect.promise(() => gate.promise);

const forked = behindGate((size, settled) =>
  Effect.runPromise(Effect.gen(function* () {
    for (let i = 0; i < size; i++) yield* Effect.forkChild(effectBlocked);
    yield* Effect.promise(settled);
  }))
);

const operated = behindGate(async (size, settled) => {
  await run(function* () {
    for (let i = 0; i < size; i++) yield* spawn(() => until(gate.promise));
    yield* until(settled());
  });
});

const some = { size: 100_000 };
const million = { size: 1_000_000 };

export const rows: Row[] = [
  {
    id: "blocked-bytes",
    title: "heap that a blocked child keeps, 100,000 alive",
    unit: "bytes",
    contenders: [
      weighed("floor", some, promises),
      weighed("floor + als", some, promisesWithStores),
      weighed("grove", some, grove),
      weighed("p-limit", some, limited),
      weighed("p-queue", some, queued),
      weighed("Effect fork", some, forked),
      weighed("effection", atMost(5_000, some.size), operated),
      weighed("setTimeout", some, bareTimers),
      weighed("grove, asleep", some, groveAsleep),
    ],
    long: true,
    goals: [{ bytes: 1_200 }],
  },
  {
    id: "spawn-1m-bytes",
    title: "heap that a blocked child keeps, 1,000,000 alive",
    unit: "bytes",
    contenders: [
      weighed("floor", million, promises),
      weighed("grove", million, grove),
    ],
    long: true,
    goals: [{ bytes: 1_600 }],
  },
];
