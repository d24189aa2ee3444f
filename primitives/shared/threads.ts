/**
 * Threads, as those see each other that share memory: a number for each, and whether it still lives.
 *
 * A worker that is gone is gone without a word, whether it was terminated, closed itself or called
 * `Deno.exit()`. But the platform then releases the Web Locks that it held, so each worker holds one
 * as long as it lives; and asks for those of others, which says at once whether they are held. Deno
 * answers during the call, so that also a thread that is blocked, and cannot await anything, gets to
 * know. Where that is not so nobody is ever taken for dead.
 *
 * The thread that a program starts in needs no such lock, as nobody outlives it; there it would keep
 * the program from ending. The threads of `node:worker_threads` cannot be told from it, and have none
 * either: their deaths go unnoticed.
 *
 * @module
 */

interface Locks {
  request(
    name: string,
    options: { ifAvailable?: boolean; mode?: "exclusive" | "shared"; signal?: AbortSignal },
    callback: (lock: object | null) => unknown,
  ): Promise<unknown>;
}

/** The mark in the number of a thread whose end can be noticed. */
const WATCHED = 1;

let own = 0;

/** Whether this is a thread that another one has started, and that does not end by itself. */
export const isWorker: boolean = "WorkerGlobalScope" in globalThis;

/** The number of this thread, which none of the others has. */
export function threadId(): number {
  return own ||= isWorker ? announce() : randomId();
}

/** Whether a thread is known to be gone. */
export function isGone(id: number): boolean {
  if ((id & WATCHED) === 0) return false;
  let gone = false;
  // Shared: what is got is given back by the event loop alone, and a thread that is blocked would
  // keep all others, and itself, from finding the same.
  locks()!.request(nameOf(id), { ifAvailable: true, mode: "shared" }, (lock) => {
    gone = lock !== null;
  });
  return gone;
}

/** Calls back when a thread is gone whose end can be noticed. Returns what ends the wait for that. */
export function onceGone(id: number, gone: () => void): () => void {
  if ((id & WATCHED) === 0) return () => {};
  const waiting = new AbortController();
  locks()!.request(nameOf(id), { mode: "shared", signal: waiting.signal }, gone).catch(() => {});
  return () => waiting.abort();
}

function announce(): number {
  const id = randomId() + WATCHED;
  let held = false;
  locks()?.request(nameOf(id), {}, () => {
    held = true;
    return new Promise(() => {});
  });
  return held ? id : id - WATCHED;
}

// At random, as nobody counts them: not even two releases of Grove in one thread know of each other.
function randomId(): number {
  return 4 + Math.floor(Math.random() * (2 ** 29 - 2)) * 2;
}

// Deno's own types do not have them yet.
function locks(): Locks | undefined {
  return (globalThis.navigator as unknown as { locks?: Locks } | undefined)?.locks;
}

function nameOf(id: number): string {
  return `grove.shared.${id}`;
}
