/**
 * The blocking calls of queues: what holds for every blocking call.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { inspect, LifoQueue, PriorityQueue, Queue, select, type WaitOptions } from "../../mod.ts";
import { type BlockingCall, testHandOver, testLimits, testScope } from "./blocking_call.ts";

/** The parts of a blocking call that are a plain `get()`, which throws where it ought to. */
function plain(queue: Queue<number>): Partial<BlockingCall> {
  return {
    call: (options) => queue.get(options),
    satisfy: () => queue.putNowait(1),
    waiters: () => queue.stats().getters,
    state: () => queue.stats(),
  };
}

/** How many waits for the end of some work there are: a queue does not say it. */
function inspectJoiners(): number {
  const open = [inspect()];
  let joiners = 0;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    joiners += node.waitingFor.filter(({ kind }) => kind.startsWith("end of the work")).length;
    open.push(...node.children);
  }
  return joiners;
}

for (const [kind, Kind] of Object.entries({ Queue, LifoQueue, PriorityQueue })) {
  /** Each `get()` takes an item, which are numbered as they are put. */
  const getting = (
    call: (queue: Queue<number>, options?: WaitOptions) => Promise<unknown>,
    value: unknown,
  ) =>
  (): BlockingCall => {
    const queue = new Kind<number>(0, { name: "jobs" });
    let put = 0;
    const taken: unknown[] = [];
    return {
      target: 'queue "jobs"',
      value,
      async call(options) {
        const item = await call(queue, options);
        taken.push(item);
        return item;
      },
      satisfy: () => queue.putNowait(put++),
      waiters: () => queue.stats().getters,
      state: () => [queue.size, queue.stats().unfinished],
      conserved(satisfied, succeeded) {
        assertEquals([put, taken.length], [satisfied, succeeded]);
        assertEquals(queue.stats().unfinished, satisfied);
        const items = taken.map((item) =>
          typeof item === "number" ? item : (item as { value: number }).value
        );
        while (!queue.empty) items.push(queue.getNowait());
        assertEquals(items.sort(), Array.from({ length: satisfied }, (_, index) => index));
      },
    };
  };

  // An `async` function around the call would turn what it throws into a rejection.
  const viaGet = getting((queue, options) => queue.get(options), 0);
  testLimits(`${kind}.get()`, () => {
    const queue = new Kind<number>(0, { name: "jobs" });
    return { ...viaGet(), ...plain(queue) };
  });
  testHandOver(`${kind}.get()`, viaGet);
  const viaLoop = getting((queue) => queue[Symbol.asyncIterator]().next(), {
    done: false,
    value: 0,
  });
  testScope(`next() of a ${kind}`, () => ({ ...viaLoop(), target: undefined }));
  testHandOver(`next() of a ${kind}`, () => ({ ...viaLoop(), target: undefined }));

  /** Each `put()` brings an item with the number of the call; room comes with each item taken. */
  const putting = (
    call: (queue: Queue<number>, item: number, options?: WaitOptions) => Promise<unknown>,
  ) =>
  (): BlockingCall => {
    const queue = new Kind<number>(1, { name: "jobs" });
    queue.putNowait(0);
    let calls = 0;
    const put: number[] = [0];
    const taken: number[] = [];
    return {
      target: 'queue "jobs"',
      call(options) {
        const item = ++calls;
        const done = call(queue, item, options);
        done.then(() => put.push(item), () => {});
        return done;
      },
      satisfy() {
        if (!queue.empty) taken.push(queue.getNowait());
      },
      waiters: () => queue.stats().putters,
      state: () => [queue.size, queue.stats().unfinished],
      conserved(_satisfied, succeeded) {
        assertEquals(put.length, 1 + succeeded);
        assertEquals(queue.stats().unfinished, put.length);
        while (!queue.empty) taken.push(queue.getNowait());
        assertEquals(taken.sort(), put.sort());
      },
    };
  };
  const viaPut = putting((queue, item, options) => queue.put(item, options));
  testLimits(`${kind}.put()`, viaPut);
  testHandOver(`${kind}.put()`, viaPut);
  testHandOver(
    `select() of ${kind}.putting()`,
    putting((queue, item, options) => select({ put: queue.putting(item) }, options)),
  );

  const joining = (): BlockingCall => {
    const queue = new Kind<number>(0, { name: "jobs" });
    queue.putNowait(1);
    return {
      target: 'end of the work in queue "jobs"',
      call: (options) => queue.join(options),
      satisfy() {
        if (queue.stats().unfinished > 0) queue.taskDone();
      },
      waiters: () => inspectJoiners(),
      state: () => queue.stats(),
      conserved: () => assertEquals(queue.stats().unfinished, 0),
    };
  };
  testLimits(`${kind}.join()`, joining);
  testHandOver(`${kind}.join()`, joining);
}
