/**
 * What is to be sent to a server: pieces that go one after the other, in the order of their coming.
 *
 * Whoever hands one in does not wait. What the system does not take at once is held here, and goes in
 * as few writes as it can: the client library asks an idle server for a sign of life, and gives it up
 * without one, so a server that takes nothing does not have this grow for ever.
 *
 * @module
 */

import type { SocketStream } from "../../io/stream.ts";
import { outside } from "../../primitives/kernel/context.ts";

// Pieces are joined up to so many bytes. Copying more takes longer than another write.
const JOINED = 65_536;

/** See above. */
export class Outgoing {
  readonly #stream: SocketStream;
  readonly #failed: (error: unknown) => void;
  #waiting: Uint8Array[] = [];
  #isSending = false;
  #hasFailed = false;
  readonly #watchers: (() => void)[] = [];

  /** @param failed Told once that nothing can be sent any more. */
  constructor(stream: SocketStream, failed: (error: unknown) => void) {
    this.#stream = stream;
    this.#failed = failed;
  }

  /** Sends a piece, whose memory must not be changed any more. */
  push(piece: Uint8Array): void {
    if (this.#hasFailed) return;
    this.#waiting.push(piece);
    if (this.#isSending) return;
    this.#isSending = true;
    // Not in the scope of who publishes: its end is not that of the connection.
    outside(() => this.#send());
  }

  /** Waits until the system has all that was handed in; not for longer than so many milliseconds. */
  async sent(patience: number): Promise<void> {
    if (!this.#isSending) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#watchers.push(resolve);
    const timer = setTimeout(resolve, patience);
    await promise;
    clearTimeout(timer);
  }

  async #send(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        const pieces = this.#waiting;
        this.#waiting = [];
        for (const piece of joined(pieces)) await this.#stream.write(piece);
      }
    } catch (error) {
      this.#hasFailed = true;
      this.#waiting = [];
      this.#failed(error);
    }
    this.#isSending = false;
    for (const tell of this.#watchers.splice(0)) tell();
  }
}

function* joined(pieces: readonly Uint8Array[]): Iterable<Uint8Array> {
  for (let from = 0; from < pieces.length;) {
    let size = pieces[from].length;
    let to = from + 1;
    while (to < pieces.length && size + pieces[to].length <= JOINED) size += pieces[to++].length;
    yield to === from + 1 ? pieces[from] : join(pieces.slice(from, to), size);
    from = to;
  }
}

function join(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const all = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
