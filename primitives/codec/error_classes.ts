/**
 * The classes of errors that the structured clone algorithm knows, each at the number that stands
 * for it. All others become the first.
 *
 * @module
 */

/** See above. */
export const ERROR_CLASSES: readonly ErrorConstructor[] = [
  Error,
  EvalError,
  RangeError,
  ReferenceError,
  SyntaxError,
  TypeError,
  URIError,
];

/** The number of the class that an error is cloned as: by its name, and not by its class. */
export function errorNumberOf(error: Error): number {
  const { name } = error;
  return Math.max(0, ERROR_CLASSES.findIndex((known) => known.name === name));
}
