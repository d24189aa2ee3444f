/**
 * Rule G12: children of a nursery that are started again when they end.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  activeTasks,
  cancellable,
  checkpoint,
  currentTask,
  nursery,
  type NurserySpawnOptions,
  openNursery,
  shield,
  sleep,
  type Task,
  taskGroup,
  yieldNow,
} from "../../mod.ts";
import {
  interruptAtEveryStep,
  waitAllTasksBlocked,
  withLeakCheck,
  withVirtualTime,
} from "../../primitives/testing/mod.ts";
import { thrownBy } from "./outcome.ts";

const forever = () => sleep(Infinity);

/** A child that fails as often as there are errors for it, and then returns "up". */
function flaky(errors: unknown[], runs: Task[] = []) {
  return async (task: Task<string>) => {
    runs.push(task as Task);
    await checkpoint();
    if (errors.length > 0) throw errors.shift();
    return "up";
  };
}

Deno.test('G12: on: "failure" starts a failed child again, and is done when it returns', async () => {
  await withVirtualTime(async () => {
    const runs: Task[] = [];

    await nursery(async (services) => {
      const sibling = services.spawn(forever);
      const task = services.spawn(flaky([new Error("1"), new Error("2")], runs), {
        restart: { on: "failure" },
      });
      assertEquals(await task, "up");
      assertEquals(task.state, "succeeded");
      assertEquals(runs, [task, task, task] as Task[], "it is one task, however often it starts");
      assertEquals(sibling.state, "running");
      sibling.cancel();
    });
  });
});

Deno.test("G12: a child that throws synchronously, or is not async, is started again all the same", async () => {
  await withVirtualTime(async () => {
    let runs = 0;

    await nursery(async (services) => {
      const task = services.spawn(() => {
        if (++runs < 4) throw new Error("synchronous");
        return runs;
      }, { restart: { on: "failure" } });
      assertEquals(runs, 1, "the first start is at once, as of every child");
      assertEquals(await task, 4);
    });
  });
});

Deno.test('G12: on: "always" starts a child again that has returned, too', async () => {
  await withVirtualTime(async () => {
    let runs = 0;

    await nursery((services) => {
      services.spawn(() => {
        if (++runs === 3) throw new Error("once");
        if (runs === 5) services.cancel();
      }, { restart: { on: "always" } });
    });

    assertEquals(runs, 5);
  });
});

Deno.test("G12: past max within the time, the failure escalates as it is", async () => {
  await withVirtualTime(async () => {
    const errors = ["1", "2", "3", "4"].map((text) => new Error(text));
    const third = errors[2];
    let runs = 0;

    const services = nursery(async (services) => {
      services.spawn(() => {
        runs++;
        throw errors.shift();
      }, { restart: { on: "failure", max: 2 } });
      await forever();
    });

    assertStrictEquals(await thrownBy(services), third);
    assertEquals(runs, 3, "the first start and two restarts");
  });
});

Deno.test("G12: max: 0 restarts nothing", async () => {
  const failure = new Error("first");
  let runs = 0;

  const thrown = await thrownBy(nursery((services) => {
    services.spawn(() => {
      runs++;
      throw failure;
    }, { restart: { on: "failure", max: 0 } });
  }));

  assertStrictEquals(thrown, failure);
  assertEquals(runs, 1);
});

Deno.test("G12: the default is 5 restarts within a minute", async () => {
  await withVirtualTime(async () => {
    let runs = 0;

    const thrown = await thrownBy(nursery((services) => {
      services.spawn(() => {
        throw ++runs;
      }, { restart: { on: "failure" } });
    }));

    assertEquals([thrown, runs], [6, 6]);
  });
});

Deno.test('G12: on: "always", a child that returns too often escalates with an error that says so', async () => {
  await withVirtualTime(async () => {
    const thrown = await thrownBy(nursery((services) => {
      services.spawn(() => {}, { name: "poll", restart: { on: "always", max: 3, within: 1000 } });
    }));

    assert(thrown instanceof Error);
    for (const part of ['"poll"', "3 times", "1000 ms"]) {
      assert(thrown.message.includes(part), part);
    }
  });
});

Deno.test("G12: restarts longer ago than within are not counted", async () => {
  await withVirtualTime(async (time) => {
    let runs = 0;

    await nursery((services) => {
      services.spawn(async () => {
        runs++;
        await sleep(60);
        if (runs < 50) throw new Error("now and then");
      }, { restart: { on: "failure", max: 2, within: 100 } });
    });

    assertEquals(runs, 50);
    assertEquals(time.elapsed, 50 * 60);
  });
});

Deno.test("G12: a burst of failures after a long quiet time escalates only past max", async () => {
  await withVirtualTime(async (time) => {
    let runs = 0;
    const at: number[] = [];

    const thrown = await thrownBy(nursery((services) => {
      services.spawn(async () => {
        at.push(time.elapsed);
        if (++runs === 2) await sleep(1000);
        throw runs;
      }, { restart: { on: "failure", max: 2, within: 500 } });
    }));

    assertEquals(thrown, 4);
    assertEquals(at, [0, 0, 1000, 1000]);
  });
});

Deno.test("G12: backoff waits before each restart: a number, or a function of how many were counted", async () => {
  await withVirtualTime(async (time) => {
    const run = async (backoff?: number | ((restarts: number) => number)) => {
      const from = time.elapsed;
      const at: number[] = [];
      await thrownBy(nursery((services) => {
        services.spawn(() => {
          at.push(time.elapsed - from);
          throw new Error("again");
        }, { restart: { on: "failure", max: 3, backoff } });
      }));
      return at;
    };

    assertEquals(await run(), [0, 0, 0, 0]);
    assertEquals(await run(100), [0, 100, 200, 300]);
    assertEquals(await run((restarts) => 10 ** restarts), [0, 10, 110, 1110]);
  });
});

Deno.test("G12: a child that is cancelled is not started again, whether it runs or waits for its restart", async () => {
  await withVirtualTime(async () => {
    await nursery(async (services) => {
      let runs = 0;
      const restart = { on: "always", backoff: 1000 } as const;
      const running = services.spawn(() => {
        runs++;
        return forever();
      }, { restart });
      const waiting = services.spawn(() => {
        runs++;
      }, { restart });
      await waitAllTasksBlocked();
      running.cancel();
      waiting.cancel();
      await running.join();
      await waiting.join();
      assertEquals([running.state, waiting.state], ["cancelled", "cancelled"]);
      assertEquals(runs, 2);
    });
  });
});

Deno.test("G12: a failure in the clean-up of a cancelled child is its failure, and not restarted for ever", async () => {
  await withVirtualTime(async () => {
    const failure = new Error("clean-up");
    let runs = 0;

    const services = nursery((services) => {
      services.spawn(async () => {
        runs++;
        try {
          await forever();
        } finally {
          // deno-lint-ignore no-unsafe-finally
          throw failure;
        }
      }, { restart: { on: "always" } });
      services.cancel();
      return "value";
    });

    // It is told by nobody else, so it must not be lost.
    assertStrictEquals(await thrownBy(services), failure);
    assertEquals(runs, 1);
  });
});

Deno.test("G12: a Cancelled from elsewhere is a failure, and restarted", async () => {
  await withVirtualTime(async () => {
    await taskGroup(async (outside) => {
      const elsewhere = outside.spawn(forever);
      let runs = 0;
      await nursery(async (services) => {
        const task = services.spawn(async () => {
          if (++runs === 1) await elsewhere;
          return "up";
        }, { restart: { on: "failure" } });
        await waitAllTasksBlocked();
        elsewhere.cancel();
        assertEquals(await task, "up");
        assertEquals(runs, 2);
      });
    });
  });
});

Deno.test("G12: what a run leaves open has ended before the next begins", async () => {
  await withVirtualTime(async () => {
    const record: string[] = [];
    let runs = 0;

    await nursery(async (services) => {
      const task = services.spawn(() => {
        const run = ++runs;
        record.push(`run ${run}`);
        openNursery().spawn(async () => {
          try {
            await forever();
          } finally {
            await shield(checkpoint);
            record.push(`left of ${run}`);
          }
        });
        if (run < 3) throw new Error("again");
      }, { restart: { on: "failure" } });
      await task;
    });

    assertEquals(record, ["run 1", "left of 1", "run 2", "left of 2", "run 3", "left of 3"]);
  });
});

Deno.test("G12: each run is called in the child's own task, with the name of its function", async () => {
  await withVirtualTime(async () => {
    const seen: Task[] = [];

    await nursery(async (services) => {
      const poll = async () => {
        seen.push(currentTask());
        await checkpoint();
        if (seen.length < 3) throw new Error("again");
      };
      const task = services.spawn(poll, { restart: { on: "failure" } });
      assertEquals(task.name, "poll");
      await task;
      assertEquals(seen, [task, task, task] as Task[]);
    });
  });
});

Deno.test("G12: a daemon that is restarted ends with the nursery", async () => {
  let runs = 0;
  const gate = Promise.withResolvers<void>();

  await withVirtualTime(() =>
    nursery(async (services) => {
      services.spawn(async () => {
        if (++runs < 3) throw new Error("again");
        gate.resolve();
        await forever();
      }, { daemon: true, restart: { on: "failure" } });
      await cancellable(gate.promise);
    })
  );

  assertEquals(runs, 3);
});

Deno.test("G12: in a limited nursery a child keeps its slot through its restarts", async () => {
  await withVirtualTime(async () => {
    let runs = 0;
    const record: string[] = [];

    await nursery((services) => {
      services.spawn(() => {
        record.push(`run ${++runs}`);
        if (runs < 3) throw new Error("again");
      }, { restart: { on: "failure", backoff: 100 } });
      services.spawn(() => record.push("queued"));
    }, { limit: 1 });

    assertEquals(record, ["run 1", "run 2", "run 3", "queued"]);
  });
});

Deno.test("G12: an openNursery restarts, too, until it is disposed of", async () => {
  await withVirtualTime(async () => {
    let runs = 0;
    {
      await using services = openNursery();
      services.spawn(() => {
        runs++;
      }, { restart: { on: "always", max: Infinity, backoff: 10 } });
      await sleep(95);
    }
    assertEquals(runs, 10);
    assertEquals(activeTasks(), []);
  });
});

Deno.test("G12: a backoff function that fails loses neither its own error nor that of the child", async () => {
  await withVirtualTime(async () => {
    const failure = new Error("child");
    const broken = new Error("backoff");

    const thrown = await thrownBy(nursery((services) => {
      services.spawn(() => {
        throw failure;
      }, {
        restart: {
          on: "failure",
          backoff: () => {
            throw broken;
          },
        },
      });
    }));

    assert(thrown === failure || thrown === broken, String(thrown));
  });
});

// E1

const badPolicies: [unknown, typeof TypeError | typeof RangeError, string][] = [
  [null, TypeError, "restart"],
  ["always", TypeError, "restart"],
  [{}, TypeError, '\'restart.on\' must be "failure" or "always": received undefined'],
  [{ on: "never" }, TypeError, 'received "never"'],
  [{ on: "failure", max: -1 }, RangeError, "'restart.max'"],
  [{ on: "failure", max: 1.5 }, RangeError, "received 1.5"],
  [{ on: "failure", max: NaN }, RangeError, "received NaN"],
  [{ on: "failure", max: "3" }, TypeError, 'received "3"'],
  [{ on: "failure", within: -1 }, RangeError, "'restart.within'"],
  [{ on: "failure", within: "1m" }, TypeError, "'restart.within'"],
  [{ on: "failure", backoff: -1 }, RangeError, "'restart.backoff'"],
  [{ on: "failure", backoff: Infinity }, RangeError, "'restart.backoff'"],
  [{ on: "failure", backoff: "1s" }, TypeError, "'restart.backoff'"],
];

for (const [restart, errorClass, message] of badPolicies) {
  Deno.test(`E1: a policy that makes no sense is an error at the call, and nothing starts: ${Deno.inspect(restart)}`, async () => {
    await nursery((services) => {
      const error = assertThrows(
        () =>
          services.spawn(
            () => assert(false, "it was started"),
            { restart } as NurserySpawnOptions,
          ),
        errorClass,
        message,
      );
      assert(error.message.startsWith('Cannot spawn into "services" as '), error.message);
      assertEquals(services.tasks, []);
    }, { name: "services" });
  });
}

// Interleavings

Deno.test("promise 2: a child between its restarts that is cancelled at any step leaves nothing", async () => {
  await withVirtualTime(async () => {
    const { interrupted } = await interruptAtEveryStep((interrupt) =>
      withLeakCheck(async () => {
        let running = 0;
        let runs = 0;
        await interrupt(() =>
          nursery((services) => {
            services.spawn(async () => {
              running++;
              runs++;
              try {
                await checkpoint();
                await yieldNow();
                if (runs < 3) throw new Error("again");
              } finally {
                running--;
              }
            }, { restart: { on: "failure", backoff: 10 } });
          })
        );
        assertEquals(running, 0);
      })
    );
    assert(interrupted > 3, `only ${interrupted} runs were interrupted`);
  });
});
