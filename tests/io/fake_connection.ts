/**
 * A connection of the platform's whose bytes come when a test wants them to.
 *
 * @module
 */

import type { NativeConnection } from "../../io/platform.ts";
import { bytes } from "./pair.ts";

/** One end of a connection to nobody. */
export class FakeConnection implements NativeConnection {
  readonly localAddr = { hostname: "127.0.0.1", port: 1 };
  readonly remoteAddr = { hostname: "127.0.0.1", port: 2 };
  /** How much room each read had. */
  readonly room: number[] = [];
  closed = false;
  #received = new Uint8Array(0);
  #ended = false;
  #arrived = Promise.withResolvers<void>();

  /** How many reads there were. */
  get reads(): number {
    return this.room.length;
  }

  /** Lets bytes come. */
  give(text: string): void {
    this.#received = new Uint8Array([...this.#received, ...bytes(text)]);
    this.#arrived.resolve();
  }

  /** Lets the peer end. */
  end(): void {
    this.#ended = true;
    this.#arrived.resolve();
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    this.room.push(buffer.length);
    while (this.#received.length === 0) {
      if (this.#ended) return null;
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    const count = Math.min(buffer.length, this.#received.length);
    buffer.set(this.#received.subarray(0, count));
    this.#received = this.#received.slice(count);
    return count;
  }

  write(data: Uint8Array): Promise<number> {
    return Promise.resolve(data.length);
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}
