/**
 * Tests that run over each of the back-ends: what a stream, a listener or a server promises holds for
 * Deno's sockets and for those of `node:net`.
 *
 * @module
 */

import { AssertionError } from "@std/assert";
import * as grove from "../../mod.ts";
import type { Backend } from "../../mod.ts";

let current: Backend | undefined;

/** The back-end that the test runs over. */
export function currentBackend(): Backend {
  if (current === undefined) throw new AssertionError("no back-end outside a test over both");
  return current;
}

/** Runs a test twice: over Deno's sockets, and over those of `node:net`. */
export function testOverBoth(
  name: string,
  fn: () => void | Promise<void>,
  options: { ignore?: boolean } = {},
): void {
  for (const backend of ["deno", "node"] as const) {
    Deno.test({
      name: `${name} (${backend})`,
      ...options,
      fn: async () => {
        current = backend;
        try {
          await fn();
        } finally {
          current = undefined;
        }
      },
    });
  }
}

/** Options of a test as they are for its back-end. By `node:net` there is only TCP. */
function over<S>(options: S): S {
  if (Array.isArray(options)) return options.map(over) as S;
  // Listeners, and what makes no sense, are handed on as they are.
  if (Object.getPrototypeOf(options ?? 0) !== Object.prototype) return options;
  const { transport, path } = options as { transport?: string; path?: string };
  if (transport === "tls" || path !== undefined) return options;
  return { ...options, backend: currentBackend() };
}

/** `listen`, by the back-end of the test. */
export const listen =
  ((options: grove.ListenSource) => grove.listen(over(options))) as typeof grove.listen;

/** `connect`, by the back-end of the test. */
export const connect =
  ((options: grove.ConnectSource) => grove.connect(over(options))) as typeof grove.connect;

/** `serve`, by the back-end of the test. */
export const serve =
  ((...[source, handler, options]: Parameters<typeof grove.serve>) =>
    grove.serve(over(source), handler, options)) as typeof grove.serve;
