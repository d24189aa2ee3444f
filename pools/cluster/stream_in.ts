/**
 * The items of a stream as they come from a worker. They come in messages that may be lost or come
 * twice: each says from which item on it has them, and what is missing is asked for again.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { WorkerCrashedError } from "../errors.ts";
import type { Sink } from "../crew.ts";
import { write } from "./messages.ts";
import { unpackValues } from "./packing.ts";

/** How far a stream runs ahead, in items. */
export const CREDIT = 64;

/** How often a worker is told that somebody still takes its items, in milliseconds. */
export const KEEP_ALIVE = 1000;

/** See above. */
export class StreamIn {
  readonly #sink: Sink;
  readonly #name: string;
  #ask: ((demand: Uint8Array) => void) | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #received = 0;
  #upTo = CREDIT;
  #hasAskedAgain = false;
  // Which run of the job the items are of.
  #run = "";

  constructor(name: string, sink: Sink) {
    this.#name = name;
    this.#sink = sink;
  }

  /** How many items have come. */
  get received(): number {
    return this.#received;
  }

  /** From now on it can tell the worker. */
  open(ask: (demand: Uint8Array) => void): void {
    this.#ask = ask;
    // Also as what it has told may have got lost.
    this.#timer = setInterval(() => this.#demand(true), KEEP_ALIVE);
  }

  /** No more will be taken. */
  close(): void {
    this.#ask = undefined;
    clearInterval(this.#timer);
  }

  /**
   * A worker has begun. What another one has yielded before it cannot be taken back.
   *
   * @throws {WorkerCrashedError} When there was something.
   */
  begun(run: string): void {
    if (this.#run !== run && this.#received > 0) {
      throw new WorkerCrashedError(
        `Cannot go on with "${this.#name}" as its worker was lost after ${this.#received} items. Start a stream of the rest`,
      );
    }
    this.#run = run;
    this.#demand(false);
  }

  /**
   * Items have come.
   *
   * @throws {WorkerCrashedError} When they are of another run than those before.
   * @throws {MalformedError} When they are none.
   */
  take(run: string, from: number, items: Uint8Array): void {
    if (run !== this.#run) this.begun(run);
    if (from > this.#received) {
      // Once for each gap: all that comes after it says the same.
      if (!this.#hasAskedAgain) this.#demand(true);
      this.#hasAskedAgain = true;
      return;
    }
    const fresh = unpackValues(items).slice(this.#received - from).map(itemIn);
    if (fresh.length === 0) return;
    this.#hasAskedAgain = false;
    this.#received += fresh.length;
    this.#sink(fresh, () => {
      this.#upTo += fresh.length;
      this.#demand(false);
    });
  }

  #demand(again: boolean): void {
    this.#ask?.(write({ received: this.#received, upTo: this.#upTo, again }));
  }
}

function itemIn(bytes: unknown): unknown {
  if (!(bytes instanceof Uint8Array)) throw new MalformedError("an item", "it is no bytes");
  return unpackValues(bytes)[0];
}
