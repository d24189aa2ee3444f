/**
 * A tour of the library: each stop uses one part of it in the ordinary manner, and gives what that
 * came to. It is the same program on every platform; what it needs of one is `mod.ts` alone. It does
 * without `using`, which Node 20 cannot read.
 *
 * @module
 */

import {
  after,
  all,
  any,
  asCompleted,
  Barrier,
  Broadcast,
  cancellable,
  Channel,
  checkpoint,
  Condition,
  currentTask,
  DeadlockError,
  defaultPool,
  Deferred,
  Event,
  failAfter,
  fetchHandler,
  formatTree,
  type Future,
  inspect,
  interval,
  isCancelled,
  Lock,
  map,
  merge,
  moveOnAfter,
  nursery,
  openNursery,
  portable,
  PriorityQueue,
  Queue,
  race,
  RateLimiter,
  RLock,
  RWLock,
  select,
  Semaphore,
  shield,
  sleep,
  suppressedErrors,
  taskGroup,
  TaskLocal,
  TaskPool,
  yieldNow,
} from "../../../mod.ts";

/** Longer than any run of the tour. What waits for it has to be cancelled. */
const LONG = 60_000;

/** A stop of the tour. */
export interface Stop {
  /** What it came to; it has to survive JSON. */
  readonly visit: () => unknown;
  /** What it should come to. */
  readonly gives: unknown;
  /** Whether it needs to know the current task after an `await`. */
  readonly ambient?: true;
}

const nameOf = (error: unknown) => (error as Error).name;

const fib = portable(import.meta, function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
});

/** All stops, by what they show. */
export const stops: Record<string, Stop> = {
  "a group waits for its tasks": {
    async visit() {
      let ended = 0;
      const value = await taskGroup((group) => {
        for (const ms of [1, 2, 3]) {
          group.spawn(async () => {
            await sleep(ms);
            ended++;
          });
        }
        return "value";
      });
      return [value, ended];
    },
    gives: ["value", 3],
  },

  "a failure cancels the others, and comes out as it is": {
    async visit() {
      const failure = new Error("boom");
      let end = "";
      let later: unknown;
      const caught = await taskGroup((group) => {
        group.spawn(async () => {
          try {
            await sleep(LONG);
          } catch (error) {
            end = nameOf(error);
            throw later = new Error("and that");
          }
        });
        group.spawn(async () => {
          await sleep(1);
          throw failure;
        });
      }).catch((error) => error);
      return [caught === failure, end, suppressedErrors(caught).includes(later)];
    },
    gives: [true, "AbortError", true],
  },

  "every checkpoint of a cancelled task throws": {
    async visit() {
      const thrown: boolean[] = [];
      await nursery((group) => {
        group.spawn(async () => {
          for (const wait of [() => sleep(LONG), checkpoint, yieldNow, () => sleep(0)]) {
            await wait().catch((error) => thrown.push(isCancelled(error)));
          }
        });
        group.cancel("enough");
      });
      return thrown;
    },
    gives: [true, true, true, true],
    ambient: true,
  },

  "time limits": {
    async visit() {
      const late = await moveOnAfter(1, () => sleep(LONG));
      const intime = await moveOnAfter(LONG, () => 1);
      const failed = await failAfter(1, () => cancellable(new Promise(() => {}))).catch(nameOf);
      const call = await new Event().wait({ timeout: 1 }).catch(nameOf);
      return [late.timedOut, intime, failed, call];
    },
    gives: [true, { timedOut: false, value: 1 }, "TimeoutError", "TimeoutError"],
  },

  "signals come in and go out": {
    async visit() {
      const foreign = new AbortController();
      const wait = sleep(LONG, { signal: foreign.signal }).catch((error) => error);
      foreign.abort("from outside");
      let reason: unknown;
      await nursery((group) => {
        group.spawn((task) => {
          task.signal.addEventListener("abort", () => reason = nameOf(task.signal.reason));
          return sleep(LONG);
        });
        group.cancel();
      });
      return [await wait, reason];
    },
    gives: ["from outside", "AbortError"],
  },

  "a shield": {
    async visit() {
      let cleaned = false;
      await nursery((group) => {
        group.spawn(async (task) => {
          try {
            await sleep(LONG);
          } finally {
            await task.run(() => shield(() => sleep(1)));
            cleaned = true;
          }
        });
        group.cancel();
      });
      return cleaned;
    },
    gives: true,
  },

  "services": {
    async visit() {
      const port = await nursery(async (services) => {
        const port = await services.start<number>(async (_task, started) => {
          started(80);
          await sleep(LONG, { endOnStop: true });
        });
        services.stop();
        return port;
      });
      let ended = false;
      const open = openNursery();
      open.spawn(async () => {
        try {
          await sleep(LONG);
        } finally {
          ended = true;
        }
      });
      await open[Symbol.asyncDispose]();
      return [port, ended];
    },
    gives: [80, true],
  },

  "combinators": {
    async visit() {
      let lost = "";
      const won = await race([
        () => sleep(1).then(() => "won"),
        () => sleep(LONG).finally(() => lost = "ended"),
      ]);
      return [
        await all([() => 1, () => sleep(1).then(() => 2)]),
        await any([() => Promise.reject(new Error()), () => 3]),
        won,
        lost,
      ];
    },
    gives: [[1, 2], 3, "won", "ended"],
  },

  "iterables": {
    async visit() {
      const mapped: number[] = [];
      const double = async (n: number) => (await sleep(n), n * 2);
      for await (const n of map([3, 1, 2], double, { concurrency: 2, ordered: true })) {
        mapped.push(n);
      }
      const merged: number[] = [];
      async function* two(n: number) {
        yield n;
        await sleep(1);
        yield n + 1;
      }
      for await (const n of merge(two(1), two(10))) merged.push(n);
      let ticks = 0;
      for await (const _ of interval(1)) if (++ticks === 3) break;
      return [mapped, merged.sort((a, b) => a - b), ticks];
    },
    gives: [[6, 2, 4], [1, 2, 10, 11], 3],
  },

  "a lock is handed on in order": {
    async visit() {
      const lock = new Lock();
      const order: number[] = [];
      await taskGroup((group) => {
        for (const n of [1, 2, 3]) {
          group.spawn(async () => {
            await lock.acquire();
            order.push(n);
            await sleep(1);
            lock.release();
          });
        }
      });
      return [order, lock.locked];
    },
    gives: [[1, 2, 3], false],
  },

  "a deadlock is an error": {
    async visit() {
      const [a, b] = [new Lock({ name: "a" }), new Lock({ name: "b" })];
      const both = new Barrier(2);
      const take = (first: Lock, second: Lock) =>
        first.withLock(async () => {
          await both.wait();
          await second.withLock(() => {});
        });
      try {
        await all([() => take(a, b), () => take(b, a)]);
      } catch (error) {
        return error instanceof DeadlockError;
      }
      return "no error";
    },
    gives: true,
    ambient: true,
  },

  "the other lock-likes": {
    async visit() {
      const seen: unknown[] = [];
      const [semaphore, rlock, rwlock] = [new Semaphore(1), new RLock(), new RWLock()];
      const ready = new Lock();
      const condition = new Condition(ready);
      const [event, barrier] = [new Event(), new Barrier(2)];
      let isReady = false;
      await taskGroup((group) => {
        group.spawn(async () => {
          await semaphore.withLock(() => rlock.withLock(() => seen.push("in")));
          const guard = await rwlock.read.acquire();
          seen.push(rwlock.write.tryAcquire());
          guard[Symbol.dispose]();
        });
        group.spawn(async () => {
          await ready.withLock(() => condition.waitFor(() => isReady));
          event.set();
          await barrier.wait();
        });
        group.spawn(async () => {
          await ready.withLock(() => {
            isReady = true;
            condition.notifyAll();
          });
          await event.wait();
          await barrier.wait();
          seen.push("met");
        });
      });
      const limiter = new RateLimiter(1000, { per: 1000, burst: 1 });
      for (let n = 0; n < 3; n++) await limiter.acquire();
      return seen;
    },
    gives: ["in", false, "met"],
  },

  "channels": {
    async visit() {
      const channel = new Channel<number>(0);
      const received: number[] = [];
      await taskGroup((group) => {
        group.spawn(async () => {
          for (const n of [1, 2, 3]) await channel.send(n);
          channel.close();
        });
        group.spawn(async () => {
          for await (const n of channel) received.push(n);
        });
      });
      const broadcast = new Broadcast<string>();
      const news = broadcast.subscribe({ capacity: 1 });
      await broadcast.publish("news");
      return [received, await channel.receive().catch(nameOf), await news.receive()];
    },
    gives: [[1, 2, 3], "ClosedError", "news"],
  },

  "queues": {
    async visit() {
      const queue = new Queue<number>(1);
      let done = 0;
      await taskGroup(async (group) => {
        group.spawn(async () => {
          for await (const n of queue) {
            done += n;
            queue.taskDone();
          }
        });
        for (const n of [1, 2, 3]) await queue.put(n);
        await queue.join();
        queue.shutdown();
      });
      const urgent = new PriorityQueue<[number, string]>();
      for (const item of [[2, "b"], [1, "a"]] as const) urgent.putNowait([...item]);
      return [done, await urgent.get(), await queue.get().catch(nameOf)];
    },
    gives: [6, [1, "a"], "QueueShutDown"],
  },

  "select": {
    async visit() {
      const [left, right] = [new Channel<number>(1), new Channel<number>(1)];
      const late = await select({ left, late: after(1) });
      await right.send(7);
      const item = await select({ left, right, late: after(LONG) });
      return [late.key, item.key, item.value, left.stats().size];
    },
    gives: ["late", "right", 7, 0],
  },

  "a deferred value, and its promise": {
    async visit() {
      const deferred = new Deferred<number>();
      const { promise } = deferred;
      await taskGroup((group) => {
        group.spawn(() => deferred.resolve(1));
      });
      return [await deferred, await promise];
    },
    gives: [1, 1],
  },

  "the current task, and what its children inherit": {
    async visit() {
      const user = new TaskLocal({ defaultValue: "nobody" });
      return await user.run("ada", () =>
        taskGroup(async (group) => {
          await sleep(1);
          return await group.spawn(async () => {
            await sleep(1);
            return [currentTask().name, user.get()];
          }, { name: "child" });
        }));
    },
    gives: ["child", "ada"],
    ambient: true,
  },

  "the tree of tasks": {
    async visit() {
      const event = new Event({ name: "go" });
      return await taskGroup((group) => {
        group.spawn(() => event.wait(), { name: "waits" });
        const found = JSON.stringify(inspect()).includes('"waits"');
        const isPrinted = /waits .*"go"/.test(formatTree());
        event.set();
        return [found, isPrinted];
      }, { name: "shown" });
    },
    gives: [true, true],
  },

  "a pool of tasks": {
    async visit() {
      const pool = new TaskPool(2);
      const doubled: number[] = [];
      for await (const n of pool.map((n: number) => n * 2, [1, 2, 3])) doubled.push(n);
      const streamed: number[] = [];
      for await (
        const n of pool.stream(function* () {
          yield 1;
          yield 2;
        })
      ) streamed.push(n);
      const futures: Future<number>[] = [3, 4].map((n) => pool.submit(fib, n));
      const completed: number[] = [];
      for await (const { ended } of asCompleted(futures)) completed.push(await ended);
      const job = pool.submit(() => sleep(LONG));
      job.cancel();
      await pool.shutdown();
      return [doubled, streamed, completed.sort(), await job.then(() => "", isCancelled)];
    },
    gives: [[2, 4, 6], [1, 2], [2, 3], true],
  },

  "the default pool": {
    async visit() {
      const pool = defaultPool();
      try {
        return [await pool.run(fib, 10), await pool.run((a: number, b: number) => a + b, 1, 2)];
      } finally {
        await pool.shutdown();
      }
    },
    gives: [55, 3],
  },

  "requests are tasks": {
    async visit() {
      const handler = fetchHandler(async (request) => {
        const { name } = currentTask();
        const { pathname, search } = new URL(request.url);
        if (pathname === "/slow") await sleep(LONG);
        if (pathname === "/fails") throw new Error("boom");
        const sum = await taskGroup((group) => {
          const parts = [1, 2].map((n) => group.spawn(() => sleep(n).then(() => n)));
          return Promise.all(parts);
        });
        return new Response(`${name} ${search} ${sum} ${await request.text()}`);
      }, { maxConcurrent: 1, onError: () => new Response("sorry", { status: 500 }) });
      const impatient = fetchHandler(() => sleep(LONG).then(() => new Response()), { timeout: 1 });
      const ask = async (path: string, init?: RequestInit, ask = handler) => {
        const response = await ask(new Request(`http://edge${path}`, init));
        return [response.status, await response.text()];
      };
      const leaving = new AbortController();
      const left = ask("/slow", { signal: leaving.signal });
      const refused = await ask("/");
      leaving.abort();
      return [
        await left,
        refused,
        await ask("/fails"),
        await ask("/a?b", { method: "POST", body: "body" }),
        await ask("/late", {}, impatient),
      ];
    },
    gives: [
      [499, ""],
      [503, "Service Unavailable"],
      [500, "sorry"],
      [200, "POST /a ?b 1,2 body"],
      [504, "Gateway Timeout"],
    ],
  },
};

/** Visits one stop after the other. What fails comes to its error, in words. */
export async function tour(names = Object.keys(stops)): Promise<Record<string, unknown>> {
  const came: Record<string, unknown> = {};
  for (const name of names) {
    came[name] = await taskGroup(() => stops[name].visit(), { timeout: 10_000 }).catch(String);
  }
  return came;
}

/** What a tour should come to. */
export function expected(names = Object.keys(stops)): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, stops[name].gives]));
}
