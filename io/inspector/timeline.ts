/**
 * What has happened lately: for each task a bar from its start to its end. Ends are noted by an
 * instrument, and only while somebody looks; so nothing is known of what ended before.
 *
 * @module
 */

import { currentClock } from "../../primitives/kernel/clock.ts";
import { instrument } from "../../primitives/instrument.ts";
import { isAlarming, type Survey, waitsOf } from "./survey.ts";

/** A task in time. */
export interface Bar {
  readonly id: number;
  readonly name: string;
  /** When it was spawned, in milliseconds of the program's clock. */
  readonly from: number;
  /** When it ended; left out while it has not. */
  readonly to?: number;
  /** Its state; or "waiting", or "alarming". */
  readonly state: string;
}

/** So many ends are remembered. */
const MOST_ENDED = 300;

/** So many live tasks are told of: the youngest. */
const MOST_LIVE = 100;

/** For so many milliseconds a task is told of when it has started, or ended. */
const SPAN = 30_000;

/** The age of a task of unknown age. */
const OLD = 2 * SPAN;

/** The history behind the timeline of all pages that look at a program. */
export class Timeline {
  readonly #hidden: ReadonlySet<number>;
  readonly #spawned: Map<number, number> = new Map();
  #ended: Bar[] = [];
  #watchers = 0;
  #instrument: Disposable | undefined;

  /**
   * Makes one that notes nothing yet.
   *
   * @param hidden The tasks that are left out.
   */
  constructor(hidden: ReadonlySet<number>) {
    this.#hidden = hidden;
  }

  /** How many pages look. */
  get watchers(): number {
    return this.#watchers;
  }

  /** Notes what happens, until what it returns is disposed of; and forgets it with the last. */
  watch(): Disposable {
    if (this.#watchers++ === 0) this.#begin();
    return {
      [Symbol.dispose]: () => {
        if (--this.#watchers === 0) this.#end();
      },
    };
  }

  /** The bars at a moment, the oldest first. */
  bars(survey: Survey, now: number): Bar[] {
    const live: Bar[] = [];
    for (const [id, task] of survey.tasks) {
      const from = this.#spawned.get(id) ?? this.#note(id, now - (task.age ?? OLD));
      // What began before is a bar from one side to the other, and tells nothing.
      if (from < now - SPAN) continue;
      const isWaiting = waitsOf(task).length > 0;
      const state = isAlarming(task) ? "alarming" : isWaiting ? "waiting" : task.state!;
      live.push({ id, name: task.name, from, state });
    }
    const ended = this.#ended.filter(({ to }) => to! > now - SPAN);
    live.sort(byBegin);
    return [...ended, ...live.slice(-MOST_LIVE)].sort(byBegin);
  }

  /** Notes when a task began that was there before. */
  #note(id: number, from: number): number {
    this.#spawned.set(id, from);
    return from;
  }

  #begin(): void {
    const clock = () => currentClock().now();
    this.#instrument = instrument({
      spawned: ({ id }) => void this.#spawned.set(id, clock()),
      exited: ({ id, name, state }) => {
        const from = this.#spawned.get(id);
        if (from === undefined) return;
        this.#spawned.delete(id);
        if (this.#hidden.has(id)) return;
        this.#ended.push({ id, name, from, to: clock(), state });
        // Half at a time, so that not each end moves all the others.
        if (this.#ended.length >= 2 * MOST_ENDED) this.#ended = this.#ended.slice(-MOST_ENDED);
      },
    });
  }

  #end(): void {
    this.#instrument?.[Symbol.dispose]();
    this.#spawned.clear();
    this.#ended = [];
  }
}

function byBegin(a: Bar, b: Bar): number {
  return a.from - b.from;
}
