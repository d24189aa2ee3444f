/**
 * The one `Cancelled` of a cancelled scope, and its signal: rule C2 of the design.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertFalse,
  assertInstanceOf,
  assertNotStrictEquals,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  Cancelled,
  CancelScope,
  cancelScope,
  checkpoint,
  isCancelled,
  sleep,
  taskGroup,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { rejectionOf } from "./spies.ts";

Deno.test("C2: Cancelled is an Error named AbortError that knows its scope and the reason", async () => {
  await cancelScope(async (scope) => {
    const reason = { why: "enough" };
    scope.cancel(reason);
    const error = await rejectionOf(sleep(1));
    assertInstanceOf(error, Cancelled);
    assertInstanceOf(error, Error);
    assertEquals(error.name, "AbortError");
    assertStrictEquals(error.scope, scope);
    assertStrictEquals(error.reason, reason);
    assertStringIncludes(error.message, '"search"');
    assert(isCancelled(error));
  }, { name: "search" });
});

Deno.test("C2: the message tells the reason, and a reason that is an error is the cause", async () => {
  await cancelScope(async (scope) => {
    const reason = new Error("the peer has gone");
    scope.cancel(reason);
    const error = await rejectionOf(sleep(1)) as Cancelled;
    assertStringIncludes(error.message, "the peer has gone");
    assertStrictEquals(error.cause, reason);
  });
});

Deno.test("C2: isCancelled() knows Cancelled, and no other AbortError", () => {
  assertFalse(isCancelled(new DOMException("aborted", "AbortError")));
  assertFalse(isCancelled(undefined));
  assertFalse(isCancelled({ name: "AbortError" }));
});

Deno.test("C2: there is one Cancelled object for all waits below and for the signal", async () => {
  const seen = new Set<unknown>();
  await cancelScope(async (scope) => {
    await taskGroup(async (group) => {
      for (let child = 0; child < 10; child++) {
        group.spawn(() => sleep(Infinity).catch((error) => seen.add(error)));
      }
      group.spawn(async (task) => {
        await sleep(Infinity).catch(() => {});
        seen.add(task.signal.reason);
      });
      await waitAllTasksBlocked();
      scope.cancel();
      await checkpoint().catch((error) => seen.add(error));
      seen.add(scope.cancelled).add(scope.signal.reason).add(group.signal.reason);
    });
  });
  assertEquals(seen.size, 1);
});

Deno.test("C2: a scope makes its signal when it is asked for, and only one", async () => {
  const { AbortController: Original } = globalThis;
  let made = 0;
  globalThis.AbortController = class extends Original {
    constructor() {
      super();
      made++;
    }
  };
  try {
    await cancelScope(async (scope) => {
      await cancelScope(() => taskGroup((group) => group.spawn(() => sleep(0)).join()));
      assertEquals(made, 0);
      const { signal } = scope;
      assertStrictEquals(scope.signal, signal);
      assertFalse(signal.aborted);
      assertEquals(made, 1);
    });
  } finally {
    globalThis.AbortController = Original;
  }
});

Deno.test("C2: a signal asked for in a scope that is cancelled already has aborted with its Cancelled", async () => {
  await cancelScope((scope) => {
    scope.cancel();
    assert(scope.signal.aborted);
    assertStrictEquals(scope.signal.reason, scope.cancelled);
  });
});

Deno.test("C2: the signal of a scope inside aborts with the Cancelled from outside", async () => {
  await cancelScope(async (outer) => {
    await cancelScope((inner) => {
      const { signal } = inner;
      outer.cancel();
      assert(signal.aborted);
      assertStrictEquals(signal.reason, outer.cancelled);
      assertStrictEquals(inner.cancelled, undefined);
    });
  });
});

Deno.test("C2: fetch(url, { signal }) rejects with the very Cancelled of the scope, which catches it", async () => {
  const arrived = Promise.withResolvers<void>();
  const answer = Promise.withResolvers<Response>();
  await using server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, () => {
    arrived.resolve();
    return answer.promise;
  });
  using _end = { [Symbol.dispose]: () => answer.resolve(new Response()) }; // Or it never shuts down.
  const url = `http://127.0.0.1:${server.addr.port}/`;
  const scope = new CancelScope();
  const fetched = scope.enter(async ({ signal }) => {
    const error = await rejectionOf(fetch(url, { signal }));
    assertStrictEquals(error, scope.cancelled);
    throw error;
  });
  await arrived.promise;
  scope.cancel("not needed any more");
  await fetched;
  assert(scope.cancelledCaught);
});

Deno.test("C2: an AbortError that a foreign API made of our signal's reason is caught as well", async () => {
  const { setTimeout: delay } = await import("node:timers/promises");
  const scope = new CancelScope();
  await scope.enter(async ({ signal }) => {
    const delayed = delay(60_000, undefined, { signal });
    scope.cancel();
    const error = await rejectionOf(delayed) as Error;
    assertNotStrictEquals(error, scope.cancelled);
    assertStrictEquals(error.cause, scope.cancelled);
    throw error;
  });
  assert(scope.cancelledCaught);
});

Deno.test("C2: a listener on a signal sees the whole tree cancelled already", async () => {
  await cancelScope(async (outer) => {
    await cancelScope(async (inner) => {
      let innerWasCancelled: unknown;
      outer.signal.addEventListener("abort", () => innerWasCancelled = inner.signal.reason);
      outer.cancel();
      assertStrictEquals(innerWasCancelled, outer.cancelled);
    });
  });
});
