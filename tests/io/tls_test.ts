import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  connect,
  type ConnectTlsOptions,
  listen,
  type ListenTlsOptions,
  moveOnAfter,
  nursery,
  serve,
  type ServeOptions,
  sleep,
  type SocketStream,
  taskGroup,
  TimeoutError,
  type TlsAddress,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { FIRST, type Identity, SECOND } from "./certificates.ts";
import { bytes, readAll, text } from "./pair.ts";

function where({ cert, key }: Identity = FIRST): ListenTlsOptions {
  return { transport: "tls", hostname: "127.0.0.1", port: 0, cert, key };
}

const trusting = { caCerts: [FIRST.authority] };

/** A connection over the loopback interface, both ends of it. */
async function pair(
  server: Partial<ListenTlsOptions> = {},
  client: Partial<ConnectTlsOptions> = {},
): Promise<{ here: SocketStream<TlsAddress>; there: SocketStream<TlsAddress> } & Disposable> {
  using listener = listen({ ...where(), ...server });
  const accepting = listener.accept();
  const handshake = accepting.then((stream) => stream.handshake());
  const here = await connect({ ...listener.addresses[0], ...trusting, ...client });
  const there = await accepting;
  await handshake;
  return {
    here,
    there,
    [Symbol.dispose]() {
      here.close();
      there.close();
    },
  };
}

/** Serves on an encrypted port what it is given, until the body has ended. */
async function withServer(
  options: ServeOptions<TlsAddress>,
  body: (address: TlsAddress) => Promise<void>,
): Promise<void> {
  await nursery(async (services) => {
    using listener = listen(where());
    services.spawn(() =>
      serve(listener, async (stream) => {
        for await (const chunk of stream) await stream.write(chunk);
      }, options)
    );
    await body(listener.addresses[0]);
    services.cancel();
  });
}

async function echoed(address: TlsAddress, what: string): Promise<string> {
  using stream = await connect({ ...address, ...trusting });
  await stream.write(bytes(what));
  return text(await stream.readExactly(what.length));
}

Deno.test("TLS: bytes go both ways, and both ends know that they are encrypted", async () => {
  using streams = await pair();
  const { here, there } = streams;
  assertEquals([here.encrypted, there.encrypted], [true, true]);
  assertEquals(here.remoteAddress, there.localAddress);
  assertEquals(here.remoteAddress.transport, "tls");
  await here.write(bytes("question"));
  await here.closeWrite();
  assertEquals(await readAll(there), "question");
  await there.write(bytes("answer"));
  assertEquals(text(await here.readExactly(6)), "answer");
});

Deno.test("TLS: every byte of a large write arrives before the end, though the stream is closed right after it", async () => {
  using streams = await pair();
  const { here, there } = streams;
  const sent = new Uint8Array(3_000_000).map((_, i) => i % 251);
  await taskGroup(async (group) => {
    group.spawn(async () => {
      await here.write(sent);
      here.close();
    });
    let at = 0;
    for await (const chunk of there) {
      for (const byte of chunk) if (byte !== at++ % 251) throw new Error(`another byte at ${at}`);
    }
    assertEquals(at, sent.length);
  });
});

Deno.test("TLS: both ends know the protocol that they agreed on", async () => {
  using agreed = await pair({ alpnProtocols: ["b", "a"] }, { alpnProtocols: ["x", "a"] });
  assertEquals([agreed.here.alpnProtocol, agreed.there.alpnProtocol], ["a", "a"]);
  using silent = await pair({ alpnProtocols: ["a"] });
  assertEquals([silent.here.alpnProtocol, silent.there.alpnProtocol], [null, null]);
});

Deno.test("TLS: without a protocol in common there is no connection", async () => {
  using listener = listen({ ...where(), alpnProtocols: ["a"] });
  const accepting = listener.accept();
  await Promise.all([
    assertRejects(
      () => connect({ ...listener.addresses[0], ...trusting, alpnProtocols: ["b"] }),
      Deno.errors.InvalidData,
      "as the two do not agree: received fatal alert: NoApplicationProtocol",
    ),
    accepting.then(async (stream) => {
      using _ = stream;
      await assertRejects(() => stream.handshake(), Deno.errors.InvalidData, "do not agree");
    }),
  ]);
});

Deno.test("TLS: a server that cannot prove its name is refused; the name may be another than the host's", async () => {
  await withServer({ onError: () => {} }, async (address) => {
    const refusals = [{}, { caCerts: [SECOND.authority] }, {
      ...trusting,
      servername: "a.example",
    }];
    for (const options of refusals) {
      const error = await assertRejects(
        () => connect({ ...address, ...options }),
        Deno.errors.InvalidData,
      );
      assert(
        error.message.startsWith(
          `Cannot shake hands with 127.0.0.1:${address.port} as the two do not agree: invalid peer certificate`,
        ),
        error.message,
      );
    }
    (await connect({ ...address, ...trusting, servername: "localhost" })).close();
  });
});

Deno.test("TLS: a hand-shake that fails goes to onError with the peer, and the server lives on [I1, I7]", async () => {
  const errors: [string, boolean][] = [];
  const onError = (error: unknown, peer: TlsAddress | undefined) => {
    errors.push([(error as Error).name, peer?.transport === "tls"]);
  };
  await nursery(async (services) => {
    const listener = listen(where());
    const [address] = listener.addresses;
    services.spawn(() => serve(listener, (stream) => stream.write(bytes("hello")), { onError }));
    using plain = await connect({ port: address.port });
    await plain.write(bytes("GET / HTTP/1.0\r\n\r\n"));
    await readAll(plain).catch(() => {}); // an alert
    await connect(address).catch(() => {});
    const gone = await connect({ port: address.port });
    gone.close();
    using good = await connect({ ...address, ...trusting });
    assertEquals(await readAll(good), "hello");
    while (listener.stats().active > 0) await waitAllTasksBlocked();
    assertEquals(errors.length, 3);
    assert(errors.every(([name, known]) => known && /InvalidData|UnexpectedEof/.test(name)));
    const { accepted, active, closed } = listener.stats();
    assertEquals([accepted, active, closed.failed, closed.closed], [4, 0, 3, 1]);
    services.cancel();
  });
});

Deno.test("TLS: peers that never shake hands hold up nobody [I1, I2]", async () => {
  await withServer({ idleTimeout: 60_000, maxConnections: 4 }, async (address) => {
    const silent = await Promise.all([1, 2, 3].map(() => connect({ port: address.port })));
    assertEquals(await echoed(address, "quick"), "quick");
    for (const stream of silent) stream.close();
  });
});

Deno.test("TLS: peers that never shake hands are given up after idleTimeout, and make room [I1, I2, I7]", async () => {
  const errors: unknown[] = [];
  await nursery(async (services) => {
    const listener = listen(where());
    const [{ port }] = listener.addresses;
    services.spawn(() =>
      serve(listener, () => {}, {
        idleTimeout: 50,
        maxConnections: 3,
        onError: (error) => errors.push(error),
      })
    );
    // Twice as many as are let in at once.
    const silent = await Promise.all([1, 2, 3, 4, 5, 6].map(() => connect({ port })));
    while (listener.stats().closed.idle < 6) await sleep(5);
    assertEquals(listener.stats().accepted, 6);
    for (const stream of silent) stream.close();
    services.cancel();
  });
  assertEquals(errors, []);
});

Deno.test("TLS: a connect that waits for a hand-shake ends by cancellation and time-out, and leaves nothing [I4, C8]", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 }); // it accepts, and says nothing
  const options = { ...listener.addresses[0], ...trusting, transport: "tls" } as const;
  await withLeakCheck(async () => {
    await assertRejects(() => connect({ ...options, timeout: 20 }), TimeoutError);
    assertEquals((await moveOnAfter(20, () => connect(options))).timedOut, true);
  });
  await waitAllTasksBlocked(); // one that connected just then has been closed
});

Deno.test("TLS: wherever a cancellation meets a connect, no connection is left open [C7]", async () => {
  await withServer({ onError: () => {} }, async (address) => {
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      await interrupt(async () => (await connect({ ...address, ...trusting })).close());
    });
    assert(interrupted > 2);
  });
});

Deno.test("reload: new connections get the new certificate, open ones and those that waited live on", async () => {
  using listener = listen(where());
  const [address] = listener.addresses;
  await nursery(async (services) => {
    services.spawn(() =>
      serve(listener, async (stream) => {
        for await (const chunk of stream) await stream.write(chunk);
      }, { onError: () => {} })
    );
    using open = await connect({ ...address, ...trusting });
    await listener.reload(SECOND);
    assertEquals(listener.addresses, [address]);
    await assertRejects(() => connect({ ...address, ...trusting }), Deno.errors.InvalidData);
    using other = await connect({ ...address, caCerts: [SECOND.authority] });
    for (const stream of [open, other]) {
      await stream.write(bytes("still here"));
      assertEquals(text(await stream.readExactly(10)), "still here");
    }
    services.cancel();
  });
});

Deno.test("reload: what the system holds when nobody accepts is not lost", async () => {
  using listener = listen(where());
  const { port } = listener.addresses[0];
  const waiting: SocketStream[] = [];
  for (let i = 0; i < 20; i++) waiting.push(await connect({ port }));
  await listener.reload(SECOND);
  assertEquals([listener.stats().accepted, listener.stats().active], [20, 20]);
  const ports = new Set<number>();
  for (let i = 0; i < 20; i++) {
    using stream = await listener.accept({ timeout: 60_000 });
    ports.add(stream.remoteAddress.port);
  }
  assertEquals(ports.size, 20);
  for (const stream of waiting) stream.close();
});

Deno.test("reload: what cannot be read or does not match is an error, and the old certificate stays", async () => {
  await withServer({}, async (address) => {
    using listener = listen(where());
    const broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    await assertRejects(() => listener.reload({ cert: broken, key: FIRST.key }));
    await assertRejects(() => listener.reload({ cert: SECOND.cert, key: FIRST.key }), Error, "key");
    assertThrows(() => listener.reload({ cert: "", key: FIRST.key }), TypeError, "'cert'");
    using plain = listen({ hostname: "127.0.0.1", port: 0 });
    assertThrows(() => plain.reload(FIRST), TypeError, `as it has none. Listen with transport`);
    const accepting = listener.accept().then((stream) => stream.handshake().then(() => stream));
    using here = await connect({ ...listener.addresses[0], ...trusting });
    (await accepting).close();
    assertEquals(here.encrypted, true);
    listener.close();
    await assertRejects(() => listener.reload(FIRST), Error, "the listener is closed");
    assertEquals(await echoed(address, "x"), "x");
  });
});

Deno.test("TLS: certificates that cannot be read, or do not match, are errors of listen", () => {
  const broken = "-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
  assertThrows(
    () => listen({ ...where(), cert: broken }),
    Error,
    "Cannot listen on 127.0.0.1:0 as",
  );
  assertThrows(
    () => listen({ ...where(), key: SECOND.key }),
    Error,
    "Cannot listen on 127.0.0.1:0 as",
  );
});

Deno.test("TLS: a bad argument throws at the call, and never shows a key", () => {
  const listening = (options: unknown) => () => listen(options as ListenTlsOptions);
  const { cert, key } = FIRST;
  const error = assertThrows(
    listening({ transport: "tls", port: 0, cert, key: "secret" }),
    TypeError,
    "'key' must be the text of a PEM file: received another text",
  );
  assert(!error.message.includes("secret"));
  assertThrows(listening({ transport: "tls", port: 0 }), TypeError, "'cert'");
  assertThrows(listening({ port: 0, cert, key }), TypeError, `Pass transport: "tls"`);
  assertThrows(listening({ ...where(), alpnProtocols: "h2" }), TypeError, "'alpnProtocols'");
  assertThrows(listening({ ...where(), transport: "quic" }), TypeError, `received "quic"`);
  const connecting = (options: object) => () =>
    connect({ transport: "tls", port: 1, ...options } as ConnectTlsOptions);
  assertThrows(connecting({ caCerts: "x" }), TypeError, "'caCerts' must be an array");
  assertThrows(connecting({ caCerts: ["x"] }), TypeError, "what is in 'caCerts' must be the text");
  assertThrows(connecting({ servername: "" }), TypeError, "'servername'");
  assertThrows(connecting({ alpnProtocols: [1] }), TypeError, "'alpnProtocols'");
});
