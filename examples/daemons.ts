#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=deno.json,mod.ts,primitives,io,pools,examples/daemons.ts,/tmp --allow-write=/tmp
/**
 * Daemons: what ends with the rest, in tasks, on threads and in processes.
 *
 * Of the course: `setDaemon(True)` for threads, `daemon = True` for processes, and the daemon that has
 * children of its own. There a daemon is cut off wherever it is. Here it is cancelled: its `finally`
 * runs, those of its children do, and only then the group is over.
 *
 * @module
 */

import { main, portable, Process, ProcessPool, sleep, taskGroup, WorkerPool } from "@grove/grove";

/** Works for a while, with a daemon beside it that would go on for ever. */
export const work = portable(import.meta, async function work(where: string): Promise<void> {
  await taskGroup(async (group) => {
    group.spawn(() => watch(where), { daemon: true, name: "watch" });
    await sleep(20);
    console.log(`${where}: the work is done`);
  });
});

/** A daemon with two children. It does not look after their ends: they cannot outlive it. */
async function watch(where: string): Promise<void> {
  await taskGroup((group) => {
    for (const what of ["the disk", "the clock"]) {
      group.spawn(async () => {
        try {
          for (;;) await sleep(5);
        } finally {
          console.log(`${where}: nobody watches ${what} any more`);
        }
      });
    }
  });
}

// A process that is given a function of this module loads the module, to find it. So what only the
// program is to do stands behind this condition, as it does in Python.
if (import.meta.main) {
  await main(async () => {
    await work("a task");

    await using threads = new WorkerPool({ size: 1 });
    await threads.run(work, "a thread");

    await using processes = new ProcessPool({ size: 1 });
    await processes.run(work, "a process");

    const daemon = new Process(work, ["never"], { daemon: true });
    await taskGroup(() => {
      daemon.start();
      console.log(`a daemon process is alive: ${daemon.isAlive}`);
    });
    console.log(`its group is over, and it is alive: ${daemon.isAlive}`);
  });
}
