/**
 * Whether workers live. A worker that calls `Deno.exit()` or `process.exit()` is gone without an
 * event, and messages to it vanish; but the platform then releases the locks that it held. So each
 * worker holds one as long as it lives.
 *
 * The locks are looked at now and then, while jobs are on their way: to wait for a lock would keep a
 * program from ending.
 *
 * @module
 */

interface Locks {
  request(name: string, callback: () => unknown): Promise<unknown>;
  request(
    name: string,
    options: { signal: AbortSignal },
    callback: () => unknown,
  ): Promise<unknown>;
  query(): Promise<{ held?: { name?: string }[] }>;
}

// Deno's own types do not have them yet. And not once, while this loads: there are platforms with no
// `navigator`, on which nobody asks for it either.
function locks(): Locks {
  return (navigator as unknown as { locks: Locks }).locks;
}

/** A thread that holds a lock as long as it lives. */
export interface Mortal {
  /** The name of the lock. */
  readonly lock: string;
  /** When it said that it held it: `Infinity` before. */
  readonly readyAt: number;
  /** It does not hold it any more. */
  missed(): void;
}

const mortals = new Set<Mortal>();

/** Has a thread looked after. Returns what ends that. */
export function mind(thread: Mortal): () => void {
  mortals.add(thread);
  return () => mortals.delete(thread);
}

/** Looks which threads are gone. */
export async function look(): Promise<void> {
  // Before the question: who has taken a lock since then is not missed.
  const time = performance.now();
  const { held = [] } = await locks().query();
  const names = new Set(held.map(({ name }) => name!));
  for (const thread of mortals) {
    if (thread.readyAt < time && !names.has(thread.lock)) thread.missed();
  }
}

/** Takes a lock and keeps it as long as this thread lives. */
export function holdLock(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    locks().request(name, () => {
      resolve();
      return new Promise(() => {});
    }).catch(reject);
  });
}

/** Calls back when the thread that holds a lock is gone. Returns what ends the wait for that. */
export function onceReleased(name: string, released: () => void): () => void {
  const waiting = new AbortController();
  locks().request(name, { signal: waiting.signal }, released).catch(() => {});
  return () => waiting.abort();
}
