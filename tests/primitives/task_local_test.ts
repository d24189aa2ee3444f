/**
 * Values that belong to a task and are inherited by its children.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  CancelScope,
  cancelScope,
  moveOnAfter,
  nursery,
  openNursery,
  shield,
  sleep,
  type Task,
  taskGroup,
  TaskLocal,
  TaskPool,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked, withLeakCheck } from "../../primitives/testing/mod.ts";

Deno.test("A TaskLocal gives its default where no value was set", async () => {
  assertStrictEquals(new TaskLocal<string>().get(), undefined);
  const local = new TaskLocal({ defaultValue: "none" });
  assertEquals(local.get(), "none");
  await local.run("set", () => {});
  assertEquals(local.get(), "none");
});

Deno.test("A value holds in its run(), also across awaits, and not outside", async () => {
  const local = new TaskLocal<number>();
  const value = await local.run(1, async () => {
    assertEquals(local.get(), 1);
    await yieldNow();
    return local.get();
  });
  assertEquals(value, 1);
  assertStrictEquals(local.get(), undefined);
});

Deno.test("The innermost run() counts, and the outer value is back after it", async () => {
  const local = new TaskLocal<number>();
  await local.run(1, async () => {
    await local.run(2, async () => {
      await yieldNow();
      assertEquals(local.get(), 2);
    });
    assertEquals(local.get(), 1);
  });
});

Deno.test("A value of undefined hides the default and the outer value", async () => {
  const local = new TaskLocal<number | undefined>({ defaultValue: 1 });
  await local.run(undefined, () => assertStrictEquals(local.get(), undefined));
});

Deno.test("Children, and theirs, inherit the values", async () => {
  const local = new TaskLocal<string>();
  const seen: unknown[] = [];
  await local.run("r-17", () =>
    taskGroup((group) => {
      group.spawn(async () => {
        await yieldNow();
        seen.push(local.get());
        await taskGroup((inner) => {
          inner.spawn(() => void seen.push(local.get()));
        });
      });
    }));
  assertEquals(seen, ["r-17", "r-17"]);
});

Deno.test("A child has the values of the place that spawned it, whoever owns the group", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  const seen: unknown[] = [];
  const look = async () => {
    await yieldNow();
    seen.push(local.get());
  };
  await taskGroup(async (group) => {
    await local.run("request 1", () => void group.spawn(look));
    await local.run("request 2", () => void group.spawn(look));
    group.spawn(look);
  });
  assertEquals(seen, ["request 1", "request 2", "none"]);
});

Deno.test("A child that waited for room in a limited group has the values of its spawner", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  const seen: unknown[] = [];
  await taskGroup(async (group) => {
    for (const name of ["a", "b", "c"]) {
      await local.run(name, () => {
        group.spawn(async () => {
          await yieldNow();
          seen.push(local.get());
        });
      });
    }
  }, { limit: 1 });
  assertEquals(seen, ["a", "b", "c"]);
});

Deno.test("What a child sets its parent and its siblings do not see", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  const seen: unknown[] = [];
  await taskGroup(async (group) => {
    const a = group.spawn(() => local.run("of the child", () => sleep(0)));
    const b = group.spawn(async () => {
      await yieldNow();
      seen.push(local.get());
    });
    seen.push(local.get());
    await a;
    await b;
  });
  assertEquals(seen, ["none", "none"]);
});

Deno.test("Values hold in scopes, time limits, shields and nurseries inside", async () => {
  const local = new TaskLocal<string>();
  await local.run(
    "kept",
    () =>
      cancelScope(() =>
        moveOnAfter(Infinity, () =>
          shield(() =>
            nursery(async (services) => {
              assertEquals(local.get(), "kept");
              await services.start((_task, started: (value?: unknown) => void) => {
                assertEquals(local.get(), "kept");
                started();
              });
            })
          ))
      ),
  );
});

Deno.test("Many locals live beside each other", async () => {
  const locals = Array.from({ length: 100 }, (_, index) => new TaskLocal({ name: `${index}` }));
  const nest = async (index: number): Promise<void> => {
    if (index < locals.length) await locals[index].run(index, () => nest(index + 1));
    else assertEquals(locals.map((local) => local.get()), locals.map((_, index) => index));
  };
  await nest(0);
});

Deno.test("run() throws what its function throws, and leaves nothing", async () => {
  const local = new TaskLocal<number>();
  await withLeakCheck(async () => {
    await assertRejects(() => local.run(1, () => Promise.reject(new Error("boom"))), Error, "boom");
    assertThrows(
      () =>
        local.run(1, () => {
          throw new Error("bang");
        }),
      Error,
      "bang",
    );
  });
});

Deno.test("A cancellation passes through run()", async () => {
  const local = new TaskLocal<number>();
  const scope = new CancelScope();
  await scope.enter(() =>
    local.run(1, async () => {
      scope.cancel();
      await sleep(0);
    })
  );
  assert(scope.cancelledCaught);
});

Deno.test("run() gives back what its function returns, as it is: no promise where there was none", () => {
  const local = new TaskLocal<number>();
  assertEquals(local.run(1, () => local.get()), 1);
});

Deno.test("What is still open when the function of run() returns goes on, and has the value", async () => {
  const local = new TaskLocal<number>();
  await withLeakCheck(async () => {
    const nursery = local.run(1, () => openNursery());
    const seen = nursery.spawn(() => local.get());
    assertEquals(await seen, undefined, "a child has the values of its spawner");
    const forgotten = new CancelScope();
    const entered = local.run(2, async () => {
      return { end: forgotten.enter(async () => (await waitAllTasksBlocked(), local.get())) };
    });
    assertEquals(await (await entered).end, 2);
    await nursery[Symbol.asyncDispose]();
  });
});

Deno.test("Code that outlived its run() has the value of the place around", async () => {
  const local = new TaskLocal<string>({ defaultValue: "none" });
  const over = Promise.withResolvers<void>();
  let floating: Promise<unknown> | undefined;
  await local.run("outer", async () => {
    await local.run("inner", () => {
      floating = over.promise.then(() => local.get());
    });
    over.resolve();
    assertEquals(await floating, "outer");
  });
});

Deno.test("E1: run() wants a function, and says so at the call", () => {
  const local = new TaskLocal<number>({ name: "tenant" });
  const run = local.run.bind(local) as (...args: unknown[]) => Promise<unknown>;
  const refused = (fn: unknown, message: string) =>
    assertThrows(
      () => {
        const promise = run(1, fn);
        promise.catch(() => {}); // Not thrown at the call: that is what the test is about.
      },
      TypeError,
      message,
    );
  refused(undefined, 'Cannot set "tenant" as the second argument must be a function');
  refused(Promise.resolve(), "Pass the function itself");
});

Deno.test("A portable TaskLocal does on its own thread what any other does [P3]", async () => {
  const local = new TaskLocal<string>({ name: "tenant", portable: true, defaultValue: "none" });
  assertEquals([local.name, local.get()], ["tenant", "none"]);
  const seen: unknown[] = [];
  await local.run("outer", () =>
    taskGroup(async (group) => {
      group.spawn(async () => {
        await yieldNow();
        seen.push(local.get());
      });
      await local.run("inner", async () => {
        await yieldNow();
        seen.push(local.get());
      });
    }));
  assertEquals([seen.sort(), local.get()], [["inner", "outer"], "none"]);
});

Deno.test("Portable TaskLocals, and plain ones, are inherited by the jobs of a TaskPool", async () => {
  const portable = new TaskLocal<number>({ name: "of the jobs", portable: true });
  const plain = new TaskLocal<number>({ name: "of the jobs" });
  await using pool = new TaskPool(1);
  const seen = await portable.run(
    1,
    () =>
      plain.run(2, () => pool.run(async () => (await yieldNow(), [portable.get(), plain.get()]))),
  );
  assertEquals(seen, [1, 2]);
});

Deno.test("A portable TaskLocal has a name, which no other portable one has [E1]", () => {
  new TaskLocal({ name: "taken", portable: true });
  assertThrows(
    () => new TaskLocal({ name: "taken", portable: true }),
    TypeError,
    'Cannot make a portable TaskLocal "taken" as there is one of that name. Make it once, at the top level of its module',
  );
  for (const name of [undefined, ""]) {
    assertThrows(
      () => new TaskLocal({ name, portable: true }),
      TypeError,
      "Cannot make a portable TaskLocal without a name, as that is what it is found by elsewhere. Give it one",
    );
  }
  // Those that stay here may be called what they like.
  const [one, two] = [new TaskLocal({ name: "taken" }), new TaskLocal({ name: "taken" })];
  one.run(1, () => two.run(2, () => assertEquals([one.get(), two.get()], [1, 2])));
});

Deno.test("E1: new TaskLocal says what is wrong with its options, and takes no name", () => {
  const make = (options: unknown) => () => new TaskLocal(options as { portable?: boolean });
  assertThrows(make(null), TypeError, "Cannot make a TaskLocal as the options must be an object");
  assertThrows(
    make({ name: "free", portable: "yes" }),
    TypeError,
    `Cannot make a TaskLocal as 'portable' must be a boolean: received "yes"`,
  );
  make({ name: "free", portable: true })();
});

Deno.test("A nursery that was opened under a TaskLocal, and is disposed of by nobody, ends with its task", async () => {
  const local = new TaskLocal<number>();
  await withLeakCheck(async () => {
    let child: Task<void> | undefined;
    await taskGroup((group) => {
      group.spawn(() =>
        local.run(1, () =>
          local.run(2, () => {
            child = openNursery().spawn(() => sleep(Infinity));
          }))
      );
    });
    assertEquals(child?.state, "cancelled");
  });
});
