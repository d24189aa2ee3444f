/**
 * How a cluster is laid out on a NATS server: the names of its streams, and the subjects that its
 * messages have.
 *
 * A job has an id of two tokens: who has handed it in, and a number; or "key", and its idempotency
 * key in letters that a subject may have.
 *
 * @module
 */

import { show } from "../../primitives/kernel/check.ts";

/** The classes of jobs, the most urgent first: the server has an order only within each of them. */
export const CLASSES = ["high", "normal", "low"] as const;

/** See above. */
export type JobClass = typeof CLASSES[number];

/** The class of a priority: the lower, the earlier. */
export function classOf(priority: number): JobClass {
  return priority < 0 ? "high" : priority > 0 ? "low" : "normal";
}

/** The first token of the id of a job that has an idempotency key. */
const KEYED = "key";

const NAME = /^[A-Za-z0-9_-]{1,64}$/;
const ID = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

// What a server takes in a subject, well below what it could be told to take.
const LONGEST_KEY = 512;

/** See above. */
export class Layout {
  /** The stream of the jobs that have not been done. */
  readonly jobs: string;
  /** The stream of the results, kept for a while. */
  readonly results: string;
  /** The stream of the jobs that nobody could end. */
  readonly dead: string;
  /** The bucket of arguments that are too large for a message. */
  readonly inputs: string;
  /** The bucket of results that are too large for a message. */
  readonly outputs: string;
  readonly #root: string;

  /** @throws {TypeError} When it is no name for a cluster. */
  constructor(cluster: string, action: string) {
    if (typeof cluster !== "string" || !NAME.test(cluster)) {
      throw new TypeError(
        `Cannot ${action} as 'cluster' must be a name of up to 64 letters, digits, "-" and "_": received ${
          show(cluster)
        }`,
      );
    }
    this.jobs = `GROVE_${cluster}_JOBS`;
    this.results = `GROVE_${cluster}_RESULTS`;
    this.dead = `GROVE_${cluster}_DEAD`;
    this.inputs = `grove_${cluster}_inputs`;
    this.outputs = `grove_${cluster}_outputs`;
    this.#root = `grove.${cluster}`;
  }

  /** Where a job is put. */
  job(jobClass: JobClass, id: string): string {
    return `${this.#root}.job.${jobClass}.${id}`;
  }

  /** Where the result of a job is put. */
  result(id: string): string {
    return `${this.#root}.result.${id}`;
  }

  /** Where a worker tells of a job on its way. */
  event(id: string): string {
    return `${this.#root}.event.${id}`;
  }

  /** Where those are told to end a job who run it. */
  cancel(id: string): string {
    return `${this.#root}.cancel.${id}`;
  }

  /** Where the worker that runs a stream is told how much is wanted. */
  demand(id: string): string {
    return `${this.#root}.demand.${id}`;
  }

  /** Where a job is put that nobody could end. */
  deadJob(id: string): string {
    return `${this.#root}.dead.${id}`;
  }

  /** What the arguments of a job are called in their bucket. */
  input(id: string, token: string): string {
    return `${id}.${token}`;
  }

  /** The id of a job, of a subject that has one at its end; `undefined` where it has none. */
  idIn(subject: string): string | undefined {
    const id = subject.split(".").slice(-2).join(".");
    return subject.startsWith(`${this.#root}.`) && ID.test(id) ? id : undefined;
  }
}

/** Whether the job of an id has an idempotency key. */
export function isKeyed(id: string): boolean {
  return id.startsWith(`${KEYED}.`);
}

/**
 * The id of a job that has an idempotency key.
 *
 * @throws {TypeError | RangeError} When it is no key.
 */
export function keyedId(key: unknown, action: string): string {
  if (typeof key !== "string" || key === "") {
    throw new TypeError(
      `Cannot ${action} as 'key' must be a text that is not empty: received ${show(key)}`,
    );
  }
  const letters = btoa(String.fromCharCode(...new TextEncoder().encode(key)))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
  if (letters.length > LONGEST_KEY) {
    throw new RangeError(
      `Cannot ${action} as 'key' is too long: ${key.length} characters. Use a hash of it`,
    );
  }
  return `${KEYED}.${letters}`;
}
