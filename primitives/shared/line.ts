/**
 * A line of those who wait for something that threads share: first come, first served, whichever
 * thread they are in.
 *
 * Each has a place in the shared memory, which says of which thread it is and not who: a grant is to
 * the thread whose place is first, and goes there to the first who waits. So what is in shared memory
 * has a fixed size, somebody who gives up leaves with his place wherever it stands, and so do all
 * those of a thread that has died. What was granted to somebody who has left meanwhile, or died
 * before he took note of it, goes to the next.
 *
 * Where more than a thousand wait, the later ones stand in line in their thread, and get a place as
 * places become free.
 *
 * @module
 */

import { type Parked, WaitQueue, type WaitTarget } from "../kernel/queue.ts";
import {
  FAILURES,
  GRANTS,
  HEAD,
  LINE_WORDS,
  LINES,
  NEED,
  NEXT,
  NUMBER,
  PEAK,
  PREVIOUS,
  SERIAL,
  TAIL,
  WAITING,
  WHOSE,
} from "./layout.ts";
import { entryOf, placeAt, type Room, type Waiting } from "./room.ts";

/** What is given out to those who stand in line. Unless it says otherwise, a change has begun. */
export interface Counter<T> {
  /** One has joined the line: gives him what he waits for, if it is there already. */
  joined(): void;
  /** Gives to this thread what it was granted, for a node. */
  take(node: Parked<T>): unknown;
  /** What the node is woken with, of what `take` gave. No change has begun. */
  valueOf(taken: unknown, node: Parked<T>): T;
  /** One who had been granted something has left. */
  giveBack(node: Parked<T>): void;
  /** One who stood in line has left. */
  left(): void;
  /** How much somebody needs, in a line where that differs. */
  needOf(node: Parked<T>): number;
  /** Why somebody has failed, where that may be. */
  failure?(): Error;
}

/** What `take` answers when what was granted is not there any more: the node fails. */
export const gone: unique symbol = Symbol("grove.gone");

/** Who has no place in the shared memory, as there was none. */
const NOWHERE = -1;

/** A place in the shared memory, and the number that it says as long as nobody else has it. */
interface Place {
  readonly index: number;
  readonly number: number;
}

/** See above. */
export class Line<T, Target extends WaitTarget = WaitTarget> extends WaitQueue<T, Target>
  implements Waiting {
  readonly #room: Room;
  readonly #counter: Counter<T>;
  /** Where its words begin. */
  readonly #at: number;
  /** Which of the entry's words are about it. */
  readonly #grants: number;
  readonly #failures: number;
  /** The places of those who wait in this thread, in the order in which they stand here. */
  readonly #places: Map<Parked<T>, Place> = new Map();
  /** The first of those who have none, and how many they are. They all stand behind the others. */
  #firstWithout: Parked<T> | null = null;
  #withoutPlace = 0;
  #serving = false;

  /**
   * Makes this thread's part of a line.
   *
   * @param target What is waited for.
   * @param room What this thread has of it.
   * @param index Which of its lines this is: 0 or 1.
   * @param counter What is given out.
   */
  constructor(target: Target, room: Room, index: number, counter: Counter<T>) {
    super(target);
    this.#room = room;
    this.#counter = counter;
    this.#at = LINES + index * LINE_WORDS;
    this.#grants = GRANTS + index;
    this.#failures = FAILURES + index;
    room.add(this);
  }

  /** How many wait: those who have a place, in all threads, and those of this one who have none. */
  get waiting(): number {
    return Atomics.load(this.#room.words, this.#at + WAITING) + this.#withoutPlace;
  }

  /** How many had a place at most. */
  get peakWaiting(): number {
    return Atomics.load(this.#room.words, this.#at + PEAK);
  }

  /** What the first in line needs, and `-1` when nobody is in line. A change has begun. */
  get firstNeed(): number {
    const { words } = this.#room;
    const first = words[this.#at + HEAD] - 1;
    return first === -1 ? -1 : words[placeAt(first) + NEED];
  }

  override add(node: Parked<T>): void {
    this.#room.enter();
    this.join(node);
    this.#room.exit();
    this.#room.attend();
  }

  /** Puts a node at the end of the line. A change has begun, and `attend()` is to be called after. */
  join(node: Parked<T>): void {
    super.add(node);
    this.#settle(node);
    this.#counter.joined();
  }

  /**
   * Puts a node in front of those of this thread: it joins at the end, as everybody does, and each
   * moves to the place of the one who has come after him.
   */
  override addFirst(node: Parked<T>): void {
    this.#room.enter();
    super.addFirst(node);
    this.#settle(node);
    if (this.size > 1) this.#moveUp();
    this.#counter.joined();
    this.#room.exit();
  }

  #moveUp(): void {
    // In the order in which they have come: that of the first is the last.
    const places = [...this.#places.values()];
    this.#places.clear();
    this.#firstWithout = null;
    for (let one = this.first; one !== null; one = one.next) {
      const place = places[this.#places.size];
      if (place.index === NOWHERE) this.#firstWithout ??= one;
      this.#places.set(one, place);
    }
  }

  override unlink(node: Parked<T>): void {
    // Where it is damaged nobody is in line any more.
    if (this.#serving || !this.#room.tryEnter()) {
      this.#places.delete(node);
      super.unlink(node);
      return;
    }
    this.#leave(node);
    this.#refill();
    this.#room.exit();
    this.#room.attend();
  }

  /** Grants something to the first in line: to its thread. Returns which, `-1` when there is nobody. */
  grant(): number {
    const place = this.#room.words[this.#at + HEAD] - 1;
    return place === -1 ? -1 : this.#pop(place, this.#grants);
  }

  /** Lets all who stand in line fail. */
  dismiss(): void {
    const { words } = this.#room;
    for (let place = words[this.#at + HEAD] - 1; place !== -1; place = words[this.#at + HEAD] - 1) {
      this.#pop(place, this.#failures);
    }
  }

  /**
   * Takes those of a thread that has died out of the line.
   *
   * @returns How many there were, and how much it was granted and had not taken note of.
   */
  bury(thread: number): { left: number; granted: number } {
    const { words } = this.#room;
    let left = 0;
    for (let place = words[this.#at + HEAD] - 1; place !== -1;) {
      const next = words[placeAt(place) + NEXT] - 1;
      if (words[placeAt(place) + WHOSE] === thread) {
        this.#remove(place);
        left++;
      }
      place = next;
    }
    return { left, granted: words[entryOf(thread) + this.#grants] };
  }

  serve(): void {
    const { words, entry } = this.#room;
    while (Atomics.load(words, entry + this.#grants) > 0) {
      if (!this.#room.tryEnter()) return;
      words[entry + this.#grants]--;
      const node = this.first!;
      const taken = this.#counter.take(node);
      const error = taken === gone ? this.#counter.failure!() : null;
      this.#room.exit();
      if (error === null) this.#give(node, taken);
      else this.#fail(node, error);
    }
    while (Atomics.load(words, entry + this.#failures) > 0) {
      if (!this.#room.tryEnter()) return;
      words[entry + this.#failures]--;
      const error = this.#counter.failure!();
      this.#room.exit();
      this.#fail(this.first!, error);
    }
    if (this.#firstWithout === null || !this.#room.tryEnter()) return;
    this.#refill();
    this.#room.exit();
  }

  abandon(error: unknown): void {
    for (let node = this.first; node !== null; node = this.first) this.#fail(node, error);
  }

  #give(node: Parked<T>, taken: unknown): void {
    let value: T;
    try {
      value = this.#counter.valueOf(taken, node);
    } catch (error) {
      return this.#fail(node, error);
    }
    this.#detach(node);
    node.wake(value);
  }

  #fail(node: Parked<T>, error: unknown): void {
    this.#detach(node);
    node.fail(error);
  }

  /** Takes a node out that has left the line already. */
  #detach(node: Parked<T>): void {
    if (node === this.#firstWithout) this.#firstWithout = node.next; // All are abandoned.
    this.#serving = true;
    this.remove(node);
    this.#serving = false;
  }

  #leave(node: Parked<T>): void {
    const { words, entry } = this.#room;
    const { index, number } = this.#places.get(node)!;
    if (index === NOWHERE) {
      if (node === this.#firstWithout) this.#firstWithout = node.next;
      this.#withoutPlace--;
    } else if (words[placeAt(index) + NUMBER] === number) {
      this.#remove(index);
      this.#counter.left();
    } else if (this.#isGranted(node)) {
      words[entry + this.#grants]--;
      this.#counter.giveBack(node);
    } else {
      words[entry + this.#failures]--;
    }
    this.#places.delete(node);
    super.unlink(node);
  }

  /** Of those in this thread who are in line no more the first have been granted something. */
  #isGranted(node: Parked<T>): boolean {
    let ahead = 0;
    for (let one = node.prev; one !== null; one = one.prev) ahead++;
    return ahead < this.#room.words[this.#room.entry + this.#grants];
  }

  #settle(node: Parked<T>): void {
    const place = this.#firstWithout === null ? this.#takePlace(node) : null;
    if (place === null) {
      this.#firstWithout ??= node;
      this.#withoutPlace++;
    }
    this.#places.set(node, place ?? { index: NOWHERE, number: 0 });
  }

  /** Gives places to those who have none, in their order. */
  #refill(): void {
    for (let node = this.#firstWithout; node !== null; node = node.next) {
      const place = this.#takePlace(node);
      if (place === null) return;
      this.#places.set(node, place);
      this.#firstWithout = node.next;
      this.#withoutPlace--;
      this.#counter.joined();
    }
  }

  /** The next place in line; `null` when there is none left. */
  #takePlace(node: Parked<T>): Place | null {
    const { words, thread } = this.#room;
    const index = this.#room.takePlace();
    if (index === NOWHERE) return null;
    const at = placeAt(index);
    const last = words[this.#at + TAIL];
    // A place that nobody has says 0.
    const number = words[SERIAL] = (words[SERIAL] + 1) | 0 || 1;
    words[at + WHOSE] = thread;
    words[at + NUMBER] = number;
    words[at + NEED] = this.#counter.needOf(node);
    words[at + NEXT] = 0;
    words[at + PREVIOUS] = last;
    if (last === 0) words[this.#at + HEAD] = index + 1;
    else words[placeAt(last - 1) + NEXT] = index + 1;
    words[this.#at + TAIL] = index + 1;
    const waiting = ++words[this.#at + WAITING];
    if (waiting > words[this.#at + PEAK]) words[this.#at + PEAK] = waiting;
    return { index, number };
  }

  #pop(place: number, word: number): number {
    const thread = this.#room.words[placeAt(place) + WHOSE];
    this.#remove(place);
    this.#room.words[entryOf(thread) + word]++;
    this.#room.wake(thread);
    return thread;
  }

  #remove(place: number): void {
    const { words } = this.#room;
    const at = placeAt(place);
    const next = words[at + NEXT];
    const previous = words[at + PREVIOUS];
    if (previous === 0) words[this.#at + HEAD] = next;
    else words[placeAt(previous - 1) + NEXT] = next;
    if (next === 0) words[this.#at + TAIL] = previous;
    else words[placeAt(next - 1) + PREVIOUS] = previous;
    words[at + NUMBER] = 0;
    words[this.#at + WAITING]--;
    this.#room.leavePlace(place);
  }
}
