/**
 * Sending as an arm of a `select`: `channel.sending(item)` and `queue.putting(item)`. Rules W6 and
 * W8 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import {
  after,
  cancelScope,
  Channel,
  ClosedError,
  Event,
  inspect,
  isCancelled,
  PriorityQueue,
  Queue,
  QueueShutDown,
  select,
  taskGroup,
  TimeoutError,
  type Waitable,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";
import { assertType, type Same } from "./probes.ts";
import { named } from "./waits.ts";

/** Something to send to, with room for one item, and what the test sees at its other end. */
interface Sink {
  sending(item: string): Waitable<void>;
  take(): string | undefined;
  end(): void;
  waiting(): number;
  size(): number;
  readonly closed: new (message: string) => Error;
}

const sinks: [name: string, make: () => Sink][] = [
  ["channel.sending()", () => {
    const channel = new Channel<string>(1, { name: "sink" });
    return {
      sending: (item) => channel.sending(item),
      take: () => channel.tryReceive()?.value,
      end: () => channel.close(),
      waiting: () => channel.stats().senders,
      size: () => channel.size,
      closed: ClosedError,
    };
  }],
  ["queue.putting()", () => {
    const queue = new Queue<string>(1, { name: "sink" });
    return {
      sending: (item) => queue.putting(item),
      take: () => queue.empty ? undefined : queue.getNowait(),
      end: () => queue.shutdown(),
      waiting: () => queue.stats().putters,
      size: () => queue.size,
      closed: QueueShutDown,
    };
  }],
];

for (const [name, make] of sinks) {
  Deno.test(`${name} alone does nothing: only a select that it wins sends the item [W8]`, async () => {
    const sink = make();
    const arm = sink.sending("item");
    assertEquals([sink.size(), sink.waiting()], [0, 0]);
    assertEquals(await select({ out: arm }), { key: "out", value: undefined });
    assertEquals(sink.take(), "item");
  });

  Deno.test(`${name} waits for room, and its item comes in its turn [W8]`, async () => {
    const sink = make();
    await select({ out: sink.sending("before") });
    const first = select({ out: sink.sending("first") });
    const second = select({ out: sink.sending("second") });
    assertEquals(await outcomeOf(first), "pending");
    assertEquals(sink.waiting(), 2);
    assertEquals(sink.take(), "before");
    assertEquals(await outcomeOf(first), { value: { key: "out", value: undefined } });
    assertEquals(await outcomeOf(second), "pending");
    assertEquals([sink.take(), sink.take(), sink.take()], ["first", "second", undefined]);
    await second;
  });

  Deno.test(`${name} that loses has sent nothing, and stands in no line [W8]`, async () => {
    const sink = make();
    await select({ out: sink.sending("before") });
    const event = new Event();
    const selected = select({ out: sink.sending("loses"), event });
    assertEquals([sink.waiting(), event.stats().waiters], [1, 1]);
    event.set();
    assertEquals([sink.waiting(), event.stats().waiters], [0, 0]);
    assertEquals(await selected, { key: "event", value: undefined });
    assertEquals([sink.take(), sink.take()], ["before", undefined]);
  });

  Deno.test(`${name} can be used again: each time it wins it sends the item once more [W8]`, async () => {
    const sink = make();
    const arm = sink.sending("item");
    for (let n = 0; n < 3; n++) {
      await select({ arm });
      assertEquals(sink.take(), "item");
    }
    await select({ arm });
    const both = [select({ arm }), select({ arm })];
    assertEquals([sink.take(), sink.take(), sink.take()], ["item", "item", "item"]);
    await Promise.all(both);
    assertEquals(sink.take(), undefined);
  });

  Deno.test(`${name} throws what sending throws when the other end is closed, now or while it waits [W6] [W8]`, async () => {
    const sink = make();
    await select({ out: sink.sending("before") });
    const waiting = thrownBy(select({ out: sink.sending("late"), never: after(Infinity) }));
    sink.end();
    assertInstanceOf(await waiting, sink.closed);
    await assertRejects(() => select({ out: sink.sending("too late") }), sink.closed, "sink");
    assertEquals(sink.take(), "before");
    assertEquals([sink.size(), sink.waiting()], [0, 0]);
  });

  Deno.test(`${name} sends two different items of one select to one place: one of them, the first where it is biased [W8]`, async () => {
    const sink = make();
    await select({ out: sink.sending("before") });
    const selected = select({ a: sink.sending("a"), b: sink.sending("b") }, { biased: true });
    assertEquals(sink.waiting(), 2);
    assertEquals(sink.take(), "before");
    assertEquals(sink.waiting(), 0);
    const { key } = await selected;
    assertEquals(key, "a");
    assertEquals([sink.take(), sink.take()], [key, undefined]);
  });

  Deno.test(`${name} whose select ends by time-out, signal or cancellation has sent nothing [C7] [C8]`, async () => {
    await withVirtualTime(async () => {
      const sink = make();
      await select({ out: sink.sending("before") });
      const late = await thrownBy(select({ out: sink.sending("late") }, { timeout: 10 }));
      assertInstanceOf(late, TimeoutError);
      assert(late.message.includes('"sink"'), late.message);
      const controller = new AbortController();
      const aborted = thrownBy(
        select({ out: sink.sending("late") }, { signal: controller.signal }),
      );
      controller.abort("enough");
      assertEquals(await aborted, "enough");
      await cancelScope(async (scope) => {
        const selected = thrownBy(select({ out: sink.sending("late") }));
        scope.cancel();
        assert(isCancelled(await selected));
      });
      assertEquals(sink.waiting(), 0);
      assertEquals([sink.take(), sink.take()], ["before", undefined]);
    });
  });

  Deno.test(`${name} in a select cancelled at any step has sent its item or not [C7]`, async () => {
    for (const competing of [false, true]) {
      await withLeakCheck(async () => {
        const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
          const sink = make();
          const sent: string[] = [];
          const received: string[] = [];
          const other = new Event();
          const send = async (item: string) => {
            const { key } = await select({ out: sink.sending(item), other });
            assertEquals(key, "out");
            sent.push(item);
          };
          await taskGroup(async (group) => {
            await send("before");
            const rival = competing ? group.spawn(() => send("rival")) : undefined;
            const taker = group.spawn(async () => {
              for (;;) {
                await yieldNow();
                const item = sink.take();
                if (item !== undefined) received.push(item);
              }
            }, { daemon: true });
            await interrupt(async () => {
              for (let n = 0; n < 3; n++) await send(`item ${n}`);
            });
            await rival;
            taker.cancel();
          });
          for (let item = sink.take(); item !== undefined; item = sink.take()) received.push(item);
          assertEquals(received.toSorted(), sent.toSorted());
          assertEquals([sink.waiting(), other.stats().waiters], [0, 0]);
        });
        assert(interrupted > 3);
      });
    }
  });
}

Deno.test("of two selects, one that sends and one that receives, each meets the other [W6] [W8]", async () => {
  const channel = new Channel<string>(0);
  const never = new Event();
  for (const receiverFirst of [false, true]) {
    const receive = () => select({ got: channel, never });
    const send = () => select({ sent: channel.sending("item"), never });
    const [first, second] = receiverFirst ? [receive, send] : [send, receive];
    const waiting: Promise<unknown> = first();
    assertEquals(await outcomeOf(waiting), "pending");
    const both: unknown[] = await Promise.all([waiting, second()]);
    assertEquals(receiverFirst ? both : both.toReversed(), [
      { key: "got", value: "item" },
      { key: "sent", value: undefined },
    ]);
    const { senders, receivers } = channel.stats();
    assertEquals([senders, receivers, never.stats().waiters], [0, 0, 0]);
  }
});

Deno.test("a select never sends to itself: with both ends of a channel as arms it waits for another [W8]", async () => {
  const channel = new Channel<string>(0);
  const first = select({ got: channel, sent: channel.sending("first") });
  assertEquals(await outcomeOf(first), "pending");
  const { senders, receivers } = channel.stats();
  assertEquals([senders, receivers], [1, 1]);
  const second = select({ got: channel, sent: channel.sending("second") });
  const outcomes = await Promise.all([first, second]);
  const got = outcomes.filter(({ key }) => key === "got");
  assertEquals(got.length, 1);
  assertEquals(got[0].value, got[0] === outcomes[0] ? "second" : "first");
  assertEquals(channel.stats().senders + channel.stats().receivers, 0);
});

Deno.test("an item that cannot be compared is refused by the arm at once, and the queue stays as it was [W7] [W8]", async () => {
  const queue = new PriorityQueue<unknown>();
  queue.putNowait(1);
  await assertRejects(() => select({ put: queue.putting({}) }), TypeError);
  assertEquals([queue.size, queue.stats().putters], [1, 0]);
});

Deno.test("an item is sent as it is, be it a promise or undefined", async () => {
  const channel = new Channel<unknown>(1);
  const promise = Promise.resolve(1);
  for (const item of [undefined, promise]) {
    await select({ out: channel.sending(item) });
    const next = channel.tryReceive();
    assertStrictEquals(next?.value, item);
  }
  const received = select({ channel });
  await select({ out: channel.sending(promise) });
  const { value } = await received;
  assertStrictEquals(value, promise);
});

Deno.test("a select that sends is shown with the channel that it waits for", async () => {
  await taskGroup(async (group) => {
    const channel = new Channel<string>(0, { name: "orders" });
    const queue = new Queue<string>(1, { name: "jobs" });
    queue.putNowait("before");
    group.spawn(async () => {
      await select({ a: channel.sending("item"), b: queue.putting("item") }, { biased: true });
    });
    await waitAllTasksBlocked();
    assertEquals(named(inspect().children[0].children[0].waitingFor), [
      { kind: "channel", name: "orders" },
      { kind: "queue", name: "jobs" },
    ]);
    group.cancel();
  });
});

Deno.test("a sending arm takes what its channel or queue takes, and gives nothing", () => {
  const channel = new Channel<number>(0);
  assertType<Same<ReturnType<typeof channel.sending>, Waitable<void>>>();
  assertType<Same<Parameters<typeof channel.sending>, [item: number]>>();
  const queue = new Queue<number>(0);
  assertType<Same<ReturnType<typeof queue.putting>, Waitable<void>>>();
  assertType<Same<Parameters<typeof queue.putting>, [item: number]>>();
  assertEquals([channel.size, queue.size], [0, 0]);
});
