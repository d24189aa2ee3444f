/**
 * `deno task check`: everything that can be said about the code without running it. Each step prints one line, and what
 * it complains of; all of them are run, and the exit code is 1 if any failed.
 *
 * @module
 */

import { stdSource } from "../std/source.ts";
import { exampleProblems } from "./examples.ts";
import { readImports } from "./imports.ts";
import { layeringProblems } from "./layering.ts";
import config from "../../deno.json" with { type: "json" };

/** A step gives what it complains of, or nothing. */
type Step = () => Promise<string>;

/** The step that runs `deno` with these arguments and complains when it does. */
function deno(...args: string[]): Step {
  return async () => {
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
    if (success) return "";
    const decoder = new TextDecoder();
    return decoder.decode(stdout) + decoder.decode(stderr) ||
      `deno ${args.join(" ")} failed without a word`;
  };
}

async function imports(): Promise<string> {
  const root = new URL("../../", import.meta.url);
  return layeringProblems(await readImports(root)).join("\n");
}

/** What has examples and is no module. */
const GUIDES = ["", "primitives/", "io/", "pools/"].map((folder) => `${folder}README.md`);

const entries = Object.values(config.exports);
const std = await stdSource();
const steps: Record<string, Step> = {
  format: deno("fmt", "--check"),
  lint: deno("lint"),
  types: deno("check", "--doc", ...std.flags, ".", ...GUIDES),
  documentation: deno("doc", "--lint", ...entries),
  examples: async () => (await exampleProblems(entries)).join("\n"),
  imports,
  package: deno("publish", "--dry-run", "--allow-dirty"),
};

for (const [name, step] of Object.entries(steps)) {
  const complaint = await step().catch((error) => String(error));
  console.log(`${name}: ${complaint === "" ? "ok" : "failed"}`);
  if (complaint !== "") {
    console.log(complaint.trim());
    Deno.exitCode = 1;
  }
}
