/**
 * ProcessQueue between nodes: that it is the queue that Python's `multiprocessing.Queue` and `JoinableQueue` are, and what
 * becomes of it when somebody leaves or dies. Rules W7, C7 and C8 across threads.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertNotStrictEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  BrokenResourceError,
  currentTask,
  inspect,
  moveOnAfter,
  NotPortableError,
  ProcessQueue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  taskGroup,
  TimeoutError,
  transfer,
} from "../../mod.ts";
import { interruptAtEveryStep } from "../../primitives/testing/mod.ts";
import type { Node } from "../../pools/link/node.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { collect } from "../primitives/probes.ts";
import { at, hand, Net, settled } from "./link/net.ts";
import { named } from "../primitives/waits.ts";

/** A queue at the root, and as it is seen there, at a child, at another child, and at a grandchild. */
function common<T>(maxsize = 0): {
  net: Net;
  home: ProcessQueue<T>;
  views: Record<"home" | "a" | "b" | "b1", ProcessQueue<T>>;
  nodes: Record<"root" | "a" | "b" | "b1", Node>;
} & Disposable {
  const net = new Net();
  const root = net.node();
  const a = net.node(root, 'worker "a"');
  const b = net.node(root, 'process "b"');
  const b1 = net.node(b, 'worker "b1"');
  const home = at(root, () => new ProcessQueue<T>(maxsize, { name: "jobs" }));
  return {
    net,
    home,
    nodes: { root, a, b, b1 },
    views: { home, a: hand(home, a), b: hand(home, b), b1: hand(hand(home, b), b1) },
    [Symbol.dispose]() {
      home[Symbol.dispose]();
      net[Symbol.dispose]();
    },
  };
}

const VIEWS = ["home", "a", "b1"] as const;

for (const view of VIEWS) {
  Deno.test(`${view}: items are got in the order in which they were put`, async () => {
    using stage = common<number>();
    const queue = stage.views[view];
    for (let n = 0; n < 5; n++) await queue.put(n);

    assertEquals((await queue.stats()).size, 5);
    const got = [];
    for (let n = 0; n < 5; n++) got.push(await queue.get());
    assertEquals(got, [0, 1, 2, 3, 4]);
  });

  Deno.test(`${view}: puts that are not awaited keep their order`, async () => {
    using stage = common<number>(2);
    const queue = stage.views[view];
    const puts = Promise.all([0, 1, 2, 3, 4].map((n) => queue.put(n)));

    assertEquals(await Promise.all([0, 1, 2, 3, 4].map(() => stage.home.get())), [0, 1, 2, 3, 4]);
    await puts;
  });

  Deno.test(`${view}: a full queue has producers wait, in line`, async () => {
    using stage = common<string>(1);
    const queue = stage.views[view];
    await queue.put("first");
    await assertRejects(() => queue.putNowait("x"), QueueFull, 'queue "jobs" as it is full');
    await assertRejects(() => queue.put("x", { timeout: 1 }), TimeoutError);
    const second = queue.put("second");
    await settled(stage.net);
    const third = stage.home.put("third");
    assertEquals((await queue.stats()).putters, 2);

    const got = [await queue.get(), await queue.get(), await queue.get()];
    assertEquals(got, ["first", "second", "third"]);
    await Promise.all([second, third]);
  });

  Deno.test(`${view}: an empty queue has consumers wait, in line`, async () => {
    using stage = common<string>();
    const queue = stage.views[view];
    await assertRejects(() => queue.getNowait(), QueueEmpty, 'queue "jobs" as it is empty');
    await assertRejects(() => queue.get({ timeout: 1 }), TimeoutError);
    const first = queue.get();
    await settled(stage.net);
    const second = stage.home.get();
    await stage.home.put("one");
    await stage.home.put("two");

    assertEquals(await Promise.all([first, second]), ["one", "two"]);
  });

  Deno.test(`${view}: putNowait and getNowait`, async () => {
    using stage = common<number>(2);
    const queue = stage.views[view];
    await queue.putNowait(1);
    await queue.putNowait(2);

    assertEquals([await queue.getNowait(), await queue.getNowait()], [1, 2]);
  });

  Deno.test(`${view}: join waits for a taskDone() of each item`, async () => {
    using stage = common<number>();
    const queue = stage.views[view];
    await queue.join();
    await queue.put(1);
    await queue.put(2);
    let joined = false;
    const joining = queue.join().then(() => joined = true);
    await queue.get();
    await stage.home.get();
    await queue.taskDone();
    await settled(stage.net);
    assertEquals([joined, (await queue.stats()).unfinished], [false, 1]);

    await queue.taskDone();
    await joining;
    await assertRejects(() => queue.taskDone(), RangeError, "call taskDone() once for each");
  });

  Deno.test(`${view}: shutdown ends producers at once, and consumers when it is empty`, async () => {
    using stage = common<number>(1);
    const queue = stage.views[view];
    await queue.put(1);
    const waiting = thrownBy(queue.put(2));
    await settled(stage.net);

    await queue.shutdown();

    assertInstanceOf(await waiting, QueueShutDown);
    await assertRejects(() => queue.put(3), QueueShutDown, 'Cannot put into queue "jobs"');
    await assertRejects(() => queue.putNowait(3), QueueShutDown);
    assertEquals(await collect(queue), [1]);
    await assertRejects(() => queue.get(), QueueShutDown, 'Cannot get from queue "jobs"');
    await assertRejects(() => queue.getNowait(), QueueShutDown);
    assert((await queue.stats()).isShutDown);
  });

  Deno.test(`${view}: an immediate shutdown throws away what is in it, and joins end`, async () => {
    using stage = common<number>();
    const queue = stage.views[view];
    await queue.put(1);
    await queue.put(2);
    const joining = queue.join();
    await settled(stage.net);

    await queue.shutdown({ immediate: true });

    await joining;
    assertEquals((await queue.stats()).size, 0);
    await assertRejects(() => queue.get(), QueueShutDown);
  });

  Deno.test(`${view}: a loop ends when the queue is shut down`, async () => {
    using stage = common<number>();
    const queue = stage.views[view];
    const loop = collect(queue);
    await stage.home.put(1);
    await stage.views.b.put(2);
    await settled(stage.net);
    await stage.views.b.shutdown();

    assertEquals(await loop, [1, 2]);
  });

  Deno.test(`${view}: items are copies`, async () => {
    using stage = common<unknown>();
    const queue = stage.views[view];
    for (
      const item of [{ a: [1] }, new Map([["k", new Date(5)]]), undefined, 7n, new RangeError("r")]
    ) {
      const put = queue.put(item);
      if (typeof item === "object" && "a" in item) item.a.push(2);
      await put;
      const got = await stage.home.get();
      if (typeof item === "object") assertNotStrictEquals(got, item);
      assertEquals(got, typeof item === "object" && "a" in item ? { a: [1] } : item);
    }
  });

  Deno.test(`${view}: what is to be moved is moved`, async () => {
    using stage = common<Uint8Array>();
    const bytes = new Uint8Array([1, 2, 3]);
    await stage.views[view].put(transfer(bytes));

    assertEquals(bytes.length, 0);
    assertEquals(await stage.views.b.get(), new Uint8Array([1, 2, 3]));
  });

  Deno.test(`${view}: P8: what cannot be sent is an error of its producer, and the queue goes on`, async () => {
    using stage = common<unknown>(1);
    const queue = stage.views[view];

    await assertRejects(
      () => queue.put({ callback: () => {} }),
      NotPortableError,
      "the item.callback",
    );
    await queue.put(1);
    assertEquals(await queue.get(), 1);
    assertEquals((await queue.stats()).inTransit, 0);
  });

  Deno.test(`${view}: C8: an aborted signal or a cancelled scope has no effect`, async () => {
    using stage = common<number>();
    const queue = stage.views[view];
    const reason = new Error("no");
    const signal = AbortSignal.abort(reason);

    assertStrictEquals(await thrownBy(queue.put(1, { signal })), reason);
    assertStrictEquals(await thrownBy(queue.get({ signal })), reason);
    const { timedOut } = await moveOnAfter(0, () => queue.put(1));
    assert(timedOut);
    await settled(stage.net);
    assertEquals((await stage.home.stats()).unfinished, 0);
  });

  Deno.test(`${view}: C7: a put that is interrupted, at any step, has put nothing; else the item is there once`, async () => {
    for (const full of [false, true]) {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        using stage = common<string>(1);
        if (full) {
          await stage.home.put("before");
          stage.views.b.get();
        }
        const { interrupted } = await interrupt(() => stage.views[view].put("item"));
        await settled(stage.net);

        const { size, inTransit, putters, unfinished } = await stage.home.stats();
        const before = full ? 1 : 0;
        assertEquals([size, inTransit, putters], [interrupted ? 0 : 1, 0, 0]);
        assertEquals(unfinished, before + size);
        if (!interrupted) assertEquals(await stage.home.get(), "item");
      });
      assert(interrupted >= (view === "home" ? 1 : 3), `${interrupted}`);
    }
  });

  Deno.test(`${view}: C7: a get that is interrupted, at any step, has taken nothing; the order stays`, async () => {
    for (const when of ["before", "meanwhile"]) {
      const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
        using stage = common<number>();
        const numbers = when === "before" ? [1, 2, 3] : [];
        for (const n of numbers) await stage.home.put(n);
        const around = currentTask();
        const { interrupted, value } = await interrupt(() => {
          const got = stage.views[view].get();
          if (when === "meanwhile") {
            for (const n of [1, 2, 3]) around.run(() => stage.views.b.put(n));
          }
          return got;
        });
        await settled(stage.net);
        await stage.home.shutdown();
        const rest = await collect(stage.views.b);

        assertEquals(interrupted ? rest : [value, ...rest], [1, 2, 3]);
        assertEquals(stage.nodes.root.host.open, 0);
      });
      assert(interrupted >= 1);
    }
  });
}

Deno.test("it is the same queue everywhere: what one puts another gets, over any way", async () => {
  for (const from of VIEWS) {
    for (const to of VIEWS) {
      using stage = common<string>();
      const got = stage.views[to].get();
      await stage.views[from].put(`${from} to ${to}`);
      assertEquals(await got, `${from} to ${to}`);
    }
  }
});

Deno.test("a queue that comes home is the queue itself; elsewhere it has its name and size", () => {
  using stage = common<number>(3);
  const { a, b1 } = stage.views;

  assertStrictEquals(hand(b1, stage.nodes.root), stage.home);
  assertEquals([a.name, a.maxsize, a instanceof ProcessQueue], ["jobs", 3, true]);
});

Deno.test("a queue can be an item of a queue", async () => {
  using stage = common<{ reply: ProcessQueue<string> }>();
  const replies = at(stage.nodes.a, () => new ProcessQueue<string>());
  await stage.views.a.put({ reply: replies });
  const { reply } = await stage.views.b1.get();
  await reply.put("from b1 to a");

  assertEquals(await replies.get(), "from b1 to a");
  await stage.views.b1.put({ reply });
  assertStrictEquals((await stage.views.a.get()).reply, replies, "it has come home");
  replies[Symbol.dispose]();
});

Deno.test("inspect() shows who waits, here and elsewhere, and stats() counts all", async () => {
  using stage = common<number>();
  await taskGroup(async (group) => {
    const getter = group.spawn(() => stage.views.a.get(), { name: "far getter" });
    await settled(stage.net);

    const scope = inspect().children.find(({ name }) => name === 'queue "jobs"')!;
    assertEquals(scope.children.map(({ name, waitingFor }) => [name, named(waitingFor)]), [
      ["get", [{ kind: "queue", name: "jobs" }]],
    ]);
    const stats = await stage.views.b.stats();
    assertEquals([stats.getters, Object.isFrozen(stats)], [1, true]);
    await stage.home.put(5);
    assertEquals(await getter, 5);
  });
});

Deno.test("a consumer that dies waiting is out of line", async () => {
  using stage = common<number>();
  const dying = thrownBy(stage.views.b1.get());
  await settled(stage.net);
  const living = stage.views.a.get();
  await settled(stage.net);

  stage.net.kill(stage.nodes.b1);
  await stage.home.put(1);

  assertEquals(await living, 1);
  stage.nodes.b1.gone(() => true, "dead");
  await dying;
});

Deno.test("an item on its way to a consumer that dies is the next again", async () => {
  // After every number of messages.
  let taken = false;
  for (let messages = 0; !taken; messages++) {
    using stage = common<number>();
    await stage.home.put(1);
    await stage.home.put(2);
    const start = stage.net.sent.length;
    stage.views.a.get().catch(() => {});
    while (stage.net.sent.length < start + messages) await null;
    taken = stage.net.sent.some(({ type }) => type === "taken");
    stage.net.kill(stage.nodes.a, { isLost: !taken });
    await settled(stage.net);

    const { size, inTransit, getters } = await stage.home.stats();
    assertEquals([size, inTransit, getters], [taken ? 1 : 2, 0, 0]);
    assertEquals(await stage.views.b.get(), taken ? 2 : 1);
  }
});

Deno.test("a place that was kept for a producer that dies is free again", async () => {
  let taken = false;
  for (let messages = 0; !taken; messages++) {
    using stage = common<number>(1);
    const start = stage.net.sent.length;
    stage.views.a.put(1).catch(() => {});
    while (stage.net.sent.length < start + messages) await null;
    taken = stage.net.sent.some(({ type }) => type === "taken");
    stage.net.kill(stage.nodes.a, { isLost: !taken });
    await settled(stage.net);

    const { size, inTransit, putters } = await stage.home.stats();
    assertEquals([size, inTransit, putters], [taken ? 1 : 0, 0, 0]);
    if (!taken) await stage.views.b.putNowait(2);
  }
});

Deno.test("items that come back are in their old order, however they come back", async () => {
  for (const order of [["a", "b"], ["b", "a"]] as const) {
    using stage = common<number>();
    for (let n = 1; n <= 3; n++) await stage.home.put(n);
    const start = stage.net.sent.length;
    for (const view of ["a", "b"] as const) {
      stage.views[view].get().catch(() => {});
      // Until the item is on its way, and before it has come.
      const replies = () =>
        stage.net.sent.slice(start).filter(({ type }) => type === "reply").length;
      const before = replies();
      while (replies() === before) await null;
      if (view === "a") stage.net.hold(stage.nodes.a);
      else stage.net.hold(stage.nodes.b);
    }
    assertEquals((await stage.home.stats()).inTransit, 2);
    for (const view of order) stage.net.kill(stage.nodes[view], { isLost: true });

    await stage.home.shutdown();
    assertEquals(await collect(stage.home), [1, 2, 3]);
  }
});

Deno.test("a queue that was shut down is not at its end while an item may come back", async () => {
  using stage = common<number>();
  await stage.home.put(1);
  const start = stage.net.sent.length;
  stage.views.a.get().catch(() => {});
  while (!stage.net.sent.slice(start).some(({ type }) => type === "reply")) await null;
  stage.net.hold(stage.nodes.a);
  await stage.home.shutdown();
  const rest = collect(stage.home);
  stage.net.kill(stage.nodes.a, { isLost: true });

  assertEquals(await rest, [1]);
});

Deno.test("a queue that was shut down is not at its end while an item is on its way to it", async () => {
  using stage = common<number>();
  const put = stage.views.a.put(1);
  while (!stage.net.sent.some(({ type }) => type === "reply")) await null;
  await stage.home.shutdown();
  const rest = collect(stage.home);
  await put;

  assertEquals(await rest, [1]);
});

Deno.test("a queue whose process dies is an error with its name, for those who wait and for later ones", async () => {
  using net = new Net();
  const root = net.node();
  const a = net.node(root, 'worker "a"');
  const b = net.node(root, 'worker "b"');
  const queue = at(a, () => new ProcessQueue<number>(1, { name: "doomed" }));
  const views = [hand(queue, root), hand(queue, b)];
  await settled(net);
  await views[0].put(1);
  const waiting = views.map((view) => thrownBy(view.put(2)));
  await settled(net);

  net.kill(a, { why: "it has exited with code 3" });
  await settled(net);

  const late = views.flatMap((view) => [view.get(), view.put(1), view.stats(), view.join()]);
  for (const error of await Promise.all([...waiting, ...late.map(thrownBy)])) {
    assertInstanceOf(error, BrokenResourceError);
    assertStringIncludes(
      error.message,
      'queue "doomed" as worker "a" is gone: it has exited with code 3',
    );
  }
  queue[Symbol.dispose]();
});

Deno.test("a queue that was disposed of is an error for those elsewhere, and nothing of it is left", async () => {
  using stage = common<number>();
  const far = thrownBy(stage.views.a.get());
  const near = thrownBy(stage.home.get());
  await settled(stage.net);

  stage.home[Symbol.dispose]();

  const error = await far;
  assertInstanceOf(error, BrokenResourceError);
  assertStringIncludes(error.message, 'queue "jobs" as it was disposed of');
  assertInstanceOf(await near, QueueShutDown);
  assertInstanceOf(await thrownBy(stage.views.b1.put(1)), BrokenResourceError);
  assertInstanceOf(
    await thrownBy(hand(stage.views.a, stage.nodes.root).get()),
    BrokenResourceError,
  );
  assertEquals([stage.nodes.root.host.size, stage.nodes.root.host.open], [0, 0]);
  assertEquals(inspect().children, []);
});

Deno.test("disposing of it elsewhere does nothing", async () => {
  using stage = common<number>();
  stage.views.a[Symbol.dispose]();
  await stage.views.a.put(1);
  assertEquals(await stage.home.get(), 1);
});

Deno.test("arguments that make no sense are errors at the call", () => {
  assertThrows(() => new ProcessQueue(-1), RangeError, "make a process queue");
  assertThrows(() => new ProcessQueue("5" as never), TypeError, "'maxsize'");
  assertThrows(() => new ProcessQueue(1, { name: 5 as never }), TypeError, "'name'");
  const queue = new ProcessQueue();
  assertThrows(() => queue.shutdown({ immediate: 1 as never }), TypeError, "'immediate'");
  assertThrows(() => queue.shutdown(null as never), TypeError, "the options");
});

Deno.test("many producers and consumers on several nodes: each item once, those of each producer in order", async () => {
  using stage = common<[producer: string, n: number]>(3);
  const got: [string, number][] = [];
  const producers = Object.entries(stage.views);
  await taskGroup(async (group) => {
    const puts = producers.map(([name, queue]) =>
      group.spawn(async () => {
        for (let n = 0; n < 50; n++) await queue.put([name, n]);
      })
    );
    const own: [string, number][][] = [];
    for (const [, queue] of producers) {
      const mine: [string, number][] = [];
      own.push(mine);
      group.spawn(async () => {
        for await (const item of queue) {
          got.push(item);
          mine.push(item);
        }
      });
    }
    for (const put of puts) await put;
    await stage.home.shutdown();
  });
  assertEquals(got.length, producers.length * 50);
  for (const [name] of producers) {
    assertEquals(
      got.filter(([producer]) => producer === name).map(([, n]) => n).toSorted((a, b) => a - b),
      Array.from({ length: 50 }, (_, n) => n),
    );
  }
});
