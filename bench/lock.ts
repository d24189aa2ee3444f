/**
 * `lock-free`, `lock-try`, `lock-using`: take a lock that nobody has, and give it back; the figure is the time of both.
 *
 * - `lock-free` awaits `acquire()` and calls `release()`. The floor awaits a resolved promise that is kept: what is left of a free
 *   lock that costs nothing, as `acquire()` must be awaited.
 * - `lock-try` calls `tryAcquire()` and `release()`. The floor is a flag behind two methods. Every contender goes through four of
 *   its kind in turn, as a compiler that sees one and the same set and cleared would drop the setting. The goal is absolute.
 * - `lock-using` has `using _ = await lock.acquire()` in a block. The floor is `using` of an object that counts how often it was
 *   disposed of, with the method on its prototype, out of a promise that is kept. Most of it is V8's own price of `using`, so
 *   the goal is absolute too.
 *
 * "grove" is outside of all tasks, "grove (in a task)" in one, where it takes longer to find out who is asking. The semaphore
 * of @std/async is no contender: npm's copy of @std, which the benchmark uses, does not have it.
 *
 * @module
 */

import { Lock } from "../mod.ts";
import { checked } from "./checked.ts";
import { inTask } from "./in_task.ts";
import { Mutex } from "./peers/async_mutex.ts";
import { Sema } from "./peers/async_sema.ts";
import { Effect, Semaphore } from "./peers/effect.ts";
import type { Row } from "./row.ts";

const kept = Promise.resolve();

async function promises(size: number): Promise<number> {
  let count = 0;
  for (let i = 0; i < size; i++) {
    await kept;
    count++;
  }
  return count;
}

async function grove(size: number): Promise<number> {
  const lock = new Lock();
  let count = 0;
  for (let i = 0; i < size; i++) {
    await lock.acquire();
    count++;
    lock.release();
  }
  return count;
}

async function sema(size: number): Promise<number> {
  const lock = new Sema(1);
  let count = 0;
  for (let i = 0; i < size; i++) {
    await lock.acquire();
    count++;
    lock.release();
  }
  return count;
}

async function mutex(size: number): Promise<number> {
  const lock = new Mutex();
  let count = 0;
  for (let i = 0; i < size; i++) {
    const release = await lock.acquire();
    count++;
    release();
  }
  return count;
}

function effected(size: number): Promise<number> {
  return Effect.runPromise(Effect.gen(function* () {
    const lock = yield* Semaphore.make(1);
    const take = lock.take(1);
    const release = lock.release(1);
    let count = 0;
    for (let i = 0; i < size; i++) {
      yield* take;
      count++;
      yield* release;
    }
    return count;
  }));
}

/** How many things each contender of `lock-try` goes through, a power of two. */
const FEW = 4;

class Flag {
  #taken = false;

  tryTake(): boolean {
    if (this.#taken) return false;
    this.#taken = true;
    return true;
  }

  giveBack(): void {
    if (!this.#taken) throw new TypeError("Cannot give the flag back as nobody has it");
    this.#taken = false;
  }
}

async function triedFlags(size: number): Promise<number> {
  const flags = Array.from({ length: FEW }, () => new Flag());
  let count = 0;
  for (let i = 0; i < size; i++) {
    const flag = flags[i & (FEW - 1)];
    if (!flag.tryTake()) continue;
    count++;
    flag.giveBack();
  }
  return count;
}

async function triedGrove(size: number): Promise<number> {
  const locks = Array.from({ length: FEW }, () => new Lock());
  let count = 0;
  for (let i = 0; i < size; i++) {
    const lock = locks[i & (FEW - 1)];
    if (!lock.tryAcquire()) continue;
    count++;
    lock.release();
  }
  return count;
}

async function triedSema(size: number): Promise<number> {
  const locks = Array.from({ length: FEW }, () => new Sema(1));
  let count = 0;
  for (let i = 0; i < size; i++) {
    const lock = locks[i & (FEW - 1)];
    if (lock.tryAcquire() === undefined) continue;
    count++;
    lock.release();
  }
  return count;
}

class Counter implements Disposable {
  count = 0;

  [Symbol.dispose](): void {
    this.count++;
  }
}

async function usedPromises(size: number): Promise<number> {
  const counter = new Counter();
  const kept = Promise.resolve(counter);
  for (let i = 0; i < size; i++) {
    using _ = await kept;
  }
  return counter.count;
}

async function usedGrove(size: number): Promise<number> {
  const lock = new Lock();
  let count = 0;
  for (let i = 0; i < size; i++) {
    {
      using _ = await lock.acquire();
    }
    if (!lock.locked) count++;
  }
  return count;
}

async function calledBack(size: number): Promise<number> {
  const lock = new Lock();
  let count = 0;
  const held = () => {
    count++;
  };
  for (let i = 0; i < size; i++) await lock.withLock(held);
  return count;
}

async function calledBackMutex(size: number): Promise<number> {
  const lock = new Mutex();
  let count = 0;
  const held = () => {
    count++;
  };
  for (let i = 0; i < size; i++) await lock.runExclusive(held);
  return count;
}

function calledBackEffect(size: number): Promise<number> {
  return Effect.runPromise(Effect.gen(function* () {
    const lock = yield* Semaphore.make(1);
    let count = 0;
    const held = lock.withPermit(Effect.sync(() => {
      count++;
    }));
    for (let i = 0; i < size; i++) yield* held;
    return count;
  }));
}

const load = { size: 10_000 };
const many = { size: 100_000 };

export const rows: Row[] = [
  {
    id: "lock-free",
    title: "await acquire() and release() a free lock",
    unit: "ns",
    contenders: [
      checked("floor", load, promises),
      checked("grove", load, grove),
      checked("grove (in a task)", load, inTask(grove)),
      checked("async-sema", load, sema),
      checked("async-mutex", load, mutex),
      checked("Effect Semaphore", load, effected),
    ],
    goals: [
      { times: 1.2, of: "floor" },
      { subject: "grove (in a task)", times: 1.2, of: "floor" },
    ],
  },
  {
    id: "lock-try",
    title: "tryAcquire() and release() a free lock",
    unit: "ns",
    contenders: [
      checked("floor", many, triedFlags),
      checked("grove", many, triedGrove),
      checked("grove (in a task)", many, inTask(triedGrove)),
      checked("async-sema", many, triedSema),
    ],
    goals: [{ ns: 5 }, { subject: "grove (in a task)", ns: 5 }],
  },
  {
    id: "lock-using",
    title: "`using _ = await lock.acquire()` of a free lock",
    unit: "ns",
    contenders: [
      checked("floor", load, usedPromises),
      checked("grove", load, usedGrove),
      checked("grove (in a task)", load, inTask(usedGrove)),
      checked("grove, withLock", load, calledBack),
      checked("async-mutex runExclusive", load, calledBackMutex),
      checked("Effect withPermit", load, calledBackEffect),
    ],
    goals: [{ ns: 220 }, { subject: "grove (in a task)", ns: 220 }],
  },
];
