/**
 * What the workers of poolifier-web-worker run.
 *
 * @module
 */

import { double, fib, stamp } from "../pool_jobs.ts";
import { ThreadWorker } from "./poolifier.ts";

export default new ThreadWorker<number | Uint8Array, number | Uint8Array>({
  double: (n) => double(n as number),
  fib: (n) => fib(n as number),
  stamp: (bytes) => stamp(bytes as Uint8Array),
});
