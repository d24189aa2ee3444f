/**
 * What a thread has of something that threads share: its entry in the shared memory, and the word
 * there that it waits for. Whoever does something for another thread notes it in that thread's entry
 * and notifies its word; that thread collects it, and does the rest itself.
 *
 * A thread waits for its word only while somebody waits here, and for one word, however many wait.
 *
 * @module
 */

import { outside } from "../kernel/context.ts";
import { BrokenResourceError } from "../kernel/errors.ts";
import type { WaitTarget } from "../kernel/queue.ts";
import { enter, exit } from "./latch.ts";
import {
  DAMAGED,
  FREE,
  MOST_PLACES,
  MOST_THREADS,
  NEXT,
  PLACE_WORDS,
  PLACES,
  THREAD,
  THREAD_WORDS,
  THREADS,
  UNUSED,
  USERS,
  WAKE,
} from "./layout.ts";
import { isGone, threadId } from "./threads.ts";
import { unwatch, watch, type Watched } from "./watch.ts";
import { canAwait, changed } from "./words.ts";

/** Those in this thread who wait for one thing. */
export interface Waiting {
  /** How many. */
  readonly size: number;
  /** Lets those go on whose turn has come. */
  serve(): void;
  /** Ends the waits of all: nobody can tell any more whose turn it is. */
  abandon(error: unknown): void;
}

const RESOLVED = Promise.resolve();

/** See above. */
export class Room implements Watched {
  /** The shared memory. */
  readonly words: Int32Array;
  /** What it is the memory of. */
  readonly target: WaitTarget;
  /** Where the entry of this thread begins. */
  readonly entry: number;
  /** Its place among the entries. */
  readonly thread: number;
  readonly #died: (thread: number) => void;
  readonly #lines: Waiting[] = [];
  readonly #toWake: number[] = [];
  #seen: number;
  #armed = false;
  #collecting = false;
  readonly #woken = (): void => {
    this.#armed = false;
    this.collect();
  };
  readonly #collectLater = (): void => {
    this.#collecting = false;
    this.collect();
  };

  /**
   * Enters this thread among the users.
   *
   * @param memory What the threads share.
   * @param target What errors call it.
   * @param died Takes back what a thread had that has died. A change has begun by then.
   * @throws {RangeError} When too many threads use it.
   */
  constructor(memory: SharedArrayBuffer, target: WaitTarget, died: (thread: number) => void) {
    this.words = new Int32Array(memory);
    this.target = target;
    this.#died = died;
    this.thread = this.#register();
    this.entry = entryOf(this.thread);
    this.#seen = Atomics.load(this.words, this.entry + WAKE);
  }

  /** Adds those who wait for one thing. */
  add(line: Waiting): void {
    this.#lines.push(line);
  }

  /** How many wait in this thread. */
  get size(): number {
    let size = 0;
    for (const line of this.#lines) size += line.size;
    return size;
  }

  /**
   * Begins a change.
   *
   * @throws {BrokenResourceError} When an earlier one was left half done.
   */
  enter(): void {
    if (!this.tryEnter()) throw this.#damage();
  }

  /** Begins a change, unless an earlier one was left half done. */
  tryEnter(): boolean {
    if (enter(this.words)) return true;
    this.#collectSoon(); // Those who wait have to be told.
    return false;
  }

  /** Ends a change, and tells those whom it concerns. */
  exit(): void {
    exit(this.words);
    if (this.#toWake.length > 0) this.#tell();
  }

  #tell(): void {
    for (const thread of this.#toWake) {
      const word = entryOf(thread) + WAKE;
      Atomics.add(this.words, word, 1);
      if (thread === this.thread) this.#collectSoon();
      else Atomics.notify(this.words, word);
    }
    this.#toWake.length = 0;
  }

  /** Has a thread told at the end of the change that there is something to collect. */
  wake(thread: number): void {
    // Mostly there is one.
    if (!this.#toWake.includes(thread)) this.#toWake.push(thread);
  }

  /** Collects what there is for those who wait here. */
  collect(): void {
    this.serve();
    this.attend();
  }

  /** The same at once, where a change in this thread has something for those who wait here. */
  collectNow(): void {
    if (this.#collecting) this.collect();
  }

  /** The same, for a thread that is about to block: it does not have itself woken by its loop. */
  serve(): void {
    this.#seen = Atomics.load(this.words, this.entry + WAKE);
    if (Atomics.load(this.words, DAMAGED) === 0) {
      for (const line of this.#lines) line.serve();
    } else {
      for (const line of this.#lines) line.abandon(this.#damage());
    }
  }

  /** Somebody has begun to wait here, or has left: has this thread woken or not. */
  attend(): void {
    if (this.size === 0) {
      unwatch(this);
      // Nothing else ends the wait for the word.
      if (this.#armed) Atomics.notify(this.words, this.entry + WAKE);
      return;
    }
    if (this.words[USERS] > 1 || !canAwait) watch(this);
    if (this.#armed) return;
    const woken = changed(this.words, this.entry + WAKE, this.#seen);
    if (woken === null) return this.#collectSoon();
    this.#armed = true;
    // Those who wait here are of many tasks.
    outside(() => woken.then(this.#woken));
  }

  /** Blocks until there is something to collect; `false` when there is nothing after some milliseconds. */
  block(ms: number): boolean {
    return Atomics.wait(this.words, this.entry + WAKE, this.#seen, ms) !== "timed-out";
  }

  /** Looks whether those live who use it too, and takes back what the dead had. */
  look(): void {
    for (let thread = 0; thread < MOST_THREADS; thread++) {
      const id = this.words[entryOf(thread) + THREAD];
      if (id !== 0 && thread !== this.thread && isGone(id)) this.#bury(thread, id);
    }
  }

  /** The place of one who begins to wait, `-1` when there is none left. */
  takePlace(): number {
    const { words } = this;
    const free = words[FREE] - 1;
    if (free >= 0) words[FREE] = words[placeAt(free) + NEXT];
    else if (words[UNUSED] < MOST_PLACES) return words[UNUSED]++;
    return free;
  }

  /** Gives a place back. */
  leavePlace(place: number): void {
    this.words[placeAt(place) + NEXT] = this.words[FREE];
    this.words[FREE] = place + 1;
  }

  // In this thread's own time, and once. A microtask, not at once: who changes it may be in the
  // midst of something, as a cancellation is that is still to reach others who wait here.
  #collectSoon(): void {
    if (this.#collecting) return;
    this.#collecting = true;
    RESOLVED.then(this.#collectLater);
  }

  #register(): number {
    const id = threadId();
    for (let attempt = 0;; attempt++) {
      this.enter();
      const thread = this.#entryFor(id);
      this.exit();
      if (thread !== -1) return thread;
      if (attempt === 0) this.look();
      else throw this.#overcrowded();
    }
  }

  #entryFor(id: number): number {
    const { words } = this;
    let free = -1;
    for (let thread = 0; thread < MOST_THREADS; thread++) {
      const other = words[entryOf(thread) + THREAD];
      // It was here before, and what it had of it was collected as garbage.
      if (other === id) return thread;
      if (other === 0 && free === -1) free = thread;
    }
    if (free === -1) return -1;
    words[entryOf(free) + THREAD] = id;
    words[USERS]++;
    // Who waits alone does not look whether others live.
    for (let thread = 0; thread < MOST_THREADS; thread++) {
      if (words[entryOf(thread) + THREAD] !== 0 && thread !== free) this.wake(thread);
    }
    return free;
  }

  #bury(thread: number, id: number): void {
    const { words } = this;
    if (!this.tryEnter()) return;
    // Another one may have done it.
    if (words[entryOf(thread) + THREAD] === id) {
      this.#died(thread);
      const wake = words[entryOf(thread) + WAKE];
      words.fill(0, entryOf(thread), entryOf(thread) + THREAD_WORDS);
      words[entryOf(thread) + WAKE] = wake;
      words[USERS]--;
    }
    this.exit();
  }

  #damage(): BrokenResourceError {
    const { kind, name } = this.target;
    return new BrokenResourceError(
      `Cannot use ${kind} "${name}" as a thread was interrupted while it changed it, and nobody knows its state. Make a new one`,
    );
  }

  #overcrowded(): RangeError {
    const { kind, name } = this.target;
    return new RangeError(
      `Cannot use ${kind} "${name}" in this thread as ${MOST_THREADS} others use it, and all of them live. Have fewer workers share it`,
    );
  }
}

/** Where the entry of a thread begins. */
export function entryOf(thread: number): number {
  return THREADS + thread * THREAD_WORDS;
}

/** Where a place begins. */
export function placeAt(place: number): number {
  return PLACES + place * PLACE_WORDS;
}
