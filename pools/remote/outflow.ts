/**
 * The results on their way back. They are gathered, as a message costs as much as many small jobs,
 * but none is held back for long: they go when the jobs that came together are done, after a
 * millisecond, and when the worker turns to its event loop.
 *
 * @module
 */

import { nextTurn } from "../../primitives/kernel/turn.ts";
import { encodingOf } from "../payload.ts";
import { encodeError } from "../remote_error.ts";
import type { FromWorker } from "./protocol.ts";
import type { Wire } from "./wire.ts";

/** How a message is sent. */
export type Post = (message: FromWorker, moved?: readonly Transferable[]) => void;

// Milliseconds, and characters: a text can have only so many.
const LONGEST = 1;
const LARGEST = 1_000_000;

/** See above. */
export class Outflow {
  readonly #post: Post;
  readonly #wire: Wire;
  #passed = 0;
  #sent = 0;
  #times: number[] = [];
  // As text at once, and not when it is sent: what a job has returned may be changed by the next.
  #results = "";
  #since = 0;
  #isComing = false;

  constructor(post: Post, wire: Wire) {
    this.#post = post;
    this.#wire = wire;
  }

  /** A job has succeeded. */
  succeeded(seq: number, value: unknown): void {
    if (value === undefined) this.#results += `,${-seq}`;
    else if (typeof value === "number" && Number.isFinite(value) && value !== 0) {
      this.#results += `,${seq},${value}`;
    } else this.#encode(seq, value);
    if (this.#results.length > LARGEST) this.flush();
  }

  /** A job has failed. */
  failed(seq: number, error: unknown): void {
    this.#post({ type: "failed", seq, error: encodeError(error) });
  }

  /** Jobs of a function have taken so long. */
  took(fn: number, count: number, ms: number): void {
    this.#times.push(fn, count, ms);
  }

  /** All jobs up to this one are done with. */
  passed(seq: number): void {
    this.#passed = seq;
  }

  /** Sends what has been waiting for long. */
  flushIfDue(now: number): void {
    if (now - this.#since > LONGEST) this.flush(now);
  }

  /** Sends what is there before anything else happens in this thread, but not at once. */
  flushSoon(): void {
    if (this.#isComing) return;
    this.#isComing = true;
    nextTurn(() => {
      this.#isComing = false;
      this.flush();
    });
  }

  /** Sends all that is there. */
  flush(now: number = performance.now()): void {
    this.#since = now;
    if (this.#results === "" && this.#times.length === 0 && this.#passed === this.#sent) return;
    this.#post(`[${this.#passed},[${this.#times}]${this.#results}]`);
    this.#sent = this.#passed;
    this.#times = [];
    this.#results = "";
  }

  #encode(seq: number, value: unknown): void {
    try {
      if (encodingOf([value]) !== "clone") {
        this.#results += `,${seq},${JSON.stringify(value)}`;
      } else {
        const { values, passed, moved } = this.#wire.pack([value], () => "result");
        this.#post({ type: "result", seq, values, passed }, moved);
      }
    } catch (error) {
      // It cannot be cloned, or a getter of it has thrown.
      this.failed(seq, error);
    }
  }
}
