/**
 * Random programs of tasks that take, try, give back and give up locks, dispose of guards once and twice, and end with locks
 * in their hands; against a plain model: arrays, and a walk along who waits for whom.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  BrokenResourceError,
  CancelScope,
  type Guard,
  Lock,
  RLock,
  sleep,
  type WaitOptions,
} from "../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { type Actor, scene } from "./actors.ts";
import { unhandledRejections } from "./unhandled.ts";

const NAMES = ["a", "b", "c", "d"];
const LOCKS = 3; // The last of them is recursive.

type Step =
  | {
    do: "acquire";
    actor: number;
    lock: number;
    how: "plain" | "scope" | "signal" | "timeout";
    ms: number;
  }
  | { do: "try" | "release"; actor: number; lock: number }
  | { do: "dispose"; guard: number }
  | { do: "give up"; actor: number }
  | { do: "end"; actor: number; how: "returns" | "fails" | "is cancelled" }
  | { do: "turn" }
  | { do: "sleep"; ms: number };

const actor = fc.nat(NAMES.length - 1);
const lock = fc.nat(LOCKS - 1);
const anyStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("acquire"),
      actor,
      lock,
      how: fc.constantFrom("plain", "scope", "signal", "timeout"),
      ms: fc.nat(10),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("try"), actor, lock }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("release"), actor, lock }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("dispose"), guard: fc.nat(20) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant("give up"), actor }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("end"),
      actor,
      how: fc.constantFrom("returns", "fails", "is cancelled"),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("turn") }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(8) }) },
) as fc.Arbitrary<Step>;

/** A wait for a lock, and what became of it. */
class Wait {
  outcome = "pending";
  seen = "pending";
  readonly actor: number;
  readonly lock: Modelled;
  due = Infinity;
  /** Whether its task may go on by itself: with a time limit, a signal, or in another flow. */
  limited = false;
  giveUp: (() => void) | undefined;

  constructor(actor: number, lock: Modelled) {
    this.actor = actor;
    this.lock = lock;
  }
}

/** A lock as it ought to be. */
class Modelled {
  readonly recursive: boolean;
  owner: number | null = null;
  depth = 0;
  peak = 0;
  brokenBy: string | null = null;
  queue: Wait[] = [];

  constructor(recursive: boolean) {
    this.recursive = recursive;
  }

  take(actor: number): void {
    this.owner = actor;
    this.depth = 1;
  }

  release(): void {
    if (--this.depth > 0) return;
    this.owner = null;
    const next = this.queue.shift();
    if (next === undefined) return;
    this.take(next.actor);
    next.outcome = "got it";
  }

  leave(wait: Wait, outcome: string): void {
    this.queue.splice(this.queue.indexOf(wait), 1);
    wait.outcome = outcome;
  }

  breakBy(name: string): void {
    this.owner = null;
    this.depth = 0;
    this.brokenBy = name;
    for (const wait of this.queue) wait.outcome = "broken";
    this.queue = [];
  }
}

/** A guard. A task that has released a lock by hand may be given the same one again. */
interface Given {
  readonly guard: Guard;
  readonly actor: number;
  readonly model: Modelled;
}

class Program {
  readonly locks: Lock[] = [];
  readonly models: Modelled[] = [];
  readonly actors: readonly Actor[];
  readonly alive: boolean[];
  readonly waits: Wait[] = [];
  readonly given: Given[] = [];
  readonly spent = new Set<Guard>();
  now = 0;

  constructor(actors: readonly Actor[]) {
    this.actors = actors;
    this.alive = actors.map(() => true);
    for (let index = 0; index < LOCKS; index++) {
      const recursive = index === LOCKS - 1;
      const options = { name: `lock ${index}` };
      this.locks.push(recursive ? new RLock(options) : new Lock(options));
      this.models.push(new Modelled(recursive));
    }
  }

  pending(actor: number): Wait | undefined {
    return this.waits.find((wait) => wait.actor === actor && wait.outcome === "pending");
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "acquire":
        // One wait at a time, so that the model knows exactly what a circle is.
        if (!this.alive[step.actor] || this.pending(step.actor)) return;
        this.#acquire(step.actor, step.lock, step.how, step.ms);
        break;
      case "try":
        if (this.alive[step.actor]) this.#try(step.actor, step.lock);
        break;
      case "release":
        if (this.alive[step.actor]) this.#release(step.actor, step.lock);
        break;
      case "dispose":
        if (this.given.length > 0) this.#dispose(this.given[step.guard % this.given.length]);
        break;
      case "give up":
        this.pending(step.actor)?.giveUp?.();
        break;
      case "end":
        if (this.alive[step.actor]) await this.#end(step.actor, step.how);
        break;
      case "turn":
        await this.settle();
        break;
      case "sleep":
        await this.#sleep(step.ms);
    }
    this.compare();
  }

  #acquire(actor: number, index: number, how: string, ms: number): void {
    const [lock, model] = [this.locks[index], this.models[index]];
    const wait = new Wait(actor, model);
    const options: WaitOptions = {};
    wait.limited = how === "timeout" || how === "signal";
    let call = () => lock.acquire(options);
    if (how === "timeout") {
      options.timeout = ms;
      wait.due = this.now + ms;
    } else if (how === "signal") {
      const controller = new AbortController();
      options.signal = controller.signal;
      wait.giveUp = () => {
        model.leave(wait, "aborted");
        controller.abort("aborted");
      };
    } else if (how === "scope") {
      const scope = new CancelScope();
      call = () => scope.enter(() => lock.acquire(options)) as Promise<Guard>;
      wait.giveUp = () => {
        model.leave(wait, "cancelled");
        scope.cancel();
      };
    }
    this.waits.push(wait);
    this.#expect(wait, how === "timeout" && ms === 0);
    this.actors[actor].do(call).then((guard) => {
      wait.seen = guard === undefined ? "cancelled" : "got it";
      if (guard !== undefined) this.given.push({ guard, actor, model });
    }, (error) => {
      wait.seen = error === "aborted" ? error : WORDS[(error as Error).name] ?? String(error);
    });
  }

  #expect(wait: Wait, atOnce: boolean): void {
    const { actor, lock } = wait;
    if (lock.brokenBy !== null) wait.outcome = "broken";
    else if (lock.owner === null) {
      lock.take(actor);
      wait.outcome = "got it";
    } else if (lock.owner === actor && lock.recursive) {
      lock.depth++;
      wait.outcome = "got it";
    } else if (this.#closesCircle(actor, lock)) wait.outcome = "deadlock";
    else if (atOnce) {
      wait.outcome = "timed out";
      lock.peak = Math.max(lock.peak, lock.queue.length + 1);
    } else {
      lock.queue.push(wait);
      lock.peak = Math.max(lock.peak, lock.queue.length);
    }
  }

  #closesCircle(me: number, lock: Modelled): boolean {
    for (let at: Modelled | undefined = lock; at !== undefined && at.owner !== null;) {
      if (at.owner === me) return true;
      const wait = this.pending(at.owner);
      // Who may go on by itself is in no circle.
      at = wait?.limited ? undefined : wait?.lock;
    }
    return false;
  }

  #try(actor: number, index: number): void {
    const [lock, model] = [this.locks[index], this.models[index]];
    const call = () => this.actors[actor].do(() => lock.tryAcquire());
    if (model.brokenBy !== null) {
      assertThrows(call, BrokenResourceError, `task "${model.brokenBy}"`);
    } else if (model.owner === null) {
      assertEquals(call(), true);
      model.take(actor);
      // Who takes something while it waits does not only wait.
      const waiting = this.pending(actor);
      if (waiting !== undefined) waiting.limited = true;
    } else if (model.owner === actor && model.recursive) {
      assertEquals(call(), true);
      model.depth++;
    } else assertEquals(call(), false);
  }

  #release(actor: number, index: number): void {
    const [lock, model] = [this.locks[index], this.models[index]];
    const call = () => this.actors[actor].do(() => lock.release());
    if (model.owner !== actor) assertThrows(call, TypeError);
    else {
      call();
      model.release();
    }
  }

  #dispose({ guard, actor, model }: Given): void {
    if (!this.alive[actor]) return;
    this.actors[actor].do(() => guard[Symbol.dispose]());
    // A guard gives back what its task holds, once; and it waits for something to give back.
    if (this.spent.has(guard) || model.owner !== actor) return;
    model.release();
    this.spent.add(guard);
  }

  async #end(actor: number, how: string): Promise<void> {
    const waiting = this.pending(actor);
    const { task } = this.actors[actor];
    // A wait that is left behind goes on in the scope around: that is another story.
    if (waiting !== undefined && how !== "is cancelled") return;
    await this.settle();
    if (how === "is cancelled") {
      waiting?.lock.leave(waiting, "cancelled");
      task.cancel();
      await task.join();
    } else if (how === "fails") await this.actors[actor].fail(new Error("boom"));
    else await this.actors[actor].leave();
    this.alive[actor] = false;
    for (const model of this.models) {
      if (model.owner === actor) model.breakBy(NAMES[actor]);
    }
    await this.settle();
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms);
    this.now += ms;
    for (const wait of this.waits) {
      if (wait.outcome === "pending" && wait.due <= this.now) wait.lock.leave(wait, "timed out");
    }
    await this.settle();
  }

  /** What can be seen at once. */
  compare(): void {
    for (const [index, model] of this.models.entries()) {
      assertEquals(this.locks[index].stats(), {
        locked: model.owner !== null,
        owner: model.owner === null ? null : NAMES[model.owner],
        waiters: model.queue.length,
        peakWaiters: model.peak,
        broken: model.brokenBy !== null,
        ...(model.recursive && { depth: model.depth }),
      } as ReturnType<Lock["stats"]>);
    }
  }

  /** What the tasks themselves see, some microtasks later. */
  async settle(): Promise<void> {
    await waitAllTasksBlocked();
    assertEquals(this.waits.map((wait) => wait.seen), this.waits.map((wait) => wait.outcome));
  }

  /** All give back what they have, until nobody has anything. */
  async finish(): Promise<void> {
    await this.settle();
    for (let left = 1000; left > 0; left--) {
      const index = this.models.findIndex((model) => model.owner !== null);
      if (index === -1) break;
      this.#release(this.models[index].owner!, index);
      this.compare();
    }
    await this.settle();
    assert(this.waits.every((wait) => wait.outcome !== "pending"), "somebody waits for ever");
    this.compare();
  }
}

const WORDS: Readonly<Record<string, string>> = {
  AbortError: "cancelled",
  BrokenResourceError: "broken",
  DeadlockError: "deadlock",
  TimeoutError: "timed out",
};

Deno.test("Lock, RLock: random programs do as the plain model, step by step [W1, W2, W3, W4, C7, C8]", async () => {
  const seen = new Map<string, number>();
  const unhandled = await unhandledRejections(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 10, maxLength: 80, size: "max" }),
        async (steps) => {
          await withVirtualTime(() =>
            withLeakCheck(() =>
              scene(NAMES, async (...actors) => {
                const program = new Program(actors);
                for (const step of steps) await program.take(step);
                await program.finish();
                for (const { outcome } of program.waits) {
                  seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
                }
              }, { onFailure: "continue" }).catch((error) => {
                const real = error.errors.filter((error: Error) => error.message !== "boom");
                if (real.length > 0) throw real[0];
              })
            )
          );
        },
      ),
      { numRuns: 1000 },
    )
  );

  assertEquals(unhandled, []);
  // They would prove little if hardly any of them came to that.
  for (const outcome of ["got it", "aborted", "broken", "cancelled", "deadlock", "timed out"]) {
    assert((seen.get(outcome) ?? 0) > 10, `${outcome}: ${seen.get(outcome)} times`);
  }
});
