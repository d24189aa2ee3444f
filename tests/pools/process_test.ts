/**
 * `Process`: what `multiprocessing.Process` does, and that it belongs to the group that it is started in.
 *
 * @module
 */

import { AsyncLocalStorage } from "node:async_hooks";
import {
  assert,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  CancelScope,
  inspect,
  moveOnAfter,
  NotPortableError,
  nursery,
  openNursery,
  Process,
  type ProcessOptions,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { exitWith, linger, noteAll } from "./process/jobs.ts";
import { eventually, Folder, Gate, isRunning, joined, ownChildren } from "./process/shared.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

const hello = import.meta.resolve("./process/hello.ts");
const waits = import.meta.resolve("./process/waits.ts");

/** What processes of these tests may do: meet in the folder. None is killed for being slow to end, on a machine that is. */
function within(folder: Folder, options: ProcessOptions = {}): ProcessOptions {
  return {
    grace: 60_000,
    permissions: { read: [folder.path], write: [folder.path] },
    ...options,
  };
}

/** A process that waits at a gate for its end. */
function lingering(folder: Folder, gate: Gate, isStubborn = false, options: ProcessOptions = {}) {
  return new Process(linger, [gate.path, isStubborn], within(folder, options));
}

// What it runs

Deno.test("a Process calls a portable function with its arguments, and exits with 0", async () => {
  using folder = new Folder();
  const process = new Process(
    noteAll,
    [folder.file("out"), 1, "two", { three: [3] }],
    within(folder),
  );
  assertEquals(await joined(process.start()), 0);
  assertEquals(folder.lines("out"), ['[1,"two",{"three":[3]}]']);
});

Deno.test("a Process calls a plain function, which may be async", async () => {
  using folder = new Folder();
  const process = new Process(
    async (file: string) => {
      await Promise.resolve();
      Deno.writeTextFileSync(file, "written\n");
    },
    [folder.file("out")],
    within(folder),
  );
  assertEquals(await joined(process.start()), 0);
  assertEquals(folder.lines("out"), ["written"]);
});

Deno.test("a Process hands values over that JSON does not keep", async () => {
  using folder = new Folder();
  const process = new Process(
    (file: string, map: Map<string, bigint>, date: Date) => {
      Deno.writeTextFileSync(file, `${map.get("a")} ${date.getTime()}\n`);
    },
    [folder.file("out"), new Map([["a", 5n]]), new Date(7)],
    within(folder),
  );
  assertEquals(await joined(process.start()), 0);
  assertEquals(folder.lines("out"), ["5 7"]);
});

Deno.test("a Process runs a module, with texts as its arguments, in its folder and with its exit code", async () => {
  using folder = new Folder();
  for (const module of [hello, new URL(hello)]) {
    const process = new Process(module as URL, [folder.file("out"), "3"], {
      permissions: { read: true, write: [folder.path] },
      cwd: folder.path,
    });
    assertEquals(process.name, "hello.ts");
    assertEquals(await joined(process.start()), 3);
    const [line] = folder.lines("out");
    const { args, cwd } = JSON.parse(line);
    assertEquals(args, [folder.file("out"), "3"]);
    assertEquals(await Deno.realPath(cwd), await Deno.realPath(folder.path));
  }
});

Deno.test("a module in a Process may do nothing by default, and a module that is not there exits with 1", async () => {
  using folder = new Folder();
  const output = await said(
    folder,
    `
    const lacking = new grove.Process(${JSON.stringify(hello)}, ["${folder.file("out")}", "0"]);
    const missing = new grove.Process(${JSON.stringify(new URL("missing.ts", hello))});
    console.log(await lacking.start().join(), await missing.start().join());
  `,
  );
  assertEquals(output.stdout, "1 1\n");
  assertStringIncludes(output.stderr, "Requires write access");
  assertStringIncludes(output.stderr, "missing.ts");
  assertEquals(folder.lines("out"), []);
});

Deno.test("what a function in a Process throws is written to the standard error, with its name, for an exit code of 1", async () => {
  using folder = new Folder();
  const output = await said(
    folder,
    `
    const process = new grove.Process((text) => { throw new RangeError(text); }, ["no good"], { name: "bad" });
    console.log(await process.start().join());
  `,
  );
  assertEquals(output.stdout, "1\n");
  assertStringIncludes(output.stderr, 'Process "bad" has failed: RangeError: no good');
  assertEquals(output.stderr.split("no good").length, 2, "it is said once");
});

Deno.test("what nobody catches in a Process is written to the standard error too, for an exit code of 1", async () => {
  using folder = new Folder();
  const output = await said(
    folder,
    `
    const process = new grove.Process(async () => {
      setTimeout(() => { throw new RangeError("no good"); });
      await new Promise(() => {});
    }, [], { name: "bad" });
    console.log(await process.start().join());
  `,
  );
  assertEquals(output.stdout, "1\n");
  assertStringIncludes(output.stderr, 'Process "bad" has failed: RangeError: no good');
});

/** What a program prints that has all that Grove exports as `grove`. */
async function said(folder: Folder, source: string): Promise<{ stdout: string; stderr: string }> {
  const file = folder.file("program.ts");
  const root = new URL("../../mod.ts", import.meta.url);
  Deno.writeTextFileSync(file, `import * as grove from "${root}";\n${source}`);
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--allow-all", file],
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { stdout, stderr } = await command.output();
  const decoder = new TextDecoder();
  return { stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

// What there is to see

Deno.test(
  "a Process has no pid and no exit code before it is started; while it runs it is alive, and after that it is not",
  onLinux,
  async () => {
    using folder = new Folder();
    const gate = new Gate(folder);
    const process = lingering(folder, gate);
    assertEquals([process.pid, process.isAlive, process.exitCode], [undefined, false, undefined]);

    assert(process.start() === process);
    const [pid] = await gate.entered();
    assertEquals([process.pid, process.isAlive, process.exitCode], [pid, true, undefined]);
    assert(isRunning(pid));

    process.kill();
    assertEquals(await joined(process), 137);
    assertEquals([process.pid, process.isAlive, process.exitCode], [pid, false, 137]);
    assert(!isRunning(pid));
  },
);

Deno.test("a Process has the name of its function, or the one that it is given, and that is what inspect() calls it", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  assertEquals(new Process(exitWith, [0]).name, "exitWith");
  assertEquals(new Process(() => {}).name, "process");
  assertEquals([new Process(() => {}).daemon, new Process(() => {}, [], { daemon: true }).daemon], [
    false,
    true,
  ]);
  await taskGroup(async () => {
    await using process = lingering(folder, gate, false, { name: "waiter" }).start();
    await gate.entered();
    const nodes = inspect().children[0].children.filter(({ name }) => name === "waiter");
    assertEquals(nodes.map(({ kind, state }) => [kind, state]), [
      ["task", "running"],
      ["process", "running"],
    ]);
    assertEquals(nodes[1].details, { pid: process.pid!, daemon: false });
  });
  assertEquals(inspect().children, []);
});

Deno.test("a Process exits with what its function exits with", async () => {
  for (const code of [0, 5, 255]) {
    assertEquals(await joined(new Process(exitWith, [code]).start()), code);
  }
});

Deno.test("a Process that was ended by a signal has 128 and the number of the signal as its exit code", async () => {
  using folder = new Folder();
  const ends: [end: (process: Process) => void, code: number][] = [
    [(process) => process.terminate(), 143],
    [(process) => process.kill(), 137],
    // Not SIGUSR1: a Deno that has run for some time opens its debugger at that, and lives.
    [(process) => Deno.kill(process.pid!, "SIGUSR2"), 140],
  ];
  for (const [end, code] of ends) {
    const gate = new Gate(folder, `${code}`);
    const process = lingering(folder, gate).start();
    await gate.entered();
    end(process);
    assertEquals(await joined(process), code);
    assertEquals(process.exitCode, code);
    process.terminate(); // It has ended: nothing to do.
    process.kill();
  }
});

Deno.test("a Process may handle SIGTERM, and SIGKILL it cannot", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const process = lingering(folder, gate, true).start();
  await gate.entered();
  process.terminate();
  await eventually(() => gate.has("asked"), "it has heard the signal");
  assert(process.isAlive);
  process.kill();
  assertEquals(await joined(process), 137);
});

// Start and join

Deno.test("a Process is started once, and joined and ended only after that", async () => {
  const process = new Process(exitWith, [0], { name: "once" });
  await assertRejects(() => process.join(), TypeError, 'Cannot join "once" as it was not started');
  assertThrows(() => process.terminate(), TypeError, 'Cannot end "once" as it was not started');
  assertThrows(() => process.kill(), TypeError, 'Cannot end "once" as it was not started');
  process.start();
  assertThrows(() => process.start(), TypeError, 'Cannot start "once" again');
  assertEquals(await joined(process), 0);
  assertThrows(() => process.start(), TypeError, 'Cannot start "once" again');
  assertEquals(await joined(process), 0, "join() may be called again");
});

Deno.test("join() waits so long and no longer, and the Process goes on", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const process = lingering(folder, gate).start();
  await gate.entered();
  await assertRejects(() => process.join({ timeout: 1 }), TimeoutError);
  await assertRejects(
    () => process.join({ signal: AbortSignal.abort(new RangeError("enough")) }),
    RangeError,
    "enough",
  );
  assertEquals((await moveOnAfter(1, () => process.join())).timedOut, true);
  assert(process.isAlive);
  process.kill();
  assertEquals(await joined(process), 137);
});

Deno.test("a Process refuses what makes no sense when it is made", () => {
  const wrong: [args: unknown[], message: string][] = [
    [[], "the first argument must be a function, or the URL of a module"],
    [["./here.ts"], 'import.meta.resolve("./name.ts")'],
    [[() => {}, "text"], "the second argument must be a list of arguments"],
    [[hello, [1]], "a module is started with texts: received 1"],
    [[() => {}, [], { grace: -1 }], "'grace'"],
    [[() => {}, [], { permissions: "some" }], "'permissions'"],
    [[() => {}, [], { memoryLimit: 0 }], "'memoryLimit'"],
    [[() => {}, [], null], "make a Process"],
  ];
  for (const [args, message] of wrong) {
    const make = () => new (Process as unknown as new (...args: unknown[]) => Process)(...args);
    const error = assertThrows(make, Error, message);
    assert(error instanceof TypeError || error instanceof RangeError, String(error));
  }
  assertThrows(() => new Process(Math.max.bind(null)), NotPortableError, "native or bound");
});

Deno.test("a Process whose argument cannot travel is not started", onLinux, () => {
  const before = ownChildren();
  const process = new Process(() => {}, [{ deep: [() => {}] }]);
  assertThrows(() => process.start(), NotPortableError, "Cannot send arguments[0].deep[0]");
  assertEquals([process.pid, process.isAlive], [undefined, false]);
  assertEquals(ownChildren().filter((pid) => !before.includes(pid)), []);
});

// Whom it belongs to

Deno.test("a group waits for the Process that was started in it", async () => {
  using folder = new Folder();
  let process: Process | undefined;
  await taskGroup(() => {
    process = new Process(noteAll, [folder.file("out")], within(folder)).start();
  });
  assertEquals([process!.isAlive, process!.exitCode], [false, 0]);
  assertEquals(folder.lines("out"), ["[]"]);
});

Deno.test("a Process that fails does not fail its group: its exit code tells", async () => {
  using folder = new Folder();
  const output = await said(
    folder,
    `
    const processes = [() => Deno.exit(3), () => { throw new RangeError("no good"); }]
      .map((fn) => new grove.Process(fn));
    await grove.taskGroup(() => processes.forEach((process) => process.start()));
    console.log(...processes.map(({ exitCode }) => exitCode));
  `,
  );
  assertEquals(output.stdout, "3 1\n");
  assertStringIncludes(output.stderr, "has failed: RangeError: no good");
});

Deno.test("a Process fails its group where a task throws for its exit code, and the others are ended", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const other = lingering(folder, gate);
  const failed = taskGroup(async (group) => {
    other.start();
    await gate.entered();
    group.spawn(async () => {
      const code = await new Process(exitWith, [3]).start().join();
      throw new RangeError(`exited with ${code}`);
    });
  });
  await assertRejects(() => failed, RangeError, "exited with 3");
  assertEquals(other.exitCode, 143);
});

Deno.test("a daemon Process is ended with its group", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  let process: Process | undefined;
  await taskGroup(async () => {
    process = lingering(folder, gate, false, { daemon: true }).start();
    await gate.entered();
  });
  assertEquals(process!.exitCode, 143);
});

Deno.test("a group that is cancelled ends its Process with SIGTERM, and with SIGKILL after its grace", async () => {
  using folder = new Folder();
  for (const isStubborn of [false, true]) {
    const gate = new Gate(folder, `${isStubborn}`);
    let process: Process | undefined;
    const scope = new CancelScope();
    await scope.enter(() =>
      nursery(async () => {
        // One that is slow is not to be taken for a stubborn one.
        const grace = isStubborn ? 50 : 60_000;
        process = lingering(folder, gate, isStubborn, { grace }).start();
        await gate.entered();
        scope.cancel();
      })
    );
    assertEquals(process!.exitCode, isStubborn ? 137 : 143);
  }
});

Deno.test("a Process with endless grace is asked to end, and never killed", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const process = lingering(folder, gate, true, { grace: Infinity }).start();
  await gate.entered();
  const disposed = process[Symbol.asyncDispose]();
  // Again and again: one that is about to be killed would not hear all of them.
  for (let times = 1; times <= 5; times++) {
    await eventually(() => gate.has("asked", times), "it has heard the signal");
    process.terminate();
  }
  assert(process.isAlive);
  process.kill();
  await disposed;
});

Deno.test("a failure in a group ends the Process of the group, before the group throws it", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  let process: Process | undefined;
  const failed = taskGroup(async () => {
    process = lingering(folder, gate).start();
    await gate.entered();
    throw new RangeError("first");
  });
  await assertRejects(() => failed, RangeError, "first");
  assertEquals(process!.exitCode, 143);
});

Deno.test("a Process belongs to the innermost group, and outside of all groups to the task", async () => {
  using folder = new Folder();
  const gates = [new Gate(folder, "inner"), new Gate(folder, "task")];
  const processes: Process[] = [];
  await taskGroup(async (group) => {
    const task = group.spawn(async () => {
      // A scope is no group: it is the group around it that waits.
      await new CancelScope().enter(async () => {
        processes.push(lingering(folder, gates[0]).start());
        await gates[0].entered();
      });
      processes.push(new Process(exitWith, [4]).start());
    });
    await task;
    assertEquals(processes.map(({ isAlive }) => isAlive)[0], true);
    processes[0].terminate();
  });
  assertEquals(processes.map(({ exitCode }) => exitCode), [143, 4]);
});

Deno.test(
  "a Process that is started in a group that is cancelled is ended at once",
  onLinux,
  async () => {
    using folder = new Folder();
    const before = ownChildren();
    const gate = new Gate(folder);
    const late = lingering(folder, gate);
    await nursery((group) => {
      group.cancel();
      late.start();
    });
    assertEquals([late.isAlive, late.exitCode], [false, 143]);

    assertEquals(ownChildren().filter((pid) => !before.includes(pid)), []);
  },
);

Deno.test("a Process that is started by what has outlived its group belongs to the group around that", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const process = lingering(folder, gate, false, { daemon: true });
  await taskGroup(async () => {
    let start!: () => Process;
    await taskGroup(() => {
      // As a call-back of foreign code keeps the task that it was given in.
      start = AsyncLocalStorage.bind(() => process.start());
    });
    start();
    await gate.entered();
    assert(process.isAlive);
  });
  assertEquals(process.exitCode, 143);
});

Deno.test("a Process in a nursery that is open ends with that", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  const process = lingering(folder, gate);
  {
    await using group = openNursery();
    await group.spawn(() => void process.start());
    await gate.entered();
    assert(process.isAlive);
  }
  assertEquals(process.exitCode, 143);
});

Deno.test("to dispose of a Process ends it, and waits for its end; one that was not started has none", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  let process: Process;
  {
    await using running = lingering(folder, gate);
    process = running.start();
    await gate.entered();
  }
  assertEquals([process.isAlive, process.exitCode], [false, 143]);
  await process[Symbol.asyncDispose]();
  await new Process(() => {})[Symbol.asyncDispose]();
});

Deno.test("a module in a Process is ended as a function is", async () => {
  using folder = new Folder();
  const gate = new Gate(folder);
  let process: Process | undefined;
  await taskGroup(async () => {
    process = new Process(waits, [gate.path], within(folder, { daemon: true })).start();
    const [pid] = await gate.entered();
    assertEquals([process.pid, process.isAlive], [pid, true]);
  });
  assertEquals(process!.exitCode, 143);
});

Deno.test(
  "many Processes run at once, and each ends by itself; nothing is left of them",
  onLinux,
  async () => {
    using folder = new Folder();
    const before = ownChildren();
    const processes = [0, 1, 2, 3, 4].map((code) =>
      new Process(
        (file: string, code: number) => {
          Deno.writeTextFileSync(file, `${code}\n`, { append: true });
          Deno.exit(code);
        },
        [folder.file("out"), code],
        within(folder),
      )
    );
    await taskGroup(() => processes.forEach((process) => process.start()));
    assertEquals(processes.map(({ exitCode }) => exitCode), [0, 1, 2, 3, 4]);
    assertEquals(folder.lines("out").toSorted(), ["0", "1", "2", "3", "4"]);
    assertEquals(ownChildren().filter((pid) => !before.includes(pid)), []);
  },
);

Deno.test("a Process has variables and memory as it is told", async () => {
  using folder = new Folder();
  const process = new Process(
    (file: string) => Deno.writeTextFileSync(file, `${Deno.env.get("GROVE_TESTS")}\n`),
    [folder.file("out")],
    {
      permissions: { write: [folder.path], env: ["GROVE_TESTS"] },
      env: { GROVE_TESTS: "set" },
      memoryLimit: 500_000_000,
    },
  );
  assertEquals(await joined(process.start()), 0);
  assertEquals(folder.lines("out"), ["set"]);
});
