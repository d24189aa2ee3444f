/**
 * Random programs of senders and receivers against a plain model of two channels: which item goes to
 * whom, who waits, what is dropped. All that a channel does it does in the step that causes it, so
 * the model is compared after every step, and not only at the end.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  Channel,
  ClosedError,
  type Overflow,
  select,
  sleep,
  type Waitable,
  yieldNow,
} from "../../mod.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { unhandledRejections } from "./unhandled.ts";
import { type Limits, type ModelArm, ModelChannel, Operation } from "./wait_model.ts";

/** One end of one of the two channels. */
interface End {
  channel: number;
  sends: boolean;
}

type Step =
  | { do: "call"; end: End; limits: Limits }
  | { do: "next"; channel: number; iterator: number; limits: Limits }
  | { do: "select"; ends: End[]; limits: Limits }
  | { do: "try"; end: End }
  | { do: "cancel" | "abort"; index: number }
  | { do: "close" | "leave"; channel: number; iterator: number }
  | { do: "turn" }
  | { do: "sleep"; ms: number };

/** How a channel is made. */
interface Kind {
  capacity: number;
  overflow: Overflow;
}

const anyEnd = fc.record({ channel: fc.nat(1), sends: fc.boolean() });
const anyLimits = fc.record({
  timeout: fc.option(fc.nat(20), { nil: undefined, freq: 3 }),
  signal: fc.constantFrom<Limits["signal"][]>("none", "none", "none", "fresh", "fresh", "aborted"),
  scope: fc.constantFrom<Limits["scope"][]>(...Array(9).fill("live"), "cancelled"),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ do: fc.constant("call"), end: anyEnd, limits: anyLimits }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constant("next"),
      channel: fc.nat(1),
      iterator: fc.nat(1),
      limits: anyLimits.map((limits) => ({ ...limits, timeout: undefined, signal: "none" })),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("select"),
      ends: fc.array(anyEnd, { minLength: 1, maxLength: 4 }),
      limits: anyLimits,
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("try"), end: anyEnd }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel", "abort"),
      index: fc.nat(11),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constantFrom("close", "leave", "leave"),
      channel: fc.nat(1),
      iterator: fc.nat(1),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("turn") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(12) }) },
) as fc.Arbitrary<Step>;

const anyKind: fc.Arbitrary<Kind> = fc.constantFrom<Kind[]>(
  { capacity: 0, overflow: "wait" },
  { capacity: 0, overflow: "drop-newest" },
  { capacity: 1, overflow: "wait" },
  { capacity: 1, overflow: "drop-oldest" },
  { capacity: 1, overflow: "drop-newest" },
  { capacity: 3, overflow: "wait" },
  { capacity: 3, overflow: "drop-oldest" },
  { capacity: 3, overflow: "drop-newest" },
  { capacity: Infinity, overflow: "wait" },
);

class Run {
  readonly #channels: Channel<number>[];
  readonly #models: ModelChannel[];
  readonly #iterators: AsyncIterator<number>[][];
  readonly #left = new Set<AsyncIterator<number>>();
  readonly #asked: { readonly iterator: unknown; readonly operation: Operation }[] = [];
  readonly #operations: Operation[] = [];
  /** What was sent or received by a `try…`, for the sum at the end. */
  readonly #given: unknown[] = [];
  #accepted = 0;
  #items = 0;
  #now = 0;

  constructor(kinds: readonly Kind[]) {
    this.#channels = kinds.map(({ capacity, overflow }) => new Channel(capacity, { overflow }));
    this.#models = kinds.map(({ capacity, overflow }) => new ModelChannel(capacity, overflow));
    this.#iterators = this.#channels.map((channel) =>
      [0, 1].map(() => channel[Symbol.asyncIterator]())
    );
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "call": {
        const channel = this.#channels[step.end.channel];
        const [item, arm] = this.#arm(step.end);
        const name = step.end.sends ? `send ${item}` : "receive";
        const operation = new Operation(name, step.limits);
        this.#begin(
          operation,
          { arm },
          (options) => step.end.sends ? channel.send(item, options) : channel.receive(options),
        );
        break;
      }
      case "next": {
        const iterator = this.#iterators[step.channel][step.iterator];
        const operation = new Operation(
          "next",
          step.limits,
          (_, value) => ({ done: false, value }),
          {
            value: { done: true, value: undefined },
          },
        );
        const [, arm] = this.#arm({ channel: step.channel, sends: false });
        const over: ModelArm = { line: [], ready: () => true, take: () => "closed" };
        this.#begin(
          operation,
          { arm: this.#left.has(iterator) ? over : arm },
          () => iterator.next(),
        );
        this.#asked.push({ iterator, operation });
        break;
      }
      case "select": {
        const arms: Record<string, Waitable<number | void>> = {};
        const model: Record<string, ModelArm> = {};
        step.ends.forEach((end, index) => {
          const channel = this.#channels[end.channel];
          const [item, arm] = this.#arm(end);
          model[`arm ${index}`] = arm;
          arms[`arm ${index}`] = end.sends ? channel.sending(item) : channel;
        });
        const operation = new Operation("select", step.limits, (key, value) => ({ key, value }));
        this.#begin(operation, model, (options) => select(arms, { ...options, biased: true }));
        break;
      }
      case "try":
        this.#try(step.end);
        break;
      case "cancel":
        this.#operations.at(-1 - step.index)?.cancel();
        break;
      case "abort":
        this.#operations.at(-1 - step.index)?.abort();
        break;
      case "close":
        this.#channels[step.channel].close();
        this.#models[step.channel].close();
        break;
      case "leave": {
        const iterator = this.#iterators[step.channel][step.iterator];
        iterator.return?.();
        this.#left.add(iterator);
        for (const asked of this.#asked) {
          if (asked.iterator !== iterator || !asked.operation.pending) continue;
          asked.operation.give("", "closed"); // Whoever leaves the loop asks for nothing any more.
        }
        break;
      }
      case "turn":
        await yieldNow();
        for (const operation of this.#operations) operation.check();
        break;
      case "sleep":
        await sleep(step.ms);
        this.#now += step.ms;
        for (const operation of this.#operations) operation.tick(this.#now);
        break;
    }
    this.#compare();
  }

  /** Cancels all that still waits, and does the sum: what was accepted was received, dropped, or is there. */
  async end(): Promise<void> {
    for (const operation of this.#operations) operation.cancel();
    await yieldNow();
    for (const operation of this.#operations) operation.check();
    this.#compare();
    let dropped = 0;
    for (const channel of this.#channels) {
      const { senders, receivers } = channel.stats();
      assertEquals([senders, receivers], [0, 0]);
      dropped += channel.stats().dropped;
      while (channel.size > 0) this.#given.push(channel.tryReceive()?.value);
    }
    for (const { name, seen } of this.#operations) {
      if (typeof seen === "string") continue;
      const value = seen.value as number | { done?: boolean; value: unknown } | undefined;
      const item = typeof value === "object" ? value.value : value;
      const ended = typeof value === "object" && value.done === true;
      if (item !== undefined) this.#given.push(item);
      else if (!ended || name.startsWith("send")) this.#accepted++;
    }
    assertEquals(new Set(this.#given).size, this.#given.length, "an item was given twice");
    assertEquals(this.#given.length + dropped, this.#accepted, "an item was lost");
  }

  #begin(
    operation: Operation,
    arms: Record<string, ModelArm>,
    call: Parameters<Operation["run"]>[0],
  ): void {
    this.#operations.push(operation);
    operation.run(call);
    const { barred } = operation;
    if (barred !== undefined) operation.settle(barred);
    else {
      const winner = Object.keys(arms).find((key) => arms[key].ready());
      operation.begin(arms, winner, this.#now);
    }
  }

  #arm({ channel, sends }: End): [item: number, arm: ModelArm] {
    const model = this.#models[channel];
    if (!sends) return [-1, model.receiving()];
    const item = ++this.#items;
    return [item, model.sending(item)];
  }

  #try({ channel: index, sends }: End): void {
    const channel = this.#channels[index];
    const model = this.#models[index];
    const item = sends ? ++this.#items : undefined;
    const seen = attempt(() => sends ? channel.trySend(item!) : channel.tryReceive());
    if (model.closed && (sends || !model.hasItem)) {
      assertEquals(seen, "closed");
    } else if (sends) {
      assertEquals(seen, model.hasRoom && model.send(item));
      // One that was dropped, being the newest, is among the dropped: it was accepted for that.
      if (seen === true || model.overflow === "drop-newest") this.#accepted++;
    } else if (model.hasItem) {
      const value = model.receive();
      assertEquals(seen, { value });
      this.#given.push(value);
    } else {
      assertEquals(seen, undefined);
    }
  }

  #compare(): void {
    this.#channels.forEach((channel, index) => {
      const model = this.#models[index];
      assertEquals(channel.stats(), {
        size: model.buffer.length,
        capacity: model.capacity,
        peakSize: model.peak,
        senders: model.senders.length,
        receivers: model.receivers.length,
        dropped: model.dropped,
        closed: model.closed,
      });
    });
  }
}

function attempt(fn: () => unknown): unknown {
  try {
    return fn();
  } catch (error) {
    assert(error instanceof ClosedError);
    return "closed";
  }
}

Deno.test("random programs of senders, receivers, loops and selects do as a plain model does, and no item is lost or given twice [W6] [C7] [C8]", async () => {
  const unhandled = await unhandledRejections(() =>
    fc.assert(
      fc.asyncProperty(
        fc.tuple(anyKind, anyKind),
        fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }),
        async (kinds, steps) => {
          await withVirtualTime(() =>
            withLeakCheck(async () => {
              const run = new Run(kinds);
              for (const step of steps) await run.take(step);
              await run.end();
            })
          );
        },
      ),
      { numRuns: 1500 },
    )
  );

  assertEquals(unhandled, []);
});
