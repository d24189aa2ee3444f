/**
 * How values get from a pool to its workers and back.
 *
 * @module
 */

import { packValues, type PassedOn, unpackValues } from "../passing.ts";

/** Values that are ready for the way. */
export interface Shipment {
  /** What both sides have agreed on: only the wire knows. */
  readonly values: unknown;
  /** What was taken out of them. */
  readonly passed?: readonly PassedOn[] | undefined;
  /** What is moved with them. */
  readonly moved: readonly Transferable[];
}

/** See above. Both sides have the same. */
export interface Wire {
  /**
   * Makes values ready for the way.
   *
   * @param values The values.
   * @param nameOf What each is called.
   * @throws {NotPortableError} When one of them cannot travel, with the way to it.
   */
  pack(values: readonly unknown[], nameOf: (index: number) => string): Shipment;
  /** Makes values of what has come: a promise of them where a module has to be loaded for that. */
  unpack(
    values: unknown,
    passed: readonly PassedOn[] | undefined,
  ): readonly unknown[] | Promise<readonly unknown[]>;
}

/** For threads: the platform clones what they send to each other. */
export const THREAD_WIRE: Wire = {
  pack: packValues,
  unpack: (values, passed) => unpackValues(values as readonly unknown[], passed),
};
