import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Cancelled,
  ClosedError,
  formatTree,
  inspect,
  type Listener,
  moveOnAfter,
  sleep,
  type SocketStream,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
} from "../../primitives/testing/mod.ts";
import { socketAddress } from "../../io/address.ts";
import { Listener as NativeListening } from "../../io/listener.ts";
import { connect, listen, testOverBoth } from "./backends.ts";
import { FakeConnection } from "./fake_connection.ts";
import { failingListener, systemError } from "./fake_listener.ts";
import { bytes, text } from "./pair.ts";
import { program } from "./program.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };

/** Connects, says its name, and leaves. */
async function client(listener: Listener, name: string): Promise<void> {
  using stream = await connect(listener.addresses[0]);
  await stream.write(bytes(name));
}

/** What a client has said. */
async function nameOf(stream: SocketStream): Promise<string> {
  using _ = stream;
  return text(await stream.readExactly(1));
}

testOverBoth("listen: it tells its address, with the port that was free", () => {
  using listener = listen(HERE);
  const [{ transport, hostname, port }] = listener.addresses;
  assertEquals([transport, hostname], ["tcp", "127.0.0.1"]);
  assert(port > 0);
});

testOverBoth(
  "listen: a port in use is an AddrInUse that says so; closed, it is free at once",
  () => {
    const listener = listen(HERE);
    const address = listener.addresses[0];
    const error = assertThrows(() => listen(address), Deno.errors.AddrInUse);
    assertEquals(
      error.message,
      `Cannot listen on 127.0.0.1:${address.port} as the port is in use. ` +
        "Stop the program that uses it, or take another port (0 takes a free one)",
    );
    assertInstanceOf(error.cause, Deno.errors.AddrInUse);
    listener.close();
    listen(address).close();
  },
);

testOverBoth("listen: an address of another machine is an AddrNotAvailable that says so", () => {
  assertThrows(
    () => listen({ hostname: "192.0.2.1", port: 0 }),
    Deno.errors.AddrNotAvailable,
    "Cannot listen on 192.0.2.1:0 as this machine has no such address",
  );
});

testOverBoth("listen: without the permission it is a NotCapable that names the flag", async () => {
  await using run = await program(`
    try {
      grove.listen({ hostname: "127.0.0.1", port: 8000 });
    } catch (error) {
      console.log(error instanceof Deno.errors.NotCapable, error.message);
    }
  `);
  assertEquals(
    (await run.end()).stdout,
    "true Cannot listen on 127.0.0.1:8000 as the program is not permitted to. " +
      "Run it with --allow-net=127.0.0.1:8000\n",
  );
});

testOverBoth("listen: a bad argument throws before anything happens", () => {
  const given = (options: unknown) => () => listen(options as { port: number });
  assertThrows(given(undefined), TypeError, "Cannot listen as the options must be an object");
  assertThrows(given({}), TypeError, "'port' must be a number: received undefined");
  assertThrows(given({ port: "80" }), TypeError, `received "80"`);
  for (const port of [-1, 65536, 70000, 1.5, NaN]) {
    assertThrows(
      given({ port }),
      RangeError,
      `Cannot listen as 'port' must be a whole number from 0 to 65535: received ${port}`,
    );
  }
  assertThrows(given({ port: 0, hostname: 1 }), TypeError, "'hostname' must be a string");
  assertThrows(given({ port: 0, backlog: 0 }), RangeError, "'backlog'");
});

testOverBoth(
  "Listener: several who accept get the connections in the order in which they asked",
  async () => {
    using listener = listen(HERE);
    await taskGroup(async (group) => {
      const takers = [1, 2, 3].map(() => group.spawn(async () => nameOf(await listener.accept())));
      await waitAllTasksBlocked();
      for (const name of "abc") await client(listener, name);
      assertEquals([await takers[0], await takers[1], await takers[2]], ["a", "b", "c"]);
    });
  },
);

testOverBoth(
  "Listener: an accept ends by cancellation, time-out and signal, and no connection is lost [I4, C8]",
  async () => {
    using listener = listen(HERE);
    await withLeakCheck(async () => {
      assertEquals((await moveOnAfter(1, () => listener.accept())).timedOut, true);
      await assertRejects(() => listener.accept({ timeout: 0 }), TimeoutError, "connection to");
      const why = new Error("enough");
      const signal = AbortSignal.abort(why);
      assertStrictEquals(await listener.accept({ signal }).catch((error) => error), why);
    });
    for (const name of "ab") await client(listener, name);
    assertEquals(await nameOf(await listener.accept()), "a");
    assertEquals(await nameOf(await listener.accept({ timeout: 60_000 })), "b");
  },
);

testOverBoth(
  "Listener: wherever a cancellation meets an accept, the connection goes to it or to the next [C7]",
  async () => {
    await interruptAtEveryStep(async (interrupt) => {
      using listener = listen(HERE);
      const calling = client(listener, "x");
      let stream: SocketStream | undefined;
      await interrupt(async () => {
        stream = await listener.accept();
      });
      stream ??= await listener.accept({ timeout: 60_000 });
      assertEquals(await nameOf(stream), "x");
      await calling;
    });
  },
);

testOverBoth(
  "Listener: iteration ends when the scope is stopped, and leaves the listener open [C10, I3]",
  async () => {
    using listener = listen(HERE);
    const names: string[] = [];
    await taskGroup(async (group) => {
      const accepting = group.spawn(async () => {
        for await (const stream of listener) names.push(await nameOf(stream));
      });
      await client(listener, "a");
      await waitAllTasksBlocked();
      while (names.length === 0) await sleep(1);
      group.stop();
      await accepting;
    });
    assertEquals([names, listener.closed], [["a"], false]);
  },
);

testOverBoth("Listener: leaving the iteration early leaves it open", async () => {
  using listener = listen(HERE);
  await Promise.all([client(listener, "a"), client(listener, "b")]);
  for await (const stream of listener) {
    stream.close();
    break;
  }
  (await listener.accept()).close();
});

testOverBoth("Listener: closing it ends those who accept, and the iteration", async () => {
  const listener = listen(HERE);
  await taskGroup(async (group) => {
    const accept = group.spawn(() => assertRejects(() => listener.accept(), ClosedError));
    const iteration = group.spawn(async () => {
      for await (const stream of listener) stream.close();
    });
    await waitAllTasksBlocked();
    listener.close();
    listener.close();
    await accept;
    await iteration;
  });
  await assertRejects(() => listener.accept(), ClosedError, "Cannot accept a connection on");
});

testOverBoth("Listener: a connection that came when nobody waited is closed with it", async () => {
  const listener = listen(HERE);
  await moveOnAfter(1, () => listener.accept());
  using stream = await connect(listener.addresses[0]);
  await waitAllTasksBlocked();
  listener.close();
  assertEquals(await stream.read(new Uint8Array(1)).catch(() => null), null);
});

testOverBoth(
  "Listener: an error that passes is thrown by accept, and only waited for by the iteration [I1]",
  async () => {
    using strict = failingListener(systemError("EMFILE"));
    await Promise.all([
      assertRejects(
        () => strict.accept(),
        Error,
        "as the process has too many files and sockets open",
      ),
      client(strict, "a").catch(() => {}),
    ]);
    assertEquals(await nameOf(await strict.accept()), "a");

    using listener = failingListener(
      systemError("ECONNABORTED"),
      systemError("EMFILE"),
      systemError("ENFILE"),
    );
    const calling = client(listener, "b");
    for await (const stream of listener) {
      assertEquals(await nameOf(stream), "b");
      break;
    }
    await calling;
  },
);

testOverBoth("Listener: an error that lasts ends the iteration [I1]", async () => {
  using listener = failingListener(systemError("EINVAL"));
  await assertRejects(
    async () => {
      for await (const stream of listener) stream.close();
    },
    Error,
    `Cannot accept a connection on 127.0.0.1:${
      listener.addresses[0].port
    } as of an error: EINVAL (os error)`,
  );
});

testOverBoth("Listener: the tree of tasks tells who accepts where", async () => {
  using listener = listen(HERE);
  await taskGroup(async (group) => {
    group.spawn(() => listener.accept(), { name: "acceptor" });
    await waitAllTasksBlocked();
    const { port } = listener.addresses[0];
    const text = formatTree();
    assert(text.includes(`acceptor `), text);
    assert(text.includes(`waits for connection to "127.0.0.1:${port}"`), text);
    group.cancel();
  }).catch((error) => assertInstanceOf(error, Cancelled));
});

testOverBoth(
  "Listener: inspect() shows it where it was made, with its connections, until it is closed",
  async () => {
    const shown = () =>
      inspect().children.flatMap(({ name, children }) =>
        children.filter(({ kind }) => kind === "listener").map((node) => [name, node] as const)
      );
    await taskGroup(async () => {
      const listener = listen(HERE);
      const { port } = listener.addresses[0];
      using _client = await connect(listener.addresses[0]);
      using _stream = await listener.accept();
      const [[where, node]] = shown();
      assertEquals([where, node.name], ["owner", `127.0.0.1:${port}`]);
      assertEquals(node.details, { accepted: 1, active: 1, failures: 0, waiting: 0 });
      listener.close();
      assertEquals(shown(), []);
    }, { name: "owner" });
  },
);

testOverBoth(
  "Listener: one that outlives the group it was made in is shown in the one around",
  async () => {
    const listener = await taskGroup(() => listen(HERE));
    const [node] = inspect().children;
    assertEquals(node.kind, "listener");
    listener.close();
    assertEquals(inspect().children, []);
  },
);

Deno.test("Listener: the connections it accepts send small pieces at once", async () => {
  const connection = new FakeConnection();
  const native = {
    addr: connection.localAddr,
    accept: () => Promise.resolve(connection),
    close: () => {},
  };
  using listener = new NativeListening([{ native, address: socketAddress(native.addr) }]);
  using _stream = await listener.accept();
  assertEquals(connection.noDelay, true);
});
