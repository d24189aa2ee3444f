/**
 * What holds for every blocking call, whatever it waits for: rules C1, C7, C8, C10 and E1 of the design. The tests of a
 * primitive describe its calls, and get the same tests for each.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  CancelScope,
  cancelScope,
  checkpoint,
  ClosedError,
  isCancelled,
  taskGroup,
  TimeoutError,
  type WaitOptions,
  yieldNow,
} from "../../mod.ts";
import { pendingTimers } from "../../primitives/kernel/timers.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { calling } from "./probes.ts";
import { rejectionOf, SpiedController } from "./spies.ts";

/** A call that has to wait: nothing is there for it yet. */
export interface BlockingCall {
  /** How the message of a timeout calls what is waited for; `undefined` where the call takes no options. */
  readonly target: string | undefined;
  /** What a call resolves to; `undefined` also where the value does not matter. */
  readonly value?: unknown;
  /** Calls it. */
  call(options?: WaitOptions): Promise<unknown>;
  /** Lets one of those who wait go on, or all. Nobody has to be there. */
  satisfy(): void | Promise<void>;
  /** How many wait. */
  waiters(): number;
  /** All that a wait that came to nothing must leave as it was. */
  state(): unknown;
  /** Asserts that nothing was lost or given twice, when so many were let go on and so many calls have succeeded. */
  conserved(satisfied: number, succeeded: number): void;
}

/** Tests of the ways to end one wait: options, scope, and what is waited for. */
export function testLimits(name: string, make: () => BlockingCall): void {
  Deno.test(`${name}: with a signal that has aborted it throws the reason at once, without effect [C8]`, async () => {
    const it = make();
    const before = it.state();
    const controller = new SpiedController();
    const reason = new Error("hung up");
    controller.abort(reason);
    const pending = it.call({ signal: controller.signal, timeout: 60_000 });
    assertEquals([it.waiters(), pendingTimers(), controller.added], [0, 0, 0]);
    assertStrictEquals(await rejectionOf(pending), reason);
    assertEquals(it.state(), before);
  });

  Deno.test(`${name}: each of its limits ends it, and all of them leave nothing behind [C8]`, async () => {
    const reason = new Error("hung up");
    for (const ender of ["signal", "timeout", "scope", "success"]) {
      await withVirtualTime((time) =>
        withLeakCheck(async () => {
          const it = make();
          const controller = new SpiedController();
          const timers = pendingTimers();
          const scope = new CancelScope();
          const outcome = scope.enter(async () => {
            const timeout = ender === "timeout" ? 10 : 9_999;
            const pending = it.call({ signal: controller.signal, timeout })
              .then((value) => ({ value }), (error) => ({ error }));
            assertEquals([it.waiters(), controller.listeners], [1, 1]);
            assert(pendingTimers() > timers);
            if (ender === "signal") controller.abort(reason);
            if (ender === "scope") scope.cancel();
            if (ender === "success") await it.satisfy();
            return await pending;
          });
          const result = await outcome;
          assertEquals([it.waiters(), controller.listeners], [0, 0], ender);
          assertEquals(pendingTimers(), 0, ender);
          if (ender === "success") {
            assert(result !== undefined && "value" in result);
            return;
          }
          assert(result !== undefined && "error" in result);
          if (ender === "signal") assertStrictEquals(result.error, reason);
          if (ender === "scope") assertStrictEquals(result.error, scope.cancelled);
          if (ender === "timeout") {
            assertInstanceOf(result.error, TimeoutError);
            assertEquals(
              result.error.message,
              `Cannot wait for ${it.target} any longer as the time is up: 10 ms. Give it more, or go on without`,
            );
            assertEquals(time.elapsed, 10);
          }
        })
      );
    }
  });

  Deno.test(`${name}: a timeout of 0 gives up at once, without a turn of the loop [C8]`, async () => {
    await withLeakCheck(async () => {
      const it = make();
      let turned = false;
      const timer = setTimeout(() => turned = true, 0);
      const pending = it.call({ timeout: 0 });
      assertEquals([it.waiters(), pendingTimers()], [0, 0]);
      const error = await rejectionOf(pending);
      assertEquals(turned, false);
      clearTimeout(timer);
      assertInstanceOf(error, TimeoutError);
      assertEquals(
        error.message,
        `Cannot wait for ${it.target} any longer as the time is up: 0 ms. Give it more, or go on without`,
      );
    });
  });

  Deno.test(`${name}: marked with endOnStop it ends when its scope is asked to stop, else it goes on [C10]`, async () => {
    for (const endOnStop of [true, false]) {
      await withVirtualTime(() =>
        cancelScope(async (scope) => {
          const it = make();
          const pending = it.call({ endOnStop });
          scope.stop({ grace: 5_000 });
          assertEquals(it.waiters(), endOnStop ? 0 : 1);
          if (endOnStop) {
            assertInstanceOf(await rejectionOf(pending), ClosedError);
            const again = make();
            assertInstanceOf(await rejectionOf(again.call({ endOnStop })), ClosedError);
            assertEquals(again.waiters(), 0);
          } else {
            await it.satisfy();
            await pending;
          }
        })
      );
    }
  });

  Deno.test(`${name}: options that make no sense are refused at the call, before any effect [E1]`, () => {
    const it = make();
    const before = it.state();
    const call = (options: unknown) => calling(it.call, options);
    assertThrows(call({ timeout: -1 }), RangeError, "'timeout' must be zero or more");
    assertThrows(call({ timeout: NaN }), RangeError, "received NaN");
    assertThrows(call({ timeout: "3" }), TypeError, 'received "3"');
    assertThrows(call({ signal: new AbortController() }), TypeError, "Pass its 'signal'");
    assertThrows(call(null), TypeError, "the options must be an object: received null");
    assertThrows(call(3), TypeError, "the options must be an object: received 3");
    assertEquals([it.waiters(), pendingTimers()], [0, 0]);
    assertEquals(it.state(), before);
  });

  testScope(name, make);
}

/** What holds also where a call takes no options. */
export function testScope(name: string, make: () => BlockingCall): void {
  Deno.test(`${name}: in a cancelled scope it throws, without effect, again and again [C1, C8]`, async () => {
    await cancelScope(async (scope) => {
      const it = make();
      const before = it.state();
      scope.cancel();
      for (let round = 0; round < 3; round++) {
        assertStrictEquals(await rejectionOf(it.call()), scope.cancelled);
      }
      assertEquals(it.waiters(), 0);
      assertEquals(it.state(), before);
      // Also where it would not have to wait.
      await it.satisfy()?.catch(() => {});
      const there = it.state();
      assertStrictEquals(await rejectionOf(it.call()), scope.cancelled);
      assertEquals(it.state(), there);
    });
  });
}

/** Tests of the hand-over: what `satisfy` gives goes to somebody, or stays. It must do so at once. */
export function testHandOver(name: string, make: () => BlockingCall): void {
  Deno.test(`${name}: what is given after the cancellation in the same turn is not lost [C7]`, async () => {
    await withLeakCheck(async () => {
      const it = make();
      const scope = new CancelScope();
      const pending = scope.enter(async () => {
        await it.call();
        return "went on";
      });
      await waitAllTasksBlocked();
      assertEquals(it.waiters(), 1);
      scope.cancel();
      it.satisfy();
      assertEquals(await pending, undefined);
      assert(scope.cancelledCaught);
      assertEquals(it.waiters(), 0);
      it.conserved(1, 0);
    });
  });

  Deno.test(`${name}: what is given before the cancellation in the same turn is kept [C7]`, async () => {
    await withLeakCheck(async () => {
      const it = make();
      const scope = new CancelScope();
      const steps: unknown[] = [];
      const pending = scope.enter(async () => {
        const value = await it.call();
        if (it.value !== undefined) assertEquals(value, it.value);
        steps.push("has it");
        await checkpoint();
        steps.push("not reached");
      });
      await waitAllTasksBlocked();
      assertEquals(it.waiters(), 1);
      it.satisfy();
      scope.cancel();
      await pending;
      assertEquals(steps, ["has it"]);
      assertEquals(it.waiters(), 0);
      it.conserved(1, 1);
    });
  });

  if (make().target !== undefined) {
    Deno.test(`${name}: what is given before its signal aborts in the same turn is kept [C7]`, async () => {
      const it = make();
      const controller = new SpiedController();
      const pending = it.call({ signal: controller.signal });
      it.satisfy();
      controller.abort(new Error("too late"));
      await pending;
      assertEquals(controller.listeners, 0);
      it.conserved(1, 1);
    });
  }

  Deno.test(`${name}: what a cancelled waiter would have had goes to the next in line [C7]`, async () => {
    await withLeakCheck(() =>
      taskGroup(async (group) => {
        const it = make();
        const [first, next] = [1, 2].map(() => group.spawn(() => it.call()));
        await waitAllTasksBlocked();
        assertEquals(it.waiters(), 2);
        first.cancel();
        it.satisfy();
        assert(isCancelled(await rejectionOf(first)));
        await next;
        assertEquals(it.waiters(), 0);
        it.conserved(1, 1);
      })
    );
  });

  for (const rivals of [0, 1, 2]) {
    const others = ["alone", "behind another", "between two others"][rivals];
    Deno.test(`${name}: it may be interrupted at every step, ${others}, and nothing is lost [C7]`, async () => {
      const { interrupted } = await interruptAtEveryStep((interrupt) =>
        withLeakCheck(async () => {
          const it = make();
          let succeeded = 0;
          const call = async () => {
            await it.call();
            succeeded++;
          };
          await taskGroup(async (group) => {
            if (rivals > 0) group.spawn(call);
            group.spawn(async () => {
              for (let turn = 0; turn < 3; turn++) await yieldNow();
              if (rivals > 1) group.spawn(call);
              for (let rival = 0; rival <= rivals; rival++) {
                await yieldNow();
                it.satisfy();
              }
            });
            await interrupt(call);
          });
          assert(succeeded >= rivals, "a rival was left out");
          assertEquals(it.waiters(), 0);
          it.conserved(1 + rivals, succeeded);
        })
      );
      assert(interrupted > 3, `interrupted ${interrupted} times only`);
    });
  }
}
