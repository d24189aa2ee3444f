/**
 * 200,000 jobs of all kinds, with cancellations, time limits and deaths at random: none is lost, none runs twice, each ends as
 * it has to, and the numbers add up.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  CancelScope,
  type Future,
  isCancelled,
  TimeoutError,
  transfer,
  WorkerCrashedError,
} from "../../mod.ts";
import { withLeakCheck } from "../../primitives/testing/mod.ts";
import { DEATHS } from "./jobs.ts";
import { cells, eventually, TestPool } from "./shared.ts";
import {
  soakClone,
  soakDeaf,
  soakDie,
  soakFail,
  soakLater,
  soakMoved,
  soakSpin,
  soakText,
  soakWait,
} from "./soak_jobs.ts";

const JOBS = 200_000;

// So many are on their way at a time, and so many are handed in before others are let do something.
const CROWD = 2000;
const BURST = 100;

/** Random numbers from 0 up to 1, the same for the same seed: "mulberry32". */
function randomFrom(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 2 ** 32;
  };
}

/** How a job has ended: "ok", what it has thrown, or "cancelled". */
type Ended = "ok" | "homeless" | "cancelled" | "RangeError" | "TimeoutError" | "crashed";

class Soak {
  readonly runs = cells(JOBS);
  readonly ends: Partial<Record<Ended, number>> = {};
  readonly complaints: string[] = [];
  readonly #pool: TestPool;
  readonly #random: () => number;
  readonly #onceStarted: Map<number, () => void> = new Map();
  #alive = 0;
  #changed: () => void = () => {};

  constructor(pool: TestPool, random: () => number) {
    this.#pool = pool;
    this.#random = random;
  }

  async run(): Promise<void> {
    const timer = setInterval(() => this.#tellStarted(), 1);
    for (let index = 0; index < JOBS;) {
      for (let n = 0; n < BURST; n++) this.#handIn(index++);
      do await new Promise<void>((resolve) => this.#changed = resolve); while (this.#alive > CROWD);
    }
    while (this.#alive > 0) await new Promise<void>((resolve) => this.#changed = resolve);
    clearInterval(timer);
  }

  #handIn(index: number): void {
    const { runs } = this;
    const pool = this.#pool;
    const kind = this.#random();
    const isCancelled = this.#random() < 0.05;
    if (kind < 0.52) {
      this.#expect(index, pool.submit(soakText, index), isCancelled, ["ok", "homeless"]);
    } else if (kind < 0.7) {
      this.#expect(index, pool.submit(soakClone, runs, index), isCancelled, ["ok"]);
    } else if (kind < 0.9) {
      this.#expect(index, pool.submit(soakLater, runs, index), isCancelled, ["ok"]);
    } else if (kind < 0.95) {
      this.#expect(index, pool.submit(soakFail, runs, index), isCancelled, ["RangeError"]);
    } else if (kind < 0.97) {
      this.#runInScope(index);
    } else if (kind < 0.995) {
      this.#expect(index, pool.submit(soakClone, runs, index), true, ["ok"]);
    } else if (kind < 0.998) {
      const bytes = transfer(new Uint8Array([1, 2, 3]));
      this.#expect(index, pool.submit(soakMoved, runs, index, bytes), isCancelled, ["ok"]);
    } else if (kind < 0.999) {
      const waiting = pool.submit(soakWait, runs, index, kind < 0.9985);
      this.#expect(index, waiting, false, ["cancelled"]);
      this.#sooner(index, () => waiting.cancel());
    } else if (kind < 0.9995) {
      const limited = pool.with({ timeout: 1 }).submit(soakSpin, runs, index);
      this.#expect(index, limited, false, ["TimeoutError"]);
    } else if (kind < 0.9998) {
      const how = DEATHS[Math.floor(this.#random() * DEATHS.length)];
      const dying = pool.submit(soakDie, runs, index, how, kind < 0.9997);
      this.#expect(index, dying, false, ["crashed"]);
    } else {
      const deaf = pool.submit(soakDeaf, runs, index);
      this.#expect(index, deaf, false, ["cancelled"]);
      this.#onceStarted.set(index, () => deaf.cancel());
    }
  }

  #runInScope(index: number): void {
    const scope = new CancelScope();
    this.#alive++;
    const running = scope.enter(() => this.#pool.run(soakWait, this.runs, index, index % 2 === 0));
    this.#sooner(index, () => scope.cancel());
    running.then(
      () => this.#end(index, "cancelled", ["cancelled"]),
      (error) => this.#end(index, String(error) as Ended, ["cancelled"]),
    );
  }

  #expect(index: number, future: Future<unknown>, cancels: boolean, ends: Ended[]): void {
    this.#alive++;
    if (cancels) this.#soon(() => future.cancel());
    future.onDone(() => this.#ended(index, future, cancels ? [...ends, "cancelled"] : ends));
  }

  async #ended(index: number, future: Future<unknown>, expected: Ended[]): Promise<void> {
    const error = await future.error();
    if (error === undefined) {
      const value = await future;
      const result = value instanceof Map ? value.get(index) : value;
      if (result === false) this.#end(index, "homeless", expected);
      else if (result === index) this.#end(index, "ok", expected);
      else this.complaints.push(`${index} gave ${result}`);
    } else if (isCancelled(error)) this.#end(index, "cancelled", expected);
    else if (error instanceof TimeoutError) this.#end(index, "TimeoutError", expected);
    else if (error instanceof WorkerCrashedError) this.#end(index, "crashed", expected);
    else if ((error as Error).message === `${index}`) this.#end(index, "RangeError", expected);
    else this.complaints.push(`${index} threw ${error}`);
  }

  #end(index: number, end: Ended, expected: Ended[]): void {
    this.#alive--;
    this.ends[end] = (this.ends[end] ?? 0) + 1;
    const runs = Atomics.load(this.runs, index);
    // What is cancelled, or whose time is up, may not have come to run.
    const isRight = end === "cancelled" || end === "TimeoutError"
      ? runs <= 1
      : runs === (end === "homeless" ? 0 : 1);
    if (!expected.includes(end) || !isRight) {
      this.complaints.push(`${index}: ${end} after ${runs} runs, not ${expected}`);
    }
    this.#changed();
  }

  /** When a job has started, or at some other time. */
  #sooner(index: number, fn: () => void): void {
    if (this.#random() < 0.5) this.#onceStarted.set(index, fn);
    else this.#soon(fn);
  }

  #tellStarted(): void {
    for (const [index, fn] of this.#onceStarted) {
      if (Atomics.load(this.runs, index) === 0) continue;
      this.#onceStarted.delete(index);
      fn();
    }
  }

  /** At one of the points of a job's way, which one is left to chance. */
  #soon(fn: () => void): void {
    const when = this.#random();
    if (when < 0.2) fn();
    else if (when < 0.4) queueMicrotask(fn);
    else if (when < 0.7) setTimeout(fn, 0);
    else setTimeout(fn, this.#random() * 20);
  }
}

Deno.test("of 200,000 jobs of all kinds none is lost, none runs twice, and each ends as it has to", async () => {
  const seed = Math.floor(Math.random() * 2 ** 32);
  await withLeakCheck(async () => {
    await using pool = new TestPool({ size: 2, grace: 5, maxAbandoned: 100 });
    const soak = new Soak(pool, randomFrom(seed));

    await soak.run();

    const { complaints, ends } = soak;
    assertEquals(complaints.slice(0, 10), [], `seed ${seed}: ${complaints.length} complaints`);
    const { ok = 0, homeless = 0, cancelled, crashed = 0, RangeError = 0, TimeoutError = 0 } = ends;
    const stats = pool.stats();
    assertEquals(
      [stats.succeeded, stats.failed, stats.cancelled, stats.queued, stats.running],
      [ok + homeless, crashed + RangeError + TimeoutError, cancelled, 0, 0],
      `seed ${seed}`,
    );
    assert(crashed > 0 && TimeoutError > 0 && stats.crashed > crashed, `seed ${seed}`);
    await eventually(() => pool.stats().abandoned === 0, "no thread runs on");
  });
});
