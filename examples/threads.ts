#!/usr/bin/env -S deno run
/**
 * Several tasks at once, and waiting for them: for all, for one, and for one no longer than so.
 *
 * Of the course: `threading.Thread` with start, join, name, `is_alive`, `current_thread` and
 * `active_count`; a subclass of it with `run()`; `join(timeout)`.
 *
 * @module
 */

import { activeTasks, currentTask, main, sleep, taskGroup, TimeoutError } from "@grove/grove";

async function listenTo(song: string, ms: number): Promise<string> {
  const { id, name } = currentTask();
  console.log(`${name} is task ${id}, and begins "${song}"`);
  await sleep(ms);
  console.log(`${name} has heard "${song}"`);
  return song;
}

/**
 * A task with state. In the course it is a subclass of `Thread`, whose `run()` the thread calls. Here
 * `spawn` calls any function, so an object that has something to do is just an object: it inherits
 * from nothing, can be tested without a task, and can run in as many of them as somebody likes.
 */
class Download {
  percent = 0;

  async run(): Promise<void> {
    while (this.percent < 100) {
      await sleep(20);
      this.percent += 10;
    }
  }
}

await main(async () => {
  console.log(`This is ${currentTask().name}`);

  // There is no start(), as a task starts when it is spawned. And no join() is needed: the group
  // ends when all its tasks have ended, and not before.
  await taskGroup(async (group) => {
    const ann = group.spawn(() => listenTo("Blue in Green", 20), { name: "Ann" });
    group.spawn(() => listenTo("So What", 60), { name: "Bob" });
    console.log(`active: ${activeTasks().map((task) => task.name).join(", ")}`);

    // A task is awaited like a promise, for what its function returns.
    console.log(`the first song is over: "${await ann}"`);
    console.log(`active: ${activeTasks().map((task) => task.name).join(", ")}`);
  });
  console.log(`active: ${activeTasks().map((task) => task.name).join(", ")}`);

  const download = new Download();
  await taskGroup(async (group) => {
    const task = group.spawn(() => download.run(), { name: "download" });
    try {
      await task.join({ timeout: 30 });
    } catch (error) {
      if (!(error instanceof TimeoutError)) throw error;
      console.log(`waited enough: alive ${task.isAlive}, ${download.percent} %`);
    }
    // Only this wait was given up. The download goes on, and the group waits for it.
    task.onDone(() => console.log(`${task.name} has ${task.state}: alive ${task.isAlive}`));
  });
  console.log(`and all is here: ${download.percent} %`);
});
