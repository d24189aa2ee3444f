/**
 * What runs in a worker: nothing to import, but to bundle or compile into a program, which without it
 * starts no workers.
 *
 * It must not await anything at its top level, or the messages that are
 * there already would be lost.
 *
 * @module
 */

// First: the others load the kernel.
import "./async_context.ts";
import { setMainModule } from "../process/main_module.ts";
import { encodeError } from "../remote_error.ts";
import type { Post } from "../remote/outflow.ts";
import { Runner } from "../remote/runner.ts";
import { THREAD_WIRE } from "../remote/wire.ts";
import { holdLock } from "./liveness.ts";
import type { Opening } from "./opening.ts";
import { SharedLedger } from "./shared_ledger.ts";

interface WorkerGlobal {
  postMessage(message: unknown, moved?: readonly Transferable[]): void;
  addEventListener(type: string, listener: (event: Event) => void): void;
  close(): void;
}

// The kernel has it; the jobs' globals are those of every other worker.
delete (globalThis as { AsyncLocalStorage?: unknown }).AsyncLocalStorage;

const scope = globalThis as unknown as WorkerGlobal;
const post: Post = scope.postMessage.bind(scope);
const close = scope.close.bind(scope);
let runner: Runner | undefined;

// Not by `onmessage`, which a job might set.
scope.addEventListener("message", (event) => {
  const { data } = event as MessageEvent;
  if (runner === undefined) runner = open(data);
  else runner.receive(data);
});

function open({ lock, memory, mainModule }: Opening): Runner {
  setMainModule(mainModule);
  return new Runner(post, THREAD_WIRE, new SharedLedger(memory), { opened: holdLock(lock) });
}

scope.postMessage = () => {
  throw new TypeError(
    "Cannot post a message from a job as nobody listens for it. Return it, report it by progress(value), or post it to a port that was handed in",
  );
};

// Neither of them tells the pool that the worker is gone, and both lose the results that are still
// here: so they are told first.
scope.close = () => {
  runner?.flush();
  post({ type: "dying" });
  close();
};

const exit = Deno.exit;
Deno.exit = (code = Deno.exitCode) => {
  runner?.flush();
  post({ type: "dying", exitCode: code });
  return exit(code);
};

// Out here an error kills the worker, and comes to the pool without its stack and its class.
for (const type of ["error", "unhandledrejection"]) {
  scope.addEventListener(type, (event) => {
    event.preventDefault();
    runner?.flush();
    const { error, reason } = event as ErrorEvent & PromiseRejectionEvent;
    post({ type: "dying", error: encodeError(type === "error" ? error : reason) });
    close();
  });
}
