/**
 * Traces: what all tasks do over time, in the JSON format that Chrome's tracing and Perfetto
 * (https://ui.perfetto.dev) open.
 *
 * The format is the "Trace Event Format": a slice is a pair of events, B and E, and slices of one
 * track nest. Each task has a track for itself as long as it lives, so that its waits nest in it; a
 * track that is free is used again, so a server of ten million requests has as many tracks as it had
 * requests at a time.
 *
 * What is kept are the latest facts, one for each thing that has happened; they become events when
 * somebody asks. So it can be cut off at any fact, and still each B has its E.
 *
 * @module
 */

import { checkCount, checkOptions } from "./kernel/check.ts";
import { labelOf } from "./kernel/queue.ts";
import type { Scope } from "./kernel/scope.ts";
import { activeTasks, type Task, taskAround } from "./kernel/task.ts";
import { rootScope } from "./kernel/context.ts";
import { instrument, type Wait } from "./instrument.ts";

/** What {@linkcode traceEvents} can be told. */
export interface TraceOptions {
  /** How many facts are kept: of more, the oldest are dropped. Default: 100,000, some 10 MB. */
  limit?: number;
}

/** An event, as the format has it. */
export interface TraceEvent {
  /** Its name. */
  readonly name: string;
  /**
   * "B" and "E": a slice begins, and ends; "i": an instant; "s" and "f": an arrow begins, and ends;
   * "M": the name of a track.
   */
  readonly ph: "B" | "E" | "i" | "s" | "f" | "M";
  /** When it was, in microseconds. */
  readonly ts: number;
  /** The process: 1. */
  readonly pid: number;
  /** The track. */
  readonly tid: number;
  /** What sort of thing: "task", "wait", "cancel", "spawn". */
  readonly cat?: string;
  /** By what the two ends of an arrow are known. */
  readonly id?: number;
  /** "e": an arrow ends at the slice that it points into. */
  readonly bp?: "e";
  /** "t": an instant concerns its track alone. */
  readonly s?: "t";
  /** More about it. */
  readonly args?: Readonly<Record<string, string | number>>;
}

/** One thing that has happened. */
interface Fact {
  readonly what: "begin" | "end" | "arrow" | "instant";
  readonly at: number;
  readonly track: number;
  readonly name: string;
  readonly cat: string;
  readonly args?: Readonly<Record<string, string | number>>;
  /** Of an arrow: the track it comes from, and the number of the task. */
  readonly from?: number;
  readonly id?: number;
}

/** How a task is shown that has not ended. */
interface Shown {
  readonly track: number;
  /** In how many waits it is, the time in a queue among them. */
  waits: number;
}

/**
 * A trace that is being recorded, or was: see {@linkcode traceEvents}. `JSON.stringify(trace)` is
 * what goes into a file.
 *
 * @example
 * ```ts
 * import { type Trace, traceEvents } from "@grove/grove";
 *
 * const trace: Trace = traceEvents();
 * trace.stop();
 * console.log(trace.dropped); // 0
 * ```
 */
export class Trace implements Disposable {
  readonly #limit: number;
  // A ring once it is full: the oldest is where the next one goes.
  readonly #facts: Fact[] = [];
  #next = 0;
  readonly #shown: Map<Task, Shown> = new Map();
  // Only of waits that began here: one that was under way before is not shown.
  readonly #waits: WeakSet<Wait> = new WeakSet();
  readonly #freeTracks: number[] = [];
  readonly #instrument: Disposable;
  #tracks = 0;
  #dropped = 0;
  #stoppedAt: number | undefined;

  /**
   * Traces are begun by `traceEvents`.
   *
   * @param limit How many facts are kept.
   */
  constructor(limit: number) {
    this.#limit = limit;
    const at = now();
    for (const task of [rootScope() as Task, ...activeTasks()]) {
      const shown = this.#begin(task, at);
      if (task.state === "queued") this.#wait(shown, at, "queued");
    }
    this.#instrument = instrument({
      spawned: (task) => this.#spawned(task),
      started: (task) => this.#started(task),
      blocked: (task, wait) => this.#blocked(task, wait),
      unblocked: (task, wait) => this.#unblocked(task, wait),
      cancelled: (scope) => this.#cancelled(scope),
      exited: (task) => this.#exited(task),
    });
  }

  /** How many facts were dropped, as there were more than the `limit`. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Records no more. What was recorded stays. */
  stop(): void {
    this.#stoppedAt ??= now();
    this.#instrument[Symbol.dispose]();
    this.#shown.clear();
  }

  /** Stops it: for `using`. */
  [Symbol.dispose](): void {
    this.stop();
  }

  /**
   * The trace as the format has it. What has not ended is shown as ending now.
   *
   * @returns The object that a file of this format consists of.
   */
  toJSON(): { traceEvents: TraceEvent[]; displayTimeUnit: "ms" } {
    const end = this.#stoppedAt ?? now();
    const events: TraceEvent[] = [];
    const open: Fact[][] = [];
    for (const fact of [...this.#facts.slice(this.#next), ...this.#facts.slice(0, this.#next)]) {
      const stack = open[fact.track] ??= [];
      if (fact.what === "begin") stack.push(fact);
      // The fact that it began was dropped.
      else if (fact.what === "end" && stack.pop() === undefined) continue;
      events.push(...eventsOf(fact));
    }
    open.forEach((stack) => {
      for (const { name, cat, track } of stack.reverse()) {
        events.push(event("E", name, end, track, { cat }));
      }
    });
    return { traceEvents: [...names(open), ...events], displayTimeUnit: "ms" };
  }

  #spawned(task: Task): void {
    const at = now();
    const { parent } = task;
    const shown = this.#begin(task, at);
    const from = parent === null ? undefined : this.#shown.get(parent)?.track;
    if (from !== undefined) {
      const { track } = shown;
      this.#note({ what: "arrow", at, track, name: "spawn", cat: "spawn", from, id: task.id });
    }
    this.#wait(shown, at, "queued");
  }

  #started(task: Task): void {
    const shown = this.#shown.get(task);
    if (shown !== undefined) this.#endWait(shown, now());
  }

  #blocked(task: Task, wait: Wait): void {
    const shown = this.#shown.get(task);
    if (shown === undefined) return;
    this.#waits.add(wait);
    this.#wait(shown, now(), `waits for ${wait.targets.map(labelOf).join(" or ") || "a promise"}`);
  }

  #unblocked(task: Task, wait: Wait): void {
    const shown = this.#shown.get(task);
    if (shown !== undefined && this.#waits.delete(wait)) this.#endWait(shown, now());
  }

  #cancelled(scope: Scope): void {
    const track = this.#shown.get(taskAround(scope)!)?.track;
    if (track === undefined) return;
    const reason = scope.cancelled!.message;
    const name = `cancel "${scope.name}"`;
    this.#note({ what: "instant", at: now(), track, name, cat: "cancel", args: { reason } });
  }

  #exited(task: Task): void {
    const shown = this.#shown.get(task);
    if (shown === undefined) return;
    const at = now();
    // What it was in and did not wait for goes on without it.
    if (shown.waits > 0) {
      shown.waits = 1;
      this.#endWait(shown, at);
    }
    const { track } = shown;
    const { name, state } = task;
    this.#note({ what: "end", at, track, name, cat: "task", args: { state } });
    this.#shown.delete(task);
    this.#freeTracks.push(track);
  }

  #begin(task: Task, at: number): Shown {
    const track = this.#freeTracks.pop() ?? this.#tracks++;
    const { id, name } = task;
    const shown: Shown = { track, waits: 0 };
    this.#shown.set(task, shown);
    this.#note({ what: "begin", at, track, name, cat: "task", args: { id } });
    return shown;
  }

  // Waits at the same time, as in `Promise.all`, need not nest: they are one slice, named after the
  // first.
  #wait(shown: Shown, at: number, name: string): void {
    if (shown.waits++ > 0) return;
    this.#note({ what: "begin", at, track: shown.track, name, cat: "wait" });
  }

  #endWait(shown: Shown, at: number): void {
    if (--shown.waits > 0) return;
    this.#note({ what: "end", at, track: shown.track, name: "", cat: "wait" });
  }

  #note(fact: Fact): void {
    if (this.#facts.length < this.#limit) {
      this.#facts.push(fact);
      return;
    }
    this.#facts[this.#next] = fact;
    this.#next = (this.#next + 1) % this.#limit;
    this.#dropped++;
  }
}

/**
 * Records what all tasks do, from now on: each task is a slice, its waits are slices in it, an arrow
 * leads from who has spawned it, and cancellations are instants. It costs about a microsecond for
 * each thing that happens, while it is on.
 *
 * @param options `limit`.
 * @returns The trace; to be stopped.
 * @throws {TypeError | RangeError} When the limit makes no sense.
 *
 * @example
 * ```ts
 * import { sleep, taskGroup, traceEvents } from "@grove/grove";
 *
 * using trace = traceEvents();
 * await taskGroup((group) => {
 *   group.spawn(() => sleep(1), { name: "nap" });
 * });
 * trace.stop();
 * // For https://ui.perfetto.dev: await Deno.writeTextFile("trace.json", JSON.stringify(trace));
 * console.log(trace.toJSON().traceEvents.some(({ name }) => name === "nap")); // true
 * ```
 */
export function traceEvents(options: TraceOptions = {}): Trace {
  checkOptions(options, "trace the tasks");
  const { limit = 100_000 } = options;
  checkCount(limit, "trace the tasks", "'limit'", 1);
  return new Trace(limit);
}

function eventsOf({ what, at, track, name, cat, args, from, id }: Fact): TraceEvent[] {
  switch (what) {
    case "begin":
      return [event("B", name, at, track, { cat, ...(args && { args }) })];
    case "end":
      return [event("E", name, at, track, { cat, ...(args && { args }) })];
    case "instant":
      return [event("i", name, at, track, { cat, s: "t", ...(args && { args }) })];
    case "arrow":
      return [
        event("s", name, at, from!, { cat, id: id! }),
        event("f", name, at, track, { cat, id: id!, bp: "e" }),
      ];
  }
}

/** The names of the tracks that there is something on. */
function names(tracks: readonly unknown[]): TraceEvent[] {
  return Object.keys(tracks).map(Number).map((track) => {
    const name = track === 0 ? "root" : `tasks ${track}`;
    return event("M", "thread_name", 0, track, { args: { name } });
  });
}

function event(
  ph: TraceEvent["ph"],
  name: string,
  ts: number,
  track: number,
  more: Partial<TraceEvent>,
): TraceEvent {
  // From 1 on: number 0 is that of an idle processor for readers of such files.
  return { name, ph, ts, pid: 1, tid: track + 1, ...more };
}

/** The time, in microseconds. */
function now(): number {
  return performance.now() * 1000;
}
