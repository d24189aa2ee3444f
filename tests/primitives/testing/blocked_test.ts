/**
 * `waitAllTasksBlocked`: it returns when nobody moves any more, and not before.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { cancelScope, race, shield, sleep, taskGroup, yieldNow } from "../../../mod.ts";
import { nextTurn } from "../../../primitives/kernel/turn.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../../primitives/testing/mod.ts";
import { foreign } from "../probes.ts";

Deno.test("waitAllTasksBlocked returns when there is nobody at all", async () => {
  await waitAllTasksBlocked();
});

Deno.test("waitAllTasksBlocked waits for a long chain of microtasks", async () => {
  await taskGroup(async (group) => {
    let hops = 0;
    group.spawn(async () => {
      for (; hops < 10_000; hops++) await null;
    });
    await waitAllTasksBlocked();
    assertEquals(hops, 10_000);
  });
});

Deno.test("waitAllTasksBlocked waits for tasks that let the event loop turn again and again", async () => {
  await taskGroup(async (group) => {
    let turns = 0;
    group.spawn(async () => {
      for (; turns < 50; turns++) await yieldNow();
      await sleep(Infinity);
    });
    await waitAllTasksBlocked();
    assertEquals(turns, 50);
    group.cancel();
  }).catch(() => {});
});

Deno.test("waitAllTasksBlocked waits for a ball that is passed from task to task, a turn each", async () => {
  await withVirtualTime(() =>
    taskGroup(async (group) => {
      let passed = 0;
      const pass = async (left: number) => {
        await yieldNow();
        passed++;
        if (left > 1) group.spawn(() => pass(left - 1));
      };
      group.spawn(() => pass(20));
      await waitAllTasksBlocked();
      assertEquals(passed, 20);
    })
  );
});

Deno.test("waitAllTasksBlocked waits for what is set off by the end of a task", async () => {
  await taskGroup(async (group) => {
    const log: string[] = [];
    const first = group.spawn(async () => {
      await yieldNow();
      log.push("first");
    });
    group.spawn(async () => {
      await first;
      await yieldNow();
      log.push("second");
      await sleep(Infinity);
    });
    await waitAllTasksBlocked();
    assertEquals(log, ["first", "second"]);
    group.cancel();
  }).catch(() => {});
});

Deno.test("waitAllTasksBlocked sees a cancellation through, clean-up included", async () => {
  const log: string[] = [];
  await cancelScope(async (scope) => {
    const napping = race([async () => {
      try {
        await sleep(Infinity);
      } finally {
        await shield(async () => {
          for (let turn = 0; turn < 5; turn++) await yieldNow();
          log.push("cleaned up");
        });
      }
    }]).catch(() => {});
    scope.cancel();
    await waitAllTasksBlocked();
    assertEquals(log, ["cleaned up"]);
    await napping;
  });
});

Deno.test("a task that awaits something foreign counts as suspended", async () => {
  await taskGroup(async (group) => {
    const { promise, resolve } = foreign();
    const task = group.spawn(() => promise);
    await waitAllTasksBlocked();
    assertEquals(task.state, "running");
    resolve();
    await waitAllTasksBlocked();
    assertEquals(task.state, "succeeded");
  });
});

Deno.test("what a foreign call-back sets off in the next turn is waited for", async () => {
  await taskGroup(async (group) => {
    const log: string[] = [];
    group.spawn(async () => {
      for (let turn = 0; turn < 2; turn++) await new Promise<void>(nextTurn);
      log.push("called back");
      await yieldNow();
      log.push("answered");
    });
    await waitAllTasksBlocked();
    assertEquals(log, ["called back", "answered"]);
  });
});

Deno.test("a sleeping task counts as suspended, and is not waited for", async () => {
  await taskGroup(async (group) => {
    const task = group.spawn(() => sleep(Infinity));
    await waitAllTasksBlocked();
    assertEquals(task.state, "running");
    task.cancel();
  });
});

Deno.test("several may wait at once until all tasks are blocked", async () => {
  await taskGroup(async (group) => {
    let turns = 0;
    group.spawn(async () => {
      for (; turns < 20; turns++) await yieldNow();
    });
    const seen = await Promise.all([1, 2, 3].map(async () => {
      await waitAllTasksBlocked();
      return turns;
    }));
    assertEquals(seen, [20, 20, 20]);
  });
});

Deno.test("waitAllTasksBlocked is no checkpoint: it works in a scope that is cancelled", async () => {
  const { passed } = await cancelScope(async (scope) => {
    scope.cancel();
    await waitAllTasksBlocked();
    return { passed: true };
  }) ?? { passed: false };
  assertEquals(passed, true);
});
