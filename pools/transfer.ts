/**
 * Values that are moved to the other side, and not copied.
 *
 * @module
 */

import { show } from "../primitives/kernel/check.ts";

// Kept beside the values, and not in a wrapper: what a job is called with keeps its type.
const moved = new WeakMap<object, readonly Transferable[]>();

/**
 * Marks a value, an argument of a job or what a job returns, as one whose buffers are moved to the
 * other thread in no time, and not copied. On this side they are gone then.
 *
 * In a `TaskPool` nothing is copied anyhow, and this changes nothing.
 *
 * @typeParam T The type of the value.
 * @param value The value: the buffer itself, or an object that has it somewhere.
 * @param buffers What is moved: `ArrayBuffer`s, `MessagePort`s, streams. Default: the value itself,
 * or the buffer that it is a view of.
 * @returns The value itself.
 * @throws {TypeError} When the value is no object, or the buffers are no list.
 *
 * @example
 * ```ts
 * import { TaskPool, transfer } from "@grove/grove";
 *
 * await using pool = new TaskPool(1);
 * const pixels = new Uint8Array(1024);
 * const length = await pool.run((bytes: Uint8Array) => bytes.length, transfer(pixels));
 * console.log(length); // 1024
 * ```
 */
export function transfer<T extends object>(value: T, buffers?: readonly Transferable[]): T {
  if (typeof value !== "object" || value === null) {
    throw new TypeError(
      `Cannot transfer a value that has no buffers: received ${show(value)}. Pass it as it is`,
    );
  }
  if (buffers !== undefined && !Array.isArray(buffers)) {
    throw new TypeError(
      `Cannot transfer a value as the buffers must be a list: received ${show(buffers)}`,
    );
  }
  const own = ArrayBuffer.isView(value) ? value.buffer as ArrayBuffer : value as Transferable;
  moved.set(value, buffers ?? [own]);
  return value;
}

/** What is to be moved with a value. */
export function transferOf(value: object): readonly Transferable[] | undefined {
  return moved.get(value);
}
