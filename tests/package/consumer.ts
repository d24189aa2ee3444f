/**
 * A project of its own, in a folder of its own, that uses the package as it is published.
 *
 * @module
 */

import config from "../../deno.json" with { type: "json" };

const root = new URL("../../", import.meta.url);

/** How a command has ended. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The project: a folder with the programs of `project/`, which is removed in the end. */
export class Consumer implements Disposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** A project that gets the package from JSR; that is, from a folder with what would be there. */
  static async ofJsr(): Promise<Consumer> {
    const consumer = await Consumer.#make();
    const { name, version, publish } = config;
    await Deno.mkdir(`${consumer.#folder}/package`);
    for (const path of ["deno.json", ...publish.include]) {
      await copy(new URL(path, root).pathname, `${consumer.#folder}/package/${path}`);
    }
    await consumer.write("deno.json", {
      links: ["./package"],
      imports: { [name]: `jsr:${name}@^${version}` },
      compilerOptions: { strict: true, noImplicitOverride: true, verbatimModuleSyntax: true },
    });
    return consumer;
  }

  /** A project that gets the package from npm, as JSR offers it there. */
  static async ofNpm(): Promise<Consumer> {
    const consumer = await Consumer.#make();
    const tarball = `${consumer.#folder}/package.tgz`;
    const packed = await run(root.pathname, Deno.execPath(), [
      "pack",
      "--allow-dirty",
      "--no-source-maps",
      `--output=${tarball}`,
    ]);
    if (packed.code !== 0) throw new Error(`Cannot pack the package:\n${packed.stderr}`);
    const place = `${consumer.#folder}/node_modules/${config.name}`;
    await Deno.mkdir(place, { recursive: true });
    await run(place, "tar", ["xzf", tarball, "--strip-components=1"]);
    await consumer.write("package.json", { type: "module" });
    return consumer;
  }

  static async #make(): Promise<Consumer> {
    const consumer = new Consumer(await Deno.makeTempDir({ prefix: "consumer-" }));
    await copy(new URL("project", import.meta.url).pathname, consumer.#folder);
    return consumer;
  }

  /** Writes a file of the project. */
  async write(path: string, content: object): Promise<void> {
    await Deno.writeTextFile(`${this.#folder}/${path}`, JSON.stringify(content));
  }

  /** Runs `deno` in the project, as its user would. */
  deno(...args: string[]): Promise<Outcome> {
    return run(this.#folder, Deno.execPath(), args);
  }

  /** Runs another command in the project. */
  command(name: string, ...args: string[]): Promise<Outcome> {
    return run(this.#folder, name, args);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#folder, { recursive: true });
  }
}

async function run(cwd: string, command: string, args: string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await new Deno.Command(command, {
    args,
    cwd,
    env: { NO_COLOR: "1" },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

async function copy(from: string, to: string): Promise<void> {
  if ((await Deno.stat(from)).isFile) return await Deno.copyFile(from, to);
  await Deno.mkdir(to, { recursive: true });
  for await (const { name } of Deno.readDir(from)) await copy(`${from}/${name}`, `${to}/${name}`);
}
