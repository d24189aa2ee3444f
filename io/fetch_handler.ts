/**
 * HTTP requests as tasks. A fetch handler, the function from a `Request` to a `Response` that
 * `Deno.serve`, `deno serve` and every edge runtime take, gets a group in which each request is a
 * task: with its own name in the tree, a time limit, and an end when its client goes away.
 *
 * That a client went away is told by the request's `signal` alone, and under `Deno.serve` a listener
 * on it costs more than all the rest of a small request (measured: 60 % of the throughput; and it
 * aborts on success too, with a line on stderr that says so). So it is not listened to at first:
 * only a request that has not been answered after 50 milliseconds is watched. What is answered
 * sooner ends by itself soon enough, client or not. Elsewhere a signal is cheap, and watched as soon
 * as the handler waits.
 *
 * @module
 */

import { checkCount, checkFunction, checkTime, show } from "../primitives/kernel/check.ts";
import { currentClock } from "../primitives/kernel/clock.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import {
  causeOf,
  drained,
  hasEnded,
  limitScope,
  link,
  localsOf,
  onReached,
  pendingIn,
  type Scope,
  unlink,
  youngest,
} from "../primitives/kernel/scope.ts";
import { checkScopeOptions } from "../primitives/kernel/scope_options.ts";
import { SignalWatch } from "../primitives/kernel/signals.ts";
import { startTask, Task, TaskOwner } from "../primitives/kernel/task.ts";
import { Alarm } from "../primitives/kernel/timers.ts";
import { nextTurn } from "../primitives/kernel/turn.ts";

/** What answers requests. `Info` is what the platform passes besides: Deno's info, an edge's `env`. */
export type RequestFunction<Info extends unknown[]> = (
  request: Request,
  ...info: Info
) => Response | PromiseLike<Response>;

/** What {@linkcode fetchHandler} gives: a function for `Deno.serve`, or the `fetch` of an edge module. */
export type FetchHandler<Info extends unknown[]> = (
  request: Request,
  ...info: Info
) => Promise<Response>;

/** What {@linkcode fetchHandler} can be told. */
export interface FetchHandlerOptions {
  /** What `inspect()` calls the group of requests. Default: "requests". */
  name?: string;
  /** Milliseconds that a request may take; then it is cancelled and answered by 504. Default: `Infinity`. */
  timeout?: number;
  /** How many requests may run at once; more are answered by 503 and Retry-After. Default: `Infinity`. */
  maxConcurrent?: number;
  /**
   * Told of what a request's function throws. It may give the response; otherwise that is a 500
   * without any detail. Default: the error is printed to stderr.
   */
  onError?: (error: unknown, request: Request) => Response | undefined | void;
}

/** After how many milliseconds a request under Deno is watched for its client. */
const PATIENCE = 50;

/** Why a request is cancelled whose client is. */
const CLIENT_GONE = "its client went away";

/**
 * Makes every request a task: `fn` runs in it, `currentTask()` is it, and all that it started ends
 * with it, however it ends. The tasks belong to the scope that `fetchHandler` is called in; at the
 * top level of a module each request is a tree of its own.
 *
 * - A client that goes away cancels its request, within some 50 milliseconds.
 * - After `timeout` the request is cancelled, and the client gets a 504 at once. (Not a 503: that
 *   one says the server is overloaded, and invites to try again.)
 * - Over `maxConcurrent` the answer is a 503 with Retry-After, and `fn` is not called.
 * - When `fn` fails, `onError` is told, and the client gets a 500 without details.
 * - When the scope around is cancelled, the client gets a 503.
 *
 * The task ends when `fn` has returned its response. A body that is a stream is sent after that, by
 * the server and outside all tasks; its source learns by `cancel()` that the client went away.
 *
 * Under Deno, run with `--unstable-no-legacy-abort`, if you can: without it, Deno prints a line about
 * `request.signal` when the first request that was watched is answered.
 *
 * @typeParam Info What the platform passes besides the request.
 * @param fn What answers a request; called with all that the platform passes.
 * @param options Name, time limit, bound, and what to do with errors.
 * @returns The handler. It never throws.
 * @throws {TypeError | RangeError} When an argument makes no sense.
 *
 * @example
 * ```ts
 * import { currentTask, fetchHandler } from "@grove/grove";
 *
 * const handler = fetchHandler((request) => {
 *   return new Response(`${currentTask().name}, from ${new URL(request.url).search}`);
 * }, { timeout: 10_000, maxConcurrent: 500 });
 *
 * const response = await handler(new Request("http://localhost/where?there"));
 * console.log(await response.text()); // GET /where, from ?there
 * ```
 *
 * @example On an edge runtime, and under `deno serve`
 * ```ts
 * import { fetchHandler } from "@grove/grove";
 *
 * export default { fetch: fetchHandler(() => new Response("hello")) };
 * ```
 */
export function fetchHandler<Info extends unknown[] = unknown[]>(
  fn: RequestFunction<Info>,
  options: FetchHandlerOptions = {},
): FetchHandler<Info> {
  const requests = openRequests(fn, options);
  return (request, ...info) => requests.answer(request, info);
}

/** Opens the group behind a fetch handler, for those who have to end it. */
export function openRequests<Info extends unknown[]>(
  fn: RequestFunction<Info>,
  options: FetchHandlerOptions,
): RequestGroup<Info> {
  checkFunction(fn, "handle requests", "the first argument");
  checkFetchOptions(options, "handle requests");
  const requests = new RequestGroup(fn, options);
  const around = currentScope();
  link(requests, around, localsOf(around));
  return requests;
}

/** Checks the options at the call that was given them. */
export function checkFetchOptions(options: FetchHandlerOptions, action: string): void {
  const { timeout, maxConcurrent, onError } = options;
  checkScopeOptions(options, action);
  if (timeout !== undefined) checkTime(timeout, action, "'timeout'");
  if (maxConcurrent !== undefined) checkCount(maxConcurrent, action, "'maxConcurrent'", 1);
  if (onError !== undefined) checkFunction(onError, action, "'onError'");
}

/** The requests that one handler has under way: a group whose children fail for themselves alone. */
export class RequestGroup<Info extends unknown[]> extends TaskOwner {
  readonly name: string;
  readonly #fn: RequestFunction<Info>;
  readonly #limits: { timeout: number } | undefined;
  readonly #most: number;
  readonly #onError: FetchHandlerOptions["onError"];
  readonly #signalsAreCostly = "Deno" in globalThis;
  #running = 0;
  // Those not watched yet are looked through in rounds: see #watchSoon.
  #round = 0;
  #roundEnd: Alarm | undefined;
  #looking = false;

  constructor(fn: RequestFunction<Info>, options: FetchHandlerOptions) {
    super();
    const { name = "requests", timeout = Infinity, maxConcurrent = Infinity, onError } = options;
    this.name = name;
    this.#fn = fn;
    this.#limits = timeout === Infinity ? undefined : { timeout };
    this.#most = maxConcurrent;
    this.#onError = onError;
  }

  /** Answers a request, whatever happens. */
  answer(request: Request, info: Info): Promise<Response> {
    const closing = pendingIn(this) !== null || hasEnded(this);
    if (closing || this.#running >= this.#most) return Promise.resolve(answers.busy());
    const task = new RequestTask(request, this.#round);
    const response = new Promise<Response>((resolve) => task.resolve = resolve);
    if (this.#limits !== undefined) this.#limit(task, this.#limits);
    // A server's call-back is outside all tasks: the task-locals are those of this group's place.
    link(task, this, localsOf(this));
    this.#running++;
    startTask(task, () => this.#attend(task, request, info));
    if (this.#signalsAreCostly) this.#watchSoon();
    else task.watch();
    return response;
  }

  /** @ignore */
  override abandoned(): void {
    // Cancelled by the scope that it is part of, it is over when the last request is.
    drained(this).then(() => unlink(this));
  }

  /** @ignore */
  override childEnded(ended: Task, outcome: unknown): void {
    const task = ended as unknown as RequestTask;
    if (--this.#running === 0) this.#endRounds();
    task.unwatch();
    const made = task.made;
    task.respond(
      task.state === "succeeded" && made instanceof Response ? made : this.#failure(task, outcome),
    );
    task.forget();
  }

  /** @ignore */
  override callbackFailed(error: unknown): void {
    console.error(`A call-back of a task in "${this.name}" failed:`, error);
  }

  // The response is kept in the task only until it is given away, and not as the task's own value:
  // what a task holds when it ends outlives a collection of the young, and that is the dearest part
  // of a small request (measured: 0.7 of 2 µs).
  async #attend(task: RequestTask, request: Request, info: Info): Promise<void> {
    task.made = await this.#fn(request, ...info);
  }

  #limit(task: RequestTask, limits: { timeout: number }): void {
    limitScope(task, limits);
    // The client is told now, not when the task has ended: that may be stuck in something foreign.
    onReached(task, () => {
      if (isTimedOut(task)) task.respond(answers.late());
    });
  }

  /**
   * Sees to it that a request is watched if it is not answered soon. Nearly all are, within this very
   * turn of the event loop; so it is only looked once a turn whether any is left, and then once in a
   * while which ones still are. A timer for each request would cost more than the request's task.
   */
  #watchSoon(): void {
    if (this.#looking || this.#roundEnd !== undefined) return;
    this.#looking = true;
    nextTurn(() => {
      this.#looking = false;
      if (this.#running > 0) this.#beginRound();
    });
  }

  #beginRound(): void {
    this.#roundEnd ??= new Alarm(currentClock().now() + PATIENCE / 2, () => this.#look());
  }

  #endRounds(): void {
    this.#roundEnd?.lift();
    this.#roundEnd = undefined;
  }

  /** Watches those that were there in the round before this one. */
  #look(): void {
    this.#roundEnd = undefined;
    let left = false;
    const isWatched = (child: Scope): child is RequestTask => {
      const task = child as RequestTask;
      if (task.isWatched) return true;
      if (task.round < this.#round) task.watch();
      else left = true;
      return false;
    };
    // From the youngest on: behind the first that is watched, all are.
    youngest(this, isWatched);
    this.#round++;
    if (left) this.#beginRound();
  }

  #failure(task: RequestTask, outcome: unknown): Response {
    if (task.state === "cancelled") {
      if (isTimedOut(task)) return answers.late();
      return task.cancelled?.reason === CLIENT_GONE ? answers.gone() : answers.busy();
    }
    if (task.state === "failed" && isBodyCutShort(outcome, task.request!)) return answers.gone();
    const error = task.state === "failed" ? outcome : new TypeError(
      `Cannot answer "${task.name}" as its function returned no Response: received ${
        show(task.made)
      }`,
    );
    try {
      if (this.#onError !== undefined) {
        return this.#onError(error, task.request!) ?? answers.failed();
      }
    } catch (failure) {
      console.error(`The onError of "${this.name}" failed:`, failure);
    }
    console.error(`In "${this.name}", ${task.name}:`, error);
    return answers.failed();
  }
}

// Of a client that goes away while its body is being read, the body knows before the signal does.
function isBodyCutShort(error: unknown, request: Request): boolean {
  return request.bodyUsed && error instanceof Error && error.name === "BadResource";
}

/** A request under way, and its client, which may go away meanwhile. */
class RequestTask extends Task<void> {
  request: Request | undefined;
  /** In which round it came. */
  readonly round: number;
  /** What its function has returned. */
  made: unknown = undefined;
  /** Gives the response to the server; `undefined` once that has happened. */
  resolve: ((response: Response) => void) | undefined = undefined;
  isWatched = false;
  #watch: SignalWatch | undefined = undefined;

  constructor(request: Request, round: number) {
    super(nameOf(request));
    this.request = request;
    this.round = round;
  }

  /** Answers the client; the first answer counts. */
  respond(response: Response): void {
    this.resolve?.(response);
    this.resolve = undefined;
  }

  /** Ends with its client from now on. */
  watch(): void {
    this.isWatched = true;
    const { signal } = this.request!;
    if (signal.aborted) this.cancel(CLIENT_GONE);
    else this.#watch = new SignalWatch(signal, () => this.cancel(CLIENT_GONE));
  }

  unwatch(): void {
    this.#watch?.release();
  }

  forget(): void {
    this.request = this.made = undefined;
  }
}

/** The method and the path: "GET /search". Without the query, which may hold what is not for logs. */
function nameOf({ method, url }: Request): string {
  // Cut out by hand: a `new URL` for each request costs several percent of the throughput.
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const query = url.indexOf("?", start);
  return `${method} ${query === -1 ? url.slice(start) : url.slice(start, query)}`;
}

function isTimedOut(task: RequestTask): boolean {
  return task.cancelled !== undefined && causeOf(task) === "deadline";
}

/** The answers that are not the function's own: they say no more than a client needs to know. */
const answers = {
  failed: () => new Response("Internal Server Error", { status: 500 }),
  busy: () => new Response("Service Unavailable", { status: 503, headers: { "retry-after": "1" } }),
  late: () => new Response("Gateway Timeout", { status: 504 }),
  // Nobody reads it: the number is the one that nginx logs.
  gone: () => new Response(null, { status: 499 }),
};
