/**
 * Random programs of readers and writers against a plain model of phase-fair rules: two lists of those who wait, the list of
 * those who read, and the one who writes.
 *
 * @module
 */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  BrokenResourceError,
  CancelScope,
  type Guard,
  RWLock,
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

const NAMES = ["a", "b", "c", "d", "e"];

type Side = "read" | "write";
type Step =
  | {
    do: "acquire";
    actor: number;
    side: Side;
    how: "plain" | "scope" | "signal" | "timeout";
    ms: number;
  }
  | { do: "try" | "release"; actor: number; side: Side }
  | { do: "dispose"; guard: number }
  | { do: "give up" | "end"; actor: number }
  | { do: "turn" }
  | { do: "sleep"; ms: number };

const actor = fc.nat(NAMES.length - 1);
const side = fc.constantFrom<Side>("read", "write");
const anyStep = fc.oneof(
  {
    weight: 45,
    arbitrary: fc.record({
      do: fc.constant("acquire"),
      actor,
      side,
      how: fc.constantFrom("plain", "scope", "signal", "timeout"),
      ms: fc.nat(10),
    }),
  },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("try"), actor, side }) },
  { weight: 30, arbitrary: fc.record({ do: fc.constant("release"), actor, side }) },
  { weight: 25, arbitrary: fc.record({ do: fc.constant("dispose"), guard: fc.nat(12) }) },
  { weight: 20, arbitrary: fc.record({ do: fc.constant("give up"), actor }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("end"), actor }) },
  { weight: 10, arbitrary: fc.record({ do: fc.constant("turn") }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(8) }) },
) as fc.Arbitrary<Step>;

/** A wait for one of the sides, and what became of it. */
class Wait {
  outcome = "pending";
  seen = "pending";
  readonly actor: number;
  readonly side: Side;
  due = Infinity;
  /** Whether it has a time limit or a signal. */
  limited = false;
  giveUp: (() => void) | undefined;
  /** What it was given. */
  hold: object | undefined;

  constructor(actor: number, side: Side) {
    this.actor = actor;
    this.side = side;
  }
}

interface Reading {
  readonly actor: number;
}

/** A lock as it ought to be. */
class Modelled {
  /** Who reads, what was taken first first. */
  reading: Reading[] = [];
  writing: Reading | null = null;
  readers: Wait[] = [];
  writers: Wait[] = [];
  peaks = { read: 0, write: 0 };
  brokenBy: string | null = null;

  take(actor: number, side: Side): object | undefined {
    if (this.writing !== null) return undefined;
    if (side === "read" ? this.writers.length > 0 : this.reading.length > 0) return undefined;
    return this.#give(actor, side);
  }

  wait(wait: Wait): void {
    const line = wait.side === "read" ? this.readers : this.writers;
    line.push(wait);
    this.peaks[wait.side] = Math.max(this.peaks[wait.side], line.length);
  }

  leave(wait: Wait, outcome: string): void {
    const line = wait.side === "read" ? this.readers : this.writers;
    line.splice(line.indexOf(wait), 1);
    wait.outcome = outcome;
    if (wait.side === "write" && line.length === 0 && this.writing === null) this.#letIn();
  }

  /** Ends what is held; `false` when it has ended before. */
  end(hold: object | undefined): boolean {
    if (hold === undefined) return false;
    if (hold === this.writing) {
      this.writing = null;
      if (this.readers.length > 0) this.#letIn();
      else this.#nextWriter();
      return true;
    }
    const index = this.reading.indexOf(hold as Reading);
    if (index === -1) return false;
    this.reading.splice(index, 1);
    if (this.reading.length === 0) this.#nextWriter();
    return true;
  }

  /** What a task has of a side: of several readings the one that was taken last. */
  find(actor: number, side: Side): object | undefined {
    if (side === "write") return this.writing?.actor === actor ? this.writing : undefined;
    return this.reading.findLast((reading) => reading.actor === actor);
  }

  /** For whom one has to wait who asks for a side. */
  keptOutBy(side: Side): number[] {
    if (this.writing !== null) return [this.writing.actor];
    return side === "read"
      ? this.writers.slice(0, 1).map(({ actor }) => actor)
      : this.reading.map(({ actor }) => actor);
  }

  breakBy(actor: number): void {
    this.brokenBy ??= NAMES[actor];
    this.reading = this.reading.filter((reading) => reading.actor !== actor);
    if (this.writing?.actor === actor) this.writing = null;
    for (const wait of [...this.readers, ...this.writers]) wait.outcome = "broken";
    this.readers = [];
    this.writers = [];
  }

  #give(actor: number, side: Side): object {
    const hold = { actor };
    if (side === "read") this.reading.push(hold);
    else this.writing = hold;
    return hold;
  }

  #letIn(): void {
    for (const wait of this.readers) {
      wait.outcome = "got it";
      wait.hold = this.#give(wait.actor, "read");
    }
    this.readers = [];
  }

  #nextWriter(): void {
    const wait = this.writers.shift();
    if (wait === undefined) return;
    wait.outcome = "got it";
    wait.hold = this.#give(wait.actor, "write");
  }
}

class Program {
  readonly lock = new RWLock();
  readonly model = new Modelled();
  readonly actors: readonly Actor[];
  readonly alive: boolean[];
  readonly waits: Wait[] = [];
  readonly given: { guard: Guard; wait: Wait }[] = [];
  now = 0;

  constructor(actors: readonly Actor[]) {
    this.actors = actors;
    this.alive = actors.map(() => true);
  }

  pending(actor: number): Wait | undefined {
    return this.waits.find((wait) => wait.actor === actor && wait.outcome === "pending");
  }

  async take(step: Step): Promise<void> {
    if ("actor" in step && !this.alive[step.actor]) return;
    switch (step.do) {
      case "acquire":
        if (this.pending(step.actor) === undefined) this.#acquire(step);
        break;
      case "try":
        this.#try(step.actor, step.side);
        break;
      case "release":
        this.#release(step.actor, step.side);
        break;
      case "dispose": {
        if (this.given.length === 0) return;
        const { guard, wait } = this.given[step.guard % this.given.length];
        this.actors[wait.actor].do(() => guard[Symbol.dispose]());
        this.model.end(wait.hold);
        break;
      }
      case "give up":
        this.pending(step.actor)?.giveUp?.();
        break;
      case "end":
        if (this.pending(step.actor) === undefined) await this.#end(step.actor);
        break;
      case "turn":
        await this.settle();
        break;
      case "sleep":
        await this.#sleep(step.ms);
    }
    this.compare();
  }

  #acquire({ actor, side, how, ms }: Step & { do: "acquire" }): void {
    const { lock, model } = this;
    const wait = new Wait(actor, side);
    const options: WaitOptions = {};
    wait.limited = how === "timeout" || how === "signal";
    let call = () => lock[side].acquire(options);
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
      call = () => scope.enter(() => lock[side].acquire(options)) as Promise<Guard>;
      wait.giveUp = () => {
        model.leave(wait, "cancelled");
        scope.cancel();
      };
    }
    if (model.brokenBy !== null) wait.outcome = "broken";
    else if ((wait.hold = model.take(actor, side)) !== undefined) wait.outcome = "got it";
    else if (this.#closesCircle(actor, side)) wait.outcome = "deadlock";
    else {
      model.wait(wait);
      if (options.timeout === 0) model.leave(wait, "timed out");
    }
    this.waits.push(wait);
    this.actors[actor].do(call).then((guard) => {
      wait.seen = guard === undefined ? "cancelled" : "got it";
      if (guard !== undefined) this.given.push({ guard, wait });
    }, (error) => {
      wait.seen = error === "aborted" ? error : WORDS[(error as Error).name] ?? String(error);
    });
  }

  #closesCircle(me: number, side: Side): boolean {
    const seen = new Set<number>();
    const open = this.model.keptOutBy(side);
    for (let actor = open.pop(); actor !== undefined; actor = open.pop()) {
      if (actor === me) return true;
      if (seen.has(actor)) continue;
      seen.add(actor);
      const wait = this.pending(actor);
      // Who may go on by itself is in no circle.
      if (wait !== undefined && !wait.limited) open.push(...this.model.keptOutBy(wait.side));
    }
    return false;
  }

  #try(actor: number, side: Side): void {
    const call = () => this.actors[actor].do(() => this.lock[side].tryAcquire());
    const { brokenBy } = this.model;
    if (brokenBy !== null) assertThrows(call, BrokenResourceError, `task "${brokenBy}"`);
    else assertEquals(call(), this.model.take(actor, side) !== undefined);
  }

  #release(actor: number, side: Side): void {
    const call = () => this.actors[actor].do(() => this.lock[side].release());
    const hold = this.model.find(actor, side);
    if (hold === undefined) assertThrows(call, TypeError);
    else {
      call();
      this.model.end(hold);
    }
  }

  async #end(actor: number): Promise<void> {
    await this.settle();
    await this.actors[actor].leave();
    this.alive[actor] = false;
    if (this.model.find(actor, "read") ?? this.model.find(actor, "write")) {
      this.model.breakBy(actor);
    }
    await this.settle();
  }

  async #sleep(ms: number): Promise<void> {
    await sleep(ms);
    this.now += ms;
    // One after the other, as each that leaves may let others in, whose time has not come then.
    const late = () =>
      this.waits
        .filter((wait) => wait.outcome === "pending" && wait.due <= this.now)
        .sort((a, b) => a.due - b.due)[0];
    for (let wait = late(); wait !== undefined; wait = late()) {
      this.model.leave(wait, "timed out");
    }
    await this.settle();
  }

  /** What can be seen at once. */
  compare(): void {
    const { reading, writing, readers, writers, peaks, brokenBy } = this.model;
    assertEquals(this.lock.stats(), {
      readers: reading.length,
      writer: writing && NAMES[writing.actor],
      waitingReaders: readers.length,
      waitingWriters: writers.length,
      peakWaitingReaders: peaks.read,
      peakWaitingWriters: peaks.write,
      broken: brokenBy !== null,
    });
    assertEquals(this.lock.read.locked, reading.length > 0);
    assertEquals(this.lock.write.locked, writing !== null);
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
      const { reading, writing } = this.model;
      if (writing !== null) this.#release(writing.actor, "write");
      else if (reading.length > 0) this.#release(reading[0].actor, "read");
      else break;
      this.compare();
    }
    await this.settle();
    assert(this.waits.every((wait) => wait.outcome !== "pending"), "somebody waits for ever");
  }
}

const WORDS: Readonly<Record<string, string>> = {
  AbortError: "cancelled",
  BrokenResourceError: "broken",
  DeadlockError: "deadlock",
  TimeoutError: "timed out",
};

Deno.test("RWLock: random programs do as the plain model, step by step [W1, W2, W3, W4, C7, C8]", async () => {
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
