/**
 * Loops over the pieces of a stream: lines, frames.
 *
 * @module
 */

import type { WaitOptions } from "../primitives/kernel/wait.ts";
import type { ReadSide } from "./read_side.ts";
import type { Splitter } from "./splitter.ts";

/**
 * One piece of a stream after the other. It holds none of them: what was not taken is there for
 * whoever reads the stream next.
 *
 * @typeParam T What a piece is.
 *
 * @example
 * ```ts
 * import { connect, listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await connect(listener.addresses[0]);
 * using server = await listener.accept();
 *
 * await client.write(new TextEncoder().encode("one\ntwo\nthree\n"));
 * await client.closeWrite();
 * const lines = server.lines();
 * console.log((await lines.next()).value); // one
 * for await (const batch of lines.batches()) console.log(batch); // [ "two", "three" ]
 * ```
 */
export class Pieces<T> implements AsyncIterableIterator<T> {
  readonly #reading: ReadSide;
  readonly #single: Splitter<IteratorResult<T>>;
  readonly #several: () => Splitter<IteratorResult<T[]>>;
  readonly #options: WaitOptions | undefined;

  /**
   * Made by the methods of a stream.
   *
   * @param reading Where to read.
   * @param single What cuts off one piece.
   * @param several Makes what cuts off several.
   * @param options Those of each wait.
   */
  constructor(
    reading: ReadSide,
    single: Splitter<IteratorResult<T>>,
    several: () => Splitter<IteratorResult<T[]>>,
    options: WaitOptions | undefined,
  ) {
    this.#reading = reading;
    this.#single = single;
    this.#several = several;
    this.#options = options;
  }

  /**
   * Waits for a piece.
   *
   * @returns The piece, or that there will be none.
   */
  next(): Promise<IteratorResult<T>> {
    return this.#reading.piece(this.#single, this.#options);
  }

  /**
   * Itself.
   *
   * @returns The iterator.
   */
  [Symbol.asyncIterator](): this {
    return this;
  }

  /**
   * Takes all pieces at once that have come, and waits where there is none: to loop over an array costs
   * a fraction of what it costs to await each piece.
   *
   * @returns An iterator of arrays, none of them empty.
   *
   * @example
   * ```ts
   * import { connect, listen } from "@grove/grove";
   *
   * using listener = listen({ hostname: "127.0.0.1", port: 0 });
   * using client = await connect(listener.addresses[0]);
   * using server = await listener.accept();
   *
   * await client.write(new TextEncoder().encode("one\ntwo\n"));
   * for await (const lines of server.lines().batches()) {
   *   console.log(lines); // ["one", "two"]
   *   break;
   * }
   * ```
   */
  batches(): AsyncIterableIterator<T[]> {
    const reading = this.#reading;
    const splitter = this.#several();
    const options = this.#options;
    return {
      next: () => reading.piece(splitter, options),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }
}
