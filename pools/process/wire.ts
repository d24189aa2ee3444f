/**
 * How values get to a process and back: as bytes, made at once, so that what cannot travel is an
 * error where it is handed in.
 *
 * @module
 */

import { decode, kindsIn } from "../../primitives/codec/decode.ts";
import { Encoder } from "../../primitives/codec/encoder.ts";
import { loadKinds } from "../passing.ts";
import { refusal } from "../payload.ts";
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
    try {
      return { values: encoder.encode(values, "").slice(), moved: NOTHING };
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const path = error.path.replace(/\[(\d+)\]/, (_, index) => nameOf(Number(index)));
      throw refusal(error.value, path, "process");
    }
  },
  unpack(values) {
    // Plain data that needs nothing of this goes as it is.
    if (!(values instanceof Uint8Array)) return values as readonly unknown[];
    const unpack = () => decode(values) as readonly unknown[];
    return loadKinds(kindsIn(values))?.then(unpack) ?? unpack();
  },
};
