/**
 * A plain model of queues, for `queue_model_test.ts`: arrays, and no promise anywhere. What a call comes to is settled when
 * it is made, or by the step that lets it go on.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** Only items of the same sort can be compared. */
export interface Item {
  readonly id: number;
  readonly priority: number;
  readonly sort: number;
}

export type Kind = "fifo" | "lifo" | "priority";

export type End =
  | "cancelled"
  | "timeout"
  | "aborted"
  | "stopped"
  | "shut down"
  | "incomparable"
  | "full"
  | "empty"
  | "too often";
/** What becomes of a call: a value, or how it fails. */
export type Outcome = { readonly value: unknown } | { readonly fails: End };

export interface Limits {
  readonly timeout?: number;
  readonly endOnStop: boolean;
  /** What has happened before the call. */
  readonly before: "nothing" | "cancelled" | "aborted" | "stopped";
}

export type Arm = { readonly queue: number; readonly put: boolean; readonly item: Item };

export type Step =
  | { do: "put" | "get" | "next" | "join"; queue: number; item: Item; limits: Limits }
  | { do: "select"; arms: readonly [Arm, Arm]; limits: Limits }
  | { do: "putNowait" | "getNowait" | "taskDone"; queue: number; item: Item }
  | { do: "shutdown"; queue: number; immediate: boolean }
  | { do: "cancel" | "abort" | "stop"; call: number }
  | { do: "advance"; ms: number }
  | { do: "settle" };

/** A step that may have to wait. */
export type CallStep = Extract<Step, { limits: Limits }>;

/** One call, as the model sees it: waiting until it has an outcome. */
export class ModelCall {
  outcome: Outcome | undefined;
  readonly iterates: boolean;
  readonly endOnStop: boolean;
  readonly due: number;

  constructor(iterates: boolean, endOnStop: boolean, due: number) {
    this.iterates = iterates;
    this.endOnStop = endOnStop;
    this.due = due;
  }
}

/** Somebody in a queue; a select is in two. */
interface Waiting {
  readonly call: ModelCall;
  /** The key of the arm of a select. */
  readonly key: string | undefined;
  readonly item: Item;
}

class ModelQueue {
  readonly kind: Kind;
  readonly bound: number;
  items: Item[] = [];
  putters: Waiting[] = [];
  getters: Waiting[] = [];
  joiners: ModelCall[] = [];
  unfinished = 0;
  peak = 0;
  isShutDown = false;
  readonly #model: Model;

  constructor(model: Model, kind: Kind, maxsize: number) {
    this.#model = model;
    this.kind = kind;
    this.bound = maxsize === 0 ? Infinity : maxsize;
  }

  /** Puts at once, or says why not. */
  offer(item: Item): End | undefined {
    if (this.isShutDown) return "shut down";
    const getter = this.getters[0];
    if (getter !== undefined) {
      this.unfinished++;
      this.#model.wake(getter, item);
      return undefined;
    }
    if (this.items.length >= this.bound) return "full";
    return this.#keep(item);
  }

  /** Takes at once, or says why not. */
  take(): Item | End {
    if (this.items.length === 0) return this.isShutDown ? "shut down" : "empty";
    const taken = this.kind === "lifo" ? this.items.pop()! : this.items.shift()!;
    while (this.putters.length > 0 && this.items.length < this.bound) {
      const putter = this.putters[0];
      const problem = this.#keep(putter.item);
      if (problem === undefined) this.#model.wake(putter, undefined);
      else this.#model.end(putter.call, { fails: problem });
    }
    return taken;
  }

  taskDone(count: number): void {
    this.unfinished -= count;
    if (this.unfinished > 0) return;
    for (const call of [...this.joiners]) this.#model.end(call, { value: undefined });
  }

  shutdown(immediate: boolean): void {
    this.isShutDown = true;
    while (this.putters.length > 0) this.#model.end(this.putters[0].call, { fails: "shut down" });
    if (immediate) {
      this.taskDone(Math.min(this.items.length, this.unfinished));
      this.items = [];
    }
    while (this.getters.length > 0) {
      const { call } = this.getters[0];
      this.#model.end(call, call.iterates ? { value: "the end" } : { fails: "shut down" });
    }
  }

  #keep(item: Item): End | undefined {
    if (this.kind === "priority") {
      if (this.items.some(({ sort }) => sort !== item.sort)) return "incomparable";
      const place = this.items.findLastIndex(({ priority }) => priority <= item.priority);
      this.items.splice(place + 1, 0, item);
    } else {
      this.items.push(item);
    }
    this.unfinished++;
    this.peak = Math.max(this.peak, this.items.length);
    return undefined;
  }
}

export class Model {
  readonly queues: ModelQueue[];
  readonly calls: ModelCall[] = [];
  now = 0;

  constructor(kinds: readonly Kind[], maxsizes: readonly number[]) {
    this.queues = kinds.map((kind, index) => new ModelQueue(this, kind, maxsizes[index]));
  }

  wake({ call, key }: Waiting, value: unknown): void {
    this.end(call, { value: key === undefined ? value : { key, value } });
  }

  end(call: ModelCall, outcome: Outcome): void {
    assertEquals(call.outcome, undefined, "the model ends a call twice");
    call.outcome = outcome;
    for (const queue of this.queues) {
      queue.putters = queue.putters.filter((waiting) => waiting.call !== call);
      queue.getters = queue.getters.filter((waiting) => waiting.call !== call);
      queue.joiners = queue.joiners.filter((joiner) => joiner !== call);
    }
  }

  fail(index: number, fails: End): void {
    const call = this.calls[index];
    if (call !== undefined && call.outcome === undefined) this.end(call, { fails });
  }

  advance(ms: number): void {
    this.now += ms;
    for (const call of this.calls) {
      if (call.outcome === undefined && call.due <= this.now) this.end(call, { fails: "timeout" });
    }
  }

  call(step: CallStep): void {
    const { timeout = Infinity, endOnStop, before } = step.limits;
    const limited = step.do !== "next";
    const call = new ModelCall(
      step.do === "next",
      limited && endOnStop,
      limited ? this.now + timeout : Infinity,
    );
    this.calls.push(call);
    if (before === "cancelled") return this.end(call, { fails: "cancelled" });
    if (limited && before === "aborted") return this.end(call, { fails: "aborted" });
    const arms: (Arm & { key?: string })[] = step.do === "select"
      ? step.arms.map((arm, index) => ({ ...arm, key: "ab"[index] }))
      : step.do === "join"
      ? []
      : [{ queue: step.queue, put: step.do === "put", item: step.item }];
    for (const { queue, put, item, key } of arms) {
      const model = this.queues[queue];
      const result = put ? model.offer(item) : model.take();
      if (result === "full" || result === "empty") continue;
      if (typeof result !== "string") return this.wake({ call, key, item }, result);
      const ends = call.iterates && result === "shut down";
      return this.end(call, ends ? { value: "the end" } : { fails: result });
    }
    if (step.do === "join" && this.queues[step.queue].unfinished === 0) {
      return this.end(call, { value: undefined });
    }
    if (limited && timeout === 0) return this.end(call, { fails: "timeout" });
    if (call.endOnStop && before === "stopped") return this.end(call, { fails: "stopped" });
    for (const { queue, put, item, key } of arms) {
      const model = this.queues[queue];
      (put ? model.putters : model.getters).push({ call, key, item });
    }
    if (step.do === "join") this.queues[step.queue].joiners.push(call);
  }
}
