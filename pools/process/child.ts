/**
 * A worker that is a process.
 *
 * @module
 */

import { textOf } from "../../primitives/kernel/errors.ts";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { moduleBeside } from "../../io/module_beside.ts";
import { RemoteWorker, type WorkerHost, type WorkerOptions } from "../remote/worker.ts";
import type { FromWorker, ToWorker } from "../remote/protocol.ts";
import type { Wire } from "../remote/wire.ts";
import { programOf, startDeno } from "./command.ts";
import { Connection } from "./connection.ts";
import type { Environment } from "./environment.ts";
import { FileLedger } from "./file_ledger.ts";
import { Folder } from "./folder.ts";
import { LastWords } from "./last_words.ts";
import { mainModuleOfProgram } from "./main_module.ts";
import type { Opening } from "./opening.ts";
import { permissionFlags } from "./permissions.ts";
import { reap } from "./reaping.ts";
import { sendSignal } from "./send_signal.ts";
import { PROCESS_WIRE } from "./wire.ts";

// One that was let go has ended by then, in milliseconds, or is killed.
const PATIENCE = 1000;

/** See above. */
export class Child extends RemoteWorker {
  protected readonly wire: Wire = PROCESS_WIRE;
  protected readonly ledger: FileLedger;
  readonly #process: Deno.ChildProcess;
  readonly #words: LastWords;
  readonly #memoryLimit: number;
  readonly left: Promise<void>;
  #connection: Connection<ToWorker, FromWorker> | undefined;
  #isFlushing = false;
  #isEnding = false;
  #killer: ReturnType<typeof setTimeout> | undefined;

  constructor(host: WorkerHost, options: WorkerOptions, environment: Environment) {
    super(host, options.name, "process");
    this.#memoryLimit = environment.memoryLimit;
    const folder = Folder.make();
    const opened: Disposable[] = [];
    try {
      this.ledger = new FileLedger(folder.ledger);
      opened.push(this.ledger);
      const listener = Deno.listen({ transport: "unix", path: folder.socket });
      opened.push(listener);
      this.#process = spawn(environment, folder);
      this.#words = new LastWords(this.#process.stderr);
      // A pool that nobody shuts down must not keep a program from ending.
      this.#process.unref();
      listener.unref();
      this.left = this.#live(options, listener, folder);
    } catch (error) {
      for (const one of opened) one[Symbol.dispose]();
      folder.remove();
      throw error;
    }
  }

  /** Its id for the system. */
  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves to how it has ended. */
  get status(): Promise<Deno.CommandStatus> {
    return this.#process.status;
  }

  /** Has the program wait for its end. */
  ref(): void {
    this.#process.ref();
  }

  /** Has it exit, with nothing left to do. */
  exit(code: number): void {
    this.post({ type: "exit", code });
  }

  /** Sends it a signal. */
  signal(signal: Deno.Signal): void {
    sendSignal(this.#process, signal);
  }

  onceGone(gone: () => void): () => void {
    this.left.then(gone);
    return () => {};
  }

  protected post(message: ToWorker): void {
    this.#connection?.put(message);
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    // All that is sent before the running code comes to an end goes together.
    queueMicrotask(() => {
      this.#isFlushing = false;
      this.#connection?.flush();
    });
  }

  protected override explain(error: unknown): unknown {
    if (error instanceof Deno.errors.NotCapable || error instanceof TypeError) {
      const { message, stack = "" } = error;
      error.message += cureFor(message, error instanceof TypeError);
      error.stack = stack.replace(message, () => error.message);
    }
    return error;
  }

  protected stop(): void {
    if (this.#connection === undefined) this.kill();
    // It ends by itself when it finds that nobody is there any more.
    else this.#connection.close();
    this.#process.ref();
  }

  protected kill(): void {
    this.#process.ref();
    // One that has said so itself ends with a code of its own, unless it does not.
    if (this.#isEnding) this.#killLater();
    else this.signal("SIGKILL");
  }

  #killLater(): void {
    this.#killer ??= setTimeout(() => this.signal("SIGKILL"), PATIENCE);
  }

  async #live(
    { name, loadTimeout, onStart }: WorkerOptions,
    listener: Deno.UnixListener,
    folder: Folder,
  ): Promise<void> {
    const { pid, status } = this.#process;
    const connection = await accept(listener, status);
    // The process has all of it open: nothing is left when it ends, in whatever way.
    folder.remove();
    let cause: unknown;
    let noMore: (() => Promise<void>) | undefined;
    if (connection !== undefined) {
      this.#connection = connection;
      this.post({ type: "start", name, loadTimeout, onStart });
      try {
        // Not before: until it has called here it finds out by itself when this process is gone.
        noMore = reap(pid, this.#memoryLimit);
        await connection.receive((message) => {
          this.#isEnding ||= typeof message === "object" && message.type === "dying";
          this.receive(message);
        });
      } catch (error) {
        cause = error;
        this.kill();
      }
      connection.close();
      this.#killLater();
    }
    const { code, signal } = await status;
    clearTimeout(this.#killer);
    // What else writes there is not to keep this program from ending.
    if (!await this.#words.end()) this.#process.unref();
    this.die(this.#why(code, signal, cause), code, cause);
    this.ledger[Symbol.dispose]();
    await noMore?.();
  }

  #why(code: number, signal: string | null, cause: unknown): string {
    if (cause instanceof MalformedError) return `it has sent what makes no sense: ${textOf(cause)}`;
    if (cause !== undefined) return `it cannot be kept: ${textOf(cause)}`;
    const words = this.#words.line;
    const said = words === "" ? "" : `. Its last words: ${words}`;
    if (signal === null) return `it has exited with code ${code}${said}`;
    const limit = this.#memoryLimit;
    const maybe = signal === "SIGKILL" && limit !== Infinity
      ? `, as it is when it takes more than its ${limit} bytes of memory`
      : "";
    return `it was killed by ${signal}${maybe}${said}`;
  }
}

function cureFor(message: string, isOfImport: boolean): string {
  const [, kind, name] = /^Requires (\w+) access(?: to "(.*?)")?/.exec(message) ?? [];
  if (kind === undefined) return "";
  const value = name === undefined ? "true" : `[${JSON.stringify(name)}]`;
  const cure =
    `. That is for a program; what this process may do is said by 'permissions: { ${kind}: ${value} }'`;
  return isOfImport && kind === "read"
    ? `${cure}. A module with portable functions needs none if it is loaded here before the process is started`
    : cure;
}

function spawn(environment: Environment, { path, socket }: Folder): Deno.ChildProcess {
  const needed = { read: [path], write: [path], net: [`unix:${socket}`] };
  const { flags, own } = permissionFlags(environment.permissions, needed, environment.cwd);
  const opening: Opening = { folder: path, own, mainModule: mainModuleOfProgram() };
  const program = programOf(moduleBeside(import.meta.url, "grove_process"), opening, path);
  return startDeno(program, [], environment, flags, "piped");
}

/** Waits for a process to call; `undefined` when it has ended before. */
async function accept(
  listener: Deno.UnixListener,
  status: Promise<unknown>,
): Promise<Connection<ToWorker, FromWorker> | undefined> {
  const called = listener.accept();
  try {
    const socket = await Promise.race([called, status.then(() => undefined)]);
    if (socket === undefined) {
      called.then((socket) => socket.close(), () => {}); // It has called, and ended.
      return undefined;
    }
    const connection = new Connection<ToWorker, FromWorker>(socket);
    connection.unref();
    return connection;
  } finally {
    listener[Symbol.dispose](); // It may have been closed already; then `close` would throw.
  }
}
