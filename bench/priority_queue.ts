/**
 * `priority-queue`, `priority-queue-arrays`: 10,000 items are in a priority queue all the time; the figure is the time of getting
 * the first and putting it again with a later priority, up to 1,000 later: what a queue of times to come does. There are some
 * twenty items of each priority at any moment.
 *
 * In the first row the items are `{ priority, id }`, compared by a function. In the second they are `[priority, id]`, and Grove's
 * queue is given no function: its own order, Python's, compares arrays element by element. They are two rows, as in one process
 * each would spoil what the compiler has learned from the other.
 *
 * The floor is a heap whose nodes have four children, and a function that compares the two priorities; in the second row also the
 * ids, where they are equal. What is equal it returns in any order, as all peers do; Grove's queue returns it in the order in
 * which it came.
 *
 * @module
 */

import { PriorityQueue } from "../mod.ts";
import { verify } from "./checked.ts";
import { clocked } from "./clock.ts";
import { Heap } from "./peers/heap_js.ts";
import { Heap as MnemonistHeap } from "./peers/mnemonist.ts";
import { BinaryHeap } from "./peers/std_data_structures.ts";
import type { Contender, Row } from "./row.ts";

interface Item {
  priority: number;
  id: number;
}

type Entry = [priority: number, id: number];

const RESIDENT = 10_000;
const MOST = 1_000;

/** By how much each next priority is later, again and again: G. Marsaglia's xorshift, with a fixed seed. */
const increments = new Uint16Array(4_096);
let state = 0x9E3779B9;
for (let i = 0; i < increments.length; i++) {
  state ^= state << 13;
  state ^= state >>> 17;
  state ^= state << 5;
  increments[i] = 1 + (state >>> 0) % MOST;
}

function increment(index: number): number {
  return increments[index & (increments.length - 1)];
}

function byPriority(a: Item, b: Item): number {
  return a.priority - b.priority;
}

function byElements(a: Entry, b: Entry): number {
  return a[0] - b[0] || a[1] - b[1];
}

function newItems(): Item[] {
  return Array.from({ length: RESIDENT }, (_, id) => ({ priority: increment(id), id }));
}

class QuaternaryHeap<T> {
  readonly #items: T[] = [];
  readonly #compare: (a: T, b: T) => number;

  constructor(compare: (a: T, b: T) => number) {
    this.#compare = compare;
  }

  push(item: T): void {
    const items = this.#items;
    const compare = this.#compare;
    let place = items.length;
    items.push(item);
    while (place > 0) {
      const parent = (place - 1) >> 2;
      if (compare(item, items[parent]) >= 0) break;
      items[place] = items[parent];
      place = parent;
    }
    items[place] = item;
  }

  /** There must be one. */
  pop(): T {
    const items = this.#items;
    const compare = this.#compare;
    const first = items[0];
    const item = items.pop() as T;
    const { length } = items;
    if (length === 0) return first;
    let place = 0;
    for (;;) {
      const from = 4 * place + 1;
      if (from >= length) break;
      const to = Math.min(from + 4, length);
      let least = from;
      for (let child = from + 1; child < to; child++) {
        if (compare(items[child], items[least]) < 0) least = child;
      }
      if (compare(items[least], item) >= 0) break;
      items[place] = items[least];
      place = least;
    }
    items[place] = item;
    return first;
  }
}

/**
 * Gets and puts so many times, and returns the priority it got last; throws when one is smaller than the one before. Each
 * contender has a loop of its own, so that the compiler sees one sort of queue in it.
 */
type Turn = (times: number) => number;

function disorder(): Error {
  return new Error("Cannot trust the queue as a smaller item came after a larger one");
}

function heap(): Turn {
  const queue = new QuaternaryHeap<Item>(byPriority);
  for (const item of newItems()) queue.push(item);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const item = queue.pop();
      if (item.priority < last) throw disorder();
      last = item.priority;
      item.priority += increment(turns++);
      queue.push(item);
    }
    return last;
  };
}

function heapOfArrays(): Turn {
  const queue = new QuaternaryHeap<Entry>(byElements);
  for (const { priority, id } of newItems()) queue.push([priority, id]);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const entry = queue.pop();
      if (entry[0] < last) throw disorder();
      last = entry[0];
      entry[0] += increment(turns++);
      queue.push(entry);
    }
    return last;
  };
}

function grove(): Turn {
  const queue = new PriorityQueue<Item>(0, { compare: byPriority });
  for (const item of newItems()) queue.putNowait(item);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const item = queue.getNowait();
      if (item.priority < last) throw disorder();
      last = item.priority;
      item.priority += increment(turns++);
      queue.putNowait(item);
    }
    return last;
  };
}

function groveArrays(): Turn {
  const queue = new PriorityQueue<Entry>();
  for (const { priority, id } of newItems()) queue.putNowait([priority, id]);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const entry = queue.getNowait();
      if (entry[0] < last) throw disorder();
      last = entry[0];
      entry[0] += increment(turns++);
      queue.putNowait(entry);
    }
    return last;
  };
}

function mnemonist(): Turn {
  const queue = new MnemonistHeap<Item>(byPriority);
  for (const item of newItems()) queue.push(item);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const item = queue.pop()!;
      if (item.priority < last) throw disorder();
      last = item.priority;
      item.priority += increment(turns++);
      queue.push(item);
    }
    return last;
  };
}

function heapJs(): Turn {
  const queue = new Heap<Item>(byPriority);
  for (const item of newItems()) queue.push(item);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const item = queue.pop()!;
      if (item.priority < last) throw disorder();
      last = item.priority;
      item.priority += increment(turns++);
      queue.push(item);
    }
    return last;
  };
}

function std(): Turn {
  const queue = new BinaryHeap<Item>(byPriority);
  for (const item of newItems()) queue.push(item);
  let turns = 0;
  let last = 0;
  return (times) => {
    for (let i = 0; i < times; i++) {
      const item = queue.pop()!;
      if (item.priority < last) throw disorder();
      last = item.priority;
      item.priority += increment(turns++);
      queue.push(item);
    }
    return last;
  };
}

const SIZE = 10_000;

function contender(name: string, fill: () => Turn): Contender {
  let turn: Turn | undefined;
  let runs = 0;
  return clocked(name, { size: SIZE }, async () => {
    turn ??= fill();
    const start = performance.now();
    const last = turn(SIZE);
    const ms = performance.now() - start;
    verify(name, last, lastOf(runs++));
    return ms;
  });
}

/**
 * The priorities that come out as the last of each run: all contenders get the same ones in the same order. As they only
 * grow, they are found by counting, and no queue is run but the contenders'.
 */
const lasts: number[] = [];
const resident = new Map<number, number>();
let turns = 0;
let least = 0;

function lastOf(run: number): number {
  if (run === 0 && lasts.length === 0) {
    for (const { priority } of newItems()) {
      count(priority, 1);
    }
  }
  while (lasts.length <= run) {
    for (let i = 0; i < SIZE; i++) {
      while ((resident.get(least) ?? 0) === 0) {
        resident.delete(least);
        least++;
      }
      count(least, -1);
      count(least + increment(turns++), 1);
    }
    lasts.push(least);
  }
  return lasts[run];
}

function count(priority: number, change: number): void {
  resident.set(priority, (resident.get(priority) ?? 0) + change);
}

export const rows: Row[] = [
  {
    id: "priority-queue",
    title: "get the first of 10,000 items and put it again with a later priority",
    unit: "ns",
    contenders: [
      contender("floor", heap),
      contender("grove", grove),
      contender("mnemonist", mnemonist),
      contender("heap-js", heapJs),
      contender("@std BinaryHeap", std),
    ],
    goals: [{ times: 1, of: "floor" }],
  },
  {
    id: "priority-queue-arrays",
    title: "the same with items [priority, id] in the queue's own order",
    unit: "ns",
    contenders: [
      contender("floor", heapOfArrays),
      contender("grove", groveArrays),
    ],
    goals: [{ times: 1, of: "floor" }],
  },
];
