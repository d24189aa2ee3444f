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
