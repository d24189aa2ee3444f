/**
 * A listener of the platform's that fails as a test wants it to.
 *
 * @module
 */

import { socketAddress } from "../../io/address.ts";
import { Listener } from "../../io/listener.ts";
import type { NativeConnection } from "../../io/platform.ts";

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code} (os error)`), { code });
}

/** A real listener whose accepts fail, first, with these errors. */
export function failingListener(...errors: Error[]): Listener {
  const native = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const failing = {
    addr: native.addr,
    accept: (): Promise<NativeConnection> => {
      const error = errors.shift();
      return error === undefined ? native.accept() : Promise.reject(error);
    },
    close: () => native.close(),
  };
  return new Listener([{ native: failing, address: socketAddress(native.addr) }]);
}
