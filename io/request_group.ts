/**
 * The requests that one handler has under way, and what goes on behind them: a group whose children
 * fail for themselves alone.
 *
 * @module
 */

import { isTracingSpawns, noteSpawn } from "../primitives/kernel/call_site.ts";
import { checkCount, checkFunction, checkTime, show } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { timersAreRequestBound } from "../primitives/kernel/request_bound.ts";
import {
  causeOf,
  drained,
  hasEnded,
  limitScope,
  link,
  type Locals,
  localsOf,
  onReached,
  pendingIn,
  unlink,
} from "../primitives/kernel/scope.ts";
import { checkScopeOptions } from "../primitives/kernel/scope_options.ts";
import { startTask, type Task, type TaskFunction, TaskOwner } from "../primitives/kernel/task.ts";
import { busy, failed, gone, late, malformed } from "./answers.ts";
import { ClientWatch } from "./client_watch.ts";
import {
  BackgroundTask,
  CLIENT_GONE,
  type Origin,
  type RequestOwner,
  RequestTask,
} from "./request_task.ts";
import { type Upgrade, upgradeOf } from "./upgrade_web_socket.ts";
import { keepAlive } from "./wait_until.ts";

/** What answers requests. `Info` is what the platform passes besides: Deno's info, an edge's `env`. */
export type RequestFunction<Info extends unknown[]> = (
  request: Request,
  ...info: Info
) => Response | PromiseLike<Response>;

/** What {@linkcode fetchHandler} can be told. */
export interface FetchHandlerOptions {
  /** What `inspect()` calls the group of requests. Default: "requests". */
  name?: string;
  /**
   * Milliseconds that a request may take until its response is there; then it is cancelled and
   * answered by 504. What it awaits then of somebody else's goes on, and so does the request, unless it
   * is given the task's `signal` or awaited by `cancellable`: so a body that a client draws out is best
   * read by `await cancellable(request.text())`. A body that is sent by `streamBody` may take longer.
   * Default: `Infinity`.
   */
  timeout?: number;
  /**
   * How many requests may run at once; more are answered by 503 and Retry-After. A request runs until
   * its function has ended, and the bodies that it sends by `streamBody` have been sent; WebSockets
   * and what goes on in the background are not counted. Default: `Infinity`.
   */
  maxConcurrent?: number;
  /**
   * Told of what a request's function throws, and of what fails later: a body that is being sent, the
   * handler of a WebSocket, what goes on in the background. While the response is not given yet it
   * may give that, and no promise of it; otherwise it is a 500 without any detail. Default: the error
   * is printed to stderr.
   */
  onError?: (error: unknown, request: Request) => Response | undefined | void;
}

const groups = new WeakMap<object, RequestGroup<unknown[]>>();

/** The group behind a function, if it is a fetch handler of ours. */
export function requestsOf(handler: object): RequestGroup<unknown[]> | undefined {
  return groups.get(handler);
}

/** A function that has a group answer requests. */
export function handlerOf<Info extends unknown[]>(
  requests: RequestGroup<Info>,
): (request: Request, ...info: Info) => Promise<Response> {
  const handler = (request: Request, ...info: Info) => requests.answer(request, info);
  groups.set(handler, requests as unknown as RequestGroup<unknown[]>);
  return handler;
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

/** See above. */
export class RequestGroup<Info extends unknown[]> extends TaskOwner implements RequestOwner {
  readonly name: string;
  readonly #fn: RequestFunction<Info>;
  readonly #limits: { timeout: number } | undefined;
  readonly #most: number;
  readonly #onError: FetchHandlerOptions["onError"];
  readonly #clients: ClientWatch = new ClientWatch(this);
  #sockets = 0;
  #lastSocketEnded: (() => void) | undefined;
  #isRefusing = false;

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
    const clients = this.#clients;
    if (this.#isClosing || this.#isRefusing || clients.running >= this.#most) {
      return Promise.resolve(busy());
    }
    const task = new RequestTask(request, info);
    if (this.#limits !== undefined) this.#limit(task, this.#limits);
    // A server's call-back is outside all tasks: the task-locals are those of this group's place.
    link(task, this, localsOf(this));
    clients.came(task);
    // Where a request is killed with its client, it would not get to its `finally` blocks.
    if (timersAreRequestBound) keepAlive(info, task as Task);
    startTask(task, this.#attend);
    if (task.isAlive) clients.started(task);
    return task.answered();
  }

  /** Starts what goes on when a request has been answered. */
  startBehind<R>(fn: TaskFunction<R>, name: string, origin: Origin): Task<R> {
    if (hasEnded(this)) {
      throw new ClosedError(
        `Cannot go on in the background of "${this.name}" as that has ended. Do it before the response`,
      );
    }
    return this.#startBehind(fn, name, origin, localsOf(currentScope()));
  }

  /** Takes no more requests while there are WebSockets; resolves when there are none any more. */
  endSockets(): Promise<void> {
    if (this.#sockets === 0) return Promise.resolve();
    this.#isRefusing = true;
    return new Promise((resolve) => this.#lastSocketEnded = resolve);
  }

  /** Resolves when no request runs any more, nor what goes on behind one. */
  get drained(): Promise<void> {
    return drained(this);
  }

  /** @ignore */
  override abandoned(): void {
    // Cancelled by the scope that it is part of, it is over when the last request is.
    drained(this).then(() => unlink(this));
  }

  /** @ignore */
  override childEnded(ended: Task, outcome: unknown): void {
    if (ended instanceof RequestTask) {
      this.#clients.left();
      const answer = ended.isAnswered ? undefined : this.#conclude(ended, outcome);
      if (answer !== undefined) ended.respond(answer);
      else if (ended.state === "failed" && !isBodyCutShort(outcome, ended.request!)) {
        this.#report(outcome, ended.name, ended.request!);
      }
      if (ended.made !== answer) this.#discard(ended);
      ended.forget();
    } else if (ended.state === "failed") {
      const { request } = (ended as BackgroundTask<unknown>).origin;
      this.#report(outcome, ended.name, request);
    }
  }

  /** @ignore */
  override callbackFailed(error: unknown): void {
    console.error(`A call-back of a task in "${this.name}" failed:`, error);
  }

  get #isClosing(): boolean {
    return pendingIn(this) !== null || hasEnded(this);
  }

  // The response is not the task's own value, which would outlive the task: see RequestTask.
  // One for all: a closure for each would be allocated.
  readonly #attend = (running: Task<void>): void | Promise<void> => {
    const task = running as RequestTask;
    const made = task.made = this.#fn(task.request!, ...task.info as Info);
    // What is there at once costs no promise.
    if (!(made instanceof Response) || task.bodies !== null) return this.#await(task, made);
  };

  async #await(task: RequestTask, making: Response | PromiseLike<Response>): Promise<void> {
    const made = task.made = await making;
    if (task.bodies === null || task.isAnswered || !(made instanceof Response)) return;
    await this.#send(task, made);
  }

  /** Answers, and makes the body as the client takes it. */
  async #send(task: RequestTask, response: Response): Promise<void> {
    const bodies = task.bodies!.filter((body) => body.isIn(response));
    task.deadline = Infinity;
    keepAlive(task.info!, task as Task);
    task.made = undefined;
    task.respond(response);
    await Promise.all(bodies.map((body) => task.run(() => body.send())));
  }

  #limit(task: RequestTask, limits: { timeout: number }): void {
    limitScope(task, limits);
    // The client is told now, not when the task has ended: that may be stuck in something foreign.
    onReached(task, () => {
      if (isTimedOut(task)) task.respond(late());
    });
  }

  #startBehind<R>(
    fn: TaskFunction<R>,
    name: string,
    origin: Origin,
    locals: Locals | null,
  ): Task<R> {
    const task = new BackgroundTask<R>(name, origin);
    if (isTracingSpawns()) noteSpawn(task);
    link(task, this, locals);
    startTask(task, fn);
    if (task.isAlive) keepAlive(origin.info, task as Task);
    return task;
  }

  /** What a request that has ended is answered by. */
  #conclude(task: RequestTask, outcome: unknown): Response {
    const made = task.made;
    const request = task.request!;
    switch (task.state) {
      case "succeeded": {
        if (!(made instanceof Response)) {
          const received = show(made);
          return this.#failure(
            new TypeError(
              `Cannot answer "${task.name}" as its function returned no Response: received ${received}`,
            ),
            task,
          );
        }
        const upgrade = upgradeOf(made);
        return upgrade === undefined ? made : this.#upgrade(task, upgrade);
      }
      case "cancelled":
        if (isTimedOut(task)) return late();
        return task.cancelled?.reason === CLIENT_GONE ? gone() : busy();
      default:
        if (isBodyCutShort(outcome, request)) return gone();
        if (isMalformed(outcome, request)) return malformed();
        return this.#failure(outcome, task);
    }
  }

  // Only now, when the response is on its way for sure: `Deno.serve` ends for good when a connection
  // was upgraded and the response is another one (2.9.6).
  #upgrade(task: RequestTask, { open, locals }: Upgrade): Response {
    // Nor while it stops: the platform would close it, with what it has to say.
    if (this.#isClosing || this.stopping) return busy();
    const origin = { request: task.request!, info: task.info! };
    try {
      const { response, name, run } = open(origin.request);
      this.#sockets++;
      this.#startBehind(run, name, origin, locals).onDone(() => {
        if (--this.#sockets === 0) this.#lastSocketEnded?.();
      });
      return response;
    } catch (error) {
      return this.#failure(error, task);
    }
  }

  /** Closes a response that nobody gets, as it came too late: a connection may be open behind it. */
  #discard({ made, name, request }: RequestTask): void {
    if (!(made instanceof Response) || made.body === null || made.body.locked) return;
    made.body.cancel().catch((error) => this.#report(error, name, request!));
  }

  #failure(error: unknown, task: RequestTask): Response {
    return this.#report(error, task.name, task.request!) ?? failed();
  }

  #report(error: unknown, name: string, request: Request): Response | undefined {
    try {
      if (this.#onError !== undefined) return checkAnswer(this.#onError(error, request));
    } catch (failure) {
      console.error(`The onError of "${this.name}" failed:`, failure);
    }
    console.error(`In "${this.name}", ${name}:`, error);
    return undefined;
  }
}

/** What `onError` has given, if it is of any use. */
function checkAnswer(answer: unknown): Response | undefined {
  if (answer === undefined || answer === null || answer instanceof Response) {
    return answer ?? undefined;
  }
  // Nobody else would hear of the failure of one that is asynchronous.
  Promise.resolve(answer).catch((error) => console.error("An asynchronous onError failed:", error));
  throw new TypeError(
    `Cannot answer by onError as it must return a Response, or nothing: received ${
      show(answer)
    }. What takes its time goes to currentTask().background()`,
  );
}

// Of a client that goes away while its body is being read, the body knows before the signal does. Read
// as a stream, it says so in other words.
function isBodyCutShort(error: unknown, request: Request): boolean {
  return request.bodyUsed && error instanceof Error && error.name === "BadResource" &&
    /read (request )?body/.test(error.message);
}

// `Deno.serve` puts what the client says its host is into the URL as it is (2.9.6), and `new URL()`
// then fails, which would be a line in the log for whoever wants to fill it.
function isMalformed(error: unknown, { url }: Request): boolean {
  return error instanceof TypeError && !URL.canParse(url);
}

function isTimedOut(task: RequestTask): boolean {
  return task.cancelled !== undefined && causeOf(task) === "deadline";
}
