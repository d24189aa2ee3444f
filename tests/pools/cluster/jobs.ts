/**
 * Portable functions that tests have run on workers of a cluster, here and in other processes.
 *
 * @module
 */

import { currentTask, Event, portable, progress, sleep, TaskLocal } from "../../../mod.ts";

export const add = portable(import.meta, function add(a: number, b: number): number {
  return a + b;
});

export const same = portable(import.meta, function same(value: unknown): unknown {
  return value;
});

export const fail = portable(import.meta, function fail(message: string): never {
  throw Object.assign(new RangeError(message, { cause: new TypeError("below") }), { code: 7 });
});

export const name = portable(import.meta, function name(): string {
  return currentTask().name;
});

/** Ends when it is cancelled. */
export const forever = portable(import.meta, async function forever(): Promise<void> {
  progress("runs");
  await new Event().wait();
});

export const later = portable(import.meta, async function later<T>(ms: number, value: T) {
  await sleep(ms);
  return value;
});

export const report = portable(import.meta, async function report(values: unknown[]) {
  for (const value of values) {
    progress(value);
    await sleep(0);
  }
  return values.length;
});

/** So many numbers. */
export const count = portable(import.meta, async function* count(upTo: number) {
  for (let i = 0; i < upTo; i++) {
    await Promise.resolve();
    yield i;
  }
});

export const request = new TaskLocal<string>({ name: "request", portable: true });

export const inRequest = portable(import.meta, function inRequest(): string {
  return request.get() ?? "none";
});

/** What jobs have done in this process, in order. */
export const log: unknown[] = [];

export const note = portable(import.meta, function note(value: unknown): void {
  log.push(value);
});

/** Gates that jobs of this process wait at, by name. */
export const gates: Map<string, Event> = new Map();

export const passGate = portable(import.meta, async function passGate(gate: string) {
  log.push(`at ${gate}`);
  try {
    await gates.get(gate)!.wait();
    return gate;
  } finally {
    log.push(`left ${gate}`);
  }
});

/** What jobs of this process wait for and are not to be cancelled in. */
export const deafTo: Map<string, Promise<unknown>> = new Map();

export const deaf = portable(import.meta, async function deaf(to: string) {
  log.push(`deaf to ${to}`);
  await deafTo.get(to);
});

/** Numbers without end; what it has done is in the log. */
export const naturals = portable(import.meta, async function* naturals() {
  try {
    for (let i = 0;; i++) {
      log.push(i);
      yield i;
      await Promise.resolve();
    }
  } finally {
    log.push("over");
  }
});

export const thenFail = portable(import.meta, async function* thenFail(items: unknown[]) {
  yield* items;
  await Promise.resolve();
  throw new RangeError("no more");
});

export const die = portable(import.meta, function die(code: number): never {
  return (globalThis as unknown as { process: { exit(code: number): never } }).process.exit(code);
});

/** The code is at the end of much else. */
export const dieWith = portable(import.meta, function dieWith(bytes: Uint8Array): void {
  die(bytes.at(-1)!);
});

export const whoAmI = portable(import.meta, function whoAmI(): number {
  return (globalThis as unknown as { process: { pid: number } }).process.pid;
});

/** Waits until there is a file, wherever it runs. */
async function until(file: string): Promise<void> {
  while (!await Deno.stat(file).then(() => true, () => false)) await sleep(50);
}

export const whoAmIOnce = portable(import.meta, async function whoAmIOnce(file: string) {
  await until(file);
  return whoAmI();
});

export const spin = portable(import.meta, function spin(): never {
  for (;;);
});

/** Takes so long, and then makes a mark in the file of its number. */
export const mark = portable(
  import.meta,
  async function mark(folder: string, number: number, ms: number): Promise<number> {
    await sleep(ms);
    await Deno.writeTextFile(`${folder}/${number}`, "x", { append: true });
    return number;
  },
);

/** Makes a mark once there is a file. */
export const markOnce = portable(
  import.meta,
  async function markOnce(folder: string, number: number, file: string): Promise<number> {
    await until(file);
    return await mark(folder, number, 0);
  },
);
