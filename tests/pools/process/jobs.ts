/**
 * Portable functions that tests have run in processes. What they have done they write to files, as processes share nothing else;
 * and they wait for files.
 *
 * @module
 */

import {
  openNursery,
  portable,
  ProcessPool,
  progress,
  shield,
  sleep,
  yieldNow,
} from "../../../mod.ts";

const PATIENCE = 20_000;

// What has been done

/** Adds a line to a file, at once. */
function note(file: string, line: unknown): void {
  Deno.writeTextFileSync(file, `${line}\n`, { append: true, create: true });
}

function exists(file: string): boolean {
  try {
    Deno.statSync(file);
    return true;
  } catch {
    return false;
  }
}

/** The process that runs it. */
export const pid = portable(import.meta, function pid(): number {
  return Deno.pid;
});

/** Notes a run. */
export const visit = portable(import.meta, function visit(file: string, index: number): number {
  note(file, index);
  return index;
});

/** Computes for so many milliseconds. */
export const busy = portable(import.meta, function busy(ms: number): number {
  compute(ms);
  return ms;
});

function compute(ms: number): void {
  const end = performance.now() + ms;
  while (performance.now() < end);
}

// What waits

/** Waits in synchronous code, until there is a file. */
function pass(gate: string): void {
  note(`${gate}.entered`, Deno.pid);
  const end = performance.now() + PATIENCE;
  while (!exists(gate) && performance.now() < end);
}

/** Computes until there is a file. */
export const spin = portable(import.meta, function spin(gate: string): number {
  pass(gate);
  return Deno.pid;
});

/** The same, but no time limit can interrupt what comes after an `await`; it is no checkpoint, at which that would end the job. */
export const spinLater = portable(import.meta, async function spinLater(gate: string) {
  await null;
  return spin(gate);
});

/** Computes for ever. It calls nothing of the platform: an error of that may swallow what interrupts it. */
export const loop = portable(import.meta, function loop(gate: string): never {
  note(`${gate}.entered`, Deno.pid);
  for (;;);
});

/** Waits at a checkpoint, and notes how that ended. */
export const wait = portable(
  import.meta,
  async function wait(gate: string, then: "rethrow" | "cleanUp" | "ignore") {
    note(`${gate}.entered`, Deno.pid);
    try {
      await sleep(Infinity);
    } catch (error) {
      if (then === "cleanUp") {
        await shield(async () => {
          await yieldNow();
          note(`${gate}.cleaned`, Deno.pid);
        });
      }
      if (then === "ignore") await new Promise(() => {});
      throw error;
    }
  },
);

/** Reports so many numbers, and waits at a checkpoint. */
export const reportAndWait = portable(import.meta, async function reportAndWait(count: number) {
  for (let n = 0; n < count; n++) progress(n);
  await sleep(Infinity);
});

/** Yields so many numbers, and notes each, and the end. */
export const countTo = portable(
  import.meta,
  function* countTo(file: string, end: number) {
    try {
      for (let n = 0; n < end; n++) {
        note(file, n);
        yield n;
      }
    } finally {
      note(file, "ended");
    }
  },
);

/** Yields what it was given. */
export const yieldAll = portable(import.meta, async function* yieldAll(values: unknown[]) {
  for (const value of values) {
    await yieldNow();
    yield value;
  }
});

// What dies

/** How a process can die by itself. */
export const DEATHS = [
  "Deno.exit",
  "process.exit",
  "uncaught error",
  "unhandled rejection",
  "SIGKILL",
  "SIGTERM",
] as const;

export type Death = typeof DEATHS[number];

export function die(how: Death): unknown {
  switch (how) {
    case "Deno.exit":
      return Deno.exit(7);
    case "process.exit":
      return (globalThis as unknown as { process: { exit(code: number): never } }).process.exit(7);
    case "uncaught error":
      return setTimeout(() => {
        throw new RangeError("last words");
      });
    case "unhandled rejection":
      return void Promise.reject(new RangeError("last words"));
    case "SIGKILL":
    case "SIGTERM":
      console.error("last words");
      Deno.kill(Deno.pid, how);
      for (;;);
  }
}

/** Notes a run, and dies while it waits. */
export const dieWaiting = portable(
  import.meta,
  async function dieWaiting(how: Death, file: string, index: number) {
    note(file, index);
    await yieldNow();
    die(how);
    await sleep(Infinity);
  },
);

/**
 * Notes a run, and returns, or computes, or waits, or dies before it returns: one function for jobs of all kinds, as the pool knows
 * functions by how long they take. It gives where it ran.
 */
export const act = portable(
  import.meta,
  function act(
    what: Death | "count" | "compute" | "pass",
    file: string,
    index: number,
    gate?: string,
  ): unknown {
    note(file, index);
    if (what === "count") return Deno.pid;
    if (what === "compute") {
      compute(5);
      return Deno.pid;
    }
    if (what === "pass") {
      pass(gate!);
      return Deno.pid;
    }
    die(what);
    return new Promise(() => {});
  },
);

/** Ends, and leaves something behind by which its process dies when there is a file. */
export const dieAfterwards = portable(
  import.meta,
  function dieAfterwards(how: Death, gate: string): number {
    const timer = setInterval(() => {
      if (!exists(gate)) return;
      clearInterval(timer);
      die(how);
    }, 1);
    return Deno.pid;
  },
);

/** Reports from synchronous code, and dies. */
export const reportAndExit = portable(import.meta, function reportAndExit(count: number): void {
  for (let n = 0; n < count; n++) progress(n);
  Deno.exit(7);
});

/** Has a large result, while it sends which it can be killed. */
export const large = portable(import.meta, function large(gate: string, size: number) {
  note(`${gate}.entered`, Deno.pid);
  return new Uint8Array(size);
});

/** Starts a program that has the standard error of this process, and is left behind. */
export const startSleeper = portable(import.meta, function startSleeper(): number {
  const sleeper = new Deno.Command("sleep", { args: ["60"], stdin: "null", stdout: "null" })
    .spawn();
  sleeper.unref();
  return sleeper.pid;
});

// What takes memory

export const fillHeap = portable(import.meta, function fillHeap(): never {
  const kept: unknown[] = [];
  for (;;) kept.push({ list: [kept.length, kept.length + 1] });
});

export const fillBuffers = portable(import.meta, async function fillBuffers() {
  const kept: unknown[] = [];
  for (;;) {
    kept.push(new Uint8Array(1 << 20).fill(1));
    await sleep(1);
  }
});

// What is permitted

const KINDS = ["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const;

/** The kinds of permissions that it has as a whole. */
export const permitted = portable(import.meta, async function permitted(): Promise<string[]> {
  const kinds: string[] = [];
  for (const name of KINDS) {
    const { state } = await Deno.permissions.query({ name } as Deno.PermissionDescriptor);
    if (state === "granted") kinds.push(name);
  }
  return kinds;
});

/** What it may do with what it was given to find its pool, which stands in its program. */
export const ownStates = portable(import.meta, async function ownStates(): Promise<string[]> {
  const program = decodeURIComponent(Deno.mainModule);
  const [, folder] = /"folder":"(.*?)"/.exec(program)!;
  const socket = `${folder}/socket`;
  const descriptors: Deno.PermissionDescriptor[] = [
    { name: "read", path: folder },
    { name: "read", path: socket },
    { name: "write", path: folder },
    { name: "write", path: socket },
    { name: "net", host: `unix:${socket}` },
  ];
  const states = descriptors.map((descriptor) => Deno.permissions.query(descriptor));
  return (await Promise.all(states)).map(({ state }) => state);
});

export const stateOf = portable(
  import.meta,
  async function stateOf(descriptor: Deno.PermissionDescriptor): Promise<string> {
    return (await Deno.permissions.query(descriptor)).state;
  },
);

/** Asks for what needs a permission, of each kind. */
export const attempt = portable(import.meta, async function attempt(kind: string) {
  switch (kind) {
    case "read":
      return Deno.readTextFileSync("/etc/hostname");
    case "write":
      return Deno.writeTextFileSync("/tmp/grove_not_there/file", "");
    case "net":
      return await Deno.connect({ hostname: "127.0.0.1", port: 9 });
    case "env":
      return Deno.env.get("HOME");
    case "run":
      return new Deno.Command("true").outputSync();
    case "sys":
      return Deno.hostname();
    case "ffi":
      return Deno.dlopen("/lib/none.so", {});
  }
});

export const variable = portable(import.meta, function variable(name: string) {
  return Deno.env.get(name);
});

export const folder = portable(import.meta, function folder(): string {
  return Deno.cwd();
});

// What meddles with the connection: what a process sends is not to be believed.

/** Sends bytes in the place of the next message, or after some of its bytes. */
export const corrupt = portable(
  import.meta,
  async function corrupt(socket: string, bytes: Uint8Array, isTorn: boolean) {
    const listener = Deno.listen({ transport: "unix", path: socket });
    const own = await Deno.connect({ transport: "unix", path: socket });
    const prototype = Object.getPrototypeOf(Object.getPrototypeOf(own));
    const { write } = prototype;
    own.close();
    listener.close();
    prototype.write = async function (this: Deno.Conn, message: Uint8Array) {
      if (isTorn) {
        await write.call(this, message.subarray(0, message.length - 1));
        this.close();
        return message.length;
      }
      await write.call(this, bytes);
      return message.length;
    };
    return "as if nothing had happened";
  },
);

/** Leaves a task behind, and computes for ever. */
export const spinWithChild = portable(import.meta, function spinWithChild() {
  openNursery().spawn(() => sleep(1_000_000));
  for (;;);
});

/** Has a process of a pool of its own do something. */
export const inPoolOfItsOwn = portable(
  import.meta,
  async function inPoolOfItsOwn(n: number): Promise<number> {
    await using pool = new ProcessPool({ size: 1 });
    return await pool.run(twice, n);
  },
);

export const twice = portable(import.meta, function twice(n: number) {
  return 2 * n;
});

/** Imports what it is told to. */
export const load = portable(import.meta, async function load(specifier: string) {
  return Object.keys(await import(specifier));
});

/** Fails with an error that has memory in it that goes to no process. */
export const failWithMemory = portable(import.meta, function failWithMemory() {
  const shared = new Uint8Array(new SharedArrayBuffer(1));
  throw Object.assign(new RangeError("out of it"), { code: 7, shared: [shared] });
});

// What Process has to do

/** Notes what it was called with. */
export const noteAll = portable(import.meta, function noteAll(file: string, ...args: unknown[]) {
  note(file, JSON.stringify(args));
});

/** Waits for its end, in spite of SIGTERM if it is stubborn. */
export const linger = portable(
  import.meta,
  async function linger(gate: string, isStubborn: boolean) {
    if (isStubborn) {
      Deno.addSignalListener("SIGTERM", () => note(`${gate}.asked`, Deno.pid));
      setInterval(() => {}, 1000);
    }
    note(`${gate}.entered`, Deno.pid);
    await new Promise(() => {});
  },
);

export const exitWith = portable(import.meta, function exitWith(code: number): never {
  Deno.exit(code);
});

export const failWith = portable(import.meta, function failWith(message: string): never {
  throw new RangeError(message);
});
