/**
 * Jobs of all kinds on two processes, with cancellations, time limits and deaths at random: each ends once, the counts add up, and
 * nothing is left.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import { Cancelled, type Future, sleep, TimeoutError, WorkerCrashedError } from "../../mod.ts";
import { soak } from "./process/soak_jobs.ts";
import { eventually, Folder, isRunning, ownChildren, tally, TestPool } from "./process/shared.ts";

const JOBS = 4000;

const KILLS = 10;

// Jobs that are handed in before the test turns to the event loop.
const WAVE = 40;

/** What a job does: of so many thousandths of the jobs each. */
const KINDS = {
  text: 500,
  later: 250,
  clone: 100,
  fail: 60,
  wait: 60,
  limited: 20,
  interrupted: 4,
  stubborn: 3,
  exit: 3,
} as const;

type Kind = keyof typeof KINDS;

/** Numbers that look like chance, the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = state * 48271 % 2147483647;
    return state % below;
  };
}

function kindOf(n: number): Kind {
  for (const [kind, share] of Object.entries(KINDS)) {
    if ((n -= share) < 0) return kind as Kind;
  }
  throw new Error("The shares are not a thousand");
}

Deno.test(
  "thousands of jobs of all kinds on two processes, with cancellations, time limits and deaths at random, end once each",
  {
    ignore: Deno.build.os !== "linux",
  },
  async () => {
    using folder = new Folder();
    const before = ownChildren();
    const runs = folder.file("runs");
    const random = numbers(4711);
    const kinds: Kind[] = [];
    const futures: Future<unknown>[] = [];
    const ends = new Array<number>(JOBS).fill(0);
    const toCancel: Future<unknown>[] = [];
    const killed = new Set<number>();
    {
      await using pool = new TestPool(folder, { size: 2, grace: 20 });
      while (futures.length < JOBS) {
        for (let i = 0; i < WAVE; i++) {
          const index = futures.length;
          const kind = kindOf(random(1000));
          const timeout = kind === "limited" || kind === "interrupted" ? 30 : undefined;
          const to = timeout === undefined ? pool : pool.with({ timeout });
          const value = kind === "clone" ? new Map([[index, new Date(index)]]) : index;
          const future = to.submit(soak, kind, runs, index, value);
          future.onDone(() => ends[index]++);
          kinds.push(kind);
          futures.push(future);
          if (kind === "wait" || kind === "stubborn" || random(20) === 0) toCancel.push(future);
        }
        // Some of those that were handed in long ago, and some of the latest.
        while (toCancel.length > 20) toCancel.splice(random(toCancel.length), 1)[0].cancel();
        if (random(8) === 0 && killed.size < KILLS) await kill(folder, killed);
        // So that some of them are sent, and some of these have started.
        await sleep(random(3));
      }
      for (const future of toCancel) future.cancel();
      await Promise.all(futures.map((future) => future.error()));

      const { succeeded, failed, cancelled, queued, running, crashed } = pool.stats();
      const count = (state: string) => futures.filter((future) => future.state === state).length;
      assertEquals([succeeded, failed, cancelled], [
        count("succeeded"),
        count("failed"),
        count("cancelled"),
      ]);
      assertEquals([succeeded + failed + cancelled, queued, running], [JOBS, 0, 0]);
      assert(
        crashed >= killed.size,
        `${crashed} processes have died, and ${killed.size} were killed`,
      );
      assertEquals(killed.size, KILLS);
      assert(succeeded > JOBS / 2 && cancelled > 50 && failed > 50, `${succeeded} ${failed}`);
    }
    assertEquals(ends, new Array(JOBS).fill(1));

    const counts = tally(folder.lines("runs"), JOBS);
    for (const [index, future] of futures.entries()) {
      const error = await future.error();
      const what = `job ${index}, ${kinds[index]}: ${error}, runs: ${counts[index]}`;
      if (error === undefined) {
        assertEquals(counts[index], 1, what);
        const value = await future;
        if (kinds[index] === "clone") {
          assertEquals(value, new Map([[index, new Date(index)]]), what);
        } else assertEquals(value, index, what);
        continue;
      }
      assert(counts[index] <= 1, what);
      if (error instanceof Cancelled || error instanceof WorkerCrashedError) continue;
      if (kinds[index] === "fail") assertInstanceOf(error, RangeError, what);
      else assertInstanceOf(error, TimeoutError, what);
    }
    assertEquals(ownChildren().filter((pid) => !before.includes(pid)), []);
    for (const pid of killed) assert(!isRunning(pid));
  },
);

/** Kills a process that has started a job. */
async function kill(folder: Folder, killed: Set<number>): Promise<void> {
  let pid: number | undefined;
  await eventually(() => {
    const pids = folder.lines("runs.pids").map(Number);
    pid = pids.find((pid) => !killed.has(pid) && isRunning(pid));
    return pid !== undefined;
  }, "a process has started a job");
  killed.add(pid!);
  Deno.kill(pid!, "SIGKILL");
}
