/**
 * Looks after pools whose jobs are on their way, as there is what nobody tells: that a worker does
 * not end a job, or that it is gone.
 *
 * It is done several times in the time that a death may go unnoticed, and only while jobs are on
 * their way, as a timer would keep a program from ending.
 *
 * @module
 */

// A job fails within 100 ms of the death of its worker, which is found out at the third look.
const INTERVAL = 25;

// So much of the time between two looks counts at most, in milliseconds.
const MOST = 3 * INTERVAL;

/** A pool that is looked after. */
export interface Watched {
  /** Called now and then. Resolves to whether there is something to look after. */
  look(): Promise<boolean>;
}

const watched = new Set<Watched>();
let timer: ReturnType<typeof setTimeout> | undefined;
let looking: Promise<void> | undefined;
let time = 0;
let readAt = 0;

/**
 * What time it is for those who wait for a worker, in milliseconds: it stands still while this thread
 * is too busy to look. What a worker has answered meanwhile lies here unheard, and it is not to be
 * given up for that.
 */
export function watchTime(): number {
  const now = performance.now();
  time += Math.min(Math.max(0, now - readAt), MOST);
  readAt = now;
  return time;
}

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
  await Promise.all(Array.from(watched, async (pool) => {
    if (!await pool.look()) watched.delete(pool);
  }));
  looking = undefined;
  if (watched.size > 0) timer = setTimeout(look, INTERVAL);
}
