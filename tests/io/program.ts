/**
 * Programs that tests start as processes of their own, to send them real signals and to see how they
 * end. A test waits for what a program prints, never for time to pass.
 *
 * @module
 */

const root = new URL("../../", import.meta.url);

/** How a program is started. */
export interface ProgramOptions {
  /** The permissions it gets, as flags. Default: none. */
  flags?: string[];
  /** Its environment, besides the one of the tests. */
  env?: Record<string, string>;
}

/** How a program has ended. */
export interface End {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  /** All that it printed to stdout and stderr. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program from its source, in which `grove` stands for all that `mod.ts` exports. */
export async function program(source: string, options: ProgramOptions = {}): Promise<Program> {
  const folder = await Deno.makeTempDir({ prefix: "program-" });
  const file = `${folder}/program.ts`;
  await Deno.writeTextFile(file, `import * as grove from "${new URL("mod.ts", root)}";\n${source}`);
  const args = ["run", "--no-prompt", ...options.flags ?? [], file];
  return new Program(args, options.env);
}

/** A process, of `deno` by default. It is killed when it is disposed of, if it has not ended by then. */
export class Program implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #stdout: Output;
  readonly #stderr: Output;

  constructor(args: string[], env: Record<string, string> = {}, program = Deno.execPath()) {
    this.#child = new Deno.Command(program, {
      args,
      env: { NO_COLOR: "1", ...env },
      cwd: root,
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    this.#stdout = new Output(this.#child.stdout);
    this.#stderr = new Output(this.#child.stderr);
  }

  /** Waits until it has printed a line that matches, and gives the match. */
  printed(pattern: RegExp): Promise<RegExpMatchArray> {
    return this.#stdout.match(pattern);
  }

  /** Waits until it has printed a line to stderr that matches, and gives the match. */
  complained(pattern: RegExp): Promise<RegExpMatchArray> {
    return this.#stderr.match(pattern);
  }

  kill(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  async end(): Promise<End> {
    const [{ code, signal }, stdout, stderr] = await Promise.all([
      this.#child.status,
      this.#stdout.all,
      this.#stderr.all,
    ]);
    return { code, signal, stdout, stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.end();
  }
}

/** What a process prints, kept as it comes. */
class Output {
  #text = "";
  #ended = false;
  #more: (() => void)[] = [];
  readonly all: Promise<string>;

  constructor(stream: ReadableStream<Uint8Array>) {
    this.all = this.#read(stream);
  }

  async #read(stream: ReadableStream<Uint8Array>): Promise<string> {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) {
      this.#text += text;
      this.#tell();
    }
    this.#ended = true;
    this.#tell();
    return this.#text;
  }

  #tell(): void {
    for (const more of this.#more.splice(0)) more();
  }

  async match(pattern: RegExp): Promise<RegExpMatchArray> {
    for (;;) {
      const match = this.#text.match(pattern);
      if (match !== null) return match;
      if (this.#ended) throw new Error(`It ended without printing ${pattern}:\n${this.#text}`);
      await new Promise<void>((resolve) => this.#more.push(resolve));
    }
  }
}
