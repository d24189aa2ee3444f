/**
 * The one place where tasks are suspended: a wait ends exactly once, and leaves no trace.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import fc from "fast-check";
import {
  CancelScope,
  cancelScope,
  checkpoint,
  ClosedError,
  isCancelled,
  taskGroup,
  TimeoutError,
} from "../../../mod.ts";
import { type Parked, WaitQueue } from "../../../primitives/kernel/queue.ts";
import { blockedIn, type Scope } from "../../../primitives/kernel/scope.ts";
import { pendingTimers } from "../../../primitives/kernel/timers.ts";
import {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  waitForPromise,
  type WaitOptions,
} from "../../../primitives/kernel/wait.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../../primitives/testing/mod.ts";
import { rejectionOf, SpiedController, unhandledDuring } from "../spies.ts";

/** The smallest thing to wait for: items are put in, and each goes to one who takes it. */
class Box implements Waitable<string> {
  readonly items: string[] = [];
  readonly queue = new WaitQueue<string>({ kind: "box", name: "letters" });
  polls = 0;

  put(item: string): void {
    if (!this.queue.wakeFirst(item)) this.items.push(item);
  }

  take(options?: WaitOptions): Promise<string> {
    return waitFor(this, options);
  }

  [poll](): string | typeof notReady {
    this.polls++;
    return this.items.shift() ?? notReady;
  }

  [enqueue](node: Parked<string>): void {
    this.queue.add(node);
  }
}

/** That nothing is left of a wait: not in its queue, its scope, the timers or on its signal. */
function assertNoTrace(box: Box, scope: Scope, controller?: SpiedController): void {
  assertEquals(box.queue.size, 0, "in the queue");
  assertEquals(blockedIn(scope), [], "in the scope");
  assertEquals(pendingTimers(), 0, "a timer");
  assertEquals(controller?.listeners ?? 0, 0, "a listener");
}

Deno.test("What is there is taken at once, without being suspended", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    box.put("a");
    const taking = box.take();
    assertEquals(box.items, []);
    assertNoTrace(box, scope);
    assertEquals(await taking, "a");
  });
});

Deno.test("What is not there is waited for, in the order of those who came", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    const taking = [box.take(), box.take(), box.take()];
    assertEquals(blockedIn(scope).length, 3);
    for (const item of ["a", "b", "c"]) box.put(item);
    assertNoTrace(box, scope);
    assertEquals(await Promise.all(taking), ["a", "b", "c"]);
  });
});

Deno.test("What throws when it is asked is a rejection, and nothing has happened", async () => {
  await cancelScope(async (scope) => {
    const broken: Waitable<never> = {
      [poll]() {
        throw new ClosedError("closed");
      },
      [enqueue]() {
        throw new Error("must not be asked");
      },
    };
    await assertRejects(() => waitFor(broken), ClosedError, "closed");
    assertEquals(blockedIn(scope), []);
  });
});

Deno.test("What fails while it is waited for throws its error in all who wait", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    const boom = new Error("boom");
    const taking = [box.take(), box.take({ timeout: Infinity })];
    box.queue.failAll(boom);
    for (const wait of taking) assertStrictEquals(await rejectionOf(wait), boom);
    assertNoTrace(box, scope);
  });
});

Deno.test("C7: an item handed over before the cancellation is kept, and the next checkpoint throws", async () => {
  const scope = new CancelScope();
  const box = new Box();
  const got: string[] = [];
  await scope.enter(async () => {
    const taking = box.take();
    box.put("a");
    scope.cancel();
    got.push(await taking);
    await checkpoint();
    got.push("not reached");
  });
  assertEquals(got, ["a"]);
  assertEquals(box.items, []);
});

Deno.test("C7: an item put after the cancellation is not lost", async () => {
  const scope = new CancelScope();
  const box = new Box();
  await scope.enter(async () => {
    const taking = box.take();
    scope.cancel();
    box.put("a");
    assert(isCancelled(await rejectionOf(taking)));
  });
  assertEquals(box.items, ["a"]);
});

Deno.test("C7: an item meant for one who is cancelled goes to the next in line", async () => {
  const box = new Box();
  await taskGroup(async (group) => {
    const first = group.spawn(() => box.take());
    const second = group.spawn(() => box.take());
    await waitAllTasksBlocked();
    first.cancel();
    box.put("a");
    assertEquals(await second, "a");
    await first.join();
    assertEquals(first.state, "cancelled");
  });
});

Deno.test("C1: in a cancelled scope nothing is taken, not even asked for", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    box.put("a");
    scope.cancel();
    assertStrictEquals(await rejectionOf(box.take()), scope.cancelled);
    assertEquals(box.polls, 0);
    assertEquals(box.items, ["a"]);
  });
});

Deno.test("C8: with a signal that has aborted nothing is taken, not even asked for", async () => {
  const box = new Box();
  box.put("a");
  const controller = new SpiedController();
  controller.abort("beforehand");
  assertEquals(await rejectionOf(box.take({ signal: controller.signal })), "beforehand");
  assertEquals([box.polls, controller.added], [0, 0]);
  assertEquals(box.items, ["a"]);
});

Deno.test("C8: with a timeout of 0 what is there is taken, and what is not is given up at once", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    box.put("a");
    assertEquals(await box.take({ timeout: 0 }), "a");
    const taking = box.take({ timeout: 0 });
    assertNoTrace(box, scope);
    const error = await rejectionOf(taking);
    assertInstanceOf(error, TimeoutError);
    assertStringIncludes(error.message, 'Cannot wait for box "letters" any longer');
    assertStringIncludes(error.message, "0 ms");
  });
});

Deno.test("C8: what is there is taken without a timer or a listener", async () => {
  const box = new Box();
  const controller = new SpiedController();
  box.put("a");
  const taking = box.take({ timeout: 1000, signal: controller.signal });
  assertEquals([pendingTimers(), controller.added], [0, 0]);
  assertEquals(await taking, "a");
});

Deno.test("C8: a wait ends once: by what came first, and the others leave no trace, in all orders", async () => {
  // All orders of: the item is put, the scope is cancelled, the signal aborts, the time is up.
  type Event = "item" | "scope" | "signal" | "timeout" | "failure";
  const events: Event[] = ["item", "scope", "signal", "timeout", "failure"];
  await fc.assert(
    fc.asyncProperty(
      fc.shuffledSubarray(events, { minLength: 1 }),
      fc.boolean(),
      async (order, atOnce) => {
        await withVirtualTime(async () => {
          const box = new Box();
          const controller = new SpiedController();
          const scope = new CancelScope();
          const boom = new Error("boom");
          let outcome: unknown;
          await scope.enter(async () => {
            // With `atOnce` the others follow in the same turn; the time is up only when it passes.
            const timeout = order[0] === "timeout" ? 10 : 1000;
            const taking = box.take({ signal: controller.signal, timeout })
              .then((value) => value, (error) => error);
            if (order[0] === "timeout") outcome = await taking;
            for (const event of order) {
              if (event === "item") box.put("a");
              else if (event === "scope") scope.cancel();
              else if (event === "signal") controller.abort("hung up");
              else if (event === "failure") box.queue.failAll(boom);
              if (!atOnce) outcome ??= await taking;
              assertNoTrace(box, scope, controller);
            }
            outcome ??= await taking;
          });
          switch (order[0]) {
            case "item":
              assertEquals(outcome, "a");
              break;
            case "scope":
              assertStrictEquals(outcome, scope.cancelled);
              break;
            case "signal":
              assertEquals(outcome, "hung up");
              break;
            case "failure":
              assertStrictEquals(outcome, boom);
              break;
            default:
              assertInstanceOf(outcome, TimeoutError);
          }
          const kept = order.includes("item") && order[0] !== "item";
          assertEquals(box.items, kept ? ["a"] : [], "given twice, or lost");
        });
      },
    ),
    { numRuns: 200 },
  );
});

Deno.test("C7: no item is lost or given twice, at whatever step one of two who wait is cancelled", async () => {
  await withLeakCheck(async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const box = new Box();
      const got: string[] = [];
      await taskGroup(async (group) => {
        group.spawn(async () => {
          await checkpoint();
          box.put("a");
          await checkpoint();
          box.put("b");
        });
        const { interrupted } = await interrupt(async () => {
          got.push(await box.take());
        });
        const competitor = group.spawn(async () => void got.push(await box.take()));
        await competitor;
        if (interrupted && got.length === 1) got.push(...box.items.splice(0));
      });
      got.push(...box.items);
      assertEquals(got, ["a", "b"]);
      assertEquals(box.queue.size, 0);
    });
    assert(interrupted > 1);
  });
});

Deno.test("C10: a marked wait ends with a ClosedError when its scope is asked to stop, others go on", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    const marked = box.take({ endOnStop: true });
    const unmarked = box.take();
    scope.stop({ grace: Infinity });
    await assertRejects(() => marked, ClosedError, "Finish the work at hand");
    assertEquals(box.queue.size, 1);
    box.put("a");
    assertEquals(await unmarked, "a");
    assertNoTrace(box, scope);
  });
});

Deno.test("C10: a marked wait in a scope that is stopping takes what is there, and waits for nothing", async () => {
  await cancelScope(async (scope) => {
    const box = new Box();
    box.put("a");
    scope.stop({ grace: Infinity });
    assertEquals(await box.take({ endOnStop: true }), "a");
    await assertRejects(() => box.take({ endOnStop: true }), ClosedError);
    assertNoTrace(box, scope);
  });
});

Deno.test("C9: a foreign promise is waited for in the scope, and forgotten when that is cancelled", async () => {
  await cancelScope(async (scope) => {
    const foreign = Promise.withResolvers<string>();
    const waiting = [waitForPromise(foreign.promise), waitForPromise(foreign.promise)];
    assertEquals(blockedIn(scope).length, 2);
    foreign.resolve("value");
    assertEquals(await Promise.all(waiting), ["value", "value"]);
    assertEquals(blockedIn(scope), []);
    const never = waitForPromise(new Promise(() => {}));
    scope.cancel();
    assertEquals(blockedIn(scope), []);
    assertStrictEquals(await rejectionOf(never), scope.cancelled);
  });
});

Deno.test("Promise 1: cancelled waits that nobody awaits are no unhandled rejections, failures are", async () => {
  const late = new Error("late");
  const unhandled = await unhandledDuring(() =>
    cancelScope(async (scope) => {
      const box = new Box();
      const waits = [
        box.take(),
        box.take({ timeout: Infinity }),
        box.take({ endOnStop: true }),
        waitForPromise(new Promise<string>(() => {})),
      ];
      box.take({ signal: AbortSignal.abort(late) });
      await waitAllTasksBlocked(); // They are not rejected in the turn in which they were made.
      scope.cancel();
      waits.push(box.take());
      await waits[0];
    })
  );
  assertEquals(unhandled, [late]);
});

Deno.test("E1: options that make no sense are refused before anything has happened", async () => {
  await cancelScope((scope) => {
    const box = new Box();
    box.put("a");
    const take = box.take.bind(box) as (options: unknown) => Promise<string>;
    const controller = new AbortController();
    assertThrows(() => take({ timeout: -1 }), RangeError, "Cannot wait as 'timeout'");
    assertThrows(() => take({ timeout: "5" }), TypeError, 'received "5"');
    assertThrows(() => take({ signal: controller }), TypeError, "Pass its 'signal'");
    assertThrows(() => take(5), TypeError, "the options must be an object: received 5");
    assertThrows(() => take(null), TypeError, "the options must be an object: received null");
    assertEquals([box.polls, box.items.length], [0, 1]);
    assertNoTrace(box, scope);
  });
});
