/**
 * Several streams as one.
 *
 * @module
 */

import { GroupIterator } from "./group_iterator.ts";
import { nextOf, openSource } from "./source.ts";

/**
 * Reads from several iterables at once and gives their items as they come, those of one iterable in
 * their order. From each at most one item is read ahead.
 *
 * The reading begins with the loop. Leaving the loop early closes the iterables; a failure of one
 * closes the others and is thrown in the loop.
 *
 * With one iterable, of somebody else's, it makes the loop one that a cancellation ends:
 * `for await (const chunk of merge(child.stdout))`. Where the iterable is stuck in a promise of its
 * own, that is abandoned, and it is closed when the promise has settled.
 *
 * @typeParam T An item.
 * @param iterables What to read from: iterables or async iterables.
 * @returns The items, to be iterated over once; it ends when all have ended.
 * @throws {TypeError} At the call, when one is no iterable.
 *
 * @example
 * ```ts
 * import { interval, merge } from "@grove/grove";
 *
 * for await (const tick of merge(interval(3), interval(5))) {
 *   console.log(tick);
 *   if (tick >= 3) break;
 * }
 * ```
 */
export function merge<T>(
  ...iterables: (Iterable<T> | AsyncIterable<T>)[]
): AsyncIterableIterator<T> {
  const sources = iterables.map((iterable) => openSource(iterable, "merge"));
  return new GroupIterator<T>("merge", Infinity, (group, outlet) => {
    const isWanted = () => !outlet.closed;
    for (const source of sources) {
      group.spawn(async () => {
        try {
          while (isWanted()) {
            const answer = source.next(isWanted);
            const next = answer instanceof Promise ? await nextOf(source, answer) : answer;
            if (next.done) return;
            await outlet.offer(next.value);
          }
        } finally {
          await source.close();
        }
      }, { name: "merge" });
    }
  });
}
