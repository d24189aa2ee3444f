/**
 * Servers that send back what they get, each in a process of its own, and the clients of each in another.
 *
 * The figure of a server is its processor time, that of all its threads: what the clients cost does not count, nor does the time
 * that it waits for them.
 *
 * @module
 */

const folder = new URL("peers/echo/", import.meta.url);
const PYTHON = "/usr/bin/python3";

/** How a server is started. */
export interface Command {
  readonly program: string;
  readonly args: readonly string[];
}

/** Whether connections stay, are closed by the server after one message, or mostly wait: with no buffer that can be done without. */
export type Manner = "stay" | "leave" | "wait";

function file(name: string): string {
  return new URL(name, folder).pathname;
}

function byDeno(name: string, ...args: string[]): Command {
  return { program: Deno.execPath(), args: ["run", "--allow-all", file(name), ...args] };
}

/** The same with the garbage collector exposed, for what is weighed. */
export function collecting({ program, args }: Command): Command {
  if (program === Deno.execPath()) {
    return { program, args: ["run", "--v8-flags=--expose-gc", ...args.slice(1)] };
  }
  return { program, args: program === "node" ? ["--expose-gc", ...args] : args };
}

function runs(program: string, ...args: string[]): boolean {
  try {
    return new Deno.Command(program, { args, stdout: "null", stderr: "null" }).outputSync().success;
  } catch {
    return false;
  }
}

/** All servers that can be started here, by the names of their contenders; and why some cannot. */
export function commands(manner: Manner): { servers: Map<string, Command>; missing: string[] } {
  const servers = new Map([
    ["floor", byDeno("bare.ts", manner)],
    ["grove, deno", byDeno("grove.ts", "deno", manner)],
    ["grove, node", byDeno("grove.ts", "node", manner)],
    ["node:net (Deno)", byDeno("node_net.mjs", manner)],
  ]);
  const missing: string[] = [];
  if (runs("node", "--version")) {
    servers.set("net (Node)", { program: "node", args: [file("node_net.mjs"), manner] });
  } else missing.push("Node");
  for (const name of ["gevent", "trio"]) {
    if (runs(PYTHON, "-c", `import ${name}`)) {
      servers.set(name, { program: PYTHON, args: [file(`${name}_server.py`), manner] });
    } else missing.push(`${name} (Debian's python3-${name})`);
  }
  return { servers, missing };
}

/** What a process prints, line by line. */
class Lines {
  readonly #reader: ReadableStreamDefaultReader<string>;
  #text = "";

  constructor(stream: ReadableStream<Uint8Array<ArrayBuffer>>) {
    this.#reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  }

  async next(): Promise<string> {
    for (;;) {
      const end = this.#text.indexOf("\n");
      if (end >= 0) {
        const line = this.#text.slice(0, end);
        this.#text = this.#text.slice(end + 1);
        return line;
      }
      const { value, done } = await this.#reader.read();
      if (done) throw new Error("Cannot measure as a process has ended: see above");
      this.#text += value;
    }
  }
}

/** A server, in a process of its own. */
export class Server implements Disposable {
  readonly port: number;
  readonly #child: Deno.ChildProcess;

  private constructor(child: Deno.ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
  }

  static async start({ program, args }: Command): Promise<Server> {
    const child = new Deno.Command(program, {
      args: [...args],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    return new Server(child, Number(await new Lines(child.stdout).next()));
  }

  /** The nanoseconds of processor time that its threads have had. */
  processorTime(): number {
    let sum = 0;
    for (const { name } of Deno.readDirSync(`/proc/${this.#child.pid}/task`)) {
      try {
        const path = `/proc/${this.#child.pid}/task/${name}/schedstat`;
        sum += Number(Deno.readTextFileSync(path).split(" ")[0]);
      } catch {
        // It has ended meanwhile.
      }
    }
    return sum;
  }

  /** The bytes of memory that are its own. */
  memory(): number {
    const text = Deno.readTextFileSync(`/proc/${this.#child.pid}/smaps_rollup`);
    const kilobytes = [...text.matchAll(/Private_(?:Clean|Dirty): +(\d+) kB/g)];
    return kilobytes.reduce((sum, [, number]) => sum + Number(number) * 1024, 0);
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}

/** The clients of a server, in a process of their own. */
export class Clients implements Disposable {
  readonly #child: Deno.ChildProcess;
  readonly #lines: Lines;
  readonly #input: WritableStreamDefaultWriter<Uint8Array>;

  private constructor(child: Deno.ChildProcess, lines: Lines) {
    this.#child = child;
    this.#lines = lines;
    this.#input = child.stdin.getWriter();
  }

  static async start(
    mode: "echo" | "accept",
    port: number,
    connections: number,
    size: number,
  ): Promise<Clients> {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--allow-ffi",
        new URL("echo_load.ts", import.meta.url).href,
        mode,
        ...[port, connections, size].map(String),
      ],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    const lines = new Lines(child.stdout);
    await lines.next();
    return new Clients(child, lines);
  }

  /** Has so many messages answered, and gives the 99th percentile of their milliseconds. */
  async run(messages: number): Promise<number> {
    await this.#input.write(new TextEncoder().encode(`${messages}\n`));
    return JSON.parse(await this.#lines.next());
  }

  [Symbol.dispose](): void {
    this.#child.kill("SIGKILL");
  }
}
