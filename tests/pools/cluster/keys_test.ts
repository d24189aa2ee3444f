import { assert, assertEquals, assertThrows } from "@std/assert";
import { Cancelled, Event } from "../../../mod.ts";
import { natsTest } from "./nats.ts";
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
  while (jobs.log.length === 0) await new Promise((resolve) => setTimeout(resolve, 1));
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
