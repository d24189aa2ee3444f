/**
 * Everything that waits for a time: sleeps, deadlines, time-outs. What is due at the same
 * millisecond shares a {@linkcode Moment}; the moments stand in a binary heap, and one native timer
 * is set for the first of them. So a sleep costs a place in a list, not a native timer (measured: a
 * fifth of the time of `setTimeout` and half of the memory), and one that is cancelled costs next
 * to nothing.
 *
 * @module
 */

import { currentClock, LONGEST_DELAY } from "./clock.ts";
import { Parked, WaitQueue, type WaitTarget } from "./queue.ts";
import { timersAreRequestBound } from "./request_bound.ts";
import { keepShape } from "./shapes.ts";

const SLEEP: WaitTarget = { kind: "sleep", name: "" };

/** The moments still to come by their time, and in a heap: the earliest first. */
const moments = new Map<number, Moment>();
const heap: Moment[] = [];

/**
 * All who wait for one millisecond. It goes when the last of them leaves, so what is cancelled
 * leaves nothing.
 */
export class Moment extends WaitQueue<void> {
  readonly due: number;
  /**
   * Its place in the heap, for a removal that does not have to look for it; -1 once it has come.
   */
  place = -1;

  constructor(due: number) {
    super(SLEEP);
    this.due = due;
  }

  override emptied(): void {
    if (this.place === -1) return;
    moments.delete(this.due);
    const first = this.place === 0;
    removeFromHeap(this);
    if (first) currentClock().ringAt(heap[0]?.due ?? Infinity, ring);
  }
}

keepShape(new Moment(0));

/** A moment for one alone, outside the heap and with a native timer of its own. */
class OwnMoment extends Moment {
  #native: ReturnType<typeof setTimeout> | undefined;

  constructor(due: number) {
    super(due);
    this.#arm();
  }

  override emptied(): void {
    clearTimeout(this.#native);
  }

  #arm(): void {
    const delay = Math.max(0, this.due - currentClock().now());
    this.#native = setTimeout(() => this.#fired(), Math.min(delay, LONGEST_DELAY));
  }

  #fired(): void {
    if (this.due <= currentClock().now()) this.wakeAll();
    else this.#arm();
  }
}

/** Calls back at its time unless it was lifted before. */
export class Alarm extends Parked<void> {
  readonly #ring: () => void;

  /** Sets an alarm for the time `due` of the current clock. */
  constructor(due: number, ring: () => void) {
    super();
    this.#ring = ring;
    momentAt(due).add(this);
  }

  wake(): void {
    this.#ring();
  }

  /** Lifts the alarm. Does nothing when it has rung. */
  lift(): void {
    this.queue?.remove(this);
  }
}

/** The moment `due`, to be joined at once: a moment without anybody in it would stay for ever. */
export function momentAt(due: number): Moment {
  // Rounded up, so that nobody wakes early and that sleeps of nearly the same length share a
  // moment.
  const at = Math.ceil(due);
  if (timersAreRequestBound) return new OwnMoment(at);
  let moment = moments.get(at);
  if (moment === undefined) {
    moment = new Moment(at);
    moments.set(at, moment);
    moment.place = heap.length;
    heap.push(moment);
    siftUp(moment);
    if (moment.place === 0) currentClock().ringAt(at, ring);
  }
  return moment;
}

/** When the next moment comes, on the current clock; `Infinity` when nobody waits for any. */
export function nextDue(): number {
  return heap[0]?.due ?? Infinity;
}

/** Forgets all who wait for a time: their clock is being taken away, and it will never come. */
export function forgetTimers(): void {
  for (const moment of heap) moment.place = -1;
  heap.length = 0;
  moments.clear();
}

/** How many wait for a time. */
export function pendingTimers(): number {
  let count = 0;
  for (const moment of heap) count += moment.size;
  return count;
}

function ring(): void {
  const now = currentClock().now();
  for (let first = heap[0]; first !== undefined && first.due <= now; first = heap[0]) {
    moments.delete(first.due);
    removeFromHeap(first);
    first.wakeAll();
  }
  currentClock().ringAt(nextDue(), ring);
}

function removeFromHeap(moment: Moment): void {
  const last = heap.pop()!;
  if (last !== moment) {
    last.place = moment.place;
    heap[last.place] = last;
    siftUp(last);
    siftDown(last);
  }
  moment.place = -1;
}

function siftUp(moment: Moment): void {
  let place = moment.place;
  while (place > 0) {
    const above = heap[(place - 1) >> 1];
    if (above.due <= moment.due) break;
    heap[place] = above;
    above.place = place;
    place = (place - 1) >> 1;
  }
  heap[place] = moment;
  moment.place = place;
}

function siftDown(moment: Moment): void {
  let place = moment.place;
  for (;;) {
    let below = 2 * place + 1;
    if (below >= heap.length) break;
    if (below + 1 < heap.length && heap[below + 1].due < heap[below].due) below++;
    if (heap[below].due >= moment.due) break;
    heap[place] = heap[below];
    heap[place].place = place;
    place = below;
  }
  heap[place] = moment;
  moment.place = place;
}
