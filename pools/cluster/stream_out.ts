/**
 * A generator that runs on a worker for somebody who takes what it yields on another machine. It
 * runs ahead of them by so many items and no more; what they have not said to have received is
 * kept, as it may have got lost.
 *
 * @module
 */

import { TimeoutError } from "../../primitives/kernel/errors.ts";
import { nextTurn } from "../../primitives/kernel/turn.ts";
import { Event } from "../../primitives/event.ts";
import type { DemandMessage } from "./messages.ts";
import { packValues } from "./packing.ts";

/** Sends items, the first of which has that number. */
export type SendItems = (from: number, items: Uint8Array) => void;

// After so many milliseconds without a word nobody takes the items any more.
const SILENCE = 20_000;

// Items are sent together that were yielded within one turn; so many at most.
const MOST_TOGETHER = 64;

/** See above. */
export class StreamOut {
  readonly #name: string;
  readonly #largest: number;
  readonly #send: SendItems;
  #upTo: number;
  #received = 0;
  // Those from #received on.
  #kept: Uint8Array[] = [];
  #sent = 0;
  #isComing = false;
  readonly #heard: Event = new Event({ name: "demand" });

  constructor(name: string, credit: number, largest: number, send: SendItems) {
    this.#name = name;
    this.#upTo = credit;
    this.#largest = largest;
    this.#send = send;
  }

  /** How many items were yielded. */
  get size(): number {
    return this.#received + this.#kept.length;
  }

  /** Whoever takes the items has said something. */
  told({ received, upTo, again }: DemandMessage): void {
    if (received > this.#received && received <= this.#sent) {
      this.#kept.splice(0, received - this.#received);
      this.#received = received;
    }
    this.#upTo = Math.max(this.#upTo, upTo);
    if (again && this.#received < this.#sent) {
      this.#sent = this.#received;
      this.#flush();
    }
    this.#heard.set();
  }

  /** Takes all items, and waits until they have been received. */
  async run(items: AsyncIterable<unknown>): Promise<void> {
    try {
      for await (const item of items) {
        // Now: the generator may change it as it goes on.
        const bytes = packValues([item], () => "item");
        if (bytes.length > this.#largest) {
          throw new RangeError(
            `Cannot yield an item of "${this.#name}" as it has ${bytes.length} bytes, and the most is ${this.#largest}. Yield it in parts`,
          );
        }
        this.#kept.push(bytes);
        this.#flushSoon();
        while (this.size >= this.#upTo) await this.#hear();
      }
    } finally {
      this.#flush(); // What it has yielded comes before its error.
    }
    while (this.#kept.length > 0) await this.#hear();
  }

  async #hear(): Promise<void> {
    this.#heard.clear();
    try {
      await this.#heard.wait({ timeout: SILENCE });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      throw new TimeoutError(
        `Cannot go on with "${this.#name}" as nobody has asked for its items for ${SILENCE} ms`,
      );
    }
  }

  #flushSoon(): void {
    if (this.#isComing) return;
    this.#isComing = true;
    nextTurn(() => {
      this.#isComing = false;
      this.#flush();
    });
  }

  #flush(): void {
    while (this.#sent < this.size) {
      const from = this.#sent;
      let size = 0;
      const together: Uint8Array[] = [];
      const start = from - this.#received;
      for (const item of this.#kept.slice(start, start + MOST_TOGETHER)) {
        const { length } = item;
        if (together.length > 0 && size + length > this.#largest) break;
        size += length;
        together.push(item);
      }
      this.#sent += together.length;
      this.#send(from, packValues(together, () => "items"));
    }
  }
}
