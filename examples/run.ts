/**
 * `deno task example NAME [ARG…]`: runs `examples/NAME.ts` with the permissions that its own first line asks for,
 *
 *     #!/usr/bin/env -S deno run --allow-net=127.0.0.1
 *
 * and no others; `--allow-run=deno` there means the Deno that is running, and `/tmp` the folder for temporary files. Without
 * a name it lists the examples.
 */
import { stdSource } from "../tests/std/source.ts";

const FIRST_LINE = "#!/usr/bin/env -S deno run";

async function examples(): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(import.meta.dirname!));
  return entries
    .filter(({ name, isFile }) => isFile && name.endsWith(".ts") && name !== "run.ts")
    .map(({ name }) => name.replace(/\.ts$/, ""))
    .sort();
}

/** What an example shows: the first sentence of its description. */
async function descriptionOf(name: string): Promise<string> {
  const source = await Deno.readTextFile(new URL(`${name}.ts`, import.meta.url));
  const [, paragraph = ""] = source.match(/^\/\*\*\n((?: \* .*\n)+)/m) ?? [];
  const text = paragraph.replaceAll(/^ \* /gm, "").replaceAll("\n", " ").trim();
  return text.replace(/\. .*/, ".");
}

/** The flags in the first line of an example. */
function flagsOf(name: string, source: string): string[] {
  const [line] = source.split("\n", 1);
  if (!line.startsWith(FIRST_LINE)) {
    throw new Error(
      `Cannot run ${name} as its first line must begin with "${FIRST_LINE}": ${line}`,
    );
  }
  return line.slice(FIRST_LINE.length).trim().split(/\s+/).filter((flag) => flag !== "")
    .map((flag) => flag.replace(/^--allow-run=deno$/, `--allow-run=${Deno.execPath()}`))
    .map((flag) => flag.replace(/(?<=[=,])\/tmp$/, temporaryFolders()));
}

/** `/tmp`, and where the system has the folder for temporary files elsewhere, that too. */
function temporaryFolders(): string {
  const elsewhere = Deno.env.get("TMPDIR");
  return elsewhere ? `/tmp,${elsewhere.replaceAll(",", ",,")}` : "/tmp";
}

async function run(name: string, args: string[]): Promise<number> {
  const module = new URL(`${name}.ts`, import.meta.url);
  const source = await Deno.readTextFile(module);
  // An example without the standard library runs without being asked where that comes from.
  const std = source.includes('"@std/') ? await stdSource() : { flags: [], env: {} };
  const example = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", ...flagsOf(name, source), ...std.flags, module.href, ...args],
    env: std.env,
  }).spawn();
  // A Ctrl-C reaches the example too; it decides how to end, and this process waits for it.
  Deno.addSignalListener("SIGINT", () => {});
  if (Deno.build.os !== "windows") {
    Deno.addSignalListener("SIGTERM", () => example.kill("SIGTERM"));
  }
  return (await example.status).code;
}

const [name, ...args] = Deno.args;
const names = await examples();
if (name === undefined) {
  console.log("deno task example NAME, which is one of:\n");
  const width = Math.max(...names.map((name) => name.length));
  for (const name of names) console.log(`  ${name.padEnd(width)}  ${await descriptionOf(name)}`);
} else if (!names.includes(name)) {
  console.error(
    `Cannot run example as there is none of this name: ${name}. There are:\n  ${
      names.join("\n  ")
    }`,
  );
  Deno.exitCode = 1;
} else {
  Deno.exit(await run(name, args));
}
