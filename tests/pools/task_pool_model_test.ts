/**
 * Random programs over a `TaskPool`, against a plain model of it: which job starts when, how each
 * ends, what is refused; none is lost, and none runs twice.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  cancellable,
  CancelScope,
  ClosedError,
  type Future,
  isCancelled,
  type JobOrder,
  OverloadedError,
  suppressedErrors,
  TaskPool,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { foreign } from "../primitives/probes.ts";
import { unhandledDuring } from "../primitives/spies.ts";

type Manner = "returns" | "throws" | "waits";
type End = "succeeded" | "failed" | "cancelled";

type Step =
  | { do: "submit" | "run"; manner: Manner; priority: number }
  | { do: "finish" | "fail" | "cancel" | "look"; job: number }
  | { do: "shutdown"; cancelPending: boolean }
  | { do: "settle" };

interface Program {
  readonly concurrency: number;
  readonly order: JobOrder;
  readonly maxQueue: number;
  readonly steps: readonly Step[];
}

const manner = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Manner>("waits") },
  { weight: 1, arbitrary: fc.constantFrom<Manner>("returns", "throws") },
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom("submit" as const, "run" as const),
      manner,
      priority: fc.integer({ min: -1, max: 1 }),
    }),
  },
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constantFrom("finish" as const, "finish" as const, "fail" as const, "cancel" as const),
      // Counted from the last: those before have mostly ended.
      job: fc.nat(7),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("look" as const), job: fc.nat(7) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("settle" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("shutdown" as const), cancelPending: fc.boolean() }),
  },
);
const program: fc.Arbitrary<Program> = fc.record({
  concurrency: fc.integer({ min: 1, max: 3 }),
  order: fc.constantFrom<JobOrder>("fifo", "lifo", "priority"),
  maxQueue: fc.constantFrom(0, 2, Infinity, Infinity),
  steps: fc.array(step, { maxLength: 40, size: "max" }),
});

/** A job: what it is, and what the model says of it. */
class JobCase {
  readonly id: number;
  readonly manner: Manner;
  readonly priority: number;
  readonly error: Error;
  readonly gate = foreign<number>();
  readonly scope = new CancelScope();
  future: Future<number> | undefined;
  outcome: Promise<void> | undefined;
  /** How its `run` has ended. */
  actual: { value: number | undefined } | { error: unknown } | undefined;
  starts = 0;
  state: "queued" | "running" | End = "queued";
  /** How it will end, once the loop has turned. */
  ending: End | undefined;
  isLookedAt = false;

  constructor(id: number, { manner, priority }: { manner: Manner; priority: number }) {
    this.id = id;
    this.manner = manner;
    this.priority = priority;
    this.error = new Error(`of job ${id}`);
    this.gate.promise.catch(() => {});
  }

  readonly fn = (): number | Promise<number> => {
    this.starts++;
    started.push(this.id);
    if (this.manner === "returns") return this.id;
    if (this.manner === "throws") throw this.error;
    return cancellable(this.gate.promise);
  };
}

let started: number[] = [];
const seen = new Map<string, number>();

function count(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

/** What the pool is to do. */
class Model {
  readonly #concurrency: number;
  readonly #order: JobOrder;
  readonly #room: number;
  readonly started: number[] = [];
  readonly queue: JobCase[] = [];
  readonly running = new Set<JobCase>();
  readonly counts = { succeeded: 0, failed: 0, cancelled: 0 };
  isShutDown = false;

  constructor({ concurrency, order, maxQueue }: Program) {
    this.#concurrency = concurrency;
    this.#order = order;
    this.#room = concurrency + maxQueue;
  }

  get isFull(): boolean {
    return this.queue.length + this.running.size >= this.#room;
  }

  add(job: JobCase): void {
    if (this.running.size < this.#concurrency) this.#start(job);
    else {
      const { queue } = this;
      let at = queue.length;
      if (this.#order === "lifo") at = 0;
      if (this.#order === "priority") {
        while (at > 0 && queue[at - 1].priority > job.priority) at--;
      }
      queue.splice(at, 0, job);
    }
  }

  /** What has been told to end, ends; what waits, starts. */
  settle(): void {
    for (const job of [...this.running]) if (job.ending !== undefined) this.end(job, job.ending);
    while (this.running.size < this.#concurrency && this.queue.length > 0) {
      this.#start(this.queue.shift()!);
    }
  }

  end(job: JobCase, state: End): void {
    this.running.delete(job);
    job.state = state;
    this.counts[state]++;
  }

  cancel(job: JobCase): void {
    if (job.state === "running") job.ending = "cancelled";
    else if (job.state === "queued") {
      this.queue.splice(this.queue.indexOf(job), 1);
      this.end(job, "cancelled");
    }
  }

  #start(job: JobCase): void {
    this.started.push(job.id);
    job.state = "running";
    this.running.add(job);
    if (job.manner === "returns") this.end(job, "succeeded");
    if (job.manner === "throws") this.end(job, "failed");
  }
}

/** Takes the outcome of a `run`. */
async function follow(job: JobCase, run: Promise<number | undefined>): Promise<void> {
  try {
    job.actual = { value: await run };
  } catch (error) {
    job.actual = { error };
  }
}

async function run(program: Program): Promise<void> {
  const { concurrency, order, maxQueue, steps } = program;
  const pool = new TaskPool(concurrency, { order, maxQueue });
  const model = new Model(program);
  const jobs: JobCase[] = [];
  started = [];

  const settle = async () => {
    await waitAllTasksBlocked();
    model.settle();
  };

  const finish = (job: JobCase, state: "succeeded" | "failed") => {
    if (job.state !== "running" || job.ending !== undefined) return;
    job.ending = state;
    if (state === "succeeded") job.gate.resolve(job.id);
    else job.gate.reject(job.error);
  };

  for (const step of steps) {
    switch (step.do) {
      case "submit":
      case "run": {
        const job = new JobCase(jobs.length, step);
        const told = pool.with({ priority: step.priority });
        if (model.isShutDown) {
          count("refused, as it was shut down");
          if (step.do === "submit") assertThrows(() => told.submit(job.fn), ClosedError);
          else {
            await Promise.all([follow(job, told.run(job.fn)), settle()]);
            assert("error" in job.actual! && job.actual.error instanceof ClosedError);
          }
          break;
        }
        if (step.do === "submit" && model.isFull) {
          count("refused, as it was full");
          assertThrows(() => told.submit(job.fn), OverloadedError);
          break;
        }
        jobs.push(job);
        if (step.do === "submit") job.future = told.submit(job.fn);
        else job.outcome = follow(job, job.scope.enter(() => told.run(job.fn)));
        model.add(job);
        break;
      }
      case "finish":
      case "fail": {
        const job = jobs.at(-1 - step.job);
        if (job !== undefined) finish(job, step.do === "finish" ? "succeeded" : "failed");
        break;
      }
      case "cancel": {
        const job = jobs.at(-1 - step.job);
        if (job === undefined) break;
        if (job.future === undefined) job.scope.cancel();
        else assertEquals(job.future.cancel(), job.state === "queued" || job.state === "running");
        model.cancel(job);
        break;
      }
      case "look": {
        const job = jobs.at(-1 - step.job);
        if (job?.future === undefined) break;
        job.isLookedAt = true;
        job.future.onDone(() => {});
        break;
      }
      case "shutdown": {
        const { cancelPending } = step;
        pool.shutdown({ cancelPending, wait: false });
        model.isShutDown = true;
        if (cancelPending) { for (const job of [...model.queue]) model.cancel(job); }
        break;
      }
      case "settle":
        await settle();
    }
    const { queued, running, succeeded, failed, cancelled, isShutDown } = pool.stats();
    assertEquals([queued, running, isShutDown], [
      model.queue.length,
      model.running.size,
      model.isShutDown,
    ]);
    assertEquals({ succeeded, failed, cancelled }, model.counts);
    assertEquals(started, model.started);
    for (const { future, state } of jobs) {
      if (future !== undefined) assertEquals(future.state, state);
    }
  }

  while (model.running.size > 0) {
    for (const job of model.running) finish(job, "succeeded");
    await settle();
    assertEquals(started, model.started);
  }
  await Promise.all(jobs.map(({ outcome }) => outcome));
  const failures: Error[] = [];
  for (const job of jobs) {
    const { state, future, actual } = job;
    count(`${future === undefined ? "run" : "submit"}: ${state}`);
    assertEquals(
      job.starts,
      Number(model.started.includes(job.id)),
      `job ${job.id} was lost or ran twice`,
    );
    if (future !== undefined) {
      assertEquals(future.state, state);
      if (state === "failed" && !job.isLookedAt) failures.push(job.error);
    } else if (state === "succeeded") assertEquals(actual, { value: job.id });
    else if (state === "failed") {
      assertStrictEquals((actual as { error: unknown }).error, job.error);
    } else if (job.scope.cancelledCaught) assertEquals(actual, { value: undefined });
    else assert(isCancelled((actual as { error: unknown }).error));
  }
  const thrown: unknown[] = [];
  await pool.shutdown().catch((error) => thrown.push(error, ...suppressedErrors(error)));
  assertEquals(thrown.length, failures.length);
  for (const failure of failures) assert(thrown.includes(failure), failure.message);
}

Deno.test("Random programs over a TaskPool do what a plain model says: no job is lost, none runs twice [P4, P7]", async () => {
  const unhandled = await unhandledDuring(() =>
    fc.assert(
      fc.asyncProperty(program, (program) => withLeakCheck(() => run(program))),
      { numRuns: 2000 },
    )
  );
  assertEquals(unhandled, []);
  for (const state of ["succeeded", "failed", "cancelled"]) {
    for (const call of ["submit", "run"]) {
      const what = `${call}: ${state}`;
      assert((seen.get(what) ?? 0) > 50, `${what}: ${seen.get(what) ?? 0} times`);
    }
  }
  for (const reason of ["shut down", "full"]) {
    assert((seen.get(`refused, as it was ${reason}`) ?? 0) > 50, reason);
  }
});
