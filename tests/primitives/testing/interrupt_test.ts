/**
 * `interruptAtEveryStep`, tried on what is right and on what is broken on purpose.
 *
 * @module
 */

import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  cancellable,
  checkpoint,
  currentTask,
  shield,
  sleep,
  taskGroup,
  yieldNow,
} from "../../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withVirtualTime,
} from "../../../primitives/testing/mod.ts";
import { calling } from "../probes.ts";

/** A semaphore made at home. The way to take a permit is left to those who mean well. */
class HomeMade {
  permits = 1;
  readonly waiting: (() => void)[] = [];

  release(): void {
    const next = this.waiting.shift();
    if (next === undefined) this.permits++;
    else next();
  }

  turn(): Promise<void> {
    return new Promise((resolve) => this.waiting.push(resolve));
  }
}

/** Loses the permit that is handed to a waiter who has gone. */
class Forgetful extends HomeMade {
  async acquire(): Promise<void> {
    if (this.permits > 0) this.permits--;
    else await cancellable(this.turn());
  }
}

/** Passes it on. */
class Careful extends HomeMade {
  async acquire(): Promise<void> {
    if (this.permits > 0) {
      this.permits--;
      return;
    }
    let gone = false;
    const turn = this.turn().then(() => {
      if (gone) this.release();
    });
    try {
      await cancellable(turn);
    } catch (error) {
      gone = true;
      throw error;
    }
  }
}

function tryOut(
  Semaphore: typeof Forgetful | typeof Careful,
): ReturnType<typeof interruptAtEveryStep> {
  return interruptAtEveryStep(async (interrupt) => {
    const semaphore = new Semaphore();
    await semaphore.acquire();
    await taskGroup(async (group) => {
      group.spawn(async () => {
        for (let turn = 0; turn < 3; turn++) await yieldNow();
        semaphore.release();
      });
      const run = await interrupt(() => semaphore.acquire());
      if (!run.interrupted) semaphore.release();
    });
    await waitAllTasksBlocked();
    assertEquals(semaphore.permits, 1, "a permit was lost");
  });
}

Deno.test("it finds the semaphore that loses a permit when a waiter is cancelled, and names the step", async () => {
  const error = await assertRejects(() => tryOut(Forgetful), Error);
  assert(/^It went wrong with a cancellation at step -?\d+$/.test(error.message), error.message);
  assert(error.cause instanceof Error && error.cause.message.includes("a permit was lost"));
});

Deno.test("it finds nothing wrong with the semaphore that passes the permit on", async () => {
  const { runs, interrupted } = await tryOut(Careful);
  assert(interrupted > 3, `${interrupted} of ${runs} were interrupted`);
});

Deno.test("the first run is cancelled before the operation begins, and the last runs to its end", async () => {
  const seen: string[] = [];
  const { runs, interrupted } = await interruptAtEveryStep(async (interrupt) => {
    const steps: string[] = [];
    const run = await interrupt(async () => {
      steps.push("begins");
      await yieldNow();
      steps.push("goes on");
      await yieldNow();
      steps.push("ends");
      return "done";
    });
    seen.push(`${steps.join(", ")}: ${run.interrupted ? "interrupted" : run.value}`);
  });
  assertEquals(seen[0], "begins: interrupted");
  assertEquals(seen.at(-1), "begins, goes on, ends: done");
  assert(seen.includes("begins, goes on: interrupted"), "the middle was never cut");
  assertEquals(seen.filter((each) => each.endsWith("interrupted")).length, interrupted);
  assertEquals(seen.length, runs);
});

Deno.test("each gap between two waits is cut: no step is skipped", async () => {
  const cuts = new Set<number>();
  const waits = 6;
  await interruptAtEveryStep(async (interrupt) => {
    let passed = 0;
    const run = await interrupt(async () => {
      for (; passed < waits; passed++) await checkpoint();
    });
    if (run.interrupted) cuts.add(passed);
  });
  assertEquals([...cuts].sort(), [0, 1, 2, 3, 4, 5]);
});

Deno.test("an operation that is done without a wait cannot be interrupted", async () => {
  const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
    const run = await interrupt(() => 42);
    assertEquals(run, { interrupted: false, value: 42 });
  });
  assertEquals(interrupted, 0);
});

Deno.test("an operation that swallows its cancellation counts as one that ran to its end", async () => {
  await interruptAtEveryStep(async (interrupt) => {
    const run = await interrupt(async () => {
      await yieldNow().catch(() => {});
      return "went on";
    });
    assertEquals(run, { interrupted: false, value: "went on" });
  });
});

Deno.test("the clean-up of the operation is over when interrupt() returns", async () => {
  await interruptAtEveryStep(async (interrupt) => {
    let open = 0;
    await interrupt(async () => {
      open++;
      try {
        await yieldNow();
      } finally {
        await shield(async () => {
          for (let turn = 0; turn < 20; turn++) await yieldNow();
        });
        open--;
      }
    });
    assertEquals(open, 0);
  });
});

Deno.test("only the operation is cancelled, and not the scenario around it", async () => {
  await interruptAtEveryStep(async (interrupt) => {
    await interrupt(() => yieldNow());
    await checkpoint();
    assertEquals(currentTask().cancelled, undefined);
  });
});

Deno.test("it works under virtual time, whose jumps are steps like others", async () => {
  await withVirtualTime(async () => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const run = await interrupt(() => sleep(3_600_000).then(() => "an hour"));
      if (!run.interrupted) assertEquals(run.value, "an hour");
    });
    assert(interrupted > 0);
  });
});

Deno.test("an operation that does not end by itself is an error after so many steps", async () => {
  const error = await assertRejects(
    () =>
      interruptAtEveryStep(async (interrupt) => {
        await interrupt(() => sleep(Infinity));
      }, { maxSteps: 20 }),
    Error,
    "the operation has not ended after 20 steps",
  );
  assertEquals(error.cause, undefined);
});

Deno.test("an operation that needs as many steps as it may have is no error", async () => {
  const scenario =
    (turns: number) =>
    async (interrupt: Parameters<Parameters<typeof interruptAtEveryStep>[0]>[0]) => {
      await interrupt(async () => {
        for (let turn = 0; turn < turns; turn++) await checkpoint();
      });
    };
  const { runs } = await interruptAtEveryStep(scenario(5));
  const again = await interruptAtEveryStep(scenario(5), { maxSteps: runs - 2 });
  assertEquals(again.runs, runs);
  await assertRejects(
    () => interruptAtEveryStep(scenario(50), { maxSteps: 5 }),
    Error,
    "after 5 steps",
  );
});

Deno.test("a scenario that forgets to call interrupt is an error, and not a success", async () => {
  await assertRejects(
    () => interruptAtEveryStep(() => {}),
    TypeError,
    "the scenario did not call interrupt(operation)",
  );
});

Deno.test("what the operation throws comes out of interrupt(), for the scenario to judge", async () => {
  const boom = new Error("boom");
  await interruptAtEveryStep(async (interrupt) => {
    await interrupt(async () => {
      await yieldNow();
      throw boom;
    }).catch((error) => assertStrictEquals(error, boom));
  });
  const error = await assertRejects(() =>
    interruptAtEveryStep(async (interrupt) => {
      await interrupt(() => {
        throw boom;
      });
    }), Error);
  assertStrictEquals(error.cause, boom);
});

Deno.test("a scenario that fails ends the search: what went wrong first is what is told", async () => {
  let runs = 0;
  const error = await assertRejects(() =>
    interruptAtEveryStep(async (interrupt) => {
      runs++;
      const run = await interrupt(() => yieldNow());
      if (run.interrupted && runs >= 2) throw new Error(`run ${runs}`);
    }), Error);
  assertEquals(error.message, "It went wrong with a cancellation at step 0");
  assertEquals((error.cause as Error).message, "run 2");
});

Deno.test("interruptAtEveryStep says at the call what is wrong with its arguments [E1]", () => {
  const scenario = () => {};
  const call = (...args: unknown[]) => calling(interruptAtEveryStep, ...args);
  assertThrows(call(), TypeError, "the scenario must be a function: received undefined");
  assertThrows(call(scenario, { maxSteps: "9" }), TypeError, "'maxSteps' must be a number");
  assertThrows(call(scenario, { maxSteps: 0 }), RangeError, "received 0");
  assertThrows(call(scenario, { maxSteps: 1.5 }), RangeError, "received 1.5");
});
