/**
 * Which scope the running code belongs to.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  cancelScope,
  currentTask,
  shield,
  sleep,
  type Task,
  taskGroup,
  yieldNow,
} from "../../../mod.ts";
import {
  currentScope,
  enteredScope,
  followsAwait,
  rootScope,
  runIn,
} from "../../../primitives/kernel/context.ts";
import { rejectionOf } from "../spies.ts";

Deno.test("Outside any task the code belongs to the root, which has no parent and never ends", () => {
  assertStrictEquals(currentScope(), rootScope());
  assertStrictEquals(currentTask(), rootScope() as Task);
  assertStrictEquals(currentTask().parent, null);
  assert(currentTask().isAlive);
});

Deno.test("The scope is followed across every kind of await", async () => {
  assert(followsAwait);
  await cancelScope(async (scope) => {
    const awaits: Record<string, () => unknown> = {
      "a value": () => 1,
      "a promise": () => Promise.resolve(),
      "a thenable": () => ({ then: (resolve: () => void) => resolve() }),
      "a sleep": () => sleep(0),
      "a turn": () => yieldNow(),
      "a native timer": () => new Promise<void>((resolve) => setTimeout(resolve, 0)),
      "a scope": () => cancelScope(() => sleep(0)),
      "a shield": () => shield(() => sleep(0)),
      "a group": () => taskGroup((group) => group.spawn(() => sleep(0)).join()),
      "a rejection": () => Promise.reject(new Error("boom")).catch(() => {}),
    };
    for (const [name, wait] of Object.entries(awaits)) {
      await wait();
      assertStrictEquals(currentScope(), scope, name);
    }
    queueMicrotask(() => assertStrictEquals(currentScope(), scope));
    await Promise.resolve();
  });
  assertStrictEquals(currentScope(), rootScope());
});

Deno.test("A continuation belongs to who awaits, and not to who resolves", async () => {
  const gate = Promise.withResolvers<void>();
  await taskGroup((group) => {
    group.spawn(async (task) => {
      await gate.promise;
      assertStrictEquals(currentTask(), task as Task);
    });
    group.spawn(async () => {
      await yieldNow();
      gate.resolve();
    });
  });
});

Deno.test("runIn() calls a function in a scope, and the caller stays where it was", async () => {
  await cancelScope((inner) => {
    assertEquals(runIn(rootScope(), () => currentScope() === rootScope()), true);
    assertStrictEquals(currentScope(), inner);
    try {
      runIn(rootScope(), () => {
        throw new Error("boom");
      });
    } catch {
      assertStrictEquals(currentScope(), inner);
    }
  });
});

Deno.test("Promise 1: code that outlived its task belongs to the nearest scope outside that lives", async () => {
  const over = Promise.withResolvers<void>();
  await cancelScope(async (outer) => {
    let floating: Promise<unknown> | undefined;
    let inner: unknown;
    await taskGroup(async (group) => {
      await group.spawn(() =>
        cancelScope((scope) => {
          inner = scope;
          floating = over.promise.then(() => [currentScope(), enteredScope(), currentTask()]);
        })
      );
    });
    over.resolve();
    const [scope, entered, task] = await floating as unknown[];
    assertStrictEquals(scope, outer);
    assertStrictEquals(entered, inner);
    assertStrictEquals(task, rootScope());
  });
});

Deno.test("Promise 2: a wait of code that outlived its task ends with the scope that it now belongs to", async () => {
  const over = Promise.withResolvers<void>();
  await cancelScope(async (outer) => {
    let code: Promise<void> | undefined;
    await taskGroup(async (group) => {
      await group.spawn(() => {
        code = over.promise.then(() => sleep(Infinity));
      });
    });
    over.resolve();
    const outcome = rejectionOf(code!);
    await yieldNow();
    outer.cancel();
    assertStrictEquals(await outcome, outer.cancelled);
  });
});

Deno.test("Section 3: without AsyncLocalStorage groups work, and run() carries the scope across an await", async () => {
  const program = new URL("./without_async_local_storage.ts", import.meta.url);
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--no-check", "--allow-read", program.href],
  }).output();
  const decoder = new TextDecoder();
  assert(success, decoder.decode(stderr));
  assertEquals(JSON.parse(decoder.decode(stdout)), {
    followsAwait: false,
    "a group's value": 3,
    "a child's failure": "boom",
    "the current task up to the first await, and after it": ["child", "root"],
    "task.run() after an await": ["child", true],
    "group.run() after an await": "enough",
    "the children of a cancelled group": ["cancelled", "cancelled", "cancelled"],
    "a group with a limit": 2,
    "a lock that three want": [1, ["had it", "had it", "had it"]],
    "a recursive lock that three want": [1, ["TypeError", "TypeError", "had it"]],
    "a lock that three want to write under": [1, ["had it", "had it", "had it"]],
    "moveOnAfter()": true,
    "failAfter()": "TimeoutError",
    "shield()": "done",
  });
});
