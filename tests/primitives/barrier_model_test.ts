/**
 * Random programs over a barrier, against a plain model of it: who passes with which index, who breaks it, and who is told.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  Barrier,
  BrokenResourceError,
  CancelScope,
  ClosedError,
  isCancelled,
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
  | { do: "wait"; timeout: number | undefined; endOnStop: boolean; barred: boolean }
  | { do: "cancel" | "leave" | "stop"; call: number }
  | { do: "advance"; ms: number }
  | { do: "abort" | "reset" | "settle" };

// Counted from the last: those before have mostly ended.
const call = fc.nat(4);
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("wait"),
      timeout: fc.option(fc.constantFrom(0, 1, 2, 3, 5), { nil: undefined, freq: 3 }),
      endOnStop: fc.boolean(),
      barred: fc.nat(9).map((n) => n === 0),
    }),
  },
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("cancel", "leave", "stop"), call }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.nat(3) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("reset", "reset", "abort", "settle") }) },
) as fc.Arbitrary<Step>;

interface Program {
  readonly parties: number;
  readonly steps: readonly Step[];
}

const program: fc.Arbitrary<Program> = fc.record({
  parties: fc.integer({ min: 1, max: 4 }),
  steps: fc.array(step, { maxLength: 40, size: "max" }),
});

type State = "waits" | number | "broken" | "cancelled" | "timeout" | "aborted" | "stopped";

/** A call, as it is and as the model sees it. */
class Call {
  readonly scope = new CancelScope();
  readonly controller = new AbortController();
  readonly due: number;
  readonly endOnStop: boolean;
  readonly ended: Promise<unknown>;
  expected: State = "waits";
  actual: State = "waits";

  constructor(barrier: Barrier, step: Step & { do: "wait" }, now: number) {
    const { timeout, endOnStop } = step;
    const options: WaitOptions = { signal: this.controller.signal, endOnStop };
    if (timeout !== undefined) options.timeout = timeout;
    this.due = now + (timeout ?? Infinity);
    this.endOnStop = endOnStop;
    if (step.barred) this.scope.cancel();
    this.ended = this.scope.enter(async () => {
      try {
        this.actual = await barrier.wait(options);
      } catch (error) {
        this.actual = stateAfter(error);
      }
    });
  }
}

function stateAfter(error: unknown): State {
  if (error === "hung up") return "aborted";
  if (isCancelled(error)) return "cancelled";
  if (error instanceof TimeoutError) return "timeout";
  if (error instanceof ClosedError) return "stopped";
  if (error instanceof BrokenResourceError) return "broken";
  throw error;
}

const ENDS = { cancel: "cancelled", leave: "aborted", stop: "stopped" } as const;

const seen = new Map<string, number>();

async function run({ parties, steps }: Program): Promise<void> {
  const barrier = new Barrier(parties);
  const calls: Call[] = [];
  let broken = false;
  let now = 0;

  const waiting = () => calls.filter(({ expected }) => expected === "waits");
  const tellAll = () => {
    for (const call of waiting()) call.expected = "broken";
  };
  const leave = (call: Call, state: State) => {
    if (call.expected !== "waits") return;
    call.expected = state;
    broken = true;
    tellAll();
  };

  for (const step of steps) {
    switch (step.do) {
      case "wait": {
        const call = new Call(barrier, step, now);
        const before = waiting();
        calls.push(call);
        if (step.barred) {
          call.expected = "cancelled";
        } else if (broken) {
          call.expected = "broken";
        } else if (before.length === parties - 1) {
          for (const [index, each] of [...before, call].entries()) each.expected = index;
        } else if (step.timeout === 0) {
          leave(call, "timeout");
        }
        break;
      }
      case "cancel":
      case "leave":
      case "stop": {
        const call = calls.at(-1 - step.call);
        if (call === undefined) break;
        if (step.do === "cancel") call.scope.cancel();
        else if (step.do === "leave") call.controller.abort("hung up");
        else call.scope.stop({ grace: Infinity });
        if (step.do !== "stop" || call.endOnStop) leave(call, ENDS[step.do]);
        break;
      }
      case "advance":
        await sleep(step.ms);
        now += step.ms;
        // The first whose time is up breaks it for the others, in the same millisecond too.
        for (const call of waiting().sort((a, b) => a.due - b.due)) {
          if (call.due <= now) leave(call, "timeout");
        }
        break;
      case "abort":
        barrier.abort();
        broken = true;
        tellAll();
        break;
      case "reset":
        barrier.reset();
        broken = false;
        tellAll();
        break;
      case "settle":
        await waitAllTasksBlocked();
    }
    const waiters = waiting().length;
    assertEquals(barrier.stats(), { parties, waiters, broken });
    assertEquals([barrier.waiting, barrier.broken], [waiters, broken]);
    assert(waiters < parties);
  }

  await waitAllTasksBlocked();
  for (const { actual, expected } of calls) {
    assertEquals(actual, expected);
    const key = typeof expected === "number" ? "passed" : expected;
    seen.set(key, (seen.get(key) ?? 0) + 1);
  }
  barrier.reset();
  await Promise.all(calls.map(({ ended }) => ended));
  assertEquals(barrier.stats(), { parties, waiters: 0, broken: false });
}

Deno.test("Random programs over barriers do what a plain model says: all pass together or all are told [C7, C8, C10]", async () => {
  const unhandled = await unhandledDuring(() =>
    fc.assert(
      fc.asyncProperty(program, (program) =>
        withVirtualTime(() => withLeakCheck(() => run(program)))),
      { numRuns: 3000 },
    )
  );
  assertEquals(unhandled, []);
  for (
    const state of ["passed", "waits", "broken", "cancelled", "timeout", "aborted", "stopped"]
  ) {
    assert((seen.get(state) ?? 0) > 10, `${state}: ${seen.get(state) ?? 0} times`);
  }
});
