/**
 * What the two workers of `shared-lock` and `shared-queue` run. Each is told once what they share, and then again and again
 * what to do with it, how often, and which of the two it is.
 *
 * @module
 */

import { type Posted, SharedLock, SharedQueue } from "../mod.ts";
import { BareRing } from "./bare_ring.ts";

/** What both share. */
export interface Shared {
  readonly turns: Int32Array<SharedArrayBuffer>;
  readonly ring: SharedArrayBuffer;
  readonly locks: readonly Posted[];
  readonly queue: Posted;
}

/** One of the things to do, on the loop or with the thread blocked. */
export type Work = keyof ReturnType<typeof worksWith>;

export interface Order {
  readonly work: Work;
  readonly size: number;
  /** 0 or 1. */
  readonly side: number;
}

/** A small item, as most are. */
interface Item {
  readonly id: number;
  readonly done: boolean;
}

function item(id: number): Item {
  return { id, done: id % 2 === 0 };
}

function worksWith(shared: Shared) {
  const { turns } = shared;
  const locks = shared.locks.map((lock) => SharedLock.from(lock));
  const queue = SharedQueue.from<Item>(shared.queue);
  const ring = new BareRing(shared.ring);

  // Both go round three locks, and each has one in its hands when it asks for the next: so none can be ahead of the other, and
  // every lock is handed over. (With a single one, who is quick takes it again and again while the other has no core.)
  function begin(side: number): void {
    locks[side].acquireSync();
    Atomics.add(turns, 1, 1);
    Atomics.notify(turns, 1);
    Atomics.wait(turns, 1, 1);
  }

  function passTurn(): void {
    Atomics.add(turns, 0, 1);
    Atomics.notify(turns, 0);
  }

  return {
    async turns(size: number, side: number) {
      for (let i = 0; i < size / 2; i++) {
        for (let turn = Atomics.load(turns, 0); turn % 2 !== side; turn = Atomics.load(turns, 0)) {
          const { async, value } = Atomics.waitAsync(turns, 0, turn);
          if (async) await value;
        }
        passTurn();
      }
      return size / 2;
    },

    turnsBlocked(size: number, side: number) {
      for (let i = 0; i < size / 2; i++) {
        for (let turn = Atomics.load(turns, 0); turn % 2 !== side; turn = Atomics.load(turns, 0)) {
          Atomics.wait(turns, 0, turn);
        }
        passTurn();
      }
      return size / 2;
    },

    async lock(size: number, side: number) {
      begin(side);
      for (let i = 0; i < size / 2; i++) {
        await locks[(side + i + 1) % 3].acquire();
        locks[(side + i) % 3].release();
      }
      locks[(side + size / 2) % 3].release();
      return size / 2;
    },

    lockBlocked(size: number, side: number) {
      begin(side);
      for (let i = 0; i < size / 2; i++) {
        locks[(side + i + 1) % 3].acquireSync();
        locks[(side + i) % 3].release();
      }
      locks[(side + size / 2) % 3].release();
      return size / 2;
    },

    async ring(size: number, side: number) {
      let sum = 0;
      for (let i = 0; i < size; i++) {
        if (side === 0) {
          const text = JSON.stringify(item(i));
          while (!ring.put(text)) await ring.whileFull();
        } else {
          let text = ring.get();
          for (; text === null; text = ring.get()) await ring.whileEmpty();
          sum += (JSON.parse(text) as Item).id;
        }
      }
      return sum;
    },

    async queue(size: number, side: number) {
      let sum = 0;
      for (let i = 0; i < size; i++) {
        if (side === 0) await queue.put(item(i));
        else sum += (await queue.get()).id;
      }
      return sum;
    },

    queueBlocked(size: number, side: number) {
      let sum = 0;
      for (let i = 0; i < size; i++) {
        if (side === 0) queue.putSync(item(i));
        else sum += queue.getSync().id;
      }
      return sum;
    },
  };
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Shared | Order>) => void;
  postMessage(answer: number): void;
};

let works: ReturnType<typeof worksWith>;

scope.onmessage = async ({ data }) => {
  if ("turns" in data) works = worksWith(data);
  else scope.postMessage(await works[data.work](data.size, data.side));
};
