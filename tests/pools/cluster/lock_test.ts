import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { Kvm } from "@nats-io/kv";
import { wsconnect } from "@nats-io/nats-core";
import { type Lease, LeaseLostError } from "../../../pools/cluster/lease.ts";
import { isUnused } from "../../../pools/cluster/lease_roll.ts";
import { ClusterLock } from "../../../pools/cluster/lock.ts";
import {
  after,
  all,
  CancelScope,
  checkpoint,
  ClosedError,
  DeadlockError,
  inspect,
  openNursery,
  select,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../../mod.ts";
import { interruptAtEveryStep } from "../../../primitives/testing/mod.ts";
import { thrownBy } from "../../primitives/outcome.ts";
import { lockTest, type Stage } from "./lock_server.ts";
import { connect, NatsServer, natsTest } from "./nats.ts";

/** Waits until so many hold the lock or wait for it, as the server has it. */
async function arrived(stage: Stage, count: number): Promise<void> {
  for (;;) {
    const { holders, waiting } = await stage.roll();
    if (holders.length + waiting.length === count) return;
  }
}

lockTest(
  "W1: a lock goes to those who wait in the order of their coming, also on other machines",
  async (stage) => {
    const a = new ClusterLock(await stage.connect(), "it");
    const b = new ClusterLock(await stage.connect(), "it");
    const order: string[] = [];
    const tokens: number[] = [];
    const first = await a.acquire();
    await taskGroup(async (group) => {
      for (const [i, lock] of [b, a, b, b, a].entries()) {
        group.spawn(() =>
          lock.withLock(({ token }) => {
            order.push(`${i}`);
            tokens.push(token);
          })
        );
        await arrived(stage, i + 2);
      }
      tokens.push(first.token);
      await first.release();
    });
    assertEquals(order, ["0", "1", "2", "3", "4"]);
    assertEquals(tokens, [...new Set(tokens)].sort((x, y) => x - y));
    assert(isUnused(await stage.roll()));
  },
);

lockTest("W1: tryAcquire gets a free lock, and none that another has", async (stage) => {
  const a = new ClusterLock(await stage.connect(), "it");
  const b = new ClusterLock(await stage.connect(), "it");
  const lease = await a.tryAcquire();
  assertInstanceOf(lease, Object);
  assertEquals(await b.tryAcquire(), null);
  assertEquals(await a.tryAcquire(), null);
  await lease!.release();
  await (await b.tryAcquire())!.release();
  assert(isUnused(await stage.roll()));
});

lockTest(
  "W2: a lock knows its owner here, and is lost by a task that ends with it",
  async (stage) => {
    const a = new ClusterLock(await stage.connect(), "it");
    const b = new ClusterLock(await stage.connect(), "it");
    let lease: Lease;
    await taskGroup((group) => {
      group.spawn(async () => {
        lease = await a.acquire();
        assertEquals(a.owner?.name, "forgetful");
        assertEquals([a.locked, b.locked], [true, false]);
      }, { name: "forgetful" });
    });
    assertEquals([a.locked, a.owner], [false, null]);
    const lost = await assertRejects(() => lease.release(), LeaseLostError);
    assertStringIncludes(lost.message, `task "forgetful" has ended without releasing it`);
    await (await b.acquire()).release();
  },
);

lockTest("W3: who acquires a lock again, or in a circle, gets a DeadlockError", async (stage) => {
  const connection = await stage.connect();
  const lock = new ClusterLock(connection, "it");
  const other = new ClusterLock(connection, "other");
  const error = await lock.withLock(() => thrownBy(lock.acquire()));
  assertInstanceOf(error, DeadlockError);
  assertStringIncludes(error.message, `cluster lock "it"`);
  const both = (first: ClusterLock, second: ClusterLock) =>
    first.withLock(async () => {
      while (!lock.locked || !other.locked) await sleep(1);
      await second.withLock(() => {});
    });
  assertInstanceOf(
    await thrownBy(all([() => both(lock, other), () => both(other, lock)])),
    DeadlockError,
  );
  assert(isUnused(await stage.roll()));
});

lockTest("W4: a lease is given back once, by the end of its block or by hand", async (stage) => {
  const lock = new ClusterLock(await stage.connect(), "it");
  {
    await using lease = await lock.acquire();
    assertEquals(lease.isLost, false);
    assertEquals((await stage.roll()).holders.length, 1);
    assertEquals(lock.stats(), { held: 1, waiters: 0, peakWaiters: 1 });
    assert(Object.isFrozen(lock.stats()));
    await lease.release();
    await lease.release();
    const next = await lock.acquire();
    await lease.release();
    next.check();
    await next.release();
  }
  assert(isUnused(await stage.roll()));
  assertEquals(lock.stats().held, 0);
});

lockTest(
  "C7: cancelled at every step, the acquire of a free lock leaves nothing",
  async (stage) => {
    const lock = new ClusterLock(await stage.connect(), "it");
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      const { value } = await interrupt(() => lock.acquire());
      await value?.release();
      await lock.tryAcquire().then((lease) => lease!.release());
      assert(isUnused(await stage.roll()));
    });
    assert(interrupted > 1);
  },
);

lockTest(
  "C7: cancelled at every step, who waits for a lock gets it or leaves nothing",
  async (stage) => {
    const a = new ClusterLock(await stage.connect(), "it");
    const b = new ClusterLock(await stage.connect(), "it");
    await interruptAtEveryStep(async (interrupt) => {
      const lease = await a.acquire();
      let released: Promise<void> | undefined;
      const { value } = await interrupt(() => {
        const waiting = b.acquire();
        released = lease.release();
        return waiting;
      });
      await (released ?? lease.release());
      await value?.release();
      await b.tryAcquire().then((lease) => lease!.release());
      assert(isUnused(await stage.roll()));
    });
  },
);

lockTest(
  "C8: a wait ends by its signal, its timeout and its scope, and the place in the line is free",
  async (stage) => {
    const lock = new ClusterLock(await stage.connect(), "it");
    const other = new ClusterLock(await stage.connect(), "it");
    const lease = await lock.acquire();
    assertEquals(
      await thrownBy(other.acquire({ signal: AbortSignal.abort("no") })),
      "no",
    );
    await assertRejects(
      () => other.acquire({ timeout: 0 }),
      TimeoutError,
      `Cannot wait for cluster lock "it" any longer as the time is up: 0 ms`,
    );
    await assertRejects(() => other.acquire({ timeout: 5 }), TimeoutError);
    const controller = new AbortController();
    const waits = thrownBy(other.acquire({ signal: controller.signal }));
    await arrived(stage, 2);
    controller.abort("enough");
    assertEquals(await waits, "enough");
    const scope = new CancelScope();
    const left = scope.enter(() => other.acquire());
    await arrived(stage, 2);
    scope.cancel();
    await left;
    assert(scope.cancelledCaught);
    await arrived(stage, 1);
    await lease.release();
    assert(isUnused(await stage.roll()));
  },
);

lockTest("W8: an arm of a select that is not taken does not wait any more", async (stage) => {
  const a = new ClusterLock(await stage.connect(), "it");
  const b = new ClusterLock(await stage.connect(), "it");
  const lease = await a.acquire();
  assertEquals((await select({ lock: b, late: after(5) })).key, "late");
  await arrived(stage, 1);
  const waiting = select({ lock: b, late: after(60_000) });
  await lease.release();
  const taken = await waiting;
  assert(taken.key === "lock");
  assertEquals((await stage.roll()).holders[0].token, taken.value.token);
  await taken.value.release();
});

lockTest(
  "a lease that is lost cancels the function that holds it, which throws why",
  async (stage) => {
    const connection = await stage.connect();
    const lock = new ClusterLock(connection, "it", { lease: 400 });
    const boom = new Error("boom");
    const lose = () => stage.server.kill();
    let ended = "";
    const lost = await thrownBy(lock.withLock(async () => {
      await lose();
      try {
        await sleep(60_000);
      } finally {
        ended = "cancelled";
      }
    }));
    assertInstanceOf(lost, LeaseLostError);
    assertEquals([lost.name, ended], ["LeaseLostError", "cancelled"]);
    await stage.server.restart();
    assertEquals(
      await thrownBy(lock.withLock(async (lease) => {
        await lose();
        await thrownBy(sleep(60_000));
        assertEquals(
          lease.signal.reason,
          await thrownBy(Promise.resolve().then(() => lease.check())),
        );
        throw boom;
      })),
      boom,
    );
    await stage.server.restart();
  },
);

lockTest("what withLock calls throws as ever, and the lock is free", async (stage) => {
  const lock = new ClusterLock(await stage.connect(), "it");
  const boom = new Error("boom");
  assertEquals(
    await thrownBy(lock.withLock(() => {
      throw boom;
    })),
    boom,
  );
  assertEquals(await lock.withLock(() => 1), 1);
  assert(isUnused(await stage.roll()));
});

lockTest("inspect() shows who waits for a lock of the cluster", async (stage) => {
  const lock = new ClusterLock(await stage.connect(), "it");
  const lease = await lock.acquire();
  const waiting = taskGroup((group) => {
    group.spawn(() => lock.withLock(() => {}), { name: "patient" });
  });
  await arrived(stage, 2);
  assertStringIncludes(JSON.stringify(inspect()), `"kind":"cluster lock","name":"it"`);
  await lease.release();
  await waiting;
});

lockTest("a closed connection fails who waits and ends what is held", async (stage) => {
  const own = await connect({ servers: stage.server.url });
  const lock = new ClusterLock(own, "it", { lease: 3_600_000 });
  const other = new ClusterLock(await stage.connect(), "it");
  const lease = await lock.acquire();
  const patient = new ClusterLock(own, "it", { lease: 3_600_000 });
  const waiting = thrownBy(patient.acquire());
  await arrived(stage, 2);
  const lost = new Promise((resolve) => lease.signal.addEventListener("abort", resolve));
  await own.close();
  assertInstanceOf(await waiting, ClosedError);
  await lost;
  assertInstanceOf(await thrownBy(lease.release()), LeaseLostError);
  await assertRejects(() => lock.tryAcquire(), ClosedError, "the connection is closed");
  assertEquals(await other.tryAcquire(), null); // Until its lease is over, as with a death.
});

lockTest("disposing of a lock ends what it has and what waits here", async (stage) => {
  const lock = new ClusterLock(await stage.connect(), "it");
  const other = new ClusterLock(await stage.connect(), "it");
  {
    await using mine = lock;
    await mine.acquire();
    // Before it ends: the task that has the lock must not be seen to wait for this one.
    const waiting = openNursery().spawn(() => thrownBy(mine.acquire()));
    await arrived(stage, 2);
    await mine[Symbol.asyncDispose]();
    assertInstanceOf(await waiting, ClosedError);
  }
  assert(isUnused(await stage.roll()));
  await (await other.tryAcquire())!.release();
  await assertRejects(() => lock.acquire(), ClosedError, "disposed of");
  await assertRejects(() => lock.tryAcquire(), ClosedError);
});

lockTest(
  "names may have any characters, and are one lock where they are the same",
  async (stage) => {
    const connection = await stage.connect();
    for (const name of ["a b", "a.b", "a=20b", ">", "*", "ä/ß", "日本"]) {
      const lease = await new ClusterLock(connection, name).tryAcquire();
      assertEquals(await new ClusterLock(connection, name).tryAcquire(), null);
      assertEquals(lease!.isLost, false);
    }
  },
);

natsTest("a server without JetStream is refused, with what it lacks", async () => {
  await using server = await NatsServer.start({ jetstream: "disabled" });
  const connection = await connect({ servers: server.url });
  const error = await thrownBy(new ClusterLock(connection, "it").acquire()) as Error;
  assertEquals(
    error.message,
    `Cannot acquire cluster lock "it" as the server refuses it: jetstream is not enabled. It needs JetStream (nats-server -js), and permission to make and use the bucket`,
  );
  assertInstanceOf(error.cause, Error);
  await connection.close();
});

lockTest(
  "a bucket that is removed takes the lock from its holder, and is made anew",
  async (stage) => {
    const connection = await stage.connect();
    const lock = new ClusterLock(connection, "it");
    const lost = await thrownBy(lock.withLock(async () => {
      await (await new Kvm(connection).open("grove_leases")).destroy();
      // It finds out when it renews the lease, or has another reason to look.
      await thrownBy(lock.tryAcquire());
      await sleep(60_000);
    }));
    assertInstanceOf(lost, LeaseLostError);
    assertStringIncludes((lost.cause as Error).message, "stream not found");
    assertEquals(await lock.withLock(() => 1), 1);
  },
);

lockTest("what is stored by something else is an error of those who acquire", async (stage) => {
  const connection = await stage.connect();
  const kv = await new Kvm(connection).create("grove_leases");
  await kv.put("lock.it", "mine");
  const lock = new ClusterLock(connection, "it");
  await assertRejects(() => lock.acquire(), TypeError, "written by something else");
  await kv.delete("lock.it");
  assertEquals(await lock.withLock(({ token }) => token), 4);
});

lockTest("a lock is used from where there are only WebSockets", async (stage) => {
  const lock = new ClusterLock(await stage.connect(), "it");
  const connection = await wsconnect({ servers: stage.server.websocketUrl });
  const lease = await lock.acquire();
  const waiting = new ClusterLock(connection, "it").withLock(({ token }) => token);
  await arrived(stage, 2);
  await lease.release();
  assert(await waiting > lease.token);
  await connection.close();
});

lockTest("bad arguments throw at the call", async (stage) => {
  const connection = await stage.connect();
  const make = (...args: unknown[]) => () => Reflect.construct(ClusterLock, args);
  assertThrows(
    make("nats://here", "it"),
    TypeError,
    `Cannot make a cluster lock as the first argument must be a connection to NATS: received "nats://here". Pass what connect() resolves to`,
  );
  assertThrows(make(connection), TypeError, "the name must be a string");
  assertThrows(make(connection, ""), TypeError, "the name must be a string");
  assertThrows(make(connection, "it", null), TypeError, "the options must be an object");
  assertThrows(make(connection, "it", { lease: "10" }), TypeError, "'lease'");
  assertThrows(make(connection, "it", { lease: 99 }), RangeError, "from 100 ms");
  assertThrows(make(connection, "it", { lease: 86_400_001 }), RangeError, "a day");
  assertThrows(make(connection, "it", { bucket: "a b" }), TypeError, "'bucket'");
  assertThrows(make(connection, "it", { replicas: 0 }), RangeError, "'replicas'");
  const lock = new ClusterLock(connection, "it");
  assertThrows(() => lock.acquire({ timeout: -1 }), RangeError);
  assertThrows(
    () => lock.withLock("fn" as unknown as () => void),
    TypeError,
    `use cluster lock "it"`,
  );
  await checkpoint();
});
