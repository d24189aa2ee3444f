import { assert, assertEquals, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import {
  ClosedError,
  connect,
  formatTree,
  listen,
  type Listener,
  type ListenUnixOptions,
  nursery,
  serve,
  type SocketAddress,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { FIRST } from "./certificates.ts";
import { bytes, readAll, text } from "./pair.ts";
import { program } from "./program.ts";

/** Calls the body with the path of a socket that is not there yet. */
async function withPath(body: (path: string) => Promise<void> | void): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "unix-" });
  try {
    await body(`${folder}/service.sock`);
    await waitAllTasksBlocked(); // an accept that was under way has ended
    assertEquals([...Deno.readDirSync(folder)], []); // nothing is left behind
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function isSocket(path: string): boolean {
  return Deno.lstatSync(path).isSocket === true;
}

Deno.test("Unix: bytes go both ways, and the ends tell the path", () =>
  withPath(async (path) => {
    using listener = listen({ path });
    assertEquals(listener.addresses, [{ transport: "unix", path }]);
    using here = await connect(listener.addresses[0]);
    using there = await listener.accept();
    assertEquals(here.remoteAddress, { transport: "unix", path });
    assertEquals([there.remoteAddress.path, there.name, here.name], ["", path, path]);
    assertEquals(here.encrypted, false);
    await here.handshake(); // nothing to do
    await here.write(bytes("question"));
    await here.closeWrite();
    assertEquals(await readAll(there), "question");
    await there.write(bytes("answer"));
    assertEquals(text(await here.readExactly(6)), "answer");
  }));

Deno.test("Unix: the file goes when the listener is closed, and can be had again at once", () =>
  withPath((path) => {
    for (let i = 0; i < 3; i++) {
      using _ = listen({ transport: "unix", path });
      assert(isSocket(path));
    }
  }));

Deno.test("Unix: closed while somebody accepts, the file of a listener after it is not removed", () =>
  withPath(async (path) => {
    const first = listen({ path });
    const accepting = assertRejects(() => first.accept(), ClosedError);
    first.close();
    await accepting;
    let second;
    while (second === undefined) {
      try {
        second = listen({ path });
      } catch (error) {
        assertInstanceOf(error, Deno.errors.AddrInUse);
        await yieldNow();
      }
    }
    for (let i = 0; i < 5; i++) await waitAllTasksBlocked();
    assert(isSocket(path));
    second.close();
  }));

Deno.test("Unix: where somebody listens it is an AddrInUse, in this process and in others", () =>
  withPath(async (path) => {
    using _ = listen({ path });
    const error = assertThrows(() => listen({ path }), Deno.errors.AddrInUse);
    assertEquals(
      error.message,
      `Cannot listen on ${path} as the file is there already. ` +
        "Stop the program that listens there; if none does, remove the file",
    );
    await using other = await program(
      `try { grove.listen({ path: "${path}" }); } catch (error) { console.log(error.name); }`,
      { flags: ["--allow-net", "--allow-read", "--allow-write"] },
    );
    assertEquals((await other.end()).stdout, "AddrInUse\n");
    using stream = await connect({ path }); // it still is there
    assertEquals(stream.closed, false);
  }));

Deno.test("Unix: what a program that was killed has left behind is replaced", () =>
  withPath(async (path) => {
    await using killed = await program(
      `grove.listen({ path: "${path}" }); console.log("listening"); setInterval(() => {}, 1000);`,
      { flags: ["--allow-net", "--allow-read", "--allow-write"] },
    );
    await killed.printed(/listening/);
    assertThrows(() => listen({ path }), Deno.errors.AddrInUse);
    killed.kill("SIGKILL");
    await killed.end();
    assert(isSocket(path));
    await assertRejects(
      () => connect({ path }),
      Deno.errors.ConnectionRefused,
      `Cannot connect to ${path} as nobody listens there`,
    );
    using listener = listen({ path });
    using here = await connect({ path });
    (await listener.accept()).close();
    assertEquals(await readAll(here), "");
  }));

Deno.test("Unix: the socket of another kind of program, and other files, are not touched", () =>
  withPath((path) => {
    const other = Deno.listen({ transport: "unix", path });
    assertThrows(() => listen({ path }), Deno.errors.AddrInUse);
    assert(isSocket(path));
    other.close();
    Deno.writeTextFileSync(path, "precious");
    Deno.writeTextFileSync(`${path}.lock`, ""); // left behind
    assertThrows(() => listen({ path }), Deno.errors.AddrInUse);
    assertEquals(Deno.readTextFileSync(path), "precious");
    Deno.removeSync(path);
  }));

Deno.test("Unix: without a folder, with too long a path, and without the permission it is an error that says so", async () => {
  await withPath(async (path) => {
    assertThrows(
      () => listen({ path: `${path}/x` }),
      Deno.errors.NotFound,
      "its folder is not there. Make the folder",
    );
    assertThrows(() => listen({ path: path + "x".repeat(200) }), TypeError, "the path is too long");
    await assertRejects(
      () => connect({ path }),
      Deno.errors.NotFound,
      `Cannot connect to ${path} as there is no such file. Start the server`,
    );
  });
  await using run = await program(`
    for (const attempt of [grove.listen, grove.connect]) {
      try { await attempt({ path: "/tmp/x.sock" }); } catch (error) { console.log(error.message); }
    }
  `);
  const advice = "Run it with --allow-net=unix:/tmp/x.sock --allow-read=/tmp/x.sock " +
    "--allow-write=/tmp/x.sock";
  assertEquals((await run.end()).stdout.split("\n").slice(0, 2), [
    `Cannot listen on /tmp/x.sock as the program is not permitted to. ${advice},/tmp/x.sock.lock`,
    `Cannot connect to /tmp/x.sock as the program is not permitted to. ${advice}`,
  ]);
});

Deno.test("Unix: a bad argument throws at the call", () => {
  const given = (options: unknown) => () => listen(options as ListenUnixOptions);
  assertThrows(given({ path: 1 }), TypeError, "'path' must be a string: received 1");
  assertThrows(given({ path: "" }), RangeError, "'path' must not be empty");
  assertThrows(given({ transport: "unix" }), TypeError, "'path'");
  assertThrows(
    given({ path: "/tmp/x", transport: "tcp", port: 1 }),
    TypeError,
    "Leave one of them",
  );
  assertThrows(given([]), TypeError, "Cannot listen as there is no address to listen on");
});

Deno.test("listen: several addresses are one listener, and none of them can shut out the others", () =>
  withPath(async (path) => {
    using listener = listen([
      { hostname: "127.0.0.1", port: 0 },
      { hostname: "127.0.0.1", port: 0 },
      { path },
    ]);
    const { addresses } = listener;
    assertEquals(addresses.map(({ transport }) => transport), ["tcp", "tcp", "unix"]);
    // Ten wait at the first before one comes to each of the others.
    const clients = [];
    for (let i = 0; i < 10; i++) clients.push(await connect(addresses[0]));
    for (const address of addresses.slice(1)) clients.push(await connect(address));
    const order: SocketAddress[] = [];
    for (const _ of clients) {
      using stream = await listener.accept();
      order.push(stream.localAddress);
    }
    for (const address of addresses.slice(1)) {
      const place = order.findIndex((each) => JSON.stringify(each) === JSON.stringify(address));
      assert(place >= 0 && place < 6, `its turn was number ${place}`);
    }
    for (const client of clients) client.close();
  }));

Deno.test("listen: all of several addresses are accepted from at once, by one task, and closed together", () =>
  withPath(async (path) => {
    const listener = listen([{ hostname: "127.0.0.1", port: 0 }, { path }]);
    await taskGroup(async (group) => {
      const first = group.spawn(() => listener.accept(), { name: "acceptor" });
      await waitAllTasksBlocked();
      const [{ port }] = listener.addresses as [{ port: number }, unknown];
      assert(formatTree().includes(`waits for connection to "127.0.0.1:${port} and ${path}"`));
      using _client = await connect({ path });
      (await first).close();
      listener.close();
      await waitAllTasksBlocked();
      await assertRejects(() => connect({ path }), Deno.errors.NotFound);
      await assertRejects(() => connect({ port }), Deno.errors.ConnectionRefused);
    });
  }));

Deno.test("listen: if one of several addresses cannot be had, none is kept", () =>
  withPath((path) => {
    using taken = listen({ hostname: "127.0.0.1", port: 0 });
    assertThrows(() => listen([{ path }, taken.addresses[0]]), Deno.errors.AddrInUse);
    listen({ path }).close();
    assertThrows(
      () => listen([{ path }, { port: -1 }]),
      RangeError,
      "'port' must be a whole number",
    );
  }));

Deno.test("serve: several addresses are one server, whose counts add up [I7]", () =>
  withPath(async (path) => {
    await nursery(async (services) => {
      const source = [{ hostname: "127.0.0.1", port: 0 }, { path }] as const;
      const listener = listen(source);
      services.spawn(() =>
        serve(listener, async (stream) => {
          const word = text(await stream.readExactly(4));
          if (word === "fail") throw new Error("as asked");
          await stream.write(bytes(stream.localAddress.transport));
          if (word === "wait") await readAll(stream);
        }, { onError: () => {} })
      );
      const transports: string[] = [];
      for (const address of listener.addresses) {
        for (const word of ["wait", "quit", "fail"]) {
          using stream = await connect(address);
          await stream.write(bytes(word));
          if (word === "wait") await stream.closeWrite();
          transports.push(await readAll(stream));
        }
      }
      assertEquals(transports, ["tcp", "tcp", "", "unix", "unix", ""]);
      using left = await connect({ path });
      while (listener.stats().accepted < 7) await waitAllTasksBlocked();
      assertEquals(listener.stats(), {
        accepted: 7,
        active: 1,
        closed: { ended: 2, closed: 2, idle: 0, failed: 2, cancelled: 0 },
        failures: 0,
        waiting: 1,
      });
      assert(Object.isFrozen(listener.stats()) && Object.isFrozen(listener.stats().closed));
      services.cancel();
      await waitAllTasksBlocked().catch(() => {});
      const { active, closed } = listener.stats();
      assertEquals([active, closed.cancelled], [0, 1]);
      left.close();
    });
  }));

Deno.test("serve: it listens on what listen does: several addresses, of several kinds", () =>
  withPath(async (path) => {
    await nursery(async (services) => {
      const { addresses } = await services.start<Listener<SocketAddress>>((_task, started) =>
        serve(
          [{ hostname: "127.0.0.1", port: 0 }, { path }, {
            transport: "tls",
            hostname: "127.0.0.1",
            port: 0,
            cert: FIRST.cert,
            key: FIRST.key,
          }],
          (stream) => stream.write(bytes(stream.localAddress.transport)),
          { started },
        )
      );
      const answers: string[] = [];
      for (const address of addresses) {
        using stream = address.transport === "tls"
          ? await connect({ ...address, caCerts: [FIRST.authority] })
          : await connect(address);
        answers.push(await readAll(stream));
      }
      assertEquals(answers, ["tcp", "unix", "tls"]);
      services.cancel();
    });
    assertThrows(() => serve([], () => {}), TypeError, "Cannot serve as there is no address");
    assertThrows(() => serve({ path: "" }, () => {}), RangeError, "Cannot serve as 'path'");
  }));
