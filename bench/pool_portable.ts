/**
 * The jobs of `pool_jobs.ts` as Grove's pools take them. Loaded by its workers, with all of Grove, as a program's module would be.
 *
 * @module
 */

import { portable, transfer } from "../mod.ts";
import * as jobs from "./pool_jobs.ts";

export const double = portable(import.meta, jobs.double);
export const fib = portable(import.meta, jobs.fib);
export const stamp = portable(import.meta, jobs.stamp);

export const stampMoved = portable(
  import.meta,
  function stampMoved(bytes: Uint8Array): Uint8Array {
    return transfer(jobs.stamp(bytes));
  },
);
