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
  #sending: Promise<void> | undefined;
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

  /** Resolves when what was sent has left; `undefined` when it has. */
  get sending(): Promise<void> | undefined {
    return this.#sending;
  }

  /**
   * Sends what is there. What comes while it is sent goes together after that: not before the
   * running code comes to an end, even if the socket has room, as nobody can tell until then.
   */
  flush(): void {
    if (this.#sending !== undefined || this.#isClosed || this.#writer.isEmpty) return;
    this.#sending = this.#write();
  }

  /**
   * Sends what is there at once, as this process is about to end. What is being sent has left by
   * then, unless the other side has not read for long; then this is lost, and cannot be read.
   */
  flushLast(): void {
    if (!this.#isClosed && !this.#writer.isEmpty) {
      this.#socket.write(this.#writer.take()).catch(() => {});
    }
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
    try {
      while (!this.#writer.isEmpty) {
        let bytes = this.#writer.take();
        // A socket takes what it has room for.
        while (bytes.length > 0) bytes = bytes.subarray(await this.#socket.write(bytes));
      }
    } catch {
      this.close(); // The other side is gone, as who reads is told.
    }
    this.#sending = undefined;
  }
}
