/**
 * `Deque` and `BinaryHeap` of @std/data-structures, pinned, from npm as in `std_async.ts`, and as there with types of our own.
 *
 * @module
 */

import { BinaryHeap as UntypedBinaryHeap } from "npm:deno-std@1.4.0/data_structures/binary_heap.js";
import { Deque as UntypedDeque } from "npm:deno-std@1.4.0/data_structures/deque.js";

interface Deque<T> {
  pushBack(item: T): number;
  popFront(): T | undefined;
}

interface BinaryHeap<T> {
  push(item: T): number;
  pop(): T | undefined;
}

export const Deque: new <T>() => Deque<T> = UntypedDeque;

export const BinaryHeap: new <T>(compare: (a: T, b: T) => number) => BinaryHeap<T> =
  UntypedBinaryHeap;
