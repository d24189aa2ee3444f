/**
 * Random trees of groups and children, with failures, cancellations, time limits, daemons and limits,
 * under virtual time. Their ends are too many to foretell, but some things hold for all of them:
 * nothing outlives its group, the first failure is thrown as it is, and nothing is left behind.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import {
  activeTasks,
  checkpoint,
  isCancelled,
  moveOnAfter,
  nursery,
  shield,
  sleep,
  suppressedErrors,
  type TaskGroup,
  taskGroup,
  type TaskGroupOptions,
  TimeoutError,
  yieldNow,
} from "../../mod.ts";
import { withLeakCheck, withVirtualTime } from "../../primitives/testing/mod.ts";
import { unhandledRejections } from "./unhandled.ts";

/** What a body or child does, one step after the other. */
type Step =
  | { do: "sleep"; ms: number }
  | { do: "checkpoint" }
  | { do: "yield" }
  | { do: "spawn"; steps: Step[]; daemon: boolean; sync: boolean }
  | { do: "group"; plan: Plan; limited: number | undefined }
  | { do: "cancel group" }
  | { do: "cancel child"; index: number }
  | { do: "join child"; index: number }
  | { do: "swallow"; ms: number }
  | { do: "clean up"; ms: number }
  | { do: "leave group"; plan: Plan }
  | { do: "last words"; steps: Step[]; daemon: boolean }
  | { do: "fail" };

/** A group: its options, and what its body does. */
interface Plan {
  kind: "taskGroup" | "nursery";
  options: TaskGroupOptions;
  steps: Step[];
}

const { plan: anyPlan } = fc.letrec<{ step: Step; steps: Step[]; plan: Plan }>(
  (tie) => ({
    step: fc.oneof(
      { maxDepth: 6 },
      { weight: 4, arbitrary: fc.record({ do: fc.constant("sleep"), ms: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("checkpoint") }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("yield") }) },
      {
        weight: 4,
        arbitrary: fc.record({
          do: fc.constant("spawn"),
          steps: tie("steps"),
          daemon: fc.boolean(),
          sync: fc.boolean(),
        }),
      },
      {
        weight: 3,
        arbitrary: fc.record({
          do: fc.constant("group"),
          plan: tie("plan"),
          limited: fc.option(fc.nat(60), { nil: undefined, freq: 3 }),
        }),
      },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel group") }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("cancel child"), index: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("join child"), index: fc.nat(5) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("swallow"), ms: fc.nat(40) }) },
      { weight: 1, arbitrary: fc.record({ do: fc.constant("clean up"), ms: fc.nat(40) }) },
      {
        weight: 1,
        arbitrary: fc.record({ do: fc.constant("leave group"), plan: tie("plan") }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          do: fc.constant("last words"),
          steps: tie("steps"),
          daemon: fc.boolean(),
        }),
      },
      { weight: 2, arbitrary: fc.record({ do: fc.constant("fail") }) },
    ) as fc.Arbitrary<Step>,
    steps: fc.array(tie("step"), { minLength: 1, maxLength: 8, size: "max" }),
    plan: fc.record({
      kind: fc.constantFrom("taskGroup", "nursery"),
      options: fc.record({
        limit: fc.integer({ min: 1, max: 3 }),
        onFailure: fc.constantFrom("cancel", "continue"),
        shutdown: fc.constantFrom("together", "reverse"),
        timeout: fc.nat(80),
      }, { requiredKeys: [] }),
      steps: tie("steps"),
    }) as fc.Arbitrary<Plan>,
  }),
);

/** What is known of one group of a run. */
class Watched {
  readonly failures: unknown[] = [];
  /** Bodies and children that have begun and not ended. */
  live = 0;
  /** The groups that were opened in it and have not ended. */
  open = 0;
  /** Whether groups were left in it: who leaves one fails only when that has ended. */
  left = false;
  readonly group: TaskGroup;
  /** The scopes whose cancellation is no failure here: this group and those around it. */
  readonly around: readonly unknown[];

  constructor(group: TaskGroup, around: readonly unknown[]) {
    this.group = group;
    this.around = [group, ...around];
  }

  /**
   * Runs the steps of the body or of a child. Its end is noted by a reaction that comes right before
   * the group's own, so that what is first here is first there.
   */
  run(steps: readonly Step[], around: readonly unknown[], run: Run): Promise<string> {
    this.live++;
    const running = this.#takeAll(steps, around, run);
    running.then(() => this.live--, (error) => {
      this.live--;
      if (!isCancelled(error) || !around.includes(error.scope)) this.failures.push(error);
    });
    return running;
  }

  async #takeAll(steps: readonly Step[], around: readonly unknown[], run: Run): Promise<string> {
    for (const step of steps) await run.take(step, this, around);
    return "value";
  }
}

class Run {
  /** What did not hold. It is kept here, as in the tree it would be one failure among others. */
  readonly problems: unknown[] = [];
  #failed = 0;

  /** Opens a group, runs its plan, and holds its outcome against what was seen. */
  async open(plan: Plan, around: readonly unknown[], opener?: Watched): Promise<void> {
    let watched: Watched | undefined;
    if (opener !== undefined) opener.open++;
    const body = (group: TaskGroup) => {
      watched = new Watched(group, around);
      return watched.run(plan.steps, watched.around, this);
    };
    const open = plan.kind === "nursery" ? nursery : taskGroup;
    const outcome = await open<string>(body, plan.options)
      .then((value) => ({ value }), (error: unknown) => ({ error }));
    if (opener !== undefined) opener.open--;
    try {
      this.#judge(plan, watched!, outcome);
    } catch (error) {
      this.problems.push(error);
    }
    if ("error" in outcome) throw outcome.error;
  }

  #judge(
    { kind, options }: Plan,
    { failures, live, open, left, group, around }: Watched,
    outcome: { value: string | undefined } | { error: unknown },
  ): void {
    assertEquals([live, open], [0, 0], "somebody outlives the group");
    assertEquals(group.tasks, []);
    const distinct = [...new Set(failures)];
    if (distinct.length > 0) {
      assert("error" in outcome, "a failure was lost");
      if (options.onFailure === "continue") {
        assert(outcome.error instanceof AggregateError);
        assertEquals(new Set(outcome.error.errors).size, distinct.length);
        for (const failure of distinct) assert(outcome.error.errors.includes(failure));
        return;
      }
      const thrown = left ? outcome.error : distinct[0];
      assertStrictEquals(outcome.error, thrown, "another failure came first");
      const told = [thrown, ...suppressedErrors(thrown)];
      for (const failure of distinct) assert(told.includes(failure), "a failure was lost");
      return;
    }
    if ("value" in outcome) {
      const quiet = kind === "nursery" && group.cancelled !== undefined;
      assert(outcome.value === "value" || quiet, "the value was lost");
      return;
    }
    const { error } = outcome;
    if (error instanceof TimeoutError) {
      assert(options.timeout !== undefined, "whose time was up?");
      return;
    }
    assert(isCancelled(error), `nobody failed, and it throws ${error}`);
    assert(around.includes(error.scope), "the Cancelled of a stranger");
    assert(kind === "taskGroup" || error.scope !== group, "a nursery is quiet about its own");
  }

  async take(step: Step, watched: Watched, around: readonly unknown[]): Promise<void> {
    const { group } = watched;
    switch (step.do) {
      case "sleep":
        return await sleep(step.ms);
      case "checkpoint":
        return await checkpoint();
      case "yield":
        return await yieldNow();
      case "spawn": {
        if (step.sync) {
          const failure = step.steps.some((step) => step.do === "fail") ? this.#failure() : null;
          group.spawn(() => {
            if (failure === null) return;
            watched.failures.push(failure);
            throw failure;
          }, { daemon: step.daemon });
        } else {
          group.spawn(
            (task) => watched.run(step.steps, [task, ...watched.around], this),
            { daemon: step.daemon },
          );
        }
        return;
      }
      case "group": {
        if (step.limited === undefined) return await this.open(step.plan, around, watched);
        let scope: unknown;
        await moveOnAfter(step.limited, (own) => {
          scope = own;
          return this.open(step.plan, [scope, ...around], watched);
        });
        return;
      }
      case "cancel group":
        return group.cancel("a step");
      case "cancel child":
        return group.tasks[step.index]?.cancel("a step");
      case "join child": {
        // Whom one waits for has to be younger, else two could wait for each other.
        const own = around[0];
        const tasks = group.tasks;
        const younger = tasks.slice(tasks.indexOf(own as typeof tasks[number]) + 1);
        return await younger[step.index]?.join({ timeout: 20 }).catch((error) => {
          if (!(error instanceof TimeoutError)) throw error;
        });
      }
      case "swallow":
        try {
          await sleep(step.ms);
        } catch (error) {
          assert(isCancelled(error));
        }
        return;
      case "clean up":
        try {
          await sleep(step.ms);
        } finally {
          await shield(() => sleep(step.ms));
        }
        return;
      case "leave group":
        watched.left = true;
        this.open(step.plan, around, watched).catch(() => {});
        return;
      case "last words":
        try {
          await sleep(60);
        } finally {
          group.spawn(
            (task) => watched.run(step.steps, [task, ...watched.around], this),
            { daemon: step.daemon },
          );
        }
        return;
      case "fail":
        throw this.#failure();
    }
  }

  #failure(): Error {
    return new Error(`failure ${++this.#failed}`);
  }
}

Deno.test("promise 1: random trees of groups keep every promise, whatever fails, is cancelled, or takes too long", async () => {
  const unhandled = await unhandledRejections(() =>
    fc.assert(
      fc.asyncProperty(anyPlan, async (plan) => {
        await withVirtualTime((time) =>
          withLeakCheck(async () => {
            const run = new Run();
            await run.open(plan, []).catch(() => {});
            assertEquals(run.problems, []);
            assertEquals(activeTasks(), []);
            assert(time.elapsed < 10_000, "nobody sleeps that long");
          })
        );
      }),
      { numRuns: 1500 },
    )
  );

  assertEquals(unhandled, []);
});

Deno.test("G10: in a limited group of random jobs never more than the limit run, all run, and first come first served", async () => {
  const job = fc.record({
    ms: fc.nat(20),
    fails: fc.boolean(),
    ready: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(job, { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      async (jobs, limit) => {
        await withVirtualTime(() =>
          withLeakCheck(async () => {
            let running = 0;
            let peak = 0;
            const order: number[] = [];
            const failures = jobs.filter((job) => job.fails).length;
            const outcome = await taskGroup(async (group) => {
              for (const [index, job] of jobs.entries()) {
                if (job.ready) await group.ready();
                group.spawn(async () => {
                  peak = Math.max(peak, ++running);
                  order.push(index);
                  await sleep(job.ms);
                  running--;
                  if (job.fails) throw new Error(`job ${index}`);
                });
              }
            }, { limit, onFailure: "continue" }).then(() => 0, (error) => error.errors.length);
            assertEquals(outcome, failures);
            assertEquals(order, jobs.map((_, index) => index));
            assertEquals(running, 0);
            assert(peak <= limit, `${peak} ran at once`);
          })
        );
      },
    ),
    { numRuns: 500 },
  );
});
