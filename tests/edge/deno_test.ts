/**
 * The library under Deno without any permission, and by `deno serve`.
 *
 * @module
 */

import { assertEquals, assertMatch } from "@std/assert";
import { FLAGS, MAIN } from "../examples/app.ts";
import { Program } from "../io/program.ts";
import { ANSWERS, askApp, chat, EVENTS } from "./programs/app_answers.ts";
import { expected } from "./programs/tour.ts";

/** Runs a program without any permission. */
async function unpermitted(module: string) {
  await using run = new Program(["run", "--no-prompt", `tests/edge/programs/${module}`]);
  const { code, stdout, stderr } = await run.end();
  return { code, stderr, printed: JSON.parse(stdout) };
}

Deno.test("Deno runs the library without permission, and what that bars is an error when it is used", async () => {
  const { code, stderr, printed } = await unpermitted("prints.ts");
  assertEquals(code, 0);
  assertEquals(printed.tour, expected());
  const { "serveOnCores, on all": _, WorkerPool, ProcessPool, Process, datagrams, ...rest } =
    printed.missing;
  const barred = (what: string, where: string, flags: string) =>
    `NotCapable: Cannot ${what} ${where} as the program is not permitted to. Run it with ${flags}`;
  const [any, file] = ["127.0.0.1:0", "grove-edge.sock"];
  assertEquals(rest, {
    listen: barred("listen on", any, `--allow-net=${any}`),
    "listen, by TLS": barred("listen on", any, `--allow-net=${any}`),
    "listen, by a file": barred(
      "listen on",
      file,
      `--allow-net=unix:${file} --allow-read=${file} --allow-write=${file},${file}.lock`,
    ),
    connect: barred("connect to", "127.0.0.1:9", "--allow-net=127.0.0.1:9"),
    serve: barred("listen on", any, `--allow-net=${any}`),
    serveHttp: barred("listen on", any, `--allow-net=${any}`),
    serveOnCores:
      "Error: Cannot serve on cores with 2 workers as Deno shares a port behind a flag only. Run it with --unstable-net, or set 'workers' to 1",
    FileLock:
      'NotCapable: Cannot acquire file lock "grove-edge.lock" as the program is not permitted to open its file. Run it with --allow-read=grove-edge.lock --allow-write=grove-edge.lock',
    SharedLock: "held",
    upgradeWebSocket: "can be",
    main: true,
  });
  assertEquals(
    datagrams,
    "Error: Cannot open datagrams as Deno has them behind a flag. Run it with --unstable-net",
  );
  assertMatch(
    WorkerPool,
    /^WorkerCrashedError: Cannot start the worker .* Requires read access to .*grove_worker\.ts/,
  );
  // Deno says so too. On a single core, all cores are one worker, which needs no shared port.
  const workers = navigator.hardwareConcurrency === 1 ? ["pool-1", "cores 1"] : ["pool-1"];
  assertEquals(
    stderr.replaceAll(/ Requires read access to .*/g, ""),
    workers.map((worker) => `error: Uncaught (in worker "${worker}")\n`).join(""),
  );
  if (Deno.build.os === "windows") return;
  assertMatch(ProcessPool, /^WorkerCrashedError: Cannot start the worker .*: Requires .* access/);
  assertMatch(Process, /^NotCapable: Cannot start "process" .* It needs --allow-run, and /);
});

Deno.test("Deno runs the app's HTTP part without permission", async () => {
  const printed = { answers: ANSWERS, events: EVENTS };
  assertEquals(await unpermitted("app.ts"), { code: 0, stderr: "", printed });
});

for (const flags of [[], ["--parallel"]]) {
  const command = ["deno serve", ...flags].join(" ");
  Deno.test(`${command} serves the app's HTTP part`, async () => {
    await using run = new Program([
      "serve",
      ...flags,
      "--no-prompt",
      "--port=0",
      "--host=127.0.0.1",
      ...FLAGS,
      MAIN,
    ], { DENO_JOBS: "2" });
    const [, base] = await run.printed(/^(?:\[serve-worker-0 \] )?HTTP on (http:.*)\/$/m);
    const ask = (path: string, init?: RequestInit) => fetch(`${base}${path}`, init);
    assertEquals(await askApp(ask), ANSWERS);
    // Threads have nothing in common: two requests may not know of each other.
    if (flags.length === 0) assertEquals(await chat(ask), EVENTS);
    // In the orderly way Deno waits for the connections that `fetch` keeps for later.
    run.kill("SIGKILL");
    const { stdout } = await run.end();
    assertEquals(stdout.match(/ on .*/g), [` on ${base}/`]);
  });
}
