/**
 * What the contenders of a row keep between their samples, such as workers that would cost more to start than to use: made
 * when it is first asked for, ended with the row.
 *
 * @module
 */

import type { Contender } from "./row.ts";

/** See above. */
export class Lasting<T> {
  readonly #make: () => T;
  readonly #end: (thing: T) => unknown;
  #thing: T | undefined;

  constructor(make: () => T, end: (thing: T) => unknown) {
    this.#make = make;
    this.#end = end;
  }

  get thing(): T {
    return this.#thing ??= this.#make();
  }

  /** The contender, as one that ends what it has kept. */
  ended(contender: Contender): Contender {
    return {
      ...contender,
      end: async () => {
        if (this.#thing !== undefined) await this.#end(this.#thing);
        this.#thing = undefined;
      },
    };
  }
}
