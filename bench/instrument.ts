/**
 * `instrument`: what it costs to look on. A hundred tasks are started, wait for one event, are woken and end; the figure is the
 * time of one of them.
 *
 * The floor is Grove itself with nobody looking on; what that costs against bare promises is the matter of the rows `spawn-100`
 * and `lock-1000`. Then come ages (a timer, ten times a second), an instrument with an empty function for everything it can be
 * told, `traceEvents()`, `traceSpans()` with an API that does nothing, so that only Grove's part is measured, and the watchdog.
 *
 * `inspect-10000`: a picture of 10,000 tasks that wait for a lock; the figure is the time of one of them. The floor is what anybody
 * pays who sends the picture on: to turn it into JSON.
 *
 * @module
 */

import {
  Event,
  formatTree,
  inspect,
  instrument,
  Lock,
  taskGroup,
  traceAges,
  traceEvents,
  traceSpans,
  watchdog,
} from "../mod.ts";
import { clocked, timed } from "./clock.ts";
import type { Contender, Row } from "./row.ts";

const SIZE = 100;
const MANY = 10_000;

async function work(): Promise<void> {
  const event = new Event();
  await taskGroup(async (group) => {
    for (let i = 0; i < SIZE; i++) group.spawn(() => event.wait());
    await undefined;
    event.set();
  });
}

/** The work with somebody looking on, who comes before the clock starts and goes when it has stopped. */
function watched(name: string, watch: () => Disposable): Contender {
  return clocked(name, { size: SIZE }, async () => {
    const watcher = watch();
    const start = performance.now();
    await work();
    const time = performance.now() - start;
    watcher[Symbol.dispose]();
    return time;
  });
}

function nothing(): void {}

const span = { setAttribute: nothing, setStatus: nothing, recordException: nothing, end: nothing };
const context = {};
const idleApi = {
  trace: { getTracer: () => ({ startSpan: () => span }), setSpan: () => context },
  context: { active: () => context, with: (_: unknown, fn: () => void) => fn() },
};

/** A picture of many tasks that wait. */
async function picture<T>(look: () => T): Promise<number> {
  const lock = new Lock({ name: "gate" });
  let time = 0;
  await taskGroup(async (group) => {
    await lock.acquire();
    for (let i = 0; i < MANY; i++) group.spawn(() => lock.acquire());
    const start = performance.now();
    look();
    time = performance.now() - start;
    lock.release();
    group.cancel();
  }).catch(nothing);
  return time;
}

export const rows: Row[] = [
  {
    id: "instrument",
    title: "start, suspend, wake and end 100 tasks while somebody looks on",
    unit: "ns",
    contenders: [
      timed("floor", { size: SIZE, note: "Grove, with nobody looking on" }, work),
      watched("ages", () => {
        traceAges(true);
        return { [Symbol.dispose]: () => traceAges(false) };
      }),
      watched("one instrument", () =>
        instrument({
          spawned: nothing,
          started: nothing,
          blocked: nothing,
          unblocked: nothing,
          cancelled: nothing,
          exited: nothing,
        })),
      watched("trace", () => traceEvents()),
      watched("spans", () => traceSpans(idleApi)),
      watched("watchdog", () => watchdog()),
    ],
    goals: [{ subject: "ages", times: 1.05, of: "floor" }],
  },
  {
    id: "inspect-10000",
    title: "a picture of 10,000 tasks that wait for a lock",
    unit: "ns",
    contenders: [
      clocked("floor", { size: MANY, note: "the picture, there already, to JSON" }, async () => {
        let time = 0;
        await picture(() => {
          const tree = inspect();
          const start = performance.now();
          JSON.stringify(tree);
          time = performance.now() - start;
        });
        return time;
      }),
      clocked("inspect", { size: MANY }, () => picture(inspect)),
      clocked("formatTree", { size: MANY }, () => picture(formatTree)),
    ],
    goals: [],
  },
];
