import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { Lease, LeaseLostError, loseLease } from "../../../pools/cluster/lease.ts";

function leaseUntil(heldUntil: number, giveBack: () => Promise<void> = () => Promise.resolve()) {
  return new Lease(7, { title: "it", heldUntil: () => heldUntil, giveBack });
}

Deno.test("a lease whose time has passed is lost, before any timer says so", async () => {
  const message =
    "Cannot hold it any longer as it was not renewed in time: token 7. Others may hold it; undo what is half done, or acquire it again";
  assertEquals(leaseUntil(performance.now()).isLost, true);
  assertThrows(() => leaseUntil(performance.now()).check(), LeaseLostError, message);
  const lease = leaseUntil(performance.now());
  assertEquals(lease.signal.aborted, true);
  assertStrictEquals(await assertRejects(() => lease.release()), lease.signal.reason);
  assertStrictEquals(await assertRejects(() => lease[Symbol.asyncDispose]()), lease.signal.reason);
});

Deno.test("a lease is lost once, for the first reason", () => {
  const lease = leaseUntil(Infinity);
  const { signal } = lease;
  const cause = new Error("the cause");
  loseLease(lease, "somebody said so", cause);
  loseLease(lease, "of something else");
  assertEquals([lease.isLost, signal.aborted, signal.reason.cause], [true, true, cause]);
  assertThrows(() => lease.check(), LeaseLostError, "as somebody said so: token 7");
});

Deno.test("W4: a lease that was given back cannot be lost, and is given back once", async () => {
  let times = 0;
  const lease = leaseUntil(performance.now() + 60_000, async () => {
    times++;
  });
  await lease.release();
  loseLease(lease, "it is too late for that");
  await lease[Symbol.asyncDispose]();
  lease.check();
  assertEquals([times, lease.isLost, lease.signal.aborted], [1, false, false]);
});
