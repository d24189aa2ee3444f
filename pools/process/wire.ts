/**
 * How values get to a process and back: as bytes, made at once, so that what cannot travel is an
 * error where it is handed in.
 *
 * @module
 */

import { decode } from "../../primitives/codec/decode.ts";
import { byteEncoder, RefusedValue } from "../byte_encoder.ts";
import { dropPassed, packValues, type PassedOn, unpackValues } from "../passing.ts";
import { named, refusal, sharedRefusal } from "../payload.ts";
import type { Wire } from "../remote/wire.ts";

const NOTHING: readonly never[] = [];

/** See above. */
export const PROCESS_WIRE: Wire = {
  pack(values, nameOf) {
    const { values: rest, passed } = packValues(values, nameOf, "process");
    try {
      for (const one of passed ?? NOTHING) checkPassed(one, nameOf);
      return { values: byteEncoder.encode(rest, "").slice(), passed, moved: NOTHING };
    } catch (error) {
      dropPassed(passed);
      if (!(error instanceof RefusedValue)) throw error;
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
    byteEncoder.encode(data, "");
  } catch (error) {
    if (!(error instanceof RefusedValue)) throw error;
    const [index, ...steps] = paths[0];
    const path = nameOf(Number(index)) + steps.map((step) => `[${JSON.stringify(step)}]`).join("");
    throw sharedRefusal(kind, path);
  }
}
