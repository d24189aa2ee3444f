import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Program, program } from "../program.ts";

const MODULE = new URL("../../../io/inspector/mod.ts", import.meta.url).href;

Deno.test("inspector: loading it needs no permission and starts nothing, and grove does not load it", async () => {
  await using loading = await program(
    `console.log(Object.keys(await import("${MODULE}")).join());`,
  );
  assertEquals(await loading.end(), {
    code: 0,
    signal: null,
    stdout: "inspector,inspectorHandler\n",
    stderr: "",
  });
  await using info = new Program(["info", "--json", "mod.ts"]);
  const { stdout } = await info.end();
  assertStringIncludes(stdout, "/io/serve_http.ts");
  assert(!stdout.includes("/io/inspector/"));
});

Deno.test("inspector: it needs the permission to listen, and no other", async () => {
  await using running = await program(
    `const { inspector } = await import("${MODULE}");
    await grove.nursery(async (services) => {
      const { url } = await services.start((_task, started) => inspector({ port: 0, started }));
      const { status } = await fetch(url);
      console.log(status);
      services.stop();
    });`,
    { flags: ["--allow-net=127.0.0.1"] },
  );
  const { code, stdout, stderr } = await running.end();
  assertEquals([code, stdout, stderr], [0, "200\n", ""]);
});
