/**
 * The jobs that wait for a free place in a pool, in the order in which they are to run. A job can
 * be taken out wherever it stands, in one step: one that is cancelled leaves at once.
 *
 * @module
 */

import { type Parked, WaitQueue, type WaitTarget } from "../primitives/kernel/queue.ts";
import { SortedList } from "../primitives/sorted_list.ts";

/**
 * Which of the jobs that wait is next: the one that came first, the one that came last, or the one
 * with the lowest priority, and of those the one that came first.
 */
export type JobOrder = "fifo" | "lifo" | "priority";

/** A job that can wait in such a queue. */
export interface Queued extends Parked<void> {
  /** The lower, the earlier. It counts where the order is "priority". */
  readonly priority: number;
}

/** See above. */
export interface JobQueue<J extends Queued> {
  /** How many wait. */
  readonly size: number;
  /** Adds a job. */
  add(job: J): void;
  /** Puts a job that was taken back to where it came from, ahead of all that are its equals. */
  putBack(job: J): void;
  /** Takes the next job; `undefined` when none waits. */
  shift(): J | undefined;
  /** Takes a job out. It has to be in the queue. */
  remove(job: J): void;
}

/** Makes a queue. */
export function jobQueue<J extends Queued>(order: JobOrder, target: WaitTarget): JobQueue<J> {
  return order === "priority" ? new ByPriority(target) : new ByArrival(order, target);
}

class ByArrival<J extends Queued> implements JobQueue<J> {
  readonly #queue: WaitQueue<void>;
  readonly #lifo: boolean;

  constructor(order: "fifo" | "lifo", target: WaitTarget) {
    this.#queue = new WaitQueue<void>(target);
    this.#lifo = order === "lifo";
  }

  get size(): number {
    return this.#queue.size;
  }

  add(job: J): void {
    if (this.#lifo) this.#queue.addFirst(job);
    else this.#queue.add(job);
  }

  putBack(job: J): void {
    this.#queue.addFirst(job);
  }

  shift(): J | undefined {
    const job = this.#queue.first;
    if (job === null) return undefined;
    this.#queue.remove(job);
    return job as J;
  }

  remove(job: J): void {
    this.#queue.remove(job);
  }
}

const MOST_EMPTY = 64;

class ByPriority<J extends Queued> implements JobQueue<J> {
  readonly #target: WaitTarget;
  readonly #levels: Map<number, WaitQueue<void>> = new Map();
  // The priorities that have a level. One that has run empty goes when its turn comes.
  readonly #priorities: SortedList<number> = new SortedList<number>((a, b) => a - b);
  #size = 0;

  constructor(target: WaitTarget) {
    this.#target = target;
  }

  get size(): number {
    return this.#size;
  }

  add(job: J): void {
    this.#level(job.priority).add(job);
    this.#size++;
  }

  putBack(job: J): void {
    this.#level(job.priority).addFirst(job);
    this.#size++;
  }

  shift(): J | undefined {
    while (this.#priorities.size > 0) {
      const priority = this.#priorities.first;
      const level = this.#levels.get(priority)!;
      const job = level.first;
      if (job !== null) {
        this.remove(job as J);
        return job as J;
      }
      this.#priorities.shift();
      this.#levels.delete(priority);
    }
    return undefined;
  }

  remove(job: J): void {
    job.queue!.remove(job);
    this.#size--;
    if (this.#priorities.size > 2 * this.#size + MOST_EMPTY) this.#forgetEmpty();
  }

  // Where priorities are times, say, and jobs are cancelled before their turn, no turn comes for
  // most levels.
  #forgetEmpty(): void {
    this.#priorities.clear();
    for (const [priority, { size }] of this.#levels) {
      if (size > 0) this.#priorities.insert(priority);
      else this.#levels.delete(priority);
    }
  }

  #level(priority: number): WaitQueue<void> {
    let level = this.#levels.get(priority);
    if (level === undefined) {
      level = new WaitQueue<void>(this.#target);
      this.#levels.set(priority, level);
      this.#priorities.insert(priority);
    }
    return level;
  }
}
