/**
 * Programs that npm has as packages, a package for each sort of machine: Deno downloads them into its
 * own cache, and they are run from there.
 *
 * @module
 */

const { os, arch } = Deno.build;

const isArm = arch === "aarch64";

/** The package of each program for this machine, and the program in it. */
const PROGRAMS = {
  workerd: {
    package: `@cloudflare/workerd-${os}-${isArm ? "arm64" : "64"}@1.20261023.1`,
    path: "bin/workerd",
  },
  bun: {
    package: `@oven/bun-${os}-${isArm ? "aarch64" : "x64"}@1.4.5`,
    path: "bin/bun",
  },
};

/** The path of a program; it is downloaded when it is not there yet. */
export async function npmProgram(name: keyof typeof PROGRAMS): Promise<string> {
  const program = PROGRAMS[name];
  const specifier = `npm:${program.package}`;
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["info", "--json", "--no-config", "--node-modules-dir=none", specifier],
  }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Cannot get ${specifier}: ${text.decode(stderr)}`);
  const { npmPackages } = JSON.parse(text.decode(stdout)) as {
    npmPackages: Record<string, { localPath?: string } | undefined>;
  };
  const folder = npmPackages[program.package]?.localPath;
  if (folder === undefined) {
    throw new Error(`Cannot get ${specifier}: ${text.decode(stderr)}${text.decode(stdout)}`);
  }
  return `${folder}/${program.path}${os === "windows" ? ".exe" : ""}`;
}
