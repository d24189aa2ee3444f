/**
 * A socket between a pool and a worker process, for messages.
 *
 * @module
 */

import { FrameReader, FrameWriter, type Message } from "./frame_stub.ts";

const CHUNK = 65_536;

/** See above. */
export class Connection {
  readonly #socket: Deno.UnixConn;
  readonly #out: FrameWriter = new FrameWriter();
  #isWriting = false;
  #isClosed = false;

  constructor(socket: Deno.UnixConn) {
    this.#socket = socket;
  }

  /** Puts a message with those that are sent next. */
  put(message: Message): void {
    this.#out.put(message);
  }

  /** Sends what is there. What comes while it is sent goes together after that. */
  flush(): void {
    if (!this.#isWriting && !this.#out.isEmpty && !this.#isClosed) this.#write();
  }

  /**
   * Hands over the messages as they come, until the other side is gone.
   *
   * @throws {FrameError} When what comes makes no sense.
   */
  async receive(take: (message: Message) => void): Promise<void> {
    const chunk = new Uint8Array(CHUNK);
    const reader = new FrameReader();
    for (;;) {
      let count: number | null;
      try {
        count = await this.#socket.read(chunk);
      } catch {
        return; // It was closed here, or the other side was killed with something unread.
      }
      if (count === null) return;
      reader.push(chunk.subarray(0, count), take);
    }
  }

  /** Lets a program end although it is open. */
  unref(): void {
    this.#socket.unref();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (!this.#out.isEmpty) {
        let bytes = this.#out.take();
        // A socket takes what it has room for.
        while (bytes.length > 0) bytes = bytes.subarray(await this.#socket.write(bytes));
      }
    } catch {
      this.#isClosed || this.close(); // The other side is gone: the reader says so.
    }
    this.#isWriting = false;
  }
}
