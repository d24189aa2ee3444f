/**
 * Which objects a message has already. Most have few, and of few a list is searched sooner than a
 * map is made.
 *
 * @module
 */

const FEW = 16;

/** See above. */
export class SeenObjects {
  readonly #few: object[] = [];
  #many: Map<object, number> | undefined;

  /** The number of an object that is there, -1 for one that is not. */
  numberOf(object: object): number {
    return this.#many === undefined ? this.#few.indexOf(object) : this.#many.get(object) ?? -1;
  }

  /** Adds an object that is not there. */
  add(object: object): void {
    if (this.#many !== undefined) this.#many.set(object, this.#many.size);
    else if (this.#few.push(object) > FEW) {
      this.#many = new Map(this.#few.map((object, number) => [object, number]));
    }
  }
}
