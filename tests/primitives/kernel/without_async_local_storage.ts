/**
 * A program on a platform without `AsyncLocalStorage`; `context_test.ts` runs it and reads what it
 * prints. The scope of the running code is known there up to the first `await` of a function.
 *
 * @module
 */

import process from "node:process";

// What loads Grove finds nothing now. The import has to come after this, so it is not a static one.
delete (process as { getBuiltinModule?: unknown }).getBuiltinModule;

const {
  currentTask,
  failAfter,
  isCancelled,
  Lock,
  moveOnAfter,
  RLock,
  RWLock,
  shield,
  sleep,
  taskGroup,
} = await import("../../../mod.ts");
const { followsAwait } = await import("../../../primitives/kernel/context.ts");

const facts: Record<string, unknown> = { followsAwait };

facts["a group's value"] = await taskGroup(async (group) => {
  const a = group.spawn(async () => {
    await sleep(1);
    return 1;
  });
  const b = group.spawn(() => 2);
  return await a + await b;
});

facts["a child's failure"] = await taskGroup((group) => {
  group.spawn(async () => {
    await sleep(1);
    throw new Error("boom");
  });
  group.spawn(() => sleep(60_000));
}).catch((error) => error.message);

facts["the current task up to the first await, and after it"] = await taskGroup((group) => {
  const task = group.spawn(async () => {
    const before = currentTask().name;
    await Promise.resolve();
    return [before, currentTask().name];
  }, { name: "child" });
  return task.then((names) => names);
});

facts["task.run() after an await"] = await taskGroup(async (group) => {
  const task = group.spawn(async (task) => {
    await Promise.resolve();
    const name = task.run(() => currentTask().name);
    try {
      await task.run(() => sleep(60_000));
    } catch (error) {
      return [name, isCancelled(error)];
    }
    return [name, "slept"];
  }, { name: "child" });
  await Promise.resolve();
  await Promise.resolve();
  task.cancel();
  return await task;
});

facts["group.run() after an await"] = await taskGroup(async (group) => {
  await Promise.resolve();
  queueMicrotask(() => group.cancel("enough"));
  await group.run(() => sleep(60_000));
}).catch((error) => error.reason);

facts["the children of a cancelled group"] = await taskGroup(async (group) => {
  const tasks = [1, 2, 3].map(() => group.spawn(() => sleep(60_000)));
  await Promise.resolve();
  for (const task of tasks) task.cancel();
  for (const task of tasks) await task.join();
  return tasks.map((task) => task.state);
});

facts["a group with a limit"] = await taskGroup(async (group) => {
  let running = 0;
  let most = 0;
  const tasks = Array.from({ length: 5 }, () =>
    group.spawn(async () => {
      most = Math.max(most, ++running);
      await sleep(1);
      running--;
    }));
  for (const task of tasks) await task;
  return most;
}, { limit: 2 });

/** How many of three tasks are in a lock at once, at most, and how each of them has fared. */
async function contend(lock: {
  withLock(fn: () => Promise<void>): Promise<void>;
}): Promise<[most: number, ends: string[]]> {
  let inside = 0;
  let most = 0;
  const ends: string[] = [];
  await taskGroup((group) => {
    for (let i = 0; i < 3; i++) {
      group.spawn(async () => {
        await Promise.resolve();
        const end = lock.withLock(async () => {
          most = Math.max(most, ++inside);
          await sleep(1);
          inside--;
        });
        ends.push(await end.then(() => "had it", (error) => error.name));
      });
    }
  });
  return [most, ends.sort()];
}

facts["a lock that three want"] = await contend(new Lock());
facts["a recursive lock that three want"] = await contend(new RLock());
facts["a lock that three want to write under"] = await contend(new RWLock().write);

facts["moveOnAfter()"] = (await moveOnAfter(5, () => sleep(60_000))).timedOut;
facts["failAfter()"] = await failAfter(5, () => sleep(60_000)).catch((error) => error.name);
facts["shield()"] = await shield(() => sleep(1).then(() => "done"));

console.log(JSON.stringify(facts));
