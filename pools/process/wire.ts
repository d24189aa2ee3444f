/**
 * How values get to a process and back: as bytes, made at once, so that what cannot travel is an
 * error where it is handed in.
 *
 * @module
 */

import { decode } from "../../primitives/codec/decode.ts";
import { Encoder } from "../../primitives/codec/encoder.ts";
import { dropPassed, packValues, type PassedOn, unpackValues } from "../passing.ts";
import { named, refusal, sharedRefusal } from "../payload.ts";
import type { Wire } from "../remote/wire.ts";

class Refused extends Error {
  readonly value: unknown;
  readonly path: string;

  constructor(value: unknown, path: string) {
    super();
    this.value = value;
    this.path = path;
  }
}

const encoder = new Encoder((value, path) => new Refused(value, path));
const NOTHING: readonly never[] = [];

/** See above. */
export const PROCESS_WIRE: Wire = {
  pack(values, nameOf) {
    const { values: rest, passed } = packValues(values, nameOf, "process");
    try {
      for (const one of passed ?? NOTHING) checkPassed(one, nameOf);
      return { values: encoder.encode(rest, "").slice(), passed, moved: NOTHING };
    } catch (error) {
      dropPassed(passed);
      if (!(error instanceof Refused)) throw error;
      throw refusal(error.value, named(error.path, nameOf), "process");
    }
  },
  unpack(values, passed) {
    // Plain data that needs nothing of this goes as it is.
    const plain = values instanceof Uint8Array ? decode(values) : values;
    return unpackValues(plain as readonly unknown[], passed);
  },
};

/** What stands for an object may be what processes cannot share. */
function checkPassed({ kind, data, paths }: PassedOn, nameOf: (index: number) => string): void {
  try {
    encoder.encode(data, "");
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    const [index, ...steps] = paths[0];
    const path = nameOf(Number(index)) + steps.map((step) => `[${JSON.stringify(step)}]`).join("");
    throw sharedRefusal(kind, path);
  }
}
