/**
 * What a page is sent: at first all of its view, and then what is new in it. A step is made when the
 * page has taken the one before, so one that is slow gets fewer of them and not later ones; and a
 * program with very many tasks, or that very many pages look at, makes fewer, so that it has little to
 * do with it.
 *
 * @module
 */

import { currentClock } from "../../primitives/kernel/clock.ts";
import { currentTask } from "../../primitives/kernel/task.ts";
import { inspect, type TreeNode } from "../../primitives/inspect.ts";
import { sleep } from "../../primitives/sleep.ts";
import { type Row, rowsOf, type Times } from "./rows.ts";
import { Survey } from "./survey.ts";
import type { Timeline } from "./timeline.ts";
import type { View } from "./view.ts";
import { whyOf } from "./why.ts";

/** Milliseconds between two steps, at least. */
const PAUSE = 250;

/** The part of the program's time that it may take to make them, for all pages: one of so many. */
const SHARE = 20;

/** So many alarms, places and things are listed. */
const MOST_LISTED = 50;

/** The events of a page that looks, as server-sent events; until the program is asked to stop. */
export async function* eventsFor(
  view: View,
  hidden: ReadonlySet<number>,
  timeline: Timeline,
): AsyncGenerator<string> {
  using _ = timeline.watch();
  const task = currentTask();
  const news = new News();
  while (!task.stopping) {
    const began = performance.now();
    const step = stepOf(view, hidden, timeline, news);
    const took = performance.now() - began;
    if (step !== undefined) yield `data: ${step}\n\n`;
    await sleep(Math.max(PAUSE, took * SHARE * timeline.watchers), { endOnStop: true });
  }
}

function stepOf(
  view: View,
  hidden: ReadonlySet<number>,
  timeline: Timeline,
  news: News,
): string | undefined {
  const now = currentClock().now();
  const survey = new Survey(inspect(), hidden);
  news.begin(now);
  news.tell("tasks", survey.count);
  news.tell("waiting", survey.waiting);
  news.tell("trouble", survey.alarms.length);
  news.tell("alarms", survey.alarms.slice(0, MOST_LISTED).map(alarm));
  news.tell("places", survey.places.slice(0, MOST_LISTED).map(place));
  news.tell("awaited", awaitedIn(survey));
  news.tell("why", view.why === undefined ? null : whyOf(survey, view.why, news));
  news.tell("bars", timeline.bars(survey, now));
  news.tellRows(rowsOf(survey, view, news));
  return news.end();
}

function alarm({ id, name, deadlocked }: TreeNode): object {
  return { id, name, mark: deadlocked ? "deadlocked" : "stuck" };
}

function place({ kind, name, state, details }: TreeNode): object {
  return { kind, name, state, facts: details };
}

function awaitedIn({ awaited }: Survey): object[] {
  return [...awaited.values()]
    .sort((a, b) => b.waiters - a.waiters)
    .slice(0, MOST_LISTED)
    .map(({ target: { kind, name, heldBy = [], details }, waiters }) => ({
      kind,
      name,
      waiters,
      holder: heldBy[0]?.name,
      others: heldBy.length - 1,
      facts: details,
    }));
}

/** What is new since the step before. */
class News implements Times {
  readonly #told = new Map<string, string>();
  #rows: ReadonlyMap<string, string> = new Map();
  #order = "";
  #times: ReadonlyMap<string, number> = new Map();
  #newTimes = new Map<string, number>();
  #parts: string[] = [];
  #now = 0;

  /** Begins a step. */
  begin(now: number): void {
    this.#now = now;
    this.#newTimes = new Map();
    this.#parts = [];
  }

  /** Tells something, unless it is as it was. */
  tell(name: string, value: unknown): void {
    const json = JSON.stringify(value);
    if (this.#told.get(name) === json) return;
    this.#told.set(name, json);
    this.#parts.push(`"${name}":${json}`);
  }

  /** Tells those rows that are new, and the order of all if that is. */
  tellRows(rows: readonly Row[]): void {
    const known = this.#rows;
    const all = new Map<string, string>();
    const changed: string[] = [];
    for (const row of rows) {
      const json = JSON.stringify(row);
      all.set(row.key, json);
      if (known.get(row.key) !== json) changed.push(json);
    }
    this.#rows = all;
    const order = JSON.stringify([...all.keys()]);
    if (changed.length > 0) this.#parts.push(`"rows":[${changed}]`);
    if (order !== this.#order) this.#parts.push(`"order":${order}`);
    this.#order = order;
  }

  /** Ends a step: all that is new, as JSON; `undefined` when nothing is. */
  end(): string | undefined {
    this.#times = this.#newTimes;
    return this.#parts.length === 0 ? undefined : `{"now":${this.#now},${this.#parts}}`;
  }

  // The age of a thing and the time that it is told at are not read in the same instant, so the two
  // do not add up to exactly the same each time; and rows that have not changed are not to be sent.
  since(key: string, age: number): number {
    const since = Math.round(this.#now - age);
    const before = this.#times.get(key);
    const time = before !== undefined && Math.abs(before - since) < PAUSE ? before : since;
    this.#newTimes.set(key, time);
    return time;
  }
}
