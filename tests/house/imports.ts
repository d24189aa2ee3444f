/**
 * Which file of the library imports what, as Deno itself resolves it: type-only and dynamic imports included, comments and
 * strings that look like imports not. Nothing is downloaded for it.
 *
 * @module
 */

/** Where the library lives, bottom first; `layering.ts` lets arrows point only to what stands before. */
export const LAYERS = ["primitives/kernel", "primitives", "io", "pools", "mod.ts"];

/** One import in a file. */
export interface Import {
  /** As it is written. */
  readonly specifier: string;
  /** The file it leads to, relative to the root; `undefined` when it leads out of the repository. */
  readonly file: string | undefined;
  /** Whether it is a call of `import()`, made when it is needed. */
  readonly dynamic: boolean;
}

/** The imports of each file, by its path relative to the root. */
export type ImportGraph = ReadonlyMap<string, readonly Import[]>;

/** The part of `deno info --json` that is read here. */
interface Info {
  modules: {
    specifier: string;
    error?: string;
    dependencies?: {
      specifier: string;
      code?: { specifier?: string };
      type?: { specifier?: string };
      isDynamic?: boolean;
    }[];
  }[];
}

/** Reads the imports of every file in the library under `root`, a folder's URL. */
export async function readImports(root: URL): Promise<ImportGraph> {
  const graph = new Map<string, Import[]>();
  for (const file of libraryFiles(root)) {
    if (graph.has(file)) continue;
    for (const module of (await info(new URL(file, root), root)).modules) {
      const path = within(root, module.specifier);
      if (path === undefined) continue;
      if (module.error !== undefined) throw new Error(`Cannot read ${path}: ${module.error}`);
      graph.set(
        path,
        (module.dependencies ?? []).map(({ specifier, code, type, isDynamic = false }) => ({
          specifier,
          file: within(root, code?.specifier ?? type?.specifier),
          dynamic: isDynamic,
        })),
      );
    }
  }
  return graph;
}

/** A URL's path relative to `root`, `undefined` when it is not in there. */
function within(root: URL, url: string | undefined): string | undefined {
  return url?.startsWith(root.href) ? decodeURI(url.slice(root.href.length)) : undefined;
}

function* libraryFiles(root: URL): Iterable<string> {
  for (const { name, isFile } of Deno.readDirSync(root)) {
    if (LAYERS.includes(name)) yield* isFile ? [name] : filesIn(name, root);
  }
}

function* filesIn(folder: string, root: URL): Iterable<string> {
  for (const { name, isDirectory } of Deno.readDirSync(new URL(folder, root))) {
    const path = `${folder}/${name}`;
    if (isDirectory) yield* filesIn(path, root);
    else if (name.endsWith(".ts")) yield path;
  }
}

async function info(module: URL, root: URL): Promise<Info> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-remote", "--no-npm", module.href],
    cwd: root,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}
