/**
 * What a program printed that took the tour: see `programs/prints.ts`.
 *
 * @module
 */

import { assertEquals } from "@std/assert";

/** What it came to. */
export interface Came {
  readonly tour: Record<string, unknown>;
  readonly missing: Record<string, unknown>;
}

/** Runs a program to its end, which has to be a good one, and reads what it printed. */
export async function came(program: string, args: string[]): Promise<Came> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    args,
    cwd: new URL("../../", import.meta.url),
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder();
  assertEquals([code, text.decode(stderr)], [0, ""]);
  return JSON.parse(text.decode(stdout));
}
