/**
 * Foreign `AbortSignal`s, listened to once each. `addEventListener` walks all listeners there are
 * (20,000 on one signal took 1.6 s), so whoever waits for a signal joins a queue kept beside it,
 * and the one listener serves them all. It is taken off again when the last has left.
 *
 * @module
 */

import { Parked, WaitQueue, type WaitTarget } from "./queue.ts";

const SIGNAL: WaitTarget = { kind: "signal", name: "" };

const queues = new WeakMap<AbortSignal, SignalQueue>();

class SignalQueue extends WaitQueue<void> {
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    super(SIGNAL);
    this.#signal = signal;
    signal.addEventListener("abort", this.#aborted);
  }

  readonly #aborted = (): void => this.wakeAll();

  override emptied(): void {
    this.#signal.removeEventListener("abort", this.#aborted);
    queues.delete(this.#signal);
  }
}

/**
 * Calls back once when a signal aborts, unless it was let go before. The signal must not have
 * aborted yet.
 */
export class SignalWatch extends Parked<void> {
  readonly #aborted: () => void;

  constructor(signal: AbortSignal, aborted: () => void) {
    super();
    this.#aborted = aborted;
    let queue = queues.get(signal);
    if (queue === undefined) queues.set(signal, queue = new SignalQueue(signal));
    queue.add(this);
  }

  wake(): void {
    this.#aborted();
  }

  /** Lets the signal go. Does nothing when it has aborted. */
  release(): void {
    this.queue?.remove(this);
  }
}
