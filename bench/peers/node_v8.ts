/**
 * A program that copies a value by `node:v8`, the arguments saying which and how often, and prints the milliseconds that it took:
 * a process of its own, as it slows `structuredClone` down for good in its own.
 *
 * @module
 */

import { deserialize, serialize } from "node:v8";
import { type ValueName, VALUES } from "../codec_values.ts";

const [name, size] = Deno.args;
const value = VALUES[name as ValueName];

function run(size: number): number {
  const start = performance.now();
  for (let i = 0; i < size; i++) {
    if (deserialize(serialize(value)).name !== value.name) throw new Error("Not the same");
  }
  return performance.now() - start;
}

run(1000);
console.log(run(Number(size)));
