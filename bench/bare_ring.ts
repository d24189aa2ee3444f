/**
 * A ring of texts in shared memory for one who puts and one who gets, and nothing besides: the floor of `shared-queue`. Who
 * finds it full or empty waits for the place of the other, who notifies it only then.
 *
 * @module
 */

const GOT = 0;
const PUT = 1;
const WAITING = 2;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** See above. */
export class BareRing {
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #bytes: Uint8Array;
  readonly #slots: number;

  /** A slot is 64 bytes: no item is longer. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
    this.#bytes = new Uint8Array(memory);
    this.#slots = memory.byteLength / 64 - 1;
  }

  put(text: string): boolean {
    const words = this.#words;
    const put = words[PUT];
    if (put - Atomics.load(words, GOT) === this.#slots) return false;
    const at = 64 * (1 + put % this.#slots);
    words[at >> 2] = encoder.encodeInto(text, this.#bytes.subarray(at + 4, at + 64)).written;
    Atomics.store(words, PUT, put + 1);
    this.#tell(PUT);
    return true;
  }

  get(): string | null {
    const words = this.#words;
    const got = words[GOT];
    if (Atomics.load(words, PUT) === got) return null;
    const at = 64 * (1 + got % this.#slots);
    const text = decoder.decode(this.#bytes.subarray(at + 4, at + 4 + words[at >> 2]));
    Atomics.store(words, GOT, got + 1);
    this.#tell(GOT);
    return text;
  }

  whileFull(): Promise<unknown> | undefined {
    return this.#wait(GOT, this.#words[PUT] - this.#slots);
  }

  whileEmpty(): Promise<unknown> | undefined {
    return this.#wait(PUT, this.#words[GOT]);
  }

  #wait(place: number, seen: number): Promise<unknown> | undefined {
    Atomics.store(this.#words, WAITING + place, 1);
    const { async, value } = Atomics.waitAsync(this.#words, place, seen);
    return async ? value : undefined;
  }

  #tell(place: number): void {
    if (Atomics.load(this.#words, WAITING + place) === 0) return;
    Atomics.store(this.#words, WAITING + place, 0);
    Atomics.notify(this.#words, place);
  }
}
