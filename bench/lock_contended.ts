/**
 * `lock-1000`, `lock-10000`: a lock is held while so many come to wait for it, and then goes from one to the next until all have
 * had it; the figure is the time of one of them.
 *
 * Grove's lock knows its owner, and to acquire it twice in one task is an error, so every waiter is a task. Starting tasks is
 * no part of this: all contenders' waiters, tasks or plain async functions, are there before the clock starts, suspended
 * at one gate, a plain promise. In the time of each of them are: to go on through the gate (the same for all, and no great
 * part), to ask for the lock and be suspended, to be woken with it, and to give it to the next. The clock stops when the last
 * one has it; not in the time is how the waiters end.
 *
 * The floor is an array of resolvers: a release calls the first one and keeps the lock taken. It knows no owner and cannot be
 * cancelled; and it works up to here only, as `shift` gets slow in arrays larger than these.
 *
 * The semaphore of @std/async is no contender: npm's copy of @std, which the benchmark uses, does not have it.
 *
 * @module
 */

import { Lock, taskGroup } from "../mod.ts";
import { atMost, clocked } from "./clock.ts";
import { collect, turn } from "./memory.ts";
import { Mutex } from "./peers/async_mutex.ts";
import { Sema } from "./peers/async_sema.ts";
import { Effect, Semaphore } from "./peers/effect.ts";
import type { Contender, Goal, Row } from "./row.ts";

/** The gate at which all waiters begin, and the count of those who have had the lock. */
class Crowd {
  readonly #gate = Promise.withResolvers<void>();
  readonly #over = Promise.withResolvers<void>();
  #left: number;
  #held = false;

  constructor(size: number) {
    this.#left = size;
  }

  get gate(): Promise<void> {
    return this.#gate.promise;
  }

  /** To be called by a waiter that has been given the lock, and again before it gives it on. */
  takes(): void {
    if (this.#held) throw new Error("Cannot trust the lock as two have it");
    this.#held = true;
  }

  gives(): void {
    this.#held = false;
    if (--this.#left === 0) this.#over.resolve();
  }

  /** Milliseconds from the opening of the gate, the lock being held by the caller, until the last waiter has had it. */
  async clock(release: () => void): Promise<number> {
    await turn();
    collect();
    const start = performance.now();
    this.#gate.resolve();
    // Comes last of all who wait at the gate, so they all wait for the lock now.
    await this.#gate.promise;
    if (this.#left === 0) throw new Error("Cannot trust the lock as it was not held");
    release();
    await this.#over.promise;
    return performance.now() - start;
  }
}

class ResolverLock {
  readonly #waiting: (() => void)[] = [];
  #taken = false;

  acquire(): Promise<void> {
    if (!this.#taken) {
      this.#taken = true;
      return Promise.resolve();
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  release(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#taken = false;
    else next();
  }
}

async function resolvers(size: number): Promise<number> {
  const crowd = new Crowd(size);
  const lock = new ResolverLock();
  async function waiter(): Promise<void> {
    await crowd.gate;
    await lock.acquire();
    crowd.takes();
    crowd.gives();
    lock.release();
  }
  await lock.acquire();
  for (let i = 0; i < size; i++) waiter();
  return await crowd.clock(() => lock.release());
}

async function grove(size: number): Promise<number> {
  const crowd = new Crowd(size);
  const lock = new Lock();
  async function waiter(): Promise<void> {
    await crowd.gate;
    await lock.acquire();
    crowd.takes();
    crowd.gives();
    lock.release();
  }
  return await taskGroup(async (group) => {
    await lock.acquire();
    for (let i = 0; i < size; i++) group.spawn(waiter);
    return await crowd.clock(() => lock.release());
  });
}

async function sema(size: number): Promise<number> {
  const crowd = new Crowd(size);
  const lock = new Sema(1);
  async function waiter(): Promise<void> {
    await crowd.gate;
    await lock.acquire();
    crowd.takes();
    crowd.gives();
    lock.release();
  }
  await lock.acquire();
  for (let i = 0; i < size; i++) waiter();
  return await crowd.clock(() => lock.release());
}

async function mutex(size: number): Promise<number> {
  const crowd = new Crowd(size);
  const lock = new Mutex();
  async function waiter(): Promise<void> {
    await crowd.gate;
    const release = await lock.acquire();
    crowd.takes();
    crowd.gives();
    release();
  }
  const release = await lock.acquire();
  for (let i = 0; i < size; i++) waiter();
  return await crowd.clock(release);
}

function effected(size: number): Promise<number> {
  const crowd = new Crowd(size);
  return Effect.runPromise(Effect.gen(function* () {
    const lock = yield* Semaphore.make(1);
    const held = Effect.sync(() => {
      crowd.takes();
      crowd.gives();
    });
    const waiter = Effect.andThen(
      Effect.promise(() => crowd.gate),
      lock.withPermit(held),
    );
    yield* lock.take(1);
    for (let i = 0; i < size; i++) yield* Effect.forkChild(waiter);
    yield* Effect.yieldNow;
    return yield* Effect.promise(() => crowd.clock(() => Effect.runFork(lock.release(1))));
  }));
}

function contenders(size: number): Contender[] {
  const load = { size };
  return [
    clocked("floor", load, resolvers),
    clocked("grove", load, grove),
    clocked("async-sema", load, sema),
    clocked("async-mutex", load, mutex),
    clocked(
      "Effect Semaphore",
      atMost(1_000, size, "each release copies the list of all who wait"),
      effected,
    ),
  ];
}

function goals(times: number): Goal[] {
  return [{ times, of: "floor" }];
}

export const rows: Row[] = [
  {
    id: "lock-1000",
    title: "hand a lock on through 1,000 waiters",
    unit: "ns",
    contenders: contenders(1_000),
    goals: goals(1.2),
  },
  {
    id: "lock-10000",
    title: "hand a lock on through 10,000 waiters",
    unit: "ns",
    contenders: contenders(10_000),
    goals: goals(1.5),
  },
];
