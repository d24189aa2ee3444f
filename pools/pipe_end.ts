/**
 * The ends of pipes, as they are used everywhere.
 *
 * @module
 */

import { ClosedError } from "../primitives/kernel/errors.ts";
import { mayFloat } from "../primitives/kernel/floating.ts";
import { pass, type Passed } from "../primitives/kernel/passing.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { QueueEmpty } from "../primitives/queue_errors.ts";
import type { Reference } from "./link/message.ts";

/** How one end of a pipe is doing. */
export interface PipeEndStats {
  /** How many values it can receive at once. */
  readonly incoming: number;
  /** How many values it has sent that the other end has not received. */
  readonly outgoing: number;
  /** How many values may be in each way. */
  readonly capacity: number;
  /** How many wait to send here. */
  readonly senders: number;
  /** How many wait to receive here. */
  readonly receivers: number;
}

/** What stands for an end on its way. */
export interface EndData extends Reference {
  readonly capacity: number;
  /** How often it was sent, this time included. */
  readonly turn: number;
}

/** An end as it is used, here or from elsewhere. */
export interface EndSide {
  send(value: unknown, options?: WaitOptions): Promise<void>;
  receive(options?: WaitOptions): Promise<unknown>;
  receiveNowait(): Promise<unknown>;
  stats(): Promise<PipeEndStats>;
  /** It is used no more, where it is: who waits gets the error. */
  close(error: ClosedError): void;
  /** The same, as it goes elsewhere. */
  leave(error: ClosedError): EndData;
}

/** Says how an end is reached. */
export let useSide: (end: PipeEnd<unknown, unknown>, side: EndSide) => void;

/**
 * One end of a `Pipe`. It can be sent to a worker or a process, as an argument, a result
 * or an item; it is there then, and cannot be used here any more.
 *
 * @typeParam Out What it sends.
 * @typeParam In What it receives. Default: what it sends.
 *
 * @example
 * ```ts
 * import { Pipe } from "@grove/grove";
 *
 * const [here, there] = new Pipe<string>();
 * await here.send("hello");
 * console.log(await there.receive()); // hello
 * here.close();
 * for await (const value of there) console.log(value); // nothing: the loop ends
 * there.close();
 * ```
 */
export class PipeEnd<Out, In = Out> implements AsyncIterable<In>, Disposable {
  /** What errors and `inspect()` call the pipe: its `name` option, or "". */
  readonly name: string;
  /** How many values it may be ahead of what the other end has received. */
  readonly capacity: number;
  #side!: EndSide;
  #gone: "closed" | "sent elsewhere" | undefined;

  /**
   * Ends are made by pipes.
   *
   * @param name What to call it.
   * @param capacity How many values have room.
   */
  constructor(name: string, capacity: number) {
    this.name = name;
    this.capacity = capacity;
  }

  /** Whether it cannot be used here any more: it was closed, or sent elsewhere. */
  get closed(): boolean {
    return this.#gone !== undefined;
  }

  /**
   * Sends a value to the other end, and waits until there is room for it.
   *
   * @param value What to send: it is copied, or moved by `transfer()`.
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to nothing, when the value is on its way.
   * @throws {NotPortableError} When the value cannot be cloned.
   * @throws {ClosedError} When the other end is closed, or its process is gone, now or while it
   * waits; when this end is closed, or was sent elsewhere. The value is not sent.
   * @throws {TimeoutError} When the time is up. The value is not sent.
   * @throws {Cancelled} When the scope is cancelled. The value is not sent.
   * @throws {BrokenResourceError} When the process that the pipe was made in is gone.
   */
  send(value: Out, options?: WaitOptions): Promise<void> {
    if (this.#gone !== undefined) return Promise.reject(this.#error("send over"));
    return this.#side.send(value, options);
  }

  /**
   * Receives the next value that the other end has sent, and waits until there is one.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the value.
   * @throws {ClosedError} When the other end is closed, or its process is gone, and all that it had
   * sent was received; when this end is closed, or was sent elsewhere.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. No value is taken then.
   * @throws {BrokenResourceError} When the process that the pipe was made in is gone.
   */
  receive(options?: WaitOptions): Promise<In> {
    if (this.#gone !== undefined) return Promise.reject(this.#error("receive from"));
    return this.#side.receive(options) as Promise<In>;
  }

  /**
   * Receives a value if there is one.
   *
   * @returns Resolves to the value, in an object as it may be `undefined` itself; to `undefined` when
   * there is none.
   * @throws {ClosedError} As `receive()`.
   */
  async tryReceive(): Promise<{ readonly value: In } | undefined> {
    if (this.#gone !== undefined) throw this.#error("receive from");
    try {
      return { value: await this.#side.receiveNowait() as In };
    } catch (error) {
      if (error instanceof QueueEmpty) return undefined;
      throw error;
    }
  }

  /**
   * Closes it. The other end can still receive what was sent; after that, its loops end and its
   * `receive()` throws. What was sent to this end and not received is lost. Does nothing when it is
   * closed already, or was sent elsewhere.
   */
  close(): void {
    if (this.#gone !== undefined) return;
    this.#gone = "closed";
    this.#side.close(this.#error("use"));
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.close();
  }

  /**
   * The values, until the other end is closed, or this one. Leaving the loop early leaves it open.
   *
   * @returns An iterator.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<In> {
    let isOver = false;
    const next = async (): Promise<IteratorResult<In>> => {
      if (isOver) return { done: true, value: undefined };
      try {
        return { done: false, value: await this.receive() };
      } catch (error) {
        // That it was sent elsewhere is no end of what comes: whoever does that has to leave the loop.
        if (!(error instanceof ClosedError) || this.#gone === "sent elsewhere") throw error;
        isOver = true;
        return { done: true, value: undefined };
      }
    };
    return {
      [Symbol.asyncIterator]() {
        return this;
      },
      next: () => mayFloat(next()),
      return: async () => {
        isOver = true;
        return { done: true, value: undefined };
      },
    };
  }

  /**
   * How it is doing.
   *
   * @returns Resolves to a frozen snapshot.
   */
  stats(): Promise<PipeEndStats> {
    if (this.#gone !== undefined) return Promise.reject(this.#error("ask"));
    return this.#side.stats();
  }

  /** @ignore */
  [pass](): Passed {
    if (this.#gone !== undefined) throw this.#error("send an end of");
    this.#gone = "sent elsewhere";
    return { kind: "PipeEnd", data: this.#side.leave(this.#error("use")) };
  }

  #error(action: string): ClosedError {
    return new ClosedError(
      this.#gone === "closed"
        ? `Cannot ${action} pipe "${this.name}" as this end is closed. Close it when all is done`
        : `Cannot ${action} pipe "${this.name}" as this end was sent elsewhere. Use it there, or make another pipe`,
    );
  }

  static {
    useSide = (end, side) => {
      end.#side = side;
      end.#gone = undefined;
    };
  }
}
