/**
 * Rule G6 of task groups: children that do not hold their group open.
 *
 * @module
 */

import { assertEquals, assertStrictEquals } from "@std/assert";
import { cancellable, checkpoint, shield, sleep, taskGroup } from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";

const forever = () => sleep(Infinity);

/** A child that sleeps until it is cancelled, and fails when it cleans up. */
const failingCleanUp = (error: unknown) => async () => {
  try {
    await forever();
  } finally {
    // deno-lint-ignore no-unsafe-finally
    throw error;
  }
};

// G6

Deno.test("G6: a daemon is cancelled when the body and all others have ended, and not before", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    group.spawn(async () => {
      try {
        await forever();
      } finally {
        await shield(checkpoint);
        record.push("daemon");
      }
    }, { daemon: true });
    group.spawn(async () => {
      await cancellable(gate.promise);
      record.push("child");
    });
    record.push("body");
    return "value";
  });
  assertEquals(await outcomeOf(group), "pending");
  assertEquals(record, ["body"]);

  gate.resolve();

  assertEquals(await group, "value");
  assertEquals(record, ["body", "child", "daemon"]);
});

Deno.test("G6: a daemon may end by itself, and hold nothing", async () => {
  let state: string | undefined;

  await taskGroup(async (group) => {
    const daemon = group.spawn(checkpoint, { daemon: true });
    await daemon;
    state = daemon.state;
  });

  assertEquals(state, "succeeded");
});

Deno.test("G6: a daemon that fails, fails the group, and so does its clean-up", async () => {
  const failure = new Error("daemon");

  const early = taskGroup(async (group) => {
    group.spawn(() => Promise.reject(failure), { daemon: true });
    await forever();
  });
  assertStrictEquals(await thrownBy(early), failure);

  const late = taskGroup((group) => {
    group.spawn(failingCleanUp(failure), { daemon: true });
    return "value";
  });
  assertStrictEquals(await thrownBy(late), failure);
});

Deno.test("G6: what a daemon spawns holds the group open, and the daemon with it", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    group.spawn(async () => {
      group.spawn(async () => {
        await cancellable(gate.promise);
        record.push("job");
      });
      try {
        await forever();
      } finally {
        record.push("daemon");
      }
    }, { daemon: true });
  });
  assertEquals(await outcomeOf(group), "pending");

  gate.resolve();
  await group;

  assertEquals(record, ["job", "daemon"]);
});

for (const shutdown of ["together", "reverse"] as const) {
  Deno.test(`G6: a sibling that a daemon spawns as it is ended runs to its own end (shutdown: ${shutdown})`, async () => {
    const record: string[] = [];
    const gate = Promise.withResolvers<void>();
    const group = taskGroup((group) => {
      group.spawn(async () => {
        try {
          await forever();
        } finally {
          group.spawn(async () => {
            await cancellable(gate.promise);
            record.push("last words");
          });
        }
      }, { daemon: true });
    }, { shutdown });
    await waitAllTasksBlocked();

    gate.resolve();

    assertEquals(await outcomeOf(group), { value: undefined });
    assertEquals(record, ["last words"]);
  });

  Deno.test(`G6: a daemon that a daemon spawns as it is ended is ended, too (shutdown: ${shutdown})`, async () => {
    const record: string[] = [];
    const group = taskGroup((group) => {
      const daemon = (name: string, next?: string) => async () => {
        try {
          await forever();
        } finally {
          record.push(name);
          if (next !== undefined) group.spawn(daemon(next), { daemon: true });
        }
      };
      group.spawn(daemon("first", "second"), { daemon: true });
      return "value";
    }, { shutdown });

    assertEquals(await outcomeOf(group), { value: "value" });
    assertEquals(record, ["first", "second"]);
  });
}

Deno.test("G6: a group that was cancelled ends its daemons with the rest", async () => {
  const states: string[] = [];

  await taskGroup((group) => {
    group.spawn(forever, { daemon: true }).onDone(({ state }) => states.push(state));
    group.spawn(forever).onDone(({ state }) => states.push(state));
    group.cancel();
    return "value";
  });

  assertEquals(states, ["cancelled", "cancelled"]);
});
