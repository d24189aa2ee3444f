/**
 * Puts a program and all that it imports into one plain JavaScript module, for platforms that read
 * no TypeScript.
 *
 * @module
 */

const root = new URL("../../", import.meta.url);

/** Bundles a module of the repository into a file; where that is among the temporary ones. */
export async function bundle(module: string): Promise<string> {
  const folder = await Deno.makeTempDir({ prefix: "edge-" });
  const file = `${folder}/program.mjs`;
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--platform", "browser", "--output", file, module],
    cwd: root,
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return file;
}
