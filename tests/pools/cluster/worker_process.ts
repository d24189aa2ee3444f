/**
 * Workers of a cluster in processes of their own, which can be killed and frozen.
 *
 * @module
 */

const COMMAND = new URL("../../../pools/cluster/worker.ts", import.meta.url);
const MODULES = new URL("./modules.ts", import.meta.url);

/** A worker, from its start until it is disposed of. */
export class WorkerProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #started = Promise.withResolvers<void>();
  readonly #reading: Promise<void>;
  /** What it has said. */
  output = "";

  /** Starts one, and waits until it takes jobs. */
  static async start(
    servers: string | readonly string[],
    ...flags: string[]
  ): Promise<WorkerProcess> {
    const worker = new WorkerProcess([servers].flat(), flags);
    try {
      await worker.#started.promise;
      return worker;
    } catch (error) {
      await worker[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(servers: readonly string[], flags: readonly string[]) {
    this.#child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--quiet",
        "--allow-all",
        COMMAND.href,
        ...servers.flatMap((server) => ["--servers", server]),
        ...["--modules", MODULES.href, ...flags],
      ],
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#reading = this.#read();
  }

  /** The number of the process. */
  get pid(): number {
    return this.#child.pid;
  }

  /** Ends it as a loss of power does. */
  kill(): void {
    this.#child.kill("SIGKILL");
  }

  /** Has it stand still, with its connections open. */
  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  /** Has it go on. */
  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  /** Waits until it has ended. */
  async ended(): Promise<void> {
    await this.#child.status;
  }

  /** Asks it to end, and waits until it has. */
  async stop(): Promise<Deno.CommandStatus> {
    this.#child.kill("SIGTERM");
    const status = await this.#child.status;
    await this.#reading;
    return status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.kill();
    } catch {
      // It has ended.
    }
    await this.#child.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.output += text;
      if (this.output.includes("takes jobs")) this.#started.resolve();
    }
    this.#started.reject(new Error("The worker has ended before it took jobs."));
  }
}
