/**
 * Bodies that are made while they are sent, in the task of their request. A platform pulls a stream
 * from outside all tasks, when the one that made it has ended; what the stream is made of then has no
 * owner, and nobody ends it. Here the request's task lives on until the body is sent: it waits until
 * the client takes a chunk, makes the next, and ends like every other task.
 *
 * @module
 */

import { checkOptions, checkTime, show } from "../primitives/kernel/check.ts";
import { followsAwait, runIn } from "../primitives/kernel/context.ts";
import { ClosedError, isCancelled, suppress, TimeoutError } from "../primitives/kernel/errors.ts";
import { CancelScope } from "../primitives/cancel_scope.ts";
import { Event } from "../primitives/event.ts";
import { currentRequest, type SentBody } from "./request_task.ts";

/** A piece of a body: bytes, or text, which is sent as UTF-8. */
export type BodyChunk = string | Uint8Array;

/** What gives the chunks of a body, one after the other. */
export type BodyChunks = AsyncIterable<BodyChunk> | Iterable<BodyChunk>;

/** What {@linkcode streamBody} can be told. */
export interface StreamBodyOptions {
  /**
   * Milliseconds that the client may leave a chunk untaken; then it is taken for gone, so that clients
   * that read nothing keep no place among `maxConcurrent`. How long a chunk takes to be made does not
   * count. Default: `Infinity`.
   */
  idleTimeout?: number;
}

const encoder = new TextEncoder();

const reported = new WeakSet<WeakKey>();

/** Whether an error has come out of a body, whose request reports it. */
export function isReported(error: unknown): boolean {
  return typeof error === "object" && error !== null && reported.has(error);
}

/**
 * Makes the body of a response while it is sent: events as they happen, lines of a file as the client
 * takes them. Called in a request of `fetchHandler` or `serveHttp`; the chunks are made in that
 * request's task, one when the client has taken the last, and the task lives until all are sent.
 *
 * When the client goes away, or the request is cancelled, so is what makes the chunks, and its
 * `finally` blocks have run when the task ends. A server that is asked to stop gives it the drain;
 * marked with `endOnStop`, its waits end at once. When it fails, the client's connection is cut short,
 * so that nobody takes what came for the whole, and `onError` is told.
 *
 * The `timeout` of the handler is over when the response is there. A body that no response was
 * returned with is not made.
 *
 * @param source What gives the chunks, or a function that returns it: an async generator, say.
 * @param options `idleTimeout`.
 * @returns The body, for `new Response(body)`. It may be piped through a `CompressionStream`.
 * @throws {TypeError | RangeError} When an argument makes no sense.
 * @throws {Error} When the running code is not part of a request.
 *
 * @example
 * ```ts
 * import { fetchHandler, sleep, streamBody } from "@grove/grove";
 *
 * const handler = fetchHandler(() =>
 *   new Response(streamBody(async function* () {
 *     for (let n = 3; n > 0; n--) {
 *       yield `${n}\n`;
 *       await sleep(1);
 *     }
 *   }))
 * );
 *
 * const response = await handler(new Request("http://localhost/countdown"));
 * console.log(await response.text()); // 3 2 1
 * ```
 */
export function streamBody(
  source: BodyChunks | (() => BodyChunks),
  options: StreamBodyOptions = {},
): ReadableStream<Uint8Array<ArrayBuffer>> {
  if (typeof source !== "function" && !isIterable(source)) {
    throw new TypeError(
      `Cannot stream a body as it must be an iterable of chunks or a function that returns one: received ${
        show(source)
      }`,
    );
  }
  checkOptions(options, "stream a body");
  const { idleTimeout = Infinity } = options;
  checkTime(idleTimeout, "stream a body", "'idleTimeout'");
  const request = currentRequest();
  if (request === undefined) {
    throw new Error(
      "Cannot stream a body as the running code is not part of a request. Call it in the function of fetchHandler() or serveHttp()",
    );
  }
  if (request.isAnswered) {
    throw new ClosedError(
      `Cannot stream a body as "${request.name}" has been answered. Call it before the response is returned`,
    );
  }
  const body = new Body(source, request.name, idleTimeout);
  (request.bodies ??= []).push(body);
  return body.stream;
}

class Body implements SentBody {
  readonly stream: ReadableStream<Uint8Array<ArrayBuffer>>;
  readonly #source: BodyChunks | (() => BodyChunks);
  readonly #scope: CancelScope;
  readonly #wanted: Event;
  readonly #idleTimeout: number;
  #controller!: ReadableStreamDefaultController<Uint8Array<ArrayBuffer>>;
  #isOver = false;

  constructor(source: BodyChunks | (() => BodyChunks), name: string, idleTimeout: number) {
    this.#source = source;
    this.#idleTimeout = idleTimeout;
    this.#scope = new CancelScope({ name: `body of ${name}` });
    this.#wanted = new Event({ name: "the client takes more" });
    this.stream = new ReadableStream({
      start: (controller) => void (this.#controller = controller),
      pull: () => this.#wanted.set(),
      cancel: () => {
        this.#isOver = true;
        this.#scope.cancel("its reader went away");
      },
    }, { highWaterMark: 0 });
  }

  isIn(response: Response): boolean {
    return this.stream.locked || response.body === this.stream;
  }

  async send(): Promise<void> {
    try {
      await this.#scope.enter(() => this.#make());
      if (!this.#isOver) this.#controller.close();
    } catch (error) {
      if (typeof error === "object" && error !== null) reported.add(error);
      if (!this.#isOver) this.#controller.error(error);
      throw error;
    } finally {
      this.#isOver = true;
    }
  }

  drop(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#controller.error(
      new ClosedError(`Cannot read the ${this.#scope.name} as that has ended without it`),
    );
  }

  async #make(): Promise<void> {
    await this.#taken();
    const source = this.#source;
    const chunks = iterate(typeof source === "function" ? this.#within(source) : source);
    let isDone = true;
    try {
      for (;;) {
        const { done, value } = await this.#within(() => chunks.next());
        if (done) return;
        isDone = false;
        const bytes = bytesOf(value);
        // For some platforms an empty chunk is the end.
        if (bytes.length > 0) {
          // What waits for something foreign comes back when nobody is there any more.
          if (this.#isOver) throw this.#scope.cancelled;
          this.#wanted.clear();
          this.#controller.enqueue(bytes);
          await this.#within(() => this.#taken());
        }
        isDone = true;
      }
    } catch (error) {
      if (!isDone) await close(chunks, error);
      throw error;
    }
  }

  /** Waits until the client takes more. */
  async #taken(): Promise<void> {
    try {
      await this.#wanted.wait({ timeout: this.#idleTimeout });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      this.#scope.cancel(`its client took nothing for ${this.#idleTimeout} ms`);
      // Closed in an orderly way, it would be taken for the whole.
      this.#isOver = true;
      this.#controller.error(this.#scope.cancelled);
      throw this.#scope.cancelled;
    }
  }

  /** Where the platform follows no `await`, what comes after one is not in the scope by itself. */
  #within<R>(fn: () => R): R {
    return followsAwait ? fn() : runIn(this.#scope, fn);
  }
}

/** Closes what is not at its end, because of an error. None of the two is lost. */
async function close(chunks: AnyIterator, error: unknown): Promise<void> {
  try {
    await chunks.return?.();
  } catch (failure) {
    if (isCancelled(error)) throw failure;
    suppress(error, failure);
  }
}

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

function iterate(chunks: BodyChunks): AnyIterator {
  if (!isIterable(chunks)) {
    throw new TypeError(
      `Cannot stream a body as its function returned no iterable of chunks: received ${
        show(chunks)
      }`,
    );
  }
  return Symbol.asyncIterator in chunks
    ? chunks[Symbol.asyncIterator]()
    : chunks[Symbol.iterator]();
}

// A text is an iterable of its characters, and bytes are one of numbers, which nobody means.
function isIterable(value: unknown): value is BodyChunks {
  return typeof value === "object" && value !== null && !ArrayBuffer.isView(value) &&
    (Symbol.asyncIterator in value || Symbol.iterator in value);
}

function bytesOf(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (typeof chunk === "string") return encoder.encode(chunk);
  if (chunk instanceof Uint8Array) return chunk as Uint8Array<ArrayBuffer>;
  throw new TypeError(
    `Cannot send a chunk of a body as it must be a string or a Uint8Array: received ${show(chunk)}`,
  );
}
