/**
 * `queue-deep`: a million items are in a queue all the time; the figure is the time of putting one and getting one, without a
 * wait. The items are small objects. What was got is put again, so that nothing is allocated but by the queue: with a new object
 * each time most of the time would be the collector's, who moves all of them to where the old ones live, and of these
 * figures no two runs are alike. Every contender is filled once, and its items are those of all others.
 *
 * The floor is a ring of objects, as large as it must be before the clock starts. It never has to give memory back, knows no
 * bound, and nobody can wait for it. "floor, 10 deep" and "grove, 10 deep" are the same with ten items: a million do not fit into
 * the processor's caches, so what a million cost the floor more is not the queue's doing.
 *
 * @module
 */

import { Queue as GroveQueue } from "../mod.ts";
import { verify } from "./checked.ts";
import { type Load, timed } from "./clock.ts";
import { Denque } from "./peers/denque.ts";
import { Effect, Queue } from "./peers/effect.ts";
import { Deque } from "./peers/std_data_structures.ts";
import { Ring } from "./ring.ts";
import type { Contender, Row } from "./row.ts";

interface Item {
  readonly id: number;
}

const MILLION = 1_000_000;
const items: readonly Item[] = Array.from({ length: MILLION }, (_, id) => ({ id }));

/** Puts what it got last and gets the next, so many times; returns the sum of the ids of what it put. */
type Turn = (times: number) => number;

function ring(depth: number): Turn {
  const queue = new Ring<Item>();
  for (let i = 0; i < depth; i++) queue.push(items[i]);
  let item = queue.shift();
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += item.id;
      queue.push(item);
      item = queue.shift();
    }
    return sum;
  };
}

function grove(depth: number): Turn {
  const queue = new GroveQueue<Item>();
  for (let i = 0; i < depth; i++) queue.putNowait(items[i]);
  let item = queue.getNowait();
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += item.id;
      queue.putNowait(item);
      item = queue.getNowait();
    }
    return sum;
  };
}

function denque(depth: number): Turn {
  const queue = new Denque<Item>();
  for (let i = 0; i < depth; i++) queue.push(items[i]);
  let item = queue.shift()!;
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += item.id;
      queue.push(item);
      item = queue.shift()!;
    }
    return sum;
  };
}

function deque(depth: number): Turn {
  const queue = new Deque<Item>();
  for (let i = 0; i < depth; i++) queue.pushBack(items[i]);
  let item = queue.popFront()!;
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += item.id;
      queue.pushBack(item);
      item = queue.popFront()!;
    }
    return sum;
  };
}

function array(depth: number): Turn {
  const queue: Item[] = [];
  for (let i = 0; i < depth; i++) queue.push(items[i]);
  let item = queue.shift()!;
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += item.id;
      queue.push(item);
      item = queue.shift()!;
    }
    return sum;
  };
}

function effected(depth: number): Turn {
  const queue = Effect.runSync(Queue.unbounded<Item>());
  const got = () => {
    const exit = Queue.takeUnsafe(queue);
    if (exit?._tag !== "Success") throw new Error("Cannot get from the queue as it is empty");
    return exit.value;
  };
  for (let i = 0; i < depth; i++) Queue.offerUnsafe(queue, items[i]);
  let item = got();
  return (times) => {
    let sum = 0;
    for (let i = 0; i < times; i++) {
      sum += item.id;
      Queue.offerUnsafe(queue, item);
      item = got();
    }
    return sum;
  };
}

const load = { size: 100_000 };

function contender(
  name: string,
  fill: (depth: number) => Turn,
  depth = MILLION,
  { size, note }: Load = load,
): Contender {
  let turn: Turn | undefined;
  /** The id of the item whose turn is next. */
  let next = 0;
  return timed(name, { size, note }, async () => {
    turn ??= fill(depth);
    const sum = turn(size);
    // A run is some rounds through the queue, or a part of one that does not go past its end.
    verify(name, sum, size < depth ? size * (next + (size - 1) / 2) : size * (depth - 1) / 2);
    next = (next + size) % depth;
  });
}

export const rows: Row[] = [{
  id: "queue-deep",
  title: "put an item into a queue of 1,000,000 and get one",
  unit: "ns",
  contenders: [
    contender("floor", ring),
    contender("floor, 10 deep", ring, 10),
    contender("grove", grove),
    contender("grove, 10 deep", grove, 10),
    contender("denque", denque),
    contender("@std Deque", deque),
    contender("Effect Queue", effected),
    contender("Array.shift", array, 100_000, {
      size: 1_000,
      note: "measured with 100,000 items: each `shift` moves all of them",
    }),
  ],
  goals: [{ times: 1, of: "floor" }],
}];
