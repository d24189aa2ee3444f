/**
 * The queue that everything waits in: an intrusive doubly linked list, so that joining, being woken
 * and leaving in the middle (a cancellation, a time-out, a lost `select`) are O(1) however many
 * wait, and allocate nothing. Arrays of resolvers fall off a cliff here: `shift` and `splice` took
 * 43 µs each at 100,000 waiters.
 *
 * @module
 */

/** What is being waited for, as `inspect()` and the messages of errors show it. */
export interface WaitTarget {
  /** What sort of thing it is: "sleep", "task", "lock". */
  readonly kind: string;
  /** Which one of them. */
  readonly name: string;
}

/** What is waited for, in words: "sleep", `lock "door"`. */
export function labelOf({ kind, name }: WaitTarget): string {
  return name === "" ? kind : `${kind} "${name}"`;
}

/**
 * A node of a {@linkcode WaitQueue}: a suspended task, an alarm, a call-back, an arm of a select.
 *
 * @example
 * ```ts
 * import { enqueue, Event, notReady, type Parked, poll, type Waitable } from "@grove/grove";
 *
 * // What waits is passed on, and knows nothing of it.
 * function inverse(open: Event, shut: Event): Waitable<void> {
 *   return {
 *     [poll]: () => open.isSet ? notReady : undefined,
 *     [enqueue]: (node: Parked<void>) => shut[enqueue](node),
 *   };
 * }
 *
 * console.log(inverse(new Event(), new Event())[poll]()); // undefined
 * ```
 */
export abstract class Parked<T> {
  /** The queue it is in, `null` when in none. */
  queue: WaitQueue<T> | null = null;
  /** Its neighbor behind. */
  next: Parked<T> | null = null;
  /** Its neighbor ahead. */
  prev: Parked<T> | null = null;
  /** What it brings along: the item of a sender, say. */
  item: unknown;

  /**
   * Makes a node that is in no queue.
   *
   * @param item What it brings along.
   */
  constructor(item?: unknown) {
    this.item = item;
  }

  /** What happens when its turn has come. The queue has let go of it by then. */
  abstract wake(value: T): void;

  /** What happens when what it waits for fails or closes. The queue has let go of it by then. */
  fail(_error: unknown): void {}
}

/**
 * Those who wait for something: first in, first out. See {@linkcode Waitable} for what is made of it.
 *
 * @typeParam T What they are woken with.
 * @typeParam Target Whose queue it is.
 *
 * @example
 * ```ts
 * import { WaitQueue } from "@grove/grove";
 *
 * const waiting = new WaitQueue<string>({ kind: "news", name: "radio" });
 * console.log(waiting.size, waiting.wakeFirst("rain")); // 0 false
 * ```
 */
export class WaitQueue<T, Target extends WaitTarget = WaitTarget> {
  /** Whose queue it is. */
  readonly target: Target;
  /** How many are in it. */
  size = 0;
  /** How many were in it at most. */
  peak = 0;
  #head: Parked<T> | null = null;
  #tail: Parked<T> | null = null;

  /**
   * Makes an empty queue.
   *
   * @param target Whose queue it is.
   */
  constructor(target: Target) {
    this.target = target;
  }

  /** The one whose turn is next. */
  get first(): Parked<T> | null {
    return this.#head;
  }

  /** Puts a node at the end. It must not be in a queue. */
  add(node: Parked<T>): void {
    const tail = this.#tail;
    node.queue = this;
    node.prev = tail;
    if (tail === null) this.#head = node;
    else tail.next = node;
    this.#tail = node;
    if (++this.size > this.peak) this.peak = this.size;
  }

  /** Puts a node at the front. It must not be in a queue. */
  addFirst(node: Parked<T>): void {
    const head = this.#head;
    node.queue = this;
    node.next = head;
    if (head === null) this.#tail = node;
    else head.prev = node;
    this.#head = node;
    if (++this.size > this.peak) this.peak = this.size;
  }

  /** Takes a node out wherever it stands. It has to be in this queue. */
  remove(node: Parked<T>): void {
    this.unlink(node);
    if (this.size === 0) this.emptied();
  }

  /**
   * Takes a node out and calls `emptied()` not yet: for one who leaves several queues, and is to
   * have left them all before anybody acts on it.
   */
  unlink(node: Parked<T>): void {
    const { next, prev } = node;
    if (prev === null) this.#head = next;
    else prev.next = next;
    if (next === null) this.#tail = prev;
    else next.prev = prev;
    node.queue = node.next = node.prev = null;
    this.size--;
  }

  /** Hands `value` to the first; `false` when nobody waits. */
  wakeFirst(value: T): boolean {
    const node = this.#head;
    if (node === null) return false;
    this.remove(node);
    node.wake(value);
    return true;
  }

  /** Tells the first that what it waits for failed; `false` when nobody waits. */
  failFirst(error: unknown): boolean {
    const node = this.#head;
    if (node === null) return false;
    this.remove(node);
    node.fail(error);
    return true;
  }

  /** Hands `value` to all who wait now. */
  wakeAll(value: T): void {
    for (let left = this.size; left > 0 && this.#head !== null; left--) this.wakeFirst(value);
  }

  /** Tells all who wait now that what they wait for failed. */
  failAll(error: unknown): void {
    for (let left = this.size; left > 0 && this.#head !== null; left--) this.failFirst(error);
  }

  /** Called when the last has left: for queues that live only as long as somebody waits in them. */
  emptied(): void {}
}
