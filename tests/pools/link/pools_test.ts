/**
 * ProcessQueue, Pipe and Manager with workers and processes that are real: what nodes in one thread cannot show. Rules P5 and
 * P10.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  BrokenResourceError,
  ClosedError,
  type Executor,
  Manager,
  moveOnAfter,
  NotPortableError,
  Pipe,
  type PipeEnd,
  ProcessPool,
  ProcessQueue,
  type RemoteDict,
  WorkerCrashedError,
  WorkerPool,
} from "../../../mod.ts";
import { currentNode } from "../../../pools/link/node.ts";
import { thrownBy } from "../../primitives/outcome.ts";
import { inModule } from "../modules.ts";
import {
  answer,
  ask,
  consume,
  countWords,
  dieOfItem,
  double,
  makeDict,
  makePipe,
  makeQueue,
  produce,
  produceBelow,
  sendAndDie,
  waitForItem,
} from "./jobs.ts";

const farDict = inModule("has_manager.ts", "farDict") as () => RemoteDict<string, number>;
const endManager = inModule("has_manager.ts", "endManager");

const POOLS: [name: string, make: (size: number) => Executor & AsyncDisposable][] = [
  ["WorkerPool", (size) => new WorkerPool({ size })],
  ["ProcessPool", (size) => new ProcessPool({ size, permissions: { read: true } })],
];

for (const [name, make] of POOLS) {
  Deno.test(`${name}: the end of a pipe that a job takes along is closed when the job never starts`, async () => {
    await using pool = make(1);
    using gate = new ProcessQueue<number>();
    using ready = new ProcessQueue<string>();
    const busy = pool.submit(waitForItem, gate, ready);
    await ready.get();
    const [here, there] = new Pipe<number>();
    const job = pool.submit((end: PipeEnd<number, number>) => end.receive(), there);
    job.cancel("nobody needs it");
    await assertRejects(() => here.receive(), ClosedError);
    here.close();
    await gate.put(1);
    await busy;
  });

  Deno.test(`${name}: the end of a pipe that is handed in with what cannot travel is still here`, async () => {
    await using pool = make(1);
    const [here, there] = new Pipe<number>();
    const take = (_end: PipeEnd<number, number>, _fn: unknown) => {};
    await assertRejects(() => pool.run(take, there, () => {}), NotPortableError);
    await there.send(1);
    assertEquals(await here.receive(), 1);
    here.close();
    there.close();
  });

  Deno.test(`${name}: items go there and back`, async () => {
    await using pool = make(1);
    using there = new ProcessQueue<number>(4, { name: "there" });
    using back = new ProcessQueue<number>(4, { name: "back" });
    const job = pool.submit(double, there, back);
    const putting = (async () => {
      for (let n = 0; n < 100; n++) await there.put(n);
      await there.shutdown();
    })();
    const got: number[] = [];
    for (let n = 0; n < 100; n++) got.push(await back.get());

    assertEquals(got, Array.from({ length: 100 }, (_, n) => 2 * n));
    assertEquals(await job, 100);
    await putting;
  });

  Deno.test(`${name}: many producers and consumers, on several of them: each item once`, async () => {
    await using pool = make(2);
    using queue = new ProcessQueue<[string, number]>(3);
    const consumers = [pool.submit(consume<[string, number]>, queue), consume(queue)];
    await Promise.all([pool.run(produce, queue, "far", 50), produce(queue, "near", 50)]);
    await queue.join();
    await queue.shutdown();

    const all = (await Promise.all(consumers)).flat();
    for (const producer of ["far", "near"]) {
      const own = all.filter(([who]) => who === producer).map(([, n]) => n);
      assertEquals(own.toSorted((a, b) => a - b), Array.from({ length: 50 }, (_, n) => n));
    }
  });

  Deno.test(`${name}: a queue that is made there can be used here, and by others there`, async () => {
    await using pool = make(2);
    const queue = await pool.run(makeQueue, "first");
    assertEquals(await queue.get(), "first");
    const waiting = queue.get();
    await queue.put("second");
    assertEquals(await waiting, "second");
    // The one that made it is idle, the other is not yet started: whichever runs it.
    await pool.run(produce, queue as ProcessQueue<never>, "third", 1);
    assertEquals(await queue.get() as unknown, ["third", 0]);
  });

  Deno.test(`${name}: an item that somebody has died of is gone with it, and no other`, async () => {
    await using pool = make(1);
    using queue = new ProcessQueue<number>();
    using ready = new ProcessQueue<string>();
    await queue.put(1);
    await queue.put(2);
    const error = await thrownBy(pool.run(dieOfItem, queue, 5));
    assertInstanceOf(error, WorkerCrashedError);
    assertEquals(error.exitCode, 5);
    assertEquals(await queue.get(), 2);

    const waiting = pool.submit(waitForItem, queue, ready);
    await ready.get();
    assertEquals((await queue.stats()).getters, 1);
    assert(waiting.cancel());
    await assertRejects(() => waiting.result());
    await queue.put(3);
    assertEquals(await queue.get(), 3, "nobody is ahead");
    assertEquals(currentNode().host.open, 0);
  });

  Deno.test(`${name}: what is in one that dies is broken, with its name, for all`, async () => {
    await using pool = make(1);
    await using other = make(1);
    const queue = await pool.run(makeQueue, "first");
    const waits = [
      queue.get().then(() => queue.get()),
      other.run(consume<string>, queue),
    ].map(thrownBy);
    using doom = new ProcessQueue<number>();
    await doom.put(1);
    await thrownBy(pool.run(dieOfItem, doom, 3));

    for (const error of [...await Promise.all(waits), await thrownBy(queue.put("late"))]) {
      assertInstanceOf(error, BrokenResourceError);
      assertStringIncludes(error.message, 'queue "made there"');
      assertStringIncludes(error.message, "pool-1");
      assertStringIncludes(error.message, "exited with code 3");
    }
    assertEquals([currentNode().calls.size, currentNode().host.open], [0, 0]);
  });

  Deno.test(`${name}: the ends of a pipe in two of them`, async () => {
    await using pool = make(2);
    const [left, right] = new Pipe<number, string>().ends;
    const jobs = [pool.submit(ask, left, 20), pool.submit(answer, right)];

    assertEquals(await Promise.all(jobs), [210, 20]);
    assert(left.closed && right.closed);
    assertEquals(currentNode().watchers.size, 0, "nothing is left of it");
  });

  Deno.test(`${name}: an end that is made there, and comes here`, async () => {
    await using pool = make(1);
    const end = await pool.run(makePipe);
    await end.send(5);
    assertEquals(await end.receive(), -5);
    end.close();
  });

  Deno.test(`${name}: an end is closed with the process that has it`, async () => {
    await using pool = make(1);
    const [here, there] = new Pipe<never, string>().ends;
    await thrownBy(pool.run(sendAndDie, there as PipeEnd<string, never>, 4));

    assertEquals(await here.receive(), "last words");
    const error = await thrownBy(here.receive());
    assertInstanceOf(error, ClosedError);
    assertStringIncludes(error.message, "exited with code 4");
    here.close();
  });

  Deno.test(`${name}: what a manager has is the same for all`, async () => {
    await using pool = make(2);
    await using manager = new Manager();
    const words = manager.dict<string, number>();
    const total = manager.counter();
    await Promise.all(
      ["to be or", "not to be", "be"].map((text) => pool.run(countWords, text, words, total)),
    );

    assertEquals(await total.value(), 7);
    assertEquals(
      new Map(await words.entries()),
      new Map([["to", 2], ["be", 3], ["or", 1], ["not", 1]]),
    );
  });

  Deno.test(`${name}: a manager that is there, used here, and then dead`, async () => {
    await using pool = make(1);
    const dict = await pool.run(farDict);
    assertEquals(await dict.get("there"), 1);
    assertEquals(await dict.add("there", 2), 3);
    const thrown = await thrownBy(dict.add({} as never));
    assertInstanceOf(thrown, TypeError);
    assertStringIncludes(thrown.stack!, "collections.ts");
    assertStringIncludes(thrown.stack!, "pool-1");
    await pool.run(endManager);

    const error = await thrownBy(dict.get("there"));
    assertInstanceOf(error, BrokenResourceError);
    assertStringIncludes(error.message, 'Cannot call get() of dict "far dict" as ');
  });

  Deno.test(`${name}: a manager that a job has made ends with the job`, async () => {
    await using pool = make(1);
    const dict = await pool.run(makeDict);
    assertInstanceOf(await thrownBy(dict.size()), BrokenResourceError);
  });

  Deno.test(`${name}: a wait that is cancelled here ends there`, async () => {
    await using pool = make(1);
    const queue = await pool.run(makeQueue, "only");
    await queue.get();
    const { timedOut } = await moveOnAfter(5, () => queue.get());
    assert(timedOut);
    // By way of the same link, and so after the cancellation.
    assertEquals((await queue.stats()).getters, 0);
  });
}

Deno.test("an object finds its way to the worker of a process or worker, and back", async () => {
  await using pool = new WorkerPool({ size: 1 });
  using queue = new ProcessQueue<[string, number]>(2);
  const job = pool.submit(produceBelow, queue, 5);
  for (let n = 0; n < 5; n++) assertEquals(await queue.get(), ["from a grandchild", n]);
  await job;
});

Deno.test("what has come home is the object itself", async () => {
  await using pool = new WorkerPool({ size: 1 });
  await using manager = new Manager();
  using queue = new ProcessQueue<number>();
  const counter = manager.counter();
  // deno-lint-ignore no-explicit-any
  const [sameQueue, sameCounter] = await pool.run((...args: any[]) => args, queue, counter);
  assertStrictEquals(sameQueue, queue);
  assertStrictEquals(sameCounter, counter);
});
