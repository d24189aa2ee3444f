/**
 * Deferred values.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  cancelScope,
  Deferred,
  inspect,
  isCancelled,
  select,
  taskGroup,
  TimeoutError,
  type WaitOptions,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";
import { testHandOver, testLimits, testScope } from "./blocking_call.ts";
import { outcomeOf } from "./outcome.ts";
import { calling } from "./probes.ts";
import { rejectionOf, unhandledDuring } from "./spies.ts";
import { named } from "./waits.ts";

function unsettled(call: (deferred: Deferred<string>, options?: WaitOptions) => Promise<unknown>) {
  return () => {
    const deferred = new Deferred<string>({ name: "port" });
    return {
      target: 'deferred "port"',
      value: "8080",
      call: (options?: WaitOptions) => call(deferred, options),
      satisfy: () => void deferred.resolve("8080"),
      waiters: () => deferred.stats().waiters,
      state: () => deferred.settled,
      conserved: () => assert(deferred.settled),
    };
  };
}

const viaWait = unsettled((deferred, options) => deferred.wait(options));
testLimits("Deferred.wait()", viaWait);
testHandOver("Deferred.wait()", viaWait);

const viaAwait = unsettled(async (deferred) => await deferred);
testScope("await deferred", viaAwait);
testHandOver("await deferred", () => ({ ...viaAwait(), target: undefined }));

Deno.test("A deferred value comes to all who wait and all who come later", async () => {
  const deferred = new Deferred<number>();
  assertFalse(deferred.settled);
  const waiting = [deferred.wait(), (async () => await deferred)(), deferred.then((n) => n)];
  await waitAllTasksBlocked();
  assertEquals(deferred.stats().waiters, 3);
  assert(deferred.resolve(8080));
  assert(deferred.settled);
  assertEquals(await Promise.all(waiting), [8080, 8080, 8080]);
  assertEquals(await deferred, 8080);
  assertEquals(await deferred.wait({ timeout: 0 }), 8080);
  assertEquals(deferred.stats().waiters, 0);
});

Deno.test("The error of a deferred value comes to all who wait and all who come later, as it is", async () => {
  const boom = new Error("boom");
  const deferred = new Deferred<number>();
  const waiting = [deferred.wait(), (async () => await deferred)()].map(rejectionOf);
  await waitAllTasksBlocked();
  assertEquals(deferred.stats().waiters, 2);
  assert(deferred.reject(boom));
  assertEquals(deferred.stats().waiters, 0);
  assert(deferred.settled);
  for (const error of await Promise.all(waiting)) assertStrictEquals(error, boom);
  assertStrictEquals(await rejectionOf(deferred), boom);
  assertStrictEquals(await rejectionOf(deferred.wait()), boom);
});

Deno.test("A deferred value is settled once: every later try answers false and changes nothing", async () => {
  const resolved = new Deferred<string>();
  assertEquals(
    [resolved.resolve("first"), resolved.resolve("second"), resolved.reject(new Error())],
    [true, false, false],
  );
  assertEquals(await resolved, "first");
  const rejected = new Deferred<string>();
  assertEquals(
    [rejected.reject("first"), rejected.reject("second"), rejected.resolve("third")],
    [true, false, false],
  );
  assertStrictEquals(await rejectionOf(rejected), "first");
});

Deno.test("undefined is a value, and an error, like any other", async () => {
  const resolved = new Deferred<undefined>();
  resolved.resolve(undefined);
  assert(resolved.settled);
  assertStrictEquals(await resolved.wait({ timeout: 0 }), undefined);
  const rejected = new Deferred<undefined>();
  rejected.reject(undefined);
  assert(rejected.settled);
  assertStrictEquals(await rejectionOf(rejected), undefined);
  assertStrictEquals(await rejectionOf(rejected.promise), undefined);
});

Deno.test("An error that nobody waits for disturbs nobody", async () => {
  const unhandled = await unhandledDuring(() => new Deferred().reject(new Error("boom")));
  assertEquals(unhandled, []);
});

Deno.test("An error that somebody waits for without handling it is as loud as of any promise", async () => {
  const boom = new Error("boom");
  const unhandled = await unhandledDuring(() => {
    const deferred = new Deferred();
    deferred.then(() => {});
    deferred.reject(boom);
  });
  assertEquals(unhandled, [boom]);
});

Deno.test("A cancelled wait for a deferred value that nobody awaits is no unhandled rejection", async () => {
  const unhandled = await unhandledDuring(() =>
    cancelScope(async (scope) => {
      const deferred = new Deferred();
      deferred.wait();
      deferred.then(() => {});
      scope.cancel();
      await deferred;
    })
  );
  assertEquals(unhandled, []);
});

Deno.test("`promise` is the same each time, and settles with the value, asked for before or after", async () => {
  const before = new Deferred<string>();
  const early = before.promise;
  assertEquals(await outcomeOf(early), "pending");
  before.resolve("early");
  const after = new Deferred<string>();
  after.resolve("late");
  assertEquals([await early, await after.promise], ["early", "late"]);
  assertStrictEquals(before.promise, early);
  assertStrictEquals(after.promise, after.promise);
});

Deno.test("`promise` rejects with the error, asked for before or after", async () => {
  const boom = new Error("boom");
  const before = new Deferred();
  const early = before.promise;
  early.catch(() => {});
  before.reject(boom);
  const after = new Deferred();
  after.reject(boom);
  assertStrictEquals(await rejectionOf(early), boom);
  assertStrictEquals(await rejectionOf(after.promise), boom);
});

Deno.test("`promise` is no checkpoint: it outlives the scope in which it was asked for", async () => {
  const deferred = new Deferred<string>();
  let promise: Promise<string> | undefined;
  await cancelScope((scope) => {
    promise = deferred.promise;
    scope.cancel();
  });
  assertEquals(deferred.stats().waiters, 0);
  deferred.resolve("value");
  assertEquals(await promise, "value");
});

Deno.test("A value that is a thenable is awaited by all who get it, as by any promise", async () => {
  const inner = Promise.withResolvers<string>();
  const deferred = new Deferred<PromiseLike<string>>();
  const early = deferred.wait();
  assert(deferred.resolve(inner.promise));
  assert(deferred.settled);
  assertEquals(await outcomeOf(early), "pending");
  inner.resolve("inner");
  assertEquals(await early, "inner" as never);
  assertEquals(await deferred, "inner");
  assertEquals(await deferred.promise, "inner" as never);
  const selected = await select({ deferred });
  assertStrictEquals(selected.value, inner.promise);
});

Deno.test("A cancelled wait takes the value from nobody else", async () => {
  await withLeakCheck(() =>
    taskGroup(async (group) => {
      const deferred = new Deferred<string>();
      const [impatient, patient] = [1, 2].map(() => group.spawn(async () => await deferred));
      await waitAllTasksBlocked();
      assertEquals(deferred.stats().waiters, 2);
      impatient.cancel();
      assertEquals(deferred.stats().waiters, 1);
      deferred.resolve("value");
      assert(isCancelled(await rejectionOf(impatient)));
      assertEquals(await patient, "value");
    })
  );
});

Deno.test("then() without a call-back for errors passes them on, and with one handles a cancellation too", async () => {
  const boom = new Error("boom");
  const deferred = new Deferred<number>();
  deferred.reject(boom);
  assertStrictEquals(await rejectionOf(deferred.then((n) => n + 1)), boom);
  assertEquals(await deferred.then(null, () => "handled"), "handled");
  await cancelScope(async (scope) => {
    const waiting = new Deferred().then(() => "value", (error) => isCancelled(error));
    scope.cancel();
    assertEquals(await waiting, true);
  });
});

Deno.test("In a select a deferred value wins when it comes, and its error is thrown [W8]", async () => {
  const [a, b] = [new Deferred<number>(), new Deferred<string>()];
  const selecting = select({ a, b });
  assertEquals([a.stats().waiters, b.stats().waiters], [1, 1]);
  b.resolve("b");
  assertEquals([a.stats().waiters, b.stats().waiters], [0, 0]);
  assertEquals(await selecting, { key: "b", value: "b" });
  const boom = new Error("boom");
  const failing = rejectionOf(select({ a, c: new Deferred() }));
  a.reject(boom);
  assertStrictEquals(await failing, boom);
  assertStrictEquals(await rejectionOf(select({ a })), boom);
});

Deno.test("A deferred value tells how it is doing, in a frozen snapshot [W9]", async () => {
  const deferred = new Deferred<number>();
  const before = deferred.stats();
  assert(Object.isFrozen(before));
  assertEquals(before, { settled: false, waiters: 0, peakWaiters: 0 });
  const waiting = [deferred.wait(), deferred.wait()];
  await assertRejects(() => deferred.wait({ timeout: 0 }), TimeoutError);
  assertEquals(deferred.stats(), { settled: false, waiters: 2, peakWaiters: 3 });
  deferred.resolve(1);
  assertEquals(deferred.stats(), { settled: true, waiters: 0, peakWaiters: 3 });
  await Promise.all(waiting);
});

Deno.test("A wait for a deferred value shows in inspect() by its name", async () => {
  const deferred = new Deferred<number>({ name: "port" });
  await taskGroup((group) => {
    group.spawn(async () => await deferred);
    group.spawn(() => deferred.wait());
    // What `await` calls comes a turn of the microtask queue later.
    return waitAllTasksBlocked().then(() => {
      for (const { waitingFor } of inspect().children[0].children) {
        assertEquals(named(waitingFor), [{ kind: "deferred", name: "port" }]);
      }
      deferred.resolve(1);
    });
  });
});

Deno.test("A deferred value refuses a name that is none [E1]", () => {
  const make = (options: never) => new Deferred(options);
  assertThrows(
    calling(make, { name: 3 }),
    TypeError,
    "Cannot make a deferred value as 'name' must be a string: received 3",
  );
  assertThrows(calling(make, null), TypeError, "the options must be an object: received null");
  assertEquals(new Deferred().name, "");
});
