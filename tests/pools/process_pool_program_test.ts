/**
 * Processes in whole programs: what keeps a program from ending, and that nothing is left of it, however it ends: no process, and
 * no file.
 *
 * @module
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { sleep } from "../../mod.ts";
import { type Program, program } from "../io/program.ts";
import { eventually, Folder, processesWith } from "./process/shared.ts";

const onLinux = { ignore: Deno.build.os !== "linux" };

const jobs = new URL("./process/jobs.ts", import.meta.url);

const ROUNDS = 6;

const MARK = "GROVE_TEST_PROGRAM";

/** A program, and all processes that it has: they have a mark of it in their environment. */
class Marked implements AsyncDisposable {
  readonly #mark: string = crypto.randomUUID();
  readonly #folder: Folder;
  readonly #source: string;
  #program!: Program;

  private constructor(folder: Folder, source: string) {
    this.#folder = folder;
    this.#source = source;
  }

  static async start(folder: Folder, source: string): Promise<Marked> {
    const marked = new Marked(folder, `import * as jobs from "${jobs}";\n${source}`);
    marked.#program = await program(marked.#source, {
      flags: ["--no-check", "--allow-all"],
      env: { TMPDIR: folder.path, [MARK]: marked.#mark },
    });
    return marked;
  }

  get program(): Program {
    return this.#program;
  }

  get processes(): number[] {
    return processesWith(MARK, this.#mark);
  }

  /** Waits until nothing is left, which is to come in a bounded time. */
  async gone(): Promise<void> {
    await eventually(() => this.processes.length === 0, "all processes have ended");
    await eventually(() => this.#folder.left.length === 0, "all folders are gone");
  }

  /** What it has printed when it has ended, which it has to do by itself. */
  async printed(): Promise<string> {
    const timer = setTimeout(() => this.#program.kill("SIGKILL"), 60_000);
    const { code, signal, stdout, stderr } = await this.#program.end();
    clearTimeout(timer);
    assertEquals({ code, signal, stderr }, { code: 0, signal: null, stderr: "" });
    return stdout;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const pid of this.processes) {
      try {
        Deno.kill(pid, "SIGKILL");
      } catch {
        // It has ended.
      }
    }
    await this.#program[Symbol.asyncDispose]();
  }
}

// What keeps a program from ending

const ENDS: Record<string, [source: string, printed: string]> = {
  "a process pool that nobody shuts down lets the program end": [
    `const pool = new grove.ProcessPool({ size: { min: 2, max: 2 } });
     console.log(typeof await pool.run(jobs.pid));`,
    "number\n",
  ],
  "a process pool whose processes are still starting lets the program end": [
    `new grove.ProcessPool({ size: { min: 2, max: 2 } });
     console.log("made");`,
    "made\n",
  ],
  "a program does not end while a job runs in a process, also if nobody waits for it": [
    `const pool = new grove.ProcessPool({ size: 1 });
     pool.submit(jobs.busy, 200).onDone(({ state }) => console.log(state));
     console.log("handed in");`,
    "handed in\nsucceeded\n",
  ],
  "a program does not end before a Process that it has started": [
    `const process = new grove.Process(async () => {
       await new Promise((done) => setTimeout(done, 200));
       console.log("inside");
     });
     process.start().join().then(console.log);
     console.log("started");`,
    "started\ninside\n0\n",
  ],
  "a program ends before a Process that is a daemon, and ends it": [
    `const process = new grove.Process(jobs.linger, ["/none", false], { daemon: true });
     process.start();
     console.log("started");`,
    "started\n",
  ],
  "a program ends before a module in a Process that is a daemon, and ends it": [
    `const process = new grove.Process(
       ${JSON.stringify(import.meta.resolve("./process/waits.ts"))},
       [Deno.env.get("TMPDIR") + "/gate"],
       { daemon: true, permissions: "all" },
     );
     process.start();
     console.log("started");`,
    "started\n",
  ],
  "a program that exits takes its processes along": [
    `const pool = new grove.ProcessPool({ size: 2, permissions: "all" });
     const process = new grove.Process(jobs.linger, [Deno.env.get("TMPDIR") + "/a", true], { permissions: "all" });
     process.start();
     const gate = Deno.env.get("TMPDIR") + "/gate";
     pool.submit(jobs.loop, gate);
     while (!exists(gate + ".entered") || !exists(Deno.env.get("TMPDIR") + "/a.entered")) await grove.sleep(1);
     console.log("running");
     Deno.exit(0);
     function exists(file) { try { Deno.statSync(file); return true; } catch { return false; } }`,
    "running\n",
  ],
};

for (const [what, [source, printed]] of Object.entries(ENDS)) {
  Deno.test(what, onLinux, async () => {
    using folder = new Folder();
    await using running = await Marked.start(folder, source);
    assertEquals(await running.printed(), printed);
    await running.gone();
  });
}

Deno.test(
  "a program whose standard error nobody reads hears of the deaths of its processes all the same",
  onLinux,
  async () => {
    using folder = new Folder();
    const file = folder.file("program.ts");
    Deno.writeTextFileSync(
      file,
      `import { ProcessPool } from "${new URL("../../mod.ts", import.meta.url)}";
     import * as jobs from "${jobs}";
     await using pool = new ProcessPool({ size: 1, permissions: "all" });
     const error = await pool.submit(jobs.dieWaiting, "SIGKILL", "/dev/null", 0).error();
     console.log(error.message);`,
    );
    const child = new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "--allow-all", file],
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    await child.stderr.cancel();
    const stdout = await new Response(child.stdout).text();
    await child.status;
    assertStringIncludes(stdout, "it was killed by SIGKILL");
  },
);

// When a program is killed

/** Programs that have processes of all kinds, in all states, and tell when they have them. */
const PROGRAMS: Record<string, string> = {
  "idle, running and spinning ones": `
    const folder = Deno.env.get("TMPDIR");
    const pool = new grove.ProcessPool({ size: 3, permissions: "all" });
    const idle = new grove.ProcessPool({ size: { min: 1, max: 1 } });
    await idle.run(jobs.pid);
    pool.submit(jobs.loop, folder + "/a");
    pool.submit(jobs.wait, folder + "/b", "ignore");
    new grove.Process(jobs.linger, [folder + "/c", true], { permissions: "all" }).start();
    new grove.Process(jobs.loop, [folder + "/d"], { permissions: "all", daemon: true }).start();
    new grove.Process(${
    JSON.stringify(import.meta.resolve("./process/waits.ts"))
  }, [folder + "/e"], { permissions: "all" }).start();
    for (const name of "abcde") {
      while (!exists(folder + "/" + name + ".entered")) await grove.sleep(1);
    }
    console.log("ready");
    await grove.sleep(Infinity);
    function exists(file) { try { Deno.statSync(file); return true; } catch { return false; } }`,
  "starting ones": `
    new grove.ProcessPool({ size: { min: 2, max: 2 }, permissions: "all" });
    new grove.Process(() => { for (;;); }).start();
    console.log("ready");
    await grove.sleep(Infinity);`,
  "ones whose pool is blocked": `
    const pool = new grove.ProcessPool({ size: { min: 2, max: 2 } });
    await pool.run(jobs.pid);
    pool.submit(() => { for (;;); });
    await grove.sleep(5);
    console.log("ready");
    for (;;);`,
};

for (const [what, source] of Object.entries(PROGRAMS)) {
  Deno.test(
    `after SIGKILL of a program nothing is left of its processes: ${what}`,
    onLinux,
    async () => {
      using folder = new Folder();
      await using running = await Marked.start(folder, source);
      await running.program.printed(/ready/);
      assert(running.processes.length > 1, "it has some");

      running.program.kill("SIGKILL");

      await running.program.end();
      await running.gone();
    },
  );
}

Deno.test("after SIGKILL of a program at any moment no process is left", onLinux, async () => {
  // It starts and ends processes all the time.
  const source = `
    console.log("ready");
    for (;;) {
      await using pool = new grove.ProcessPool({ size: { min: 2, max: 2 }, permissions: "all" });
      await pool.run(jobs.pid);
      pool.submit(jobs.dieWaiting, "SIGKILL", "/dev/null", 0).error();
      new grove.Process(jobs.pid).start();
      await pool.run(jobs.busy, 1);
    }`;
  for (let round = 0; round < ROUNDS; round++) {
    using folder = new Folder();
    await using running = await Marked.start(folder, source);
    await running.program.printed(/ready/);
    // Any moment will do.
    await sleep(20 + round * 61);
    running.program.kill("SIGKILL");
    await running.program.end();
    await eventually(() => running.processes.length === 0, "all processes have ended");
    // One that it had made for a process that it had not started yet: nobody else knew of it.
    const { left } = folder;
    assert(left.length <= 1, `${left} are left`);
    for (const name of left) Deno.removeSync(folder.file(name), { recursive: true });
  }
});
