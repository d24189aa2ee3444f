/**
 * Listening: the function that opens listeners.
 *
 * @module
 */

import type { AddressOf, SocketAddress } from "./address.ts";
import { bind, type Bound, checkSource, type ListenSource } from "./bind.ts";
import { Listener } from "./listener.ts";

/**
 * Listens for connections: by TCP, encrypted by TLS, or by a Unix socket; at one address, or at
 * several at once, whose connections then come from one listener.
 *
 * It needs the permission `net` for its address; for a Unix socket also to read and write its file and
 * that of the same name and `.lock`, by which it tells whether a file that it finds there has been left
 * behind by a program that was killed (it is replaced then) or somebody listens there.
 *
 * @typeParam S What the options are; the addresses are of the kind that they ask for.
 * @param options For TCP `hostname`, `port` and `backlog`. For TLS besides that `transport: "tls"`,
 * `cert` and `key` as the texts of PEM files, and `alpnProtocols`. For a Unix socket `path`. Or an
 * array of such options: if one of them fails, none is listened on.
 * @returns The listener, which is open until it is closed: hold it by `using`, or give it to `serve`.
 * @throws {TypeError | RangeError} When an option makes no sense.
 * @throws {Deno.errors.AddrInUse} When the port, or the file, is in use.
 * @throws {Deno.errors.NotCapable} When the program lacks the permission.
 * @throws {Deno.errors.InvalidData} When the certificate or the key cannot be read.
 * @throws {Error} When the key is not that of the certificate.
 *
 * @example
 * ```ts
 * import { listen } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * console.log("listening on port", listener.addresses[0].port);
 * ```
 *
 * @example A port, and a socket for the programs of this machine, as one
 * ```ts
 * import { connect, listen } from "@grove/grove";
 *
 * const folder = await Deno.makeTempDir();
 * using listener = listen([{ hostname: "127.0.0.1", port: 0 }, { path: `${folder}/service.sock` }]);
 * for (const address of listener.addresses) {
 *   using client = await connect(address);
 *   using server = await listener.accept();
 *   console.log(server.localAddress.transport); // tcp, unix
 * }
 * ```
 *
 * @example Encrypted
 * ```ts ignore
 * import { listen } from "@grove/grove";
 *
 * using listener = listen({
 *   transport: "tls",
 *   port: 443,
 *   cert: Deno.readTextFileSync("cert.pem"),
 *   key: Deno.readTextFileSync("key.pem"),
 * });
 * ```
 */
export function listen<const S extends ListenSource | readonly ListenSource[]>(
  options: S,
): Listener<AddressOf<S>> {
  const sources: readonly ListenSource[] = isList(options) ? options : [options as ListenSource];
  checkSources(sources, "listen");
  const bound: Bound[] = [];
  try {
    for (const source of sources) bound.push(bind(source));
  } catch (error) {
    for (const { native } of bound) native.close();
    throw error;
  }
  return new Listener<SocketAddress>(bound) as Listener<AddressOf<S>>;
}

/** Checks what `listen` takes at the call that was given it. */
export function checkSources(sources: readonly ListenSource[], action: string): void {
  if (sources.length === 0) {
    throw new TypeError(
      `Cannot ${action} as there is no address to listen on. Pass one at least: [{ port }]`,
    );
  }
  for (const source of sources) checkSource(source, action);
}

function isList(options: unknown): options is readonly ListenSource[] {
  return Array.isArray(options);
}
