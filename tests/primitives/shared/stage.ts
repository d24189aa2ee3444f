/**
 * Several threads, which a test directs: this one and some workers, each with a player. An act is over when it has been
 * performed; what becomes of a call is a promise.
 *
 * @module
 */

import { assertEquals, fail } from "@std/assert";
import type { Posted } from "../../../mod.ts";
import { type Act, type Death, type KINDS, type Outcome, Player } from "./player.ts";

// Only for what would otherwise hang: no test is right or wrong because of it.
const PATIENCE = 20_000;

/** Waits for something that would else be a hang. */
export async function soon<T>(promise: Promise<T>, what: string): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await Promise.race([
      promise,
      new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(new Error(`It never came to be that ${what}`)), PATIENCE);
      }),
    ]);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until something holds that shows by no event. */
export async function eventually(holds: () => boolean, what: string): Promise<void> {
  const start = performance.now();
  while (!holds()) {
    if (performance.now() - start > PATIENCE) fail(`It never came to be that ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** A call that was made somewhere. */
export class Call {
  readonly id: number;
  /** What has become of it, `undefined` as long as it waits. */
  outcome: Outcome | undefined;
  readonly #what: string;
  readonly #ended = Promise.withResolvers<Outcome>();

  constructor(id: number, what: string) {
    this.id = id;
    this.#what = what;
  }

  end(outcome: Outcome): void {
    this.outcome = outcome;
    this.#ended.resolve(outcome);
  }

  /** Resolves to what becomes of it. */
  get ended(): Promise<Outcome> {
    return soon(this.#ended.promise, `${this.#what} ends`);
  }

  /** Waits for it to succeed, and resolves to its value. */
  async value(): Promise<unknown> {
    const { error, value } = await this.ended;
    assertEquals(error, "", `${this.#what} has failed: ${value}`);
    return value;
  }
}

/** Where one player is. */
interface Place {
  perform(act: Act): Promise<void>;
  end(): Promise<void>;
}

/** See above. Thread 0 is that of the test. */
export class Stage implements AsyncDisposable {
  readonly #places: Place[] = [];
  readonly #calls = new Map<number, Call>();

  /** Opens a stage with so many workers. */
  static async open(workers: number): Promise<Stage> {
    const stage = new Stage();
    const report = (id: number, outcome: Outcome) => stage.#calls.get(id)!.end(outcome);
    const player = new Player(report);
    stage.#places.push({
      perform: (act) => player.perform(act),
      end: () => player.end(),
    });
    const places = Array.from({ length: workers }, () => new WorkerPlace(report));
    stage.#places.push(...places);
    await Promise.all(places.map((place) => place.performed()));
    return stage;
  }

  /** How many threads there are. */
  get threads(): number {
    return this.#places.length;
  }

  /** Gives an object to all threads, by a name. */
  async give(name: string, kind: keyof typeof KINDS, object: Posted): Promise<void> {
    const act: Act = { do: "receive", object: name, kind, posted: object };
    await Promise.all(this.#places.map((place) => place.perform(act)));
  }

  /** Has a task in a thread call a method. */
  async call(
    thread: number,
    actor: string,
    object: string,
    method: string,
    ...args: unknown[]
  ): Promise<Call> {
    const id = this.#calls.size;
    const call = new Call(id, `${object}.${method}() of ${actor} in thread ${thread}`);
    this.#calls.set(id, call);
    await this.perform(thread, { do: "call", id, actor, object, method, args });
    return call;
  }

  /** Has a task in a thread call a method that does not wait, and resolves to its value. */
  async ask(thread: number, actor: string, object: string, method: string): Promise<unknown> {
    return (await this.call(thread, actor, object, method)).value();
  }

  /** Has something else done in a thread. */
  perform(thread: number, act: Act): Promise<void> {
    return soon(this.#places[thread].perform(act), `thread ${thread} performs ${act.do}`);
  }

  /** Lets a worker die. It may take some milliseconds. */
  die(thread: number, how: Death): void {
    if (how === "terminate") (this.#places[thread] as WorkerPlace).worker.terminate();
    else this.order(thread, { do: "die", how });
  }

  /** Has something done in a worker that is not waited for: nothing else may be on its way there. */
  order(thread: number, act: Act): void {
    (this.#places[thread] as WorkerPlace).worker.postMessage(act);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#places.map((place) => place.end()));
  }
}

class WorkerPlace implements Place {
  readonly worker = new Worker(import.meta.resolve("./player_worker.ts"), { type: "module" });
  readonly #performed: (() => void)[] = [];

  constructor(report: (id: number, outcome: Outcome) => void) {
    this.worker.onmessage = ({ data }) => {
      // What was merely ordered is not waited for.
      if (data === "performed") this.#performed.shift()?.();
      else report(data.id, data.outcome);
    };
    this.worker.onerror = (event) => event.preventDefault();
  }

  performed(): Promise<void> {
    return new Promise((resolve) => this.#performed.push(resolve));
  }

  perform(act: Act): Promise<void> {
    this.worker.postMessage(act);
    return this.performed();
  }

  async end(): Promise<void> {
    this.worker.terminate();
  }
}
