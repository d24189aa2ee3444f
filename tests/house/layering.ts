/**
 * The rules of the library's imports. Arrows point down only, from `mod.ts` over `pools`, `io` and `primitives` to
 * `primitives/kernel`; no import, type-only and dynamic ones included, closes a cycle; the library never imports `@std/*`;
 * and what `mod.ts` loads depends on nothing at all, so that it loads on every platform.
 *
 * @module
 */

import { type ImportGraph, LAYERS } from "./imports.ts";

/** What is wrong with the imports of the library: a sentence each, none when all is well. */
export function layeringProblems(graph: ImportGraph): string[] {
  return [
    ...arrowsUp(graph),
    ...cycles(graph),
    ...standardLibrary(graph),
    ...dependencies(graph),
  ];
}

/** The place of a file in `LAYERS`, -1 outside the library. */
function layerOf(file: string): number {
  return LAYERS.findIndex((layer) => file === layer || file.startsWith(`${layer}/`));
}

function* arrowsUp(graph: ImportGraph): Iterable<string> {
  for (const [file, imports] of graph) {
    const layer = layerOf(file);
    if (layer === -1) continue;
    for (const { file: target } of imports) {
      if (target === undefined) continue;
      const below = layerOf(target);
      if (below === -1) yield `${file} imports ${target}, which is not part of the library`;
      else if (below > layer) yield `${file} imports ${target}: arrows point down only`;
    }
  }
}

/** Walks depth first; an import of a file that is still being walked closes a cycle. */
function* cycles(graph: ImportGraph): Iterable<string> {
  const walked = new Set<string>();
  const path: string[] = [];
  yield* [...graph.keys()].flatMap(walk);

  function walk(file: string): string[] {
    const at = path.indexOf(file);
    if (at !== -1) return [`${[...path.slice(at), file].join(" → ")}: a cycle of imports`];
    if (walked.has(file)) return [];
    walked.add(file);
    path.push(file);
    const found = (graph.get(file) ?? []).flatMap((imported) =>
      imported.file === undefined ? [] : walk(imported.file)
    );
    path.pop();
    return found;
  }
}

function* standardLibrary(graph: ImportGraph): Iterable<string> {
  for (const [file, imports] of graph) {
    for (const { specifier } of imports) {
      if (/^(jsr:)?@std\//.test(specifier)) {
        yield `${file} imports ${specifier}: only tests, examples and benchmarks may`;
      }
    }
  }
}

/** What `mod.ts` loads may ask a platform for a `node:` module when it needs one, by `import()`; other packages never. */
function* dependencies(graph: ImportGraph): Iterable<string> {
  const loaded = new Set(["mod.ts"]);
  // A set takes additions while it is iterated, and gives them too.
  for (const file of loaded) {
    for (const { specifier, file: target, dynamic } of graph.get(file) ?? []) {
      if (target !== undefined) loaded.add(target);
      else if (!(dynamic && specifier.startsWith("node:"))) {
        yield `${file} imports ${specifier}, but what mod.ts loads has no dependencies`;
      }
    }
  }
}
