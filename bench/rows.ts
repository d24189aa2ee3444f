/**
 * The table of contents: which file defines which row. A row's file is loaded only in the process that runs it, so a row
 * pays for no peer but its own. Without arguments the benchmark runs all of these, in this order.
 */
import type { Row } from "./row.ts";

type Rows = { readonly rows: readonly Row[] };

const files: Readonly<Record<string, () => Promise<Rows>>> = {
  "spawn-100": () => import("./spawn.ts"),
  "spawn-10000": () => import("./spawn.ts"),
  "spawn-1m": () => import("./spawn.ts"),
  "spawn-1m-bytes": () => import("./blocked_bytes.ts"),
  "blocked-bytes": () => import("./blocked_bytes.ts"),
  "finished-bytes": () => import("./finished_bytes.ts"),
  "map-10": () => import("./map.ts"),
  "map-1000": () => import("./map.ts"),
  "sleep-same": () => import("./sleep.ts"),
  "sleep-spread": () => import("./sleep.ts"),
  "sleep-bytes": () => import("./sleep_bytes.ts"),
  "sleep-cancel": () => import("./sleep_cancel.ts"),
  "cancel-10000": () => import("./cancel.ts"),
  "cancel-100000": () => import("./cancel.ts"),
};

export const rowIds: readonly string[] = Object.keys(files);

export async function loadRow(id: string): Promise<Row> {
  const { rows } = await files[id]();
  const row = rows.find((row) => row.id === id);
  if (row === undefined) {
    throw new Error(`Cannot load row ${id} as its file does not define it. Correct bench/rows.ts.`);
  }
  return row;
}
