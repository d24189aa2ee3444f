/**
 * Who holds what. Each task has a list of what it holds, linked through the things themselves, so
 * that taking and giving back are a few assignments; and so that a task that ends with something in
 * its hands is noticed, without a call-back for each.
 *
 * @module
 */

import { BrokenResourceError } from "./errors.ts";
import type { CallSite } from "./call_site.ts";
import type { Blocked, Scope } from "./scope.ts";
import type { WaitTarget } from "./queue.ts";

/** The first of the things that a holder holds. */
export const held: unique symbol = Symbol("grove.held");

/** The wait that a holder was suspended in last for something that others hold. */
export const waiting: unique symbol = Symbol("grove.waiting");

/** Whether somebody waits for the end of a holder. */
export const isAwaited: unique symbol = Symbol("grove.isAwaited");

/** Who can hold things: a task. */
export interface Holder extends Scope, WaitTarget {
  /** See {@linkcode held}. */
  [held]: Hold | null;
  /** See {@linkcode waiting}. */
  [waiting]: Blocked<unknown> | null;
  /** See {@linkcode isAwaited}. */
  readonly [isAwaited]: boolean;
}

/** Something in the hands of one holder at a time, or of none. */
export class Hold {
  /** Who has it. */
  owner: Holder | null = null;
  /** Where it was taken, if that was noted. */
  site: CallSite | undefined;
  /** What it is. */
  readonly target: WaitTarget;
  readonly #abandoned: (owner: Holder) => void;
  #next: Hold | null = null;
  #prev: Hold | null = null;

  /**
   * Makes one that nobody has.
   *
   * @param target What it is.
   * @param abandoned Called when its owner has ended with it still in its hands.
   */
  constructor(target: WaitTarget, abandoned: (owner: Holder) => void) {
    this.target = target;
    this.#abandoned = abandoned;
  }

  /** Gives it to an owner. Nobody must have it. */
  take(owner: Holder, site?: CallSite): void {
    const first = owner[held];
    this.owner = owner;
    this.site = site;
    // Whoever takes something is not suspended; or one flow of it is, and another goes on.
    owner[waiting] = null;
    this.#next = first;
    if (first !== null) first.#prev = this;
    owner[held] = this;
  }

  /** Takes it from its owner. */
  release(): void {
    const next = this.#next;
    const prev = this.#prev;
    if (prev === null) this.owner![held] = next;
    else prev.#next = next;
    if (next !== null) next.#prev = prev;
    this.owner = this.#next = this.#prev = null;
    this.site = undefined; // A stack that nobody has read keeps alive what stood on it.
  }

  /** The next thing in its owner's hands. */
  get next(): Hold | null {
    return this.#next;
  }

  /** Takes from a holder that has ended all that it holds. */
  static abandon(owner: Holder): void {
    for (let hold = owner[held]; hold !== null; hold = owner[held]) {
      hold.release();
      hold.#abandoned(owner);
    }
  }
}

/** What those get who want something that its owner has not given back. */
export function abandonedBy(owner: string, { kind, name }: WaitTarget): BrokenResourceError {
  return new BrokenResourceError(
    `Cannot acquire ${kind} "${name}" as task "${owner}" has ended without releasing it, and what it protects may be half done. Acquire it with 'using', and make a new one`,
  );
}
