import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Consumer } from "./consumer.ts";

const PRINTED = "10 55\n11 89\n12 144\n3\n";

Deno.test("the package from JSR: a project that imports it by name type-checks in strict mode and runs", async () => {
  using project = await Consumer.ofJsr();
  const checked = await project.deno("check", "program.ts", "everywhere.ts");
  assertEquals(checked.code, 0, checked.stderr);
  const { code, stdout, stderr } = await project.deno("run", "--allow-read", "program.ts");
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: PRINTED, stderr: "" });
});

Deno.test("the package from JSR: bundled by deno bundle, the program has its threads", async () => {
  using project = await Consumer.ofJsr();
  const modules = ["program.ts", "grove_worker.ts"];
  const bundled = await project.deno("bundle", "--code-splitting", "--outdir=out", ...modules);
  assertEquals(bundled.code, 0, bundled.stderr);
  await project.command("rm", "-r", "package");
  const { code, stdout, stderr } = await project.deno(
    "run",
    "--no-config",
    "--allow-read=out",
    "out/program.js",
  );
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: PRINTED, stderr: "" });
});

Deno.test("the package from JSR: a bundle without the worker's module says what is missing", async () => {
  using project = await Consumer.ofJsr();
  const bundled = await project.deno("bundle", "--output=out/main.js", "program.ts");
  assertEquals(bundled.code, 0, bundled.stderr);
  const { code, stderr } = await project.deno("run", "--allow-read", "out/main.js");
  assertEquals(code, 1);
  assertStringIncludes(stderr, "bundle @grove/grove/worker too, as grove_worker.js");
});

// Deno fetches what it builds programs of from a server of its own; nothing else has it.
const canCompile = await fetch("https://dl.deno.land/release-latest.txt", {
  signal: AbortSignal.timeout(3000),
}).then(async (response) => (await response.text()).startsWith("v"), () => false);

Deno.test({
  name: "the package from JSR: compiled by deno compile, the program has its threads",
  ignore: !canCompile,
  fn: async () => {
    using project = await Consumer.ofJsr();
    const flags = ["--allow-read", "--include=grove_worker.ts", "--output=program"];
    const compiled = await project.deno("compile", ...flags, "program.ts");
    assertEquals(compiled.code, 0, compiled.stderr);
    const { code, stdout, stderr } = await project.command("./program");
    assertEquals({ code, stdout, stderr }, { code: 0, stdout: PRINTED, stderr: "" });
  },
});

Deno.test("the package from JSR: what is published is the library and its documents, and no more", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--allow-dirty", "--no-check"],
    env: { NO_COLOR: "1" },
  }).output();
  const text = new TextDecoder().decode(stderr);
  assertEquals(code, 0, text);
  const root = new URL("../../", import.meta.url).href;
  const listed = text.matchAll(/^\s+(file:\S+) \(([\d.]+)(K?)B\)$/gm);
  const files = Array.from(listed, ([, url, size, kilo]) => ({
    top: url.replace(root, "").split("/")[0],
    size: Number(size) * (kilo ? 1024 : 1),
  }));
  assertEquals(
    [...new Set(files.map(({ top }) => top))].sort(),
    ["CHANGELOG.md", "LICENSE", "README.md", "deno.json", "io", "mod.ts", "pools", "primitives"],
  );
  const size = files.reduce((sum, file) => sum + file.size, 0);
  assert(size < 2_000_000, `The package has ${size} bytes`);
});
