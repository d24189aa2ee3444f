/**
 * `unpark-30000`: 30,000 wait for one thing, and 2,500 of them, spread over the middle third, stop waiting, one after the other,
 * each for a reason of its own; the figure is the time of one, until it has been told. Making 30,000 wait does not count.
 *
 * The floor is an intrusive doubly linked list: leaving it is two assignments and a promise rejected with an error that all
 * share. "floor + signal" is the second floor, the same list, but a waiter leaves when its own `AbortSignal` aborts: what
 * the platform takes for that alone is several times the first floor. The signals of the contenders abort with one shared reason.
 *
 * "grove" waits for a semaphore and "grove, channel" for an item; "grove, 300 waiting" is the former in a hundred crowds of 300:
 * if the two are alike, leaving does not depend on how many wait. In "grove, task.cancel()" the leavers are tasks, which are
 * cancelled one by one and end of it: it has no signal, but an error for each and the end of the task in its time.
 *
 * @module
 */

import { Channel, Semaphore, taskGroup } from "../mod.ts";
import { clocked } from "./clock.ts";
import { collect, turn } from "./memory.ts";
import { PQueue } from "./peers/p_queue.ts";
import { Channel as StdChannel } from "./peers/std_channel.ts";
import { Chan } from "./peers/ts_chan.ts";
import type { Row } from "./row.ts";

const WAITERS = 30_000;
/** Of the middle third, one of so many leaves. */
const STRIDE = 4;
const LEAVERS = WAITERS / 3 / STRIDE;

const reason = new Error("left");

/** One who will stop waiting. */
interface Leaver {
  /** Is rejected when it has been told that it waits no longer. */
  readonly told: PromiseLike<unknown>;
  leave(): void;
}

class SignalLeaver implements Leaver {
  readonly #controller = new AbortController();
  readonly told: PromiseLike<unknown>;

  constructor(wait: (signal: AbortSignal) => PromiseLike<unknown>) {
    this.told = wait(this.#controller.signal);
  }

  leave(): void {
    this.#controller.abort(reason);
  }
}

/** Whether the one in this place of a crowd will leave it. */
function leaves(place: number, crowd: number): boolean {
  return place >= crowd / 3 && place < crowd * 2 / 3 && place % STRIDE === 0;
}

/** Makes a crowd wait: `stay` is called for those who stay, in order, and `go` for those who will leave. */
function gather(crowd: number, stay: () => void, go: () => Leaver): Leaver[] {
  const leavers: Leaver[] = [];
  for (let place = 0; place < crowd; place++) {
    if (leaves(place, crowd)) leavers.push(go());
    else stay();
  }
  return leavers;
}

/** Milliseconds until all of them have left and been told. */
async function clock(leavers: readonly Leaver[]): Promise<number> {
  if (leavers.length !== LEAVERS) {
    throw new Error(`Cannot trust the row as a wrong number leaves: ${leavers.length}`);
  }
  let left = leavers.length;
  const over = Promise.withResolvers<void>();
  function told(): void {
    if (--left === 0) over.resolve();
  }
  function toldNothing(): void {
    over.reject(new Error("Cannot trust the row as one who was to leave got what it waited for"));
  }
  for (const leaver of leavers) leaver.told.then(toldNothing, told);
  await turn();
  collect();
  const start = performance.now();
  for (const leaver of leavers) leaver.leave();
  await over.promise;
  return performance.now() - start;
}

/** Checks that those who stayed, and nobody else, wait still. */
function stillWaiting(count: number): void {
  if (count === WAITERS - LEAVERS) return;
  throw new Error(`Cannot trust the row as a wrong number waits still: ${count}`);
}

class Waiter implements Leaver {
  readonly told: PromiseLike<unknown>;
  readonly #list: WaiterList;
  reject!: (reason: unknown) => void;
  previous: Waiter | undefined;
  next: Waiter | undefined;

  constructor(list: WaiterList) {
    this.#list = list;
    this.told = new Promise((_, reject) => {
      this.reject = reject;
    });
  }

  leave(): void {
    this.#list.remove(this);
    this.reject(reason);
  }
}

class WaiterList {
  #first: Waiter | undefined;
  #last: Waiter | undefined;

  wait(): Waiter {
    const waiter = new Waiter(this);
    waiter.previous = this.#last;
    if (this.#last === undefined) this.#first = waiter;
    else this.#last.next = waiter;
    this.#last = waiter;
    return waiter;
  }

  remove(waiter: Waiter): void {
    if (waiter.previous === undefined) this.#first = waiter.next;
    else waiter.previous.next = waiter.next;
    if (waiter.next === undefined) this.#last = waiter.previous;
    else waiter.next.previous = waiter.previous;
  }

  count(): number {
    let count = 0;
    for (let waiter = this.#first; waiter !== undefined; waiter = waiter.next) count++;
    return count;
  }
}

async function linkedList(): Promise<number> {
  const list = new WaiterList();
  const ms = await clock(gather(WAITERS, () => list.wait(), () => list.wait()));
  stillWaiting(list.count());
  return ms;
}

async function linkedListWithSignals(): Promise<number> {
  const list = new WaiterList();
  const wait = (signal: AbortSignal) => {
    const waiter = list.wait();
    signal.addEventListener("abort", () => waiter.leave(), { once: true });
    return waiter.told;
  };
  const ms = await clock(gather(WAITERS, () => list.wait(), () => new SignalLeaver(wait)));
  stillWaiting(list.count());
  return ms;
}

function cancelled(): Promise<number> {
  const semaphore = new Semaphore(0);
  const acquire = () => semaphore.acquire();
  return taskGroup(async (group) => {
    const leavers = gather(WAITERS, acquire, () => {
      const task = group.spawn(acquire);
      return { told: task, leave: () => task.cancel() };
    });
    const ms = await clock(leavers);
    stillWaiting(semaphore.stats().waiters);
    semaphore.release(WAITERS - LEAVERS);
    return ms;
  });
}

async function acquiring(crowd: number): Promise<number> {
  const semaphores = Array.from({ length: WAITERS / crowd }, () => new Semaphore(0));
  const leavers = semaphores.flatMap((semaphore) =>
    gather(
      crowd,
      () => semaphore.acquire(),
      () => new SignalLeaver((signal) => semaphore.acquire({ signal })),
    )
  );
  const ms = await clock(leavers);
  stillWaiting(semaphores.reduce((sum, semaphore) => sum + semaphore.stats().waiters, 0));
  for (const semaphore of semaphores) semaphore.release(semaphore.stats().waiters);
  return ms;
}

async function receiving(): Promise<number> {
  const channel = new Channel<number>(0);
  const ms = await clock(gather(
    WAITERS,
    () => channel.receive(),
    () => new SignalLeaver((signal) => channel.receive({ signal })),
  ));
  stillWaiting(channel.stats().receivers);
  while (channel.trySend(0));
  return ms;
}

async function receivingStd(): Promise<number> {
  const channel = new StdChannel<number>({ capacity: 0 });
  const ms = await clock(gather(
    WAITERS,
    () => channel.receive(),
    () => new SignalLeaver((signal) => channel.receive({ signal })),
  ));
  let waiting = 0;
  while (channel.trySend(0)) waiting++;
  stillWaiting(waiting);
  return ms;
}

async function receivingChan(): Promise<number> {
  const channel = new Chan<number>(0).setUnsafe(true);
  const ms = await clock(gather(
    WAITERS,
    () => channel.recv(),
    () => new SignalLeaver((signal) => channel.recv(signal)),
  ));
  stillWaiting(-channel.concurrency);
  while (channel.trySend(0));
  return ms;
}

async function queued(): Promise<number> {
  const queue = new PQueue({ concurrency: 1 });
  const busy = Promise.withResolvers<void>();
  const first = queue.add(() => busy.promise);
  const job = async () => {};
  const ms = await clock(gather(
    WAITERS,
    () => queue.add(job),
    () => new SignalLeaver((signal) => queue.add(job, { signal })),
  ));
  stillWaiting(queue.size);
  queue.clear();
  busy.resolve();
  await first;
  return ms;
}

const load = { size: LEAVERS };

export const rows: Row[] = [{
  id: "unpark-30000",
  title: "one of 30,000 stops waiting",
  unit: "ns",
  contenders: [
    clocked("floor", load, linkedList),
    clocked("floor + signal", load, linkedListWithSignals),
    clocked("grove", load, () => acquiring(WAITERS)),
    clocked("grove, 300 waiting", load, () => acquiring(300)),
    clocked("grove, channel", load, receiving),
    clocked("grove, task.cancel()", load, cancelled),
    clocked("@std Channel", load, receivingStd),
    clocked("ts-chan", load, receivingChan),
    clocked("p-queue", load, queued),
  ],
  goals: [
    { times: 3, of: "floor + signal" },
    { times: 1.5, of: "grove, 300 waiting" },
    { subject: "grove, task.cancel()", times: 3, of: "floor" },
  ],
}];
