/**
 * One of the addresses of a listener.
 *
 * @module
 */

import type { Bound } from "./bind.ts";
import type { AnyConnection, NativeListener } from "./platform.ts";

/** Who is told of what a door brings. */
export interface Host {
  came(native: AnyConnection): void;
  failed(error: unknown): void;
}

/** One of the addresses of a listener, with at most one accept under way. */
export class Door {
  readonly bound: Bound;
  readonly #host: Host;
  #native: NativeListener | null;
  #accepting = false;

  constructor(bound: Bound, host: Host) {
    this.bound = bound;
    this.#native = bound.native;
    this.#host = host;
  }

  accept(): void {
    const native = this.#native;
    if (this.#accepting || native === null) return;
    this.#accepting = true;
    native.accept().then(this.#came, (error) => {
      // It was closed: that its accept has failed is how it ends.
      if (native !== this.#native) return;
      this.#accepting = false;
      this.#host.failed(error);
    });
  }

  close(): void {
    this.#native?.close();
    this.#native = null;
  }

  open(native: NativeListener): void {
    this.#native = native;
    this.#accepting = false;
  }

  readonly #came = (connection: AnyConnection): void => {
    this.#accepting = false;
    // Else a small piece waits until the peer has confirmed the one before: 40 ms.
    connection.setNoDelay?.(true);
    this.#host.came(connection);
  };
}
