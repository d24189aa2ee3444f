/**
 * The classes of views, each at the number that stands for it.
 *
 * @module
 */

/** Makes a view. */
export interface ViewClass {
  new (buffer: ArrayBuffer, offset: number, length: number): ArrayBufferView;
  readonly name: string;
  readonly BYTES_PER_ELEMENT?: number;
}

/** See above. One that the platform does not have is left out, and that is the last. */
export const VIEW_CLASSES: readonly ViewClass[] = [
  DataView,
  Uint8Array,
  Uint8ClampedArray,
  Int8Array,
  Uint16Array,
  Int16Array,
  Uint32Array,
  Int32Array,
  Float32Array,
  Float64Array,
  BigUint64Array,
  BigInt64Array,
  ...(typeof Float16Array === "undefined" ? [] : [Float16Array]),
];

const numbers = new Map(VIEW_CLASSES.map(({ name }, number) => [name, number]));

const nameOf = Object.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype),
  Symbol.toStringTag,
)!.get!;

/** The number of the class of a view, as the structured clone algorithm sees it. */
export function viewNumberOf(view: ArrayBufferView): number {
  // It has the name of what the view is inside, and none for a DataView.
  return numbers.get(nameOf.call(view) ?? DataView.name)!;
}
