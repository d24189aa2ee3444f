/**
 * Portable functions that tests have run on workers. They stand in a module of their own, so that a worker does not load the
 * tests.
 *
 * @module
 */

import {
  BrokenResourceError,
  cancellable,
  currentTask,
  OverloadedError,
  portable,
  progress,
  shield,
  sleep,
  taskGroup,
  TaskLocal,
  transfer,
  yieldNow,
} from "../../mod.ts";
import type { Cells } from "./shared.ts";

const worker = globalThis as unknown as {
  name: string;
  close(): void;
  process: { exit(code: number): never };
};

// What is simple

export const add = portable(import.meta, function add(a: number, b: number): number {
  return a + b;
});

export const same = portable(import.meta, function same(value: unknown): unknown {
  return value;
});

export const sameLater = portable(import.meta, async function sameLater(value: unknown) {
  await yieldNow();
  return value;
});

/** Has nothing to do, and the name of the worker as its result. */
export const whereAmI = portable(import.meta, function whereAmI(): string {
  return worker.name;
});

export const myName = portable(import.meta, function myName(): string {
  return currentTask().name;
});

/** Counts a run. */
export const visit = portable(import.meta, function visit(runs: Cells, index: number): number {
  Atomics.add(runs, index, 1);
  return index;
});

/** Takes the next number, and so shows its place among others. */
export const takePlace = portable(import.meta, function takePlace(places: Cells): number {
  return Atomics.add(places, 0, 1);
});

// What waits at a gate

/** Waits in synchronous code, which nothing can end. */
export const pass = portable(import.meta, function pass(gate: Cells): string {
  enter(gate);
  Atomics.wait(gate, 1, 0);
  return worker.name;
});

/** Computes until it is let go: a time limit can interrupt that. */
export const spin = portable(import.meta, function spin(gate: Cells): string {
  enter(gate);
  while (Atomics.load(gate, 1) === 0);
  return worker.name;
});

/** The same, but no time limit can interrupt what comes after an `await`; it is no checkpoint, at which that would end the job. */
export const spinLater = portable(import.meta, async function spinLater(gate: Cells) {
  await null;
  return spin(gate);
});

/** Waits at a checkpoint. */
export const passAsync = portable(import.meta, async function passAsync(gate: Cells) {
  enter(gate);
  await cancellable(opened(gate));
  return worker.name;
});

/** Waits, and does not hear of a cancellation. */
export const passDeaf = portable(import.meta, async function passDeaf(gate: Cells) {
  enter(gate);
  await opened(gate);
  return worker.name;
});

/** Waits; when it is cancelled it tells why, and does what it is told to. */
export const passAndThen = portable(
  import.meta,
  async function passAndThen(gate: Cells, then: "rethrow" | "return" | "fail" | "cleanUp") {
    enter(gate);
    try {
      return await sleep(Infinity);
    } catch (error) {
      progress(String(currentTask().signal.reason.reason));
      if (then === "return") return "all the same";
      if (then === "fail") throw new RangeError("the clean-up failed");
      if (then === "cleanUp") await shield(() => cancellable(opened(gate)));
      throw error;
    }
  },
);

/** Has a child, which notes that it was cancelled. */
export const parent = portable(import.meta, async function parent(gate: Cells) {
  await taskGroup((group) => {
    group.spawn(async () => {
      try {
        await sleep(Infinity);
      } finally {
        Atomics.add(gate, 1, 1);
      }
    }, { name: "child" });
    enter(gate);
  });
});

export const cancelItself = portable(import.meta, async function cancelItself() {
  currentTask().cancel("enough of it");
  await sleep(Infinity);
});

function enter(gate: Cells): void {
  Atomics.add(gate, 0, 1);
  Atomics.notify(gate, 0);
}

async function opened(gate: Cells): Promise<void> {
  await Atomics.waitAsync(gate, 1, 0).value;
}

// What dies

/** How a worker can die by itself. */
export const DEATHS = [
  "Deno.exit",
  "process.exit",
  "self.close",
  "uncaught error",
  "unhandled rejection",
] as const;

export type Death = typeof DEATHS[number];

export function die(how: Death): unknown {
  switch (how) {
    case "Deno.exit":
      return Deno.exit(7);
    case "process.exit":
      return worker.process.exit(7);
    case "self.close":
      return worker.close();
    case "uncaught error":
      return setTimeout(() => {
        throw new RangeError("last words");
      });
    case "unhandled rejection":
      return void Promise.reject(new RangeError("last words"));
  }
}

/** Counts a run, and dies while it waits. */
export const dieWaiting = portable(
  import.meta,
  async function dieWaiting(how: Death, runs: Cells, index: number) {
    Atomics.add(runs, index, 1);
    await yieldNow();
    die(how);
    await sleep(Infinity);
  },
);

/**
 * Counts a run, and returns, or waits, or dies before it returns: one function for jobs of all kinds, as the pool knows
 * functions by how long they take.
 */
export const act = portable(
  import.meta,
  function act(what: Death | "count" | "pass", runs: Cells, index: number, gate?: Cells): unknown {
    Atomics.add(runs, index, 1);
    if (what === "count") return index;
    if (what === "pass") return pass(gate!);
    die(what);
    return new Promise(() => {});
  },
);

/** Ends, and leaves a timer behind by which the worker dies once the gate is open. */
export const dieAfterwards = portable(
  import.meta,
  function dieAfterwards(how: Death, gate: Cells): void {
    setTimeout(() => {
      Atomics.wait(gate, 1, 0);
      die(how);
    });
  },
);

/** Dies when its result is looked at, to be sent. */
export const dieOfResult = portable(import.meta, function dieOfResult(how: Death): unknown {
  return {
    get result() {
      die(how);
      return how;
    },
  };
});

// What cannot be sent

const UNPORTABLE: Record<string, () => unknown> = {
  "a function": () => () => {},
  "a symbol": () => Symbol("s"),
  "a promise in an object": () => ({ deep: [new WeakMap()] }),
  "an object with a getter that throws": () => ({
    get part() {
      throw new RangeError("from the getter");
    },
  }),
  "a date beside a getter that throws": () => ({
    date: new Date(0),
    get part() {
      throw new RangeError("from the getter");
    },
  }),
  "a proxy that answers nothing": () =>
    new Proxy({}, {
      ownKeys() {
        throw new RangeError("from the proxy");
      },
    }),
};

export const unportable = portable(import.meta, function unportable(kind: string): unknown {
  return UNPORTABLE[kind]();
});

export const unportableLater = portable(
  import.meta,
  async function unportableLater(kind: string) {
    await yieldNow();
    return UNPORTABLE[kind]();
  },
);

// What fails

class Refusal extends RangeError {
  readonly code = "E_REFUSED";
  readonly details = { tried: [1, 2], at: new Date(0) };
  readonly callback = () => {};
}

class Strange extends Error {
  override name = "Strange";
}

const FAILURES: Record<string, () => unknown> = {
  "plain": () => new Error("plain", { cause: new TypeError("deep", { cause: "deepest" }) }),
  "type": () => new TypeError("type"),
  "own class": () => new Refusal("refused"),
  "own name": () => new Strange("strange"),
  "aggregate": () => new AggregateError([new URIError("one"), "two"], "several"),
  "grove": () => new BrokenResourceError("broken"),
  "grove pool": () => new OverloadedError("overloaded"),
  "platform": () => new Deno.errors.NotFound("not found"),
  "dom": () => new DOMException("dom", "DataError"),
  "circle": () => {
    const error = new Error("circle");
    error.cause = error;
    return error;
  },
  "a message that throws": () =>
    Object.defineProperty(new Error(), "message", {
      get() {
        throw new RangeError("from the getter");
      },
    }),
  "a proxy": () =>
    new Proxy(new Error("hidden"), {
      get() {
        throw new RangeError("from the proxy");
      },
    }),
};

export const failure = portable(import.meta, function failure(kind: string): never {
  throw FAILURES[kind]();
});

export const failureLater = portable(import.meta, async function failureLater(kind: string) {
  await yieldNow();
  throw FAILURES[kind]();
});

export const throwValue = portable(import.meta, function throwValue(value: unknown): never {
  throw value;
});

// What reports, and has values of its caller

export const tenant = new TaskLocal<unknown>({ name: "tests.tenant", portable: true });

export const myTenant = portable(import.meta, function myTenant(): unknown {
  return tenant.get();
});

export const myTenantLater = portable(import.meta, async function myTenantLater() {
  await yieldNow();
  return await taskGroup((group) => group.spawn(() => tenant.get()));
});

export const reportAll = portable(import.meta, async function reportAll(values: unknown[]) {
  progress(values[0]);
  await taskGroup((group) => {
    group.spawn(() => {
      for (const value of values.slice(1)) progress(value);
    });
  });
  return values.length;
});

export const reportUnportable = portable(import.meta, function reportUnportable(): string {
  try {
    progress(() => {});
  } catch (error) {
    return (error as Error).name;
  }
  return "nothing";
});

// What moves buffers

export const lengthOf = portable(import.meta, function lengthOf(bytes: Uint8Array): number {
  return bytes.length;
});

const kept: Uint8Array[] = [];

export const giveBuffer = portable(import.meta, function giveBuffer(isMoved: boolean) {
  const bytes = new Uint8Array([1, 2, 3]);
  kept.push(bytes);
  return isMoved ? transfer(bytes) : bytes;
});

/** How long the buffers are that `giveBuffer` has returned, here where they were made. */
export const keptLengths = portable(import.meta, function keptLengths(): number[] {
  return kept.splice(0).map(({ length }) => length);
});

export const echoThroughPort = portable(import.meta, function echoThroughPort(port: MessagePort) {
  return new Promise<void>((resolve) => {
    port.onmessage = ({ data }) => {
      port.postMessage(`echo ${data}`);
      port.close();
      resolve();
    };
  });
});

// What meddles with the worker

export const postForeign = portable(import.meta, function postForeign(message: unknown): void {
  (globalThis as unknown as { postMessage(message: unknown): void }).postMessage(message);
});

// Start-up hooks

let isPrepared = false;

export const prepare = portable(import.meta, async function prepare() {
  await yieldNow();
  isPrepared = true;
});

export const isReady = portable(import.meta, function isReady(): boolean {
  return isPrepared;
});

export const failToStart = portable(import.meta, function failToStart(): never {
  throw new RangeError("not today");
});

export const neverStart = portable(import.meta, function neverStart(): Promise<void> {
  return new Promise(() => {});
});

export const exitAtStart = portable(import.meta, function exitAtStart(): void {
  Deno.exit(3);
});

export const closeAtStart = portable(import.meta, function closeAtStart(): Promise<void> {
  worker.close();
  return new Promise(() => {});
});
