/**
 * `deno task bench [ROW…] [--json]`: runs the rows named (all of them unless any is), one process after the other, and prints
 * each row's table with its goals, or with `--json` one array of `{ row, contender, ns | bytes, ratio, spread }`. The exit
 * code is 1 when a row is unknown, or breaks (the others still run), never because a goal was missed: the figures inform, they
 * do not judge.
 *
 * @module
 */

import type { RowResult } from "./row.ts";
import { rowIds } from "./rows.ts";
import { linesOf, tableOf } from "./table.ts";

/** Ends the program with what was wrong with the command. */
function refuse(message: string): never {
  console.error(message);
  Deno.exit(1);
}

/**
 * The flags of a row's process. A full collection before each sample ages compiled code as if it had lain unused for long;
 * without `--no-flush-bytecode` V8 would throw away what a contender's warm-up compiled while the others have their turn.
 */
const V8_FLAGS = "--v8-flags=--expose-gc,--no-flush-bytecode";

/** Runs a row and gives its result; `undefined`, and the exit code is 1, when it broke and has said so. */
async function runInProcess(id: string): Promise<RowResult | undefined> {
  const program = new URL("./run_row.ts", import.meta.url).href;
  const { success, stdout } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-all", V8_FLAGS, program, id],
    stdout: "piped",
    stderr: "inherit",
  }).output();
  if (success) return JSON.parse(new TextDecoder().decode(stdout));
  console.error(`Cannot finish row ${id} as its process failed: see above\n`);
  Deno.exitCode = 1;
  return undefined;
}

const flags = Deno.args.filter((arg) => arg.startsWith("-"));
const wanted = Deno.args.filter((arg) => !arg.startsWith("-"));
const unknownFlag = flags.find((flag) => flag !== "--json");
if (unknownFlag !== undefined) {
  refuse(
    `Cannot run the benchmark as the option is unknown: ${unknownFlag}. The only one is --json.`,
  );
}
const unknownRow = wanted.find((id) => !rowIds.includes(id));
if (unknownRow !== undefined) {
  refuse(
    `Cannot run row as there is none of this name: ${unknownRow}. The rows are:\n  ${
      rowIds.join("\n  ")
    }`,
  );
}

const json = flags.length > 0;
const results: RowResult[] = [];
for (const id of wanted.length > 0 ? wanted : rowIds) {
  if (json && Deno.stderr.isTerminal()) console.error(id);
  const result = await runInProcess(id);
  if (result === undefined) continue;
  results.push(result);
  if (!json) console.log(`${tableOf(result)}\n`);
}
if (json) console.log(JSON.stringify(results.flatMap(linesOf), null, 2));
