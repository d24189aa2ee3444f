import { assert, assertEquals, assertMatch } from "@std/assert";
import { Program } from "../io/program.ts";
import { TASK } from "./example.ts";

const FOLDER = new URL("../../examples/", import.meta.url);

/** The names of all examples. */
function examples(): string[] {
  return Array.from(Deno.readDirSync(FOLDER))
    .filter(({ name, isFile }) => isFile && name.endsWith(".ts") && name !== "run.ts")
    .map(({ name }) => name.slice(0, -".ts".length))
    .sort();
}

Deno.test("deno task example lists all examples, each with what it shows", async () => {
  const [heading, , ...list] = await new Program(TASK).end().then((end) => end.stdout.split("\n"));
  assertEquals(heading, "deno task example NAME, which is one of:");
  const entries = list.filter((line) => line !== "").map((line) => line.trim().split(/  +/));
  assertEquals(entries.map(([name]) => name), examples());
  for (const [name, description] of entries) assertMatch(description, /^\S.*\.$/, name);
});

Deno.test("deno task example says so when there is none of that name", async () => {
  const { code, stderr } = await new Program([...TASK, "nothing"]).end();
  assertEquals(code, 1);
  assertMatch(stderr, /^Cannot run example as there is none of this name: nothing\. There are:\n/);
});

Deno.test("each example has a first line to run it, says what it answers, and has a test", () => {
  for (const name of examples()) {
    const source = Deno.readTextFileSync(new URL(`${name}.ts`, FOLDER));
    assertMatch(source, /^#!\/usr\/bin\/env -S deno run( --(allow|unstable)-\S+)*\n\/\*\*\n/, name);
    assert(source.includes("\n * Of the course: "), name);
    assert(source.split("\n").length < 170, `${name} is too long to be read at once`);
    const test = new URL(`${name}_test.ts`, import.meta.url);
    assert(Deno.readTextFileSync(test).includes(`linesOf("${name}")`), name);
  }
});

Deno.test({
  name: "an example may use the folder for temporary files, wherever the system has it",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { code, stderr } = await new Program([...TASK, "manager"], { TMPDIR: "/var/tmp" }).end();
    assertEquals([code, stderr], [0, ""]);
  },
});
