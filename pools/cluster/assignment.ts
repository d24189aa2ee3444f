/**
 * A job that a worker was given, from then on until its result is stored and the server knows that
 * it has been done.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { unpackLocals } from "../../primitives/kernel/portable_locals.ts";
import { causeOf, type Locals } from "../../primitives/kernel/scope.ts";
import { nextTurn } from "../../primitives/kernel/turn.ts";
import type { Task } from "../../primitives/kernel/task.ts";
import { OverloadedError, WorkerCrashedError } from "../errors.ts";
import type { Executor } from "../executor.ts";
import type { AnyFunction } from "../job.ts";
import type { JobTask, Reporter } from "../job_task.ts";
import type { Delivery } from "./delivery.ts";
import { type Letter, NOT_FIRST, type Refusal, TOO_LARGE } from "./outbox.ts";
import {
  type EventBody,
  type EventMessage,
  type JobMessage,
  readDemand,
  readJob,
  type ResultMessage,
  write,
} from "./messages.ts";
import { isKeyed, type JobClass } from "./layout.ts";
import { packError, packValues, shortError, unpackValues } from "./packing.ts";
import type { Session } from "./session.ts";
import { runIn } from "./run_in.ts";
import { StreamOut } from "./stream_out.ts";

/** What a worker does for its jobs. */
export interface Desk {
  readonly name: string;
  readonly session: Session;
  readonly executor: Executor | undefined;
  readonly maxDeliver: number;
  /** Whether the worker is about to go: what is cancelled then is another's. */
  readonly isLeaving: boolean;
  /** @throws {NotPortableError} When it may not run that. */
  functionOf(message: JobMessage): AnyFunction;
  /** Runs a function in the task of a job. */
  start(job: Assignment, name: string, fn: () => unknown, options: StartOptions): void;
  /** It was done before. */
  wasDone(): void;
  /** Nobody could end it. */
  wasBuried(): void;
  /** It does not run any more: there is room for another. */
  leave(): void;
  /** Nothing is left to do for it: its result is stored, or else it is another's. */
  gone(job: Assignment, isDone: boolean): void;
}

/** How a job is run. */
export interface StartOptions {
  readonly timeout: number | undefined;
  readonly locals: Locals | null;
}

// A job whose process has died is tried again after so many milliseconds, and after twice as many.
const FIRST_RETRY = 100;

type End = Pick<ResultMessage, "end" | "value" | "error">;

/** See above. */
export class Assignment implements Reporter {
  readonly id: string;
  /** The last time that it was given to this worker. */
  delivery: Delivery;
  /** The task that it runs in. */
  task: JobTask<Assignment> | undefined;
  readonly #desk: Desk;
  readonly #run: string;
  readonly #class: JobClass;
  #message: JobMessage | undefined;
  #stream: StreamOut | undefined;
  #isCancelled = false;
  #isFetching = false;
  // Whether others know that it runs here.
  #hasTold = false;
  #isBuried = false;
  // One that has not begun, has no place to leave.
  #hasLeft = true;

  constructor(desk: Desk, id: string, run: string, delivery: Delivery, jobClass: JobClass) {
    this.#desk = desk;
    this.id = id;
    this.#run = run;
    this.delivery = delivery;
    this.#class = jobClass;
  }

  /** Begins with it. */
  begin(): void {
    this.#hasLeft = false;
    // Another worker may have stored its result, and not have lived to say that it was done; or
    // somebody had asked for the result of its key before there was one.
    if (this.delivery.count > 1 || isKeyed(this.id)) this.#beginAgain();
    else this.#open();
  }

  /** Ends it, as nobody wants it any more. */
  cancel(): void {
    if (this.#isCancelled) return;
    this.#isCancelled = true;
    // What it waits for may be gone already: nobody needs its arguments any more.
    if (this.#isFetching) this.#end({ end: "cancelled" });
    else this.task?.cancel("the caller has cancelled it");
  }

  /** Lets it go, as nobody wants it any more: it has not begun. */
  drop(): void {
    this.delivery.done();
    this.#desk.gone(this, false);
  }

  /** Gives it to another worker. */
  giveBack(delay = 0): void {
    this.#leave();
    // Before another says that it has started.
    if (this.#hasTold) this.#tell({ type: "returned" });
    this.delivery.giveBack(delay);
    this.#desk.gone(this, false);
  }

  /** Tells whoever waits for it of something that it reports. */
  report(value: unknown): void {
    const bytes = packValues([value], () => "progress");
    const { largest } = this.#desk.session;
    if (bytes.length > largest) {
      throw new RangeError(
        `Cannot report ${bytes.length} bytes as the progress of "${
          this.#message!.name
        }" as the most is ${largest}. Return it, or yield it in parts`,
      );
    }
    this.#tell({ type: "progress", value: bytes });
  }

  /** Its task has ended. */
  ended(task: Task, outcome: unknown): void {
    this.#leave();
    if (task.state === "succeeded") this.#succeeded(outcome);
    else if (task.state === "failed") this.#failed(outcome);
    else if (causeOf(task) === "deadline") this.#failed(task.cancelled!.reason);
    else if (this.#desk.isLeaving && !this.#isCancelled) this.giveBack();
    else this.#end({ end: "cancelled", error: packError(task.cancelled?.reason) });
  }

  async #beginAgain(): Promise<void> {
    const { session, maxDeliver } = this.#desk;
    try {
      if (await session.resultOf(this.id) !== undefined) {
        this.#desk.wasDone();
        const input = inputIn(this.delivery.data);
        // Of one that is dead the arguments are kept.
        const isKept = input !== undefined && await session.isDead(this.id).catch(() => true);
        this.#finish(isKept ? undefined : input);
        return;
      }
    } catch {
      // It is found out when its result is to be stored.
    }
    if (this.delivery.count > maxDeliver) this.#bury(this.#worn());
    else this.#open();
  }

  #open(): void {
    const { session } = this.#desk;
    try {
      const message = this.#message = readJob(this.delivery.data);
      if (this.#isOff()) return;
      const fn = this.#desk.functionOf(message);
      if (message.args !== undefined) this.#start(fn, message, unpackValues(message.args));
      else this.#fetch(fn, message, session.layout.input(this.id, message.input ?? ""));
    } catch (error) {
      this.#unopened(error);
    }
  }

  async #fetch(fn: AnyFunction, message: JobMessage, input: string): Promise<void> {
    let bytes: Uint8Array;
    this.#isFetching = true;
    try {
      bytes = await this.#desk.session.inputs.get(input);
      if (this.#hasLeft) return;
    } catch (error) {
      if (this.#hasLeft) return; // It was cancelled meanwhile.
      if (error instanceof MalformedError) this.#unopened(error);
      else this.giveBack(FIRST_RETRY); // Nothing is wrong with the job.
      return;
    } finally {
      this.#isFetching = false;
    }
    try {
      if (!this.#isOff()) this.#start(fn, message, unpackValues(bytes));
    } catch (error) {
      this.#unopened(error);
    }
  }

  #unopened(error: unknown): void {
    // What nobody can read, nobody can do.
    if (error instanceof MalformedError) this.#bury(error);
    else this.#failed(error);
  }

  /** Whether it is not to be run any more, as something has come between. It has ended then here. */
  #isOff(): boolean {
    if (this.#isCancelled) this.#end({ end: "cancelled" });
    else if (this.#desk.isLeaving) this.giveBack();
    else return false;
    return true;
  }

  #start(fn: AnyFunction, message: JobMessage, args: readonly unknown[]): void {
    const { name, timeout, credit } = message;
    const { executor } = this.#desk;
    // Not of one that is over at once: there is nobody whom it could help.
    nextTurn(() => {
      if (!this.#hasLeft) this.#tell({ type: "started" });
    });
    let run = executor === undefined
      ? () => fn(...args)
      : () => runIn(executor, fn, args, message, this.task as Task);
    if (credit !== undefined) {
      const iterate = executor === undefined
        ? run
        : () =>
          executor.with({ name, timeout }).stream(fn as () => Iterable<unknown>, ...args as []);
      run = () => this.#runStream(name, credit, iterate);
    }
    this.#desk.start(this, name, run, {
      // Another pool can interrupt synchronous code too.
      timeout: executor === undefined ? timeout : undefined,
      locals: message.locals === undefined
        ? null
        : unpackLocals(message.locals as Iterable<[string, unknown]>),
    });
  }

  async #runStream(name: string, credit: number, iterate: () => unknown): Promise<void> {
    const { session } = this.#desk;
    const stream = this.#stream = new StreamOut(name, credit, session.largest, (from, items) => {
      this.#tell({ type: "items", from, items });
    });
    const hearing = session.hear(session.layout.demand(this.id), (data) => {
      try {
        stream.told(readDemand(data));
      } catch (error) {
        if (!(error instanceof MalformedError)) throw error;
      }
    });
    try {
      await stream.run(await iterate() as AsyncIterable<unknown>);
    } finally {
      hearing.close();
    }
  }

  #succeeded(value: unknown): void {
    try {
      const result = this.#stream === undefined ? packValues([value], () => "result") : undefined;
      this.#end({ end: "succeeded", value: result });
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    const { executor, maxDeliver } = this.#desk;
    const { count } = this.delivery;
    // Those that the job itself has thrown come from this thread.
    if (executor !== undefined && error instanceof OverloadedError) this.giveBack(FIRST_RETRY);
    else if (executor !== undefined && error instanceof WorkerCrashedError) {
      if (count < maxDeliver) this.giveBack(FIRST_RETRY * 2 ** count);
      else this.#bury(error);
    } else this.#end({ end: "failed", error: packError(error) });
  }

  /** Puts it where somebody may look at it, and says so to whoever waits for it. */
  async #bury(cause: unknown): Promise<void> {
    const { session } = this.#desk;
    const { data, count } = this.delivery;
    const name = this.#message?.name ?? this.id;
    const why = cause instanceof Error ? cause.message : String(cause);
    const error = packError(
      new WorkerCrashedError(
        `Cannot finish "${name}" as no worker could, in ${count} attempts: ${why}. It is kept: see deadJobs() of a ClusterPool`,
        undefined,
        cause,
      ),
    );
    const head = { jobClass: this.#class, deliveries: count };
    let dead = write({ ...head, job: data, error: packError(cause) });
    if (dead.length > session.largest) {
      // No pool sends one that leaves no room for that: nobody can read it, or try it again.
      const job = data.length > session.largest ? new Uint8Array() : data;
      const short = shortError(packError(cause), dead.length);
      dead = write({ ...head, job, error: short });
    }
    const subject = session.layout.deadJob(this.id);
    if (await this.#store({ subject, data: dead }) === "gone") return;
    this.#desk.wasBuried();
    this.#isBuried = true;
    this.#end({ end: "failed", error });
  }

  #worn(): WorkerCrashedError {
    const { maxDeliver } = this.#desk;
    const times = maxDeliver === 1 ? "to a worker" : `to workers ${maxDeliver} times`;
    return new WorkerCrashedError(`it was given ${times}, and each was lost before its end`);
  }

  // Once, however it comes about.
  #leave(): void {
    if (this.#hasLeft) return;
    this.#hasLeft = true;
    this.#desk.leave();
  }

  async #end(end: End): Promise<void> {
    const { session, name } = this.#desk;
    this.#leave();
    const head = { worker: name, run: this.#run, deliveries: this.delivery.count };
    let data = write({ ...head, ...end });
    try {
      if (data.length > session.largest) {
        if (end.value === undefined) {
          const error = shortError(end.error, data.length);
          data = write({ ...head, end: end.end, error });
        } else {
          await session.outputs.put(this.id, end.value);
          data = write({ ...head, end: end.end, isLarge: true });
        }
      }
    } catch (error) {
      return this.#end({ end: "failed", error: packError(error) });
    }
    const subject = session.layout.result(this.id);
    const id = `${this.id}.${this.#run}`;
    const refused = await this.#store({ subject, data, id, first: true, ends: [NOT_FIRST] });
    if (refused === "gone") return;
    if (refused?.code === NOT_FIRST) this.#desk.wasDone();
    else if (refused?.code === TOO_LARGE && end.value !== undefined) {
      const error = new RangeError(
        `Cannot store the result of the job as the server takes no ${data.length} bytes: ${refused.text}. Look at the limits of the stream ${session.layout.results}`,
      );
      return this.#end({ end: "failed", error: packError(error) });
    }
    // What is dead may be tried again.
    this.#finish(this.#isBuried ? undefined : this.#message?.input);
  }

  /**
   * Returns what the server has refused for good, nothing where it has the message; "gone" when the
   * worker is, and the job another's.
   */
  async #store(letter: Letter): Promise<Refusal | "gone" | undefined> {
    try {
      const { refused } = await this.#desk.session.outbox.store(letter);
      return refused;
    } catch {
      this.#desk.gone(this, false);
      return "gone";
    }
  }

  #finish(input: string | undefined): void {
    const { layout, inputs } = this.#desk.session;
    this.#leave();
    this.delivery.done();
    if (input === undefined) this.#desk.gone(this, true);
    else {
      // Only room is lost where that fails.
      inputs.delete(layout.input(this.id, input)).catch(() => {}).then(() => {
        this.#desk.gone(this, true);
      });
    }
  }

  #tell(event: EventBody): void {
    const { session, name } = this.#desk;
    this.#hasTold = true;
    const data = write({ ...event, worker: name, run: this.#run } as EventMessage);
    session.tell(session.layout.event(this.id), data);
  }
}

/** What the arguments of a job are called that has not been opened. */
function inputIn(data: Uint8Array): string | undefined {
  try {
    return readJob(data).input;
  } catch {
    return undefined;
  }
}
