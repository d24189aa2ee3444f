/**
 * The tree of scopes: how cancellation travels through it, and what waits in it. `stop()` is tested
 * in `scope_stop_test.ts`.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Cancelled, sleep } from "../../../mod.ts";
import { rootScope } from "../../../primitives/kernel/context.ts";
import {
  activityCount,
  block,
  Blocked,
  blockedIn,
  cancelledAt,
  causeOf,
  children,
  drain,
  drained,
  hasChildren,
  hasEnded,
  isShielded,
  limitScope,
  link,
  onReached,
  parentOf,
  pendingIn,
  Scope,
  shieldScope,
  unblock,
  unlink,
  youngest,
} from "../../../primitives/kernel/scope.ts";
import { pendingTimers } from "../../../primitives/kernel/timers.ts";
import {
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../../primitives/testing/mod.ts";
import { SpiedController } from "../spies.ts";

class Plain extends Scope {
  readonly name: string;

  constructor(name: string) {
    super();
    this.name = name;
  }

  /** Opens a scope in another one. */
  static in(parent: Scope, name = "plain"): Plain {
    const scope = new Plain(name);
    link(scope, parent, null);
    return scope;
  }
}

/** A wait that notes how it ended. */
class Wait extends Blocked<void> {
  readonly ends: unknown[] = [];

  override wake(): void {
    unblock(this);
    this.ends.push("woken");
  }

  override cancel(error: Cancelled): void {
    unblock(this);
    this.ends.push(error);
  }

  override stop(): void {
    this.ends.push("stop");
  }
}

// The tree

Deno.test("Scopes stand in a tree, the older before the younger, until they end", async () => {
  await withLeakCheck(() => {
    const top = Plain.in(rootScope());
    assertFalse(hasChildren(top));
    const [a, b, c] = ["a", "b", "c"].map((name) => Plain.in(top, name));
    assertEquals(children(top), [a, b, c]);
    assertStrictEquals(parentOf(b), top);
    unlink(b);
    assertEquals(children(top), [a, c]);
    assert(hasEnded(b));
    const d = Plain.in(top, "d");
    unlink(a);
    assertEquals(children(top), [c, d]);
    for (const scope of [c, d]) unlink(scope);
    assertEquals(children(top), []);
    unlink(top);
  });
});

Deno.test("youngest() finds the scope opened last of those that satisfy a condition", () => {
  const top = Plain.in(rootScope());
  const isShort = (scope: Scope): scope is Plain => scope.name.length === 1;
  assertStrictEquals(youngest(top, isShort), null);
  const scopes = ["long", "a", "b", "longer"].map((name) => Plain.in(top, name));
  assertStrictEquals(youngest(top, isShort), scopes[2]);
  unlink(scopes[2]);
  assertStrictEquals(youngest(top, isShort), scopes[1]);
  unlink(scopes[1]);
  assertStrictEquals(youngest(top, isShort), null);
  for (const scope of [scopes[0], scopes[3], top]) unlink(scope);
});

Deno.test("Everything that moves changes the activity count", () => {
  const counts = [activityCount()];
  const scope = Plain.in(rootScope());
  counts.push(activityCount());
  const wait = new Wait();
  block(scope, wait);
  counts.push(activityCount());
  unblock(wait);
  counts.push(activityCount());
  unlink(scope);
  counts.push(activityCount());
  assertEquals(new Set(counts).size, counts.length);
});

// Waits

Deno.test("Waits stand in their scope until they end, and leave it only once", () => {
  const scope = Plain.in(rootScope());
  const waits = [new Wait(), new Wait(), new Wait()];
  for (const wait of waits) block(scope, wait);
  assertEquals(blockedIn(scope), waits);
  unblock(waits[1]);
  unblock(waits[1]);
  assertEquals(blockedIn(scope), [waits[0], waits[2]]);
  unblock(waits[0]);
  unblock(waits[2]);
  assertEquals(blockedIn(scope), []);
  unlink(scope);
});

Deno.test("The waits of a scope that ends go on in the one around, and are cancelled with it", () => {
  const top = Plain.in(rootScope());
  const task = Plain.in(top);
  const waits = [new Wait(), new Wait()];
  for (const wait of waits) block(task, wait);
  unlink(task);
  assertEquals(blockedIn(task), []);
  assertEquals(blockedIn(top), waits);
  top.cancel();
  assertEquals(waits.map((wait) => wait.ends), [[top.cancelled], [top.cancelled]]);
  unlink(top);
});

Deno.test("The waits that a shield leaves behind in a cancelled scope are cancelled", () => {
  const top = Plain.in(rootScope());
  const shielded = Plain.in(top);
  shieldScope(shielded, true);
  const wait = new Wait();
  block(shielded, wait);
  top.cancel();
  assertEquals(wait.ends, []);
  unlink(shielded);
  assertEquals(wait.ends, [top.cancelled]);
  unlink(top);
});

// Cancelling

Deno.test("A cancelled scope knows why, and since when", async () => {
  await withVirtualTime(async (time) => {
    await sleep(5);
    const byCall = Plain.in(rootScope());
    byCall.cancel();
    const byDeadline = new Plain("by deadline");
    limitScope(byDeadline, { timeout: 10 });
    link(byDeadline, rootScope(), null);
    const bySignal = new Plain("by signal");
    limitScope(bySignal, { signal: AbortSignal.abort("hung up") });
    link(bySignal, rootScope(), null);
    assertStrictEquals(causeOf(byDeadline), "call", "nothing has cancelled it yet");
    await sleep(100);
    assertEquals([byCall, byDeadline, bySignal].map(causeOf), ["call", "deadline", "signal"]);
    assertEquals([byCall, byDeadline, bySignal].map(cancelledAt), [5, 15, 5]);
    assertEquals(bySignal.cancelled?.reason, "hung up");
    assertEquals(time.elapsed, 105);
    for (const scope of [byCall, byDeadline, bySignal]) unlink(scope);
  });
});

Deno.test("A scope opened in a cancelled one is cancelled, but for a shielded one", () => {
  const top = Plain.in(rootScope());
  top.cancel();
  const open = Plain.in(top);
  const shielded = new Plain("shielded");
  shieldScope(shielded, true);
  link(shielded, top, null);
  assertStrictEquals(pendingIn(open), top.cancelled);
  assertStrictEquals(pendingIn(shielded), null);
  shieldScope(shielded, false);
  assertStrictEquals(pendingIn(shielded), top.cancelled);
  assertFalse(isShielded(shielded));
  for (const scope of [open, shielded, top]) unlink(scope);
});

Deno.test("onReached() calls back once all below know, whoever was cancelled", () => {
  const top = Plain.in(rootScope());
  const middle = Plain.in(top);
  const leaf = Plain.in(middle);
  let seen: unknown = "not called";
  onReached(middle, () => seen = pendingIn(leaf));
  top.cancel();
  assertStrictEquals(seen, top.cancelled);
  for (const scope of [leaf, middle, top]) unlink(scope);
});

Deno.test("A listener may end scopes and cancel others while a cancellation is told", () => {
  const top = Plain.in(rootScope());
  const scopes = [0, 1, 2].map((index) => Plain.in(top, `${index}`));
  const told: string[] = [];
  for (const scope of scopes) scope.signal.addEventListener("abort", () => told.push(scope.name));
  scopes[0].signal.addEventListener("abort", () => {
    unlink(scopes[1]);
    scopes[2].cancel();
    top.cancel("again");
  });
  top.cancel("first");
  assertEquals(told, ["0", "1", "2"]);
  assertEquals(top.cancelled?.reason, "first");
  for (const scope of scopes) assertStrictEquals(scope.signal.reason, top.cancelled);
  for (const scope of [scopes[0], scopes[2], top]) unlink(scope);
});

Deno.test("drained() resolves when no scope is open any more; drain() cancels them first", async () => {
  const top = Plain.in(rootScope());
  await drained(top);
  const [a, b] = [Plain.in(top), Plain.in(top)];
  let isDrained = false;
  const draining = drain(top).then(() => isDrained = true);
  assert(a.cancelled !== undefined && b.cancelled !== undefined);
  assertStrictEquals(top.cancelled, undefined);
  unlink(a);
  await waitAllTasksBlocked();
  assertFalse(isDrained);
  unlink(b);
  await draining;
  unlink(top);
});

Deno.test("A scope that ends lets go of its deadline, its grace and its signal", async () => {
  await withVirtualTime(() => {
    const controller = new SpiedController();
    const scope = new Plain("limited");
    limitScope(scope, { timeout: 10, signal: controller.signal });
    link(scope, rootScope(), null);
    scope.stop({ grace: 100 });
    assertEquals([pendingTimers(), controller.listeners], [2, 1]);
    unlink(scope);
    assertEquals([pendingTimers(), controller.listeners], [0, 0]);
  });
});

Deno.test("C4: at any time, in every scope of any tree, the outermost cancellation that no shield keeps out is in force", () => {
  const operation = fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant("open" as const), at: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("cancel" as const), at: fc.nat() }) },
    { weight: 4, arbitrary: fc.record({ do: fc.constant("shield" as const), at: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("wait" as const), at: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("end" as const), at: fc.nat() }) },
  );
  interface Model {
    scope: Plain;
    parent: Model | null;
    shielded: boolean;
    cancelled: boolean;
    waits: { wait: Wait; over: boolean }[];
  }
  // The rule, asked for anew each time and not kept.
  const inForce = (model: Model): Cancelled | null =>
    (model.shielded || model.parent === null ? null : inForce(model.parent)) ??
      (model.cancelled ? model.scope.cancelled! : null);

  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60, size: "max" }), (operations) => {
      const top: Model = {
        scope: Plain.in(rootScope(), "top"),
        parent: null,
        shielded: false,
        cancelled: false,
        waits: [],
      };
      const tree = [top];
      const open = (parent: Model) => {
        const scope = Plain.in(parent.scope, `${tree.length}`);
        // Half of them with a signal, which must abort just when a cancellation reaches the scope.
        if (tree.length % 2 === 0) assertEquals(scope.signal.aborted, pendingIn(scope) !== null);
        tree.push({ scope, parent, shielded: false, cancelled: false, waits: [] });
      };
      const settle = (model: Model) => {
        const expected = inForce(model);
        for (const entry of model.waits) {
          if (!entry.over && expected !== null) {
            assertStrictEquals(entry.wait.ends[0], expected);
            entry.over = true;
          }
          assertEquals(entry.wait.ends.length, entry.over ? 1 : 0);
          assertStrictEquals(entry.wait.scope, entry.over ? null : model.scope);
        }
      };
      const end = (model: Model) => {
        for (const child of tree.filter(({ parent }) => parent === model)) end(child);
        tree.splice(tree.indexOf(model), 1);
        unlink(model.scope);
        if (model.parent === null) return;
        model.parent.waits.push(...model.waits);
        settle(model.parent);
      };
      for (const operation of operations) {
        const model = tree[operation.at % tree.length];
        switch (operation.do) {
          case "open":
            open(model);
            break;
          case "cancel":
            model.scope.cancel();
            model.cancelled = true;
            break;
          case "shield":
            shieldScope(model.scope, model.shielded = !model.shielded);
            break;
          case "wait":
            if (pendingIn(model.scope) === null) {
              const wait = new Wait();
              block(model.scope, wait);
              model.waits.push({ wait, over: false });
            }
            break;
          default:
            if (model !== top) end(model);
        }
        for (const model of tree) {
          const expected = inForce(model);
          assertStrictEquals(pendingIn(model.scope), expected);
          settle(model);
          if (Number(model.scope.name) % 2 === 0 && expected !== null) {
            assert(model.scope.signal.aborted);
          }
        }
      }
      end(top);
    }),
    { numRuns: 300 },
  );
});
