/**
 * A program that ends the processes which another program has started, should that one be killed:
 * one that computes does not hear that its parent is gone. It also ends those that take more memory
 * than they may, where the system tells.
 *
 * It is told by lines: "started PID LIMIT", with a limit of memory in bytes or "Infinity", and
 * "ended PID". When no more can come, its parent is gone, and it ends what has not ended.
 *
 * @module
 */

// How often it looks at the memory, in milliseconds.
const INTERVAL = 50;

/** The limits of the processes, by their ids. */
const limits = new Map<number, number>();
let timer: ReturnType<typeof setInterval> | undefined;

function kill(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

function hear(line: string): void {
  const [what, pid, limit] = line.split(" ");
  if (what === "started") limits.set(Number(pid), Number(limit));
  else limits.delete(Number(pid));
  if (limits.values().some((limit) => limit !== Infinity)) timer ??= setInterval(look, INTERVAL);
  else {
    clearInterval(timer);
    timer = undefined;
  }
}

function look(): void {
  for (const [pid, limit] of limits) if (residentOf(pid) > limit) kill(pid);
}

function residentOf(pid: number): number {
  try {
    const [, kibibytes = 0] = /^VmRSS:\s+(\d+)/m.exec(
      Deno.readTextFileSync(`/proc/${pid}/status`),
    )!;
    return Number(kibibytes) * 1024;
  } catch {
    return 0; // It has ended, or the system does not tell.
  }
}

// Ctrl-C in a terminal is meant for the program, which tells this one when it ends.
Deno.addSignalListener("SIGINT", () => {});

let rest = "";
for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (rest + text).split("\n");
  rest = lines.pop()!;
  for (const line of lines) hear(line);
}

for (const pid of limits.keys()) kill(pid);
Deno.exit();
