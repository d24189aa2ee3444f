/**
 * Tasks that do what the test tells them. Who owns a lock is a task; with these a test says in one line who does what, in
 * one order, and two of them can act in the same turn of the event loop.
 *
 * @module
 */

import {
  openNursery,
  type Task,
  type TaskGroup,
  taskGroup,
  type TaskGroupOptions,
} from "../../mod.ts";

/** A task that acts when it is told to, and ends when it is told to, or when it is cancelled. */
export class Actor {
  readonly task: Task<unknown>;
  readonly #end = Promise.withResolvers<void>();

  constructor(group: Pick<TaskGroup, "spawn">, name: string) {
    this.task = group.spawn(({ signal }) => {
      // Not a wait of Grove's: who is in two waits at once is no link in a circle of tasks.
      signal.addEventListener("abort", () => this.#end.reject(signal.reason), { once: true });
      return this.#end.promise;
    }, { name });
  }

  /** Does something: what it calls is called by this task. */
  do<R>(fn: () => R): R {
    return this.task.run(fn);
  }

  /** Ends well. */
  leave(): Promise<void> {
    this.#end.resolve();
    return this.task.join();
  }

  /** Ends with a failure. */
  fail(error: unknown): Promise<void> {
    this.#end.reject(error);
    return this.task.join();
  }
}

type Names = readonly string[];
type ActorsOf<N extends Names> = { [K in keyof N]: Actor };

/** Lets actors play, by their names; when `play` is over they leave, and when it fails they are cancelled. */
export function scene<const N extends Names>(
  names: N,
  play: (...actors: ActorsOf<N>) => void | Promise<void>,
  options?: TaskGroupOptions,
): Promise<void> {
  return taskGroup(async (group) => {
    const actors = names.map((name) => new Actor(group, name));
    try {
      await play(...actors as ActorsOf<N>);
    } catch (error) {
      group.cancel(error);
      throw error;
    }
    for (const actor of actors) actor.leave();
  }, options);
}

/** Somebody else, who never ends: who has a lock that is to be waited for. */
export const other: Actor = new Actor(openNursery({ name: "others" }), "other");
