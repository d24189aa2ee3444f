/**
 * Which keys of objects a message has already. The keys of one message are those of the next, so
 * they are remembered with the message that had them last: to look one up, and to note it, is one
 * step then.
 *
 * @module
 */

// What is remembered is memory that is never given back.
const MOST_KEYS = 1024;
const LONGEST_KEY = 64;

interface KnownKey {
  message: number;
  number: number;
}

const known = new Map<string, KnownKey>();
let messages = 0;

/** The keys of one message. */
export class KnownKeys {
  readonly #message: number = ++messages;
  #size = 0;

  /** The number of a key that the message has; -1 for one that is new, and is numbered now. */
  numberOf(key: string): number {
    const entry = known.get(key);
    if (entry !== undefined) {
      if (entry.message === this.#message) return entry.number;
      entry.message = this.#message;
      entry.number = this.#size;
    } else if (key.length <= LONGEST_KEY) {
      if (known.size === MOST_KEYS) known.clear();
      known.set(key, { message: this.#message, number: this.#size });
    }
    this.#size++;
    return -1;
  }
}
