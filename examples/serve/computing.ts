/**
 * What computes, and would keep everybody else waiting if it did so here: it goes to the pool that
 * the whole program shares. That has worker threads where there are any, and otherwise takes turns on
 * the event loop; nothing here knows which.
 *
 * @module
 */

import { defaultPool, WorkerPool } from "../../mod.ts";
import { fib, primes } from "./numbers.ts";
import { numberFrom } from "./queries.ts";
import { json, lines } from "./replies.ts";

/** A Fibonacci number. Its client goes away: so does the request, and with it the job. */
export async function showFib(url: URL): Promise<Response> {
  const n = numberFrom(url, "n", { least: 0, most: 45, otherwise: 30 });
  const began = performance.now();
  const value = await defaultPool().run(fib, n);
  return json({ n, value, took: Math.round(performance.now() - began) });
}

/** Primes, as they are found: no faster than the client reads, and no longer than it is there. */
export function showPrimes(url: URL): Response {
  const upTo = numberFrom(url, "upto", { least: 1, most: 100_000_000, otherwise: 1000 });
  return lines(defaultPool().stream(primes, upTo));
}

/** How the pool is doing, and what its workers do. */
export async function showPool(): Promise<Response> {
  const pool = defaultPool();
  const isThreaded = pool instanceof WorkerPool;
  const stats = pool.stats();
  const workers = isThreaded ? await pool.inspect() : [];
  return json({ kind: isThreaded ? "WorkerPool" : "TaskPool", stats, workers });
}
