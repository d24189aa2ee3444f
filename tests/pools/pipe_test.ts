/**
 * Pipe between nodes: that both ends can go anywhere, and what the other end sees when one is closed, moved or dies. What
 * CPython's tests of `multiprocessing.Pipe` ask for, and rule C7.
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
  ClosedError,
  currentTask,
  inspect,
  moveOnAfter,
  NotPortableError,
  Pipe,
  type PipeEnd,
  ProcessQueue,
  TimeoutError,
  transfer,
} from "../../mod.ts";
import { interruptAtEveryStep } from "../../primitives/testing/mod.ts";
import { currentNode, type Node } from "../../pools/link/node.ts";
import { dropPassed, packValues, unpackPassed } from "../../pools/passing.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { assertType, collect, type Same } from "../primitives/probes.ts";
import { at, hand, Net, settled } from "./link/net.ts";
import { named } from "../primitives/waits.ts";

type Place = "root" | "a" | "b" | "b1";

/** A pipe of the root, with its ends at two nodes. */
class Stage<T = unknown> implements Disposable {
  readonly net: Net = new Net();
  readonly nodes: Record<Place, Node>;
  readonly left: PipeEnd<T, T>;
  readonly right: PipeEnd<T, T>;
  /** The ends as they were made. */
  readonly ends: readonly [PipeEnd<T, T>, PipeEnd<T, T>];

  constructor(left: Place, right: Place, capacity?: number) {
    const root = this.net.node();
    const a = this.net.node(root, 'worker "a"');
    const b = this.net.node(root, 'process "b"');
    this.nodes = { root, a, b, b1: this.net.node(b, 'worker "b1"') };
    this.ends = at(root, () => new Pipe<T>({ name: "line", capacity })).ends;
    this.left = this.move(this.ends[0], left);
    this.right = this.move(this.ends[1], right);
  }

  move<E>(end: E, place: Place): E {
    return place === "root" ? end : hand(end, this.nodes[place]);
  }

  /** Nobody waits, and nothing is hosted. */
  assertNothingLeft(): void {
    const { root } = this.nodes;
    assertEquals([root.host.size, root.host.open, root.watchers.size], [0, 0, 0]);
    assertEquals(inspect().children, []);
    assertEquals(inspect().waitingFor, []);
  }

  [Symbol.dispose](): void {
    this.left.close();
    this.right.close();
    this.net[Symbol.dispose]();
  }
}

const PLACES: [Place, Place][] = [["root", "root"], ["root", "a"], ["b1", "root"], ["a", "b1"]];

for (const [left, right] of PLACES) {
  const where = `${left} and ${right}`;

  Deno.test(`${where}: each end receives what the other has sent, in order`, async () => {
    using stage = new Stage(left, right);
    const values = [
      1,
      "two",
      { three: [3] },
      new Map([[4, 5n]]),
      undefined,
      null,
      new Uint8Array(6),
    ];
    for (const value of values) {
      await stage.left.send(value);
      await stage.right.send([value]);
    }
    for (const value of values) {
      assertEquals(await stage.right.receive(), value);
      assertEquals(await stage.left.receive(), [value]);
    }
  });

  Deno.test(`${where}: values are copies; what is to be moved is moved`, async () => {
    using stage = new Stage(left, right);
    const value = { list: [1] };
    const sent = stage.left.send(value);
    value.list.push(2);
    await sent;
    const bytes = new Uint8Array([1, 2]);
    await stage.left.send(transfer(bytes));

    const received = await stage.right.receive();
    assertEquals(received, { list: [1] });
    assertNotStrictEquals(received, value);
    assertEquals(bytes.length, 0);
    assertEquals(await stage.right.receive(), new Uint8Array([1, 2]));
  });

  Deno.test(`${where}: who is too far ahead waits`, async () => {
    using stage = new Stage<number>(left, right, 2);
    await stage.left.send(1);
    await stage.left.send(2);
    await assertRejects(() => stage.left.send(0, { timeout: 1 }), TimeoutError, 'pipe "line"');
    const third = stage.left.send(3);
    await settled(stage.net);
    const { incoming, senders, outgoing } = await stage.right.stats();
    assertEquals([incoming, senders, outgoing], [2, 0, 0]);
    assertEquals((await stage.left.stats()).senders, 1);

    assertEquals(await stage.right.receive(), 1);
    await third;
    assertEquals([await stage.right.receive(), await stage.right.receive()], [2, 3]);
  });

  Deno.test(`${where}: receive waits for a value, tryReceive does not`, async () => {
    using stage = new Stage(left, right);
    assertEquals(await stage.right.tryReceive(), undefined);
    await assertRejects(() => stage.right.receive({ timeout: 1 }), TimeoutError);
    const receiving = stage.right.receive();
    await settled(stage.net);
    await stage.left.send("first");
    await stage.left.send(undefined);

    assertEquals(await receiving, "first");
    assertEquals(await stage.right.tryReceive(), { value: undefined });
  });

  Deno.test(`${where}: when one end closes, the other has the rest, and then the end`, async () => {
    using stage = new Stage<number>(left, right);
    await stage.left.send(1);
    await stage.left.send(2);
    stage.left.close();
    await settled(stage.net);

    await assertRejects(() => stage.right.send(0), ClosedError, "its other end is closed");
    assertEquals(await collect(stage.right), [1, 2]);
    await assertRejects(
      () => stage.right.receive(),
      ClosedError,
      'receive from pipe "line" as its other',
    );
    await assertRejects(() => stage.right.tryReceive(), ClosedError);
    assertEquals([stage.left.closed, stage.right.closed], [true, false]);
    await assertRejects(() => stage.left.send(0), ClosedError, "as this end is closed");
    await assertRejects(() => stage.left.receive(), ClosedError, "as this end is closed");
    await assertRejects(() => stage.left.tryReceive(), ClosedError);
    stage.right.close();
    await settled(stage.net);
    stage.assertNothingLeft();
  });

  Deno.test(`${where}: closing an end ends those who wait there`, async () => {
    using stage = new Stage<number>(left, right, 1);
    await stage.left.send(1);
    const waits = [stage.left.send(2), stage.left.receive()].map(thrownBy);
    await settled(stage.net);
    stage.left.close();
    stage.left.close(); // Once more does nothing.

    for (const error of await Promise.all(waits)) {
      assertInstanceOf(error, ClosedError);
      assertStringIncludes(error.message, "this end is closed");
    }
    assertEquals(await collect(stage.right), [1]);
  });

  Deno.test(`${where}: closing an end ends those who wait at the other`, async () => {
    using stage = new Stage<number>(left, right, 1);
    await stage.right.send(1);
    const waits = [stage.right.send(2), stage.right.receive()].map(thrownBy);
    await settled(stage.net);
    stage.left.close();

    for (const error of await Promise.all(waits)) {
      assertInstanceOf(error, ClosedError);
      assertStringIncludes(error.message, "its other end is closed.");
    }
  });

  Deno.test(`${where}: a loop over an end that is closed meanwhile ends`, async () => {
    using stage = new Stage<number>(left, right);
    const loop = collect(stage.right);
    await stage.left.send(1);
    await settled(stage.net);
    stage.right.close();

    assertEquals(await loop, [1]);
  });

  Deno.test(`${where}: P8: what cannot be sent is an error of its sender, and the pipe goes on`, async () => {
    using stage = new Stage(left, right);
    await assertRejects(() => stage.left.send([() => {}]), NotPortableError, "the value[0]");
    await stage.left.send("ok");
    assertEquals(await stage.right.receive(), "ok");
  });

  Deno.test(`${where}: C7: a send that is interrupted, at any step, has sent nothing`, async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      using stage = new Stage<string>(left, right, 1);
      const { interrupted } = await interrupt(() => stage.left.send("value"));
      await settled(stage.net);
      const received = await stage.right.tryReceive();
      assertEquals(received, interrupted ? undefined : { value: "value" });
    });
    assert(interrupted >= 1);
  });

  Deno.test(`${where}: C7: a receive that is interrupted, at any step, has taken nothing`, async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      using stage = new Stage<number>(left, right);
      const around = currentTask();
      const { interrupted, value } = await interrupt(() => {
        const received = stage.right.receive();
        for (const n of [1, 2, 3]) around.run(() => stage.left.send(n));
        return received;
      });
      await settled(stage.net);
      stage.left.close();
      await settled(stage.net);
      const rest = await collect(stage.right);
      assertEquals(interrupted ? rest : [value, ...rest], [1, 2, 3]);
    });
    assert(interrupted >= 1);
  });
}

Deno.test("an end that was sent elsewhere cannot be used here", async () => {
  using stage = new Stage<number>("a", "root");
  const [end] = stage.ends;
  const reason = 'pipe "line" as this end was sent elsewhere. Use it there, or make another pipe';

  for (const wait of [end.send(1), end.receive(), end.tryReceive(), end.stats()]) {
    const error = await thrownBy(wait);
    assertInstanceOf(error, ClosedError);
    assertStringIncludes(error.message, reason);
  }
  assert(end.closed);
  assertThrows(() => hand(end, stage.nodes.b), ClosedError, "Cannot send an end of " + reason);
  end.close();
  await stage.left.send(1);
  assertEquals(await stage.right.receive(), 1, "it is open there");
});

for (const from of ["root", "a"] as const) {
  for (const to of ["b1", "b", "root"] as const) {
    if (from === to) continue;
    Deno.test(`what waits at an end ends when it is sent from ${from} to ${to}, and nothing is lost`, async () => {
      using stage = new Stage<number>("b", from, 1);
      await stage.right.send(10);
      const sending = thrownBy(stage.right.send(11));
      const receiving = thrownBy(stage.right.receive());
      const loop = thrownBy(collect(stage.right));
      await settled(stage.net);
      // It comes at the same time.
      const sent = stage.left.send(1);
      const there = hand(stage.right, stage.nodes[to]);
      await settled(stage.net);

      for (const error of await Promise.all([sending, loop])) {
        assertInstanceOf(error, ClosedError);
        assertStringIncludes(error.message, "was sent elsewhere");
      }
      assertInstanceOf(await receiving, ClosedError);
      await sent;
      assertEquals(await there.receive(), 1);
      await there.send(12, { timeout: 1 }).catch(() => {});
      assertEquals(await stage.left.receive(), 10);
      await there.send(13);
      assertEquals(await stage.left.receive(), 13, "11 was not sent");
      there.close();
    });
  }
}

Deno.test("an end that comes home is the end itself", async () => {
  using stage = new Stage<number>("b1", "root");
  const home = hand(stage.left, stage.nodes.root);

  assertStrictEquals(home, stage.ends[0]);
  assertEquals([home.closed, stage.left.closed], [false, true]);
  await home.send(5);
  assertEquals(await stage.right.receive(), 5);
  home.close();
});

Deno.test("an end can be sent through a pipe, and as an item of a queue", async () => {
  using stage = new Stage<PipeEnd<string, string>>("a", "b1");
  const [near, far] = at(stage.nodes.a, () => new Pipe<string>()).ends;
  await stage.left.send(far);
  const there = await stage.right.receive();
  await there.send("from b1");
  assertEquals(await near.receive(), "from b1");

  using queue = at(stage.nodes.root, () => new ProcessQueue<PipeEnd<string, string>>());
  await hand(queue, stage.nodes.b1).put(there);
  const atRoot = await queue.get();
  await near.send("to the root");
  assertEquals(await atRoot.receive(), "to the root");
  atRoot.close();
  near.close();
  await settled(stage.net);
  assertEquals(stage.nodes.a.host.size, 0);
});

for (const how of ["heard", "unheard"] as const) {
  Deno.test(`an end whose process dies is closed: the other has the rest, ${how}, and then the reason`, async () => {
    using stage = new Stage<number>("a", "b1");
    await stage.left.send(1);
    const waiting = thrownBy(stage.left.receive());
    await settled(stage.net);
    if (how === "heard") assertEquals(await stage.right.receive(), 1);

    stage.net.kill(stage.nodes.a, { why: "it has exited with code 9" });
    await settled(stage.net);

    assertEquals(await collect(stage.right), how === "heard" ? [] : [1]);
    const error = await thrownBy(stage.right.receive());
    assertInstanceOf(error, ClosedError);
    assertStringIncludes(error.message, 'closed, as worker "a" is gone: it has exited with code 9');
    assertInstanceOf(await thrownBy(stage.right.send(1)), ClosedError);
    stage.right.close();
    await settled(stage.net);
    stage.nodes.a.gone(() => true, "dead");
    await waiting;
    stage.assertNothingLeft();
  });
}

Deno.test("an end whose process dies is closed after every number of messages, and all that was sent is received once", async () => {
  let isAllSent = false;
  for (let messages = 0; !isAllSent; messages++) {
    using stage = new Stage<number>("a", "b1", 2);
    await settled(stage.net);
    const start = stage.net.sent.length;
    let sent = 0;
    isAllSent = false;
    const sending = (async () => {
      for (let n = 1; n <= 3; n++) {
        await stage.left.send(n);
        sent = n;
      }
      isAllSent = true;
    })().catch(() => {});
    const received: number[] = [];
    const receiving = (async () => {
      for await (const n of stage.right) received.push(n);
    })();
    while (stage.net.sent.length < start + messages && !isAllSent) await null;
    const heard = sent;
    stage.net.kill(stage.nodes.a);
    await receiving;
    stage.nodes.a.gone(() => true, "dead");
    await sending;

    assertEquals(received, [1, 2, 3].slice(0, received.length));
    assert(received.length >= heard, "what send() has resolved for has come");
    stage.right.close();
    await settled(stage.net);
    stage.assertNothingLeft();
  }
});

Deno.test("an end on its way outlives the process that has sent it", async () => {
  using stage = new Stage<number>("a", "root");
  using queue = at(stage.nodes.root, () => new ProcessQueue<PipeEnd<number, number>>());
  await stage.left.send(1);
  await hand(queue, stage.nodes.a).put(stage.left);
  await settled(stage.net);
  stage.net.kill(stage.nodes.a);

  const end = await hand(queue, stage.nodes.b1).get();
  await end.send(2);
  assertEquals([await stage.right.receive(), await stage.right.receive()], [1, 2]);
  end.close();
});

for (const place of ["home", "elsewhere"] as const) {
  Deno.test(`an end that is thrown away on its way over a pipe whose home is ${place} is closed, so that nobody waits for it`, async () => {
    using net = new Net();
    const here = currentNode(); // What is thrown away is not by a message of another node.
    const other = net.node();
    if (place === "home") net.attach(other, here, "worker");
    else net.attach(here, other, "worker");
    const line = at(place === "home" ? here : other, () => new Pipe<unknown>({ capacity: 1 })).ends;
    const left = hand(line[0], here);
    const right = hand(line[1], other);
    await left.send("no room");
    const throwAway: ((end: unknown) => Promise<unknown>)[] = [
      (end) => left.send(end, { timeout: 1 }),
      (end) => left.send(end, { timeout: 0 }),
      async (end) => {
        await right.receive();
        await left.send(end);
        right.close();
      },
    ];
    for (const send of throwAway) {
      const [kept, sent] = new Pipe<number>({ name: "inner" }).ends;
      await send(sent).catch(() => {});
      await settled(net);

      const error = await thrownBy(kept.receive());
      assertInstanceOf(error, ClosedError);
      assertStringIncludes(error.message, "its other end is closed");
      kept.close();
    }
    left.close();
    await settled(net);
    assertEquals([here.host.size, here.watchers.size], [0, 0]);
    if (place === "home") net.kill(other);
    else net.orphan(here);
  });
}

/** An end on its way, which can come twice, and be thrown away too. */
function onItsWay(end: PipeEnd<number, number>, node: Node) {
  const { passed } = at(node, () => packValues([end], () => "the end"));
  return {
    data: passed![0].data as object,
    comeTo: (node: Node) => {
      const values = [{}];
      at(node, () => unpackPassed(values, passed!));
      return values[0] as PipeEnd<number, number>;
    },
    dropAt: (node: Node) => at(node, () => dropPassed(passed)),
  };
}

for (const home of ["root", "a", "b1"] as const) {
  Deno.test(`an end of a pipe of ${home} that is thrown away on its way is closed once`, async () => {
    using stage = new Stage("root", "root");
    const { root } = stage.nodes;
    const [kept, end] = at(stage.nodes[home], () => new Pipe<number>()).ends;
    const way = onItsWay(end, stage.nodes[home]);
    await settled(stage.net);
    way.dropAt(root);
    way.dropAt(root);
    await settled(stage.net);

    await assertRejects(() => kept.receive(), ClosedError, "its other end is closed");
    await assertRejects(() => way.comeTo(root).send(1), ClosedError);
    kept.close();
  });

  Deno.test(`an end of a pipe of ${home} that has come somewhere is not thrown away any more`, async () => {
    using stage = new Stage("root", "root");
    const { root, b } = stage.nodes;
    const [kept, end] = at(stage.nodes[home], () => new Pipe<number>()).ends;
    const first = onItsWay(end, stage.nodes[home]);
    await settled(stage.net); // Others know the way, as they do when it comes by the same links.
    const there = first.comeTo(b);
    await settled(stage.net);
    first.dropAt(root);
    first.dropAt(stage.nodes[home]);
    await settled(stage.net);
    await there.send(1);
    assertEquals(await kept.receive(), 1);

    // While it is on its way again, when it has come to who throws it away, and when it is home.
    const second = onItsWay(there, b);
    await settled(stage.net);
    first.dropAt(root);
    const back = second.comeTo(root);
    first.dropAt(root);
    await settled(stage.net);
    second.dropAt(b);
    await settled(stage.net);
    await back.send(2);
    assertEquals(await kept.receive(), 2);

    const third = onItsWay(back, root);
    const atHome = third.comeTo(stage.nodes[home]);
    await settled(stage.net);
    for (const way of [first, second, third]) way.dropAt(root);
    await settled(stage.net);
    await atHome.send(3);
    assertEquals(await kept.receive(), 3);
    for (const end of [kept, atHome]) end.close();
  });

  Deno.test(`an end of a pipe of ${home} that comes once more is where it was`, async () => {
    using stage = new Stage("root", "root");
    const { root, b } = stage.nodes;
    const [kept, end] = at(stage.nodes[home], () => new Pipe<number>()).ends;
    const way = onItsWay(end, stage.nodes[home]);
    await settled(stage.net);
    const there = way.comeTo(b);
    await settled(stage.net);
    const copies = [root, stage.nodes[home]].map((node) => way.comeTo(node));
    await settled(stage.net);

    for (const copy of copies) await assertRejects(() => copy.send(0), ClosedError);
    await there.send(1);
    assertEquals(await kept.receive(), 1);
    there.close();
    kept.close();
  });
}

for (const turn of [0, -1, 1.5, NaN, Infinity, "9", null, undefined]) {
  Deno.test(`an end of which somebody says that it was sent ${turn} times stays where it is`, async () => {
    using stage = new Stage("root", "root");
    const { root, a, b } = stage.nodes;
    const [kept, end] = at(root, () => new Pipe<number>()).ends;
    const way = onItsWay(end, root);
    const there = way.comeTo(a);
    await settled(stage.net);
    const forged = [{ kind: "PipeEnd", data: { ...way.data, turn }, paths: [[0]] }];
    for (const node of [b, root]) {
      at(node, () => unpackPassed([{}], forged));
      at(node, () => dropPassed(forged));
    }
    await settled(stage.net);

    await there.send(1);
    assertEquals(await kept.receive(), 1);
    for (const end of [kept, there]) end.close();
  });
}

Deno.test("the ends of a pipe whose own process dies are broken", async () => {
  using net = new Net();
  const root = net.node();
  const a = net.node(root, 'worker "a"');
  const b = net.node(root, 'worker "b"');
  const [left, right] = at(a, () => new Pipe<number>({ name: "doomed" })).ends;
  hand(left, a);
  await settled(net); // Others know the way, as they do when an end comes by the same links.
  const ends = [hand(left, root), hand(right, b)];
  await settled(net);
  const waiting = ends.map((end) => thrownBy(end.receive()));
  await settled(net);
  net.kill(a);
  await settled(net);

  for (const error of [...await Promise.all(waiting), await thrownBy(ends[0].send(1))]) {
    assertInstanceOf(error, BrokenResourceError);
    assertStringIncludes(error.message, 'pipe "doomed" as worker "a" is gone: it was killed');
  }
  for (const end of ends) end.close();
});

Deno.test("a timeout and a cancelled scope end a wait, and leave nothing behind", async () => {
  using stage = new Stage<number>("a", "b");
  const { timedOut } = await moveOnAfter(1, () => stage.left.receive());
  assert(timedOut);
  await settled(stage.net);
  assertEquals((await stage.left.stats()).receivers, 0);
  assertEquals(stage.nodes.root.host.open, 0);
});

Deno.test("inspect() names the pipe that is waited for", async () => {
  using stage = new Stage<number>("a", "root");
  const waits = [stage.left.receive(), stage.right.receive()];
  await settled(stage.net);
  assertEquals(named(inspect().waitingFor), [
    { kind: "pipe", name: "line" },
    { kind: "pipe", name: "line" },
  ]);
  await stage.left.send(1);
  await stage.right.send(2);
  assertEquals(await Promise.all(waits), [2, 1]);
});

Deno.test("both ends come out of a pipe by destructuring, with their types", () => {
  const [a, b] = new Pipe<string>();
  assertType<Same<typeof a, PipeEnd<string, string>>>();
  assertType<Same<typeof a, PipeEnd<string>>>(); // What it receives is what it sends, as with Pipe.
  const [up, down] = new Pipe<number, string>().ends;
  assertType<Same<typeof up, PipeEnd<number, string>>>();
  assertType<Same<typeof down, PipeEnd<string, number>>>();
  assertEquals([a.name, a.capacity, b.closed], ["", 64, false]);
});

Deno.test("options that make no sense are errors at the call", () => {
  assertThrows(() => new Pipe({ capacity: 0 }), RangeError, "'capacity'");
  assertThrows(() => new Pipe({ capacity: "1" as never }), TypeError, "'capacity'");
  assertThrows(() => new Pipe({ name: 1 as never }), TypeError, "'name'");
});

Deno.test("stats() are frozen, here and elsewhere", async () => {
  using stage = new Stage<number>("a", "root");
  await stage.left.send(1);
  const [left, right] = [await stage.left.stats(), await stage.right.stats()];
  assertEquals([left.outgoing, right.incoming, left.capacity], [1, 1, 64]);
  assert(Object.isFrozen(left) && Object.isFrozen(right));
});
