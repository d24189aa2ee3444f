/**
 * The order of items that come without a `compare` function, after Python's: numbers, strings,
 * booleans, dates, and arrays, which compare element by element like its tuples. So
 * `[priority, item]` will do for any item as long as no two priorities are the same.
 *
 * Guarantees that what has no order is an error, and not just somewhere in the queue: JavaScript's
 * own `<` makes strings of objects, and finds NaN neither less than anything nor greater.
 *
 * @module
 */

import { show } from "./kernel/check.ts";

const REMEDY = "Give the queue a 'compare' function, or put [priority, number, item] with a " +
  "number that is never the same twice";

/**
 * Compares two items.
 *
 * @returns A number below zero when `a` comes before `b`, above zero when it comes after, zero when
 * they are equal.
 * @throws {TypeError} When there is no order between them.
 */
export function compareItems(a: unknown, b: unknown): number {
  if (typeof a === "number" && typeof b === "number") {
    if (a < b) return -1;
    if (a > b) return 1;
    if (a === b) return 0;
  } else if (Array.isArray(a) && Array.isArray(b)) {
    return compareArrays(a, b);
  }
  return compareOthers(a, b);
}

/**
 * Asks for an item that can be compared with some other. The first item of a queue is compared with
 * none, and one that has no order would turn away all that come after it. Of an array only the
 * first element is looked at, as the others need no order while there is none that is equal so far.
 *
 * @throws {TypeError} When it can be compared with nothing.
 */
export function checkComparable(item: unknown): void {
  const first = leading(item);
  if (orderOf(first) !== null) return;
  throw new TypeError(
    `Cannot put the item in order as nothing can be compared with it: received ${
      Array.isArray(item) ? `an array that begins with ${name(first)}` : name(item)
    }. ${REMEDY}`,
  );
}

function compareArrays(a: readonly unknown[], b: readonly unknown[]): number {
  // As in Python, what is the very same needs no order.
  if (a === b) return 0;
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a[i];
    const y = b[i];
    if (x === y) continue;
    const order = compareItems(x, y);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function compareOthers(a: unknown, b: unknown): number {
  const kind = orderOf(a);
  if (kind === null || kind !== orderOf(b)) throw orderError(a, b);
  const x = a instanceof Date ? a.getTime() : a as number;
  const y = b instanceof Date ? b.getTime() : b as number;
  return x < y ? -1 : x > y ? 1 : 0;
}

/** Within which order an item can be compared; `null` when within none. */
function orderOf(item: unknown): string | null {
  switch (typeof item) {
    case "number":
      return Number.isNaN(item) ? null : "numbers";
    case "bigint":
      return "numbers";
    case "string":
      return "strings";
    case "boolean":
      return "booleans";
    case "object":
      if (Array.isArray(item)) return "arrays";
      return item instanceof Date && !Number.isNaN(item.getTime()) ? "dates" : null;
    default:
      return null;
  }
}

/** The first element of the first element … of an array, or what is no array, or an empty one. */
function leading(item: unknown): unknown {
  return Array.isArray(item) && item.length > 0 ? leading(item[0]) : item;
}

function orderError(a: unknown, b: unknown): TypeError {
  const pair = `${name(a)} with ${name(b)}`;
  const [x, y] = [orderOf(a), orderOf(b)];
  return new TypeError(
    x !== null && y !== null
      ? `Cannot compare ${pair} as there is no order between ${x} and ${y}. ` +
        "Put items of one kind, or give the queue a 'compare' function"
      : `Cannot compare ${pair} as only numbers, strings, booleans, dates and arrays have an ` +
        `order. ${REMEDY}`,
  );
}

function name(item: unknown): string {
  return item instanceof Date && Number.isNaN(item.getTime()) ? "an invalid Date" : show(item);
}
