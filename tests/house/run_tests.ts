/**
 * `deno task test [PATH…] [FLAG…]`: the tests and the examples in the documentation, in one run of `deno test`. Without a
 * path everything is run; flags (`--filter`, `--fail-fast`, …) are passed on. The last line is the total, and the exit code
 * is 0 only when something ran and nothing failed.
 *
 * The run may do everything, as to look at processes and to end them takes that; tests of permissions start programs that may do
 * less. Its temporary files are in a folder of its own.
 *
 * @module
 */

import { stdSource } from "../std/source.ts";
import { tally } from "./tally.ts";

/** What is run when no path is given. Markdown and the modules of the library are run for the examples in them. */
const EVERYTHING = ["mod.ts", "primitives", "io", "pools", "README.md", "tests"];

/** The flags of `deno test` whose value is an argument of its own, which is then no path. */
const FLAGS_WITH_VALUE = ["--filter", "--repeats", "--reporter", "--retry", "--shard"];

function namesPath(arg: string, index: number, args: string[]): boolean {
  return !arg.startsWith("-") && !FLAGS_WITH_VALUE.includes(args[index - 1]);
}

function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}

async function runTests(args: string[], scratch: string): Promise<boolean> {
  const std = await stdSource();
  const paths = args.some(namesPath) ? [] : EVERYTHING.filter(exists);
  const child = new Deno.Command(Deno.execPath(), {
    args: [
      "test",
      "--doc",
      "--no-check", // Types are for `deno task check`.
      "--no-prompt",
      "--allow-all",
      ...std.flags,
      ...args,
      ...paths,
    ],
    env: {
      ...std.env,
      // Where the tests' own temporary files go, on each system by the name it knows.
      TMPDIR: scratch,
      TEMP: scratch,
      TMP: scratch,
      // The output passes through this process, which must not cost its colors.
      ...(Deno.stdout.isTerminal() && !Deno.noColor ? { FORCE_COLOR: "1" } : {}),
    },
    stdout: "piped",
  }).spawn();
  const counts = await tally(child.stdout, Deno.stdout.writable);
  const { success } = await child.status;
  // A run that was cut off may have been in the middle of a line.
  if (counts === undefined) console.log();
  const passed = counts?.passed ?? 0;
  const failed = Math.max(counts?.failed ?? 0, success ? 0 : 1);
  if (passed + failed === 0) console.error("Nothing ran.");
  console.log(`${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0;
}

// Ctrl-C reaches the run as well; this process stays until it has ended, to count and to clean up.
Deno.addSignalListener("SIGINT", () => {});
const scratch = await Deno.makeTempDir({ prefix: "grove-" });
try {
  Deno.exitCode = await runTests(Deno.args, scratch) ? 0 : 1;
} finally {
  await Deno.remove(scratch, { recursive: true });
}
// The signal listener alone would keep the process alive.
Deno.exit();
