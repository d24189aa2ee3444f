/**
 * HTTP servers, really started, for the tests of what answers requests.
 *
 * @module
 */

import {
  activeTasks,
  type Listening,
  type Nursery,
  type RequestFunction,
  serveHttp,
  type ServeHttpInfo,
  type ServeHttpOptions,
  sleep,
  type TcpAddress,
} from "../../mod.ts";

export const HERE = { hostname: "127.0.0.1", port: 0 };

/** Starts a server in a nursery, and gives its address and base URL. */
export async function start(
  services: Nursery,
  fn: RequestFunction<ServeHttpInfo>,
  options: ServeHttpOptions = {},
): Promise<{ address: TcpAddress; base: string }> {
  const { addresses: [address] } = await services.start<Listening>(
    (_task, started) => serveHttp(HERE, fn, { ...options, started }),
    { name: "server" },
  );
  return { address, base: `http://127.0.0.1:${address.port}` };
}

/** Status and text of a response. */
export async function read(from: string | Response | Promise<Response>): Promise<[number, string]> {
  const response = await (typeof from === "string" ? fetch(from) : from);
  return [response.status, await response.text()];
}

/** Waits until a task of that name is there, or is not there any more. */
export async function untilTask(name: string, there = true): Promise<void> {
  while (activeTasks().some((task) => task.name === name) !== there) await sleep(1);
}

/** Runs a function with `console.error` put aside, and gives what it was called with. */
export async function printed(fn: () => Promise<void>): Promise<unknown[]> {
  const calls: unknown[][] = [];
  const original = console.error;
  console.error = (...args) => void calls.push(args);
  try {
    await fn();
  } finally {
    console.error = original;
  }
  return calls.flat();
}
