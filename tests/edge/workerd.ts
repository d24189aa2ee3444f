/**
 * Workers in workerd, the runtime of Cloudflare's Workers, each on a port of its own.
 *
 * @module
 */

import { Program } from "../io/program.ts";
import { bundle } from "./bundle.ts";
import { npmProgram } from "./npm_program.ts";

/** A worker: what it runs, and what it is given. */
export interface Worker {
  /** A module of the repository. */
  readonly module: string;
  /** What is switched on and off; beyond that it has what the date of `COMPATIBILITY` gives it. */
  readonly flags: readonly string[];
}

/** Since August 2026 Node's modules are there by default. */
const COMPATIBILITY = "2026-10-01";

/** Without Node's modules, as all workers of earlier dates are that do not ask for them. */
export const WITHOUT_NODE = ["no_nodejs_compat", "no_nodejs_compat_v2"];

/** Runs workers, by name, in one process, and gives their ports once they are served. */
export async function workerd<Name extends string>(workers: Record<Name, Worker>) {
  const names = Object.keys(workers) as Name[];
  const [program, folder] = await Promise.all([
    npmProgram("workerd"),
    Deno.makeTempDir({ prefix: "edge-" }),
  ]);
  const modules = new Set(names.map((name) => workers[name].module));
  const bundled = new Map(
    await Promise.all([...modules].map(async (module) => [module, await bundle(module)] as const)),
  );
  const text = (value: unknown) => JSON.stringify(value);
  const config = `
    using Workerd = import "/workerd/workerd.capnp";
    const config :Workerd.Config = (
      services = [(name = "internet", network = (allow = ["public", "private"])), ${
    names.map((name) => {
      const { module, flags } = workers[name];
      // What is embedded is found from here on, and an absolute path is one from this folder on.
      const code = relative(bundled.get(module)!, folder);
      return `(
        name = ${text(name)},
        worker = (
          modules = [(name = "program.js", esModule = embed ${text(code)})],
          compatibilityDate = ${text(COMPATIBILITY)},
          compatibilityFlags = [${flags.map(text).join()}],
        ),
      )`;
    })
  }],
      sockets = [${
    names.map((name) =>
      `(name = ${text(name)}, address = "127.0.0.1:0", http = (), service = ${text(name)})`
    )
  }],
    );`;
  const file = `${folder}/workerd.capnp`;
  await Deno.writeTextFile(file, config);
  const run = new Program(["serve", "--control-fd=1", file], {}, program);
  const ports = {} as Record<Name, number>;
  for (const name of names) {
    const [, port] = await run.printed(new RegExp(`"socket":"${name}","port":(\\d+)`));
    ports[name] = Number(port);
  }
  return { run, ports, [Symbol.asyncDispose]: () => run[Symbol.asyncDispose]() };
}

/** The path of a file beside a folder, seen from there: both are temporary. */
function relative(file: string, folder: string): string {
  const [of, to] = [folder, file].map((path) => path.replaceAll("\\", "/").split("/"));
  while (of.length > 0 && of[0] === to[0]) {
    of.shift();
    to.shift();
  }
  return [...of.map(() => ".."), ...to].join("/");
}
