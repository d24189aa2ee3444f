/**
 * Random programs of tasks that wait for a condition, notify, give up and time out, against a plain model: a list of those
 * who wait to be notified, and a list of those who wait for the lock.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { CancelScope, Condition, Lock, RLock, sleep, type WaitOptions } from "../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { type Actor, scene } from "./actors.ts";
import { unhandledRejections } from "./unhandled.ts";

const BOSS = 5; // Who only wakes the others when the program is over.
const NAMES = ["a", "b", "c", "d", "e", "boss"];

type How = "plain" | "scope" | "signal" | "timeout";
type Step =
  | { do: "take" | "release" | "notify all"; actor: number }
  | { do: "wait"; actor: number; how: How; ms: number }
  | { do: "notify"; actor: number; count: number }
  | { do: "give up"; actor: number }
  | { do: "release and give up"; actor: number; other: number }
  | { do: "sleep"; ms: number };

const actor = fc.nat(BOSS - 1);
const anyStep = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constant("take"), actor }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("release"), actor }) },
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constant("wait"),
      actor,
      how: fc.constantFrom("plain", "scope", "signal", "timeout"),
      ms: fc.nat(6),
    }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("notify"), actor, count: fc.nat(3) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("notify all"), actor }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("give up"), actor }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("release and give up"), actor, other: actor }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(4) }) },
) as fc.Arbitrary<Step>;

/** A wait, for the condition or just for the lock, and what became of it. */
class Wait {
  /** What the wait ends with, as soon as its task has the lock. */
  outcome = "woken";
  /** Whether it is over. */
  over = false;
  seen = "pending";
  notified = false;
  readonly actor: number;
  readonly depth: number;
  due = Infinity;
  giveUp: ((outcome: string) => void) | undefined;

  constructor(actor: number, depth: number) {
    this.actor = actor;
    this.depth = depth;
  }
}

class Program {
  readonly lock: Lock;
  readonly changed: Condition;
  readonly actors: readonly Actor[];
  readonly waits: Wait[] = [];
  owner: number | null = null;
  depth = 0;
  /** Those who wait to be notified. */
  waiting: Wait[] = [];
  /** Those who wait for the lock. */
  queue: Wait[] = [];
  /** Notifications of those who gave up, which they pass on when they have the lock. */
  passing = 0;
  now = 0;

  constructor(actors: readonly Actor[], recursive: boolean) {
    this.actors = actors;
    this.lock = recursive ? new RLock() : new Lock();
    this.changed = new Condition(this.lock);
  }

  pending(actor: number): Wait | undefined {
    return this.waits.find((wait) => wait.actor === actor && !wait.over);
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case "take":
        this.#take(step.actor);
        break;
      case "release":
        this.#release(step.actor);
        break;
      case "wait":
        await this.#wait(step);
        break;
      case "notify":
        this.#notify(step.actor, step.count);
        break;
      case "notify all":
        this.#notify(step.actor, Infinity);
        break;
      case "give up":
        this.#giveUp(this.pending(step.actor));
        break;
      case "release and give up":
        // In the same turn: who has been handed the lock has been woken, and it is too late to give up.
        this.#release(step.actor);
        this.#giveUp(this.pending(step.other));
        break;
      case "sleep":
        await this.#sleep(step.ms);
    }
    await this.settle();
  }

  #do<R>(actor: number, fn: () => R): R {
    return this.actors[actor].do(fn);
  }

  #take(actor: number): void {
    if (this.pending(actor) !== undefined) return;
    if (this.owner === actor && !(this.lock instanceof RLock)) return;
    const wait = new Wait(actor, 1);
    this.waits.push(wait);
    if (this.owner === actor) {
      this.depth++;
      wait.over = true;
    } else this.#line(wait);
    this.#watch(wait, this.#do(actor, () => this.lock.acquire()));
  }

  #release(actor: number): void {
    const call = () => this.#do(actor, () => this.lock.release());
    if (this.owner !== actor) {
      assertThrows(call, TypeError);
      return;
    }
    call();
    if (--this.depth === 0) this.#handOver();
  }

  async #wait({ actor, how, ms }: Step & { do: "wait" }): Promise<void> {
    if (this.pending(actor) !== undefined) return;
    const { changed } = this;
    if (this.owner !== actor) {
      const error = await this.#do(actor, () => changed.wait()).catch((error) => error);
      assert(error instanceof TypeError);
      return;
    }
    const wait = new Wait(actor, this.depth);
    const options: WaitOptions = {};
    let call: () => Promise<unknown> = () => changed.wait(options);
    if (how === "timeout") {
      options.timeout = ms;
      wait.due = this.now + ms;
    } else if (how === "signal") {
      const controller = new AbortController();
      options.signal = controller.signal;
      wait.giveUp = () => controller.abort("gave up");
    } else if (how === "scope") {
      const scope = new CancelScope();
      call = () =>
        scope.enter(() => changed.wait(options)).then(() => {
          return scope.cancelledCaught ? Promise.reject("gave up") : undefined;
        });
      wait.giveUp = () => scope.cancel();
    }
    this.waits.push(wait);
    this.waiting.push(wait);
    this.#handOver();
    this.#watch(wait, this.#do(actor, call));
    if (options.timeout === 0) this.#leave(wait, "timed out");
  }

  #watch(wait: Wait, promise: Promise<unknown>): void {
    promise.then(() => wait.seen = "woken", (error) => {
      wait.seen = error === "gave up" ? error : error.name === "TimeoutError" ? "timed out" : error;
    });
  }

  #notify(actor: number, count: number): void {
    const call = () => this.#do(actor, () => this.changed.notify(count));
    if (this.owner !== actor) {
      assertThrows(call, TypeError);
      return;
    }
    call();
    this.#notifyModel(count);
  }

  #notifyModel(count: number): void {
    const notified = this.waiting.splice(0, count);
    for (const wait of notified) wait.notified = true;
    this.queue.push(...notified);
  }

  #giveUp(wait: Wait | undefined): void {
    if (wait?.giveUp === undefined) return;
    const { giveUp } = wait;
    wait.giveUp = undefined;
    giveUp("gave up");
    this.#leave(wait, "gave up");
  }

  /** A wait ends without what it was for; its task stands in line for the lock again. */
  #leave(wait: Wait, outcome: string): void {
    if (wait.outcome !== "woken") return;
    const line = this.waiting.includes(wait) ? this.waiting : this.queue;
    line.splice(line.indexOf(wait), 1);
    wait.outcome = outcome;
    this.#line(wait);
  }

  #line(wait: Wait): void {
    if (this.owner === null) this.#give(wait);
    else this.queue.push(wait);
  }

  #give(wait: Wait): void {
    this.owner = wait.actor;
    this.depth = wait.depth;
    wait.over = true;
    if (wait.notified && wait.outcome !== "woken") this.passing++;
  }

  #handOver(): void {
    this.owner = null;
    this.depth = 0;
    const next = this.queue.shift();
    if (next !== undefined) this.#give(next);
  }

  async #sleep(ms: number): Promise<void> {
    const until = this.now + ms;
    // One moment after the other, as who leaves stands in line for the lock.
    while (this.now < until) {
      await sleep(1);
      this.now++;
      for (const wait of this.waits) {
        if (!wait.over && wait.due === this.now) this.#leave(wait, "timed out");
      }
      await this.settle();
    }
  }

  async settle(): Promise<void> {
    // To stand in line again takes a task fewer steps than to get the lock and pass something on.
    for (; this.passing > 0; this.passing--) this.#notifyModel(1);
    await waitAllTasksBlocked();
    const { owner, waiters, broken } = this.lock.stats();
    assertEquals([owner, waiters, broken], [
      this.owner === null ? null : NAMES[this.owner],
      this.queue.length,
      false,
    ]);
    if (this.lock instanceof RLock) assertEquals(this.lock.depth, this.depth);
    assertEquals(this.changed.stats().waiters, this.waiting.length);
    assertEquals(
      this.waits.map((wait) => wait.seen),
      this.waits.map((wait) => wait.over ? wait.outcome : "pending"),
    );
  }

  /** All give back what they have, and those who wait are notified, until nobody does. */
  async finish(): Promise<void> {
    for (let left = 1000; left > 0 && this.waits.some((wait) => !wait.over); left--) {
      if (this.owner === null) this.#take(BOSS);
      this.#notify(this.owner!, Infinity);
      for (let depth = this.depth; depth > 0; depth--) this.#release(this.owner!);
      await this.settle();
    }
    while (this.owner !== null) this.#release(this.owner);
    await this.settle();
    assert(this.waits.every((wait) => wait.over), "somebody waits for ever");
  }
}

Deno.test("Condition: random programs do as the plain model, step by step [W1, W5, C7, C8]", async () => {
  const seen = new Map<string, number>();
  const unhandled = await unhandledRejections(() =>
    fc.assert(
      fc.asyncProperty(
        fc.array(anyStep, { minLength: 10, maxLength: 60, size: "max" }),
        fc.boolean(),
        async (steps, recursive) => {
          await withVirtualTime(() =>
            withLeakCheck(() =>
              scene(NAMES, async (...actors) => {
                const program = new Program(actors, recursive);
                for (const step of steps) await program.take(step);
                for (const { outcome, notified } of program.waits) {
                  const what = `${outcome}${notified ? ", notified" : ""}`;
                  seen.set(what, (seen.get(what) ?? 0) + 1);
                }
                await program.finish();
              })
            )
          );
        },
      ),
      { numRuns: 2000 },
    )
  );

  assertEquals(unhandled, []);
  // They would prove little if hardly any of them came to that.
  for (const what of ["woken", "gave up", "timed out"]) {
    for (const notified of ["", ", notified"]) {
      assert(
        (seen.get(what + notified) ?? 0) > 3,
        `${what}${notified}: ${seen.get(what + notified)} times`,
      );
    }
  }
});
