/**
 * What tests of processes have in common: a folder in which they meet, and a look at what the system runs.
 *
 * @module
 */

import { assertEquals, fail } from "@std/assert";
import { type Future, type Process, ProcessPool, type ProcessPoolOptions } from "../../../mod.ts";
import { eventually, warmUp as warmUpFor } from "../shared.ts";
import { act } from "./jobs.ts";

// Only for what would otherwise hang: no test is right or wrong because of it.
const PATIENCE = 20_000;

/** A folder of a test's own. It is also where Grove has its temporary files meanwhile. */
export class Folder implements Disposable {
  readonly path: string;
  readonly #outer: string | undefined = Deno.env.get("TMPDIR");

  constructor() {
    this.path = Deno.makeTempDirSync({ prefix: "processes-" });
    Deno.env.set("TMPDIR", this.path);
  }

  file(name: string): string {
    return `${this.path}/${name}`;
  }

  /** The lines that were written to a file. */
  lines(name: string): string[] {
    return linesOf(this.file(name));
  }

  /** What Grove has left in it. */
  get left(): string[] {
    return Array.from(Deno.readDirSync(this.path), ({ name }) => name)
      .filter((name) => name.startsWith("grove-"));
  }

  [Symbol.dispose](): void {
    const { left } = this;
    if (this.#outer === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", this.#outer);
    Deno.removeSync(this.path, { recursive: true });
    assertEquals(left, [], "temporary files are left");
  }
}

function linesOf(path: string): string[] {
  try {
    return Deno.readTextFileSync(path).split("\n").slice(0, -1);
  } catch {
    return [];
  }
}

/** A place in a job at which it tells that it is there, and waits until it is let go on. */
export class Gate {
  /** What the job is handed. */
  readonly path: string;

  constructor(folder: Folder, name = "gate") {
    this.path = folder.file(name);
  }

  /** Waits until so many jobs have come to the gate, and gives their processes. */
  async entered(jobs = 1): Promise<number[]> {
    await eventually(() => this.#came().length >= jobs, `${jobs} jobs have come to the gate`);
    return this.#came().map(Number);
  }

  /** Whether a job has noted that it did something, so many times. */
  has(what: string, times = 1): boolean {
    return linesOf(`${this.path}.${what}`).length >= times;
  }

  /** Lets all pass, now and later. */
  open(): void {
    Deno.writeTextFileSync(this.path, "");
  }

  #came(): string[] {
    return linesOf(`${this.path}.entered`);
  }
}

/**
 * A pool whose processes may use a folder. It ends even where a test has failed that a job of it waits for. It gives up no process
 * for being slow, on a machine that is, unless a test is about that and sets its own `grace`.
 */
export class TestPool extends ProcessPool {
  constructor(folder: Folder, options: ProcessPoolOptions = {}) {
    super({
      size: 1,
      grace: PATIENCE,
      permissions: { read: [folder.path], write: [folder.path], run: true },
      ...options,
    });
  }

  override async [Symbol.asyncDispose](): Promise<void> {
    let hasHung = false;
    const timer = setTimeout(() => {
      hasHung = true;
      this.crew["cancelAllPlaced"]("the test has ended", false);
    }, PATIENCE);
    try {
      await this.shutdown({ cancelPending: true });
    } finally {
      clearTimeout(timer);
      if (hasHung) fail("Jobs were left in the pool");
    }
  }
}

/** Has a pool learn that `act` takes next to no time, so that it sends its jobs in batches; all of its processes are there then. */
export async function warmUp(pool: ProcessPool, folder: Folder): Promise<void> {
  const file = folder.file("warm");
  await warmUpFor(pool, act, "count", file, 0);
  await Promise.all(Array.from({ length: 16 }, () => pool.run(act, "count", file, 0)));
}

/** How each job has ended: `null` for success. */
export function errorsOf(futures: readonly Future<unknown>[]): Promise<unknown[]> {
  return Promise.all(futures.map(async (future) => await future.error() ?? null));
}

/** How many times each number up to `end` is among some lines. */
export function tally(lines: readonly string[], end: number): number[] {
  const counts = new Array<number>(end).fill(0);
  for (const line of lines) counts[Number(line)]++;
  return counts;
}

/** The processes whose environment has a variable, by what the system tells; on Linux only. */
export function processesWith(name: string, value: string): number[] {
  const found: number[] = [];
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const variables = Deno.readTextFileSync(`/proc/${pid}/environ`).split("\0");
      if (variables.includes(`${name}=${value}`)) found.push(Number(pid));
    } catch {
      // It has ended, or is somebody else's.
    }
  }
  return found;
}

/** The processes that this one has started and that have not ended; on Linux only. */
export function ownChildren(): number[] {
  const found: number[] = [];
  for (const { name: pid } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    try {
      const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
      const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (Number(parent) === Deno.pid && state !== "Z") found.push(Number(pid));
    } catch {
      // It has ended.
    }
  }
  return found;
}

/** Whether a process has not ended. */
export function isRunning(pid: number): boolean {
  try {
    const stat = Deno.readTextFileSync(`/proc/${pid}/stat`);
    return stat[stat.lastIndexOf(")") + 2] !== "Z";
  } catch {
    return false;
  }
}

/** Waits for the end of a process, which is to come in a bounded time. */
export async function joined(process: Process): Promise<number> {
  return await process.join({ timeout: PATIENCE });
}

export { eventually };
