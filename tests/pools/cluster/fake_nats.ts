/**
 * A server that says to its clients what a test wants it to, and nothing else.
 *
 * @module
 */

import type { Identity } from "../../io/certificates.ts";

/** What a server says first, with the end of the line. */
export function infoLine(more: object = {}): string {
  const info = {
    server_id: "FAKE",
    server_name: "fake",
    version: "2.9.10",
    go: "go",
    host: "127.0.0.1",
    port: 4222,
    proto: 1,
    client_id: 1,
    max_payload: 1 << 20,
    headers: true,
    ...more,
  };
  return `INFO ${JSON.stringify(info)}\r\n`;
}

/** Listens, and leaves all else to the test. */
export class FakeNats implements Disposable {
  readonly #listener: Deno.Listener<Deno.TcpConn | Deno.TlsConn>;
  readonly #clients: FakeClient[] = [];

  /** @param identity Makes it speak TLS from the first byte on. */
  constructor(identity?: Identity) {
    const address = { hostname: "127.0.0.1", port: 0 };
    this.#listener = identity === undefined
      ? Deno.listen(address)
      : Deno.listenTls({ ...address, cert: identity.cert, key: identity.key });
  }

  /** Where to connect to. */
  get url(): string {
    return `nats://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** The next who connects. */
  async accept(): Promise<FakeClient> {
    const client = new FakeClient(await this.#listener.accept());
    this.#clients.push(client);
    return client;
  }

  /** The next who connects, up to where both are content. */
  async welcome(): Promise<FakeClient> {
    const client = await this.accept();
    await client.say(infoLine());
    await client.hears("PING\r\n");
    await client.say("PONG\r\n");
    return client;
  }

  [Symbol.dispose](): void {
    this.#listener.close();
    for (const client of this.#clients) client.close();
  }
}

/** One who has connected. */
export class FakeClient {
  readonly #connection: Deno.Conn;
  #heard = "";
  #isClosed = false;

  constructor(connection: Deno.Conn) {
    this.#connection = connection;
  }

  /** Says something. */
  async say(text: string): Promise<void> {
    const bytes = new TextEncoder().encode(text);
    for (let sent = 0; sent < bytes.length;) {
      sent += await this.#connection.write(bytes.subarray(sent));
    }
  }

  /** Waits until the client has said this, and takes all up to there. */
  async hears(text: string): Promise<string> {
    for (;;) {
      const at = this.#heard.indexOf(text);
      if (at !== -1) {
        const taken = this.#heard.slice(0, at);
        this.#heard = this.#heard.slice(at + text.length);
        return taken;
      }
      if (!await this.#read()) throw new Error(`The client has gone. It said: ${this.#heard}`);
    }
  }

  /** Waits until the client has gone, and gives what it has said till then. */
  async end(): Promise<string> {
    while (await this.#read());
    return this.#heard;
  }

  /** Goes. */
  close(): void {
    if (!this.#isClosed) this.#connection.close();
    this.#isClosed = true;
  }

  async #read(): Promise<boolean> {
    const chunk = new Uint8Array(65_536);
    const count = await this.#connection.read(chunk).catch(() => null);
    if (count === null) return false;
    this.#heard += new TextDecoder("latin1").decode(chunk.subarray(0, count));
    return true;
  }
}
