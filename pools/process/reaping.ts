/**
 * Sees to it that no process is left behind, whatever becomes of this one: while there are any,
 * another program watches over them that is told of each, see `grove_reaper.ts`.
 *
 * @module
 */

import { moduleBeside } from "../../io/module_beside.ts";

class Reaper {
  readonly #process: Deno.ChildProcess;
  readonly #lines: WritableStreamDefaultWriter<Uint8Array>;

  constructor() {
    this.#process = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--quiet",
        "--no-config",
        "--allow-all",
        moduleBeside(import.meta.url, "grove_reaper").href,
      ],
      stdin: "piped",
      stdout: "null",
    }).spawn();
    // It ends with this process.
    this.#process.unref();
    this.#lines = this.#process.stdin.getWriter();
  }

  tell(line: string): void {
    // Without it there is still what each process does by itself when this one is gone.
    this.#lines.write(new TextEncoder().encode(`${line}\n`)).catch(() => {});
  }

  async end(): Promise<void> {
    await this.#lines.close().catch(() => {});
    this.#process.ref();
    await this.#process.status;
  }
}

let reaper: Reaper | undefined;
let count = 0;

/**
 * Has a process watched over.
 *
 * @param pid Its id.
 * @param memoryLimit How many bytes of memory it may take.
 * @returns What is to be called when it has ended. It resolves when nothing is left of the watch.
 */
export function reap(pid: number, memoryLimit: number): () => Promise<void> {
  count++;
  reaper ??= new Reaper();
  reaper.tell(`started ${pid} ${memoryLimit}`);
  return async () => {
    reaper!.tell(`ended ${pid}`);
    if (--count > 0) return;
    const ending = reaper!;
    reaper = undefined;
    await ending.end();
  };
}
