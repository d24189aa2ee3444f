/**
 * The places in a group that has a `limit`: who has one, who is queued for one, and who waits until
 * there is room.
 *
 * @module
 */

import { Parked, WaitQueue } from "./kernel/queue.ts";
import { enqueue, notReady, poll, type Waitable } from "./kernel/wait.ts";

/** A limited number of places. To wait for it is to wait for room. */
export class Slots implements Waitable<void> {
  readonly #limit: number;
  readonly #queued: WaitQueue<void>;
  readonly #waiting: WaitQueue<void>;
  #taken = 0;

  constructor(name: string, limit: number) {
    this.#limit = limit;
    this.#queued = new WaitQueue({ kind: "place in", name });
    this.#waiting = new WaitQueue({ kind: "room in", name });
  }

  /** Whether a child could start at once. */
  get free(): boolean {
    return this.#taken < this.#limit && this.#queued.size === 0;
  }

  /** Takes a place, also where there is none left. */
  take(): void {
    this.#taken++;
  }

  /** Gives a place back, and hands it on unless the group is `closing`. */
  leave(closing: boolean): void {
    this.#taken--;
    while (!closing && this.#taken < this.#limit && this.#queued.size > 0) {
      this.#taken++;
      this.#queued.wakeFirst();
    }
    if (this.free) this.#waiting.wakeAll();
  }

  /** Calls `start` when a place is free, which is taken by then. */
  queue(start: () => void): Turn {
    const turn = new Turn(start);
    this.#queued.add(turn);
    return turn;
  }

  [poll](): void | typeof notReady {
    if (!this.free) return notReady;
  }

  [enqueue](node: Parked<void>): void {
    this.#waiting.add(node);
  }
}

/** The place of one who is queued. */
export class Turn extends Parked<void> {
  #come!: () => void;

  constructor(start: () => void) {
    super();
    // A reaction keeps the context of the place where it was made, so that a child has the stores
    // of its spawner, and not of the sibling whose end makes room.
    new Promise<void>((resolve) => this.#come = resolve).then(start);
  }

  override wake(): void {
    this.#come();
  }

  /** Gives the place up; `false` when it was given already. */
  giveUp(): boolean {
    if (this.queue === null) return false;
    this.queue.remove(this);
    return true;
  }
}
