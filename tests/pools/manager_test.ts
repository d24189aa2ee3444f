/**
 * Manager between nodes: dictionaries, lists, counters and other objects as they are used from elsewhere; what can be called
 * and what cannot; and what becomes of all that when the manager is shut down or its process dies.
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
  assertThrows,
} from "@std/assert";
import * as fc from "fast-check";
import {
  BrokenResourceError,
  type Cancelled,
  CancelScope,
  cancelScope,
  Channel,
  ClosedError,
  Condition,
  currentTask,
  type DictKey,
  Event,
  inspect,
  Lock,
  Manager,
  NotPortableError,
  PriorityQueue,
  ProcessQueue,
  type Remote,
  type RemoteCounter,
  type RemoteDict,
  type RemoteList,
  RLock,
  RWLock,
  Semaphore,
  taskGroup,
} from "../../mod.ts";
import type { Node } from "../../pools/link/node.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { assertType, type Same } from "../primitives/probes.ts";
import { at, hand, Net, settled } from "./link/net.ts";
import { named } from "../primitives/waits.ts";

/** A manager at the root, two nodes below, and one below the second. */
class Stage implements AsyncDisposable {
  readonly net: Net = new Net();
  readonly root: Node = this.net.node();
  readonly a: Node = this.net.node(this.root, 'worker "a"');
  readonly b: Node = this.net.node(this.root, 'process "b"');
  readonly b1: Node = this.net.node(this.b, 'worker "b1"');
  readonly manager: Manager = at(this.root, () => new Manager({ name: "shared" }));

  /** The views of an object: at home, at a child, at a grandchild. */
  views<T>(object: T): T[] {
    return [object, hand(object, this.a), hand(hand(object, this.b), this.b1)];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.manager[Symbol.asyncDispose]();
    this.net[Symbol.dispose]();
  }
}

/** What can be hosted. */
class Account {
  balance = 0;
  readonly _pin = 1234;
  readonly #secret = "s3cret";
  readonly opened = new Event();
  readonly log: string[] = [];

  get isEmpty(): boolean {
    return this.balance === 0;
  }

  deposit(amount: number): number {
    return this.balance += amount;
  }

  async depositLater(amount: number): Promise<number> {
    await this.opened.wait();
    return this.deposit(amount);
  }

  open(): void {
    this.opened.set();
  }

  fail(message: string): never {
    throw new RangeError(message, { cause: new TypeError("the cause") });
  }

  chain(): this {
    return this;
  }

  async chainLater(): Promise<this> {
    await Promise.resolve();
    return this;
  }

  task(): string {
    return currentTask().name;
  }

  where(): Account {
    return new Account();
  }

  callback(): () => void {
    return () => {};
  }

  async waitLong(): Promise<void> {
    try {
      await new Event().wait();
    } catch (error) {
      this.log.push(String((error as Cancelled).reason));
      throw error;
    }
  }

  notes(): string[] {
    return this.log;
  }

  _hidden(): string {
    return this.#secret;
  }
}

Deno.test("a dict is the same everywhere", async () => {
  await using stage = new Stage();
  const [home, a, b] = stage.views(
    stage.manager.dict<string, unknown>({ one: 1, list: [1, 2] }, { name: "table" }),
  );

  await a.set("two", new Map([["k", 2n]]));
  assertEquals(await b.get("two"), new Map([["k", 2n]]));
  assertEquals(await home.get("list"), [1, 2]);
  assertEquals([await a.has("one"), await b.has("x"), await home.get("x")], [
    true,
    false,
    undefined,
  ]);
  assertEquals(await a.setDefault("one", "other"), 1);
  assertEquals(await b.setDefault("three", 3), 3);
  assertEquals(await home.pop("three"), 3);
  assertEquals(await a.pop("three"), undefined);
  await b.update([["one", 11], ["four", 4]]);
  assertEquals(await a.keys(), ["one", "list", "two", "four"]);
  assertEquals((await b.values())[0], 11);
  assertEquals((await home.entries())[3], ["four", 4]);
  assertEquals([await a.delete("four"), await a.delete("four"), await a.size()], [true, false, 3]);
  assertEquals([await a.replace("one", 5, 6), await b.replace("one", 11, 12)], [false, true]);
  assertEquals([await b.replace("new", undefined, 1), await a.get("one")], [true, 12]);
  assertEquals([await b.add("hits"), await a.add("hits", 4)], [1, 5]);
  await b.clear();
  assertEquals(await home.size(), 0);
});

Deno.test("a list is the same everywhere", async () => {
  await using stage = new Stage();
  const [home, a, b] = stage.views(stage.manager.list<unknown>(["x", "y"]));

  assertEquals(await a.push("z", { w: 1 }), 4);
  assertEquals([await b.at(0), await b.at(-1), await b.at(9)], ["x", { w: 1 }, undefined]);
  assertEquals([await home.pop(), await a.shift()], [{ w: 1 }, "x"]);
  assertEquals(await b.unshift("w"), 3);
  await a.insert(1, "between");
  await b.set(0, "W");
  assertEquals(await home.slice(), ["W", "between", "y", "z"]);
  assertEquals(await a.slice(1, 3), ["between", "y"]);
  assertEquals([await a.remove(1), await a.remove(7), await b.size()], ["between", undefined, 3]);
  await assertRejects(() => a.set(3, "beyond"), RangeError, "a list of 3 at 3. Add one by push()");
  await a.clear();
  assertEquals([await b.pop(), await home.shift(), await b.size()], [undefined, undefined, 0]);
});

Deno.test("a counter is the same everywhere, and no addition is lost", async () => {
  await using stage = new Stage();
  const [home, a, b] = stage.views(stage.manager.counter(10));
  await taskGroup((group) => {
    for (const view of [home, a, b]) {
      group.spawn(async () => {
        for (let n = 0; n < 100; n++) await view.add();
      });
    }
  });
  assertEquals(await b.value(), 310);
  assertEquals(await a.add(-10), 300);
  await b.set(7);
  assertEquals(await home.value(), 7);
  await assertRejects(() => a.add("1" as never), TypeError, "the amount must be a number");
});

Deno.test("what is in a dict or list is a copy: changing it here changes nothing there", async () => {
  await using stage = new Stage();
  const start = { list: [1] };
  for (const view of stage.views(stage.manager.dict<string, { list: number[] }>([["k", start]]))) {
    const got = (await view.get("k"))!;
    got.list.push(2);
    start.list.push(3);
    assertEquals(await view.get("k"), { list: [1] });
  }
});

Deno.test("the keys of a dict are primitives", async () => {
  await using stage = new Stage();
  const [, a] = stage.views(stage.manager.dict<never, number>());
  for (
    const call of [
      a.set([] as never, 1),
      a.setDefault({} as never, 1),
      a.update([[new Date() as never, 1]]),
    ]
  ) {
    assertStringIncludes((await thrownBy(call) as TypeError).message, "as a key of a dict");
  }
  assertThrows(() => stage.manager.dict([[{} as never, 1]]), TypeError, "an object as a key");
});

for (const index of [0, 1, 2]) {
  const place = ["here", "at a child", "at a grandchild"][index];

  Deno.test(`an object's methods give promises, and its properties are methods: ${place}`, async () => {
    await using stage = new Stage();
    const account = new Account();
    const view = stage.views(stage.manager.host(account))[index];

    assertEquals(await view.deposit(5), 5);
    assertEquals([await view.balance(), await view.isEmpty()], [5, false]);
    const later = view.depositLater(2);
    await view.open();
    assertEquals([await later, account.balance], [7, 7]);
    await assertRejects(
      () => (view.balance as (n: number) => Promise<number>)(1),
      TypeError,
      "no function",
    );
  });

  Deno.test(`only what is public can be called: ${place}`, async () => {
    await using stage = new Stage();
    const account = new Account();
    const view = stage.views(stage.manager.host(account))[index] as unknown as Record<
      string,
      (...args: unknown[]) => Promise<unknown>
    >;

    for (const name of ["_hidden", "_pin", "missing", "#secret", ""]) {
      await assertRejects(
        () => view[name](),
        TypeError,
        `Cannot call ${name}() of object "Account"`,
      );
    }
    for (
      const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "__defineGetter__"]
    ) {
      assertStrictEquals(
        view[name] as unknown,
        Reflect.get({ __proto__: Object.getPrototypeOf(view) }, name) ?? view[name],
        name,
      );
    }
    assertStrictEquals(view.then, undefined);
    assertThrows(
      () => view.deposit = () => Promise.resolve(),
      TypeError,
      'set "deposit" of object "Account"',
    );
    assertEquals(account.balance, 0);
  });

  Deno.test(`what returns the object itself returns what stands for it: ${place}`, async () => {
    await using stage = new Stage();
    const view = stage.views(stage.manager.host(new Account()))[index];
    const same = await view.chain();
    await same.deposit(1);
    assertEquals(await (await (await view.chainLater()).chain()).balance(), 1);
    const map = stage.views(stage.manager.host(new Map([["a", 1]])))[index];
    await (await map.set("b", 2)).set("c", 3);
    assertEquals([await map.size(), await map.get("b")], [3, 2]);
  });

  Deno.test(`errors arrive with class and cause, and the object goes on: ${place}`, async () => {
    await using stage = new Stage();
    const view = stage.views(stage.manager.host(new Account()))[index];
    const error = await thrownBy(view.fail("why"));

    assertInstanceOf(error, RangeError);
    assertEquals([error.message, (error.cause as Error).message], ["why", "the cause"]);
    assertStringIncludes(error.stack!, "manager_test.ts");
    await assertRejects(() => view.callback(), NotPortableError, "the result of callback()");
    await assertRejects(() => view.deposit((() => 1) as never), NotPortableError, "arguments[0]");
    assertEquals(await view.deposit(1), 1);
  });

  Deno.test(`other objects can be passed on to methods and returned by them: ${place}`, async () => {
    await using stage = new Stage();
    const dict = stage.manager.dict<string, unknown>();
    const view = stage.views(dict)[index];
    using queue = at(stage.b, () => new ProcessQueue<string>());
    const counter = stage.manager.counter(1);
    await view.set("things", {
      queue: hand(queue, index === 0 ? stage.root : index === 1 ? stage.a : stage.b1),
      counter: stage.views(counter)[index],
    });
    const things = await hand(dict, stage.b).get("things") as {
      queue: ProcessQueue<string>;
      counter: RemoteCounter;
    };

    assertStrictEquals(things.queue, queue, "it has come home");
    assertEquals(await things.counter.add(1), 2);
    assertEquals(await counter.value(), 2);
  });
}

Deno.test("what stands for an object is the same when it has come home", async () => {
  await using stage = new Stage();
  const view = stage.manager.counter();
  assertStrictEquals(hand(hand(view, stage.b1), stage.root), view);
});

Deno.test("nothing is looked up by a name that has come from elsewhere but what is public", async () => {
  await using stage = new Stage();
  const view = hand(stage.manager.host(new Account()), stage.a);
  assertEquals(await view.deposit(1), 1);
  const [call] = stage.net.sent.filter((message) => message.type === "call");
  assert(call.type === "call");
  // As one who does not use a proxy could send it.
  for (
    const method of ["constructor", "__proto__", "__lookupGetter__", "valueOf", "_hidden", 5, null]
  ) {
    const from = stage.net.sent.length;
    stage.root.receive({ ...call, id: 1000, method: method as string });
    await settled(stage.net);
    const reply = stage.net.sent.slice(from).find(({ type }) => type === "failed");
    assert(reply?.type === "failed", `${method}`);
    assertStringIncludes(reply.error.message, "nothing public of that name");
  }
});

Deno.test("a call runs in a task of its own, in the manager's part of the tree", async () => {
  await using stage = new Stage();
  const account = new Account();
  const view = hand(stage.manager.host(account, { name: "mine" }), stage.b1);
  assertEquals(await view.task(), "task");
  const waiting = view.depositLater(1);
  await settled(stage.net);

  const [manager] = inspect().children;
  assertEquals([manager.kind, manager.name], ["scope", "shared"]);
  assertEquals(manager.children.map(({ name }) => name), ['object "mine"']);
  assertEquals(manager.children[0].children.map(({ name }) => name), ["depositLater"]);
  assertEquals(named(inspect().waitingFor), [{ kind: "object", name: "mine" }]);
  await view.open();
  await waiting;
  assertEquals(inspect().children.map(({ children }) => children), [[]]);
});

Deno.test("a caller that is cancelled or dies has its call cancelled", async () => {
  await using stage = new Stage();
  const account = new Account();
  const view = stage.manager.host(account);
  const scope = new CancelScope();
  const waiting = scope.enter(() => hand(view, stage.a).waitLong());
  await settled(stage.net);
  scope.cancel();
  await waiting;
  assert(scope.cancelledCaught);
  await settled(stage.net);
  const lost = thrownBy(hand(view, stage.b1).waitLong());
  await settled(stage.net);
  stage.net.kill(stage.b1);
  await settled(stage.net);

  assertEquals(account.log, [
    "its caller does not wait any more",
    'its caller has left as worker "b1" is gone: it was killed',
  ]);
  assertEquals(stage.root.host.open, 0);
  stage.b1.gone(() => true, "dead");
  await lost;
});

Deno.test("a manager that is shut down: calls fail with its name, those that wait and later ones", async () => {
  await using stage = new Stage();
  const account = new Account();
  const views = stage.views(stage.manager.host(account, { name: "mine" }));
  const counter = hand(stage.manager.counter(), stage.a);
  const waiting = thrownBy(views[1].waitLong());
  await settled(stage.net);
  assertEquals(stage.manager.stats(), { objects: 2, isShutDown: false });

  await stage.manager.shutdown();

  const errors = [
    await waiting,
    ...await Promise.all(views.map((view) => thrownBy(view.deposit(1)))),
  ];
  for (const [index, error] of errors.entries()) {
    assertInstanceOf(error, BrokenResourceError);
    if (index === 3) continue; // It has been asked for after all has been forgotten.
    assertStringIncludes(error.message, 'of object "mine" as ');
  }
  assertStringIncludes((errors[0] as Error).message, 'its manager "shared" was shut down');
  assertStringIncludes((errors[1] as Error).message, 'its manager "shared" was shut down');
  assertInstanceOf(await thrownBy(counter.add()), BrokenResourceError);
  assertEquals(account.log, ['its manager "shared" was shut down']);
  assertEquals(stage.manager.stats(), { objects: 0, isShutDown: true });
  assertThrows(() => stage.manager.counter(), ClosedError, 'host an object in "shared"');
  assertEquals([stage.root.host.size, stage.root.host.open, inspect().children.length], [0, 0, 0]);
  await stage.manager.shutdown();
});

Deno.test("the objects of a manager whose process dies are broken, and name it", async () => {
  using net = new Net();
  const root = net.node();
  const a = net.node(root, 'process "a"');
  const b = net.node(root, 'worker "b"');
  const manager = at(a, () => new Manager());
  const table = manager.dict<string, number>({}, { name: "table" });
  hand(table, a);
  await settled(net);
  const view = hand(table, b);
  await view.set("k", 1);
  net.kill(a, { why: "it has exited with code 137" });
  await settled(net);

  const error = await thrownBy(view.get("k"));
  assertInstanceOf(error, BrokenResourceError);
  assertEquals(
    error.message,
    'Cannot call get() of dict "table" as process "a" is gone: it has exited with code 137. Make a new one',
  );
  await manager.shutdown();
});

Deno.test("a manager is shut down with the scope that it was made in", async () => {
  using net = new Net();
  const root = net.node();
  const a = net.node(root);
  let view: RemoteCounter | undefined;
  await taskGroup((group) => {
    group.spawn(() => {
      view = hand(at(root, () => new Manager()).counter(), a);
    });
  });
  assertInstanceOf(await thrownBy(view!.add()), BrokenResourceError);

  await cancelScope(async (scope) => {
    view = hand(at(root, () => new Manager()).counter(), a);
    scope.cancel();
    await Promise.resolve();
  });
  assertInstanceOf(await thrownBy(view!.add()), BrokenResourceError);
  assertEquals([root.host.size, inspect().children.length], [0, 0]);
});

Deno.test("an object may shut down its own manager", async () => {
  await using stage = new Stage();
  const { manager } = stage;
  const view = hand(stage.manager.host({ end: () => manager.shutdown() }), stage.a);

  const error = await thrownBy(view.end());
  assertInstanceOf(error, BrokenResourceError);
  assertStringIncludes(error.message, "was shut down");
});

Deno.test("what cannot do its work from elsewhere is refused, with what can", async () => {
  await using stage = new Stage();
  const { manager } = stage;
  for (
    const [object, cure] of [
      [new Lock(), "FileLock"],
      [new RLock(), "FileLock"],
      [new RWLock(), "FileLock"],
      [new Condition(), "method that waits"],
      [new Semaphore(1), "SharedSemaphore"],
      [new PriorityQueue(), "ProcessQueue"],
      [new Channel(1), "Pipe"],
    ] as const
  ) {
    assertThrows(() => manager.host(object), TypeError, cure);
  }
  assertThrows(
    () => manager.host((() => 1) as never),
    TypeError,
    "Host an object with that method",
  );
  assertThrows(() => manager.host(5 as never), TypeError, "received 5");
  assertThrows(() => manager.host(Promise.resolve()), TypeError, "Host what it resolves to");
  assertThrows(() => new Manager({ name: 1 as never }), TypeError, "'name'");
  assertThrows(() => manager.counter("1" as never), TypeError, "must be a number");
  assertThrows(() => manager.dict(5 as never), TypeError, "make a dict");
  assertThrows(() => manager.list([() => {}]), NotPortableError, "[0]");
  assertThrows(() => manager.dict({ f: () => {} }), NotPortableError, "[0][1]");
  assertEquals(manager.stats().objects, 0);
});

Deno.test("an Event can be hosted", async () => {
  await using stage = new Stage();
  const [home, a, b1] = stage.views(stage.manager.host(new Event()));
  const waits = [home.wait(), a.wait()];
  assertEquals(await b1.isSet(), false);
  await b1.set();
  await Promise.all(waits);
  assertEquals(await a.isSet(), true);
});

Deno.test("stats() are frozen", async () => {
  await using stage = new Stage();
  assert(Object.isFrozen(stage.manager.stats()));
});

Deno.test("the types of what stands for an object follow those of the object", () => {
  type Far = Remote<Account>;
  assertType<Same<Far["deposit"], (amount: number) => Promise<number>>>();
  assertType<Same<Far["depositLater"], (amount: number) => Promise<number>>>();
  assertType<Same<Far["balance"], () => Promise<number>>>();
  assertType<Same<Far["isEmpty"], () => Promise<boolean>>>();
  assertType<Same<Extract<keyof Far, "_pin" | "_hidden" | "constructor">, never>>();
  assertType<Same<ReturnType<Far["chain"]>, Promise<Remote<Account>>>>();
  assertType<
    RemoteDict<string, number> extends { get(key: string): Promise<number | undefined> } ? true
      : false
  >();
  assertType<RemoteList<string> extends { pop(): Promise<string | undefined> } ? true : false>();
});

Deno.test("a dict at three nodes does what a Map does, whatever is called in whatever order", async () => {
  const key = fc.constantFrom("a", "b", 1, "1", null);
  const value = fc.oneof(
    fc.integer(),
    fc.constant(undefined),
    fc.array(fc.string(), { maxLength: 2 }),
  );
  const step = fc.record({
    method: fc.constantFrom(
      "get",
      "set",
      "has",
      "delete",
      "pop",
      "setDefault",
      "add",
      "entries",
      "size",
      "clear",
    ),
    key,
    value,
    view: fc.nat(2),
    isAwaited: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      await using stage = new Stage();
      const views = stage.views(stage.manager.dict<DictKey, unknown>());
      const map = new Map<unknown, unknown>();
      const expected = (method: string, key: unknown, value: unknown): unknown => {
        const there = map.get(key);
        switch (method) {
          case "get":
            return there;
          case "has":
            return map.has(key);
          case "set":
            return void map.set(key, value);
          case "delete":
            return map.delete(key);
          case "pop":
            map.delete(key);
            return there;
          case "setDefault":
            if (!map.has(key)) map.set(key, value);
            return map.get(key);
          case "add":
            if (typeof (there ?? 0) !== "number") return "TypeError";
            map.set(key, (there as number ?? 0) + 1);
            return map.get(key);
          case "entries":
            return [...map];
          case "size":
            return map.size;
          default:
            return map.clear();
        }
      };
      const answers: [Promise<unknown>, unknown][] = [];
      let last = 0;
      for (const { method, key, value, view, isAwaited } of steps) {
        // The calls of one node keep their order by themselves; those of several when they are awaited.
        if (view !== last || !isAwaited) await Promise.all(answers.map(([answer]) => answer));
        last = view;
        const args = {
          entries: [],
          size: [],
          clear: [],
          set: [key, value],
          setDefault: [key, value],
        };
        const call = views[view][method] as (...args: unknown[]) => Promise<unknown>;
        const answer = call(...(args as Record<string, unknown[]>)[method] ?? [key]);
        answers.push([
          answer.catch((error) => error.name),
          expected(method, key, value),
        ]);
      }
      for (const [answer, value] of answers) assertEquals(await answer, value);
    }),
    { numRuns: 150 },
  );
});
