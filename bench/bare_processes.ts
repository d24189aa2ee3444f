/**
 * The floors of the process pools: processes without a pool, at the other end of a Unix socket, which send back what they get.
 *
 * @module
 */

const CHUNK = 65_536;

/** A process that answers. */
export class BareProcess {
  readonly #process: Deno.ChildProcess;
  readonly #socket: Deno.UnixConn;
  readonly #folder: string;
  readonly #chunk: Uint8Array = new Uint8Array(CHUNK);

  private constructor(process: Deno.ChildProcess, socket: Deno.UnixConn, folder: string) {
    this.#process = process;
    this.#socket = socket;
    this.#folder = folder;
  }

  /** Starts one, and resolves when it is connected. */
  static async start(): Promise<BareProcess> {
    const folder = Deno.makeTempDirSync();
    const path = `${folder}/socket`;
    using listener = Deno.listen({ transport: "unix", path });
    const program = new URL("./bare_process.ts", import.meta.url).href;
    const process = new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--allow-all", program, path],
    }).spawn();
    return new BareProcess(process, await listener.accept(), folder);
  }

  /** Sends bytes, and resolves when as many have come back. */
  async ask(bytes: Uint8Array): Promise<Uint8Array> {
    for (let rest = bytes; rest.length > 0;) {
      rest = rest.subarray(await this.#socket.write(rest));
    }
    let count = 0;
    while (count < bytes.length) count += (await this.#socket.read(this.#chunk))!;
    return this.#chunk.subarray(0, count);
  }

  async end(): Promise<void> {
    this.#socket.close();
    await this.#process.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** Several of them. */
export class BareProcesses {
  readonly #count: number;
  #processes: readonly BareProcess[] = [];

  constructor(count: number) {
    this.#count = count;
  }

  /** The processes, started when they are first asked for. */
  async all(): Promise<readonly BareProcess[]> {
    if (this.#processes.length === 0) {
      this.#processes = await Promise.all(Array.from({ length: this.#count }, BareProcess.start));
    }
    return this.#processes;
  }

  /**
   * Does small jobs, so many at a time, spread evenly over the processes, each a number in a list that is sent as JSON in one
   * frame; resolves to the sum of what came back.
   */
  async batches(atOnce: number, size: number): Promise<number> {
    const processes = await this.all();
    const most = atOnce / processes.length;
    const encoder = new TextEncoder();
    const decoder = new TextDecoder();
    let next = 0;
    let sum = 0;
    await Promise.all(processes.map(async (process) => {
      while (next < size) {
        const jobs: number[] = [];
        for (; jobs.length < most && next < size; next++) jobs.push(next);
        const answer = await process.ask(encoder.encode(JSON.stringify(jobs)));
        for (const value of JSON.parse(decoder.decode(answer)) as number[]) sum += value;
      }
    }));
    return sum;
  }

  async end(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.end()));
  }
}
