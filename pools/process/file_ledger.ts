/**
 * The ledger between a pool and a worker process, in a file that both have open: processes share no
 * memory that JavaScript could reach, but what one has written to a file, the other reads, even if
 * the one was killed since.
 *
 * Neither side can look and write at once, so they agree as Dekker's algorithm has it: each writes
 * what it is about to do before it looks at what the other does. One of them sees the other then. If
 * both do, it is the pool that decides, and the worker waits for that.
 *
 * Source: E. W. Dijkstra, "Cooperating sequential processes" (EWD 123, 1965), section 2.1.
 *
 * @module
 */

import { type Ledger, slotOf, type WorkerLedger } from "../remote/ledger.ts";

// The file: the number of the last job that the worker has started, the highest number of those that
// the pool has asked back, and a word for each slot.
const STARTED = 0;
const HIGHEST = 4;
const FIRST_SLOT = 8;

// What the word of a job that is to be taken back says, besides its number.
const ASKED = 1;
const TAKEN = 2;
const LEFT = 3;

// How long a worker waits for the pool's word, in milliseconds. It takes some microseconds, unless
// the pool's process was stopped or killed in the middle of it. Then it ends: what it did not start, and
// the pool had not taken back, would be nobody's.
const PATIENCE = 10_000;

/** Words of 32 bits in a file. */
class Words {
  readonly #file: Deno.FsFile;
  readonly #word: Uint32Array = new Uint32Array(1);
  readonly #bytes: Uint8Array = new Uint8Array(this.#word.buffer);

  constructor(path: string) {
    this.#file = Deno.openSync(path, { read: true, write: true });
  }

  write(at: number, word: number): void {
    this.#file.seekSync(at, Deno.SeekMode.Start);
    this.#word[0] = word;
    this.#file.writeSync(this.#bytes);
  }

  /** Reads a word, by default the one after that which was read or written last. */
  read(at?: number): number {
    if (at !== undefined) this.#file.seekSync(at, Deno.SeekMode.Start);
    this.#word[0] = 0; // What was never written is not in the file.
    this.#file.readSync(this.#bytes);
    return this.#word[0];
  }

  close(): void {
    this.#file.close();
  }
}

function wordAt(seq: number): number {
  return FIRST_SLOT + slotOf(seq) * 4;
}

// The slots are used again: what a word says is of its own job alone.
function wordOf(seq: number, state: number): number {
  return (seq * 4 + state) >>> 0;
}

/** The pool's side. */
export class FileLedger implements Ledger, Disposable {
  readonly #words: Words;
  #highest = 0;

  /** The file has to be there. */
  constructor(path: string) {
    this.#words = new Words(path);
  }

  sent(_seq: number): void {}

  hasStarted(seq: number): boolean {
    return seq <= this.#words.read(STARTED);
  }

  isRunning(seq: number): boolean {
    return this.hasStarted(seq);
  }

  takeBack(seq: number): boolean {
    // Most that cannot be taken back can be told by that.
    if (this.hasStarted(seq)) return false;
    this.#words.write(wordAt(seq), wordOf(seq, ASKED));
    this.#highest = Math.max(this.#highest, seq);
    this.#words.write(HIGHEST, this.#highest);
    const isTaken = !this.hasStarted(seq);
    this.#words.write(wordAt(seq), wordOf(seq, isTaken ? TAKEN : LEFT));
    return isTaken;
  }

  [Symbol.dispose](): void {
    this.#words.close();
  }
}

/** The worker's side. */
export class FileWorkerLedger implements WorkerLedger {
  readonly #words: Words;

  constructor(path: string) {
    this.#words = new Words(path);
  }

  claim(seq: number): boolean {
    this.#words.write(STARTED, seq);
    const highest = this.#words.read(); // The next one in the file.
    if (seq > highest) return true;
    const at = wordAt(seq);
    const asked = wordOf(seq, ASKED);
    let word = this.#words.read(at);
    for (const end = performance.now() + PATIENCE; word === asked;) {
      if (performance.now() > end) Deno.exit(1);
      word = this.#words.read(at);
    }
    return word !== wordOf(seq, TAKEN);
  }

  ended(_seq: number): void {}

  // One that does not hear is killed.
  isCancelled(_seq: number): boolean {
    return false;
  }
}
