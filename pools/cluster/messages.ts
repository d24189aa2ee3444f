/**
 * What a pool and the workers of a cluster say to each other. Whoever may write to the server can
 * have written what comes: so nothing is made of a message before it was looked at.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import type { ErrorData } from "../remote_error.ts";
import { CLASSES, type JobClass } from "./layout.ts";
import { packRecord, unpackRecord } from "./packing.ts";

/** A job, for whoever takes it. */
export interface JobMessage {
  readonly module: string;
  readonly fn: string;
  /** What it is called. */
  readonly name: string;
  /** Its arguments as bytes; left out where they are in the store. */
  readonly args?: Uint8Array | undefined;
  /** What they are called there, of all that there is for the job. */
  readonly input?: string | undefined;
  /** For how many milliseconds it may run. */
  readonly timeout?: number | undefined;
  readonly locals?: readonly (readonly [name: string, value: unknown])[] | undefined;
  /** For a stream: how many items it may yield before more are asked for. */
  readonly credit?: number | undefined;
}

/** How a job has ended. */
export interface ResultMessage {
  readonly end: "succeeded" | "failed" | "cancelled";
  /** Which worker has run it. */
  readonly worker: string;
  /** Which of all runs it was: workers may have the same name. */
  readonly run: string;
  /** How often the job was given to a worker, as far as the server knows. */
  readonly deliveries: number;
  /** What it returned, as bytes; left out for a stream, and where it is in the store. */
  readonly value?: Uint8Array | undefined;
  /** Whether what it returned is in the store. */
  readonly isLarge?: boolean | undefined;
  /** Why it has failed, or was cancelled. */
  readonly error?: ErrorData | undefined;
}

/** What is told of a job on its way. */
export type EventMessage =
  & { readonly worker: string; readonly run: string }
  & (
    | { readonly type: "started" }
    /** It runs no more, and has not ended: another may have it. */
    | { readonly type: "returned" }
    | { readonly type: "progress"; readonly value: Uint8Array }
    /** Items of a stream, from so many on. */
    | { readonly type: "items"; readonly from: number; readonly items: Uint8Array }
  );

/** What there is to tell, whoever tells it. */
export type EventBody = EventMessage extends infer E
  ? E extends EventMessage ? Omit<E, "worker" | "run">
  : never
  : never;

/** What the worker that runs a stream is told. */
export interface DemandMessage {
  /** How many items have come. */
  readonly received: number;
  /** How many may be sent, from the first one on. */
  readonly upTo: number;
  /** Whether items were lost on their way, from the first that has not come. */
  readonly again: boolean;
}

/** A job that nobody could end, with why. */
export interface DeadMessage {
  readonly job: Uint8Array;
  /** The class that it was in. */
  readonly jobClass: JobClass;
  readonly error: ErrorData;
  readonly deliveries: number;
}

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === "string";
const isToken: Check = (value) => typeof value === "string" && /^\w{1,64}$/.test(value);
const isBytes: Check = (value) => value instanceof Uint8Array;
const isCount: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const isTime: Check = (value) => typeof value === "number" && value >= 0;
const isFlag: Check = (value) => typeof value === "boolean";
const isObject: Check = (value) => typeof value === "object" && value !== null;
const isEnd: Check = (value) =>
  value === "succeeded" || value === "failed" || value === "cancelled";
const isClass: Check = (value) => (CLASSES as readonly unknown[]).includes(value);
const isLocal: Check = (value) => Array.isArray(value) && value.length === 2 && isText(value[0]);
const areLocals: Check = (value) => Array.isArray(value) && value.every(isLocal);
const orNothing = (check: Check): Check => (value) => value === undefined || check(value);

type Checks = Readonly<Record<string, Check>>;

const JOB: Checks = {
  module: isText,
  fn: isText,
  name: isText,
  args: orNothing(isBytes),
  input: orNothing(isToken),
  timeout: orNothing(isTime),
  locals: orNothing(areLocals),
  credit: orNothing(isCount),
};
const RESULT: Checks = {
  end: isEnd,
  worker: isText,
  run: isText,
  deliveries: isCount,
  value: orNothing(isBytes),
  error: orNothing(isObject),
  isLarge: orNothing(isFlag),
};
const ANY_EVENT: Checks = { type: isText, worker: isText, run: isText };
const EVENTS: ReadonlyMap<unknown, Checks> = new Map([
  ["started", ANY_EVENT],
  ["returned", ANY_EVENT],
  ["progress", { ...ANY_EVENT, value: isBytes }],
  ["items", { ...ANY_EVENT, from: isCount, items: isBytes }],
]);
const DEAD: Checks = { job: isBytes, jobClass: isClass, error: isObject, deliveries: isCount };
const DEMAND: Checks = {
  received: isCount,
  upTo: isCount,
  again: isFlag,
};

/** @throws {MalformedError} When it is no such message. */
export function readJob(bytes: Uint8Array): JobMessage {
  return read(bytes, "a job", JOB);
}

/** @throws {MalformedError} When it is no such message. */
export function readResult(bytes: Uint8Array): ResultMessage {
  return read(bytes, "a result", RESULT);
}

/** @throws {MalformedError} When it is no such message. */
export function readEvent(bytes: Uint8Array): EventMessage {
  const record = unpackRecord(bytes);
  const checks = EVENTS.get(record.type);
  if (checks === undefined) throw new MalformedError("what a worker tells", "it is of no type");
  return checked(record, "what a worker tells", checks);
}

/** @throws {MalformedError} When it is no such message. */
export function readDemand(bytes: Uint8Array): DemandMessage {
  return read(bytes, "what is asked of a stream", DEMAND);
}

/** @throws {MalformedError} When it is no such message. */
export function readDead(bytes: Uint8Array): DeadMessage {
  return read(bytes, "a dead job", DEAD);
}

/** Which of the jobs of an id is to be ended: its number in the stream. */
export function writeCancel(seq: number): Uint8Array {
  return new TextEncoder().encode(String(seq));
}

/** The number; `NaN` where it is none. */
export function readCancel(bytes: Uint8Array): number {
  return bytes.length === 0 ? NaN : Number(new TextDecoder().decode(bytes));
}

/** Makes bytes of a message. */
export function write(
  message: JobMessage | ResultMessage | EventMessage | DemandMessage | DeadMessage,
): Uint8Array<ArrayBuffer> {
  return packRecord(message);
}

function read<M>(bytes: Uint8Array, what: string, checks: Checks): M {
  return checked(unpackRecord(bytes), what, checks);
}

function checked<M>(record: Record<string, unknown>, what: string, checks: Checks): M {
  for (const [field, isOne] of Object.entries(checks)) {
    // Its own alone: what all objects have would pass for a field that is not there.
    const value = Object.hasOwn(record, field) ? record[field] : undefined;
    if (!isOne(value)) {
      throw new MalformedError(what, `its "${field}" is not what it should be`);
    }
  }
  return record as M;
}
