/**
 * The pools of npm in Node, where it is installed: most of them were written for it. A program in Node does what the rows here
 * do, when its turn comes in a round. Its sources name packages as Deno does, as Deno checks them and puts the packages into a
 * folder in a way that Node understands; for Node the names are cut down to those that it knows.
 *
 * @module
 */

import { clocked, type Load } from "./clock.ts";
import { Lasting } from "./lasting.ts";
import type { Contender } from "./row.ts";

const sources = ["main.mjs", "jobs.mjs", "workerpool_worker.mjs", "poolifier_worker.cjs"];

/** The pools that there are: of threads, and of processes. */
export type NodePool =
  | "piscina"
  | "tinypool"
  | "workerpool"
  | "tinypool-process"
  | "workerpool-process"
  | "poolifier-cluster";

/** What can be measured in Node: `atOnce` jobs that double a number, or a job at a time that gets and returns bytes. */
export type NodeWork =
  | { readonly work: "double"; readonly atOnce: number }
  | { readonly work: "copy" | "transfer"; readonly bytes: number };

function nodeVersion(): string | undefined {
  try {
    const { stdout } = new Deno.Command("node", { args: ["--version"] }).outputSync();
    return new TextDecoder().decode(stdout).trim();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

const version = nodeVersion();

class NodeProgram {
  readonly #folder: string;
  readonly #process: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;

  constructor() {
    this.#folder = prepare();
    this.#process = new Deno.Command("node", {
      args: ["main.mjs"],
      cwd: this.#folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#requests = this.#process.stdin.getWriter();
    this.#answers = this.#process.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Has a pool do a work, and resolves to the milliseconds that it took. */
  async measure(pool: string, work: NodeWork, size: number): Promise<number> {
    const request = JSON.stringify({ pool, ...work, size });
    await this.#requests.write(new TextEncoder().encode(`${request}\n`));
    let answer = "";
    while (!answer.endsWith("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) throw new Error(`Cannot measure ${pool} as Node has ended: see above`);
      answer += value;
    }
    return JSON.parse(answer);
  }

  async end(): Promise<void> {
    await this.#requests.close();
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Makes a folder with the program and the packages. */
function prepare(): string {
  const folder = Deno.makeTempDirSync();
  const packages = new Set<string>();
  for (const source of sources) {
    const text = Deno.readTextFileSync(new URL(`./peers/node/${source}`, import.meta.url));
    const forNode = text.replaceAll(/npm:(.+)@[\d.]+/g, (specifier, name) => {
      packages.add(specifier);
      return name;
    });
    Deno.writeTextFileSync(`${folder}/${source}`, forNode);
  }
  const { success, stderr } = new Deno.Command(Deno.execPath(), {
    args: ["install", "--node-modules-dir=auto", "--quiet", ...packages],
    cwd: folder,
  }).outputSync();
  if (success) return folder;
  throw new Error(
    `Cannot install packages for Node as Deno says: ${new TextDecoder().decode(stderr)}`,
  );
}

const program = new Lasting(() => new NodeProgram(), (program) => program.end());

/** The pools in Node that do a work; none where there is no Node. */
export function nodePools(
  names: readonly NodePool[],
  work: NodeWork,
  { size, note }: Load,
): Contender[] {
  if (version === undefined) return [];
  const notes = [`in Node ${version}`, note].filter((note) => note !== undefined).join(", ");
  return names.map((name) =>
    program.ended(
      clocked(
        `${name} (Node)`,
        { size, note: notes },
        (size) => program.thing.measure(name, work, size),
      ),
    )
  );
}
