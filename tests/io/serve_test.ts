import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  type ConnectionHandler,
  currentTask,
  formatTree,
  type Listener,
  type Nursery,
  nursery,
  type ServeOptions,
  shield,
  sleep,
  type SocketStream,
  suppressedErrors,
  type Task,
  taskGroup,
  TaskLocal,
  type TcpAddress,
  TimeoutError,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { connect, listen, serve, testOverBoth } from "./backends.ts";
import { failingListener, systemError } from "./fake_listener.ts";
import { bytes, readAll, text } from "./pair.ts";

const HERE = { hostname: "127.0.0.1", port: 0 };

const echo: ConnectionHandler = async (stream) => {
  for await (const chunk of stream) await stream.write(chunk);
};

/** Starts a server in a nursery. */
function start(
  services: Nursery,
  handler: ConnectionHandler,
  options: ServeOptions<TcpAddress> = {},
): Promise<Listener> {
  return services.start<Listener>(
    (_task, started) => serve(HERE, handler, { ...options, started }),
    { name: "server" },
  );
}

/** Says something and gives the answer. */
async function ask(address: TcpAddress, question: string): Promise<string> {
  using stream = await connect(address);
  await stream.write(bytes(question));
  await stream.closeWrite();
  return await readAll(stream);
}

/** Whether somebody listens. */
async function listens(address: TcpAddress): Promise<boolean> {
  try {
    (await connect(address)).close();
    return true;
  } catch {
    return false;
  }
}

/** Collects errors with the ports of the peers they came from. */
function recorder() {
  const errors: [unknown, number | undefined][] = [];
  const onError = (error: unknown, peer: TcpAddress | undefined) => {
    errors.push([error, peer?.port]);
  };
  return { errors, onError };
}

testOverBoth("serve: many clients at once are served, each in a task of its own", async () => {
  await nursery(async (services) => {
    const tasks = new Set<Task>();
    const { addresses: [address] } = await start(services, async (stream, task) => {
      assertStrictEquals(task, currentTask());
      tasks.add(task);
      await echo(stream, task);
    });
    await taskGroup((group) => {
      for (let i = 0; i < 200; i++) {
        group.spawn(async () => assertEquals(await ask(address, `hello ${i}`), `hello ${i}`));
      }
    });
    assertEquals(tasks.size, 200);
    services.cancel();
  });
});

testOverBoth(
  "serve: the tree of tasks tells the server, and its connections by their peers",
  async () => {
    await nursery(async (services) => {
      const { addresses: [address] } = await start(services, echo, { name: "echo" });
      using stream = await connect(address);
      await stream.write(bytes("x"));
      await stream.readExactly(1);
      await waitAllTasksBlocked();
      const peer = `127.0.0.1:${stream.localAddress.port}`;
      const tree = formatTree();
      assert(/group "echo":? +waits for connection to "127\.0\.0\.1:/.test(tree), tree);
      assert(RegExp(`${peer}:? +running,? +waits for data from "${peer}"`).test(tree), tree);
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: a handler has the task-locals of the place where the server runs",
  async () => {
    const place = new TaskLocal<string>();
    await nursery(async (services) => {
      const { addresses: [address] } = await place.run(
        "here",
        () =>
          start(services, async (stream) => {
            await stream.readExactly(1);
            await stream.write(bytes(place.get() ?? "nowhere"));
          }),
      );
      assertEquals(await ask(address, "?"), "here");
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: a handler's failure goes to onError with the peer, and nobody else notices [I1]",
  async () => {
    const { errors, onError } = recorder();
    await nursery(async (services) => {
      const failure = new Error("boom");
      const { addresses: [address] } = await start(services, async (stream, task) => {
        const [first] = await stream.readExactly(1);
        if (first === "!".charCodeAt(0)) throw failure;
        await stream.write(Uint8Array.of(first));
        await echo(stream, task);
      }, { onError });
      using other = await connect(address);
      await other.write(bytes("a"));
      assertEquals(text(await other.readExactly(1)), "a");

      using failing = await connect(address);
      await failing.write(bytes("!"));
      assertEquals(await readAll(failing), ""); // it was closed
      assertEquals(errors, [[failure, failing.localAddress.port]]);

      await other.write(bytes("b"));
      assertEquals(text(await other.readExactly(1)), "b");
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: an onError that fails does not end the server, and hides no error [I1]",
  async () => {
    const printed: unknown[][] = [];
    const original = console.error;
    console.error = (...args) => void printed.push(args);
    try {
      await nursery(async (services) => {
        const { addresses: [address] } = await start(services, () => {
          throw new Error("first");
        }, {
          onError: () => {
            throw new Error("second");
          },
        });
        await ask(address, "").catch(() => {});
        assert(await listens(address));
        services.cancel();
      });
    } finally {
      console.error = original;
    }
    const messages = printed.flat().filter((value) => value instanceof Error).map((e) => e.message);
    assertEquals(messages.slice(0, 2), ["second", "first"]);
  },
);

testOverBoth(
  "serve: a Cancelled that is not of the handler's own scopes is a failure [I1]",
  async () => {
    const { errors, onError } = recorder();
    await nursery(async (services) => {
      const cancelled = services.spawn(() => sleep(1000));
      cancelled.cancel();
      const { addresses: [address] } = await start(services, () => cancelled, { onError });
      await ask(address, "").catch(() => {});
      assertEquals(errors.length, 1);
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: accepts that fail for a while are retried and reported, and the server recovers [I1]",
  async () => {
    const { errors, onError } = recorder();
    const aborted = systemError("ECONNABORTED");
    const full = systemError("EMFILE");
    await nursery(async (services) => {
      const listener = failingListener(full, aborted, full);
      services.spawn(() => serve(listener, echo, { onError }));
      assertEquals(await ask(listener.addresses[0], "hello"), "hello");
      assertEquals(
        errors.map(([error, peer]) => [(error as Error).cause, peer]),
        [[full, undefined], [aborted, undefined], [full, undefined]],
      );
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: an accept that fails for good ends the server with that error, and its handlers [I1]",
  async () => {
    const failure = systemError("EINVAL");
    const listener = failingListener(failure);
    const error = await assertRejects(() => serve(listener, echo), Error, "EINVAL");
    assertStrictEquals(error.cause, failure);
    assertEquals(suppressedErrors(error), []);
    assert(listener.closed);
  },
);

testOverBoth(
  "serve: over maxConnections nothing is accepted, and nobody is dropped [I2]",
  async () => {
    await nursery(async (services) => {
      let running = 0;
      let most = 0;
      const { addresses: [address] } = await start(services, async (stream, task) => {
        most = Math.max(most, ++running);
        await echo(stream, task);
        running--;
      }, { maxConnections: 2 });
      await taskGroup(async (group) => {
        const streams = [await connect(address), await connect(address), await connect(address)];
        for (const stream of streams) await stream.write(bytes("x"));
        await streams[0].readExactly(1);
        await streams[1].readExactly(1);
        // The third is connected, and waits in the system until there is room.
        const third = group.spawn(() => streams[2].readExactly(1));
        await waitAllTasksBlocked();
        assertEquals(third.isAlive, true);
        assert(!RegExp(`127\\.0\\.0\\.1:${streams[2].localAddress.port}\\b`).test(formatTree()));
        streams[0].close();
        await third;
        for (const stream of streams) stream.close();
        for (let i = 0; i < 20; i++) group.spawn(() => ask(address, "y"));
      });
      assertEquals(most, 2);
      services.cancel();
    });
  },
);

testOverBoth("serve: a stop while there is no room ends the server [I2, I3]", async () => {
  await nursery(async (services) => {
    const { addresses: [address] } = await start(services, async (stream) => {
      await stream.write(bytes("come in"));
      await stream.read(new Uint8Array(1), { endOnStop: true });
    }, { maxConnections: 1 });
    using first = await connect(address);
    using second = await connect(address);
    await first.readExactly(7);
    services.stop();
    assertEquals(await readAll(first), "");
    // The system had taken the second; it is reset when the listener is closed.
    await second.read(new Uint8Array(1)).catch(() => {});
  });
});

testOverBoth(
  "serve: an idle peer is closed after idleTimeout, in reading and in writing, without an error [I2]",
  async () => {
    const { errors, onError } = recorder();
    await nursery(async (services) => {
      const deeds = [
        (stream: SocketStream) => stream.readExactly(1),
        (stream: SocketStream) => stream.write(new Uint8Array(2 ** 24)),
      ];
      const listener = await start(services, async (stream) => {
        await deeds.shift()!(stream);
        await stream.write(bytes("never"));
      }, { idleTimeout: 30, onError });
      const [address] = listener.addresses;
      using reading = await connect(address);
      assertEquals(await readAll(reading), "");
      using writing = await connect(address);
      while (listener.stats().closed.idle < 2) await sleep(1); // it reads nothing
      assert((await readAll(writing)).length < 2 ** 24);
      assertEquals(errors, []);
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: the time that a handler takes for itself does not make its peer an idle one [I2]",
  async () => {
    const { now } = performance;
    try {
      await nursery(async (services) => {
        const { addresses: [address] } = await start(services, async (stream) => {
          // It keeps the peer waiting, by the clock for ten minutes, and not the other way round.
          performance.now = () => now.call(performance) + 600_000;
          await sleep(1);
          await stream.write(bytes("in time"));
        }, { idleTimeout: 60_000 });
        using stream = await connect(address);
        assertEquals(await readAll(stream), "in time");
        services.cancel();
      });
    } finally {
      performance.now = now;
    }
  },
);

testOverBoth(
  "serve: an idle limit does not replace a shorter time-out of the handler's own [I2]",
  async () => {
    await nursery(async (services) => {
      const { addresses: [address] } = await start(services, async (stream) => {
        const error = await stream.read(new Uint8Array(1), { timeout: 5 }).catch((e) => e);
        assert(error instanceof TimeoutError);
        await stream.write(bytes("still open"));
      }, { idleTimeout: 10_000 });
      using stream = await connect(address);
      assertEquals(await readAll(stream), "still open");
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: when it is stopped accepting ends at once, and a handler may finish within the drain [I3]",
  async () => {
    await nursery(async (services) => {
      const inside = Promise.withResolvers<void>();
      let finished = false;
      const { addresses: [address] } = await start(services, async (stream, task) => {
        inside.resolve();
        await stream.readExactly(1);
        assert(task.stopping);
        await stream.write(bytes("good-bye"));
        finished = true;
      }, { drain: 60_000 });
      using stream = await connect(address);
      await inside.promise;
      services.stop();
      await waitAllTasksBlocked();
      assertEquals(await listens(address), false);
      listen(address).close(); // the port is free
      await stream.write(bytes("x"));
      assertEquals(await readAll(stream), "good-bye");
      assert(finished);
    });
  },
);

testOverBoth(
  "serve: a handler that outlasts the drain is cancelled, and its socket closed; the server ends well [I3]",
  async () => {
    const { errors, onError } = recorder();
    let cleanedUp = false;
    const value = await nursery(async (services) => {
      const inside = Promise.withResolvers<void>();
      const { addresses: [address] } = await start(services, async (stream) => {
        inside.resolve();
        try {
          await stream.readExactly(1);
        } finally {
          await shield(() => stream.write(bytes("cut short")));
          cleanedUp = true;
        }
      }, { drain: 20, onError });
      const stream = await connect(address);
      await inside.promise;
      services.stop();
      assertEquals(await readAll(stream), "cut short");
      stream.close();
      return "ended well";
    });
    assertEquals([value, cleanedUp, errors], ["ended well", true, []]);
  },
);

testOverBoth(
  "serve: a handler that stops by the ClosedError of a marked wait has not failed [I3]",
  async () => {
    const { errors, onError } = recorder();
    await nursery(async (services) => {
      const inside = Promise.withResolvers<void>();
      const { addresses: [address] } = await start(services, async (stream) => {
        inside.resolve();
        await stream.readExactly(1, { endOnStop: true });
      }, { onError });
      using stream = await connect(address);
      await inside.promise;
      services.stop();
      assertEquals(await readAll(stream), "");
    });
    assertEquals(errors, []);
  },
);

testOverBoth(
  "serve: when it is cancelled every handler is, and every socket is closed [I3]",
  async () => {
    await nursery(async (services) => {
      const { addresses: [address] } = await start(services, echo);
      const streams = await Promise.all([1, 2, 3].map(() => connect(address)));
      await streams[0].write(bytes("x"));
      await streams[0].readExactly(1);
      services.spawn(() =>
        shield(async () => {
          for (const stream of streams) {
            // Closed, or reset where it was not accepted yet.
            await readAll(stream).catch(() => {});
            stream.close();
          }
          assertEquals(await listens(address), false);
        })
      );
      services.cancel();
    });
  },
);

testOverBoth(
  "serve: it ends when its listener is closed, and the handlers have the drain",
  async () => {
    const listener = listen(HERE);
    await nursery(async (services) => {
      const server = services.spawn(() => serve(listener, echo, { drain: 10 }));
      using stream = await connect(listener.addresses[0]);
      await stream.write(bytes("x"));
      await stream.readExactly(1);
      listener.close();
      assertEquals(await readAll(stream), "");
      await server;
    });
  },
);

testOverBoth(
  "serve: a socket is closed however its handler ends, also when the handler closed it itself",
  async () => {
    const kept: SocketStream[] = [];
    await nursery(async (services) => {
      const { addresses: [address] } = await start(services, (stream) => {
        kept.push(stream);
        if (kept.length === 1) stream.close();
        if (kept.length === 2) throw new Error("boom");
      }, { onError: () => {} });
      for (let i = 0; i < 3; i++) await ask(address, "").catch(() => {});
      services.cancel();
    });
    assertEquals(kept.map((stream) => stream.closed), [true, true, true]);
  },
);

testOverBoth("serve: a port in use fails the start, and the nursery lives [G11]", async () => {
  using taken = listen(HERE);
  await nursery(async (services) => {
    await assertRejects(
      () =>
        services.start<Listener>((_task, started) => serve(taken.addresses[0], echo, { started })),
      Deno.errors.AddrInUse,
      "the port is in use",
    );
    await start(services, echo);
    services.cancel();
  });
});

testOverBoth("serve: a bad argument throws at the call, and nothing listens", () => {
  const given = (...args: unknown[]) => () =>
    (serve as (...args: unknown[]) => Promise<void>)(...args);
  assertThrows(given({ port: 70000 }, echo), RangeError, "Cannot serve as 'port'");
  assertThrows(given(HERE), TypeError, "the handler must be a function");
  assertThrows(given(HERE, echo, { maxConnections: 0 }), RangeError, "'maxConnections'");
  assertThrows(given(HERE, echo, { drain: -1 }), RangeError, "'drain'");
  assertThrows(given(HERE, echo, { idleTimeout: "1" }), TypeError, "'idleTimeout'");
  assertThrows(given(HERE, echo, { onError: 1 }), TypeError, "'onError'");
  assertThrows(given(HERE, echo, { started: 1 }), TypeError, "'started'");
  assertThrows(given(HERE, echo, { name: 1 }), TypeError, "'name'");
});
