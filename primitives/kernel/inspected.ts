/**
 * What the things of other folders tell of themselves when somebody looks: pools, listeners,
 * queues. `inspect()` knows none of them; it asks.
 *
 * What is a scope, or is waited for, is met on the way. What is neither registers itself for as
 * long as it is open.
 *
 * @module
 */

import { currentScope } from "./context.ts";
import { hasEnded, parentOf, type Scope } from "./scope.ts";

/** Asks a thing what it has to tell. */
export const inspected: unique symbol = Symbol("grove.inspected");

/** Facts about a thing, by their names: numbers of what it has, what state it is in. */
export type Details = Readonly<Record<string, number | string | boolean>>;

/** What a thing tells of itself. */
export interface Account {
  /** What sort of thing it is, where it is known better here than there. */
  readonly kind?: string;
  /** What it is called, where nothing else says so. */
  readonly name?: string;
  /** How far it has come. */
  readonly state?: string;
  /** Facts about it. */
  readonly details?: Details;
  /** What it has open that no scope stands for. */
  readonly parts?: readonly Account[];
}

/** What can be asked. */
export interface Inspected {
  /** See {@linkcode inspected}. */
  [inspected](): Account;
}

// Held on to while they are open: what they stand for, a socket say, lives as long anyway.
const registered = new Map<Inspected, Scope>();

/** Shows a thing that is no scope in the scope that is current now, until it is taken out again. */
export function register(thing: Inspected): void {
  registered.set(thing, currentScope());
}

/** Shows a thing no more. */
export function unregister(thing: Inspected): void {
  registered.delete(thing);
}

/** What is registered, by the scopes that it is to be shown in. */
export function registrations(): Map<Scope, Inspected[]> {
  const found = new Map<Scope, Inspected[]>();
  for (const [thing, opened] of registered) {
    let scope = opened;
    while (hasEnded(scope)) scope = parentOf(scope)!;
    const list = found.get(scope);
    if (list === undefined) found.set(scope, [thing]);
    else list.push(thing);
  }
  return found;
}

/** What a thing tells of itself; nothing, where it was not told how to. */
export function accountOf(thing: object): Account {
  return inspected in thing ? (thing as Inspected)[inspected]() : {};
}
