/**
 * The ends of tasks and futures, as a thing to wait for.
 *
 * @module
 */

import { show } from "./kernel/check.ts";
import { currentClock } from "./kernel/clock.ts";
import { Parked, WaitQueue } from "./kernel/queue.ts";
import type { TaskState } from "./kernel/task.ts";
import { enqueue, notReady, poll, type Waitable } from "./kernel/wait.ts";

/** What ends once, and can be waited for: a task, or the future of a job. */
export interface Ending extends Waitable<unknown> {
  /** Whether it has not ended yet. */
  readonly isAlive: boolean;
  /** How far it has come. */
  readonly state: TaskState;
}

/**
 * A task or future in a box. Out of it, a promise that is resolved with it would wait for it, as it
 * has a `then`; and TypeScript takes what `for await` gives for awaited.
 */
export interface End<E extends Ending> {
  /** What has ended. */
  readonly ended: E;
}

/** The ends of some tasks, as a thing to wait for: each wait gives the next that has ended. */
export class Ends<E extends Ending> implements Waitable<End<E>> {
  readonly #ended: End<E>[] = [];
  #next = 0;
  readonly #waiting: WaitQueue<End<E>> = new WaitQueue({ kind: "end of", name: "a task" });
  readonly #watches: Watch<E>[] = [];

  constructor(endings: Iterable<E>) {
    for (const ending of endings) {
      if (ending.isAlive) this.#watches.push(new Watch(ending, this));
      else {
        look(ending);
        this.#ended.push({ ended: ending });
      }
    }
  }

  /** One has ended. */
  add(ended: E): void {
    const end = { ended };
    if (!this.#waiting.wakeFirst(end)) this.#ended.push(end);
  }

  /** Takes the call-backs off again. */
  forget(): void {
    for (const watch of this.#watches) watch.queue?.remove(watch);
  }

  [poll](): End<E> | typeof notReady {
    return this.#next < this.#ended.length ? this.#ended[this.#next++] : notReady;
  }

  [enqueue](node: Parked<End<E>>): void {
    this.#waiting.add(node);
  }
}

// Whoever watches a future has taken notice of how its job ends; so has who comes too late for that.
function look(ending: Ending): void {
  try {
    ending[poll]();
  } catch {
    // It is handed on, and whoever awaits it gets the error.
  }
}

/** Sees something end. */
class Watch<E extends Ending> extends Parked<unknown> {
  readonly #ending: E;
  readonly #ends: Ends<E>;

  constructor(ending: E, ends: Ends<E>) {
    super();
    this.#ending = ending;
    this.#ends = ends;
    ending[enqueue](this);
  }

  override wake(): void {
    this.#ends.add(this.#ending);
  }

  override fail(): void {
    this.#ends.add(this.#ending);
  }
}

/** Asks for tasks or futures. */
export function checkEndings<E extends Ending>(endings: Iterable<E>, action: string): Set<E> {
  if (typeof endings?.[Symbol.iterator] !== "function") {
    throw new TypeError(
      `Cannot ${action} as the argument must be an iterable of tasks or futures: received ${
        show(endings)
      }`,
    );
  }
  const all = new Set(endings);
  for (const ending of all) {
    if (typeof ending?.isAlive !== "boolean" || typeof ending[enqueue] !== "function") {
      throw new TypeError(
        `Cannot ${action} as each element must be a task or future: received ${show(ending)}`,
      );
    }
  }
  return all;
}

/** The milliseconds left until a time on the current clock. */
export function rest(due: number): number {
  return due === Infinity ? Infinity : Math.max(0, due - currentClock().now());
}
