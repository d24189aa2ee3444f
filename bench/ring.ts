/**
 * A ring of objects in an array whose length is a power of two and doubles when it is full: what a queue is at least.
 *
 * @module
 */

export class Ring<T> {
  #slots: (T | undefined)[] = new Array(16).fill(undefined);
  #first = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  push(item: T): void {
    if (this.#size === this.#slots.length) this.#grow();
    this.#slots[(this.#first + this.#size) & (this.#slots.length - 1)] = item;
    this.#size++;
  }

  /** There must be one. */
  shift(): T {
    const item = this.#slots[this.#first] as T;
    this.#slots[this.#first] = undefined;
    this.#first = (this.#first + 1) & (this.#slots.length - 1);
    this.#size--;
    return item;
  }

  #grow(): void {
    const { length } = this.#slots;
    const slots = new Array<T | undefined>(2 * length).fill(undefined);
    for (let i = 0; i < length; i++) slots[i] = this.#slots[(this.#first + i) & (length - 1)];
    this.#slots = slots;
    this.#first = 0;
  }
}
