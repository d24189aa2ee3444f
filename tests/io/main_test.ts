import { assert, assertEquals, assertMatch, assertStringIncludes, assertThrows } from "@std/assert";
import { main } from "../../mod.ts";
import { program } from "./program.ts";

const windows = Deno.build.os === "windows";

Deno.test("main: a body that returns ends the process with 0, and no output is cut off", async () => {
  await using run = await program(`
    await grove.main(async () => {
      await grove.sleep(1);
      await Deno.stdout.write(new TextEncoder().encode("x".repeat(300_000)));
      console.log("y".repeat(300_000));
    });
    console.log("after");
  `);
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stderr], [0, ""]);
  assertEquals(stdout.length, 600_001 + "after\n".length);
});

Deno.test("main: a body that fails ends the process with 1, and its error is on stderr with its stack", async () => {
  await using run = await program(`
    await grove.main(async function body() {
      await grove.taskGroup((group) => {
        group.spawn(async () => {
          try {
            await grove.sleep(1000);
          } finally {
            throw new Error("the second");
          }
        });
        throw new Error("the first");
      });
    });
    console.log("after");
  `);
  const { code, stdout, stderr } = await run.end();
  assertEquals([code, stdout], [1, "after\n"]);
  assertMatch(stderr, /^Error: the first\n {4}at .*program\.ts/);
  assertMatch(stderr, /^and, while it ended: Error: the second\n/m);
});

Deno.test("main: a body that fails ends the process, whatever else would go on", async () => {
  await using run = await program(`
    await grove.main(() => {
      setInterval(() => {}, 1000);
      throw new Error("boom");
    });
    console.log("after");
  `);
  const { code, stdout } = await run.end();
  assertEquals([code, stdout], [1, "after\n"]);
});

Deno.test("main: 'report' tells of the failure in place of the print", async () => {
  await using run = await program(`
    await grove.main(() => { throw new Error("boom"); }, {
      report: (error) => console.error("It is over:", error.message),
    });
  `);
  const { code, stderr } = await run.end();
  assertEquals([code, stderr], [1, "It is over: boom\n"]);
});

Deno.test("main: a 'report' that fails loses neither error", async () => {
  await using run = await program(`
    await grove.main(() => { throw new Error("boom"); }, {
      report: () => { throw new Error("report"); },
    });
  `);
  const { code, stderr } = await run.end();
  assertEquals(code, 1);
  assertStringIncludes(stderr, "Error: boom");
  assertStringIncludes(stderr, "Error: report");
});

Deno.test("main: a program that ends well keeps the exit code it has set", async () => {
  await using run = await program(`await grove.main(() => { Deno.exitCode = 3; });`);
  assertEquals((await run.end()).code, 3);
});

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  const number = signal === "SIGINT" ? 2 : 15;

  Deno.test({
    name: `main: ${signal} ends marked waits, and a body that then returns ends with 0 [C10]`,
    ignore: windows,
    fn: async () => {
      await using run = await program(`
        await grove.main(async (task) => {
          console.log("ready");
          // Nothing but this wait keeps the process alive.
          await grove.sleep(Infinity, { endOnStop: true });
          console.log("stopping", task.stopping, grove.currentTask().stopping);
          await grove.sleep(5);
          console.log("cleaned up");
        });
        console.log("after");
      `);
      await run.printed(/ready/);
      run.kill(signal);
      const { code, stdout, stderr } = await run.end();
      assertEquals([code, stderr], [0, ""]);
      assertEquals(stdout, "ready\nstopping true true\ncleaned up\nafter\n");
    },
  });

  Deno.test({
    name: `main: a body that outlasts the grace after ${signal} is cancelled, and ends with ${
      128 + number
    } [C10]`,
    ignore: windows,
    fn: async () => {
      await using run = await program(`
        await grove.main(async () => {
          console.log("ready");
          try {
            await grove.sleep(60_000);
          } finally {
            await grove.shield(() => grove.sleep(5));
            console.log("cleaned up");
          }
        }, { grace: 20 });
        console.log("after");
      `);
      await run.printed(/ready/);
      run.kill(signal);
      const { code, signal: killedBy, stdout, stderr } = await run.end();
      assertEquals([code, killedBy, stderr], [128 + number, null, ""]);
      assertEquals(stdout, "ready\ncleaned up\nafter\n");
    },
  });
}

Deno.test({
  name: "main: two signals at once are one, as deno task passes Ctrl-C on a second time",
  ignore: windows,
  fn: async () => {
    // It signals itself: another process might be halted between one signal and the next.
    await using run = await program(
      `
      await grove.main(async () => {
        for (const signal of ["SIGINT", "SIGTERM", "SIGINT"]) Deno.kill(Deno.pid, signal);
        await grove.sleep(Infinity, { endOnStop: true });
        await grove.sleep(50);
        console.log("ended in peace");
      });
    `,
      { flags: ["--allow-run"] },
    );
    const { code, stdout, stderr } = await run.end();
    assertEquals([code, stdout, stderr], [0, "ended in peace\n", ""]);
  },
});

Deno.test({
  name: "main: a second signal ends the process at once, with the code of that signal",
  ignore: windows,
  fn: async () => {
    await using run = await program(`
      await grove.main(async () => {
        console.log("ready");
        await grove.sleep(Infinity, { endOnStop: true });
        await grove.sleep(250); // longer than what counts as the same signal
        console.log("still here");
        await grove.sleep(60_000);
      }, { grace: 60_000 });
      console.log("after");
    `);
    await run.printed(/ready/);
    run.kill("SIGINT");
    await run.printed(/still here/);
    run.kill("SIGTERM");
    const { code, signal, stdout } = await run.end();
    assertEquals([code, signal, stdout], [143, null, "ready\nstill here\n"]);
  },
});

Deno.test({
  name: "main: a failure after the signal is a failure",
  ignore: windows,
  fn: async () => {
    await using run = await program(`
      await grove.main(async () => {
        console.log("ready");
        await grove.sleep(Infinity, { endOnStop: true });
        throw new Error("could not save");
      });
    `);
    await run.printed(/ready/);
    run.kill("SIGINT");
    const { code, stderr } = await run.end();
    assertEquals(code, 1);
    assertMatch(stderr, /^Error: could not save/);
  },
});

Deno.test({
  name: "main: the ClosedError of a marked wait may leave the body after a signal, and only then",
  ignore: windows,
  fn: async () => {
    await using stopped = await program(`
      await grove.main(async () => {
        console.log("ready");
        await grove.cancellable(new Promise(() => {}), { endOnStop: true });
      });
    `);
    await stopped.printed(/ready/);
    stopped.kill("SIGINT");
    const { code, stderr } = await stopped.end();
    assertEquals([code, stderr], [0, ""]);

    await using failed = await program(`
      await grove.main(() => { throw new grove.ClosedError("too late"); });
    `);
    assertEquals((await failed.end()).code, 1);
  },
});

Deno.test({
  name: "main: what is foreign and still runs does not hold the process after a signal",
  ignore: windows,
  fn: async () => {
    await using run = await program(`
      setInterval(() => {}, 1000);
      await grove.main(async () => {
        console.log("ready");
        await grove.sleep(Infinity, { endOnStop: true });
        Deno.exitCode = 5;
      });
    `);
    await run.printed(/ready/);
    run.kill("SIGINT");
    assertEquals((await run.end()).code, 5);
  },
});

Deno.test({
  name: "main: when it is over, a signal does again what it does by default",
  ignore: windows,
  fn: async () => {
    await using run = await program(`
      setInterval(() => {}, 1000);
      await grove.main(() => {});
      console.log("over");
    `);
    await run.printed(/over/);
    run.kill("SIGINT");
    assertEquals((await run.end()).signal, "SIGINT");
  },
});

Deno.test("main: a bad argument throws at the call", () => {
  const given = (...args: unknown[]) => () => (main as (...args: unknown[]) => unknown)(...args);
  assertThrows(given(), TypeError, "Cannot run the program as its body must be a function");
  assertThrows(given(() => {}, { grace: -1 }), RangeError, "'grace'");
  assertThrows(given(() => {}, { report: "no" }), TypeError, "'report'");
});

Deno.test("main: it needs no permission, and leaves nothing behind", async () => {
  let ran = false;
  await main(() => {
    ran = true;
  });
  assert(ran);
});

for (const signal of ["SIGUSR1", "SIGQUIT"] as const) {
  Deno.test({
    name: `main: ${signal} prints the tree of tasks, with ages, and the program goes on`,
    ignore: windows,
    fn: async () => {
      await using run = await program(`
        const lock = new grove.Lock({ name: "door" });
        await grove.main((task) =>
          grove.taskGroup((group) => {
            group.spawn(() => lock.withLock(() => grove.sleep(Infinity, { endOnStop: true })), { name: "a" });
            group.spawn(() => lock.acquire(), { name: "b" });
            console.log("ready");
          })
        );
      `);
      await run.printed(/ready/);
      for (let times = 1; times <= 2; times++) {
        // Deno loses a SIGUSR1 now and then while it opens its debugger, as it does at the first one.
        const again = setInterval(() => run.kill(signal), 500);
        run.kill(signal);
        await run.complained(new RegExp(`(The tasks at ${signal} [^]*b .*\n){${times}}`));
        clearInterval(again);
      }
      run.kill("SIGTERM");
      const { code, stderr } = await run.end();
      assertEquals(code, 0);
      // Not at its beginning: at SIGUSR1, Deno tells there that its debugger listens.
      assertMatch(stderr, /^The tasks at SIG\w+ \(3 in all\):\nroot +running/m);
      assertMatch(stderr, /a +running +\d+ ms +waits \d+ ms for sleep "forever"\n/);
      assertMatch(stderr, /b +running +\d+ ms +waits \d+ ms for lock "door", held by "a" \(2\)\n/);
      assert(!stderr.includes("\x1b"), "it has no colors where there is no terminal");
    },
  });
}

Deno.test("main: a program that waits for itself is told so, and ends when it is asked to", {
  ignore: windows,
}, async () => {
  await using run = await program(`
    const lock = new grove.Lock({ name: "door" });
    await grove.main(async () => {
      try {
        using _ = await lock.acquire();
        await grove.taskGroup((group) => {
          group.spawn(() => lock.acquire(), { name: "child" });
        });
      } finally {
        console.log("cleaned up");
      }
    }, { grace: 0 });
  `);
  const [report] = await run.complained(/^All tasks wait for each other[^]*child .*\n/);
  assertMatch(report, /nothing that Grove knows of will wake them \(2 in all\):\nroot /);
  assertMatch(report, /child .*DEADLOCKED, waits .* for lock "door", held by "main"/);
  run.kill("SIGTERM");
  const { code, stdout } = await run.end();
  assertEquals([code, stdout], [143, "cleaned up\n"]);
});

Deno.test("main: a program that goes on although all its tasks wait for each other is not ended", async () => {
  const ways = [
    // The call-back of a promise gives the lock back.
    "reported.then(() => guard[Symbol.dispose]())",
    // A call-back of the platform's does so in the task.
    "reported.then(() => task.run(() => lock.release()))",
    // Code outside all tasks cancels them.
    "reported.then(() => child.cancel())",
  ];
  // All wait for a lock that "main" has, which waits for its group.
  await Promise.all(ways.map(async (outside) => {
    await using run = await program(`
      const { error } = console;
      const reported = new Promise((resolve) => console.error = (text) => (error(text), resolve()));
      const lock = new grove.Lock({ name: "gate" });
      await grove.main(async (task) => {
        const guard = await lock.acquire();
        await grove.taskGroup((group) => {
          const child = group.spawn(() => lock.withLock(() => console.log("let in")), { name: "child" });
          child.onDone(({ state }) => console.log(state));
          ${outside};
        });
        console.log("done");
      });
    `);
    const { code, stdout, stderr } = await run.end();
    const end = outside.includes("cancel") ? "cancelled\ndone\n" : "let in\nsucceeded\ndone\n";
    assertEquals([code, stdout], [0, end], stderr);
    assertMatch(stderr, /^All tasks wait for each other/, outside);
  }));
});

Deno.test("main: a deadlock of some tasks is reported also while others are busy", async () => {
  await using run = await program(`
    const { error } = console;
    let reported = false;
    console.error = (text) => (error(text), reported = true);
    const lock = new grove.Lock({ name: "door" });
    await grove.main(() => grove.taskGroup((group) => {
      group.spawn(async () => {
        using _ = await lock.acquire();
        await grove.taskGroup((group) => void group.spawn(() => lock.acquire(), { name: "child" }));
      }, { name: "parent" });
      group.spawn(async () => {
        while (!reported) await grove.sleep(1);
        group.cancel();
      }, { name: "busy" });
    }).catch((error) => { if (!grove.isCancelled(error)) throw error; }));
  `);
  const { code, stderr } = await run.end();
  assertEquals(code, 0);
  assertMatch(stderr, /^Some tasks wait for each other[^]*parent +running .*DEADLOCKED/);
  assert(!/busy .*DEADLOCKED/.test(stderr), stderr);
});
