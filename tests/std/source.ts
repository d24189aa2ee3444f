/**
 * Where `@std/*` comes from: JSR, as deno.json says for everyone; or, where JSR cannot be reached, npm, through the import
 * map beside this file, whose modules have the same names and types. It is asked once a command: what a command starts
 * inherits the answer in `GROVE_STD`, which also takes the choice of whoever sets it (`jsr` or `npm`).
 *
 * @module
 */

/** A small document that only a working JSR answers with. */
const PROBE = "https://jsr.io/@std/assert/meta.json";

/** How long JSR may take, in milliseconds. */
const PATIENCE = 3_000;

/** How to start Deno so that it finds `@std/*`. */
export interface StdSource {
  /** What goes after `deno run`, `deno test` or `deno check`. */
  readonly flags: readonly string[];
  /** What goes into the environment, so that the answer is passed on. */
  readonly env: Readonly<Record<string, string>>;
}

/** Finds out, and says so in one line where it is not JSR. */
export async function stdSource(): Promise<StdSource> {
  const choice = Deno.env.get("GROVE_STD");
  if (choice === "jsr") return JSR;
  if (choice === "npm") return NPM;
  if (choice !== undefined) {
    throw new Error(
      `Cannot take @std/* from GROVE_STD=${choice}. Set it to "jsr" or "npm", or unset it.`,
    );
  }
  if (await jsrAnswers()) return JSR;
  console.error("JSR cannot be reached: @std/* comes from npm, through tests/std/import_map.json.");
  return NPM;
}

const JSR: StdSource = { flags: [], env: { GROVE_STD: "jsr" } };
const NPM: StdSource = {
  // An import map on the command line takes the place of the imports in deno.json.
  flags: [`--import-map=${new URL("import_map.json", import.meta.url)}`],
  env: { GROVE_STD: "npm" },
};

async function jsrAnswers(): Promise<boolean> {
  try {
    const response = await fetch(PROBE, { signal: AbortSignal.timeout(PATIENCE) });
    // A portal that answers every request with a page of its own is not JSR.
    return (await response.json()).name === "assert";
  } catch {
    return false;
  }
}
