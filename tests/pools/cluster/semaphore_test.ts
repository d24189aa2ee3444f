import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { ClusterLock } from "../../../pools/cluster/lock.ts";
import { isUnused } from "../../../pools/cluster/lease_roll.ts";
import { ClusterSemaphore } from "../../../pools/cluster/semaphore.ts";
import { Barrier, sleep, taskGroup } from "../../../mod.ts";
import { interruptAtEveryStep } from "../../../primitives/testing/mod.ts";
import { lockTest } from "./lock_server.ts";

const KEY = "semaphore.it";

lockTest("W1: at most so many have a permit at a time, on all machines together", async (stage) => {
  const connections = [await stage.connect(), await stage.connect(), await stage.connect()];
  const full = new Barrier(3);
  let inside = 0;
  let most = 0;
  await taskGroup((group) => {
    for (let i = 0; i < 18; i++) {
      const doors = new ClusterSemaphore(connections[i % 3], "it", 3);
      group.spawn(() =>
        doors.withLock(async () => {
          most = Math.max(most, ++inside);
          await full.wait();
          inside--;
        })
      );
    }
  });
  assertEquals([most, inside], [3, 0]);
  assert(isUnused(await stage.roll(KEY)));
});

lockTest(
  "W1: a permit that is given back goes to the first who waits, tokens rise",
  async (stage) => {
    const doors = new ClusterSemaphore(await stage.connect(), "it", 2);
    const other = new ClusterSemaphore(await stage.connect(), "it", 2);
    const [a, b] = [await doors.acquire(), await other.acquire()];
    assertEquals(await other.tryAcquire(), null);
    const waiting = doors.acquire();
    while ((await stage.roll(KEY)).waiting.length < 1);
    await b.release();
    const c = await waiting;
    assert(a.token < b.token && b.token < c.token);
    assertEquals(doors.stats(), { held: 2, waiters: 0, peakWaiters: 1 });
    // Unlike a lock it knows no owner: one task may have several.
    await c.release();
    await a.release();
  },
);

lockTest("who gives another number of permits is refused while others use it", async (stage) => {
  const five = new ClusterSemaphore(await stage.connect(), "it", 5);
  const three = new ClusterSemaphore(await stage.connect(), "it", 3);
  const lease = await five.acquire();
  const message =
    `Cannot acquire cluster semaphore "it" as its users do not agree on the number of permits: 3 here, 5 where it is in use. Give all the same number`;
  await assertRejects(() => three.acquire(), RangeError, message);
  await assertRejects(() => three.tryAcquire(), RangeError, message);
  lease.check();
  await lease.release();
  await (await three.acquire()).release();
});

lockTest(
  "C7: cancelled at every step, who wants a permit gets it or leaves nothing",
  async (stage) => {
    const doors = new ClusterSemaphore(await stage.connect(), "it", 2);
    const other = new ClusterSemaphore(await stage.connect(), "it", 2);
    const kept = await other.acquire();
    await interruptAtEveryStep(async (interrupt) => {
      const { value } = await interrupt(() => doors.withLock(() => sleep(0)).then(() => true));
      assert(value === undefined || value);
      const free = await doors.tryAcquire();
      assertInstanceOf(free, Object);
      await free!.release();
      assertEquals((await stage.roll(KEY)).holders.length, 1);
    });
    await kept.release();
  },
);

lockTest("a lock and a semaphore of one name have nothing to do with each other", async (stage) => {
  const connection = await stage.connect();
  const lease = await new ClusterLock(connection, "it").acquire();
  const permit = await new ClusterSemaphore(connection, "it", 1).tryAcquire();
  assertInstanceOf(permit, Object);
  await permit!.release();
  await lease.release();
});

lockTest("bad numbers of permits throw at the call", async (stage) => {
  const connection = await stage.connect();
  const make = (...args: unknown[]) => () => Reflect.construct(ClusterSemaphore, args);
  assertThrows(
    make(connection, "it", "3"),
    TypeError,
    `Cannot make a cluster semaphore as the number of permits must be a number: received "3"`,
  );
  assertThrows(make(connection, "it", 0), RangeError, "from 1 up");
  assertThrows(make(connection, "it", 1.5), RangeError, "whole number");
  assertThrows(make(connection, "it", Infinity), RangeError, "whole number");
});
