/**
 * A worker as its pool sees it: what was sent to it, what it has started, and what came of that.
 *
 * @module
 */

import type { TreeNode } from "../../primitives/inspect.ts";
import { textOf } from "../../primitives/kernel/errors.ts";
import type { FunctionReference } from "../portable.ts";
import { decodeError, type ErrorData } from "../remote_error.ts";
import type { Carrier, WorkerJob } from "./job.ts";
import {
  type FromWorker,
  SENT,
  slotOf,
  SLOTS,
  STARTED,
  TAKEN_BACK,
  type ToWorker,
} from "./protocol.ts";
import { letEnd } from "./unref.ts";

/** What a worker's pool is told. */
export interface ThreadHost {
  /** It takes jobs from now on. */
  threadReady(thread: Thread): void;
  /** Some of its jobs may have ended. */
  threadHeard(thread: Thread): void;
  /** Jobs of a function have taken so long, in milliseconds. */
  jobsTook(callee: number, count: number, ms: number): void;
  /** It is gone. */
  threadDied(thread: Thread, death: Death): void;
}

/** How a worker has ended. */
export interface Death {
  /** Whether it had ever started a job. */
  readonly hasWorked: boolean;
  /** The end of a sentence. */
  readonly why: string;
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/** What a worker is started with. */
export interface ThreadOptions {
  readonly name: string;
  readonly permissions: unknown;
  readonly loadTimeout: number;
  readonly onStart: FunctionReference | undefined;
}

// For so long a worker is waited for that is asked for its tasks, in milliseconds.
const ANSWER = 100;

/** The module that workers run. Where it is, is not known everywhere, nor asked for there. */
export function mainModule(): URL {
  return new URL("./main.ts", import.meta.url);
}

/** See above. */
export class Thread implements Carrier {
  readonly name: string;
  /** The lock that the worker holds as long as it lives. */
  readonly lock: string = `grove worker ${crypto.randomUUID()}`;
  state: "starting" | "ready" | "gone" = "starting";
  readonly startedAt: number = performance.now();
  /** When it said that it was ready. */
  readyAt = Infinity;
  /** Whether its lock was found released. */
  isMissed = false;
  /** Since when it has been loading the module of the job that it runs. */
  loadingSince: number | undefined;
  /** When it was last heard of, or got something to do after it had nothing. */
  heardAt: number = this.startedAt;
  /** How many jobs it was sent. */
  total = 0;
  /** How many of them have not ended. */
  count = 0;
  readonly #host: ThreadHost;
  readonly #worker: Worker;
  readonly #slots: Int32Array = new Int32Array(new SharedArrayBuffer(SLOTS * 4));
  readonly #jobs: (WorkerJob | undefined)[] = new Array(SLOTS);
  readonly #knows: boolean[] = [];
  // The number of the last job of each message that is not done with.
  readonly #messages: number[] = [];
  #next = 1;
  #passed = 0;
  #questions = 0;
  readonly #asked: Map<number, (tree: TreeNode) => void> = new Map();

  constructor(host: ThreadHost, { name, permissions, loadTimeout, onStart }: ThreadOptions) {
    this.#host = host;
    this.name = name;
    this.#worker = new Worker(mainModule(), {
      type: "module",
      name,
      // Only if it was asked for: without a flag of Deno's the process would end here.
      ...(permissions !== undefined && { deno: { permissions } }),
    } as WorkerOptions);
    letEnd(this.#worker);
    this.#worker.onmessage = ({ data }) => this.#receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.die(`it has failed to start: ${event.message}`);
    };
    this.#worker.onmessageerror = () => this.die("it has sent what cannot be read here");
    const slots = this.#slots.buffer as SharedArrayBuffer;
    this.#post({ type: "start", name, lock: this.lock, slots, loadTimeout, onStart });
  }

  /** How many messages with jobs it has not done with. */
  get messages(): number {
    return this.#messages.length;
  }

  /** Whether it has nothing to do. */
  get isIdle(): boolean {
    return this.#messages.length === 0;
  }

  /** How many jobs it can be sent. */
  get room(): number {
    return SLOTS - (this.#next - 1 - this.#passed);
  }

  /** Its jobs that have not ended, the oldest first. */
  get jobs(): WorkerJob[] {
    const jobs: WorkerJob[] = [];
    for (let seq = this.#passed + 1; seq < this.#next; seq++) {
      const job = this.#jobs[slotOf(seq)];
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  /** The job that it runs. */
  get runningJob(): WorkerJob | undefined {
    return this.jobs.find(({ seq }) => Atomics.load(this.#slots, slotOf(seq)) === STARTED);
  }

  hasStarted(seq: number): boolean {
    return Atomics.load(this.#slots, slotOf(seq)) >= STARTED;
  }

  /** Sends jobs. There must be room for them. */
  send(jobs: readonly WorkerJob[]): void {
    if (this.isIdle) this.heardAt = performance.now();
    for (const job of jobs) this.#enter(job);
    this.#messages.push(this.#next - 1);
    for (let i = 0; i < jobs.length;) {
      const start = i;
      while (i < jobs.length && jobs[i].travel.isText) i++;
      if (i > start) this.#sendText(jobs.slice(start, i));
      else this.#sendData(jobs[i++]);
    }
  }

  takeBack(job: WorkerJob): boolean {
    const slot = slotOf(job.seq);
    if (Atomics.compareExchange(this.#slots, slot, SENT, TAKEN_BACK) !== SENT) return false;
    this.#remove(job);
    return true;
  }

  cancel({ seq, cancelled }: WorkerJob): void {
    const { reason } = cancelled!;
    this.#post({
      type: "cancel",
      seq,
      // A reason is for those who read it: what cannot be cloned is not worth a failure.
      reason: reason === undefined ? undefined : textOf(reason),
    });
  }

  /** Its tree of tasks; nothing when it does not answer, as it runs synchronous code. */
  inspect(): Promise<TreeNode | undefined> {
    const question = ++this.#questions;
    this.#post({ type: "inspect", question });
    return new Promise((resolve) => {
      const answer = (tree?: TreeNode) => {
        clearTimeout(timer);
        this.#asked.delete(question);
        resolve(tree);
      };
      const timer = setTimeout(answer, ANSWER);
      this.#asked.set(question, answer);
    });
  }

  /** It is gone: `why` is the end of a sentence. */
  die(why: string, exitCode?: number, cause?: unknown): void {
    if (this.state === "gone") return;
    const hasWorked = this.#passed > 0 || this.jobs.some(({ hasStarted }) => hasStarted);
    this.end();
    this.#host.threadDied(this, { hasWorked, why, exitCode, cause });
  }

  /** Ends it. What it still does is of no interest. */
  end(): void {
    this.state = "gone";
    this.#worker.terminate();
  }

  #post(message: ToWorker, moved: Transferable[] = []): void {
    this.#worker.postMessage(message, moved);
  }

  #enter(job: WorkerJob): void {
    const { callee } = job.travel;
    if (!this.#knows[callee.number]) {
      this.#knows[callee.number] = true;
      this.#post({ type: "function", fn: callee.number, reference: callee.reference });
    }
    const seq = job.seq = this.#next++;
    job.thread = this;
    this.#jobs[slotOf(seq)] = job;
    Atomics.store(this.#slots, slotOf(seq), SENT);
    this.total++;
    this.count++;
  }

  #sendText(jobs: readonly WorkerJob[]): void {
    let text = `[${jobs[0].seq}`;
    for (const { args, travel } of jobs) {
      text += `,${travel.callee.number},${travel.text ?? JSON.stringify(args)}`;
    }
    this.#worker.postMessage(`${text}]`);
  }

  // One a message: an object that two jobs were given would be one object there.
  #sendData(job: WorkerJob): void {
    const { seq, args, travel: { callee, extras, moved } } = job;
    try {
      this.#post({ type: "job", seq, job: [callee.number, args, extras] }, [...moved]);
    } catch (error) {
      // What could be sent when it was handed in was changed or moved since.
      this.#skip(job, error);
    }
  }

  // Its number has to come to the worker all the same, as the numbers tell how far it has come.
  #skip(job: WorkerJob, error: unknown): void {
    this.takeBack(job);
    this.#post({ type: "job", seq: job.seq, job: [job.travel.callee.number, []] });
    job.settle("failed", error);
  }

  #receive(message: FromWorker): void {
    if (this.state === "gone") return;
    if (typeof message === "string") {
      this.#receiveResults(JSON.parse(message));
      return;
    }
    switch (message.type) {
      case "ready":
        this.state = "ready";
        this.readyAt = performance.now();
        this.#host.threadReady(this);
        break;
      case "unready":
        this.#dieOf("it has failed to start", undefined, message.error);
        break;
      case "result":
        this.#take(message.seq)?.settle("succeeded", message.value);
        break;
      case "failed": {
        const where = `worker "${this.name}"`;
        this.#take(message.seq)?.settle("failed", decodeError(message.error, where));
        break;
      }
      case "cancelled":
        this.#take(message.seq)?.ended(message.reason);
        break;
      case "items": {
        const { seq, items } = message;
        this.#jobs[slotOf(seq)]?.travel.sink?.(items, () => {
          if (this.state === "gone") return;
          this.#post({ type: "credit", seq, items: items.length });
        });
        break;
      }
      case "loading":
        this.loadingSince = message.isOver ? undefined : performance.now();
        break;
      case "progress":
        this.#jobs[slotOf(message.seq)]?.report(message.value);
        break;
      case "tree":
        this.#asked.get(message.question)?.(message.tree);
        break;
      case "dying":
        this.#dieOf(
          message.error === undefined
            ? `it has exited with code ${message.exitCode ?? 0}`
            : "an error was thrown in it that nothing caught",
          message.exitCode,
          message.error,
        );
    }
  }

  #receiveResults(results: unknown[]): void {
    const passed = results[0] as number;
    const times = results[1] as number[];
    for (let i = 0; i < times.length; i += 3) {
      this.#host.jobsTook(times[i], times[i + 1], times[i + 2]);
    }
    for (let i = 2; i < results.length;) {
      const seq = results[i++] as number;
      if (seq > 0) this.#take(seq)?.settle("succeeded", results[i++]);
      else this.#take(-seq)?.settle("succeeded", undefined);
    }
    this.#passed = passed;
    while (this.#messages.length > 0 && this.#messages[0] <= passed) this.#messages.shift();
    this.heardAt = performance.now();
    this.#host.threadHeard(this);
  }

  #take(seq: number): WorkerJob | undefined {
    const job = this.#jobs[slotOf(seq)];
    if (job === undefined || job.seq !== seq) return undefined;
    this.#remove(job);
    return job;
  }

  #remove(job: WorkerJob): void {
    this.#jobs[slotOf(job.seq)] = undefined;
    job.thread = undefined;
    this.count--;
  }

  #dieOf(why: string, exitCode: number | undefined, error: ErrorData | undefined): void {
    const cause = error && decodeError(error, `worker "${this.name}"`);
    const words = cause instanceof Error ? `: ${cause.message}` : "";
    this.die(`${why}${words}`, exitCode, cause);
  }
}
