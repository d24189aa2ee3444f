/**
 * A worker as its pool sees it: what was sent to it, what it has started, and what came of that.
 *
 * @module
 */

import type { TreeNode } from "../../primitives/inspect.ts";
import { textOf } from "../../primitives/kernel/errors.ts";
import type { FunctionReference } from "../portable.ts";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { dropPassed } from "../passing.ts";
import { decodeError, type ErrorData } from "../remote_error.ts";
import type { Carrier, RemoteJob } from "./job.ts";
import { type Ledger, slotOf, SLOTS } from "./ledger.ts";
import { currentNode } from "../link/node.ts";
import type { Link } from "../link/message.ts";
import type { Attached } from "../link/router.ts";
import type { FromWorker, Shipped, ToWorker } from "./protocol.ts";
import { watchTime } from "./watch.ts";
import type { Wire } from "./wire.ts";

/** What a worker's pool is told. */
export interface WorkerHost {
  /** It takes jobs from now on. */
  workerReady(worker: RemoteWorker): void;
  /** Some of its jobs may have ended. */
  workerHeard(worker: RemoteWorker): void;
  /** Jobs of a function have taken so long, in milliseconds. */
  jobsTook(callee: number, count: number, ms: number): void;
  /** It is gone. */
  workerDied(worker: RemoteWorker, death: Death): void;
}

/** How a worker has ended. */
export interface Death {
  /** Whether it had ever started a job. */
  readonly hasWorked: boolean;
  /** Whether it had been ready for one. */
  readonly wasReady: boolean;
  /** The end of a sentence. */
  readonly why: string;
  readonly exitCode?: number | undefined;
  readonly cause?: unknown;
}

/** What a worker is started with. */
export interface WorkerOptions {
  readonly name: string;
  readonly loadTimeout: number;
  readonly onStart: FunctionReference | undefined;
}

// For so long a worker is waited for that is asked for its tasks, in milliseconds.
const ANSWER = 100;

/** See above. The platform's part is left to threads and processes. */
export abstract class RemoteWorker implements Carrier {
  readonly name: string;
  /** What it runs in: a thread of this process, or a process. */
  readonly kind: "worker" | "process";
  state: "starting" | "ready" | "gone" = "starting";
  readonly startedAt: number = watchTime();
  /** When it said that it was ready. */
  readyAt = Infinity;
  /** Since when it has been loading the module of the job that it runs. */
  loadingSince: number | undefined;
  /** When it was last heard of, or got something to do after it had nothing. */
  heardAt: number = performance.now();
  /** How many jobs it was sent. */
  total = 0;
  /** How many of them have not ended. */
  count = 0;
  /** Where its jobs are, as the end of a stack has it. */
  protected readonly place: string;
  readonly #host: WorkerHost;
  readonly #link: Attached;
  readonly #jobs: (RemoteJob | undefined)[] = new Array(SLOTS);
  readonly #knows: boolean[] = [];
  // The number of the last job of each message that is not done with.
  readonly #messages: number[] = [];
  #next = 1;
  #passed = 0;
  // Whether it has ended a job. That comes before it says how far it has come.
  #hasAnswered = false;
  #questions = 0;
  readonly #asked: Map<number, (tree: TreeNode) => void> = new Map();

  protected constructor(host: WorkerHost, name: string, kind: "worker" | "process") {
    this.#host = host;
    this.name = name;
    this.kind = kind;
    this.place = `${kind} "${name}"`;
    const send: Link["send"] = (message, moved) => this.post({ type: "link", message }, moved);
    this.#link = currentNode().attachChild({ send }, this.place);
  }

  protected abstract readonly ledger: Ledger;

  protected abstract readonly wire: Wire;

  /** Sends a message, and moves what of it is to be moved. */
  protected abstract post(message: ToWorker, moved?: readonly Transferable[]): void;

  /** Has what the platform started end. It has nothing to do. */
  protected abstract stop(): void;

  /** Ends it, whatever it does, as well as the platform can. */
  protected abstract kill(): void;

  /** Resolves when nothing of it is left, where it is certain that it will end. */
  abstract readonly left: Promise<void> | undefined;

  /**
   * Calls back when it is gone, after it was given up: what it runs may go on for ever. Returns what
   * ends the wait for that.
   */
  abstract onceGone(gone: () => void): () => void;

  /** Has an error of a job say what only this side knows. */
  protected explain(error: unknown): unknown {
    return error;
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
  get jobs(): RemoteJob[] {
    const jobs: RemoteJob[] = [];
    for (let seq = this.#passed + 1; seq < this.#next; seq++) {
      const job = this.#jobs[slotOf(seq)];
      if (job !== undefined) jobs.push(job);
    }
    return jobs;
  }

  /** The job that it runs. */
  get runningJob(): RemoteJob | undefined {
    return this.jobs.find(({ seq }) => this.ledger.isRunning(seq));
  }

  hasStarted(seq: number): boolean {
    return this.ledger.hasStarted(seq);
  }

  /** Sends jobs. There must be room for them. */
  send(jobs: readonly RemoteJob[]): void {
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

  takeBack(job: RemoteJob): boolean {
    if (!this.ledger.takeBack(job.seq)) return false;
    this.#remove(job);
    return true;
  }

  cancel({ seq, cancelled }: RemoteJob): void {
    const { reason } = cancelled!;
    this.post({
      type: "cancel",
      seq,
      // A reason is for those who read it: what cannot be cloned is not worth a failure.
      reason: reason === undefined ? undefined : textOf(reason),
    });
  }

  /** Its tree of tasks; nothing when it does not answer, as it runs synchronous code. */
  inspect(): Promise<TreeNode | undefined> {
    const question = ++this.#questions;
    this.post({ type: "inspect", question });
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
    const hasWorked = this.#hasAnswered || this.jobs.some(({ hasStarted }) => hasStarted);
    const wasReady = this.readyAt !== Infinity;
    this.giveUp(why);
    this.#host.workerDied(this, { hasWorked, wasReady, why, exitCode, cause });
  }

  /** Lets it go. It has nothing to do. */
  end(): void {
    this.#leave("its pool has let it go");
    this.stop();
  }

  /** Ends it, whatever it still does. */
  giveUp(why: string): void {
    this.#leave(why);
    this.kill();
  }

  #leave(why: string): void {
    this.state = "gone";
    this.#link.closed(why);
  }

  /** A message has come. */
  protected receive(message: FromWorker): void {
    if (this.state === "gone") return;
    try {
      if (typeof message === "string") this.#receiveResults(JSON.parse(message));
      else this.#hear(message);
    } catch (error) {
      // Whoever runs there may have sent it, and is not to be believed.
      this.die(`it has sent what makes no sense: ${textOf(error)}`, undefined, error);
    }
  }

  #enter(job: RemoteJob): void {
    const { callee } = job.travel;
    if (!this.#knows[callee.number]) {
      this.#knows[callee.number] = true;
      this.post({ type: "function", fn: callee.number, reference: callee.reference });
    }
    const seq = job.seq = this.#next++;
    job.worker = this;
    this.#jobs[slotOf(seq)] = job;
    this.ledger.sent(seq);
    this.total++;
    this.count++;
  }

  #sendText(jobs: readonly RemoteJob[]): void {
    let text = `[${jobs[0].seq}`;
    for (const { args, travel } of jobs) {
      text += `,${travel.callee.number},${travel.text ?? JSON.stringify(args)}`;
    }
    this.post(`${text}]`);
  }

  // One a message: an object that two jobs were given would be one object there.
  #sendData(job: RemoteJob): void {
    const { seq, travel: { callee, values, extras, moved } } = job;
    try {
      this.post({ type: "job", seq, job: [callee.number, values, extras] }, moved);
    } catch (error) {
      // What could be sent when it was handed in was changed or moved since.
      this.#skip(job, error);
    }
  }

  // Its number has to come to the worker all the same, as the numbers tell how far it has come.
  #skip(job: RemoteJob, error: unknown): void {
    this.takeBack(job);
    this.post({ type: "job", seq: job.seq, job: [job.travel.callee.number, []] });
    job.settle("failed", error);
  }

  #hear(message: Exclude<FromWorker, string>): void {
    switch (message.type) {
      case "ready":
        this.state = "ready";
        this.readyAt = performance.now();
        this.#host.workerReady(this);
        break;
      case "unready":
        this.#dieOf("it has failed to start", undefined, message.error);
        break;
      case "result": {
        const job = this.#take(message.seq);
        if (job === undefined) dropPassed(message.passed);
        else this.#unpack(job, message, ([value]) => job.settle("succeeded", value));
        break;
      }
      case "failed": {
        this.#take(message.seq)?.settle(
          "failed",
          this.explain(decodeError(message.error, this.place)),
        );
        break;
      }
      case "cancelled":
        this.#take(message.seq)?.ended(message.reason);
        break;
      case "items": {
        const { seq, count } = message;
        const job = this.#jobs[slotOf(seq)];
        const grant = () => {
          if (this.state !== "gone") this.post({ type: "credit", seq, items: count });
        };
        if (job === undefined) dropPassed(message.passed);
        else this.#unpack(job, message, (items) => job.travel.sink!(items, grant));
        break;
      }
      case "link":
        this.#link.receive(message.message);
        break;
      case "loading":
        this.loadingSince = message.isOver ? undefined : watchTime();
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

  #unpack(
    job: RemoteJob,
    { values, passed }: Shipped,
    take: (values: readonly unknown[]) => void,
  ): void {
    const failed = (error: unknown) => job.settle("failed", error);
    try {
      const unpacked = this.wire.unpack(values, passed);
      // Where modules have to be loaded for it. What comes after it meanwhile comes later too: it is
      // loaded once.
      if (unpacked instanceof Promise) unpacked.then(take).catch(failed);
      else take(unpacked);
    } catch (error) {
      failed(error);
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
    this.#pass(passed);
    this.#hasAnswered ||= passed > 0;
    while (this.#messages.length > 0 && this.#messages[0] <= passed) this.#messages.shift();
    this.heardAt = performance.now();
    this.#host.workerHeard(this);
  }

  #pass(passed: number): void {
    let seq = this.#passed;
    while (seq < passed && seq + 1 < this.#next && this.#jobs[slotOf(seq + 1)]?.seq !== seq + 1) {
      seq++;
    }
    // It would not be asked for any more what it has not answered.
    if (seq !== passed) throw new MalformedError("its results", "they pass over a job");
    this.#passed = passed;
  }

  #take(seq: number): RemoteJob | undefined {
    const job = this.#jobs[slotOf(seq)];
    if (job === undefined || job.seq !== seq) return undefined;
    this.#hasAnswered = true;
    job.hasArrived = true;
    this.#remove(job);
    return job;
  }

  #remove(job: RemoteJob): void {
    this.#jobs[slotOf(job.seq)] = undefined;
    job.worker = undefined;
    this.count--;
  }

  #dieOf(why: string, exitCode: number | undefined, error: ErrorData | undefined): void {
    const cause = error && this.explain(decodeError(error, this.place));
    const words = cause instanceof Error ? `: ${cause.message}` : "";
    this.die(`${why}${words}`, exitCode, cause);
  }
}
