/**
 * `codec-small`, `codec-mixed`, `codec-rich`: a value made bytes and a value again. The values are an object of three fields, one
 * of a kilobyte, and that with a Date, a Map, bytes and a bigint in it.
 *
 * The floor is JSON and UTF-8; in `codec-rich` that of the value without what JSON does not know. `structuredClone` makes no
 * bytes: it is what a message to a worker takes.
 *
 * @module
 */

import { decode } from "../primitives/codec/decode.ts";
import { Encoder } from "../primitives/codec/encoder.ts";
import { verify } from "./checked.ts";
import { clocked, timed } from "./clock.ts";
import { type ValueName, VALUES } from "./codec_values.ts";
import type { Contender, Row } from "./row.ts";

const load = { size: 2000 };

const encoder = new Encoder((_, path) => new TypeError(path));
const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder();

interface Named {
  readonly name: string;
}

function copying(name: string, value: Named, copy: (value: Named) => unknown): Contender {
  return timed(name, load, async (size) => {
    for (let i = 0; i < size; i++) verify(name, (copy(value) as Named).name, value.name);
  });
}

function json(value: unknown): unknown {
  return JSON.parse(utf8Decoder.decode(utf8Encoder.encode(JSON.stringify(value))));
}

function coded(value: unknown): unknown {
  return decode(encoder.encode(value, "the value"));
}

function inNodeV8(value: ValueName): Contender {
  const program = new URL("./peers/node_v8.ts", import.meta.url).href;
  return clocked("node:v8", { ...load, note: "in a process of its own" }, async (size) => {
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", program, value, `${size}`],
      stderr: "inherit",
    }).output();
    return Number(new TextDecoder().decode(stdout));
  });
}

function row(value: ValueName, floor: ValueName, title: string, times: number): Row {
  return {
    id: `codec-${value}`,
    title: `${title}, made bytes and a value again`,
    unit: "ns",
    contenders: [
      copying("floor", VALUES[floor], json),
      copying("grove", VALUES[value], coded),
      copying("structuredClone", VALUES[value], structuredClone),
      inNodeV8(value),
    ],
    goals: [{ times, of: "floor" }],
  };
}

export const rows: Row[] = [
  row("small", "small", "an object of three fields", 1.3),
  row("mixed", "mixed", "an object of a kilobyte", 1.3),
  row("rich", "mixed", "an object of a kilobyte with a Date, a Map, bytes and a bigint", 3),
];
