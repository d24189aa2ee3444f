/**
 * How a process of Deno is started that runs what Grove runs in it.
 *
 * @module
 */

import { portableModules } from "../portable.ts";
import type { Environment } from "./environment.ts";
import { pathOf } from "./file_url.ts";
import { mainModuleOfProgram } from "./main_module.ts";

const MEBIBYTE = 1 << 20;

// Systems take arguments of 128 KiB and less.
const LONGEST = 100_000;

/**
 * Starts a process of Deno.
 *
 * @param program The URL of its main module.
 * @param args What it finds in `Deno.args`.
 * @param environment What it lives in.
 * @param permissions What it may do, as flags.
 * @param stderr Where what it writes to its standard error goes.
 */
export function startDeno(
  program: string,
  args: readonly string[],
  { env, cwd, memoryLimit, flags }: Environment,
  permissions: readonly string[],
  stderr: "inherit" | "piped",
): Deno.ChildProcess {
  const limit = memoryLimit === Infinity ? [] : [
    `--v8-flags=--max-old-space-size=${Math.ceil(memoryLimit / MEBIBYTE)}`,
  ];
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--quiet",
      ...configuration(),
      ...permissions,
      ...limit,
      ...flags,
      program,
      ...args,
    ],
    env,
    cwd,
    stdin: "null",
    stdout: "inherit",
    stderr,
  }).spawn();
}

/**
 * A program that calls the function `start` of a module.
 *
 * It is a text that is made for it: what a program names in itself to be imported, it may load
 * without the permission to read it. So code comes into a process that has no permissions.
 *
 * @param module The module.
 * @param argument What `start` is called with. It must be data that JSON keeps.
 * @param folder Where it can be put if it is too long for a command line.
 * @returns The URL of its main module.
 */
export function programOf(module: URL, argument: unknown, folder: string): string {
  const ways = Array.from(portableModules(), (url) => {
    const name = JSON.stringify(url);
    return `${name}:()=>import(${name})`;
  });
  const program = `import{start}from${JSON.stringify(module.href)};` +
    `start(${JSON.stringify(argument)},{${ways}})`;
  const url = `data:application/javascript,${encodeURIComponent(program)}`;
  if (url.length <= LONGEST) return url;
  const path = `${folder}/main.js`;
  Deno.writeTextFileSync(path, program);
  return path;
}

let found: readonly string[] | undefined;

// Deno looks for it where the main module is, which here is a text; so it is told.
function configuration(): readonly string[] {
  return found ??= findConfiguration();
}

function findConfiguration(): string[] {
  const main = mainModuleOfProgram();
  if (main === undefined || !main.startsWith("file:")) return [];
  for (let folder = new URL(".", main);; folder = new URL("..", folder)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const path = pathOf(new URL(name, folder));
      if (isFile(path)) return [`--config=${path}`];
    }
    if (folder.pathname === "/") return [];
  }
}

function isFile(path: string): boolean {
  // Else somebody at a terminal would be asked. Then Deno's own search has to do.
  if (Deno.permissions.querySync({ name: "read", path }).state !== "granted") return false;
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // It is not there.
  }
}
