/**
 * What the workers of the floors run: it answers each message by one, as its kind of message tells.
 *
 * @module
 */

import { double, fib, stamp } from "./pool_jobs.ts";

/** A list of small jobs; text to send back; a number to compute with; bytes to send back, copied; a buffer, moved. */
type Message = readonly SmallJob[] | string | number | Uint8Array | ArrayBuffer;

export interface SmallJob {
  readonly id: number;
  readonly argument: number;
}

export interface SmallResult {
  readonly id: number;
  readonly value: number;
}

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Message>) => void;
  postMessage(answer: unknown, moved?: Transferable[]): void;
};

function smallResult({ id, argument }: SmallJob): SmallResult {
  return { id, value: double(argument) };
}

scope.onmessage = ({ data }) => {
  if (typeof data === "string") scope.postMessage(data);
  else if (typeof data === "number") scope.postMessage(fib(data));
  else if (data instanceof Uint8Array) scope.postMessage(stamp(data));
  else if (data instanceof ArrayBuffer) {
    stamp(new Uint8Array(data));
    scope.postMessage(data, [data]);
  } else scope.postMessage((data as readonly SmallJob[]).map(smallResult));
};
