import { assertEquals, assertStringIncludes } from "@std/assert";
import { Consumer } from "./consumer.ts";

/** What TypeScript is told that checks the project, and the declarations of the package, as strictly as it can. */
const STRICT = {
  compilerOptions: {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    noEmit: true,
    module: "nodenext",
    target: "es2024",
    lib: ["esnext", "dom", "dom.iterable", "dom.asynciterable"],
    types: [],
    allowImportingTsExtensions: true,
  },
  files: ["everywhere.ts"],
};

Deno.test("the package for npm: TypeScript checks it in strict mode, the declarations too", async () => {
  using project = await Consumer.ofNpm();
  await project.write("tsconfig.json", STRICT);
  const { code, stdout } = await project.deno("run", "--allow-all", "npm:typescript@5.9.3/tsc");
  assertEquals({ code, stdout }, { code: 0, stdout: "" });
});

Deno.test("the package for npm: bundled by esbuild, it runs under Node", async () => {
  using project = await Consumer.ofNpm();
  const bundled = await project.deno(
    "run",
    "--allow-all",
    "npm:esbuild@0.28.2",
    "--bundle",
    "--format=esm",
    "--platform=node",
    "--target=node20",
    "--outfile=everywhere.mjs",
    "everywhere.ts",
  );
  assertEquals(bundled.code, 0, bundled.stderr);
  const { code, stdout, stderr } = await project.command("node", "everywhere.mjs");
  const printed = "visitor is nobody\n3\n3600000\n";
  assertEquals({ code, stdout, stderr }, { code: 0, stdout: printed, stderr: "" });
});

Deno.test("the package for npm: it runs under Node as it is, and says which of its pools is not for there", async () => {
  using project = await Consumer.ofNpm();
  const { code, stderr } = await project.command(
    "node",
    "--input-type=module",
    "--eval",
    `import { WorkerPool } from "@grove/grove"; new WorkerPool();`,
  );
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Cannot make a WorkerPool as there is no Worker here");
});
