/**
 * What runs in a worker process.
 *
 * @module
 */

// First: the others load the kernel.
import "../worker/async_context.ts";
import { provideModules } from "../portable.ts";
import { encodeError } from "../remote_error.ts";
import type { FromWorker, ToWorker } from "../remote/protocol.ts";
import { Runner } from "../remote/runner.ts";
import { Connection } from "./connection.ts";
import { FileWorkerLedger } from "./file_ledger.ts";
import { Folder } from "./folder.ts";
import { setMainModule } from "./main_module.ts";
import type { Opening } from "./opening.ts";
import { PROCESS_WIRE } from "./wire.ts";

const { exit } = Deno;

/**
 * Takes jobs until the pool is gone.
 *
 * @param opening See above.
 * @param modules How to load those modules that may be loaded without permission.
 */
export async function start(
  opening: Opening,
  modules: Readonly<Record<string, () => Promise<unknown>>>,
): Promise<void> {
  // Ctrl-C in a terminal is meant for the program, which then tells its processes what to do.
  Deno.addSignalListener("SIGINT", () => {});
  provideModules(modules);
  setMainModule(opening.mainModule);
  const { entries, connection } = await connect(opening);
  const post = (message: FromWorker) => {
    connection.put(message);
    if (typeof message === "object" && message.type === "dying") {
      connection.flushLast();
      exit(message.exitCode ?? 1);
    }
    // At once: the next job may keep this thread for long.
    connection.flush();
  };
  const runner = new Runner(post, PROCESS_WIRE, entries, { sending: () => connection.sending });
  Deno.exit = (code) => {
    runner.flush();
    connection.flushLast();
    return exit(code);
  };
  for (const type of ["error", "unhandledrejection"]) {
    addEventListener(type, (event) => {
      event.preventDefault();
      runner.flush();
      const { error, reason } = event as ErrorEvent & PromiseRejectionEvent;
      post({ type: "dying", exitCode: 1, error: encodeError(type === "error" ? error : reason) });
    });
  }
  await connection.receive((message) => {
    if (typeof message === "object" && message.type === "exit") exit(message.code);
    runner.receive(message);
  });
  exit();
}

interface Connected {
  readonly entries: FileWorkerLedger;
  readonly connection: Connection<FromWorker, ToWorker>;
}

async function connect({ folder: path, own }: Opening): Promise<Connected> {
  const folder = new Folder(path);
  try {
    const entries = new FileWorkerLedger(folder.ledger);
    const connection = new Connection<FromWorker, ToWorker>(
      await Deno.connect({ transport: "unix", path: folder.socket }),
    );
    // The program does it too, unless it is gone before it comes to that.
    folder.remove();
    giveBack(own);
    return { entries, connection };
  } catch {
    folder.remove();
    return exit(1);
  }
}

function giveBack({ read = [], write = [], net = [] }: Opening["own"]): void {
  for (const path of read) Deno.permissions.revokeSync({ name: "read", path });
  for (const path of write) Deno.permissions.revokeSync({ name: "write", path });
  for (const host of net) Deno.permissions.revokeSync({ name: "net", host });
}
