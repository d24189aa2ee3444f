import { assert, assertEquals, assertThrows } from "@std/assert";
import { datagrams } from "../../mod.ts";
import { program } from "./program.ts";

/** Runs a program that checks datagrams, with Deno's flag for them, and gives what it prints. */
async function withFlag(source: string): Promise<string[]> {
  await using run = await program(source, { flags: ["--unstable-net", "--allow-net=127.0.0.1"] });
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stderr], [0, ""]);
  return stdout.trimEnd().split("\n");
}

const SETUP = `
  const HERE = { hostname: "127.0.0.1", port: 0 };
  const bytes = (text) => new TextEncoder().encode(text);
  const text = (bytes) => new TextDecoder().decode(bytes);
  const message = (error) => error.name + ": " + error.message.replaceAll(/:\\d+/g, ":PORT");
`;

Deno.test("datagrams: without the flag it is an error at the call, which names the flag", async () => {
  await using run = await program(`
    try { grove.datagrams(); } catch (error) { console.log(error.message); }
  `);
  assertEquals(
    (await run.end()).stdout,
    "Cannot open datagrams as Deno has them behind a flag. Run it with --unstable-net\n",
  );
});

Deno.test("datagrams: without the permission, and with a port in use, it is an error that says so", async () => {
  await using run = await program(
    `try { grove.datagrams({ port: 53 }); } catch (error) { console.log(error.message); }`,
    { flags: ["--unstable-net"] },
  );
  assertEquals(
    (await run.end()).stdout,
    "Cannot listen on 0.0.0.0:53 as the program is not permitted to. Run it with --allow-net=0.0.0.0:53\n",
  );
  const [inUse] = await withFlag(`${SETUP}
    using one = grove.datagrams(HERE);
    try { grove.datagrams(one.address); } catch (error) { console.log(message(error)); }
  `);
  assert(inUse.startsWith("AddrInUse: Cannot listen on 127.0.0.1:PORT as the port is in use"));
});

Deno.test("datagrams: they arrive whole, with the address of their sender, and end with the socket", async () => {
  assertEquals(
    await withFlag(`${SETUP}
      const server = grove.datagrams(HERE);
      using client = grove.datagrams(HERE);
      await grove.taskGroup(async (group) => {
        group.spawn(async () => {
          for await (const { data, address } of server) {
            await server.send(bytes(text(data).toUpperCase()), address);
          }
          console.log("ended");
        });
        for (const each of ["one", "", "x".repeat(60_000)]) {
          await client.send(bytes(each), server.address);
          const { data, address } = await client.receive();
          console.log(data.length, text(data).slice(0, 3), address.port === server.address.port);
        }
        server.close();
      });
      await server.receive().catch((error) => console.log(message(error)));
      await server.send(bytes("x"), client.address).catch((error) => console.log(message(error)));
    `),
    [
      "3 ONE true",
      "0  true",
      "60000 XXX true",
      "ended",
      "ClosedError: Cannot receive a datagram on 127.0.0.1:PORT as the socket is closed. Open another one",
      "ClosedError: Cannot send a datagram from 127.0.0.1:PORT as the socket is closed. Open another one",
    ],
  );
});

Deno.test("datagrams: waits end by time-out, cancellation, stop and close, and lose no datagram [I4, C8, C10]", async () => {
  assertEquals(
    await withFlag(`${SETUP}
      using socket = grove.datagrams(HERE);
      using other = grove.datagrams(HERE);
      await socket.receive({ timeout: 1 }).catch((error) => console.log(error.name));
      console.log((await grove.moveOnAfter(1, () => socket.receive())).timedOut);
      await other.send(bytes("kept"), socket.address);
      console.log(text((await socket.receive()).data));
      const waiting = [socket.receive(), socket.receive()];
      for (const each of ["first", "second"]) await other.send(bytes(each), socket.address);
      for (const { data } of await Promise.all(waiting)) console.log(text(data));
      await grove.taskGroup(async (group) => {
        const loop = group.spawn(async () => { for await (const _ of socket); return "stopped"; });
        await grove.sleep(1);
        group.stop();
        console.log(await loop);
      });
      await other.send(bytes("for select"), socket.address);
      const { key, value } = await grove.select({ socket, quiet: grove.after(60_000) });
      console.log(key, text(value.data));
      using selector = new grove.Selector();
      selector.register(socket, "read", "udp");
      await other.send(bytes("for a selector"), socket.address);
      const [{ data, chunk }] = await selector.select({ timeout: 60_000 });
      console.log(data, text(chunk.data));
      await other.send(new Uint8Array(70_000), socket.address).catch((e) => console.log(message(e)));
      const signal = AbortSignal.abort(new Error("not sent"));
      await other.send(bytes("x"), socket.address, { signal }).catch((e) => console.log(message(e)));
      await socket.receive({ timeout: 20 }).catch((error) => console.log(error.name));
    `),
    [
      "TimeoutError",
      "true",
      "kept",
      "first",
      "second",
      "stopped",
      "socket for select",
      "udp for a selector",
      "Error: Cannot send a datagram to 127.0.0.1:PORT as it is too long: 70000 bytes. Send it in several",
      "Error: not sent",
      "TimeoutError",
    ],
  );
});

Deno.test("datagrams: what does not make sense throws at the call", async () => {
  const given = (options: unknown) => () => datagrams(options as { port: number });
  assertThrows(given({ port: -1 }), RangeError, "Cannot open datagrams as 'port'");
  assertThrows(given({ port: "1" }), TypeError, "'port' must be a number");
  assertThrows(given({ hostname: 1 }), TypeError, "'hostname'");
  assertEquals(
    await withFlag(`${SETUP}
      using socket = grove.datagrams(HERE);
      for (const args of [["x", HERE], [bytes("x"), { port: 70000 }], [bytes("x")]]) {
        try { socket.send(...args); } catch (error) { console.log(error.name); }
      }
    `),
    ["TypeError", "RangeError", "TypeError"],
  );
});
