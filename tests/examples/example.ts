/**
 * The examples, run for tests as `deno task example NAME` runs them: with the permissions that they
 * ask for, and no others.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import { Program } from "../io/program.ts";

/** What `deno task example` runs, with all that it permits. */
export const TASK = config.tasks.example.command.split(" ").slice(1);

/** What is said where the standard library does not come from JSR; it is no complaint. */
const FALLBACK = /^JSR cannot be reached.*\n/;

/** After how many milliseconds an example will not end by itself any more. */
const ENDLESS = 300_000;

/**
 * Runs an example, which is to end well, by itself, and to complain of nothing; gives the lines that
 * it has printed.
 */
export async function linesOf(name: string): Promise<string[]> {
  await using program = new Program([...TASK, name]);
  // SIGTERM, which is passed on to the example: it would outlive the program that has started it.
  const watchdog = setTimeout(() => program.kill("SIGTERM"), ENDLESS);
  const { code, stdout, stderr } = await program.end();
  clearTimeout(watchdog);
  const outcome = { code, stderr: stderr.replace(FALLBACK, "") };
  assertEquals(outcome, { code: 0, stderr: "" }, `${name} has printed:\n${stdout}`);
  return stdout.trimEnd().split("\n");
}

/** The same lines with a "…" for the time, or the ratio of times, that one ends with. */
export function timeless(lines: string[]): string[] {
  return lines.map((line) => line.replace(/[\d.]+ (ms|times as (?:long|quick))$/, "… $1"));
}
