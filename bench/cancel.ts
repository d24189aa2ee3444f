/**
 * `cancel-10000`, `cancel-100000`: so many children are blocked, one call cancels them all; the figure is the time from that
 * call until the last has ended, for each child. Starting them does not count, nor does the garbage of it. If the two rows
 * have the same ratio, cancelling is linear.
 *
 * The floor is an intrusive doubly linked list of waiters: cancelling unlinks each and rejects its promise with one error that
 * all share; the child, an async function, dies of it, and a counter tells when all have. Cheaper than a node, a promise and
 * no error object a child it does not get. Of the peers, "one AbortSignal" is a listener a child on one signal, and
 * "AbortSignal.any" a signal a child, made of the common one and its own, so that it could be cancelled alone.
 *
 * @module
 */

import { sleep, type TaskGroup, taskGroup } from "../mod.ts";
import { atMost, clocked } from "./clock.ts";
import { LONG } from "./long_sleep.ts";
import { collect, turn } from "./memory.ts";
import { Effect, Fiber } from "./peers/effect.ts";
import { run, spawn, suspend } from "./peers/effection.ts";
import type { Contender, Goal, Row } from "./row.ts";

const reason = new Error("cancelled");

/** Milliseconds from the call of `cancel` until what it gives resolves, with everybody blocked and the heap clean before. */
async function clock(cancel: () => Promise<unknown>): Promise<number> {
  await turn();
  collect();
  const start = performance.now();
  await cancel();
  return performance.now() - start;
}

/** Tells when so many promises have settled, whichever way. */
class Countdown {
  readonly #zero = Promise.withResolvers<void>();
  #left: number;
  readonly #ended = (): void => {
    if (--this.#left === 0) this.#zero.resolve();
  };

  constructor(left: number) {
    this.#left = left;
  }

  add(child: Promise<unknown>): void {
    child.then(this.#ended, this.#ended);
  }

  get zero(): Promise<void> {
    return this.#zero.promise;
  }
}

interface Waiter {
  reject(reason: unknown): void;
  previous: Waiter | undefined;
  next: Waiter | undefined;
}

class WaiterList {
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  wait(): Promise<void> {
    return new Promise((_, reject) => {
      const waiter: Waiter = { reject, previous: this.#last, next: undefined };
      if (this.#last === undefined) this.#first = waiter;
      else this.#last.next = waiter;
      this.#last = waiter;
    });
  }

  #remove(waiter: Waiter): void {
    if (waiter.previous === undefined) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
  }

  cancel(): void {
    while (this.#first !== undefined) {
      const waiter = this.#first;
      this.#remove(waiter);
      waiter.reject(reason);
    }
  }
}

function linkedList(size: number): Promise<number> {
  const waiters = new WaiterList();
  const children = new Countdown(size);
  async function blocked(): Promise<void> {
    await waiters.wait();
  }
  for (let i = 0; i < size; i++) children.add(blocked());
  return clock(() => {
    waiters.cancel();
    return children.zero;
  });
}

async function asleep(): Promise<void> {
  await sleep(LONG);
}

function grove(size: number): Promise<number> {
  let opened: TaskGroup;
  const ended = taskGroup(async (group) => {
    opened = group;
    for (let i = 0; i < size; i++) group.spawn(asleep);
  });
  return clock(() => {
    opened.cancel();
    return ended;
  });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((_, reject) => {
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Children that each wait for the abortion of the signal that `signalOf` gives them. */
function withSignals(
  size: number,
  signalOf: (common: AbortSignal) => AbortSignal,
): Promise<number> {
  const controller = new AbortController();
  const children = new Countdown(size);
  async function blocked(): Promise<void> {
    await aborted(signalOf(controller.signal));
  }
  for (let i = 0; i < size; i++) children.add(blocked());
  return clock(() => {
    controller.abort(reason);
    return children.zero;
  });
}

function oneSignal(size: number): Promise<number> {
  return withSignals(size, (common) => common);
}

function anySignal(size: number): Promise<number> {
  return withSignals(size, (common) => AbortSignal.any([common, new AbortController().signal]));
}

function interrupted(size: number): Promise<number> {
  return Effect.runPromise(Effect.gen(function* () {
    const fibers = new Array<Fiber.Fiber<never>>(size);
    for (let i = 0; i < size; i++) fibers[i] = yield* Effect.forkChild(Effect.never);
    yield* Effect.yieldNow;
    return yield* Effect.promise(() => clock(() => Effect.runPromise(Fiber.interruptAll(fibers))));
  }));
}

async function halted(size: number): Promise<number> {
  const task = run(function* () {
    for (let i = 0; i < size; i++) yield* spawn(suspend);
    yield* suspend();
  });
  task.catch(() => {}); // a halted task rejects whoever awaits its value
  return await clock(() => task.halt());
}

function contenders(size: number): Contender[] {
  const load = { size };
  return [
    clocked("floor", load, linkedList),
    clocked("grove", load, grove),
    clocked("Effect interrupt", load, interrupted),
    clocked("AbortSignal.any", load, anySignal),
    clocked(
      "one AbortSignal",
      atMost(
        20_000,
        size,
        "each listener is looked for among all others, so figure and set-up grow with their number",
      ),
      oneSignal,
    ),
    clocked("effection", atMost(2_000, size), halted),
  ];
}

const goals: Goal[] = [{ times: 1.2, of: "floor" }];

export const rows: Row[] = [
  {
    id: "cancel-10000",
    title: "cancel 10,000 blocked children",
    unit: "ns",
    contenders: contenders(10_000),
    goals,
  },
  {
    id: "cancel-100000",
    title: "cancel 100,000 blocked children",
    unit: "ns",
    contenders: contenders(100_000),
    goals,
  },
];
