/**
 * What networks and peers do to servers. Each of these ends with the same questions: is the server alive,
 * does it answer with the right bytes, have all connections been accounted for, and was nothing left.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import {
  type ConnectionHandler,
  isCancelled,
  type Listener,
  type Nursery,
  nursery,
  type ServeOptions,
  sleep,
  type SocketStream,
  taskGroup,
  type TcpAddress,
  TooLongError,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { connect, currentBackend, listen, serve, testOverBoth } from "./backends.ts";
import { bytes, readAll, text } from "./pair.ts";
import { program } from "./program.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };

const echo: ConnectionHandler = async (stream) => {
  for await (const chunk of stream) await stream.write(chunk);
};

/** Sends lines back in capitals. */
const shout: ConnectionHandler = async (stream) => {
  for await (const line of stream.lines({ max: 100 })) {
    await stream.write(bytes(line.toUpperCase() + "\n"));
  }
};

/** Runs a server until the body has ended, and checks that it still is what it was. */
async function withServer(
  handler: ConnectionHandler,
  options: ServeOptions<TcpAddress>,
  body: (listener: Listener, services: Nursery) => Promise<void>,
): Promise<Listener> {
  const listener = listen(HERE);
  await nursery(async (services) => {
    services.spawn(() => serve(listener, handler, options));
    await body(listener, services);
    assertEquals(await ask(listener.addresses[0], "alive\n"), "alive\n");
    services.stop({ grace: 60_000 });
  });
  const { accepted, active, closed } = listener.stats();
  assertEquals(active, 0);
  assertEquals(accepted, Object.values(closed).reduce((sum, each) => sum + each));
  return listener;
}

/** Says something, and gives as much of the answer as the question was long. */
async function ask(address: TcpAddress, question: string): Promise<string> {
  using stream = await connect(address);
  await stream.write(bytes(question));
  const answer = text(await stream.readExactly(bytes(question).length));
  return question === "alive\n" ? answer.toLowerCase() : answer;
}

function recorder() {
  const errors: unknown[] = [];
  return { errors, onError: (error: unknown) => void errors.push(error) };
}

testOverBoth(
  "faults: a peer that resets in the middle of a write fails its own handler only [I1, I7]",
  async () => {
    const { errors, onError } = recorder();
    const listener = await withServer(
      async (stream) => {
        const question = text(await stream.readExactly(6));
        if (question === "alive\n") return await stream.write(bytes(question));
        await stream.write(new Uint8Array(2 ** 24));
      },
      { onError },
      async ({ addresses: [address] }) => {
        for (let i = 0; i < 10; i++) {
          using stream = await connect(address);
          await stream.write(bytes("flood\n"));
          await stream.readExactly(1000);
          // Closed with bytes that it has not read: the system resets the connection.
        }
        while (errors.length < 10) await sleep(1);
      },
    );
    assertEquals(listener.stats().closed.failed, 10);
    for (const error of errors) {
      assert(
        error instanceof Deno.errors.BrokenPipe || error instanceof Deno.errors.ConnectionReset,
        String(error),
      );
    }
  },
);

testOverBoth("faults: peers that have closed their half are answered all the same", async () => {
  await withServer(shout, {}, async ({ addresses: [address] }) => {
    await taskGroup((group) => {
      for (let i = 0; i < 50; i++) {
        group.spawn(async () => {
          using stream = await connect(address);
          await stream.write(bytes(`line ${i}\nunfinished`));
          await stream.closeWrite();
          assertEquals(await readAll(stream), `LINE ${i}\nUNFINISHED\n`);
        });
      }
    });
  });
});

testOverBoth(
  "faults: a peer that sends a line byte by byte, without an end, is closed as idle [I2]",
  async () => {
    const { errors, onError } = recorder();
    await nursery(async (services) => {
      const listener = listen(HERE);
      const [address] = listener.addresses;
      services.spawn(() => serve(listener, shout, { idleTimeout: 100, onError }));
      await taskGroup((group) => {
        for (let i = 0; i < 10; i++) group.spawn(() => drip(address));
      });
      assertEquals([listener.stats().closed.idle, errors], [10, []]);
      // And the server is there for the next one.
      using _ = await connect(address);
      while (listener.stats().accepted < 11) await sleep(1);
      services.cancel();
    });
  },
);

testOverBoth(
  "faults: while peers send lines byte by byte, without an end, others are served [I2]",
  async () => {
    await withServer(shout, { idleTimeout: 60_000 }, async ({ addresses: [address] }) => {
      await taskGroup(async (group) => {
        for (let i = 0; i < 10; i++) group.spawn(() => drip(address), { daemon: true });
        for (let i = 0; i < 10; i++) assertEquals(await ask(address, "quick\n"), "QUICK\n");
      });
    });
  },
);

/** Sends a line byte by byte, without an end, until it is cancelled or the server closes it. */
async function drip(address: TcpAddress): Promise<void> {
  await taskGroup(async (group) => {
    using stream = await connect(address);
    const ended = group.spawn(() => readAll(stream).catch(() => "reset"));
    try {
      // Never as long as the limit without a byte.
      while (ended.isAlive) {
        await stream.write(bytes("x"));
        await sleep(5);
      }
    } catch (error) {
      if (isCancelled(error)) throw error;
      // It was closed in our face.
    }
    assert(["", "reset"].includes(await ended));
  });
}

testOverBoth(
  "faults: lines and frames that are too long fail their own handlers only [I1, I2]",
  async () => {
    const { errors, onError } = recorder();
    const listener = await withServer(
      async (stream) => {
        const [kind] = await stream.readExactly(1);
        if (kind === 97) return await stream.write(bytes("alive\n"));
        if (kind === 76) { for await (const _ of stream.lines({ max: 1000 })); }
        else for await (const _ of stream.frames({ max: 1000 }));
      },
      { onError },
      async ({ addresses: [address] }) => {
        for (const start of [bytes("L" + "x".repeat(5000)), Uint8Array.of(70, 0, 1, 0, 0, 1)]) {
          using stream = await connect(address);
          await stream.write(start);
          await readAll(stream).catch(() => {});
        }
      },
    );
    assertEquals(errors.map((error) => error instanceof TooLongError), [true, true]);
    assertEquals(listener.stats().closed.failed, 2);
  },
);

/** Connects so many, or as many as this process may have open, both ends of each. */
async function connectMany(address: TcpAddress, most: number): Promise<SocketStream[]> {
  const all: SocketStream[] = [];
  try {
    while (all.length < most) all.push(await connect(address));
  } catch (error) {
    if ((error as { code?: string }).code !== "EMFILE") throw error;
    // Room for the server, which is here too.
    for (const stream of all.splice(-all.length / 2 - 100)) stream.close();
  }
  return all;
}

testOverBoth(
  "faults: five thousand connections at once are all served, and no byte is lost",
  async () => {
    await withServer(echo, {}, async ({ addresses: [address] }) => {
      const all = await connectMany(address, 5000);
      await taskGroup((group) => {
        all.forEach((stream, i) =>
          group.spawn(async () => {
            using _ = stream;
            for (let round = 0; round < 2; round++) {
              const question = `${round}/${i}`.repeat(20);
              await stream.write(bytes(question));
              assertEquals(text(await stream.readExactly(question.length)), question);
            }
          })
        );
      });
    });
  },
);

testOverBoth(
  "faults: stopped under load, a server ends; what it has answered was right [I3]",
  async () => {
    const listener = listen(HERE);
    const [address] = listener.addresses;
    let answers = 0;
    await nursery(async (services) => {
      const server = services.spawn(() => serve(listener, echo, { drain: 50, onError: () => {} }));
      const clients = services.spawn(() =>
        taskGroup((group) => {
          for (let i = 0; i < 100; i++) {
            group.spawn(async () => {
              for (let round = 0;; round++) {
                const question = `${i}:${round};`.repeat(50);
                try {
                  assertEquals(await ask(address, question), question);
                  answers++;
                } catch (error) {
                  // Refused, reset, or ended before the answer.
                  if ((error as Error).name === "AssertionError") throw error;
                  return;
                }
              }
            });
          }
        })
      );
      while (answers < 300) await sleep(1);
      server.stop({ grace: 60_000 });
      await server;
      await clients;
    });
    const { accepted, active, closed } = listener.stats();
    assertEquals([active, accepted >= 300], [0, true]);
    assertEquals(accepted, Object.values(closed).reduce((sum, each) => sum + each));
  },
);

/** Lets a program have so many files and sockets open, and no more. Deno has no call for it. */
const limitFiles = (most: number) => `
  // Deno opens some for the first signal that somebody listens to, itself included and late, and
  // panics where there are none left (2.9.6). So that is done while there are.
  Deno.addSignalListener("SIGUSR2", () => {});
  const libc = Deno.dlopen("libc.so.6", {
    setrlimit: { parameters: ["i32", "buffer"], result: "i32" },
  });
  const RLIMIT_NOFILE = 7;
  if (libc.symbols.setrlimit(RLIMIT_NOFILE, new BigUint64Array([${most}n, ${most}n])) !== 0) {
    throw new Error("cannot limit the files");
  }
  libc.close();
`;

testOverBoth(
  "faults: a process without descriptors goes on serving whom it has, and the others later [I1, I2]",
  withoutDescriptors,
  { ignore: Deno.build.os !== "linux" },
);

async function withoutDescriptors(): Promise<void> {
  await using server = await program(
    `
    ${limitFiles(80)}
    let reported = 0;
    await grove.nursery(async (services) => {
      const listener = await services.start((_task, started) =>
        grove.serve({ hostname: "127.0.0.1", port: 0, backend: "${currentBackend()}" }, async (stream) => {
          for await (const chunk of stream) await stream.write(chunk);
        }, {
          started,
          onError(error, peer) {
            if (peer !== undefined || reported++ > 0) return;
            console.log("short of descriptors:", error.code, error.message.includes("Raise its limit"));
          },
        })
      );
      console.log("port", listener.addresses[0].port);
    });
  `,
    { flags: ["--allow-net=127.0.0.1", "--allow-ffi"] },
  );
  const port = Number((await server.printed(/port (\d+)/))[1]);
  const address = { transport: "tcp", hostname: "127.0.0.1", port } as const;
  const streams: SocketStream[] = [];
  // More than it can have: the system holds the rest.
  for (let i = 0; i < 120; i++) streams.push(await connect(address));
  // Node's sockets say nothing of it.
  if (currentBackend() === "deno") await server.printed(/short of descriptors: EMFILE true/);
  await streams[0].write(bytes("still served"));
  assertEquals(text(await streams[0].readExactly(12)), "still served");
  // Each that leaves makes room for one that waits: all of them are served in the end.
  for (const [i, stream] of streams.entries()) {
    await stream.write(bytes(`${i}`));
    assertEquals(text(await stream.readExactly(`${i}`.length)), `${i}`);
    stream.close();
  }
  await waitAllTasksBlocked();
  server.kill("SIGKILL");
}
