/**
 * Runs of `deno test` beside each other, told one after the other: the first as it goes on, each other one when all before
 * it have been told. The total is that of all of them.
 *
 * @module
 */

import { type Tally, tally } from "./tally.ts";

/** A process that runs `deno test`, or what stands for it. */
export interface Run {
  readonly stdout: ReadableStream<Uint8Array>;
  readonly stderr: ReadableStream<Uint8Array>;
  readonly status: Promise<{ readonly success: boolean }>;
}

/** Where it is told. */
export interface Sinks {
  readonly stdout: WritableStream<Uint8Array>;
  readonly stderr: WritableStream<Uint8Array>;
}

/** Tells what the runs print, and gives the total. A run that does not succeed has one failure at least. */
export async function sideBySide(runs: readonly Run[], sinks: Sinks): Promise<Tally> {
  // All are read at once: a process whose output nobody takes stands still.
  const outputs = runs.map(({ stdout, stderr }) => ({
    stdout: held(stdout),
    stderr: held(stderr),
  }));
  const total = { passed: 0, failed: 0 };
  for (const [index, { stdout, stderr }] of outputs.entries()) {
    const [counts] = await Promise.all([
      tally(stdout, sinks.stdout),
      stderr.pipeTo(sinks.stderr, { preventClose: true }),
    ]);
    const { success } = await runs[index].status;
    if (counts === undefined) await endLine(sinks.stdout);
    total.passed += counts?.passed ?? 0;
    total.failed += Math.max(counts?.failed ?? 0, success ? 0 : 1);
  }
  return total;
}

/** The same stream, read without end although nobody asks for it yet. */
function held(output: ReadableStream<Uint8Array>): ReadableStream<Uint8Array> {
  return output.pipeThrough(new TransformStream(undefined, undefined, { highWaterMark: Infinity }));
}

/** A run that was cut off may have been in the middle of a line. */
async function endLine(sink: WritableStream<Uint8Array>): Promise<void> {
  const writer = sink.getWriter();
  await writer.write(new TextEncoder().encode("\n"));
  writer.releaseLock();
}
