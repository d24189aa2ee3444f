/**
 * Other processes that use a lock: they are told what to do a line at a time, can be frozen and killed.
 *
 * @module
 */

/** A process that runs `lock_program.ts`. */
export class LockProcess implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;
  #text = "";

  /** Starts one, and waits until it is connected. */
  static async start(servers: string, name: string, lease: number): Promise<LockProcess> {
    const process = new LockProcess([servers, name, String(lease)]);
    await process.answer();
    return process;
  }

  private constructor(args: string[]) {
    const program = new URL("lock_program.ts", import.meta.url).pathname;
    this.#child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-check", "-A", program, ...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#writer = this.#child.stdin.getWriter();
    this.#answers = this.#child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Tells it something, and waits for the answer. */
  async ask(line: string): Promise<unknown> {
    await this.tell(line);
    return await this.answer();
  }

  /** Tells it something. */
  async tell(line: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Waits for the answer to what it was told. */
  async answer(): Promise<unknown> {
    while (!this.#text.includes("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) throw new Error("The process has ended.");
      this.#text += value;
    }
    const [line] = this.#text.split("\n", 1);
    this.#text = this.#text.slice(line.length + 1);
    return JSON.parse(line);
  }

  freeze(): void {
    this.#child.kill("SIGSTOP");
  }

  thaw(): void {
    this.#child.kill("SIGCONT");
  }

  async kill(): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writer.close().catch(() => {});
    await this.#child.status;
    await this.#answers.cancel();
  }
}
