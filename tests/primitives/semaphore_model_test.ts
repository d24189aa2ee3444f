/**
 * Random programs over a semaphore, bounded or not, against a plain model of it: who waits, who is let go on, and that
 * permits are neither lost nor made.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  BoundedSemaphore,
  CancelScope,
  ClosedError,
  type Guard,
  isCancelled,
  select,
  Semaphore,
  sleep,
  TimeoutError,
  type WaitOptions,
} from "../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { unhandledDuring } from "./spies.ts";

type Step =
  | { do: "acquire" | "select" | "withLock"; timeout: number | undefined; endOnStop: boolean }
  | { do: "tryAcquire" | "settle" }
  | { do: "release"; count: number }
  | { do: "cancel" | "abort" | "stop" | "dispose"; call: number }
  | { do: "advance"; ms: number };

// Counted from the last: those before have mostly ended.
const call = fc.nat(7);
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      do: fc.constantFrom("acquire", "acquire", "select", "withLock"),
      timeout: fc.option(fc.constantFrom(0, 1, 2, 5), { nil: undefined, freq: 3 }),
      endOnStop: fc.boolean(),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("tryAcquire", "settle") }) },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("release"), count: fc.integer({ min: 1, max: 3 }) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("dispose"), call }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("cancel", "abort", "stop"), call }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.nat(3) }) },
) as fc.Arbitrary<Step>;

interface Program {
  readonly bounded: boolean;
  readonly permits: number;
  readonly steps: readonly Step[];
}

const program: fc.Arbitrary<Program> = fc.record({
  bounded: fc.boolean(),
  permits: fc.nat(3),
  steps: fc.array(step, { maxLength: 40, size: "max" }),
});

type State = "waits" | "holds" | "has given back" | "cancelled" | "timeout" | "aborted" | "stopped";

/** A call, as it is and as the model sees it. */
class Call {
  readonly scope = new CancelScope();
  readonly controller = new AbortController();
  readonly due: number;
  readonly endOnStop: boolean;
  readonly ended: Promise<unknown>;
  expected: State = "waits";
  actual: State = "waits";
  guard: Guard | undefined;
  /** Lets the function end that `withLock` has called. */
  leave: () => void = () => {};

  constructor(
    semaphore: Semaphore,
    step: Step & { do: "acquire" | "select" | "withLock" },
    now: number,
  ) {
    const { timeout, endOnStop } = step;
    const options: WaitOptions = { signal: this.controller.signal, endOnStop };
    if (timeout !== undefined) options.timeout = timeout;
    this.due = now + (timeout ?? Infinity);
    this.endOnStop = endOnStop;
    this.ended = this.scope.enter(async () => {
      try {
        if (step.do === "withLock") {
          await semaphore.withLock(() => {
            this.actual = "holds";
            return new Promise<void>((resolve) => this.leave = resolve);
          }, options);
          return;
        }
        this.guard = step.do === "select"
          ? (await select({ semaphore, never: new Semaphore(0) }, options)).value
          : await semaphore.acquire(options);
        this.actual = "holds";
      } catch (error) {
        this.actual = stateAfter(error);
      }
    });
  }

  fail(state: State): void {
    if (this.expected === "waits") this.expected = state;
  }
}

function stateAfter(error: unknown): State {
  if (error === "hung up") return "aborted";
  if (isCancelled(error)) return "cancelled";
  if (error instanceof TimeoutError) return "timeout";
  if (error instanceof ClosedError) return "stopped";
  throw error;
}

const seen = new Map<State, number>();

async function run({ bounded, permits, steps }: Program): Promise<void> {
  const semaphore = bounded ? new BoundedSemaphore(permits) : new Semaphore(permits);
  const calls: Call[] = [];
  let available = permits;
  /** Taken by tryAcquire(), which gives no guard. */
  let bare = 0;
  let now = 0;
  let peak = 0;

  const waiting = () => calls.filter(({ expected }) => expected === "waits");
  const release = (count: number) => {
    for (const call of waiting().slice(0, count)) {
      call.expected = "holds";
      count--;
    }
    available += count;
  };
  const dispose = async (call: Call | undefined) => {
    if (call === undefined) return;
    // What withLock() has to give back it gives back when its function has ended.
    await waitAllTasksBlocked();
    if (call.guard === undefined && call.expected !== "holds") return;
    const taken = calls.filter(({ expected }) => expected === "holds").length + bare;
    if (call.expected === "holds") {
      call.expected = "has given back";
      if (bounded && taken > permits) throw new Error("the model has lent too many");
      if (call.guard === undefined) {
        call.leave();
        await waitAllTasksBlocked();
      } else {
        call.guard[Symbol.dispose]();
      }
      release(1);
    } else {
      call.guard![Symbol.dispose]();
    }
  };

  for (const step of steps) {
    switch (step.do) {
      case "acquire":
      case "select":
      case "withLock": {
        const call = new Call(semaphore, step, now);
        if (available > 0) {
          available--;
          call.expected = "holds";
        } else if (step.timeout === 0) {
          // Also such a one has stood in line, for no time.
          peak = Math.max(peak, waiting().length + 1);
          call.expected = "timeout";
        }
        calls.push(call);
        break;
      }
      case "tryAcquire":
        assertEquals(semaphore.tryAcquire(), available > 0);
        if (available > 0) {
          available--;
          bare++;
        }
        break;
      case "release": {
        // With a guard in the hands of somebody, a bounded one would notice it later.
        if (bounded && step.count > bare) {
          if (step.count > permits - available) {
            assertThrows(() => semaphore.release(step.count), RangeError);
          }
          break;
        }
        semaphore.release(step.count);
        release(step.count);
        bare = Math.max(0, bare - step.count);
        break;
      }
      case "dispose":
        await dispose(calls.at(-1 - step.call));
        break;
      case "cancel":
        calls.at(-1 - step.call)?.scope.cancel();
        calls.at(-1 - step.call)?.fail("cancelled");
        break;
      case "abort":
        calls.at(-1 - step.call)?.controller.abort("hung up");
        calls.at(-1 - step.call)?.fail("aborted");
        break;
      case "stop":
        calls.at(-1 - step.call)?.scope.stop({ grace: Infinity });
        if (calls.at(-1 - step.call)?.endOnStop) calls.at(-1 - step.call)?.fail("stopped");
        break;
      case "advance":
        await sleep(step.ms);
        now += step.ms;
        for (const call of calls) if (call.due <= now) call.fail("timeout");
        break;
      case "settle":
        await waitAllTasksBlocked();
    }
    const waiters = waiting().length;
    peak = Math.max(peak, waiters);
    const stats = semaphore.stats();
    assertEquals([stats.available, stats.waiters, stats.peakWaiters], [available, waiters, peak]);
    assertEquals([semaphore.available, semaphore.locked], [available, available === 0]);
    // Who waits, waits for something.
    assert(available === 0 || waiters === 0);
    if (bounded) {
      const held = calls.filter(({ expected }) => expected === "holds").length + bare;
      assertEquals(available + held, permits, "a permit was lost or made");
      assertEquals((semaphore as BoundedSemaphore).stats().holders, held);
    }
  }

  await waitAllTasksBlocked();
  for (const call of calls) {
    const { expected, actual } = call;
    if (expected === "has given back") assertEquals(actual, "holds");
    else assertEquals(actual, expected);
    seen.set(expected, (seen.get(expected) ?? 0) + 1);
  }
  for (const call of waiting()) {
    call.scope.cancel();
    call.fail("cancelled");
  }
  const holding = calls.filter(({ expected }) => expected === "holds");
  for (const call of holding) await dispose(call);
  await Promise.all(calls.map(({ ended }) => ended));
  assertEquals(semaphore.stats().waiters, 0);
  if (bounded) assertEquals(semaphore.available + bare, permits);
  else assertEquals(semaphore.available, available);
  assertInstanceOf(semaphore, Semaphore);
}

Deno.test("Random programs over semaphores do what a plain model says: no permit is lost or made [W1, W4, C7, C8, C10]", async () => {
  const unhandled = await unhandledDuring(() =>
    fc.assert(
      fc.asyncProperty(program, (program) =>
        withVirtualTime(() => withLeakCheck(() => run(program)))),
      { numRuns: 3000 },
    )
  );
  assertEquals(unhandled, []);
  for (
    const state of [
      "waits",
      "holds",
      "has given back",
      "cancelled",
      "timeout",
      "aborted",
      "stopped",
    ] as const
  ) {
    assert((seen.get(state) ?? 0) > 10, `${state}: ${seen.get(state) ?? 0} times`);
  }
});
