/**
 * Runs jobs in a worker, in the order in which they came, one at a time.
 *
 * Each job runs in a task of its own. To enter a task costs more than a small job; so jobs of one
 * function that come in a row, and are over when they return, share one: nobody can tell.
 *
 * @module
 */

import { askBy } from "../../primitives/kernel/blocked_thread.ts";
import { rootScope } from "../../primitives/kernel/context.ts";
import { held, isAwaited } from "../../primitives/kernel/hold.ts";
import { unpackLocals } from "../../primitives/kernel/portable_locals.ts";
import { keepShape } from "../../primitives/kernel/shapes.ts";
import { textOf, TimeoutError } from "../../primitives/kernel/errors.ts";
import { causeOf, hasChildren, isUntouched, link } from "../../primitives/kernel/scope.ts";
import {
  endTask,
  enterTask,
  followTask,
  isThenable,
  type Task,
} from "../../primitives/kernel/task.ts";
import { waitForPromise } from "../../primitives/kernel/wait.ts";
import { inspect } from "../../primitives/inspect.ts";
import { traceAges } from "../../primitives/trace_ages.ts";
import { type JobHost, JobScope, JobTask, type Reporter } from "../job_task.ts";
import { dropPassed } from "../passing.ts";
import type { FunctionReference } from "../portable.ts";
import type { AnyFunction } from "../job.ts";
import { encodeError } from "../remote_error.ts";
import { Batch } from "./batch.ts";
import { callWithin, INTERRUPTED } from "./deadline.ts";
import { Callee, loader } from "./functions.ts";
import { Outflow, type Post } from "./outflow.ts";
import "../kinds.ts";
import { Uplink } from "../link/uplink.ts";
import type { Wire } from "./wire.ts";
import type { WorkerLedger } from "./ledger.ts";
import type { JobExtras, ToWorker } from "./protocol.ts";
import { StreamOut } from "./stream_out.ts";

type Start = Extract<ToWorker, { type: "start" }>;

/** What a worker needs besides, of its kind. */
export interface RunnerOptions {
  /** Resolves when the worker may say that it is ready, if that is not now. */
  readonly opened?: Promise<void>;
  /**
   * Resolves when what was posted has left; `undefined` when it has. Default: it leaves at once.
   */
  readonly sending?: () => Promise<void> | undefined;
}

/** See above. */
export class Runner implements JobHost {
  /** What `inspect()` calls the scope that the jobs run in: the worker's name. */
  name = "";
  readonly #post: Post;
  readonly #wire: Wire;
  readonly #ledger: WorkerLedger;
  readonly #opened: Promise<void> | undefined;
  readonly #sending: () => Promise<void> | undefined;
  readonly #uplink: Uplink;
  readonly #outflow: Outflow;
  readonly #scope: JobScope = new JobScope(this);
  readonly #callees: Callee[] = [];
  readonly #batches: Batch[] = [];
  #load!: (url: string) => Promise<unknown>;
  // The job that the loop over the batches waits for, or the start of the worker.
  #isBusy = true;
  #current: JobTask<Running> | undefined;
  // The one that runs jobs in a row.
  #row: JobTask<Running> | undefined;

  /**
   * @param post Sends a message to the pool.
   * @param wire How values get here and back.
   * @param ledger What tells which jobs are to be run.
   * @param options See above.
   */
  constructor(
    post: Post,
    wire: Wire,
    ledger: WorkerLedger,
    { opened, sending = () => undefined }: RunnerOptions = {},
  ) {
    this.#post = post;
    this.#wire = wire;
    this.#ledger = ledger;
    this.#opened = opened;
    this.#sending = sending;
    this.#uplink = new Uplink(
      (message, moved) => post({ type: "link", message }, moved),
      // Few workers ever need it.
      async () => (await import("../link/node.ts")).currentNode(),
    );
    this.#outflow = new Outflow(post, wire);
    link(this.#scope, rootScope(), null);
    askBy(() => {
      const task = this.#row ?? this.#current;
      if (task !== undefined && ledger.isCancelled(task.job.seq)) task.cancel();
    });
  }

  /** A message has come. */
  receive(message: ToWorker): void {
    if (typeof message === "string") {
      this.#take(Batch.parse(message));
      return;
    }
    switch (message.type) {
      case "start":
        this.#start(message);
        break;
      case "function":
        this.#callees[message.fn] = new Callee(message.reference, this.#load);
        break;
      case "job":
        this.#take(Batch.of(message.seq, message.job));
        break;
      case "cancel":
        if (this.#current?.job.seq === message.seq) this.#current.cancel(message.reason);
        break;
      case "credit":
        if (this.#current?.job.seq === message.seq) this.#current.job.stream?.grant(message.items);
        break;
      case "link":
        this.#uplink.receive(message.message);
        break;
      case "inspect":
        traceAges(true); // Who asks once asks again.
        this.#post({ type: "tree", question: message.question, tree: inspect() });
    }
  }

  /** Sends the results that are still here, as the worker is about to go. */
  flush(): void {
    this.#outflow.flush();
  }

  jobEnded(task: JobTask<Running>, outcome: unknown): void {
    if (this.#current !== task) return; // Jobs have shared it, and are over.
    this.#current = undefined;
    const { seq, fn, startedAt, isTimed, stream } = task.job;
    const now = performance.now();
    if (isTimed) this.#outflow.took(fn, 1, now - startedAt);
    if (task.state === "succeeded") {
      this.#outflow.succeeded(seq, stream === undefined ? outcome : undefined);
    } else if (task.state === "failed") {
      this.#outflow.failed(seq, this.#callees[fn].explain(outcome));
    } else if (task.cancelled !== undefined && causeOf(task) === "deadline") {
      this.#outflow.failed(seq, task.cancelled.reason);
    } else {
      this.#post({ type: "cancelled", seq, reason: reasonOf(task as Task) });
    }
    this.#leave(seq);
    this.#outflow.flushIfDue(now);
    this.#isBusy = false;
    // Not in here, where the end of the task is not over yet.
    queueMicrotask(() => this.#work());
  }

  callbackFailed(error: unknown): void {
    reportError(error);
  }

  abandoned(): void {}

  async #start({ name, loadTimeout, onStart }: Start): Promise<void> {
    this.name = name;
    this.#uplink.name = name;
    this.#load = loader(loadTimeout);
    try {
      await this.#opened;
      if (onStart !== undefined) await this.#hook(onStart);
    } catch (error) {
      this.#post({ type: "unready", error: encodeError(error) });
      return;
    }
    this.#post({ type: "ready" });
    this.#isBusy = false;
    this.#work();
  }

  async #hook(reference: FunctionReference): Promise<void> {
    const callee = new Callee(reference, this.#load);
    await (await callee.get())();
  }

  #take(batch: Batch): void {
    this.#batches.push(batch);
    this.#work();
  }

  #work(): void {
    while (!this.#isBusy && this.#batches.length > 0) {
      const batch = this.#batches[0];
      const sending = this.#sending();
      if (sending !== undefined) {
        this.#workAfter(sending);
      } else if (batch.isOver) {
        this.#batches.shift();
        this.#outflow.flush();
      } else if (
        batch.extras !== undefined || batch.isPacked || this.#callees[batch.fn].fn === undefined
      ) {
        this.#runAlone(batch);
      } else {
        this.#runInARow(batch);
      }
    }
    if (this.#isBusy) this.#outflow.flushSoon();
  }

  // What has been posted is to leave before the next job, which may take long.
  async #workAfter(sending: Promise<void>): Promise<void> {
    this.#isBusy = true;
    await sending;
    this.#isBusy = false;
    this.#work();
  }

  /** Runs jobs of one function, up to the first that is not over when it returns. */
  #runInARow(batch: Batch): void {
    const { fn } = batch;
    const callee = this.#callees[fn];
    const call = callee.fn!;
    const running = new Running(this.#post, fn);
    const task = new JobTask(callee.name, running);
    link(task, this.#scope, null);
    const startedAt = performance.now();
    let count = 0;
    this.#row = task;
    const promise = enterTask(task as Task, (): Promise<unknown> | undefined => {
      while (!batch.isOver && batch.fn === fn && batch.extras === undefined && !batch.isPacked) {
        const { seq, args } = batch;
        batch.step();
        if (!this.#claim(seq)) continue;
        running.seq = seq;
        let result: unknown;
        try {
          result = call(...args as unknown[]);
        } catch (error) {
          if (!isReusable(task)) return Promise.reject(error);
          this.#outflow.failed(seq, callee.explain(error));
          this.#leave(seq);
          count++;
          continue;
        }
        if (isThenable(result) || !isReusable(task)) return Promise.resolve(result);
        this.#outflow.succeeded(seq, result);
        this.#leave(seq);
        count++;
        // After each: the next may take long.
        this.#outflow.flushIfDue(performance.now());
        if (this.#sending() !== undefined) break;
      }
      running.seq = 0; // What a job has left behind is not to report for another.
      return undefined;
    });
    this.#row = undefined;
    const now = performance.now();
    if (count > 0) this.#outflow.took(fn, count, now - startedAt);
    if (promise === undefined) {
      endTask(task as Task, "succeeded", undefined);
      this.#outflow.flushIfDue(now);
    } else {
      running.startedAt = count === 0 ? startedAt : now;
      this.#follow(task, promise);
    }
  }

  /** Runs a job that has a limit, a name or values of its own, or whose module has to be loaded. */
  #runAlone(batch: Batch): void {
    const { seq, fn, args, extras = {} } = batch;
    batch.step();
    if (!this.#claim(seq)) return;
    this.#outflow.flush(); // It may take long, and it may be interrupted.
    const callee = this.#callees[fn];
    const running = new Running(this.#post, fn, seq);
    const task = new JobTask(extras.name ?? callee.name, running);
    const { locals } = extras;
    link(task, this.#scope, locals === undefined ? null : unpackLocals(locals));
    const promise = enterTask(task as Task, () => this.#call(callee, args, extras, task));
    this.#follow(task, promise);
  }

  async #call(
    callee: Callee,
    args: unknown,
    { timeout = Infinity, credit, passed }: JobExtras,
    task: JobTask<Running>,
  ): Promise<unknown> {
    const running = task.job;
    let fn: AnyFunction;
    try {
      fn = callee.fn ?? await this.#loaded(callee, running);
    } catch (error) {
      dropPassed(passed);
      throw error;
    }
    // Not before: what it takes to load a module is not the job's.
    if (timeout !== Infinity) task.deadline = Date.now() + timeout;
    const unpacked = this.#wire.unpack(args, passed);
    const values = unpacked instanceof Promise ? await unpacked : unpacked;
    const call = <R>(fn: () => R): R => {
      if (timeout === Infinity) return fn();
      const rest = running.startedAt + timeout - performance.now();
      try {
        return callWithin(rest, fn);
      } catch (error) {
        if (error !== INTERRUPTED) throw error;
        throw this.#interrupted(task, timeout);
      }
    };
    const result = call(() => fn(...values));
    if (credit === undefined) return result;
    running.stream = new StreamOut(task.name, running.seq, credit, this.#post, this.#wire);
    return running.stream.run(isThenable(result) ? await result : result, task as Task, call);
  }

  // A checkpoint: the module may never come.
  async #loaded(callee: Callee, running: Running): Promise<AnyFunction> {
    running.isTimed = false;
    this.#post({ type: "loading", isOver: false });
    try {
      return await waitForPromise(callee.get());
    } finally {
      this.#post({ type: "loading", isOver: true });
      running.startedAt = performance.now();
    }
  }

  // No `finally` has run in the code that was interrupted: what it had opened stays so.
  #interrupted(task: JobTask<Running>, timeout: number): TimeoutError {
    const error = new TimeoutError(
      `Cannot finish "${task.name}" as its time is up: it was interrupted after ${timeout} ms. Give it more, or do less`,
    );
    if (hasChildren(task)) {
      this.#outflow.failed(task.job.seq, error);
      this.#leave(task.job.seq);
      this.#outflow.flush();
      this.#post({ type: "dying", error: encodeError(error) });
    }
    return error;
  }

  #follow(task: JobTask<Running>, promise: Promise<unknown>): void {
    this.#isBusy = true;
    this.#current = task;
    followTask(task as Task, promise);
  }

  #claim(seq: number): boolean {
    if (this.#ledger.claim(seq)) return true;
    this.#outflow.passed(seq);
    return false;
  }

  #leave(seq: number): void {
    this.#ledger.ended(seq);
    this.#outflow.passed(seq);
  }
}

/** The job that runs. */
class Running implements Reporter {
  seq: number;
  readonly fn: number;
  startedAt: number = performance.now();
  isTimed = true;
  stream: StreamOut | undefined;
  readonly #post: Post;

  constructor(post: Post, fn: number, seq = 0) {
    this.#post = post;
    this.fn = fn;
    this.seq = seq;
  }

  report(value: unknown): void {
    if (this.seq === 0) return;
    this.#post({ type: "progress", seq: this.seq, value });
  }
}

const noJob = new Running(() => {}, 0);
keepShape(noJob);
keepShape(new JobTask("", noJob));
keepShape(Batch.of(0, [0, []]));

// Something in it waits, or was told to end, or has its promise: then it is one job's alone.
function isReusable(task: JobTask): boolean {
  return isUntouched(task) && task[held] === null && !task[isAwaited];
}

function reasonOf({ cancelled }: Task): string | undefined {
  const reason = cancelled?.reason;
  return reason === undefined ? undefined : textOf(reason);
}
