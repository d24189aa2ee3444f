/**
 * The table of contents: which file defines which row. Without arguments the benchmark runs all of these, in this order.
 *
 * A file is named, not imported, and loaded only in the process that runs its row: a row pays for no peer but its own, and what
 * merely asks for the names loads none.
 *
 * @module
 */

import type { Row } from "./row.ts";

const files: Readonly<Record<string, string>> = {
  "spawn-100": "./spawn.ts",
  "spawn-10000": "./spawn.ts",
  "spawn-1m": "./spawn.ts",
  "spawn-1m-bytes": "./blocked_bytes.ts",
  "blocked-bytes": "./blocked_bytes.ts",
  "finished-bytes": "./finished_bytes.ts",
  "map-10": "./map.ts",
  "map-1000": "./map.ts",
  "sleep-same": "./sleep.ts",
  "sleep-spread": "./sleep.ts",
  "sleep-bytes": "./sleep_bytes.ts",
  "sleep-cancel": "./sleep_cancel.ts",
  "cancel-10000": "./cancel.ts",
  "cancel-100000": "./cancel.ts",
  "lock-free": "./lock.ts",
  "lock-try": "./lock.ts",
  "lock-using": "./lock.ts",
  "lock-1000": "./lock_contended.ts",
  "lock-10000": "./lock_contended.ts",
  "unpark-30000": "./unpark.ts",
  "channel-0": "./channel.ts",
  "channel-1024": "./channel.ts",
  "channel-iterate": "./channel.ts",
  "queue-deep": "./queue_deep.ts",
  "priority-queue": "./priority_queue.ts",
  "priority-queue-arrays": "./priority_queue.ts",
  "select-ready": "./select.ts",
  "select-blocked": "./select.ts",
  "instrument": "./instrument.ts",
  "inspect-10000": "./instrument.ts",
  "frames": "./frames.ts",
  "lines": "./frames.ts",
  "selector": "./selector.ts",
  "echo-100-64": "./echo.ts",
  "echo-100-16k": "./echo.ts",
  "echo-1000-64": "./echo.ts",
  "echo-5000-64": "./echo.ts",
  "accept": "./accept.ts",
  "idle-connection": "./idle_connection.ts",
  "http": "./http.ts",
  "http-signal": "./http.ts",
  "pool-64": "./pool.ts",
  "pool-1024": "./pool.ts",
  "pool-latency": "./pool.ts",
  "pool-cpu": "./pool_cpu.ts",
  "pool-copy": "./pool_copy.ts",
  "pool-transfer": "./pool_copy.ts",
  "pool-start": "./pool_start.ts",
  "pool-bytes": "./pool_bytes.ts",
  "codec-small": "./codec.ts",
  "codec-mixed": "./codec.ts",
  "codec-rich": "./codec.ts",
  "process-64": "./process_pool.ts",
  "process-latency": "./process_pool.ts",
  "process-start": "./process_start.ts",
  "cluster-latency": "./cluster.ts",
  "cluster-64": "./cluster.ts",
  "shared-lock": "./shared_lock.ts",
  "shared-queue": "./shared_queue.ts",
};

export const rowIds: readonly string[] = Object.keys(files);

/** Loads the file of a row, whose id must be one of `rowIds`, and all its peers. */
export async function loadRow(id: string): Promise<Row> {
  const module: { rows: readonly Row[] } = await import(import.meta.resolve(files[id]));
  const row = module.rows.find((row) => row.id === id);
  if (row === undefined) {
    throw new Error(
      `Cannot load row ${id} as ${files[id]} does not define it. Correct bench/rows.ts`,
    );
  }
  return row;
}
