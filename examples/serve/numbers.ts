/**
 * What computes, in a module of its own: of the app, this is all that the workers of the pool load.
 *
 * Both let the event loop turn every now and then. By that a worker hears that nobody wants the
 * result any more; and where there are no workers, everybody else gets their turn.
 *
 * @module
 */

import { portable, yieldNow } from "../../mod.ts";

/** From here on a Fibonacci number takes as long as a turn may: less than a millisecond. */
const LONG = 25;

/** How many numbers are looked at for a block of primes, for the same reason. */
const BLOCK = 1000;

/** The `n`-th Fibonacci number, the slow way. */
export const fib = portable(import.meta, async function fib(n: number): Promise<number> {
  if (n < LONG) return atOnce(n);
  await yieldNow();
  return await fib(n - 1) + await fib(n - 2);
});

function atOnce(n: number): number {
  return n < 2 ? n : atOnce(n - 1) + atOnce(n - 2);
}

/** The primes up to a number, in blocks: to send a prime by itself would take longer than to find it. */
export const primes = portable(
  import.meta,
  async function* primes(upTo: number): AsyncGenerator<number[]> {
    const divisors: number[] = [];
    for (let first = 2; first <= upTo; first += BLOCK) {
      await yieldNow();
      const block: number[] = [];
      const last = Math.min(first + BLOCK - 1, upTo);
      next: for (let n = first; n <= last; n++) {
        for (const divisor of divisors) {
          if (divisor * divisor > n) break;
          if (n % divisor === 0) continue next;
        }
        if (n * n <= upTo) divisors.push(n);
        block.push(n);
      }
      yield block;
    }
  },
);
