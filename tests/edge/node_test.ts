/**
 * The library under Node, as one plain JavaScript module.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { ABSENT_IN_NODE } from "./absent.ts";
import { bundle } from "./bundle.ts";
import { came } from "./came.ts";
import { Program } from "../io/program.ts";
import { expected } from "./programs/tour.ts";

Deno.test("Node runs the library, and what it lacks is an error when it is used", async () => {
  const { tour, missing } = await came("node", [await bundle("tests/edge/programs/prints.ts")]);
  assertEquals(tour, expected());
  assertEquals(missing, ABSENT_IN_NODE);
});

Deno.test("Node tells main of signals", async () => {
  await using run = new Program([await bundle("tests/edge/programs/stops.ts")], {}, "node");
  await run.printed(/works/);
  run.kill("SIGTERM");
  assertEquals(await run.end(), {
    code: 0,
    signal: null,
    stdout: "works\nstopping: true\n",
    stderr: "",
  });
});
