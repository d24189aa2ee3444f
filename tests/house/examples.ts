/**
 * Whether everything public that can be called or made shows how: each function, class and variable of the package's entries
 * has an example. That the examples run is for the tests, which run them.
 *
 * @module
 */

/** The part of `deno doc --json` that is read here. */
interface Docs {
  nodes: Record<string, { symbols: DocSymbol[] }>;
}

interface DocSymbol {
  name: string;
  declarations: Declaration[];
}

interface Declaration {
  kind: string;
  location: { filename: string; line: number };
  jsDoc?: { tags?: { kind: string }[] };
}

/** Those that show nothing are described by the examples of what they are handed to. */
const SHOWN = ["function", "class", "variable"];

/** What is wrong, a line each. */
export async function exampleProblems(entries: readonly string[]): Promise<string[]> {
  const args = ["doc", "--json", ...entries];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const decoder = new TextDecoder();
  if (!success) return [decoder.decode(stderr)];
  const { nodes }: Docs = JSON.parse(decoder.decode(stdout));
  const symbols = Object.values(nodes).flatMap((module) => module.symbols);
  const problems = symbols.flatMap(({ name, declarations }) => {
    const shown = declarations.filter(({ kind }) => SHOWN.includes(kind));
    // Overloads are one thing, and one example is enough.
    if (shown.length === 0 || shown.some(hasExample)) return [];
    const { filename, line } = shown[0].location;
    return [`${filename}:${line + 1}: "${name}" has no @example`];
  });
  // Most are exported by two entries.
  return [...new Set(problems)];
}

function hasExample({ jsDoc }: Declaration): boolean {
  return jsDoc?.tags?.some(({ kind }) => kind === "example") ?? false;
}
