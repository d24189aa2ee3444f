/**
 * What the tests of objects that are used from other threads and processes run there.
 *
 * @module
 */

import {
  Manager,
  Pipe,
  type PipeEnd,
  portable,
  ProcessQueue,
  type RemoteCounter,
  type RemoteDict,
  WorkerPool,
} from "../../../mod.ts";

/** Doubles what comes until no more comes, and returns how many there were. */
export const double = portable(
  import.meta,
  async function double(from: ProcessQueue<number>, to: ProcessQueue<number>): Promise<number> {
    let count = 0;
    for await (const n of from) {
      await to.put(2 * n);
      count++;
    }
    return count;
  },
);

/** Puts numbers, each with who puts it. */
export const produce = portable(
  import.meta,
  async function produce(queue: ProcessQueue<[string, number]>, name: string, count: number) {
    for (let n = 0; n < count; n++) await queue.put([name, n]);
  },
);

/** What came, until no more comes. */
export const consume = portable(
  import.meta,
  async function consume<T>(queue: ProcessQueue<T>): Promise<T[]> {
    const items: T[] = [];
    for await (const item of queue) {
      items.push(item);
      await queue.taskDone();
    }
    return items;
  },
);

/** Makes a queue that stays in the worker. */
export const makeQueue = portable(import.meta, async function makeQueue(first: string) {
  const queue = new ProcessQueue<string>(0, { name: "made there" });
  await queue.put(first);
  return queue;
});

/** Takes one item, and dies of it. */
export const dieOfItem = portable(
  import.meta,
  async function dieOfItem(queue: ProcessQueue<number>, code: number): Promise<never> {
    await queue.get();
    Deno.exit(code);
  },
);

/** Waits for an item, says so, and never gets one. */
export const waitForItem = portable(
  import.meta,
  async function waitForItem(queue: ProcessQueue<number>, ready: ProcessQueue<string>) {
    const got = queue.get();
    await ready.put("waiting");
    return await got;
  },
);

/** Answers each number with as many letters, until the other end is closed. */
export const answer = portable(
  import.meta,
  async function answer(end: PipeEnd<string, number>): Promise<number> {
    let count = 0;
    for await (const n of end) {
      await end.send("x".repeat(n));
      count++;
    }
    end.close();
    return count;
  },
);

/** Sends numbers to the other end and adds up the lengths of the answers. */
export const ask = portable(
  import.meta,
  async function ask(end: PipeEnd<number, string>, upTo: number): Promise<number> {
    let length = 0;
    for (let n = 1; n <= upTo; n++) {
      await end.send(n);
      length += (await end.receive()).length;
    }
    end.close();
    return length;
  },
);

/** Sends something, and dies. */
export const sendAndDie = portable(
  import.meta,
  async function sendAndDie(end: PipeEnd<string, never>, code: number): Promise<never> {
    await end.send("last words");
    Deno.exit(code);
  },
);

/** Makes a pipe, keeps one end, and returns the other. */
export const makePipe = portable(import.meta, function makePipe() {
  const [mine, yours] = new Pipe<number, number>().ends;
  (async () => {
    for await (const n of mine) await mine.send(-n);
  })();
  return yours;
});

/** Counts words. */
export const countWords = portable(
  import.meta,
  async function countWords(
    text: string,
    words: RemoteDict<string, number>,
    total: RemoteCounter,
  ): Promise<void> {
    for (const word of text.split(" ")) await Promise.all([words.add(word), total.add()]);
  },
);

/** Returns a dict that ends with this job, as does the manager that has it. */
export const makeDict = portable(import.meta, function makeDict() {
  return new Manager({ name: "of the job" }).dict<string, number>([], { name: "short-lived" });
});

/** Has a worker of a worker do it. */
export const produceBelow = portable(
  import.meta,
  async function produceBelow(queue: ProcessQueue<[string, number]>, count: number) {
    await using pool = new WorkerPool({ size: 1 });
    const own = await pool.run(makeQueue, "from a grandchild");
    await pool.run(produce, queue, await own.get(), count);
  },
);
