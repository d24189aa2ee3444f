/**
 * Random programs over a rate limiter under virtual time, whose timers are exact. In the first test a plain bucket says to
 * the millisecond who is let through when; in the second, with any rates, what a rate limiter promises is counted after it.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  CancelScope,
  isCancelled,
  RateLimiter,
  sleep,
  TimeoutError,
  type WaitOptions,
} from "../../mod.ts";
import {
  type VirtualTime,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { unhandledDuring } from "./spies.ts";

type Step =
  | { do: "acquire"; count: number; timeout: number | undefined; endOnStop: boolean }
  | { do: "tryAcquire"; count: number }
  | { do: "cancel" | "abort" | "stop"; call: number }
  | { do: "advance"; ms: number }
  | { do: "settle" };

interface Program {
  /** Milliseconds for one. */
  readonly interval: number;
  readonly burst: number;
  readonly steps: readonly Step[];
}

function steps(burst: number): fc.Arbitrary<Step[]> {
  const count = fc.integer({ min: 1, max: burst });
  // Counted from the last: those before have mostly ended.
  const call = fc.nat(5);
  const step = fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        do: fc.constant("acquire"),
        count,
        // Odd, while all else comes at even times: which of two comes first in one millisecond is no rule.
        timeout: fc.option(fc.constantFrom(0, 1, 3, 5, 11, 41), { nil: undefined, freq: 3 }),
        endOnStop: fc.boolean(),
      }),
    },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("tryAcquire"), count }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cancel", "abort", "stop"), call }) },
    {
      weight: 5,
      arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.nat(12).map((half) => 2 * half) }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("settle") }) },
  ) as fc.Arbitrary<Step>;
  return fc.array(step, { maxLength: 40, size: "max" });
}

function programs(intervals: readonly number[], most: number): fc.Arbitrary<Program> {
  return fc.integer({ min: 1, max: most }).chain((burst) =>
    fc.record({
      interval: fc.constantFrom(...intervals),
      burst: fc.constant(burst),
      steps: steps(burst),
    })
  );
}

type State = "waits" | "cancelled" | "timeout" | "aborted" | "stopped" | { readonly at: number };

/** A call, as it is and as the model sees it. */
class Call {
  readonly scope = new CancelScope();
  readonly controller = new AbortController();
  readonly count: number;
  readonly from: number;
  readonly due: number;
  readonly endOnStop: boolean;
  readonly ended: Promise<unknown>;
  expected: State = "waits";
  actual: State = "waits";

  constructor(limiter: RateLimiter, step: Step & { do: "acquire" }, time: VirtualTime) {
    const { count, timeout, endOnStop } = step;
    const options: WaitOptions = { signal: this.controller.signal, endOnStop };
    if (timeout !== undefined) options.timeout = timeout;
    this.count = count;
    this.from = time.elapsed;
    this.due = time.elapsed + (timeout ?? Infinity);
    this.endOnStop = endOnStop;
    this.ended = this.scope.enter(async () => {
      try {
        await limiter.acquire(count, options);
        this.actual = { at: time.elapsed };
      } catch (error) {
        if (error === "hung up") this.actual = "aborted";
        else if (isCancelled(error)) this.actual = "cancelled";
        else if (error instanceof TimeoutError) this.actual = "timeout";
        else this.actual = "stopped";
      }
    });
  }
}

/** A bucket that fills drop by drop, and a line of those who wait for it. */
class Bucket {
  readonly line: Call[] = [];
  readonly #interval: number;
  readonly #burst: number;
  #level: number;
  #now = 0;

  constructor(interval: number, burst: number) {
    this.#interval = interval;
    this.#burst = burst;
    this.#level = burst;
  }

  get available(): number {
    return this.line.length > 0 ? 0 : Math.floor(this.#level);
  }

  take(count: number): boolean {
    if (this.available < count) return false;
    this.#level -= count;
    return true;
  }

  advance(to: number): void {
    for (;;) {
      const head = this.line[0];
      const due = Math.min(...this.line.map((call) => call.due));
      const ready = head === undefined
        ? Infinity
        : this.#now + Math.max(0, head.count - this.#level) * this.#interval;
      const next = Math.min(due, ready, to);
      this.#level = Math.min(this.#burst, this.#level + (next - this.#now) / this.#interval);
      this.#now = next;
      if (due <= next) {
        for (const call of this.line.filter((call) => call.due <= next)) {
          this.leave(call, "timeout");
        }
      } else if (head !== undefined && ready <= next) {
        this.#level -= head.count;
        this.line.shift();
        // Timers come at whole milliseconds; the next does not have to wait longer for it.
        head.expected = { at: Math.ceil(next) };
      } else {
        return;
      }
    }
  }

  leave(call: Call | undefined, state: State): void {
    if (call === undefined || call.expected !== "waits") return;
    call.expected = state;
    this.line.splice(this.line.indexOf(call), 1);
  }
}

const seen = new Map<string, number>();

/** Never more than the burst and what the time brings, in whatever window from one call to another. */
function assertRate(
  grants: readonly { at: number; count: number }[],
  interval: number,
  burst: number,
): void {
  for (let i = 0; i < grants.length; i++) {
    let sum = 0;
    for (let j = i; j < grants.length; j++) {
      sum += grants[j].count;
      // The window [from, to) ends right behind the last: with whole milliseconds, one after it.
      const window = grants[j].at + 1 - grants[i].at;
      assert(
        sum <= burst + window / interval + 1e-6,
        `${sum} within ${window} ms, with a burst of ${burst} and one in ${interval} ms`,
      );
    }
  }
}

async function run(
  { interval, burst, steps }: Program,
  time: VirtualTime,
  exact: boolean,
): Promise<void> {
  const limiter = new RateLimiter(1, { per: interval, burst });
  const bucket = new Bucket(interval, burst);
  const calls: Call[] = [];
  const grants: { at: number; count: number }[] = [];

  for (const each of steps) {
    const step = exact || each.do !== "acquire" ? each : { ...each, timeout: undefined };
    switch (step.do) {
      case "acquire": {
        const call = new Call(limiter, step, time);
        calls.push(call);
        if (bucket.take(step.count)) call.expected = { at: time.elapsed };
        else if (step.timeout === 0) call.expected = "timeout";
        else bucket.line.push(call);
        break;
      }
      case "tryAcquire": {
        const taken = limiter.tryAcquire(step.count);
        if (exact) assertEquals(taken, bucket.take(step.count));
        if (taken) grants.push({ at: time.elapsed, count: step.count });
        break;
      }
      case "cancel":
        calls.at(-1 - step.call)?.scope.cancel();
        bucket.leave(calls.at(-1 - step.call), "cancelled");
        break;
      case "abort":
        calls.at(-1 - step.call)?.controller.abort("hung up");
        bucket.leave(calls.at(-1 - step.call), "aborted");
        break;
      case "stop":
        calls.at(-1 - step.call)?.scope.stop({ grace: Infinity });
        if (calls.at(-1 - step.call)?.endOnStop) bucket.leave(calls.at(-1 - step.call), "stopped");
        break;
      case "advance":
        await sleep(step.ms);
        bucket.advance(time.elapsed);
        break;
      case "settle":
        // Whoever may go on since the head has left does so in the next turn, at the same time.
        await sleep(0);
        await waitAllTasksBlocked();
        bucket.advance(time.elapsed);
    }
    // Whom a cancellation has brought to the head is let through in a turn of the loop, not at once.
    const due = bucket.line.length > 0 && ["cancel", "abort", "stop"].includes(step.do);
    if (!exact) continue;
    if (due) {
      await sleep(0);
      await waitAllTasksBlocked();
      bucket.advance(time.elapsed);
    }
    const { available, waiters } = limiter.stats();
    assertEquals([available, waiters], [bucket.available, bucket.line.length]);
    assertEquals(limiter.available, available);
  }

  // All who still wait get their turn.
  await Promise.all(calls.map(({ ended }) => ended));
  bucket.advance(time.elapsed);
  assertEquals(limiter.stats().waiters, 0);
  for (const { count, actual, expected } of calls) {
    if (exact) assertEquals(actual, expected);
    const key = typeof actual === "string" ? actual : "let through";
    seen.set(key, (seen.get(key) ?? 0) + 1);
    if (typeof actual !== "string") grants.push({ at: actual.at, count });
  }
  grants.sort((a, b) => a.at - b.at);
  assertRate(grants, interval, burst);

  // First come, first served: nobody is let through before one who came earlier and got there.
  const through = calls.flatMap(({ actual }) => typeof actual === "string" ? [] : [actual.at]);
  assertEquals(through, through.toSorted((a, b) => a - b));
}

function check(
  programs: fc.Arbitrary<Program>,
  exact: boolean,
): Promise<unknown[]> {
  return unhandledDuring(() =>
    fc.assert(
      fc.asyncProperty(
        programs,
        (program) => withVirtualTime((time) => withLeakCheck(() => run(program, time, exact))),
      ),
      { numRuns: 2000 },
    )
  );
}

// Powers of two, so that the model's sums are exact.
const EXACT = [2, 4, 8, 32];

Deno.test("Random programs over rate limiters: all are let through when a plain bucket says, to the millisecond [W1, C7, C8, C10]", async () => {
  assertEquals(await check(programs(EXACT, 5), true), []);
  for (const what of ["let through", "cancelled", "aborted", "timeout", "stopped"]) {
    assert((seen.get(what) ?? 0) > 10, `${what}: ${seen.get(what) ?? 0} times`);
  }
});

Deno.test("Random programs over rate limiters of any rate: never more than the burst and what the time brings, in any window [W1]", async () => {
  assertEquals(
    await check(programs([0.1, 0.3, 1 / 3, 0.7, 1, 1.1, 7 / 3, 3.3, 10 / 7, 33.3], 9), false),
    [],
  );
});

Deno.test("Random bursts of calls at a fractional rate are as late as a millisecond at most, the last as the first", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.double({ min: 0.05, max: 40, noNaN: true }),
      fc.integer({ min: 1, max: 10 }),
      fc.array(fc.integer({ min: 1, max: 10 }), { minLength: 1, maxLength: 50 }),
      (interval, burst, counts) =>
        withVirtualTime(async (time) => {
          const limiter = new RateLimiter(1, { per: interval, burst });
          let sum = 0;
          await Promise.all(counts.map(async (any) => {
            const count = Math.min(any, burst);
            sum += count;
            const due = Math.max(0, sum - burst) * interval;
            await limiter.acquire(count);
            assert(time.elapsed >= due - 1e-6, `${time.elapsed} is before ${due}`);
            assert(time.elapsed < due + 1 + 1e-6, `${time.elapsed} is long after ${due}`);
          }));
        }),
    ),
    { numRuns: 1000 },
  );
});
