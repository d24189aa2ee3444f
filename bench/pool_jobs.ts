/**
 * What the pools of the benchmark are given to do: plain functions, which every worker of every contender loads, so that none
 * has another one's code to load.
 *
 * @module
 */

/** A job so small that all its cost is the pool's. */
export function double(n: number): number {
  return n * 2;
}

/** A job that computes: some 20 ms for 32. */
export function fib(n: number): number {
  return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

/** Shows that the bytes have been to a worker: it adds one to the first of them. */
export function stamp(bytes: Uint8Array): Uint8Array {
  bytes[0]++;
  return bytes;
}
