import { assertEquals } from "@std/assert";
import { windows } from "./app.ts";
import { linesOf, timeless } from "./example.ts";

/** How many primes there are in a range, by another way than that of the example: a sieve. */
function countPrimes(from: number, to: number): number {
  const composite = new Uint8Array(to);
  for (let n = 2; n * n < to; n++) {
    if (composite[n] === 0) { for (let m = n * n; m < to; m += n) composite[m] = 1; }
  }
  return composite.subarray(from).filter((is) => is === 0).length;
}

Deno.test({
  name: "cpu_bound: one thread, threads and processes find the same primes",
  ignore: windows,
  fn: async () => {
    const primes = countPrimes(1_000_000, 1_000_000 + 16 * 150_000);
    const [jobs, ...lines] = await linesOf("cpu_bound");
    assertEquals(jobs, `16 jobs, ${navigator.hardwareConcurrency} cores`);
    assertEquals(timeless(lines), [
      `TaskPool, one thread: ${primes} primes in … ms`,
      `WorkerPool: ${primes} primes in … ms`,
      `ProcessPool: ${primes} primes in … ms`,
      "threads are … times as quick",
      "processes are … times as quick",
    ]);
  },
});
