/**
 * The process of one row: `main.ts` starts it, with the garbage collector exposed, so that no row inherits another's heap or
 * the types its compiler has seen. It runs the row named by its argument and prints a RowResult as JSON, its only output.
 *
 * @module
 */

import { runRow } from "./harness.ts";
import { loadRow } from "./rows.ts";

console.log(JSON.stringify(await runRow(await loadRow(Deno.args[0]))));
// A peer may have left a timer or a handle behind; the figures are out, so nothing is worth waiting for.
Deno.exit(0);
