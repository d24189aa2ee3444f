/**
 * What jobs take along to a worker, and what is known of the functions that they call.
 *
 * @module
 */

import { currentScope } from "../../primitives/kernel/context.ts";
import { packLocals } from "../../primitives/kernel/portable_locals.ts";
import { localsOf } from "../../primitives/kernel/scope.ts";
import type { Sink } from "../crew.ts";
import type { JobOptions } from "../executor.ts";
import type { AnyFunction } from "../job.ts";
import { checkPortable, encodingOf } from "../payload.ts";
import { type FunctionReference, referenceTo } from "../portable.ts";
import type { JobExtras } from "./protocol.ts";
import type { Shipment, Wire } from "./wire.ts";

const NOTHING: readonly never[] = [];

// How much a batch counts in the mean time of a function.
const WEIGHT = 0.2;

/** How far a stream runs ahead, in items. */
export const CREDIT = 64;

/** A function that jobs call, as a pool knows it. */
export interface Callee {
  /** Its number, the same for all workers of the pool. */
  readonly number: number;
  readonly reference: FunctionReference;
  /** How long it takes, in milliseconds: a running mean. `undefined` as long as nobody knows. */
  mean: number | undefined;
}

/** How a job gets to a worker. */
export interface Travel {
  readonly callee: Callee;
  /** Whether it can be sent as text. */
  readonly isText: boolean;
  /** Its arguments as text, where they could be changed before it is sent. */
  readonly text: string | undefined;
  /** Its arguments as they are sent, where they are not sent as text. */
  readonly values: unknown;
  /** What is moved with it, and is gone here once it was sent. */
  readonly moved: readonly Transferable[];
  readonly extras: JobExtras | undefined;
  /** Takes what a stream yields. */
  readonly sink: Sink | undefined;
}

/** The functions that the jobs of a pool call. */
export class Callees {
  readonly #byReference: Map<FunctionReference, Callee> = new Map();
  readonly #byNumber: Callee[] = [];

  /** What is known of a function. */
  of(fn: AnyFunction): Callee {
    const reference = referenceTo(fn);
    let callee = this.#byReference.get(reference);
    if (callee === undefined) {
      callee = { number: this.#byNumber.length, reference, mean: undefined };
      this.#byReference.set(reference, callee);
      this.#byNumber.push(callee);
    }
    return callee;
  }

  /** Jobs of a function have taken so long together, in milliseconds. */
  took(number: number, count: number, ms: number): void {
    const callee = this.#byNumber[number];
    const mean = ms / count;
    callee.mean = callee.mean === undefined ? mean : callee.mean + WEIGHT * (mean - callee.mean);
  }
}

/**
 * Packs a job for its way over a wire.
 *
 * @throws {NotPortableError} When something cannot be taken along.
 */
export function pack(
  wire: Wire,
  callee: Callee,
  args: readonly unknown[],
  options: JobOptions,
  sink: Sink | undefined,
): Travel {
  const encoding = encodingOf(args);
  const { values, passed, moved }: Shipment = encoding === "clone"
    ? wire.pack(args, (i) => `arguments[${i}]`)
    : { values: args, moved: NOTHING };
  const extras = extrasOf(options, sink, passed);
  const isText = encoding !== "clone" && extras === undefined;
  // As text at once, and not when it is sent: who hands it in may change it meanwhile.
  const text = isText && encoding === "text" ? JSON.stringify(args) : undefined;
  return { callee, isText, text, values, moved, extras, sink };
}

/** What a job is to be told besides its arguments; `undefined` for most. */
function extrasOf(
  { name, timeout }: JobOptions,
  sink: Sink | undefined,
  passed: JobExtras["passed"],
): JobExtras | undefined {
  const around = localsOf(currentScope());
  const locals = around === null ? undefined : packLocals(around);
  const isLimited = timeout !== undefined && timeout !== Infinity;
  if (
    name === undefined && !isLimited && locals === undefined && sink === undefined &&
    passed === undefined
  ) return undefined;
  for (const [name, value] of locals ?? []) checkPortable([value], () => `the TaskLocal "${name}"`);
  return {
    name,
    timeout: isLimited ? timeout : undefined,
    locals,
    credit: sink === undefined ? undefined : CREDIT,
    passed,
  };
}
