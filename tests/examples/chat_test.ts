import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { BroadcastStats } from "../../mod.ts";
import { withVirtualTime } from "../../primitives/testing/mod.ts";
import { app, until, windows } from "./app.ts";

const EVENTS = { headers: { accept: "text/event-stream" } };

/** One who reads the events of a chat. */
class Reader {
  readonly #leaving = new AbortController();
  #text = "";
  #chunks!: ReadableStreamDefaultReader<string>;

  static async in(base: string): Promise<Reader> {
    const reader = new Reader();
    const response = await fetch(`${base}/chat`, { ...EVENTS, signal: reader.#leaving.signal });
    assertEquals(response.headers.get("content-type"), "text/event-stream");
    reader.#chunks = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    return reader;
  }

  /** The next event and its data; `undefined` at the end of the stream. */
  async next(): Promise<[event: string, data: unknown] | undefined> {
    while (!this.#text.includes("\n\n")) {
      const { done, value } = await this.#chunks.read();
      if (done) return undefined;
      this.#text += value;
    }
    const [, event, data, rest] = this.#text.match(/^event: (.*)\ndata: (.*)\n\n([^]*)$/)!;
    this.#text = rest;
    return [event, JSON.parse(data)];
  }

  leave(): void {
    this.#leaving.abort();
    this.#chunks.read().catch(() => {});
  }
}

/** Connects one who asks for the events, and reads nothing of them until told to. */
async function connectSlow(base: string) {
  const { hostname, port, host } = new URL(base);
  const connection = await Deno.connect({ hostname, port: Number(port) });
  const request = `GET /chat HTTP/1.1\r\nHost: ${host}\r\n` +
    "Accept: text/event-stream\r\nConnection: close\r\n\r\n";
  await connection.write(new TextEncoder().encode(request));
  return connection;
}

function chat(base: string) {
  const stats = async (): Promise<BroadcastStats> => await (await fetch(`${base}/chat`)).json();
  const post = (body: BodyInit, from = "ann") =>
    fetch(`${base}/chat?from=${encodeURIComponent(from)}`, { method: "POST", body });
  return {
    post,
    async say(text: string, from?: string) {
      assertEquals((await post(text, from)).status, 204);
    },
    /** Waits until there are so many readers. */
    readers: (count: number) => until(stats, ({ subscribers }) => subscribers === count),
    stats,
  };
}

Deno.test("chat: all readers get what is said, in order; who leaves or is slow is dropped", async (t) => {
  await using server = await app();
  const { base } = server;
  const { post, say, readers, stats } = chat(base);
  const ann = await Reader.in(base);
  const ben = await Reader.in(base);

  await t.step("a reader is told how many there are", async () => {
    assertEquals(await ann.next(), ["hello", { readers: 1 }]);
    assertEquals(await ben.next(), ["hello", { readers: 2 }]);
  });

  await t.step("both get the same messages in the same order", async () => {
    const said = ["hello", "two\nlines\r\n", "data: x\n\nevent: y", "<b>ü 🌳</b>"];
    for (const text of said) await say(text, "Zoë & co");
    for (const reader of [ann, ben]) {
      for (const text of said) {
        assertEquals(await reader.next(), ["message", { from: "Zoë & co", text }]);
      }
    }
  });

  await t.step("what makes no sense is refused, in words, and not published", async () => {
    for (
      const [body, from, status, says] of [
        ["", "ann", 400, /must be the text of the message/],
        [" \n", "ann", 400, /must be the text of the message/],
        ["x", "", 400, /^'from' must be 1 to 40 characters/],
        ["x", "a\nb", 400, /^'from' must be/],
        ["x".repeat(16 * 1024 + 1), "ann", 413, /^The body must be 16384 bytes at most$/],
      ] as const
    ) {
      const response = await post(body, from);
      assertEquals(response.status, status);
      assertMatch((await response.json()).error, says);
    }
    assertEquals((await stats()).published, 4);
  });

  await t.step("a reader who goes away does not subscribe any more", async () => {
    const gone = await Reader.in(base);
    assertEquals(await gone.next(), ["hello", { readers: 3 }]);
    const tree = await (await fetch(`${base}/tasks?format=text`)).text();
    assertMatch(tree, /scope "body of GET \/chat".*waits .*for subscription "chat"/);
    gone.leave();
    assertEquals((await readers(2)).failed, 0);
  });

  await t.step("one who does not read is dropped, and nobody else notices", async () => {
    using slow = await connectSlow(base);
    await readers(3);
    const text = "x".repeat(16 * 1024);
    let said = 0;
    // What the system holds for a connection is some megabytes.
    for (; (await stats()).failed === 0; said++) {
      assert(said < 4096, "64 MiB are more than any system holds for a connection");
      await say(text);
      for (const reader of [ann, ben]) {
        assertEquals(await reader.next(), ["message", { from: "ann", text }]);
      }
    }
    assertEquals((await stats()).subscribers, 2);

    const all = await new Response(slow.readable).text();
    assert(all.split("event: message").length - 1 < said, "it has missed messages");
    assertStringIncludes(all, 'event: dropped\ndata: {"behind":8}\n\n');
    assertMatch(all.slice(-7), /\r\n0\r\n\r\n$/);

    await say("go on");
    for (const reader of [ann, ben]) {
      assertEquals(await reader.next(), ["message", { from: "ann", text: "go on" }]);
    }
  });

  await t.step("one who does not read and goes away does not subscribe any more", async () => {
    const slow = await connectSlow(base);
    await readers(3);
    slow.close();
    await readers(2);
  });

  await t.step("a browser gets a page, whose script may run", async () => {
    const response = await fetch(`${base}/chat`, { headers: { accept: "text/html, */*;q=0.8" } });
    const policy = response.headers.get("content-security-policy")!;
    const [, nonce] = policy.match(/script-src 'nonce-(.*)'; connect-src 'self'$/)!;
    assertStringIncludes(await response.text(), `<script nonce="${nonce}">`);
    assertStringIncludes(await (await fetch(base)).text(), 'href="/chat"');
  });

  if (!windows) {
    await t.step("a graceful stop ends the streams", async () => {
      server.program.kill("SIGINT");
      assertEquals([await ann.next(), await ben.next()], [undefined, undefined]);
      const { code, stderr } = await server.program.end();
      assertEquals([code, stderr], [0, ""]);
    });
  } else {
    ann.leave();
    ben.leave();
  }
});

Deno.test("chat: a reader hears every 15 seconds that the stream is alive", async () => {
  const { default: { fetch: answer } } = await import("../../examples/serve/main.ts");
  await withVirtualTime(async (time) => {
    const response = await answer(new Request("https://edge.example/chat", EVENTS));
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    assertMatch((await reader.read()).value!, /^event: hello\n/);
    for (const elapsed of [15_000, 30_000]) {
      assertEquals((await reader.read()).value, ": still here\n\n");
      assertEquals(time.elapsed, elapsed);
    }
    await reader.cancel();
  });
});
