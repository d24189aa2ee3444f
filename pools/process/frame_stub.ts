export type Message = unknown;
export class FrameWriter {
  #q: Uint8Array[] = [];
  get isEmpty() {
    return this.#q.length === 0;
  }
  put(m: Message) {
    const b = new TextEncoder().encode(JSON.stringify(m));
    const f = new Uint8Array(b.length + 4);
    new DataView(f.buffer).setUint32(0, b.length, true);
    f.set(b, 4);
    this.#q.push(f);
  }
  take(): Uint8Array {
    const n = this.#q.reduce((a, b) => a + b.length, 0);
    const o = new Uint8Array(n);
    let i = 0;
    for (const b of this.#q) {
      o.set(b, i);
      i += b.length;
    }
    this.#q = [];
    return o;
  }
}
export class FrameReader {
  #buf = new Uint8Array(0);
  push(c: Uint8Array, take: (m: Message) => void) {
    const n = new Uint8Array(this.#buf.length + c.length);
    n.set(this.#buf);
    n.set(c, this.#buf.length);
    let at = 0;
    const v = new DataView(n.buffer);
    while (n.length - at >= 4 && n.length - at - 4 >= v.getUint32(at, true)) {
      const l = v.getUint32(at, true);
      const t = new TextDecoder().decode(n.subarray(at + 4, at + 4 + l));
      at += 4 + l;
      take(JSON.parse(t));
    }
    this.#buf = n.subarray(at);
  }
}
