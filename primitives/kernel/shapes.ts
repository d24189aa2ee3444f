/**
 * Shapes that are to be remembered. When a collection finds no instance of a class alive, V8
 * forgets the layout that it had worked out for it, and throws away the code compiled for that; a
 * program that is idle now and then would compile its hot paths again each time (measured: a spawn
 * took 40 % longer). One instance of each hot class, kept for ever, prevents it.
 *
 * @module
 */

const kept: object[] = [];

/** Keeps an instance alive, for the sake of its class. */
export function keepShape(instance: object): void {
  kept.push(instance);
}
