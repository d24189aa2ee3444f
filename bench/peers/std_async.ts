/**
 * `pooledMap` and `delay` of @std/async, pinned. They come from npm's copy of the same code rather than from JSR, so that the
 * figures do not depend on which registry can be reached; it ships no types, hence the ones written here.
 *
 * @module
 */

import { delay as untypedDelay } from "npm:deno-std@1.4.0/async/delay.js";
import { pooledMap as untypedPooledMap } from "npm:deno-std@1.4.0/async/pool.js";

export const delay: (ms: number, options?: { signal?: AbortSignal }) => Promise<void> =
  untypedDelay;

export const pooledMap: <T, R>(
  poolLimit: number,
  items: Iterable<T>,
  map: (item: T) => Promise<R>,
) => AsyncIterableIterator<R> = untypedPooledMap;
