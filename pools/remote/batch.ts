/**
 * Jobs that have come in one message.
 *
 * @module
 */

import type { JobExtras, JobMessage } from "./protocol.ts";

/** See above: a cursor over the jobs that are left. */
export class Batch {
  /** The number of the job at hand. */
  seq: number;
  readonly #list: readonly unknown[];
  readonly #isText: boolean;
  #at: number;

  private constructor(seq: number, list: readonly unknown[], isText: boolean) {
    this.seq = seq;
    this.#list = list;
    this.#isText = isText;
    this.#at = isText ? 1 : 0;
  }

  /** Takes what came as text. */
  static parse(text: string): Batch {
    const list = JSON.parse(text);
    return new Batch(list[0], list, true);
  }

  /** Takes what came as data. */
  static of(seq: number, job: JobMessage): Batch {
    return new Batch(seq, [job], false);
  }

  /** Whether no job is left. */
  get isOver(): boolean {
    return this.#at >= this.#list.length;
  }

  /** The number of the function of the job at hand. */
  get fn(): number {
    return (this.#isText ? this.#list[this.#at] : this.#message[0]) as number;
  }

  /** The arguments of the job at hand. */
  get args(): unknown {
    return this.#isText ? this.#list[this.#at + 1] : this.#message[1];
  }

  /** Whether the arguments of the job at hand have to be unpacked. */
  get isPacked(): boolean {
    return !this.#isText && (!Array.isArray(this.args) || this.extras?.passed !== undefined);
  }

  /** What else the job at hand was told. */
  get extras(): JobExtras | undefined {
    return this.#isText ? undefined : this.#message[2];
  }

  /** Goes on to the next job. */
  step(): void {
    this.seq++;
    this.#at += this.#isText ? 2 : 1;
  }

  get #message(): JobMessage {
    return this.#list[this.#at] as JobMessage;
  }
}
