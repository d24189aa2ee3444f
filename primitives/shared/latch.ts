/**
 * What keeps threads apart while one of them changes shared memory: for some dozen instructions, in
 * which nobody waits and no foreign code runs. The locks that users see are made of what is changed
 * there.
 *
 * A thread cannot die in there, as Deno lets it come to the end of what it runs synchronously. But it
 * can be interrupted: a job with a deadline is, wherever it is, and no `finally` runs then. So nobody
 * waits for ever: a change that does not come to its end is noticed by the thread that began it when
 * it comes back, and by the others after two seconds. What was changed counts as damaged then.
 *
 * @module
 */

import { CHANGES, DAMAGED, LATCH } from "./layout.ts";
import { mayBlock, pause } from "./words.ts";

const OPEN = 0;
const CLOSED = 1;
/** Somebody is blocked, and has to be notified. */
const AWAITED = 2;

/** A change takes less than a microsecond: who comes in between does not block at once. */
const SPINS = 200;
const SLICE = 20;
/** So many slices, and not so much time: when all was suspended nobody is to be suspected. */
const PATIENCE = 100;
const SPINS_A_SLICE = 1_000_000;

// Where this thread is inside, and has not left: changes are not nested.
let inside: Int32Array | null = null;

/** Begins a change. Returns `false` where an earlier one was left half done. */
export function enter(words: Int32Array): boolean {
  if (inside !== null) leaveBehind();
  if (Atomics.compareExchange(words, LATCH, OPEN, CLOSED) !== OPEN) contend(words);
  inside = words;
  if (words[DAMAGED] === 0) return true;
  exit(words);
  return false;
}

/** Ends a change. */
export function exit(words: Int32Array): void {
  words[CHANGES]++;
  const before = Atomics.exchange(words, LATCH, OPEN);
  // No call in between: where a function begins the thread may be interrupted.
  inside = null;
  if (before === AWAITED) Atomics.notify(words, LATCH, 1);
}

/** Ends a change that this thread has begun, and was interrupted in, if there is one. */
export function leaveBehind(): void {
  if (inside === null) return;
  const words = inside;
  words[DAMAGED] = 1;
  exit(words);
}

function contend(words: Int32Array): void {
  for (let spin = 0; spin < SPINS; spin++) {
    pause();
    if (Atomics.compareExchange(words, LATCH, OPEN, CLOSED) === OPEN) return;
  }
  let seen = Atomics.load(words, CHANGES);
  // From now on it counts as awaited, also when it was open: somebody else may be blocked too.
  for (let idle = 0; Atomics.exchange(words, LATCH, AWAITED) !== OPEN;) {
    if (mayBlock()) Atomics.wait(words, LATCH, AWAITED, SLICE);
    else for (let spin = 0; spin < SPINS_A_SLICE; spin++) pause();
    const changes = Atomics.load(words, CHANGES);
    idle = changes === seen ? idle + 1 : 0;
    seen = changes;
    if (idle < PATIENCE) continue;
    words[DAMAGED] = 1;
    return;
  }
}
