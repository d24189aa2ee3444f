/**
 * A task that always finds what it asks for must not keep the event loop from turning.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Channel, Lock, moveOnAfter, Queue, Semaphore, taskGroup } from "../../../mod.ts";

/** Runs a loop that never waits, under a time limit; stops it by hand if the limit never comes. */
async function isCutShort(step: () => Promise<unknown>): Promise<boolean> {
  const { timedOut } = await moveOnAfter(1, async () => {
    for (let steps = 0; steps < 20_000_000; steps++) await step();
  });
  return timedOut;
}

Deno.test("A queue that is never empty lets a deadline come", async () => {
  const queue = new Queue<number>();
  queue.putNowait(1);
  assert(
    await isCutShort(async () => {
      queue.putNowait(await queue.get());
    }),
  );
});

Deno.test("A loop over a channel that is never empty lets a deadline come", async () => {
  const channel = new Channel<number>(1);
  channel.trySend(1);
  const items = channel[Symbol.asyncIterator]();
  assert(
    await isCutShort(async () => {
      const { value } = await items.next();
      channel.trySend(value);
    }),
  );
});

Deno.test("A lock and a semaphore that are always free let a deadline come", async () => {
  const lock = new Lock();
  const semaphore = new Semaphore(1);
  assert(await isCutShort(() => lock.acquire().then((guard) => guard[Symbol.dispose]())));
  assert(await isCutShort(() => semaphore.withLock(() => {})));
  assertEquals([lock.locked, semaphore.available], [false, 1]);
});

Deno.test("Two tasks that serve each other let a deadline come, and lose nothing", async () => {
  const channel = new Channel<number>(8);
  let sent = 0;
  let received = 0;
  const { timedOut } = await moveOnAfter(1, () =>
    taskGroup((group) => {
      group.spawn(async () => {
        for (; sent < 20_000_000; sent++) await channel.send(sent);
      });
      group.spawn(async () => {
        for await (const item of channel) assertEquals(item, received++);
      });
    }));
  assert(timedOut);
  while (channel.tryReceive() !== undefined) received++;
  assertEquals(received, sent);
});
