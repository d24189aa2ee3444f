/**
 * Whether workers live. A worker that calls `Deno.exit()` or `process.exit()` is gone without an
 * event, and messages to it vanish; but the platform then releases the locks that it held. So each
 * worker holds one as long as it lives.
 *
 * The locks are looked at several times in the time that a death may go unnoticed, and only while
 * jobs are on their way: to wait for a lock would keep a program from ending, as would a timer.
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

// A job fails within 100 ms of the death of its worker, which is found out at the second look.
const INTERVAL = 40;

/** A pool whose workers are looked after. */
export interface Watched {
  /**
   * Called now and then.
   *
   * @param held The names of the locks that were held at that time.
   * @param time The time, as `performance.now()` has it.
   * @returns Whether there is something to look after.
   */
  look(held: ReadonlySet<string>, time: number): boolean;
}

const watched = new Set<Watched>();
let timer: ReturnType<typeof setTimeout> | undefined;
let looking: Promise<void> | undefined;

/** Looks after a pool until it has nothing to look after. Meanwhile the program does not end. */
export function watch(pool: Watched): void {
  watched.add(pool);
  if (looking === undefined) timer ??= setTimeout(look, INTERVAL);
}

/** Does not look after a pool any more. Resolves when nothing is left of having done so. */
export async function unwatch(pool: Watched): Promise<void> {
  watched.delete(pool);
  if (looking !== undefined) await looking;
  if (watched.size > 0) return;
  clearTimeout(timer);
  timer = undefined;
}

function look(): void {
  timer = undefined;
  looking = lookAtAll();
}

async function lookAtAll(): Promise<void> {
  // Before the question: who has taken a lock since then is not missed.
  const time = performance.now();
  const { held = [] } = await locks().query();
  const names = new Set(held.map(({ name }) => name!));
  for (const pool of watched) {
    if (!pool.look(names, time)) watched.delete(pool);
  }
  looking = undefined;
  if (watched.size > 0) timer = setTimeout(look, INTERVAL);
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
