/**
 * The loop over what arrives: the same over a channel, a queue and a subscription.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import {
  Broadcast,
  BrokenResourceError,
  cancelScope,
  Channel,
  ClosedError,
  Deferred,
  isCancelled,
  moveOnAfter,
  PriorityQueue,
  Queue,
  QueueShutDown,
  sleep,
  taskGroup,
  type Waitable,
  yieldNow,
} from "../../mod.ts";
import { Arrivals } from "../../primitives/arrivals.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { program } from "../io/program.ts";
import { thrownBy } from "./outcome.ts";
import { assertType, collect, type Same } from "./probes.ts";

const END = { done: true, value: undefined } as const;

function item<T>(value: T): IteratorResult<T> {
  return { done: false, value };
}

/** Something to loop over, and what the test does at the other end of it. */
interface Source<T> {
  readonly items: AsyncIterable<T> & Waitable<T>;
  put(item: T): void;
  end(): void;
  /** How many wait for an item. */
  waiting(): number;
  /** How many items nobody has taken. */
  size(): number;
}

const sources: [name: string, make: <T>() => Source<T>][] = [
  ["a channel", <T>(): Source<T> => {
    const channel = new Channel<T>(Infinity);
    return {
      items: channel,
      put: (item) => assert(channel.trySend(item)),
      end: () => channel.close(),
      waiting: () => channel.stats().receivers,
      size: () => channel.size,
    };
  }],
  ["a queue", <T>(): Source<T> => {
    const queue = new Queue<T>();
    return {
      items: queue,
      put: (item) => queue.putNowait(item),
      end: () => queue.shutdown(),
      waiting: () => queue.stats().getters,
      size: () => queue.size,
    };
  }],
  ["a subscription", <T>(): Source<T> => {
    const broadcast = new Broadcast<T>();
    const subscription = broadcast.subscribe({ capacity: Infinity });
    return {
      items: subscription,
      put: (item) => void broadcast.publish(item),
      end: () => broadcast.close(),
      waiting: () => subscription.stats().receivers,
      size: () => subscription.size,
    };
  }],
];

for (const [name, make] of sources) {
  Deno.test(`a loop over ${name} gives what is there, waits for what comes, and ends with it [W6]`, async () => {
    const source = make<number>();
    source.put(1);
    source.put(2);
    const looped = collect(source.items);
    await waitAllTasksBlocked();
    assertEquals([source.size(), source.waiting()], [0, 1]);
    source.put(3);
    await waitAllTasksBlocked();
    source.put(4);
    source.put(5);
    source.end();
    assertEquals(await looped, [1, 2, 3, 4, 5]);
  });

  Deno.test(`a loop over ${name} that has ended already gives what is left, and then nothing [W6]`, async () => {
    const source = make<number>();
    source.put(1);
    source.end();
    assertEquals(await collect(source.items), [1]);
    assertEquals(await collect(source.items), []);
  });

  Deno.test(`a loop over ${name} that is left early leaves the rest to others [W6]`, async () => {
    const source = make<number>();
    for (const n of [1, 2, 3, 4]) source.put(n);
    for await (const n of source.items) {
      if (n === 2) break;
    }
    assertEquals(source.size(), 2);
    source.put(5);
    try {
      for await (const n of source.items) throw new Error(`left at ${n}`);
    } catch (error) {
      assertEquals((error as Error).message, "left at 3");
    }
    source.end();
    assertEquals(await collect(source.items), [4, 5]);
  });

  Deno.test(`two loops over ${name} share the items, each of which goes to one [W6]`, async () => {
    const source = make<number>();
    const seen: number[][] = [[], []];
    await taskGroup(async (group) => {
      for (const list of seen) {
        group.spawn(async () => {
          for await (const n of source.items) {
            list.push(n);
            await yieldNow();
          }
        });
      }
      for (let n = 0; n < 20; n++) {
        source.put(n);
        if (n % 3 === 0) await yieldNow();
      }
      source.end();
    });
    assertEquals(seen.flat().toSorted((a, b) => a - b), Array.from({ length: 20 }, (_, n) => n));
    for (const list of seen) {
      assert(list.length > 0, "both get some");
      assertEquals(list, list.toSorted((a, b) => a - b));
    }
  });

  Deno.test(`next() of ${name} called several times without awaiting gives an item each, in order [W1]`, async () => {
    const source = make<string>();
    source.put("there");
    const iterator = source.items[Symbol.asyncIterator]();
    const asked = [iterator.next(), iterator.next(), iterator.next(), iterator.next()];
    assertEquals(source.waiting(), 3);
    source.put("first");
    source.put("second");
    source.end();
    assertEquals(await Promise.all(asked), [item("there"), item("first"), item("second"), END]);
    assertEquals(source.waiting(), 0);
  });

  Deno.test(`thenables, undefined and null pass through a loop over ${name} as they are`, async () => {
    let touched = 0;
    const thenable = {
      then(resolve: (value: string) => void) {
        touched++;
        resolve("awaited");
      },
    };
    const promise = Promise.reject(new Error("not to be awaited"));
    promise.catch(() => {});
    const deferred = new Deferred<number>();
    const items = [undefined, null, thenable, promise, deferred];

    const there = make<unknown>();
    for (const each of items) there.put(each);
    there.end();
    const comes = make<unknown>();
    const seenThere: unknown[] = [];
    const seenComing: unknown[] = [];
    await taskGroup(async (group) => {
      group.spawn(async () => {
        const iterator = there.items[Symbol.asyncIterator]();
        for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
          seenThere.push(next.value);
        }
      });
      group.spawn(async () => {
        for await (const each of comes.items) seenComing.push(each);
      });
      for (const each of items) {
        await waitAllTasksBlocked();
        comes.put(each);
      }
      comes.end();
    });
    for (const seen of [seenThere, seenComing]) {
      assertEquals(seen.length, items.length);
      items.forEach((each, index) => assertStrictEquals(seen[index], each));
    }
    assertEquals(touched, 0);
    assertFalse(deferred.settled);
  });

  Deno.test(`after return() the iterator of ${name} is done and takes no more, though there is more`, async () => {
    const source = make<number>();
    source.put(1);
    source.put(2);
    const iterator = source.items[Symbol.asyncIterator]();
    assertEquals(await iterator.next(), item(1));
    assertEquals(await iterator.return?.(), END);
    assertEquals(await iterator.next(), END);
    assertEquals(await iterator.return?.(), END);
    assertEquals([source.size(), source.waiting()], [1, 0]);
    assertEquals(await source.items[Symbol.asyncIterator]().next(), item(2));
  });

  Deno.test(`at its end the iterator of ${name} says so again and again`, async () => {
    const source = make<number>();
    const iterator = source.items[Symbol.asyncIterator]();
    const waiting = iterator.next();
    source.end();
    assertEquals(await waiting, END);
    assertEquals(await iterator.next(), END);
    assertEquals(await iterator.next(), END);
    assertEquals(source.waiting(), 0);
  });

  Deno.test(`next() of ${name} in a cancelled scope throws, and takes nothing [C7]`, async () => {
    const source = make<number>();
    source.put(1);
    let thrown: unknown;
    await cancelScope(async (scope) => {
      scope.cancel();
      thrown = await thrownBy(source.items[Symbol.asyncIterator]().next());
    });
    assert(isCancelled(thrown));
    assertEquals(source.size(), 1);
  });

  Deno.test(`a loop over ${name} is cancelled while it waits, but keeps an item that came before [C7]`, async () => {
    const source = make<string>();
    const seen: string[] = [];
    await withLeakCheck(() =>
      taskGroup(async (group) => {
        const loops = [0, 1].map(() =>
          group.spawn(async () => {
            for await (const each of source.items) seen.push(each);
          })
        );
        await waitAllTasksBlocked();
        source.put("in time");
        for (const loop of loops) loop.cancel();
        source.put("too late");
      })
    );
    assertEquals(seen, ["in time"]);
    assertEquals([source.size(), source.waiting()], [1, 0]);
  });

  Deno.test(`next() of ${name} cancelled at any step takes an item or leaves it [C7]`, async () => {
    for (const competing of [false, true]) {
      await withLeakCheck(async () => {
        const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
          const source = make<number>();
          const seen: number[] = [];
          const loop = async (count: number) => {
            for await (const n of source.items) {
              seen.push(n);
              if (--count === 0) break;
            }
          };
          await taskGroup(async (group) => {
            const rival = competing ? group.spawn(() => loop(1)) : undefined;
            group.spawn(async () => {
              for (let n = 0; n < 5; n++) {
                await yieldNow();
                source.put(n);
              }
              source.end();
            });
            await interrupt(() => loop(3));
            await rival;
          });
          assertEquals(source.waiting(), 0);
          seen.push(...await collect(source.items));
          assertEquals(seen, [0, 1, 2, 3, 4]);
        });
        assert(interrupted > 3);
      });
    }
  });

  Deno.test(`a loop over ${name} that waits is given up after a time, and the next one goes on`, async () => {
    await withVirtualTime(async (time) => {
      const source = make<number>();
      source.put(1);
      assert((await moveOnAfter(10, () => collect(source.items))).timedOut);
      assertEquals([time.elapsed, source.waiting()], [10, 0]);
      await taskGroup((group) => {
        group.spawn(async () => {
          await sleep(5);
          source.put(2);
          source.end();
        });
        group.spawn(async () => assertEquals(await collect(source.items), [2]));
      });
    });
  });

  Deno.test(`the iterator of ${name} can be looped over itself, and goes on where it is`, async () => {
    const source = make<number>();
    for (const n of [1, 2, 3]) source.put(n);
    source.end();
    const iterator = source.items[Symbol.asyncIterator]() as AsyncIterableIterator<number>;
    assertEquals(await iterator.next(), item(1));
    assertStrictEquals(iterator[Symbol.asyncIterator](), iterator);
    assertEquals(await collect(iterator), [2, 3]);
    assertType<Same<typeof iterator, AsyncIterableIterator<number>>>();
  });
}

Deno.test("a next() that waits when return() is called ends, and takes no item: it is for others", async () => {
  const channel = new Channel<number>(1);
  const iterator = channel[Symbol.asyncIterator]();
  const asked = [iterator.next(), iterator.next(), iterator.next()];
  await channel.send(1);
  assertEquals(await asked[0], item(1));
  assertEquals(channel.stats().receivers, 2);
  assertEquals(await iterator.return?.(), END);
  assertEquals(channel.stats().receivers, 0);
  assertEquals(await asked[1], END);
  assertEquals(await asked[2], END);
  await channel.send(2);
  assertEquals(await channel.receive(), 2);
  assertEquals(await iterator.next(), END);
});

Deno.test("return() ends each next() that waits, also where one between them has been given up", async () => {
  for (const givenUp of [0, 1, 2]) {
    const channel = new Channel<number>(1);
    const iterator = channel[Symbol.asyncIterator]();
    await taskGroup(async (group) => {
      const asked = [0, 1, 2].map(() => group.spawn(() => iterator.next()));
      asked[givenUp].cancel();
      const last = iterator.next();
      assertEquals(channel.stats().receivers, 3);
      await iterator.return?.();
      assertEquals(channel.stats().receivers, 0);
      for (const task of asked.toSpliced(givenUp, 1)) assertEquals(await task, END);
      assertEquals(await last, END);
    });
  }
});

Deno.test("a loop of which one next() always waits keeps nothing of those that have ended", async () => {
  await using run = await program(
    `
      const channel = new grove.Channel(1);
      const iterator = channel[Symbol.asyncIterator]();
      const items = [];
      let ahead = iterator.next();
      for (let round = 0; round < 5; round++) {
        const next = iterator.next();
        await (async () => {
          const item = {};
          items.push(new WeakRef(item));
          await channel.send(item);
          await ahead;
        })();
        ahead = next;
      }
      await new Promise((resolve) => setTimeout(resolve));
      gc();
      console.log(items.filter((item) => item.deref() !== undefined).length);
      await iterator.return();
    `,
    { flags: ["--no-check", "--v8-flags=--expose-gc"] },
  );
  const { stdout, stderr } = await run.end();
  assertEquals([stdout, stderr], ["0\n", ""]);
});

Deno.test("a Web stream of a channel that is cancelled while it reads leaves the next item", async () => {
  const channel = new Channel<number>(1);
  const reader = ReadableStream.from(channel).getReader();
  const reading = reader.read();
  await waitAllTasksBlocked();
  await reader.cancel();
  assertEquals(await reading, { done: true, value: undefined });
  await channel.send(7);
  assertEquals(channel.tryReceive(), { value: 7 });
});

Deno.test("an error that is not the end goes through the loop, at once or after a wait", async () => {
  for (const waits of [false, true]) {
    const broadcast = new Broadcast<number>();
    const subscription = broadcast.subscribe({ capacity: 1, slow: "fail" });
    const iterator = subscription[Symbol.asyncIterator]();
    if (!waits) {
      await broadcast.publish(1);
      await broadcast.publish(2);
      const error = await thrownBy(iterator.next());
      assert(error instanceof BrokenResourceError);
      continue;
    }
    const failing = new Deferred<number>();
    const items = new Arrivals(failing, ClosedError);
    const next = thrownBy(items.next());
    const boom = new Error("boom");
    failing.reject(boom);
    assertStrictEquals(await next, boom);
    assertStrictEquals(await thrownBy(items.next()), boom);
  }
});

Deno.test("only the end that belongs to the source ends a loop: another's is an error", async () => {
  for (
    const [error, end, ends] of [
      [new ClosedError("closed"), ClosedError, true],
      [new ClosedError("closed"), QueueShutDown, false],
      [new QueueShutDown("shut down"), QueueShutDown, true],
      [new QueueShutDown("shut down"), ClosedError, false],
    ] as const
  ) {
    const waiting = new Deferred<number>();
    const next = new Arrivals(waiting, end).next();
    const looked = next.then((result) => result, (thrown: unknown) => thrown);
    waiting.reject(error);
    const later = new Arrivals(waiting, end).next().then((result) => result, (thrown) => thrown);
    for (const outcome of [await looked, await later]) {
      if (ends) assertEquals(outcome, END);
      else assertStrictEquals(outcome, error);
    }
  }
});

Deno.test("a loop over a priority queue gives the lowest of what is there first [W7]", async () => {
  const queue = new PriorityQueue<number>();
  for (const n of [3, 1, 2]) queue.putNowait(n);
  queue.shutdown();
  assertEquals(await collect(queue), [1, 2, 3]);
});
