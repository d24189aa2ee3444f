/**
 * How a process of Deno is started that runs what Grove runs in it.
 *
 * @module
 */

import { portableModules } from "../portable.ts";

/**
 * The arguments of `deno`, for a program that calls the function `start` of a module.
 *
 * The program is a text that is made for it: what a program names in itself to be imported, it may
 * load without the permission to read it. So code comes into a process that has no permissions.
 *
 * @param module The module.
 * @param argument What `start` is called with. It must be data that JSON keeps.
 * @param flags What else Deno is told.
 */
export function denoArguments(module: URL, argument: unknown, flags: readonly string[]): string[] {
  const ways = Array.from(portableModules(), (url) => {
    const name = JSON.stringify(url);
    return `${name}:()=>import(${name})`;
  });
  const program = `import{start}from${JSON.stringify(module.href)};` +
    `start(${JSON.stringify(argument)},{${ways}})`;
  return [
    "run",
    "--no-prompt",
    "--quiet",
    ...configuration(),
    ...flags,
    `data:application/javascript,${encodeURIComponent(program)}`,
  ];
}

let found: readonly string[] | undefined;

// Deno looks for it where the main module is, which here is a text; so it is told.
function configuration(): readonly string[] {
  return found ??= findConfiguration();
}

function findConfiguration(): string[] {
  if (!Deno.mainModule.startsWith("file:")) return [];
  for (let folder = new URL(".", Deno.mainModule);; folder = new URL("..", folder)) {
    for (const name of ["deno.json", "deno.jsonc"]) {
      const path = decodeURIComponent(new URL(name, folder).pathname);
      if (isFile(path)) return [`--config=${path}`];
    }
    if (folder.pathname === "/") return [];
  }
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false; // It is not there, or may not be looked for: then Deno's own search has to do.
  }
}
