/**
 * Threads of `serveOnCores` that say what a test has them say.
 *
 * @module
 */

import type { FromCore, ToCore } from "../../io/core_protocol.ts";

/** See above. */
export class FakeWorker extends EventTarget {
  /** What it was told. */
  readonly told: ToCore[] = [];
  onmessage: (event: { data: unknown }) => void = () => {};
  isTerminated = false;

  say(message: FromCore): void {
    this.onmessage({ data: message });
  }

  postMessage(message: ToCore): void {
    this.told.push(message);
  }

  terminate(): void {
    this.isTerminated = true;
  }
}

/** Has all workers that are started be fakes, until it is disposed of. */
export class FakeWorkers implements Disposable {
  /** All that were started, the first one first. */
  readonly all: FakeWorker[] = [];
  readonly #original = globalThis.Worker;
  #awaited = () => {};

  constructor() {
    const { all } = this;
    const started = () => this.#awaited();
    class Worker extends FakeWorker {
      constructor() {
        super();
        all.push(this);
        started();
      }
    }
    Object.assign(globalThis, { Worker });
  }

  /** Waits until so many were started, and gives the last one of them. */
  async nth(count: number): Promise<FakeWorker> {
    while (this.all.length < count) {
      await new Promise<void>((resolve) => this.#awaited = resolve);
    }
    return this.all[count - 1];
  }

  [Symbol.dispose](): void {
    Object.assign(globalThis, { Worker: this.#original });
  }
}
