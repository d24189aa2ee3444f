/**
 * `deno task test [PATH…] [FLAG…]`: the tests and the examples in the documentation. Without a path everything is run; flags
 * (`--filter`, `--fail-fast`, …) are passed on. The last line is the total, and the exit code is 0 only when something ran
 * and nothing failed.
 *
 * Without any argument there are two runs of `deno test` beside each other: each example is a module of its own that loads
 * the whole library, which takes a core for a minute.
 *
 * A run may do everything, as to look at processes and to end them takes that; tests of permissions start programs that may do
 * less. The temporary files are in a folder of their own.
 *
 * @module
 */

import { stdSource } from "../std/source.ts";
import { sideBySide } from "./side_by_side.ts";

/** Markdown and the modules of the library, which are run for the examples in them. */
const DOCUMENTED = ["mod.ts", "primitives", "io", "pools", "README.md"];

const TESTS = ["tests"];

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

/** What each run of `deno test` is given. */
function runsOf(args: string[]): string[][] {
  if (args.length === 0) return [TESTS, DOCUMENTED.filter(exists)];
  return [args.some(namesPath) ? args : [...args, ...DOCUMENTED.filter(exists), ...TESTS]];
}

async function runTests(args: string[], scratch: string): Promise<boolean> {
  const std = await stdSource();
  const children = runsOf(args).map((given) =>
    new Deno.Command(Deno.execPath(), {
      args: [
        "test",
        "--doc",
        "--no-check", // Types are for `deno task check`.
        "--no-prompt",
        "--allow-all",
        ...std.flags,
        ...given,
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
      stderr: "piped",
    }).spawn()
  );
  const { passed, failed } = await sideBySide(children, {
    stdout: Deno.stdout.writable,
    stderr: Deno.stderr.writable,
  });
  if (passed + failed === 0) console.error("Nothing ran.");
  console.log(`${passed} passed, ${failed} failed`);
  return passed > 0 && failed === 0;
}

// Ctrl-C reaches the runs as well; this process stays until they have ended, to count and to clean up.
Deno.addSignalListener("SIGINT", () => {});
const scratch = await Deno.makeTempDir({ prefix: "grove-" });
try {
  Deno.exitCode = await runTests(Deno.args, scratch) ? 0 : 1;
} finally {
  await Deno.remove(scratch, { recursive: true });
}
// The signal listener alone would keep the process alive.
Deno.exit();
