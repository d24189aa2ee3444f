/**
 * Timers that a test fires by hand: those of one delay, by which it tells them from all others, which
 * stay as they are.
 *
 * @module
 */

/** See above; until they are disposed of. */
export class HandTimers implements Disposable {
  readonly #original = { setTimeout, clearTimeout };
  readonly #due = new Map<object, () => void>();

  constructor(delay: number) {
    const due = this.#due;
    const { setTimeout: set, clearTimeout: clear } = this.#original;
    Object.assign(globalThis, {
      setTimeout: (fn: () => void, ms?: number) => {
        if (ms !== delay) return set(fn, ms);
        const id = {};
        due.set(id, fn);
        return id;
      },
      clearTimeout: (id: unknown) => due.delete(id as object) || clear(id as number),
    });
  }

  /** How many are there. */
  get waiting(): number {
    return this.#due.size;
  }

  /** Fires all that are there by now. */
  fire(): void {
    const fns = [...this.#due.values()];
    this.#due.clear();
    for (const fn of fns) fn();
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, this.#original);
  }
}
