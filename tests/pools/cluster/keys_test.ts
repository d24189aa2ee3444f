import { setImmediate } from "node:timers";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { jetstream } from "@nats-io/jetstream";
import { Cancelled, Event } from "../../../mod.ts";
import { keyedId } from "../../../pools/cluster/layout.ts";
import { write } from "../../../pools/cluster/messages.ts";
import { packValues } from "../../../pools/cluster/packing.ts";
import { connect, natsTest } from "./nats.ts";
import { Setup } from "./with_worker.ts";
import * as jobs from "./jobs.ts";

natsTest("P12: of the jobs of one key one is run, and all get its result", async () => {
  await using setup = await Setup.start();
  await using one = await setup.pool();
  await using two = await setup.pool();
  jobs.log.length = 0;
  jobs.gates.set("paid", new Event());
  const keyed = { key: "order 17 ü/*.>" };
  const futures = [one, one, two].map((pool) => pool.with(keyed).submit(jobs.passGate, "paid"));
  await setup.stored(1);
  await setup.worker();
  jobs.gates.get("paid")!.set();
  assertEquals(await Promise.all(futures), ["paid", "paid", "paid"]);
  assertEquals(await two.with(keyed).run(jobs.passGate, "paid"), "paid");
  assertEquals(jobs.log, ["at paid", "left paid"]);
});

natsTest("P12: the key of a job that was cancelled can be used again", async () => {
  await using setup = await Setup.start();
  await setup.worker();
  await using pool = await setup.pool();
  jobs.log.length = 0;
  jobs.gates.set("again", new Event());
  const future = pool.with({ key: "k" }).submit(jobs.passGate, "again");
  while (!future.running) await turn(1);
  future.cancel();
  await future.error();
  jobs.gates.get("again")!.set();
  assertEquals(await pool.with({ key: "k" }).run(jobs.passGate, "again"), "again");
});

natsTest("P12: who waits for a job of a key hears that it was cancelled", async () => {
  await using setup = await Setup.start();
  await using one = await setup.pool();
  await using two = await setup.pool();
  const first = one.with({ key: "k" }).submit(jobs.add, 1, 1);
  await setup.stored(1);
  const second = two.with({ key: "k" }).submit(jobs.add, 1, 1);
  const third = two.with({ key: "k" }).submit(jobs.add, 1, 1);
  // It has been told that the first is there when it is given an answer to what it sends after that.
  const last = two.with({ key: "other" }).submit(jobs.add, 2, 2);
  await setup.stored(2);
  third.cancel();
  assert(await third.error() instanceof Cancelled);
  assert(!second.done);
  first.cancel();
  assert(await second.error() instanceof Cancelled);
  await setup.stored(1);
  await setup.worker();
  assertEquals(await last, 4);
  assertEquals(await one.with({ key: "k" }).run(jobs.add, 1, 1), 2);
});

natsTest("P12: a key is a text of moderate length, and has no place in a stream", async () => {
  await using setup = await Setup.start();
  await using pool = await setup.pool();
  assertThrows(() => pool.with({ key: "" }), TypeError, "'key'");
  assertThrows(() => pool.with({ key: 17 as unknown as string }), TypeError, "'key'");
  assertThrows(() => pool.with({ key: "x".repeat(1000) }), RangeError, "too long");
  assertThrows(() => pool.with({ key: "x" }).stream(jobs.count, 1), TypeError, "'key'");
});

const immediately = () => new Promise((resolve) => setImmediate(resolve));
const turn = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

natsTest(
  "P12: a job of a key that comes late, when it has been done, is not run again",
  async () => {
    await using setup = await Setup.start();
    const worker = await setup.worker();
    await using pool = await setup.pool();
    jobs.log.length = 0;
    await pool.with({ key: "k" }).run(jobs.note, "run");
    await setup.stored(0);
    // Of a pool that had asked for its result before there was one.
    const connection = await connect({ servers: setup.server.url });
    const args = packValues(["run again"], String);
    const late = write({ module: "jobs", fn: "note", name: "note", args });
    const subject = `grove.default.job.normal.${keyedId("k", "")}`;
    await jetstream(connection).publish(subject, late);
    await connection.close();
    await setup.stored(0);
    assertEquals(jobs.log, ["run"]);
    assertEquals(worker.stats().duplicates, 1);
  },
);

natsTest(
  "P12: who leaves a job of a key that is another's leaves it alone, at every step",
  async () => {
    await using setup = await Setup.start();
    await setup.worker();
    await using one = await setup.pool();
    await using two = await setup.pool();
    jobs.log.length = 0;
    jobs.gates.set("shared", new Event());
    const first = one.with({ key: "k" }).submit(jobs.passGate, "shared");
    while (jobs.log.length === 0) await turn(1);
    for (let steps = 0; steps < 20; steps++) {
      const guest = two.with({ key: "k" }).submit(jobs.passGate, "shared");
      for (let i = 0; i < steps; i++) await turn();
      guest.cancel();
      assert(await guest.error() instanceof Cancelled);
    }
    // And where it hears of the worker before it knows whose job it is.
    const connection = await connect({ servers: setup.server.url });
    const started = write({ type: "started", worker: "w", run: "r" });
    for (let times = 0; times < 10; times++) {
      const guest = two.with({ key: "k" }).submit(jobs.passGate, "shared");
      while (!guest.running) {
        connection.publish(`grove.default.event.${keyedId("k", "")}`, started);
        await immediately();
      }
      guest.cancel();
      assert(await guest.error() instanceof Cancelled);
    }
    await connection.close();
    await two.run(jobs.add, 1, 1); // What it has said before that, the worker has heard.
    assertEquals(jobs.log, ["at shared"]);
    jobs.gates.get("shared")!.set();
    assertEquals(await first, "shared");
  },
);

natsTest(
  "P12: the key of a job that was cancelled can be used at once, at every step",
  async () => {
    await using setup = await Setup.start();
    await setup.worker();
    await using pool = await setup.pool();
    const large = new Uint8Array(1_500_000);
    const again = async (key: string, steps: number, argument: unknown) => {
      const keyed = pool.with({ key });
      const first = keyed.submit(jobs.same, argument);
      for (let i = 0; i < steps; i++) await turn();
      first.cancel();
      // Of one that a worker had it may hear that it was cancelled.
      const value: unknown = await keyed.run(jobs.same, argument).catch((error) => error);
      if (!(value instanceof Cancelled)) assertEquals(sizeOf(value), sizeOf(argument));
    };
    for (let steps = 0; steps < 10; steps++) {
      const keys = Array.from({ length: 20 }, (_, i) => `${steps} ${i}`);
      await Promise.all(keys.map((key) => again(key, steps, 1)));
    }
    for (let steps = 0; steps < 4; steps++) await again(`large ${steps}`, steps, large);
    assertEquals(pool.stats().failed, 0);
  },
);

/** What can be compared of a value in no time. */
function sizeOf(value: unknown): unknown {
  return value instanceof Uint8Array ? value.length : value;
}
