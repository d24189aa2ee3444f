/**
 * Random programs over two queues, against a plain model of them: which item goes to whom, who waits and for how long, and
 * what everybody is told in the end.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import {
  CancelScope,
  ClosedError,
  isCancelled,
  LifoQueue,
  PriorityQueue,
  Queue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
  select,
  sleep,
  TimeoutError,
  type WaitOptions,
} from "../../mod.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import {
  type CallStep,
  type End,
  type Item,
  type Kind,
  type Limits,
  Model,
  type Outcome,
  type Step,
} from "./queue_model.ts";
import { unhandledDuring } from "./spies.ts";

const INCOMPARABLE = new Error("no order between these");

function compare(a: Item, b: Item): number {
  if (a.sort !== b.sort) throw INCOMPARABLE;
  return a.priority - b.priority;
}

const MAKE: Record<Kind, (maxsize: number) => Queue<Item>> = {
  fifo: (maxsize: number) => new Queue<Item>(maxsize),
  lifo: (maxsize: number) => new LifoQueue<Item>(maxsize),
  priority: (maxsize: number) => new PriorityQueue<Item>(maxsize, { compare }),
};
const item = fc.record({
  id: fc.constant(0),
  priority: fc.nat(2),
  sort: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, {
    weight: 1,
    arbitrary: fc.constant(1),
  }),
});
const queue = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, {
  weight: 1,
  arbitrary: fc.constant(1),
});
const limits = fc.record({
  timeout: fc.option(fc.constantFrom(0, 1, 2, 3, 5, 8), { nil: undefined, freq: 3 }),
  endOnStop: fc.boolean(),
  before: fc.oneof(
    { weight: 20, arbitrary: fc.constant("nothing") },
    { weight: 1, arbitrary: fc.constantFrom("cancelled", "aborted", "stopped") },
  ),
});
const arm = fc.record({ queue, put: fc.boolean(), item });
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: fc.constantFrom("put", "get"), queue, item, limits }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constantFrom("next", "join"), queue, item, limits }) },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constant("select"), arms: fc.tuple(arm, arm), limits }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("putNowait", "getNowait"), queue, item }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("taskDone"), queue, item }) },
  // Counted from the last: those before have mostly ended.
  {
    weight: 4,
    arbitrary: fc.record({ do: fc.constantFrom("cancel", "abort", "stop"), call: fc.nat(7) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.nat(4) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("settle") }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("shutdown"), queue, immediate: fc.boolean() }),
  },
) as fc.Arbitrary<Step>;

interface Program {
  readonly kinds: readonly Kind[];
  readonly maxsizes: readonly number[];
  readonly steps: readonly Step[];
}

const program: fc.Arbitrary<Program> = fc.record({
  kinds: fc.tuple(
    fc.constantFrom<Kind>("fifo", "lifo", "priority"),
    fc.constantFrom<Kind>("fifo", "lifo", "priority"),
  ),
  maxsizes: fc.tuple(fc.constantFrom(0, 1, 2, 3), fc.constantFrom(0, 1, 2)),
  steps: fc.array(step, { maxLength: 40, size: "max" }),
});

/** One call, as it is. */
class Call {
  readonly scope = new CancelScope();
  readonly controller = new AbortController();
  readonly ended: Promise<void>;
  outcome: Outcome | undefined;

  constructor(limits: Limits, fn: (options: WaitOptions) => Promise<unknown>) {
    const { timeout, endOnStop, before } = limits;
    if (before === "cancelled") this.scope.cancel();
    if (before === "aborted") this.controller.abort("hung up");
    const options: WaitOptions = { signal: this.controller.signal, endOnStop };
    if (timeout !== undefined) options.timeout = timeout;
    this.ended = this.scope.enter(async () => {
      if (before === "stopped") this.scope.stop({ grace: Infinity });
      try {
        this.outcome = { value: await fn(options) };
      } catch (error) {
        this.outcome = { fails: kindOf(error) };
      }
    });
  }
}

function kindOf(error: unknown): End {
  if (error === "hung up") return "aborted";
  if (error === INCOMPARABLE) return "incomparable";
  if (isCancelled(error)) return "cancelled";
  if (error instanceof TimeoutError) return "timeout";
  if (error instanceof ClosedError) return "stopped";
  if (error instanceof QueueShutDown) return "shut down";
  if (error instanceof QueueFull) return "full";
  if (error instanceof QueueEmpty) return "empty";
  if (error instanceof RangeError) return "too often";
  throw error;
}

/** What a call that does not wait does. */
function immediately(fn: () => unknown): Outcome {
  try {
    return { value: fn() };
  } catch (error) {
    return { fails: kindOf(error) };
  }
}

function assertSame(
  actual: Outcome | undefined,
  expected: Outcome | undefined,
  what: string,
): void {
  assertEquals(actual, expected, what);
}

/** How often what was seen, so that the programs are known to come to all corners. */
const seen = new Map<string, number>();

function note(what: string): void {
  seen.set(what, (seen.get(what) ?? 0) + 1);
}

async function run({ kinds, maxsizes, steps }: Program): Promise<void> {
  const model = new Model(kinds, maxsizes);
  const queues = kinds.map((kind, index) => MAKE[kind](maxsizes[index]));
  const calls: Call[] = [];
  const given: Item[] = [];
  let ids = 0;
  const fresh = (item: Item): Item => ({ ...item, id: ids++ });

  const make = (step: CallStep): Call => {
    switch (step.do) {
      case "put":
        return new Call(step.limits, (options) => queues[step.queue].put(step.item, options));
      case "get":
        return new Call(step.limits, (options) => queues[step.queue].get(options));
      case "next":
        return new Call(step.limits, async () => {
          const next = await queues[step.queue][Symbol.asyncIterator]().next();
          return next.done ? "the end" : next.value;
        });
      case "join":
        return new Call(step.limits, (options) => queues[step.queue].join(options));
      case "select": {
        const [a, b] = step.arms.map(({ queue, put, item }) =>
          put ? queues[queue].putting(item) : queues[queue]
        );
        return new Call(
          step.limits,
          (options) => select<Record<string, typeof a>>({ a, b }, { ...options, biased: true }),
        );
      }
    }
  };

  for (const each of steps) {
    let step = each;
    if ("item" in step) step = { ...step, item: fresh(step.item) };
    if (step.do === "select") {
      const [a, b] = step.arms;
      step = { ...step, arms: [{ ...a, item: fresh(a.item) }, { ...b, item: fresh(b.item) }] };
    }
    if ("limits" in step) {
      calls.push(make(step));
      model.call(step);
    } else {
      switch (step.do) {
        case "putNowait": {
          const { item } = step;
          const queue = queues[step.queue];
          const problem = model.queues[step.queue].offer(item);
          assertSame(
            immediately(() => queue.putNowait(item)),
            problem === undefined ? { value: undefined } : { fails: problem },
            "putNowait",
          );
          break;
        }
        case "getNowait": {
          const taken = model.queues[step.queue].take();
          const queue = queues[step.queue];
          const outcome = immediately(() => queue.getNowait());
          assertSame(
            outcome,
            typeof taken === "string" ? { fails: taken } : { value: taken },
            "getNowait",
          );
          if (typeof taken !== "string") given.push(taken);
          break;
        }
        case "taskDone": {
          const queue = queues[step.queue];
          const expected = model.queues[step.queue];
          const tooOften = expected.unfinished === 0;
          if (!tooOften) expected.taskDone(1);
          assertSame(
            immediately(() => queue.taskDone()),
            tooOften ? { fails: "too often" } : { value: undefined },
            "taskDone",
          );
          break;
        }
        case "shutdown":
          queues[step.queue].shutdown({ immediate: step.immediate });
          model.queues[step.queue].shutdown(step.immediate);
          break;
        case "cancel":
          calls.at(-1 - step.call)?.scope.cancel();
          model.fail(calls.length - 1 - step.call, "cancelled");
          break;
        case "abort":
          calls.at(-1 - step.call)?.controller.abort("hung up");
          if (!model.calls.at(-1 - step.call)?.iterates) {
            model.fail(calls.length - 1 - step.call, "aborted");
          }
          break;
        case "stop":
          calls.at(-1 - step.call)?.scope.stop({ grace: Infinity });
          if (model.calls.at(-1 - step.call)?.endOnStop) {
            model.fail(calls.length - 1 - step.call, "stopped");
          }
          break;
        case "advance":
          await sleep(step.ms);
          model.advance(step.ms);
          break;
        case "settle":
          await waitAllTasksBlocked();
      }
    }
    for (const [index, queue] of queues.entries()) {
      const expected = model.queues[index];
      assertEquals(queue.stats(), {
        size: expected.items.length,
        maxsize: maxsizes[index],
        peakSize: expected.peak,
        putters: expected.putters.length,
        getters: expected.getters.length,
        unfinished: expected.unfinished,
        isShutDown: expected.isShutDown,
      });
      assertEquals(
        [queue.size, queue.empty, queue.full],
        [
          expected.items.length,
          expected.items.length === 0,
          expected.items.length >= expected.bound,
        ],
      );
    }
  }

  await waitAllTasksBlocked();
  for (const [index, call] of calls.entries()) {
    const expected = model.calls[index].outcome;
    assertSame(call.outcome, expected, `call ${index}`);
    if (expected === undefined) note("waits to the end");
    else if ("fails" in expected) note(expected.fails);
    else note("value");
    call.scope.cancel();
    model.fail(index, "cancelled");
  }
  await Promise.all(calls.map((call) => call.ended));

  // No item is lost, and none given twice: who has one has it alone.
  for (const call of calls) {
    const outcome = call.outcome!;
    if ("fails" in outcome) continue;
    const value = outcome.value as Item | { key: string; value?: Item } | undefined | "the end";
    if (value === undefined || value === "the end") continue;
    const item = "key" in value ? value.value : value;
    if (item !== undefined) given.push(item);
  }
  for (const [index, queue] of queues.entries()) {
    assertEquals([queue.stats().putters, queue.stats().getters], [0, 0]);
    for (let item = model.queues[index].take(); typeof item !== "string";) {
      const got = queue.getNowait();
      assertStrictEquals(got, item);
      given.push(got);
      item = model.queues[index].take();
    }
    assert(queue.empty);
  }
  assertEquals(new Set(given).size, given.length, "an item was given twice");
}

Deno.test("Random programs over queues do what a plain model of them says: no item is lost or given twice [W7, C7, C8, C10]", async () => {
  const unhandled = await unhandledDuring(() =>
    fc.assert(
      fc.asyncProperty(program, (program) =>
        withVirtualTime(() => withLeakCheck(() => run(program)))),
      { numRuns: 4000 },
    )
  );
  assertEquals(unhandled, []);
  // With fewer of these the programs would have shown less than they seem to.
  for (
    const what of [
      "value",
      "cancelled",
      "timeout",
      "aborted",
      "stopped",
      "shut down",
      "incomparable",
      "waits to the end",
    ]
  ) {
    assert((seen.get(what) ?? 0) > 10, `${what}: ${seen.get(what) ?? 0} times`);
  }
});
