/**
 * A plain model of waiting, for random programs: who stands in which line, and what each operation
 * is to give. It knows no promises: an operation is settled by the step that settles it. The program
 * runs both, and compares.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  BrokenResourceError,
  CancelScope,
  ClosedError,
  isCancelled,
  QueueShutDown,
  TimeoutError,
  type WaitOptions,
} from "../../mod.ts";

/** What an operation gives: a value, or a word for what it throws. */
export type Result = { readonly value: unknown } | string;

/** What those stand in who wait for one thing, the first in front. */
export type Line = Place[];

/** Where an operation stands in a line, and what it brings along. */
export interface Place {
  readonly operation: Operation;
  readonly key: string;
  readonly item: unknown;
}

/** Something that an operation can wait for, as the model has it. */
export interface ModelArm {
  readonly line: Line;
  readonly item?: unknown;
  /** Whether it gives something, or fails, at once. */
  ready(): boolean;
  /** What it gives, with the effect that this has. */
  take(operation: Operation): Result;
  /** What it fails with, when it would fail at once. */
  error?(): string | undefined;
  /** The time at which it comes, if it is a time. */
  readonly due?: number;
}

/** What a random program says of an operation besides what it is. */
export interface Limits {
  readonly timeout: number | undefined;
  readonly signal: "none" | "fresh" | "aborted";
  readonly scope: "live" | "cancelled";
}

/** A blocking call: what it is to give by the model, and what it has given. */
export class Operation {
  expected: Result = "pending";
  seen: Result = "pending";
  /** What it waits for with a time, the limit of its own last. */
  dues: { readonly due: number; readonly result: () => Result }[] = [];
  readonly name: string;
  readonly scope: CancelScope = new CancelScope();
  readonly options: WaitOptions;
  readonly #controller = new AbortController();
  readonly #limits: Limits;
  readonly #wrap: (key: string, value: unknown) => unknown;
  readonly #closed: Result;
  #lines: Line[] = [];

  /**
   * @param wrap The value of the call, when the arm of this key gives that.
   * @param closed What it gives when what it waits for is closed: an error, or the end of a loop.
   */
  constructor(
    name: string,
    limits: Limits,
    wrap: (key: string, value: unknown) => unknown = (_, value) => value,
    closed: Result = "closed",
  ) {
    this.name = name;
    this.#closed = closed;
    this.#limits = limits;
    this.#wrap = wrap;
    if (limits.scope === "cancelled") this.scope.cancel();
    if (limits.signal === "aborted") this.abort();
    this.options = {
      ...(limits.timeout !== undefined && { timeout: limits.timeout }),
      ...(limits.signal !== "none" && { signal: this.#controller.signal }),
    };
  }

  get pending(): boolean {
    return this.expected === "pending";
  }

  /** What it may not even begin with, or `undefined`. */
  get barred(): Result | undefined {
    if (this.#limits.scope === "cancelled") return "cancelled";
    if (this.#limits.signal === "aborted") return "aborted";
    return undefined;
  }

  /** Runs the call itself, in the operation's own scope. Called once. */
  run(call: (options: WaitOptions) => unknown): Promise<unknown> {
    return this.scope.enter(async () => {
      try {
        this.seen = { value: await call(this.options) };
      } catch (error) {
        this.seen = wordFor(error);
      }
    });
  }

  /** What the model says when the call begins: `winner` of the arms is taken, or it waits. */
  begin(arms: Readonly<Record<string, ModelArm>>, winner: string | undefined, now: number): void {
    if (winner !== undefined) {
      this.give(winner, arms[winner].take(this));
      return;
    }
    const { timeout } = this.#limits;
    if (timeout === 0) {
      this.expected = "timed out";
      return;
    }
    for (const [key, arm] of Object.entries(arms)) {
      arm.line.push({ operation: this, key, item: arm.item });
      this.#lines.push(arm.line);
      if (arm.due !== undefined) {
        this.dues.push({ due: arm.due, result: () => this.#wrapped(key, { value: undefined }) });
      }
    }
    if (timeout !== undefined) this.dues.push({ due: now + timeout, result: () => "timed out" });
  }

  /** It gets what the arm of this key gives, and leaves all lines. */
  give(key: string, result: Result): void {
    this.settle(this.#wrapped(key, result));
  }

  settle(result: Result): void {
    this.expected = result;
    for (const line of this.#lines) {
      const others = line.filter(({ operation }) => operation !== this);
      line.splice(0, line.length, ...others);
    }
    this.#lines = [];
    this.dues = [];
  }

  cancel(): void {
    this.scope.cancel();
    if (this.pending) this.settle("cancelled");
  }

  abort(): void {
    this.#controller.abort(ABORTED);
    if (this.pending && this.#limits.signal === "fresh") this.settle("aborted");
  }

  /** The time has come: whatever it waited for until then has happened, the earliest first. */
  tick(now: number): void {
    const due = Math.min(...this.dues.map(({ due }) => due));
    if (due <= now) this.settle(this.dues.find((each) => each.due === due)!.result());
  }

  /** Once its call has had time to end: it has given what it is to give. */
  check(): void {
    assertEquals(this.seen, this.expected, this.name);
  }

  #wrapped(key: string, result: Result): Result {
    if (result === "closed") return this.#closed;
    return typeof result === "string" ? result : { value: this.#wrap(key, result.value) };
  }
}

const ABORTED = "aborted";

function wordFor(error: unknown): string {
  if (isCancelled(error)) return "cancelled";
  if (error instanceof TimeoutError) return "timed out";
  if (error instanceof ClosedError || error instanceof QueueShutDown) return "closed";
  if (error instanceof BrokenResourceError) return "broken";
  return error instanceof Error ? error.message : String(error);
}

/** The first of a line gets something; `false` when nobody stands in it. */
export function serveFirst(line: Line, result: Result): boolean {
  if (line.length === 0) return false;
  const [{ operation, key }] = line;
  operation.give(key, result);
  return true;
}

/** All in a line get something. */
export function serveAll(line: Line, result: Result): void {
  while (serveFirst(line, result));
}

/** A channel, or a bounded queue: items, those who wait for one, and those who wait for room. */
export class ModelChannel {
  buffer: unknown[] = [];
  readonly receivers: Line = [];
  readonly senders: Line = [];
  closed = false;
  dropped = 0;
  peak = 0;
  readonly capacity: number;
  readonly overflow: string;

  constructor(capacity: number, overflow = "wait") {
    this.capacity = capacity;
    this.overflow = overflow;
  }

  /** Whether an item can be sent at once: to whom, or what is dropped, is for `send()` to say. */
  get hasRoom(): boolean {
    return this.receivers.length > 0 || this.buffer.length < this.capacity ||
      this.overflow !== "wait";
  }

  get hasItem(): boolean {
    return this.buffer.length > 0 || this.senders.length > 0;
  }

  /** Whether the item itself is on its way. */
  send(item: unknown): boolean {
    if (serveFirst(this.receivers, { value: item })) return true;
    if (this.buffer.length === this.capacity) {
      this.dropped++;
      if (this.overflow === "drop-newest") return false;
      this.buffer.shift();
    }
    this.#store(item);
    return true;
  }

  receive(): unknown {
    if (this.senders.length > 0) {
      // Whoever waits to send moves up behind what is in the buffer.
      this.buffer.push(this.senders[0].item);
      serveFirst(this.senders, { value: undefined });
    }
    return this.buffer.shift();
  }

  close(): void {
    this.closed = true;
    serveAll(this.senders, "closed");
    serveAll(this.receivers, "closed");
  }

  receiving(): ModelArm {
    return {
      line: this.receivers,
      ready: () => this.hasItem || this.closed,
      error: () => this.closed && !this.hasItem ? "closed" : undefined,
      take: () => this.hasItem ? { value: this.receive() } : "closed",
    };
  }

  sending(item: unknown): ModelArm {
    return {
      line: this.senders,
      item,
      ready: () => this.closed || this.hasRoom,
      error: () => this.closed ? "closed" : undefined,
      take: () => {
        if (this.closed) return "closed";
        this.send(item);
        return { value: undefined };
      },
    };
  }

  #store(item: unknown): void {
    this.buffer.push(item);
    this.peak = Math.max(this.peak, this.buffer.length);
  }
}

/** A flag, a value or the end of a task: it comes once, and is there for all. */
export class ModelValue {
  readonly line: Line = [];
  result: Result | undefined;

  come(result: Result): void {
    this.result = result;
    serveAll(this.line, result);
  }

  arm(): ModelArm {
    return {
      line: this.line,
      ready: () => this.result !== undefined,
      error: () => typeof this.result === "string" ? this.result : undefined,
      take: () => this.result!,
    };
  }
}

/** Permits, or a lock, which has one. */
export class ModelPermits {
  readonly line: Line = [];
  available = 1;

  release(): void {
    if (!serveFirst(this.line, HELD)) this.available++;
  }

  arm(): ModelArm {
    return {
      line: this.line,
      ready: () => this.available > 0,
      take: () => {
        this.available--;
        return HELD;
      },
    };
  }
}

/** What a guard is shown as in a result. */
const HELD: Result = { value: "held" };
