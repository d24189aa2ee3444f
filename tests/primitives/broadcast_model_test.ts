/**
 * Random programs of publishers and subscribers against a plain model of a broadcast: who gets what,
 * who waits for whom, what is dropped, and who fails. Compared after every step.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  Broadcast,
  ClosedError,
  select,
  sleep,
  type SubscribeOptions,
  type Subscription,
  type Waitable,
  yieldNow,
} from "../../mod.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { unhandledRejections } from "./unhandled.ts";
import {
  type Limits,
  type Line,
  type ModelArm,
  Operation,
  serveAll,
  serveFirst,
} from "./wait_model.ts";

type Slow = Required<SubscribeOptions>["slow"];

type Step =
  | { do: "subscribe"; capacity: number; slow: Slow }
  | { do: "publish"; limits: Limits }
  | { do: "receive" | "next"; index: number; limits: Limits }
  | { do: "select"; indices: number[]; limits: Limits }
  | { do: "cancel" | "abort" | "unsubscribe"; index: number }
  | { do: "turn" | "close" }
  | { do: "sleep"; ms: number };

const anyLimits: fc.Arbitrary<Limits> = fc.record({
  timeout: fc.option(fc.nat(20), { nil: undefined, freq: 3 }),
  signal: fc.constantFrom<Limits["signal"][]>("none", "none", "none", "fresh", "fresh", "aborted"),
  scope: fc.constantFrom<Limits["scope"][]>(...Array(9).fill("live"), "cancelled"),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("subscribe"),
      capacity: fc.constantFrom(1, 1, 2, 3, Infinity),
      slow: fc.constantFrom("wait", "wait", "drop-oldest", "fail"),
    }),
  },
  { weight: 18, arbitrary: fc.record({ do: fc.constant("publish"), limits: anyLimits }) },
  {
    weight: 10,
    arbitrary: fc.record({ do: fc.constant("receive"), index: fc.nat(5), limits: anyLimits }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("next"),
      index: fc.nat(5),
      limits: anyLimits.map((limits) => ({ ...limits, timeout: undefined, signal: "none" })),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant("select"),
      indices: fc.array(fc.nat(5), { minLength: 1, maxLength: 3 }),
      limits: anyLimits,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel", "abort", "unsubscribe"),
      index: fc.nat(7),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom(...Array(20).fill("turn"), "close") }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(12) }) },
) as fc.Arbitrary<Step>;

class ModelBroadcast {
  subscriptions: ModelSubscription[] = [];
  readonly publishers: Line = [];
  published = 0;
  failed = 0;
  closed = false;

  subscribe(capacity: number, slow: Slow): ModelSubscription {
    const subscription = new ModelSubscription(this, capacity, slow);
    this.subscriptions.push(subscription);
    return subscription;
  }

  /** Whether nobody has to be waited for. */
  get free(): boolean {
    return this.subscriptions.every(({ slow, buffer, capacity }) =>
      slow !== "wait" || buffer.length < capacity
    );
  }

  deliver(item: unknown): void {
    this.published++;
    for (const subscription of [...this.subscriptions]) subscription.accept(item);
  }

  /** Publishers who wait go on as far as they can. */
  update(): void {
    while (this.publishers.length > 0 && this.free) {
      this.deliver(this.publishers[0].item);
      serveFirst(this.publishers, { value: undefined });
    }
  }

  close(): void {
    this.closed = true;
    serveAll(this.publishers, "closed");
    for (const subscription of this.subscriptions) subscription.end("closed");
    this.subscriptions = [];
  }

  publishing(item: unknown): ModelArm {
    return {
      line: this.publishers,
      item,
      ready: () => this.closed || this.free,
      take: () => {
        if (this.closed) return "closed";
        this.deliver(item);
        return { value: undefined };
      },
    };
  }
}

class ModelSubscription {
  buffer: unknown[] = [];
  readonly receivers: Line = [];
  /** All that it has taken in. */
  readonly accepted: unknown[] = [];
  state: "open" | "closed" | "broken" = "open";
  dropped = 0;
  peak = 0;
  readonly capacity: number;
  readonly slow: Slow;
  readonly #broadcast: ModelBroadcast;

  constructor(broadcast: ModelBroadcast, capacity: number, slow: Slow) {
    this.#broadcast = broadcast;
    this.capacity = capacity;
    this.slow = slow;
  }

  accept(item: unknown): void {
    this.accepted.push(item);
    if (serveFirst(this.receivers, { value: item })) return;
    if (this.buffer.length === this.capacity) {
      if (this.slow === "fail") {
        this.buffer = [];
        this.#broadcast.failed++;
        this.leave("broken");
        return;
      }
      this.buffer.shift();
      this.dropped++;
    }
    this.buffer.push(item);
    this.peak = Math.max(this.peak, this.buffer.length);
  }

  close(): void {
    this.buffer = [];
    if (this.state !== "open") return;
    this.leave("closed");
    this.#broadcast.update();
  }

  leave(state: "closed" | "broken"): void {
    const all = this.#broadcast.subscriptions;
    all.splice(all.indexOf(this), 1);
    this.end(state);
  }

  end(state: "closed" | "broken"): void {
    this.state = state;
    serveAll(this.receivers, state);
  }

  receiving(): ModelArm {
    return {
      line: this.receivers,
      ready: () => this.buffer.length > 0 || this.state !== "open",
      take: () => {
        if (this.buffer.length === 0) return this.state;
        const value = this.buffer.shift();
        this.#broadcast.update();
        return { value };
      },
    };
  }
}

class Run {
  readonly #broadcast = new Broadcast<number>();
  readonly #model = new ModelBroadcast();
  readonly #subscriptions: [Subscription<number>, ModelSubscription][] = [];
  readonly #operations: Operation[] = [];
  #items = 0;
  #now = 0;

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "subscribe": {
        const { capacity, slow } = step;
        let subscription: Subscription<number>;
        try {
          subscription = this.#broadcast.subscribe({ capacity, slow });
        } catch (error) {
          assert(error instanceof ClosedError && this.#model.closed);
          break;
        }
        this.#subscriptions.push([subscription, this.#model.subscribe(capacity, slow)]);
        break;
      }
      case "publish": {
        const item = ++this.#items;
        const operation = new Operation(`publish ${item}`, step.limits);
        this.#begin(
          operation,
          { arm: this.#model.publishing(item) },
          (options) => this.#broadcast.publish(item, options),
        );
        break;
      }
      case "receive": {
        const [subscription, model] = this.#at(step.index) ?? [];
        if (subscription === undefined) break;
        const operation = new Operation("receive", step.limits);
        this.#begin(
          operation,
          { arm: model!.receiving() },
          (options) => subscription.receive(options),
        );
        break;
      }
      case "next": {
        const [subscription, model] = this.#at(step.index) ?? [];
        if (subscription === undefined) break;
        const operation = new Operation(
          "next",
          step.limits,
          (_, value) => ({ done: false, value }),
          { value: { done: true, value: undefined } },
        );
        this.#begin(
          operation,
          { arm: model!.receiving() },
          () => subscription[Symbol.asyncIterator]().next(),
        );
        break;
      }
      case "select": {
        const arms: Record<string, Waitable<number>> = {};
        const model: Record<string, ModelArm> = {};
        step.indices.forEach((index, place) => {
          const found = this.#at(index);
          if (found === undefined) return;
          [arms[`arm ${place}`], model[`arm ${place}`]] = [found[0], found[1].receiving()];
        });
        if (Object.keys(arms).length === 0) break;
        const operation = new Operation("select", step.limits, (key, value) => ({ key, value }));
        this.#begin(operation, model, (options) => select(arms, { ...options, biased: true }));
        break;
      }
      case "unsubscribe": {
        const [subscription, model] = this.#at(step.index) ?? [];
        subscription?.close();
        model?.close();
        break;
      }
      case "cancel":
        this.#operations.at(-1 - step.index)?.cancel();
        break;
      case "abort":
        this.#operations.at(-1 - step.index)?.abort();
        break;
      case "close":
        this.#broadcast.close();
        this.#model.close();
        break;
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

  /** Cancels all that still waits; then the buffers have what they are to have. */
  async end(): Promise<void> {
    for (const operation of this.#operations) operation.cancel();
    await yieldNow();
    for (const operation of this.#operations) operation.check();
    this.#compare();
    this.#broadcast.close();
    for (const [subscription, { buffer, state, accepted }] of this.#subscriptions) {
      const left: number[] = [];
      if (state !== "broken") { for await (const item of subscription) left.push(item); }
      assertEquals(left, buffer);
      const inOrder = accepted.toSorted((a, b) => Number(a) - Number(b));
      assertEquals(accepted, inOrder, "published in turn");
    }
  }

  #at(index: number): [Subscription<number>, ModelSubscription] | undefined {
    return this.#subscriptions.at(-1 - index);
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
    else operation.begin(arms, Object.keys(arms).find((key) => arms[key].ready()), this.#now);
  }

  #compare(): void {
    const model = this.#model;
    assertEquals(this.#broadcast.stats(), {
      subscribers: model.subscriptions.length,
      publishers: model.publishers.length,
      published: model.published,
      failed: model.failed,
      closed: model.closed,
    });
    for (const [subscription, model] of this.#subscriptions) {
      assertEquals(subscription.stats(), {
        size: model.buffer.length,
        capacity: model.capacity,
        peakSize: model.peak,
        receivers: model.receivers.length,
        dropped: model.dropped,
        closed: model.state !== "open",
      });
      assertEquals(subscription.failed, model.state === "broken");
    }
  }
}

Deno.test("random programs of publishers and subscribers do as a plain model does: an item comes to all or to none [W1] [C7] [C8]", async () => {
  const unhandled = await unhandledRejections(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }),
        async (steps) => {
          await withVirtualTime(() =>
            withLeakCheck(async () => {
              const run = new Run();
              for (const step of steps) await run.take(step);
              await run.end();
            })
          );
        },
      ),
      { numRuns: 1000 },
    )
  );

  assertEquals(unhandled, []);
});
