/**
 * The errors of sockets. Those of the platform keep their class, so that `instanceof
 * Deno.errors.AddrInUse` holds, and get a message that says what could not be done, to what, and
 * what to do about it; the platform's own error is the `cause`.
 *
 * @module
 */

/**
 * Thrown by the use of something that another task is using already, and that only one can use at a
 * time: a second read of a stream, say. Nothing has happened then, and nothing was lost.
 *
 * @example
 * ```ts
 * import { BusyError, connect, listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using stream = await connect(listener.addresses[0]);
 * const first = stream.read(new Uint8Array(10));
 * try {
 *   await stream.read(new Uint8Array(10));
 * } catch (error) {
 *   console.log(error instanceof BusyError); // true
 * }
 * stream.close();
 * await first.catch(() => {});
 * ```
 */
export class BusyError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "BusyError",
      configurable: true,
      writable: true,
    });
  }
}

/**
 * Thrown by the reading of a line or a frame that is longer than the reader allows: by a peer that is
 * faulty, or wants the memory. Its bytes stay where they are, and no more are received for it: read
 * with a larger `max`, or close the stream.
 *
 * @example
 * ```ts
 * import { connect, listen, TooLongError } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await connect(listener.addresses[0]);
 * using server = await listener.accept();
 * await client.write(new TextEncoder().encode("a line without an end"));
 * try {
 *   for await (const line of server.lines({ max: 10 })) console.log(line);
 * } catch (error) {
 *   console.log(error instanceof TooLongError); // true
 * }
 * ```
 */
export class TooLongError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "TooLongError",
      configurable: true,
      writable: true,
    });
  }
}

/** Which words of ours stand for an error of the platform; by its class's name or its code. */
export type Reasons = Readonly<Record<string, string>>;

/**
 * An error of the platform in our words, in the same class. What `reasons` does not know is told in
 * the platform's own.
 */
export function explain(error: unknown, what: string, reasons: Reasons): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { code?: unknown };
  const reason = reasons[error.name] ?? reasons[String(code)] ?? `of an error: ${error.message}`;
  const Class = error.constructor as new (message: string, options: ErrorOptions) => Error;
  const explained = new Class(`${what} as ${reason}`, { cause: error });
  if (code !== undefined) Object.assign(explained, { code });
  // Where there is no Deno, its errors are known by their names.
  if (explained.name !== error.name) {
    Object.defineProperty(explained, "name", { value: error.name, configurable: true });
  }
  return explained;
}

/** The errors of `accept` that pass: the peer has hung up already, or a resource is short. */
const PASSING = new Set([
  "ECONNABORTED",
  "ECONNRESET",
  "EINTR",
  "EMFILE",
  "ENETDOWN",
  "ENETUNREACH",
  "ENFILE",
  "ENOBUFS",
  "ENOMEM",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "EPROTO",
]);

/** Whether it makes sense to accept again after an error, a little later. */
export function passes(error: unknown): boolean {
  return error instanceof Error && PASSING.has((error as { code?: string }).code ?? "");
}
