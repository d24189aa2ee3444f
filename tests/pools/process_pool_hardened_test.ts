/**
 * What jobs and surroundings may be like without the pool and its program coming to harm.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  ClosedError,
  Pipe,
  type PipeEnd,
  Process,
  ProcessPool,
  TimeoutError,
  WorkerPool,
} from "../../mod.ts";
import { thrownBy } from "../primitives/outcome.ts";
import { inModule } from "./modules.ts";
import { failWithMemory, inPoolOfItsOwn, load, pid, spinWithChild, twice } from "./process/jobs.ts";
import { eventually, isRunning, ownChildren } from "./process/shared.ts";

const neverLoads = inModule("never.ts", "never") as (end: PipeEnd<number, number>) => void;

Deno.test("P4: a process whose job was interrupted over tasks that it had opened is replaced, and ends", async () => {
  await using pool = new ProcessPool({ size: 1, grace: 60_000 });
  const process = await pool.run(pid);
  assertInstanceOf(await thrownBy(pool.with({ timeout: 50 }).run(spinWithChild)), TimeoutError);
  assert(await pool.run(pid) !== process);
  await eventually(() => !isRunning(process), "the process has ended");
});

Deno.test("a time limit is for the function, and not for the load of its module", async () => {
  await using pool = new ProcessPool({ size: 1, permissions: { read: true } });
  assertEquals(await pool.with({ timeout: 250 }).run(inModule("slow.ts", "quick")), "quick");
});

Deno.test("a pool of processes in a process, and in a worker, finds the program's configuration", async () => {
  for (const Pool of [WorkerPool, ProcessPool]) {
    await using pool = new Pool({ size: 1, permissions: Pool === ProcessPool ? "all" : undefined });
    assertEquals(await pool.run(inPoolOfItsOwn, 21), 42, Pool.name);
  }
});

Deno.test("by default a job cannot have modules fetched: what it asks for would leave the machine", async () => {
  await using pool = new ProcessPool({ size: 1 });
  for (const specifier of ["npm:grove-has-no-such-package@1.0.0", "https://esm.sh/?secret=1"]) {
    const error = await assertRejects(() => pool.run(load, specifier), TypeError);
    assertStringIncludes(error.message, "--cached-only");
  }
});

Deno.test("P6: an error comes without those of its fields that go to no process, and the process lives", async () => {
  await using pool = new ProcessPool({ size: 1 });
  const process = await pool.run(pid);
  const error = await assertRejects(() => pool.run(failWithMemory), RangeError, "out of it");
  assertEquals([(error as { code?: number }).code, "shared" in error], [7, false]);
  assertEquals(await pool.run(pid), process);
});

const onLinux = { ignore: Deno.build.os !== "linux" };

Deno.test(
  "P5: a job does not fail for a process that was killed before it had anything to do",
  onLinux,
  async () => {
    await using pool = new ProcessPool({ size: { min: 1, max: 1 } });
    await eventually(() => pool.stats().idle === 1, "a process is ready");
    const isReaper = (pid: number) =>
      Deno.readTextFileSync(`/proc/${pid}/cmdline`).includes("grove_reaper.ts");
    const [process] = ownChildren().filter((pid) => !isReaper(pid));
    Deno.kill(process, "SIGKILL");
    assertEquals(await pool.run(twice, 4), 8);
  },
);

Deno.test("P10: the end of a pipe that has gone to a process which is killed before it has it is closed", async () => {
  await using pool = new ProcessPool({ size: 1, permissions: { read: true } });
  const process = await pool.run(pid);
  const [here, there] = new Pipe<number>();
  const job = pool.submit(neverLoads, there);
  await eventually(() => pool.stats().running === 1, "the module is being loaded");
  Deno.kill(process, "SIGKILL");
  await thrownBy(job.result());
  await assertRejects(() => here.receive(), ClosedError);
});

Deno.test("P10: the end of a pipe that has gone to a Process which is killed at once is closed", async () => {
  const [here, there] = new Pipe<number>();
  const process = new Process((end: PipeEnd<number, number>) => end.receive(), [there]).start();
  process.kill();
  await process.join();
  await assertRejects(() => here.receive(), ClosedError);
});

for (
  const [what, name] of Object.entries({
    "has a comma in it": "a,b",
    "is too long for a socket": "x".repeat(120),
  })
) {
  Deno.test(`a folder for temporary files whose path ${what} is not used`, async () => {
    const outer = Deno.env.get("TMPDIR");
    const folder = Deno.makeTempDirSync();
    Deno.mkdirSync(`${folder}/${name}`);
    Deno.env.set("TMPDIR", `${folder}/${name}`);
    try {
      await using pool = new ProcessPool({ size: 1 });
      assertEquals(await pool.run(twice, 2), 4);
      assertEquals([...Deno.readDirSync(`${folder}/${name}`)], []);
    } finally {
      if (outer === undefined) Deno.env.delete("TMPDIR");
      else Deno.env.set("TMPDIR", outer);
      Deno.removeSync(folder, { recursive: true });
    }
  });
}

Deno.test("E1: what a process is to live in is checked when its pool is made", () => {
  const wrong = {
    env: [null, { A: 1 }, "A=1"],
    cwd: [5, new URL("https://example.com/")],
    permissions: [[], null, "some"],
    denoFlags: ["--allow-all", ["allow-all"]],
  };
  for (const [option, values] of Object.entries(wrong)) {
    for (const value of values) {
      assertThrows(
        () => new ProcessPool({ [option]: value } as object),
        TypeError,
        `'${option}'`,
        `${option}: ${Deno.inspect(value)}`,
      );
    }
  }
});
