import { assertEquals } from "@std/assert";
import { Program, program } from "./program.ts";

Deno.test("io: loading it needs no permission and starts nothing", async () => {
  await using run = await program(`console.log(typeof grove.main, typeof grove.serve);`);
  assertEquals(await run.end(), {
    code: 0,
    signal: null,
    stdout: "function function\n",
    stderr: "",
  });
});

Deno.test("io: it loads and runs where there is neither Deno nor a process, and with Node's process", async () => {
  await using run = new Program(["run", "--no-prompt", "tests/io/programs/bare.ts"]);
  const { code, stdout, stderr } = await run.end();
  const advice = "Run it under Deno; fetchHandler() serves HTTP everywhere";
  assertEquals([code, stderr, stdout.trimEnd().split("\n")], [0, "", [
    `Cannot listen as this platform has no sockets. ${advice}`,
    `Cannot connect as this platform has no sockets. ${advice}`,
    `Cannot serve HTTP as this platform has no sockets. ${advice}`,
    "hello",
    "499",
    "local",
    "main without a process",
    "SIGINT,SIGTERM,SIGUSR1,SIGQUIT",
    "stopping true",
    "143 0",
  ]]);
});
