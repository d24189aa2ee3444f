/**
 * Promises that nobody awaits: a cancellation that rejects them does not end the process, and a
 * failure does.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  after,
  cancellable,
  cancelScope,
  checkpoint,
  failAfter,
  moveOnAfter,
  shield,
  sleep,
  sleepUntil,
  taskGroup,
  TaskLocal,
  yieldNow,
} from "../../../mod.ts";
import { floats, mayFloat } from "../../../primitives/kernel/floating.ts";
import { waitAllTasksBlocked } from "../../../primitives/testing/mod.ts";
import { rejectionOf, unhandledDuring } from "../spies.ts";

const never = new Promise<never>(() => {});

/** All that gives a promise of something that can be cancelled. */
const calls: Record<string, () => unknown> = {
  "sleep()": () => sleep(Infinity),
  "sleep(), with limits": () => sleep(Infinity, { timeout: Infinity, endOnStop: true }),
  "sleepUntil()": () => sleepUntil(Infinity),
  "yieldNow()": () => yieldNow(),
  "checkpoint()": () => checkpoint(),
  "after()": () => after(Infinity).then(),
  "after().then()": () => after(Infinity).then(() => 1),
  "cancellable()": () => cancellable(never),
  "cancelScope()": () => cancelScope(() => sleep(Infinity)),
  "moveOnAfter()": () => moveOnAfter(Infinity, () => sleep(Infinity)),
  "failAfter()": () => failAfter(Infinity, () => sleep(Infinity)),
  "taskGroup()": () => taskGroup(() => sleep(Infinity)),
  "a group with children": () => taskGroup((group) => void group.spawn(() => sleep(Infinity))),
  "TaskLocal.run()": () => new TaskLocal().run(1, () => sleep(Infinity)),
};

for (const [name, call] of Object.entries(calls)) {
  Deno.test(`Promise 1: ${name} that is cancelled while nobody awaits it ends no process`, async () => {
    const unhandled = await unhandledDuring(() =>
      cancelScope(async (scope) => {
        call();
        const a = call();
        const b = call();
        await waitAllTasksBlocked();
        scope.cancel();
        call();
        await a;
        await b;
      })
    );
    assertEquals(unhandled, []);
  });
}

Deno.test("Promise 1: a failure that nobody awaits is as loud as ever", async () => {
  const boom = new Error("boom");
  const fail = () => Promise.reject(boom);
  const unhandled = await unhandledDuring(() => {
    cancelScope(fail);
    moveOnAfter(Infinity, fail);
    failAfter(Infinity, fail);
    shield(fail);
    cancellable(fail());
    taskGroup(fail);
    sleep(Infinity, { signal: AbortSignal.abort(boom) });
  });
  assertEquals(unhandled, [boom, boom, boom, boom, boom, boom, boom]);
});

Deno.test("mayFloat() settles as the promise does, and marks it for a cancellation only", async () => {
  const boom = new Error("boom");
  assertEquals(await mayFloat(Promise.resolve(1)), 1);
  assertEquals(await rejectionOf(mayFloat(Promise.reject(boom))), boom);
  const unhandled = await unhandledDuring(() =>
    cancelScope((scope) => {
      scope.cancel();
      mayFloat(Promise.reject(scope.cancelled));
      mayFloat(Promise.reject(boom));
      const marked = Promise.reject(boom);
      floats(marked);
    })
  );
  assertEquals(unhandled, [boom]);
});
