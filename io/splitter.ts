/**
 * Cutting what is received into pieces: what all ways to do it have in common.
 *
 * A splitter looks at bytes and takes whole pieces from their beginning; where there is none yet, it
 * says how many it needs to look again. It never holds bytes itself. So what it has not taken is
 * there for whoever reads next, in whatever way, and whenever a wait is cut short.
 *
 * @module
 */

import { TooLongError } from "./errors.ts";

/** One way to cut bytes into pieces. */
export abstract class Splitter<T> {
  /** The name of the stream, for errors. */
  protected readonly name: string;
  /** The piece that was taken last, in the form that its reader gets. */
  result: T | undefined = undefined;
  /** What is wrong with the bytes: there is no piece to be had. */
  error: Error | undefined = undefined;
  /** How many bytes it takes to look again: more than there were. */
  needs = 1;
  /** Whether its pieces are parts of the memory that was read into. */
  abstract readonly sharesMemory: boolean;
  /** Whether a stop ends it as the end of the stream would. */
  readonly endsOnStop: boolean = true;

  /**
   * @param name The name of the stream.
   */
  constructor(name: string) {
    this.name = name;
  }

  /** A new piece is asked for. Whether nobody else has read meanwhile. */
  begin(_isSequel: boolean): void {
    this.result = this.error = undefined;
    this.needs = 1;
  }

  /**
   * Takes a piece from the bytes from start to end, and says how long it is with all that belongs to
   * it. 0: there is none yet, or none to be had, and `error` is set.
   */
  abstract take(bytes: Uint8Array, start: number, end: number): number;

  /** The same where no more will come. It sets either `result` or `error`. */
  abstract finish(bytes: Uint8Array, start: number, end: number): number;

  /** What its reader gets when it is asked to stop. */
  abstract stopped(): T;

  /** The error of a piece that is too long. */
  protected tooLong(what: string, length: string, max: number): TooLongError {
    return new TooLongError(
      `Cannot read a ${what} from ${this.name} as it is too long: ${length} bytes, and 'max' is ${max}. Allow more, or close the stream`,
    );
  }
}
