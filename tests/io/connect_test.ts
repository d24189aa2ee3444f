import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { type ConnectOptions, moveOnAfter, type SocketStream, TimeoutError } from "../../mod.ts";
import * as grove from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { connect, listen, testOverBoth } from "./backends.ts";
import { FakeConnection } from "./fake_connection.ts";
import { program } from "./program.ts";

/** A listener that is full: whoever connects next waits. */
async function fullListener() {
  // By Deno's sockets: node:net accepts whether it is asked to or not.
  const listener = grove.listen({ hostname: "127.0.0.1", port: 0, backlog: 1 });
  const open: SocketStream[] = [];
  // Twice, as the first may have been in time for the system and not for us: it takes its place there.
  for (let late = 0; late < 2;) {
    const { timedOut, value } = await moveOnAfter(50, () => connect(listener.addresses[0]));
    if (timedOut) late++;
    else open.push(value);
  }
  return {
    address: listener.addresses[0],
    [Symbol.dispose]: () => {
      for (const stream of open) stream.close();
      listener.close();
    },
  };
}

testOverBoth("connect: an address of a listener is all it needs", async () => {
  using listener = listen({ hostname: "127.0.0.1", port: 0 });
  using stream = await connect(listener.addresses[0]);
  assertEquals(stream.remoteAddress, listener.addresses[0]);
});

testOverBoth("connect: where nobody listens it is a ConnectionRefused that says so", async () => {
  const listener = listen({ hostname: "127.0.0.1", port: 0 });
  listener.close();
  const [{ port }] = listener.addresses;
  await assertRejects(
    () => connect({ port }),
    Deno.errors.ConnectionRefused,
    `Cannot connect to 127.0.0.1:${port} as nobody listens there. Start the server`,
  );
});

testOverBoth("connect: without the permission it is a NotCapable that names the flag", async () => {
  await using run = await program(`
    await grove.connect({ port: 8000 }).catch((error) =>
      console.log(error instanceof Deno.errors.NotCapable, error.message)
    );
  `);
  assertEquals(
    (await run.end()).stdout,
    "true Cannot connect to 127.0.0.1:8000 as the program is not permitted to. " +
      "Run it with --allow-net=127.0.0.1:8000\n",
  );
});

testOverBoth("connect: an attempt ends by cancellation, time-out and signal [I4, C8]", async () => {
  using full = await fullListener();
  await withLeakCheck(async () => {
    await assertRejects(() => connect({ ...full.address, timeout: 5 }), TimeoutError);
    assertEquals((await moveOnAfter(5, () => connect(full.address))).timedOut, true);
    const why = new Error("enough");
    const controller = new AbortController();
    const attempt = connect({ ...full.address, signal: controller.signal }).catch((e) => e);
    controller.abort(why);
    assertStrictEquals(await attempt, why);
    assertStrictEquals(
      await connect({ ...full.address, signal: AbortSignal.abort(why) }).catch((e) => e),
      why,
    );
  });
});

testOverBoth(
  "connect: wherever a cancellation meets it, no connection is left open [C7]",
  async () => {
    using listener = listen({ hostname: "127.0.0.1", port: 0 });
    // A connection that nobody holds would be found by the sanitizer of resources.
    const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
      await interrupt(async () => (await connect(listener.addresses[0])).close());
    });
    assert(interrupted > 1);
  },
);

Deno.test(
  "connect: an attempt that succeeds just when it is given up leaves no connection open [C7]",
  async () => {
    const native = new FakeConnection();
    const { promise, resolve } = Promise.withResolvers<FakeConnection>();
    const original = Deno.connect;
    Deno.connect = (() => promise) as unknown as typeof Deno.connect;
    try {
      await assertRejects(() => grove.connect({ port: 1, timeout: 1 }), TimeoutError);
    } finally {
      Deno.connect = original;
    }
    assertEquals(native.closed, false);
    resolve(native);
    await waitAllTasksBlocked();
    assertEquals(native.closed, true);
  },
);

Deno.test("connect: a small write does not wait for the one before to be confirmed", async () => {
  const native = new FakeConnection();
  const original = Deno.connect;
  Deno.connect = (() => Promise.resolve(native)) as unknown as typeof Deno.connect;
  try {
    using _stream = await grove.connect({ port: 1 });
    assertEquals(native.noDelay, true);
  } finally {
    Deno.connect = original;
  }
});

testOverBoth("connect: a bad argument throws at the call", () => {
  const given = (options: unknown) => () => connect(options as ConnectOptions);
  assertThrows(given(8000), TypeError, "Cannot connect as the options must be an object");
  assertThrows(given({ port: 70000 }), RangeError, "received 70000");
  assertThrows(given({ port: 1, timeout: -1 }), RangeError, "'timeout'");
  assertThrows(given({ port: 1, signal: 1 }), TypeError, "'signal'");
});
