/**
 * Objects that are the same object elsewhere: what stands for one on its way to another thread or
 * process, and how it becomes that object again there. All else that travels is copied.
 *
 * @module
 */

/** Gives what stands for an object on its way. */
export const pass: unique symbol = Symbol("grove.pass");

/** What stands for an object. */
export interface Passed {
  /** What kind of object it is: the name of its class. */
  readonly kind: string;
  /** What it is made of there. It can be cloned. */
  readonly data: unknown;
}

/** An object that can be passed on. */
export interface Passable {
  [pass](): Passed;
}

interface Kind {
  readonly make: (data: never) => unknown;
  readonly drop: ((data: never) => void) | undefined;
}

const kinds = new Map<string, Kind>();

/**
 * Says how objects of a kind are made of what stands for them. Their module says so as it loads.
 *
 * @param kind The kind.
 * @param make Makes one.
 * @param drop Called instead with what never arrives. Default: nothing is to be done.
 */
export function receive<D>(
  kind: string,
  make: (data: D) => unknown,
  drop?: (data: D) => void,
): void {
  kinds.set(kind, { make, drop });
}

/** Whether objects of a kind can be made: their module has loaded. */
export function isReceivable(kind: string): boolean {
  return kinds.has(kind);
}

/** Makes the object that something stands for. */
export function received({ kind, data }: Passed): unknown {
  return kinds.get(kind)!.make(data as never);
}

/** What has been passed on does not arrive, and is not passed on again. */
export function dropped({ kind, data }: Passed): void {
  kinds.get(kind)?.drop?.(data as never);
}

/** Whether a value is to be passed on, and not copied. */
export function isPassable(value: object): value is Passable {
  return pass in value;
}
