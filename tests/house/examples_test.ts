import { assertEquals, assertStringIncludes } from "@std/assert";
import { exampleProblems } from "./examples.ts";

async function problemsOf(source: string): Promise<string[]> {
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, source);
    return await exampleProblems([file]);
  } finally {
    await Deno.remove(file);
  }
}

const EXAMPLE = "/**\n * For a test.\n *\n * @example\n * ```ts\n * ```\n */\n";

Deno.test("a public function, class or variable without an example is a problem", async () => {
  for (const source of ["function thing() {}", "class thing {}", "const thing = 1;"]) {
    const [problem, ...others] = await problemsOf(`/** For a test. */\nexport ${source}\n`);
    assertStringIncludes(problem, '.ts:2: "thing" has no @example');
    assertEquals(others, []);
  }
});

Deno.test("one example is enough for a function with overloads, and types need none", async () => {
  const overloads = "export function thing(a: string): void;\n";
  const source = `${EXAMPLE}${overloads}export function thing(a: number): void;
export function thing() {}
/** For a test. */
export interface Options {}
`;
  assertEquals(await problemsOf(source), []);
});

Deno.test("an entry that cannot be read is a problem", async () => {
  const problems = await exampleProblems(["no/such/entry.ts"]);
  assertEquals(problems.length, 1);
});
