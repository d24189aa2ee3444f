/**
 * `@std/testing/time` where JSR cannot be reached: `FakeTime` with the methods and the meaning of the original, over the
 * clock of `@sinonjs/fake-timers`. It replaces what the original replaces: `Date`, the four timer functions and
 * `AbortSignal.timeout`; `performance.now` stays real.
 *
 * @module
 */

// @ts-types="npm:@types/sinonjs__fake-timers@15.0.1"
import { withGlobal } from "npm:@sinonjs/fake-timers@15.5.0";

const real = {
  Date: globalThis.Date,
  setTimeout: globalThis.setTimeout,
  clearTimeout: globalThis.clearTimeout,
  setInterval: globalThis.setInterval,
  clearInterval: globalThis.clearInterval,
};
const realAbortTimeout = AbortSignal.timeout;

/** The one in effect: time can be faked once at a time. */
let current: FakeTime | undefined;

/** Thrown where time is faked twice, restored twice, or made to go back. */
export class TimeError extends Error {
  override name = "TimeError";
}

/** The options of {@linkcode FakeTime}. */
export interface FakeTimeOptions {
  /** How fast fake time runs by itself, compared to real time; by default it stands still until it is told to move. */
  advanceRate: number;
  /** How often it then moves, in real milliseconds. Default: 10. */
  advanceFrequency?: number;
}

/** Puts a clock that moves only when told to in the place of the real one, until it is disposed of. */
export class FakeTime {
  readonly #start: number;
  readonly #clock: ReturnType<ReturnType<typeof withGlobal>["createClock"]>;
  readonly #fake: typeof real;
  #ticker: ReturnType<typeof setInterval> | undefined;

  constructor(start?: number | string | Date | FakeTime | null, options?: FakeTimeOptions) {
    if (current !== undefined) throw new TimeError("Cannot fake time as it is faked already");
    this.#start = start instanceof FakeTime ? start.now : momentOf(start ?? real.Date.now());
    this.#clock = withGlobal(globalThis).createClock(this.#start);
    const { Date, setTimeout, clearTimeout, setInterval, clearInterval } = this.#clock;
    this.#fake = {
      Date,
      setTimeout,
      clearTimeout,
      setInterval,
      clearInterval,
    } as unknown as typeof real;
    current = this;
    this.#install();
    if (options !== undefined && options.advanceRate > 0) {
      const { advanceRate, advanceFrequency = 10 } = options;
      this.#ticker = real.setInterval(
        () => this.tick(advanceRate * advanceFrequency),
        advanceFrequency,
      );
    }
  }

  /** Restores the time faked by whichever `FakeTime` is in effect. */
  static restore(): void {
    inEffect().restore();
  }

  /** Runs `callback` in real time, then goes on in fake time. */
  static async restoreFor<T, Args extends unknown[]>(
    callback: (...args: Args) => Promise<T> | T,
    ...args: Args
  ): Promise<T> {
    const time = inEffect();
    restoreGlobals();
    try {
      return await callback(...args);
    } finally {
      if (current === time) time.#install();
    }
  }

  /** The fake time in milliseconds since 1970. Setting it runs the timers that become due. */
  get now(): number {
    return this.#clock.now;
  }
  set now(value: number) {
    if (value < this.now) throw new RangeError("Cannot set fake time as it cannot go backwards");
    this.#clock.tick(value - this.now);
  }

  /** The fake time at the beginning. */
  get start(): number {
    return this.#start;
  }

  /** Resolves after so many milliseconds of real time. */
  delay(ms: number, options: { signal?: AbortSignal } = {}): Promise<void> {
    const { signal } = options;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    if (signal?.aborted) {
      reject(signal.reason);
      return promise;
    }
    const timer = real.setTimeout(() => {
      signal?.removeEventListener("abort", abort);
      resolve();
    }, ms);
    function abort() {
      real.clearTimeout(timer);
      reject(signal?.reason);
    }
    signal?.addEventListener("abort", abort, { once: true });
    return promise;
  }

  /** Lets everything run that waits for no timer. */
  async runMicrotasks(): Promise<void> {
    await this.delay(0);
  }

  /** Moves time on, running the timers that become due. */
  tick(ms = 0): void {
    this.now += ms;
  }

  /** `runMicrotasks`, then `tick`. */
  async tickAsync(ms = 0): Promise<void> {
    await this.runMicrotasks();
    this.tick(ms);
  }

  /** Moves time to the next timer and runs all that are due then; `false` when there is none. */
  next(): boolean {
    if (this.#clock.countTimers() === 0) return false;
    // The clock's own `next` runs one timer, of those due at the same moment the first.
    this.#clock.next();
    this.#clock.tick(0);
    return true;
  }

  /** `runMicrotasks`, then `next`. */
  async nextAsync(): Promise<boolean> {
    await this.runMicrotasks();
    return this.next();
  }

  /** Moves from timer to timer until none is left. */
  runAll(): void {
    while (this.next());
  }

  /** `runAll`, with `runMicrotasks` before each timer. */
  async runAllAsync(): Promise<void> {
    while (await this.nextAsync());
  }

  /** Gives real time back. */
  restore(): void {
    if (current !== this) throw new TimeError("Cannot restore time as it is restored already");
    current = undefined;
    real.clearInterval(this.#ticker);
    restoreGlobals();
  }

  /** Gives real time back at the end of a `using` block. */
  [Symbol.dispose](): void {
    this.restore();
  }

  #install(): void {
    Object.assign(globalThis, this.#fake);
    AbortSignal.timeout = (ms) => {
      const controller = new AbortController();
      const expire = () => controller.abort(new DOMException("Signal timed out.", "TimeoutError"));
      this.#clock.setTimeout(expire, ms);
      return controller.signal;
    };
  }
}

function restoreGlobals(): void {
  Object.assign(globalThis, real);
  AbortSignal.timeout = realAbortTimeout;
}

function inEffect(): FakeTime {
  if (current === undefined) throw new TimeError("Cannot restore time as it is not faked");
  return current;
}

function momentOf(start: number | string | Date): number {
  const moment = Math.floor(new real.Date(start).valueOf());
  if (Number.isNaN(moment)) {
    throw new TimeError(`Cannot fake time as its start is invalid: ${start}`);
  }
  return moment;
}
