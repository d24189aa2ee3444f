/**
 * What a generator yields that runs somewhere else, for whoever takes it here.
 *
 * @module
 */

import { GroupIterator } from "../primitives/group_iterator.ts";
import type { Sink } from "./crew.ts";

/**
 * Runs a job that yields, for as long as somebody takes the items.
 *
 * @param credit How many items the far side may be ahead. More are asked for when half of them have
 * been taken.
 * @param run Runs the job, which hands its items to the sink.
 */
export function streamOf<T>(
  credit: number,
  run: (sink: Sink) => Promise<unknown>,
): AsyncIterable<T> {
  return new GroupIterator<T>("stream", credit / 2, (group, outlet) => {
    const sink: Sink = (items, grant) => {
      for (const item of items) outlet.put(item as T);
      if (outlet.full) group.spawn(() => outlet.drained().then(grant), { name: "demand" });
      else grant();
    };
    group.spawn(() => run(sink), { name: "stream" });
  });
}
