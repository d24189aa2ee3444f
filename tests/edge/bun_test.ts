/**
 * The library under Bun, from its source.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ABSENT_BESIDE_NODE } from "./absent.ts";
import { came } from "./came.ts";
import { withEcho } from "./echo.ts";
import { Program } from "../io/program.ts";
import { npmProgram } from "./npm_program.ts";
import { expected } from "./programs/tour.ts";

Deno.test("Bun runs the library, and what it lacks is an error when it is used", async () => {
  const bun = await npmProgram("bun");
  const { tour, missing } = await came(bun, ["run", "tests/edge/programs/prints.ts"]);
  assertEquals(tour, expected());
  assertEquals(missing, {
    ...ABSENT_BESIDE_NODE,
    // Bun has workers, which know nothing of Deno.
    WorkerPool:
      "TypeError: Cannot make a WorkerPool as its workers run under Deno alone. Use defaultPool()",
  });
});

Deno.test("Bun tells main of signals", async () => {
  const bun = await npmProgram("bun");
  await using run = new Program(["run", "tests/edge/programs/stops.ts"], {}, bun);
  await run.printed(/works/);
  run.kill("SIGTERM");
  assertEquals(await run.end(), {
    code: 0,
    signal: null,
    stdout: "works\nstopping: true\n",
    stderr: "",
  });
});

Deno.test("Bun connects by its own node:net", async () => {
  const bun = await npmProgram("bun");
  await withEcho(async (port) => {
    await using run = new Program(["run", "tests/edge/programs/says_hello.ts", `${port}`], {}, bun);
    assertEquals(await run.end(), { code: 0, signal: null, stdout: '"hello"\n', stderr: "" });
  });
});
