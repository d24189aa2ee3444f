/**
 * A worker that is a thread.
 *
 * @module
 */

import { cureForMissing, moduleBeside } from "../../io/module_beside.ts";
import { mainModuleOfProgram } from "../process/main_module.ts";
import { RemoteWorker, type WorkerHost, type WorkerOptions } from "../remote/worker.ts";
import type { RemoteJob } from "../remote/job.ts";
import type { ToWorker } from "../remote/protocol.ts";
import { THREAD_WIRE, type Wire } from "../remote/wire.ts";
import { mind, type Mortal, onceReleased } from "./liveness.ts";
import { SharedLedger } from "./shared_ledger.ts";
import { letEnd } from "./unref.ts";

/** The module that threads run. Where it is, is not known everywhere, nor asked for there. */
export function mainModule(): URL {
  return moduleBeside(import.meta.url, "grove_worker");
}

/** See above. */
export class Thread extends RemoteWorker implements Mortal {
  protected readonly ledger: SharedLedger = new SharedLedger();
  protected readonly wire: Wire = THREAD_WIRE;
  readonly lock: string = `grove worker ${crypto.randomUUID()}`;
  readonly #worker: Worker;
  readonly #mindNoMore: () => void;
  readonly left: undefined; // Nobody can tell whether a thread ends.
  #misses = 0;

  constructor(
    host: WorkerHost,
    { name, loadTimeout, onStart }: WorkerOptions,
    permissions: unknown,
  ) {
    super(host, name, "worker");
    this.#worker = new Worker(mainModule(), {
      type: "module",
      name,
      // Only if it was asked for: without a flag of Deno's the process would end here.
      ...(permissions !== undefined && { deno: { permissions } }),
    } as globalThis.WorkerOptions);
    letEnd(this.#worker);
    this.#worker.onmessage = ({ data }) => this.receive(data);
    this.#worker.onerror = (event) => {
      event.preventDefault();
      this.die(
        `it has failed to start: ${event.message}${
          cureForMissing(event.message, mainModule(), "worker")
        }`,
      );
    };
    this.#worker.onmessageerror = () => this.die("it has sent what cannot be read here");
    this.#worker.postMessage({
      lock: this.lock,
      memory: this.ledger.memory,
      mainModule: mainModuleOfProgram(),
    });
    this.#mindNoMore = mind(this);
    this.post({ type: "start", name, loadTimeout, onStart });
  }

  onceGone(gone: () => void): () => void {
    return onceReleased(this.lock, gone);
  }

  missed(): void {
    // Its last words may be here and not yet heard, on a busy machine for some time: it is dead when
    // they have not come by the third time.
    if (++this.#misses === 3) this.die("it has exited without a word");
  }

  protected post(message: ToWorker, moved: readonly Transferable[] = []): void {
    this.#worker.postMessage(message, moved as Transferable[]);
  }

  protected stop(): void {
    this.kill();
  }

  override cancel(job: RemoteJob): void {
    super.cancel(job);
    this.ledger.cancel(job.seq);
  }

  protected kill(): void {
    this.ledger.cancel();
    this.#mindNoMore();
    this.#worker.terminate();
  }
}
