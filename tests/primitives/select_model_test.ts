/**
 * Random selects over channels, queues, events, locks, semaphores, deferred values, tasks and times,
 * beside plain waits for the same things, against a plain model: exactly one arm takes effect, and
 * the others leave no trace in the thing they waited for.
 *
 * Which of several ready arms wins is for chance to say. The program looks which it was, and the
 * model holds it to that.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  after,
  Channel,
  Deferred,
  Event,
  Guard,
  Lock,
  Queue,
  select,
  Semaphore,
  sleep,
  type Task,
  type TaskGroup,
  taskGroup,
  type Waitable,
  type WaitOptions,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { observers } from "./probes.ts";
import { unhandledRejections } from "./unhandled.ts";
import {
  type Limits,
  type ModelArm,
  ModelChannel,
  ModelPermits,
  ModelValue,
  Operation,
} from "./wait_model.ts";

const KINDS = [
  "channel",
  "rendezvous",
  "sending",
  "meeting",
  "queue",
  "putting",
  "event",
  "lock",
  "semaphore",
  "deferred 0",
  "deferred 1",
  "task 0",
  "task 1",
  "time",
] as const;
type Kind = typeof KINDS[number];

type Step =
  | { do: "select"; kinds: Kind[]; ms: number; biased: boolean; limits: Limits }
  | { do: "wait"; kind: Kind; ms: number; limits: Limits }
  | { do: "cancel" | "abort" | "release"; index: number }
  | { do: "set" | "clear" | "permit" | "turn" }
  | { do: "close"; index: number }
  | { do: "settle"; what: "deferred" | "task"; index: number; fails: boolean }
  | { do: "sleep"; ms: number };

const anyKind = fc.constantFrom(...KINDS);
const anyLimits: fc.Arbitrary<Limits> = fc.record({
  timeout: fc.option(fc.nat(20), { nil: undefined, freq: 3 }),
  signal: fc.constantFrom<Limits["signal"][]>("none", "none", "none", "fresh", "fresh", "aborted"),
  scope: fc.constantFrom<Limits["scope"][]>(...Array(9).fill("live"), "cancelled"),
});
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      do: fc.constant("select"),
      // Where an arm twice in one line stands first is for chance to say, unless it is biased.
      kinds: fc.uniqueArray(anyKind, { minLength: 1, maxLength: 6 }),
      ms: fc.nat(15),
      biased: fc.constant(false),
      limits: anyLimits,
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("select"),
      kinds: fc.array(anyKind, { minLength: 1, maxLength: 6 }),
      ms: fc.nat(15),
      biased: fc.constant(true),
      limits: anyLimits,
    }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("wait"),
      kind: anyKind,
      ms: fc.nat(15),
      limits: anyLimits,
    }),
  },
  {
    weight: 7,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel", "abort", "release", "release", "release"),
      index: fc.nat(9),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constantFrom("set", "clear", "clear", "permit", "turn") }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close"), index: fc.nat(2) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant("settle"),
      what: fc.constantFrom("deferred", "task"),
      index: fc.nat(1),
      fails: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(12) }) },
) as fc.Arbitrary<Step>;

/** An operation in a task of its own, which keeps what it has acquired until it is told to let go. */
class Holding extends Operation {
  readonly #released = Promise.withResolvers<void>();
  #guard: Guard | undefined;
  #gone = false;

  /** A value as the model has it: a guard is kept aside. */
  keep(value: unknown): unknown {
    if (!(value instanceof Guard)) return value;
    this.#guard = value;
    return "held";
  }

  /** What it holds by the model. */
  get holds(): "lock" | "semaphore" | undefined {
    if (this.#gone || typeof this.expected === "string") return undefined;
    const value = this.expected.value as { key: string; value: unknown } | "held" | undefined;
    const what = value === "held" ? this.name : value?.value === "held" ? value.key : "";
    return what.startsWith("lock")
      ? "lock"
      : what.startsWith("semaphore")
      ? "semaphore"
      : undefined;
  }

  letGo(): void {
    this.#gone = true;
    this.#released.resolve();
  }

  async live(call: (options: WaitOptions) => Promise<unknown>): Promise<void> {
    await this.run(call);
    if (this.#guard === undefined) return;
    await this.#released.promise;
    this.#guard[Symbol.dispose]();
  }
}

class Run {
  readonly #group: TaskGroup;
  readonly #channel = new Channel<number>(1);
  readonly #rendezvous = new Channel<number>(0);
  readonly #queue = new Queue<number>(1);
  readonly #event = new Event();
  readonly #lock = new Lock();
  readonly #semaphore = new Semaphore(1);
  readonly #deferred = [new Deferred<string>(), new Deferred<string>()];
  readonly #tasks: Task<string>[];
  readonly #ends = [Promise.withResolvers<string>(), Promise.withResolvers<string>()];

  readonly #model = {
    channel: new ModelChannel(1),
    rendezvous: new ModelChannel(0),
    queue: new ModelChannel(1),
    event: new ModelValue(),
    lock: new ModelPermits(),
    semaphore: new ModelPermits(),
    deferred: [new ModelValue(), new ModelValue()],
    tasks: [new ModelValue(), new ModelValue()],
  };
  readonly #operations: Holding[] = [];
  #items = 0;
  #permits = 1;
  #now = 0;

  /** The operations are tasks of `group`; the tasks that they wait for, and that may fail, of `workers`. */
  constructor(group: TaskGroup, workers: TaskGroup) {
    this.#group = group;
    this.#tasks = this.#ends.map(({ promise }) => workers.spawn(() => promise));
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "select": {
        const arms: Record<string, Waitable<unknown>> = {};
        const model: Record<string, ModelArm> = {};
        step.kinds.forEach((kind, index) => {
          // Not in alphabetical order, nor numbers, which an object would sort.
          const key = `${kind} (${9 - index})`;
          [arms[key], model[key]] = this.#arm(kind, step.ms + index);
        });
        const operation = new Holding("select", step.limits, (key, value) => ({ key, value }));
        this.#spawn(operation, async (options) => {
          const { key, value } = await select(arms, { ...options, biased: step.biased });
          return { key, value: operation.keep(value) };
        });
        const ready = Object.keys(model).filter((key) => model[key].ready());
        if (step.biased || ready.length < 2 || operation.barred !== undefined) {
          this.#begin(operation, model, ready[0]);
        } else {
          await yieldNow();
          this.#begin(operation, model, winnerOf(operation, model, ready));
        }
        break;
      }
      case "wait": {
        const [thing, arm] = this.#arm(step.kind, step.ms);
        const operation = new Holding(step.kind, step.limits);
        this.#spawn(
          operation,
          async (options) => operation.keep(await this.#wait(step.kind, thing, options)),
        );
        this.#begin(operation, { arm }, arm.ready() ? "arm" : undefined);
        break;
      }
      case "cancel":
        this.#operations.at(-1 - step.index)?.cancel();
        break;
      case "abort":
        this.#operations.at(-1 - step.index)?.abort();
        break;
      case "release": {
        const holders = this.#operations.filter(({ holds }) => holds !== undefined);
        if (holders.length > 0) await this.#release(holders[step.index % holders.length]);
        break;
      }
      case "set":
        this.#event.set();
        if (this.#model.event.result === undefined) this.#model.event.come({ value: undefined });
        break;
      case "clear":
        this.#event.clear();
        this.#model.event.result = undefined;
        break;
      case "permit":
        this.#semaphore.release();
        this.#model.semaphore.release();
        this.#permits++;
        break;
      case "close":
        [() => this.#channel.close(), () => this.#rendezvous.close(), () => this.#queue.shutdown()]
          [step.index]();
        [this.#model.channel, this.#model.rendezvous, this.#model.queue][step.index].close();
        break;
      case "settle":
        await this.#settle(step.what, step.index, step.fails);
        break;
      case "sleep":
        await sleep(step.ms);
        this.#now += step.ms;
        for (const operation of this.#operations) operation.tick(this.#now);
        break;
      case "turn":
        await this.#check();
        break;
    }
    this.#compare();
  }

  /** Ends all that still waits or is held: then everything is as it was. */
  async end(): Promise<void> {
    for (const operation of this.#operations) operation.cancel();
    for (const operation of this.#operations) {
      if (operation.holds !== undefined) await this.#release(operation);
    }
    await this.#check();
    this.#compare();
    assertEquals([this.#lock.locked, this.#semaphore.available], [false, this.#permits]);
  }

  /** Lets all tasks end, also where the model was wrong. */
  letGo(): void {
    for (const operation of this.#operations) operation.letGo();
    for (const end of this.#ends) end.resolve("at the end");
  }

  /** Something to wait for, in the program and in the model. */
  #arm(kind: Kind, ms: number): [thing: Waitable<unknown>, arm: ModelArm] {
    const model = this.#model;
    switch (kind) {
      case "channel":
        return [this.#channel, model.channel.receiving()];
      case "rendezvous":
        return [this.#rendezvous, model.rendezvous.receiving()];
      case "queue":
        return [this.#queue, model.queue.receiving()];
      case "sending":
        return [this.#channel.sending(++this.#items), model.channel.sending(this.#items)];
      case "meeting":
        return [this.#rendezvous.sending(++this.#items), model.rendezvous.sending(this.#items)];
      case "putting":
        return [this.#queue.putting(++this.#items), model.queue.sending(this.#items)];
      case "event":
        return [this.#event, model.event.arm()];
      case "lock":
        return [this.#lock, model.lock.arm()];
      case "semaphore":
        return [this.#semaphore, model.semaphore.arm()];
      case "deferred 0":
      case "deferred 1": {
        const index = Number(kind.at(-1));
        return [this.#deferred[index], model.deferred[index].arm()];
      }
      case "task 0":
      case "task 1": {
        const index = Number(kind.at(-1));
        return [this.#tasks[index], model.tasks[index].arm()];
      }
      case "time":
        return [after(ms), {
          line: [],
          due: this.#now + ms,
          ready: () => ms === 0,
          take: () => ({ value: undefined }),
        }];
    }
  }

  /** The plain wait for the same thing. */
  #wait(kind: Kind, thing: Waitable<unknown>, options: WaitOptions): Promise<unknown> {
    switch (kind) {
      case "channel":
      case "rendezvous":
        return (thing as Channel<number>).receive(options);
      case "queue":
        return this.#queue.get(options);
      case "sending":
        return this.#channel.send(this.#items, options);
      case "meeting":
        return this.#rendezvous.send(this.#items, options);
      case "putting":
        return this.#queue.put(this.#items, options);
      case "event":
      case "deferred 0":
      case "deferred 1":
        return (thing as Event).wait(options);
      case "lock":
      case "semaphore":
        return (thing as Lock).acquire(options);
      case "task 0":
      case "task 1":
      case "time":
        return select({ thing }, options).then(({ value }) => value);
    }
  }

  /** Runs an operation in a task of its own, as that is what a lock belongs to. */
  #spawn(operation: Holding, call: (options: WaitOptions) => Promise<unknown>): void {
    this.#operations.push(operation);
    this.#group.spawn(() => operation.live(call));
  }

  #begin(operation: Holding, arms: Record<string, ModelArm>, winner: string | undefined): void {
    const { barred } = operation;
    if (barred !== undefined) operation.settle(barred);
    else operation.begin(arms, winner, this.#now);
  }

  async #release(holder: Holding): Promise<void> {
    const what = holder.holds!;
    holder.letGo();
    await yieldNow();
    this.#model[what].release();
  }

  async #settle(what: "deferred" | "task", index: number, fails: boolean): Promise<void> {
    const model = (what === "task" ? this.#model.tasks : this.#model.deferred)[index];
    if (model.result !== undefined) return;
    const text = `${what} ${index}`;
    const outcome = (what === "task" ? this.#ends : this.#deferred)[index];
    if (fails) outcome.reject(new Error(text));
    else outcome.resolve(text);
    if (what === "task") await yieldNow();
    model.come(fails ? text : { value: text });
  }

  /** Once all had time to go on: they have got what the model says, and nobody else has. */
  async #check(): Promise<void> {
    await yieldNow();
    for (const operation of this.#operations) operation.check();
  }

  #compare(): void {
    const { channel, rendezvous, queue, event, lock, semaphore, deferred, tasks } = this.#model;
    for (
      const [thing, model] of [[this.#channel, channel], [this.#rendezvous, rendezvous]] as const
    ) {
      const { size, senders, receivers, closed } = thing.stats();
      assertEquals(
        { size, senders, receivers, closed },
        {
          size: model.buffer.length,
          senders: model.senders.length,
          receivers: model.receivers.length,
          closed: model.closed,
        },
      );
    }
    const { size, putters, getters } = this.#queue.stats();
    assertEquals({ size, putters, getters }, {
      size: queue.buffer.length,
      putters: queue.senders.length,
      getters: queue.receivers.length,
    });
    const { isSet, waiters } = this.#event.stats();
    assertEquals([isSet, waiters], [event.result !== undefined, event.line.length]);
    const { locked, waiters: lockWaiters } = this.#lock.stats();
    assertEquals([locked, lockWaiters], [lock.available === 0, lock.line.length]);
    const { available, waiters: semaphoreWaiters } = this.#semaphore.stats();
    assertEquals([available, semaphoreWaiters], [semaphore.available, semaphore.line.length]);
    assertEquals(
      this.#deferred.map((each) => each.stats().waiters),
      deferred.map(({ line }) => line.length),
    );
    assertEquals(this.#tasks.map(observers), tasks.map(({ line }) => line.length));
    assertEquals(pendingTimers(), this.#operations.flatMap(({ dues }) => dues).length);
  }
}

/** Which of the ready arms has won, by what came of it. */
function winnerOf(
  { seen, name }: Operation,
  arms: Record<string, ModelArm>,
  ready: readonly string[],
): string {
  const winner = typeof seen === "string"
    ? ready.find((key) => arms[key].error?.() === seen)
    : ready.find((key) => key === (seen.value as { key: string }).key);
  assert(winner !== undefined, `${name} gave ${JSON.stringify(seen)} with ${ready} ready`);
  return winner;
}

Deno.test("random selects and waits do as a plain model does: one arm takes effect, the others leave no trace [W8] [C7] [C8]", async () => {
  const unhandled = await unhandledRejections(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }),
        async (steps) => {
          await withVirtualTime(() => withLeakCheck(() => runAll(steps)));
        },
      ),
      { numRuns: 1000 },
    )
  );

  assertEquals(unhandled, []);
});

async function runAll(steps: readonly Step[]): Promise<void> {
  let problem: unknown;
  await taskGroup(async (workers) => {
    await taskGroup(async (group) => {
      const run = new Run(group, workers);
      try {
        for (const step of steps) await run.take(step);
        await run.end();
      } finally {
        run.letGo();
      }
    }).catch((error) => problem = error);
  }, { onFailure: "continue" }).catch((error) => assert(error instanceof AggregateError));
  if (problem !== undefined) throw problem;
}
