/**
 * A connection of the platform's whose bytes come when a test wants them to.
 *
 * @module
 */

import type { Arrivals, Inflow, NativeConnection, PushedConnection } from "../../io/platform.ts";
import { bytes } from "./pair.ts";

/** One end of a connection to nobody. */
export class FakeConnection implements NativeConnection {
  readonly localAddr = { hostname: "127.0.0.1", port: 1 };
  readonly remoteAddr = { hostname: "127.0.0.1", port: 2 };
  /** How much room each read had. */
  readonly room: number[] = [];
  closed = false;
  /** Whether small pieces are sent at once. */
  noDelay = false;
  /** How many bytes were received by now. */
  given = 0;
  #failure: Error | undefined = undefined;
  #received = new Uint8Array(0);
  #ended = false;
  #next: (() => void) | undefined = undefined;
  #arrived = Promise.withResolvers<void>();

  /** How many reads there were. */
  get reads(): number {
    return this.room.length;
  }

  setNoDelay(noDelay: boolean): void {
    this.noDelay = noDelay;
  }

  /** Lets bytes come. */
  give(data: string | Uint8Array): void {
    const more = typeof data === "string" ? bytes(data) : data;
    this.#received = new Uint8Array([...this.#received, ...more]);
    this.#arrived.resolve();
  }

  /** Lets pieces come, one with each read, and then the end. */
  sendInPieces(pieces: readonly (string | Uint8Array)[]): void {
    const [first, ...others] = pieces;
    if (first === undefined) return this.end();
    this.give(first);
    this.#next = () => this.sendInPieces(others);
  }

  /** Lets the connection fail, behind what has come. */
  fail(error: Error): void {
    this.#failure = error;
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
      if (this.#failure !== undefined) throw this.#failure;
      await this.#arrived.promise;
      this.#arrived = Promise.withResolvers();
    }
    const count = Math.min(buffer.length, this.#received.length);
    buffer.set(this.#received.subarray(0, count));
    this.#received = this.#received.slice(count);
    this.given += count;
    if (this.#received.length === 0) {
      const next = this.#next;
      this.#next = undefined;
      next?.();
    }
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

/** One end of a connection to nobody, whose bytes come by themselves. */
export class FakeInflow implements PushedConnection, Inflow {
  readonly localAddr = { hostname: "127.0.0.1", port: 1 };
  readonly remoteAddr = { hostname: "127.0.0.1", port: 2 };
  closed = false;
  /** Whether it is held back. */
  isPaused = true;
  #receiver: Arrivals | undefined;
  readonly #pieces: Uint8Array[] = [];
  #isEnded = false;

  get inflow(): Inflow {
    return this;
  }

  /** Lets pieces come, as long as it is not held back. */
  give(...pieces: (string | Uint8Array)[]): void {
    for (const piece of pieces) {
      this.#pieces.push(typeof piece === "string" ? bytes(piece) : piece.slice());
    }
    this.#push();
  }

  /** Lets the peer end, behind its bytes. */
  end(): void {
    this.#isEnded = true;
    this.#push();
  }

  resume(to: Arrivals): void {
    this.#receiver = to;
    this.isPaused = false;
    queueMicrotask(() => this.#push());
  }

  pause(): void {
    this.isPaused = true;
  }

  #push(): void {
    while (!this.isPaused && !this.closed) {
      const piece = this.#pieces.shift();
      if (piece !== undefined) this.#receiver!.arrived(piece);
      else {
        if (this.#isEnded) this.#receiver!.ended();
        this.#isEnded = false;
        return;
      }
    }
  }

  write(data: Uint8Array): number {
    return data.length;
  }

  closeWrite(): Promise<void> {
    return Promise.resolve();
  }

  close(): void {
    this.closed = true;
  }
}
