/**
 * Makes bytes of what travels to other processes and machines.
 *
 * @module
 */

import { Encoder } from "../primitives/codec/encoder.ts";

/** What cannot be made bytes of, and the way to it. */
export class RefusedValue extends Error {
  readonly value: unknown;
  readonly path: string;

  constructor(value: unknown, path: string) {
    super();
    this.value = value;
    this.path = path;
  }
}

/** Throws a {@linkcode RefusedValue} where it cannot: only its user knows what to call that. */
export const byteEncoder: Encoder = new Encoder((value, path) => new RefusedValue(value, path));
