/**
 * Random programs of tasks that use what threads share, against plain models: arrays. Each program is run twice: with all
 * tasks in one thread, where several of them act in one turn of the loop; and with the tasks in three threads, one act after
 * the other.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  SharedBarrier,
  SharedEvent,
  SharedLock,
  SharedQueue,
  SharedSemaphore,
} from "../../../mod.ts";
import { waitAllTasksBlocked } from "../../../primitives/testing/mod.ts";
import type { KINDS } from "./player.ts";
import { type Call, Stage } from "./stage.ts";

/** Something that a task does. */
interface Step {
  readonly actor: number;
  /** What it does, of what the model knows. */
  readonly method: number;
  /** Which of those who wait, where somebody gives up; how many, where that is to be said. */
  readonly which: number;
  /** Whether all is to come to rest after it, where all is in one thread. */
  readonly rests: boolean;
}

const ACTORS = 5;

/** A wait, and what becomes of it: `undefined` for nothing yet. */
class Wait {
  expected: unknown;
  readonly actor: number;
  readonly argument: unknown;

  constructor(actor: number, argument?: unknown) {
    this.actor = actor;
    this.argument = argument;
  }
}

/** What ought to be. An error is told by its name. */
abstract class Model {
  abstract readonly kind: keyof typeof KINDS;
  /** What can be called: each as often as it is named. */
  abstract readonly methods: readonly string[];
  abstract make(): SharedLock | SharedSemaphore | SharedEvent | SharedBarrier | SharedQueue<number>;
  /** What a call gives, which is no wait or need not wait; `undefined` where it has to: it is in line then. */
  abstract call(method: string, wait: Wait): unknown;
  /** One who waits gives up. */
  abstract giveUp(wait: Wait): void;
  /** A task has ended. */
  leave(_actor: number): void {}
  /** What `stats()` says, without peaks. */
  abstract stats(): Record<string, unknown>;
  /** The arguments of a call. */
  argument(_method: string, _which: number): unknown[] {
    return [];
  }
}

class LockModel extends Model {
  readonly kind = "SharedLock";
  readonly methods = ["acquire", "acquire", "acquire", "release", "release", "tryAcquire"];
  #owner: number | null = null;
  #broken = false;
  #queue: Wait[] = [];

  make() {
    return new SharedLock({ name: "it" });
  }

  call(method: string, wait: Wait): unknown {
    const { actor } = wait;
    if (method === "release") {
      if (this.#owner !== actor) return "TypeError";
      this.#handOver();
      return "done";
    }
    if (this.#broken) return "BrokenResourceError";
    if (this.#owner === null) {
      this.#owner = actor;
      return method === "acquire" ? "guard" : true;
    }
    if (method === "tryAcquire") return false;
    if (this.#owner === actor) return "DeadlockError";
    this.#queue.push(wait);
    return undefined;
  }

  giveUp(wait: Wait): void {
    this.#queue.splice(this.#queue.indexOf(wait), 1);
  }

  override leave(actor: number): void {
    if (this.#owner !== actor) return;
    this.#owner = null;
    this.#broken = true;
    for (const wait of this.#queue.splice(0)) wait.expected = "BrokenResourceError";
  }

  stats() {
    return { locked: this.#owner !== null, waiters: this.#queue.length, broken: this.#broken };
  }

  #handOver(): void {
    const next = this.#queue.shift();
    this.#owner = next?.actor ?? null;
    if (next !== undefined) next.expected = "guard";
  }
}

class SemaphoreModel extends Model {
  readonly kind = "SharedSemaphore";
  readonly methods = ["acquire", "acquire", "acquire", "release", "tryAcquire"];
  #available = 2;
  #queue: Wait[] = [];

  make() {
    return new SharedSemaphore(2, { name: "it" });
  }

  override argument(method: string, which: number): unknown[] {
    return method === "release" ? [1 + which % 3] : [];
  }

  call(method: string, wait: Wait): unknown {
    if (method === "release") {
      this.#available += wait.argument as number;
      while (this.#available > 0 && this.#queue.length > 0) {
        this.#available--;
        this.#queue.shift()!.expected = "guard";
      }
      return "done";
    }
    if (this.#available > 0) {
      this.#available--;
      return method === "acquire" ? "guard" : true;
    }
    if (method === "tryAcquire") return false;
    this.#queue.push(wait);
    return undefined;
  }

  giveUp(wait: Wait): void {
    this.#queue.splice(this.#queue.indexOf(wait), 1);
  }

  stats() {
    return { available: this.#available, waiters: this.#queue.length };
  }
}

class EventModel extends Model {
  readonly kind = "SharedEvent";
  readonly methods = ["wait", "wait", "wait", "wait", "set", "clear", "clear"];
  #isSet = false;
  #waiting: Wait[] = [];

  make() {
    return new SharedEvent({ name: "it" });
  }

  call(method: string, wait: Wait): unknown {
    if (method !== "wait") {
      this.#isSet = method === "set";
      if (this.#isSet) { for (const wait of this.#waiting.splice(0)) wait.expected = "done"; }
      return "done";
    }
    if (this.#isSet) return "done";
    this.#waiting.push(wait);
    return undefined;
  }

  giveUp(wait: Wait): void {
    this.#waiting.splice(this.#waiting.indexOf(wait), 1);
  }

  stats() {
    return { isSet: this.#isSet, waiters: this.#waiting.length };
  }
}

class BarrierModel extends Model {
  readonly kind = "SharedBarrier";
  readonly methods = ["wait", "wait", "wait", "wait", "wait", "wait", "abort", "reset", "reset"];
  #broken = false;
  #waiting: Wait[] = [];

  make() {
    return new SharedBarrier(3, { name: "it" });
  }

  call(method: string, wait: Wait): unknown {
    if (method !== "wait") {
      this.#break();
      this.#broken = method === "abort";
      return "done";
    }
    if (this.#broken) return "BrokenResourceError";
    if (this.#waiting.length < 2) {
      this.#waiting.push(wait);
      return undefined;
    }
    for (const [index, wait] of this.#waiting.splice(0).entries()) wait.expected = index;
    return 2;
  }

  giveUp(wait: Wait): void {
    this.#waiting.splice(this.#waiting.indexOf(wait), 1);
    this.#break();
  }

  stats() {
    return { parties: 3, waiters: this.#waiting.length, broken: this.#broken };
  }

  #break(): void {
    this.#broken = true;
    for (const wait of this.#waiting.splice(0)) wait.expected = "BrokenResourceError";
  }
}

class QueueModel extends Model {
  readonly kind = "SharedQueue";
  readonly methods = [
    "put",
    "put",
    "put",
    "put",
    "get",
    "get",
    "get",
    "get",
    "putNowait",
    "getNowait",
  ]
    .flatMap((method) => [method, method, method]).concat("shutdown");
  #items: unknown[] = [];
  #getters: Wait[] = [];
  #putters: Wait[] = [];
  #isShutDown = false;
  #next = 0;

  make() {
    return new SharedQueue<number>(2, { name: "it", capacity: 64 });
  }

  override argument(method: string): unknown[] {
    return method.startsWith("put") ? [this.#next++] : [];
  }

  call(method: string, wait: Wait): unknown {
    if (method === "shutdown") {
      this.#isShutDown = true;
      for (const wait of this.#putters.splice(0)) wait.expected = "QueueShutDown";
      for (const wait of this.#getters.splice(0)) wait.expected = "QueueShutDown";
      return "done";
    }
    if (method.startsWith("get")) {
      if (this.#items.length > 0) {
        const item = this.#items.shift();
        const putter = this.#putters.shift();
        if (putter !== undefined) {
          this.#items.push(putter.argument);
          putter.expected = "done";
        }
        return item;
      }
      if (this.#isShutDown) return "QueueShutDown";
      if (method === "getNowait") return "QueueEmpty";
      this.#getters.push(wait);
      return undefined;
    }
    if (this.#isShutDown) return "QueueShutDown";
    const getter = this.#getters.shift();
    if (getter !== undefined) getter.expected = wait.argument;
    else if (this.#items.length < 2) this.#items.push(wait.argument);
    else if (method === "putNowait") return "QueueFull";
    else {
      this.#putters.push(wait);
      return undefined;
    }
    return "done";
  }

  giveUp(wait: Wait): void {
    for (const queue of [this.#getters, this.#putters]) {
      const index = queue.indexOf(wait);
      if (index !== -1) queue.splice(index, 1);
    }
  }

  stats() {
    return {
      size: this.#items.length,
      getters: this.#getters.length,
      putters: this.#putters.length,
      isShutDown: this.#isShutDown,
    };
  }
}

const MODELS = { LockModel, SemaphoreModel, EventModel, BarrierModel, QueueModel };

/** A call on the stage, and what ought to become of it. */
interface Made {
  readonly call: Call;
  readonly wait: Wait;
  readonly thread: number;
  readonly name: string;
}

/** A program as it is run. */
class Run {
  static #count = 0;
  readonly #stage: Stage;
  readonly #model: Model;
  readonly #object: ReturnType<Model["make"]>;
  readonly #name = `object ${Run.#count++}`;
  readonly #threads: number;
  readonly #made: Made[] = [];
  readonly #checked = new Set<Made>();
  /** A task that has ended is followed by another one. */
  readonly #generations: number[] = new Array(ACTORS).fill(0);
  readonly outcomes: unknown[] = [];

  constructor(stage: Stage, model: Model, threads: number) {
    this.#stage = stage;
    this.#model = model;
    this.#threads = threads;
    this.#object = model.make();
  }

  async play(steps: readonly Step[]): Promise<void> {
    await this.#stage.give(this.#name, this.#model.kind, this.#object);
    for (const step of steps) {
      await this.#take(step);
      if (this.#threads > 1 || step.rests) await this.#rest();
    }
    await this.#rest();
    for (const made of this.#pending()) {
      await this.#giveUp(made);
      // In one thread at once; and where one who gives up has others go on, they are no longer pending.
      await this.#rest();
    }
    await this.#rest();
    for (let actor = 0; actor < ACTORS; actor++) await this.#leave(actor);
  }

  async #take({ actor, method, which }: Step): Promise<void> {
    const pending = this.#pending();
    const mine = pending.find(({ wait }) => wait.actor === actor);
    const index = method % (this.#model.methods.length + 2);
    if (index === this.#model.methods.length) {
      if (pending.length > 0) await this.#giveUp(pending[which % pending.length]);
    } else if (index === this.#model.methods.length + 1) {
      // Not always: what is broken stays so.
      if (mine === undefined && which < 4) await this.#leave(actor);
    } else if (mine === undefined) await this.#call(actor, this.#model.methods[index], which);
  }

  async #call(actor: number, method: string, which: number): Promise<void> {
    const args = this.#model.argument(method, which);
    const wait = new Wait(actor, args[0]);
    wait.expected = this.#model.call(method, wait);
    const [thread, name] = this.#playerOf(actor);
    const call = await this.#stage.call(thread, name, this.#name, method, ...args);
    this.#made.push({ call, wait, thread, name });
  }

  async #giveUp({ call, wait, thread }: Made): Promise<void> {
    if (wait.expected !== undefined) return;
    wait.expected = "cancelled";
    this.#model.giveUp(wait);
    await this.#stage.perform(thread, { do: "cancel", id: call.id });
  }

  async #leave(actor: number): Promise<void> {
    const [thread, name] = this.#playerOf(actor);
    this.#generations[actor]++;
    this.#model.leave(actor);
    await this.#stage.perform(thread, { do: "leave", actor: name });
  }

  #playerOf(actor: number): [thread: number, name: string] {
    return [actor % this.#threads, `${this.#name} ${actor} ${this.#generations[actor]}`];
  }

  #pending(): Made[] {
    return this.#made.filter(({ wait }) => wait.expected === undefined);
  }

  /** All that is to end has ended, as it was to; and nothing else has. */
  async #rest(): Promise<void> {
    if (this.#threads === 1) await waitAllTasksBlocked();
    for (const made of this.#made) {
      if (made.wait.expected === undefined || this.#checked.has(made)) continue;
      const { error, value } = await made.call.ended;
      const outcome = error || (value === undefined ? "done" : value);
      assertEquals(outcome, made.wait.expected);
      this.#checked.add(made);
      this.outcomes.push(outcome);
    }
    for (const { call } of this.#pending()) assertEquals(call.outcome, undefined);
    const stats = this.#object.stats() as unknown as Record<string, unknown>;
    const expected = this.#model.stats();
    assertEquals(
      Object.fromEntries(Object.keys(expected).map((key) => [key, stats[key]])),
      expected,
    );
  }
}

const program = fc.array(
  fc.record({
    actor: fc.nat(ACTORS - 1),
    method: fc.nat(1000),
    which: fc.nat(7),
    rests: fc.boolean(),
  }),
  { minLength: 10, maxLength: 60, size: "max" },
);

for (const [name, ModelClass] of Object.entries(MODELS)) {
  const { kind } = new ModelClass();
  for (const threads of [1, 3]) {
    Deno.test(`${kind}: random programs do as the plain model, with their tasks in ${threads} thread${threads === 1 ? "" : "s"} [W1, W2, C7]`, async () => {
      await using stage = await Stage.open(threads - 1);
      const outcomes = new Map<unknown, number>();
      await fc.assert(
        fc.asyncProperty(program, async (steps) => {
          const run = new Run(stage, new ModelClass(), threads);
          await run.play(steps);
          for (const outcome of run.outcomes) {
            outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
          }
        }),
        { numRuns: threads === 1 ? 300 : 60 },
      );
      // They would prove little if none of them came to that.
      for (const outcome of EXPECTED[name]) assert(outcomes.has(outcome), `never ${outcome}`);
    });
  }
}

const EXPECTED: Readonly<Record<string, readonly unknown[]>> = {
  LockModel: [
    "guard",
    "cancelled",
    "TypeError",
    "DeadlockError",
    "BrokenResourceError",
    true,
    false,
  ],
  SemaphoreModel: ["guard", "cancelled", true, false, "done"],
  EventModel: ["done", "cancelled"],
  BarrierModel: [0, 1, 2, "cancelled", "BrokenResourceError"],
  QueueModel: ["done", "cancelled", "QueueFull", "QueueEmpty", "QueueShutDown", 0],
};
