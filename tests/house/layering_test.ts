/**
 * The rules of the library's imports, each broken on purpose in a small library of its own, and kept in one.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { readImports } from "./imports.ts";
import { layeringProblems } from "./layering.ts";

/** Writes a library to a temporary folder and gives what is wrong with it. */
async function problemsOf(files: Record<string, string>): Promise<string[]> {
  const root = await Deno.makeTempDir();
  try {
    for (const [path, source] of Object.entries(files)) {
      const file = `${root}/${path}`;
      await Deno.mkdir(file.slice(0, file.lastIndexOf("/")), { recursive: true });
      await Deno.writeTextFile(file, source);
    }
    return layeringProblems(await readImports(pathToFolderUrl(root)));
  } finally {
    await Deno.remove(root, { recursive: true });
  }
}

function pathToFolderUrl(path: string): URL {
  return new URL(`file:///${path.replaceAll("\\", "/").replace(/^\//, "")}/`);
}

Deno.test("a library whose arrows point down has no problems", async () => {
  const problems = await problemsOf({
    "mod.ts": `export * from "./io/serve.ts"; export * from "./primitives/lock.ts";`,
    "pools/pool.ts": `import "../io/serve.ts"; import "../primitives/lock.ts";`,
    "io/serve.ts": `import type { Lock } from "../primitives/lock.ts"; import "./listen.ts";`,
    "io/listen.ts": `export const net = () => import("node:net");`,
    "primitives/lock.ts": `export * from "./kernel/wait.ts";`,
    "primitives/kernel/wait.ts":
      `// import "../lock.ts";\nexport type Lock = "import '../lock.ts'";`,
  });
  assertEquals(problems, []);
});

Deno.test("two files that import each other are a problem", async () => {
  const problems = await problemsOf({
    "primitives/lock.ts": `import "./event.ts";`,
    "primitives/event.ts": `import "./lock.ts";`,
  });
  assertEquals(problems.length, 1);
  assertEquals(problems[0].endsWith(": a cycle of imports"), true);
});

Deno.test("a longer cycle is a problem even if it is closed by a type or by a dynamic import", async () => {
  const problems = await problemsOf({
    "io/a.ts": `import "./b.ts";`,
    "io/b.ts": `import type { C } from "./c.ts";`,
    "io/c.ts": `export type C = 1; export const a = () => import("./a.ts");`,
    "mod.ts": `import "./io/a.ts";`,
  });
  assertEquals(problems, ["io/a.ts → io/b.ts → io/c.ts → io/a.ts: a cycle of imports"]);
});

Deno.test("an arrow that points up is a problem at every layer", async () => {
  const problems = await problemsOf({
    "primitives/kernel/wait.ts": `import type { Lock } from "../lock.ts";`,
    "primitives/lock.ts": `export type Lock = 1;`,
    "primitives/event.ts": `import "../io/serve.ts";`,
    "io/serve.ts": `import "../pools/pool.ts";`,
    "pools/pool.ts": `import "../mod.ts";`,
    "mod.ts": `import "./tests/helper.ts";`,
    "tests/helper.ts": ``,
  });
  assertEquals(problems.sort(), [
    "io/serve.ts imports pools/pool.ts: arrows point down only",
    "mod.ts imports tests/helper.ts, which is not part of the library",
    "pools/pool.ts imports mod.ts: arrows point down only",
    "primitives/event.ts imports io/serve.ts: arrows point down only",
    "primitives/kernel/wait.ts imports primitives/lock.ts: arrows point down only",
  ]);
});

Deno.test("the standard library is a problem in the library, loaded by mod.ts or not", async () => {
  const problems = await problemsOf({
    "pools/pool.ts": `import { delay } from "@std/async";`,
    "pools/job.ts": `import { assert } from "jsr:@std/assert@^1";`,
  });
  assertEquals(problems.sort(), [
    "pools/job.ts imports jsr:@std/assert@^1: only tests, examples and benchmarks may",
    "pools/pool.ts imports @std/async: only tests, examples and benchmarks may",
  ]);
});

Deno.test("whatever mod.ts loads depends on no package, and on node: only by import()", async () => {
  const problems = await problemsOf({
    "mod.ts": `import "./io/serve.ts";`,
    "io/serve.ts":
      `import type { Socket } from "node:net"; export const tls = () => import("node:tls");`,
    "pools/cluster.ts": `import "npm:@nats-io/transport-node@3"; import "../io/serve.ts";`,
  });
  assertEquals(problems, [
    "io/serve.ts imports node:net, but what mod.ts loads has no dependencies",
  ]);
});
