/**
 * A way to a server that can be cut, and be there again.
 *
 * @module
 */

/** Passes on what comes to a port of its own. */
export class Proxy implements AsyncDisposable {
  readonly #target: Deno.ConnectOptions;
  readonly #open: Set<Deno.Conn> = new Set();
  // It keeps its port while it is cut: somebody else could take it.
  readonly #listener: Deno.Listener;
  readonly #accepting: Promise<void>;
  #isCut = false;

  /** @param target Where to: the address of a server. */
  constructor(target: string) {
    const { hostname, port } = new URL(target);
    this.#target = { hostname, port: Number(port) };
    this.#listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    this.#accepting = this.#accept();
  }

  /** The address of this side. */
  get url(): string {
    return `nats://127.0.0.1:${(this.#listener.addr as Deno.NetAddr).port}`;
  }

  /** Cuts all that goes through it, and lets nothing in. */
  cut(): void {
    this.#isCut = true;
    for (const connection of this.#open) connection.close();
    this.#open.clear();
  }

  /** Is there again, at the same address. */
  restore(): void {
    this.#isCut = false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#listener.close();
    await this.#accepting;
  }

  async #accept(): Promise<void> {
    const passing: Promise<void>[] = [];
    for await (const near of this.#listener) {
      const far = this.#isCut ? null : await Deno.connect(this.#target).catch(() => null);
      if (far === null || this.#isCut) {
        for (const connection of [near, far]) connection?.close();
        continue;
      }
      this.#open.add(near).add(far);
      passing.push(this.#pass(near, far), this.#pass(far, near));
    }
    await Promise.all(passing);
  }

  async #pass(from: Deno.Conn, to: Deno.Conn): Promise<void> {
    const chunk = new Uint8Array(65_536);
    try {
      for (let n = await from.read(chunk); n !== null; n = await from.read(chunk)) {
        for (let sent = 0; sent < n;) sent += await to.write(chunk.subarray(sent, n));
      }
    } catch {
      // It was cut, or lost by the other side.
    }
    for (const connection of [from, to]) if (this.#open.delete(connection)) connection.close();
  }
}
