/**
 * The ledger between a pool and a worker thread: a slot in shared memory for each job.
 *
 * @module
 */

import { type Ledger, slotOf, SLOTS, type WorkerLedger } from "../remote/ledger.ts";

// Behind the slots: which job is to end.
const TO_CANCEL = SLOTS;
const ANY = -1;

// The states of a slot.
const SENT = 1;
const STARTED = 2;
const ENDED = 3;
const TAKEN_BACK = -1;

/** See above. */
export class SharedLedger implements Ledger, WorkerLedger {
  /** What the other side makes its ledger of. */
  readonly memory: SharedArrayBuffer;
  readonly #slots: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer((SLOTS + 1) * 4)) {
    this.memory = memory;
    this.#slots = new Int32Array(memory);
  }

  sent(seq: number): void {
    Atomics.store(this.#slots, slotOf(seq), SENT);
  }

  hasStarted(seq: number): boolean {
    return Atomics.load(this.#slots, slotOf(seq)) >= STARTED;
  }

  isRunning(seq: number): boolean {
    return Atomics.load(this.#slots, slotOf(seq)) === STARTED;
  }

  takeBack(seq: number): boolean {
    return Atomics.compareExchange(this.#slots, slotOf(seq), SENT, TAKEN_BACK) === SENT;
  }

  /** Has a job end that was started; without its number, whichever it is. */
  cancel(seq: number = ANY): void {
    Atomics.store(this.#slots, TO_CANCEL, seq);
  }

  isCancelled(seq: number): boolean {
    const cancelled = Atomics.load(this.#slots, TO_CANCEL);
    return cancelled === seq || cancelled === ANY;
  }

  claim(seq: number): boolean {
    return Atomics.compareExchange(this.#slots, slotOf(seq), SENT, STARTED) === SENT;
  }

  ended(seq: number): void {
    Atomics.store(this.#slots, slotOf(seq), ENDED);
  }
}
