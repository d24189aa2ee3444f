/**
 * A socket between a pool and a worker process, for messages.
 *
 * @module
 */

import { FrameReader } from "./frame_reader.ts";
import { FrameWriter } from "./frame_writer.ts";

const CHUNK = 65_536;

/** See above. A message is a text, or an object. */
export class Connection<Sent, Received> {
  readonly #socket: Deno.UnixConn;
  readonly #writer: FrameWriter = new FrameWriter();
  #isWriting = false;
  #isClosed = false;

  constructor(socket: Deno.UnixConn) {
    this.#socket = socket;
  }

  /**
   * Puts a message with those that are sent next.
   *
   * @throws {NotPortableError} When something in it cannot be sent.
   * @throws {RangeError} When it is too long.
   */
  put(message: Sent): void {
    this.#writer.put(message);
  }

  /** Sends what is there. What comes while it is sent goes together after that. */
  flush(): void {
    if (!this.#isWriting && !this.#isClosed && !this.#writer.isEmpty) this.#write();
  }

  /**
   * Hands over the messages as they come, until either side has closed it.
   *
   * @throws {MalformedError} When what comes makes no sense.
   */
  async receive(take: (message: Received) => void): Promise<void> {
    const chunk = new Uint8Array(CHUNK);
    const reader = new FrameReader();
    for (;;) {
      const count = await this.#read(chunk);
      if (count === null) return;
      reader.push(chunk.subarray(0, count), (message) => take(message as Received));
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

  async #read(chunk: Uint8Array): Promise<number | null> {
    try {
      return await this.#socket.read(chunk);
    } catch {
      return null; // It was closed here; or the other side was killed before it had read everything.
    }
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      while (!this.#writer.isEmpty) {
        let bytes = this.#writer.take();
        // A socket takes what it has room for.
        while (bytes.length > 0) bytes = bytes.subarray(await this.#socket.write(bytes));
      }
    } catch {
      this.close(); // The other side is gone, as who reads is told.
    }
    this.#isWriting = false;
  }
}
