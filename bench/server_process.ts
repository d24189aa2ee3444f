/**
 * Servers that are measured: each is a process of its own, and so is what loads it, so that the figure is what the server itself
 * burned. A server prints its port as its first line. What loads it gets the port and how many requests to make as a line, and
 * answers by a line when they are made.
 *
 * @module
 */

import type { Contender } from "./row.ts";

/** A program of the benchmark, in a process of its own, and the lines between it and this one. */
export class LineProcess {
  readonly #child: Deno.ChildProcess;
  readonly #lines: ReadableStreamDefaultReader<string>;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;
  readonly #name: string;
  #text = "";

  constructor(program: string, args: readonly string[] = [], flags: readonly string[] = []) {
    this.#name = [program, ...args].join(" ");
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--allow-all", ...flags, new URL(program, import.meta.url).href, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#lines = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    this.#input = this.#child.stdin.getWriter();
  }

  /** The next line that it prints. */
  async line(): Promise<string> {
    while (!this.#text.includes("\n")) {
      const { done, value } = await this.#lines.read();
      if (done) throw new Error(`Cannot go on measuring as ${this.#name} has ended: see above`);
      this.#text += value;
    }
    const end = this.#text.indexOf("\n");
    const line = this.#text.slice(0, end);
    this.#text = this.#text.slice(end + 1);
    return line;
  }

  async tell(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** The processor time of all its threads until now, in nanoseconds. */
  processorTime(): number {
    const folder = `/proc/${this.#child.pid}/task`;
    let sum = 0;
    for (const { name } of Deno.readDirSync(folder)) {
      try {
        sum += Number(Deno.readTextFileSync(`${folder}/${name}/schedstat`).split(" ")[0]);
      } catch (error) {
        // A thread may end meanwhile.
        if (!(error instanceof Deno.errors.NotFound)) throw error;
      }
    }
    return sum;
  }

  async end(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
    await this.#lines.cancel();
    await this.#input.abort().catch(() => {});
  }
}

/** What a contender of this kind is made of. */
export interface ServerLoad {
  /** Starts the server. */
  readonly server: () => LineProcess;
  /** Starts what loads it; one, which each server gets its requests from in turn. */
  readonly clients: () => LineProcess;
  /** How many requests a run makes. */
  readonly size: number;
  readonly note?: string;
}

/** The processor time of a server for a request. */
export function serverTimed(name: string, { server, clients, size, note }: ServerLoad): Contender {
  let started: Promise<{ serving: LineProcess; loading: LineProcess; port: string }> | undefined;
  async function start() {
    const serving = server();
    const loading = clients();
    return { serving, loading, port: await serving.line() };
  }
  return {
    name,
    note,
    async sample(repeats) {
      const { serving, loading, port } = await (started ??= start());
      const requests = repeats * size;
      const before = serving.processorTime();
      await loading.tell(`${port} ${requests}`);
      const answer = await loading.line();
      if (answer !== String(requests)) {
        throw new Error(`Cannot trust ${name} as ${answer} of ${requests} requests were answered`);
      }
      return (serving.processorTime() - before) / requests;
    },
    async end() {
      const { serving, loading } = await started!;
      await loading.end();
      await serving.end();
    },
  };
}
