/**
 * A program that runs under Node too, where there are no threads for `defaultPool`.
 *
 * @module
 */

import { currentTask, defaultPool, Lock, taskGroup, TaskLocal } from "@grove/grove";
import { withVirtualTime } from "@grove/grove/testing";
import { sleep } from "@grove/grove/primitives";

const user = new TaskLocal<string>({ defaultValue: "nobody" });

await taskGroup(async (group) => {
  const lock = new Lock({ name: "door" });
  const task = group.spawn(async function visitor() {
    using _guard = await lock.acquire();
    await sleep(1);
    return `${currentTask().name} is ${user.get()}`;
  });
  console.log(await task);
  console.log(await defaultPool().run((a: number, b: number) => a + b, 1, 2));
});
await withVirtualTime(async (time) => {
  await sleep(3_600_000);
  console.log(time.elapsed);
});
