import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Cancelled,
  Channel,
  ClosedError,
  Event,
  formatTree,
  moveOnAfter,
  Queue,
  Selector,
  type SelectorEvent,
  type SelectorSource,
  taskGroup,
} from "../../mod.ts";
import { SocketStream } from "../../io/stream.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { connect, listen, testOverBoth } from "./backends.ts";
import { FakeConnection } from "./fake_connection.ts";
import { failingListener, systemError } from "./fake_listener.ts";
import { bytes, pair, readAll, text } from "./pair.ts";

/** Several streams, and what gives them their bytes. */
function streams(count: number) {
  const natives = Array.from({ length: count }, () => new FakeConnection());
  return { natives, streams: natives.map((native) => new SocketStream(native)) };
}

function names(events: readonly SelectorEvent<unknown>[]): unknown[] {
  return events.map(({ data }) => data);
}

async function take<D>(selector: Selector<D>, count: number): Promise<SelectorEvent<D>[]> {
  const events: SelectorEvent<D>[] = [];
  for await (const event of selector) if (events.push(event) === count) break;
  return events;
}

testOverBoth(
  "Selector: select tells which are ready, all at once, and takes nothing from streams",
  async () => {
    const { natives, streams: [a, b, c] } = streams(3);
    using selector = new Selector<string>();
    selector.register(a, "read", "a");
    selector.register(b, "read", "b");
    selector.register(c, "read", "c");
    natives[2].give("sea");
    natives[0].give("ay");
    const waiting = selector.select();
    await waitAllTasksBlocked();
    const events = await waiting;
    assertEquals(names(events).sort(), ["a", "c"]);
    assertEquals(events.map(({ chunk, error }) => [chunk, error]), [
      [undefined, undefined],
      [undefined, undefined],
    ]);
    // What is not read is told again; what was read is not.
    const buffer = new Uint8Array(8);
    assertEquals(await a.read(buffer), 2);
    assertEquals(names(await selector.select()), ["c"]);
    assertEquals(text(await c.readExactly(3)), "sea");
    assertEquals(await selector.select({ timeout: 0 }), []);
  },
);

testOverBoth(
  "Selector: a time-out gives an empty array, a cancellation and a signal end the wait; nothing is left [C8]",
  async () => {
    const { natives, streams: [stream] } = streams(1);
    using selector = new Selector<string>();
    selector.register(stream, "read", "it");
    await withLeakCheck(async () => {
      assertEquals(await selector.select({ timeout: 1 }), []);
      assertEquals((await moveOnAfter(1, () => selector.select())).timedOut, true);
      const why = new Error("enough");
      const signal = AbortSignal.abort(why);
      assertStrictEquals(await selector.select({ signal }).catch((error) => error), why);
    });
    natives[0].give("still here");
    assertEquals(names(await selector.select()), ["it"]);
    assertEquals(natives[0].reads, 1); // one for all of these waits
  },
);

testOverBoth("Selector: a source costs nothing in a wait that it is not ready for", async () => {
  const idle = streams(100);
  const { natives: [native], streams: [busy] } = streams(1);
  using selector = new Selector<number>();
  idle.streams.forEach((stream, i) => selector.register(stream, "read", i));
  selector.register(busy, "read", -1);
  const buffer = new Uint8Array(1);
  for (let i = 0; i < 50; i++) {
    native.give("x");
    assertEquals(names(await selector.select()), [-1]);
    await busy.read(buffer);
  }
  assertEquals(idle.natives.map(({ reads }) => reads), Array(100).fill(1));
});

testOverBoth("Selector: streams that are always ready do not shut out the others", async () => {
  const { natives, streams: [loud, quiet] } = streams(2);
  using selector = new Selector<string>();
  selector.register(loud, "read", "loud");
  selector.register(quiet, "read", "quiet");
  natives[0].give("x".repeat(100_000));
  const order: string[] = [];
  for await (const { data } of selector) {
    order.push(data);
    if (order.length === 3) natives[1].give("psst");
    if (data === "quiet") break;
  }
  assert(order.length < 10, order.join());
});

testOverBoth(
  "Selector: a stream can be waited for to be read, to be written to, or both",
  async () => {
    using both = await pair();
    const { here, there } = both;
    using selector = new Selector<string>();
    selector.register(here, ["read", "write"], "it");
    assertEquals((await selector.select()).map(({ events }) => events), [["write"]]);
    const large = here.write(new Uint8Array(2 ** 24));
    assertEquals(await selector.select({ timeout: 1 }), []);
    await there.write(bytes("x"));
    assertEquals((await selector.select()).map(({ events }) => events), [["read"]]);
    const reading = (async () => {
      let count = 0;
      for await (const chunk of there) if ((count += chunk.length) === 2 ** 24) return;
    })();
    selector.modify(here, "write", "changed");
    const [{ events, data }] = await selector.select();
    assertEquals([events, data], [["write"], "changed"]);
    await large;
    await reading;
    selector.modify(here, ["write", "read"], "both");
    assertEquals((await selector.select())[0].events.toSorted(), ["read", "write"]);
  },
);

testOverBoth("Selector: a listener is ready when accept does not have to wait", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  using selector = new Selector<string>();
  selector.register(listener, "read", "door");
  using client = await connect(listener.addresses[0]);
  assertEquals(names(await selector.select()), ["door"]);
  assertEquals(names(await selector.select()), ["door"]); // nobody has accepted
  using accepted = await listener.accept({ timeout: 0 });
  assertEquals(accepted.remoteAddress, client.localAddress);
  assertEquals(await selector.select({ timeout: 1 }), []);
});

testOverBoth(
  "Selector: errors of accept that pass are waited for, others are told, and the source goes [I1]",
  async () => {
    using passing = failingListener(systemError("EMFILE"), systemError("ECONNABORTED"));
    using selector = new Selector<string>();
    selector.register(passing, "read", "door");
    const client = connect(passing.addresses[0]);
    const [{ chunk }] = await take(selector, 1);
    (chunk as SocketStream).close();
    (await client).close();
    assertEquals(passing.stats().failures, 2);
    passing.close();
    const [{ error }] = await take(selector, 1);
    assert(error instanceof ClosedError);
    assertEquals(selector.keys.size, 0);
  },
);

testOverBoth(
  "Selector: of channels, queues and events it gives what they give, one at a time",
  async () => {
    const channel = new Channel<number>(4);
    const queue = new Queue<string>();
    const event = new Event();
    using selector = new Selector<string>();
    selector.register(channel, "read", "channel");
    selector.register(queue, "read", "queue");
    selector.register(event, "read", "event");
    await channel.send(1);
    await channel.send(2);
    queue.putNowait("x");
    const got = (await selector.select()).map(({ data, chunk }) => [data, chunk]);
    assertEquals(got, [["channel", 1], ["queue", "x"]]);
    assertEquals(channel.size, 1);
    event.set();
    assertEquals(names(await selector.select()).sort(), ["channel", "event"]);
  },
);

testOverBoth(
  "Selector: an item that was taken for it and not told of is given by unregister, and not lost [C7]",
  async () => {
    const channel = new Channel<number>(0);
    using selector = new Selector<string>();
    selector.register(channel, "read", "it");
    assertEquals(await selector.select({ timeout: 1 }), []);
    await channel.send(7); // to the selector, although nobody selects
    const last = selector.unregister(channel);
    assertEquals([last?.chunk, last?.data], [7, "it"]);
    selector.register(channel, "read", "it");
    assertEquals(await selector.select({ timeout: 1 }), []);
    assertEquals(selector.unregister(channel), undefined);
    assertEquals(channel.stats().receivers, 0);
  },
);

testOverBoth(
  "Selector: the loop takes what there is, tells of the end once, and ends with the last source",
  async () => {
    const { natives, streams: [a, b] } = streams(2);
    using selector = new Selector<string>();
    selector.register(a, "read", "a");
    selector.register(b, "read", "b");
    natives[0].sendInPieces(["one", "two"]);
    natives[1].fail(new Deno.errors.ConnectionReset("reset"));
    const told: Record<string, unknown[]> = { a: [], b: [] };
    for await (const { data, chunk, error, events } of selector) {
      assertEquals(events, ["read"]);
      told[data].push(
        error === undefined ? chunk && text(chunk as Uint8Array) : (error as Error).name,
      );
    }
    assertEquals(told, { a: ["one", "two", null], b: ["ConnectionReset"] });
    assertEquals(selector.keys.size, 0);
  },
);

testOverBoth("Selector: leaving the loop early leaves what was not given where it is", async () => {
  const { natives, streams: all } = streams(3);
  using selector = new Selector<number>();
  all.forEach((stream, i) => selector.register(stream, "read", i));
  natives.forEach((native, i) => native.give(`${i}`));
  await selector.select();
  await waitAllTasksBlocked();
  const [{ data }] = await take(selector, 1);
  const rest = [0, 1, 2].filter((i) => i !== data);
  assertEquals(names(await selector.select()).sort(), rest);
  for (const i of rest) assertEquals(text(await all[i].readExactly(1)), `${i}`);
});

testOverBoth(
  "Selector: the loop ends when its scope is stopped, and when the selector is closed [C10]",
  async () => {
    const { streams: [stream] } = streams(1);
    using selector = new Selector<string>();
    selector.register(stream, "read", "it");
    await taskGroup(async (group) => {
      const looping = group.spawn(() => take(selector, 1));
      await waitAllTasksBlocked();
      group.stop();
      assertEquals(await looping, []);
    });
    await taskGroup(async (group) => {
      const looping = group.spawn(() => take(selector, 1));
      const selecting = group.spawn(() =>
        assertRejects(() => selector.select(), ClosedError, "the selector is closed")
      );
      await waitAllTasksBlocked();
      selector.close();
      assertEquals(await looping, []);
      await selecting;
    });
    assertEquals([stream.closed, selector.keys.size], [false, 0]);
    await assertRejects(
      () => selector.select(),
      ClosedError,
      "Cannot select as the selector is closed",
    );
  },
);

testOverBoth(
  "Selector: sources may be registered and unregistered while somebody waits",
  async () => {
    const { natives, streams: [a, b] } = streams(2);
    using selector = new Selector<string>();
    selector.register(a, "read", "a");
    await taskGroup(async (group) => {
      const selecting = group.spawn(() => selector.select());
      await waitAllTasksBlocked();
      selector.unregister(a);
      natives[0].give("not for it");
      await waitAllTasksBlocked();
      assertEquals(selecting.isAlive, true);
      selector.register(b, "read", "b");
      natives[1].give("for it");
      assertEquals(names(await selecting), ["b"]);
    });
    assertEquals(text(await a.readExactly(3)), "not");
  },
);

testOverBoth("Selector: what others read meanwhile is not told of", async () => {
  const { natives, streams: [stream] } = streams(1);
  using selector = new Selector<string>();
  selector.register(stream, "read", "it");
  assertEquals(await selector.select({ timeout: 1 }), []);
  natives[0].give("x");
  await waitAllTasksBlocked();
  await stream.readExactly(1);
  assertEquals(await selector.select({ timeout: 1 }), []);
  natives[0].give("y");
  assertEquals(names(await selector.select()), ["it"]);
});

testOverBoth(
  "Selector: wherever a cancellation meets it, nothing is lost or comes twice [C7]",
  async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const { natives: [native], streams: [stream] } = streams(1);
      const channel = new Channel<number>(0);
      using selector = new Selector<string>();
      selector.register(stream, "read", "stream");
      selector.register(channel, "read", "channel");
      let heard = "";
      const items: unknown[] = [];
      const sending = (async () => {
        for (let i = 0; i < 3; i++) {
          native.give(`${i}`);
          await channel.send(i);
        }
        native.end();
      })();
      const keep = ({ data, chunk }: SelectorEvent<string>) => {
        if (data === "channel") items.push(chunk);
        else if (chunk !== null) heard += text(chunk as Uint8Array);
      };
      await interrupt(async () => {
        for await (const event of selector) {
          keep(event);
          if (items.length === 3) break;
        }
      });
      while (items.length < 3) keep((await take(selector, 1))[0]);
      await sending;
      selector.close();
      assertEquals([heard + await readAll(stream), items], ["012", [0, 1, 2]]);
    });
    assert(interrupted > 3);
  },
);

testOverBoth(
  "Selector: what is registered can be looked at; the tree of tasks tells who waits",
  async () => {
    const { streams: [stream] } = streams(1);
    using selector = new Selector<string>();
    const key = selector.register(stream, "read", "it");
    assertStrictEquals(selector.keys.get(stream), key);
    assertEquals([key.source, key.events, key.data], [stream, ["read"], "it"]);
    await taskGroup(async (group) => {
      group.spawn(() => selector.select(), { name: "selecting" });
      await waitAllTasksBlocked();
      assert(/selecting:? +running,? +waits for selector/.test(formatTree()), formatTree());
      group.cancel();
    }).catch((error) => assert(error instanceof Cancelled));
  },
);

testOverBoth(
  "Selector: what does not make sense throws at the call, before anything happens",
  () => {
    const { streams: [stream] } = streams(1);
    const selector = new Selector<string>();
    const wrong = (source: unknown, events: unknown = "read") => () =>
      selector.register(source as SelectorSource, events as "read", "x");
    for (const source of [undefined, null, {}, "stream", new WeakMap()]) {
      assertThrows(wrong(source), TypeError, "Cannot register a source as it cannot be waited for");
    }
    for (const events of [undefined, "accept", [], ["read", "x"]]) {
      if (events === undefined) continue;
      assertThrows(wrong(stream, events), TypeError, `must be "read", "write" or both`);
    }
    assertThrows(wrong(new Event(), "write"), TypeError, "only a stream can be waited for");
    assertThrows(() => selector.unregister(stream), TypeError, "it is not registered");
    assertThrows(() => selector.modify(stream, "read", "x"), TypeError, "it is not registered");
    selector.register(stream, "read", "x");
    assertThrows(wrong(stream), TypeError, "registered already");
    selector.close();
    assertThrows(wrong(stream), ClosedError, "Cannot register a source as the selector is closed");
  },
);
