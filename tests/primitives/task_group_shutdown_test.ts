/**
 * Rule G14: groups that end their children one by one, the youngest first.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import {
  cancellable,
  CancelScope,
  checkpoint,
  openNursery,
  shield,
  sleep,
  suppressedErrors,
  type TaskGroup,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { outcomeOf, thrownBy } from "./outcome.ts";

const forever = () => sleep(Infinity);

/** A child that notes when it is told to end and, after some steps of cleaning up, that it has ended. */
const service = (record: string[], name: string) => async () => {
  try {
    await forever();
  } finally {
    record.push(`${name} is told`);
    await shield(async () => {
      await checkpoint();
      await checkpoint();
    });
    record.push(`${name} ends`);
  }
};

function spawnServices(group: TaskGroup, record: string[], ...names: string[]): void {
  for (const name of names) group.spawn(service(record, name), { name });
}

const youngestFirst = [
  "server is told",
  "server ends",
  "pool is told",
  "pool ends",
  "log is told",
  "log ends",
];

Deno.test("G14: shutdown: reverse ends children one by one, the youngest first, each fully before the next", async () => {
  const record: string[] = [];

  await taskGroup((group) => {
    spawnServices(group, record, "log", "pool", "server");
    group.cancel();
    return "value";
  }, { shutdown: "reverse" });

  assertEquals(record, youngestFirst);
});

Deno.test("G14: shutdown: together, the default, tells all before the first has ended", async () => {
  for (const options of [{}, { shutdown: "together" as const }]) {
    const record: string[] = [];

    await taskGroup((group) => {
      spawnServices(group, record, "log", "pool", "server");
      group.cancel();
      return "value";
    }, options);

    assertEquals(record.slice(0, 3), ["log is told", "pool is told", "server is told"]);
  }
});

Deno.test("G14: a body that is cut short ends first, and its finally can still use all children", async () => {
  const record: string[] = [];

  await thrownBy(taskGroup(async (group) => {
    spawnServices(group, record, "log", "pool", "server");
    group.cancel();
    try {
      await forever();
    } finally {
      record.push(`body, with ${group.tasks.map((task) => task.name)}`);
    }
  }, { shutdown: "reverse" }));

  assertEquals(record, ["body, with log,pool,server", ...youngestFirst]);
});

for (const end of ["body", "child", "timeout", "signal", "outside"] as const) {
  Deno.test(`G14: the order holds whatever ends the group: ${end}`, async () => {
    const record: string[] = [];
    const failure = new Error(end);
    const controller = new AbortController();
    const scope = new CancelScope();
    let thrown: unknown;

    await withVirtualTime(() =>
      scope.enter(async () => {
        thrown = await thrownBy(taskGroup(async (group) => {
          spawnServices(group, record, "log", "pool", "server");
          await waitAllTasksBlocked();
          if (end === "body") throw failure;
          if (end === "child") group.spawn(() => Promise.reject(failure));
          if (end === "timeout") group.deadline = 0;
          if (end === "signal") controller.abort(failure);
          if (end === "outside") scope.cancel();
        }, { shutdown: "reverse", signal: controller.signal }));
      })
    );

    assertEquals(record, youngestFirst);
    if (end === "timeout") assert(thrown instanceof TimeoutError);
    else assertStrictEquals(thrown, end === "outside" ? scope.cancelled : failure);
  });
}

Deno.test("G14: daemons end in reverse, too, when the others have ended", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();
  const group = taskGroup((group) => {
    for (const name of ["log", "pool", "server"]) {
      group.spawn(service(record, name), { daemon: true });
    }
    group.spawn(async () => {
      await cancellable(gate.promise);
      record.push("job");
    });
    return "value";
  }, { shutdown: "reverse" });
  assertEquals(await outcomeOf(group), "pending");

  gate.resolve();

  assertEquals(await group, "value");
  assertEquals(record, ["job", ...youngestFirst]);
});

Deno.test("G14: a child that ends by itself while an other is being ended is passed over", async () => {
  const record: string[] = [];
  const gate = Promise.withResolvers<void>();

  await taskGroup((group) => {
    group.spawn(service(record, "log"));
    group.spawn(async () => {
      await cancellable(gate.promise);
      record.push("job");
    });
    group.spawn(async () => {
      try {
        await forever();
      } finally {
        gate.resolve();
        await shield(waitAllTasksBlocked);
        record.push("server");
      }
    });
    group.cancel();
    return "value";
  }, { shutdown: "reverse" });

  assertEquals(record, ["job", "server", "log is told", "log ends"]);
});

Deno.test("G14: an older child that fails meanwhile is kept, and the order stays", async () => {
  const record: string[] = [];
  const [first, second] = [new Error("first"), new Error("second")];

  const thrown = await thrownBy(taskGroup((group) => {
    group.spawn(service(record, "log"));
    group.spawn(async () => {
      try {
        await forever();
      } finally {
        // deno-lint-ignore no-unsafe-finally
        throw second;
      }
    });
    group.spawn(service(record, "server"));
    throw first;
  }, { shutdown: "reverse" }));

  assertStrictEquals(thrown, first);
  assertEquals(suppressedErrors(first), [second]);
  assertEquals(record, ["server is told", "server ends", "log is told", "log ends"]);
});

Deno.test("G14: a child can still be cancelled alone", async () => {
  const record: string[] = [];

  await taskGroup(async (group) => {
    const log = group.spawn(service(record, "log"));
    group.spawn(service(record, "server"));
    log.cancel();
    await log.join();
    assertEquals(record, ["log is told", "log ends"]);
    group.cancel();
  }, { shutdown: "reverse" });

  assertEquals(record, ["log is told", "log ends", "server is told", "server ends"]);
});

Deno.test("G14: a sibling spawned while the children are ended runs to its first checkpoint", async () => {
  const record: string[] = [];

  await taskGroup((group) => {
    group.spawn(service(record, "log"));
    group.spawn(async () => {
      try {
        await forever();
      } finally {
        group.spawn(async () => {
          record.push("sibling begins");
          await checkpoint();
          record.push("never");
        });
        record.push("server ends");
      }
    });
    group.cancel();
    return "value";
  }, { shutdown: "reverse" });

  assertEquals(record, ["sibling begins", "server ends", "log is told", "log ends"]);
});

Deno.test("G14: a group that ends in peace cancels nobody", async () => {
  const record: string[] = [];

  const value = await taskGroup((group) => {
    group.spawn(async () => {
      await checkpoint();
      record.push("older");
    });
    group.spawn(async () => {
      await checkpoint();
      await checkpoint();
      record.push("younger");
    });
    return "value";
  }, { shutdown: "reverse" });

  assertEquals(value, "value");
  assertEquals(record, ["older", "younger"]);
});

Deno.test("G14: an openNursery and a nested group that the body leaves are ended, too", async () => {
  for (
    const leave of [
      () => void openNursery(),
      () => void openNursery().spawn(forever),
      () => void taskGroup((nested) => void nested.spawn(forever)),
      (group: TaskGroup) => {
        openNursery().spawn(forever);
        group.spawn(forever, { daemon: true });
      },
      (group: TaskGroup) => {
        openNursery().spawn(forever);
        group.cancel();
      },
    ]
  ) {
    const group = taskGroup((group) => {
      leave(group);
      return "value";
    }, { shutdown: "reverse" });
    assertEquals(await outcomeOf(group), { value: "value" }, String(leave));
  }
});

Deno.test("G14: cancelled at any step, it keeps the order and leaves nothing", async () => {
  const { interrupted } = await interruptAtEveryStep((interrupt) =>
    withLeakCheck(async () => {
      const record: string[] = [];
      await interrupt(() =>
        taskGroup(async (group) => {
          for (const name of ["log", "pool", "server"]) {
            group.spawn(service(record, name));
            await checkpoint();
          }
          group.cancel();
        }, { shutdown: "reverse" })
      );
      const ends = record.filter((entry) => entry.endsWith("ends")).map((entry) =>
        entry.split(" ")[0]
      );
      const order = ["server", "pool", "log"];
      assertEquals(ends, order.slice(order.length - ends.length));
      for (let i = 0; i < record.length; i += 2) {
        assertEquals(record[i].split(" ")[0], record[i + 1].split(" ")[0]);
      }
    })
  );
  assert(interrupted > 3, `only ${interrupted} runs were interrupted`);
});
