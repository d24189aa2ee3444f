/**
 * Counts what `deno test` reports while its output passes through. The count is that of Deno's own last summary line, which
 * also knows of errors outside any test; a run that ended without one has none.
 *
 * @module
 */

/** What a run of `deno test` came to. */
export interface Tally {
  readonly passed: number;
  readonly failed: number;
}

/** Such as "ok | 3 passed (2 steps) | 0 failed | 1 ignored (8ms)". */
const SUMMARY = /^(?:ok|FAILED) \| (\d+) passed(?: \([^)]*\))? \| (\d+) failed/gm;

/** The escape sequences that color a terminal. */
// deno-lint-ignore no-control-regex
const COLORS = /\x1b\[[0-9;]*m/g;

/** More than a summary line is long. */
const KEPT = 4_096;

/** Copies `output` to `sink` and gives the last summary in it, `undefined` where there is none. */
export async function tally(
  output: ReadableStream<Uint8Array>,
  sink: WritableStream<Uint8Array>,
): Promise<Tally | undefined> {
  const decoder = new TextDecoder();
  let end = "";
  const counting = new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller) {
      end = (end + decoder.decode(chunk, { stream: true })).slice(-KEPT);
      controller.enqueue(chunk);
    },
  });
  await output.pipeThrough(counting).pipeTo(sink, { preventClose: true });
  const summary = [...end.replaceAll(COLORS, "").matchAll(SUMMARY)].at(-1);
  return summary && { passed: Number(summary[1]), failed: Number(summary[2]) };
}
