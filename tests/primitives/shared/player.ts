/**
 * What plays in a thread of its own when a test tells it to: tasks that call shared things, wait, are cancelled and end. It
 * is the same in the thread of the test and in a worker, see `player_worker.ts` and `stage.ts`.
 *
 * @module
 */

import {
  CancelScope,
  Guard,
  openNursery,
  type Posted,
  SharedBarrier,
  SharedEvent,
  SharedLock,
  SharedQueue,
  SharedSemaphore,
} from "../../../mod.ts";
import { Actor } from "../actors.ts";

export const KINDS = { SharedBarrier, SharedEvent, SharedLock, SharedQueue, SharedSemaphore };

/** What became of a call, as it can be posted: the name of what was thrown, or "", and a message or value. */
export interface Outcome {
  readonly error: string;
  readonly value: unknown;
}

/** Something to do. */
export type Act =
  | { do: "receive"; object: string; kind: keyof typeof KINDS; posted: Posted }
  | {
    do: "call";
    id: number;
    actor: string;
    object: string;
    method: string;
    args: readonly unknown[];
  }
  | { do: "cancel"; id: number }
  | { do: "dispose"; actor: string; id: number }
  | { do: "leave"; actor: string }
  /** Holds a permit of a semaphore within `withLock()` until an event is set. */
  | { do: "work"; semaphore: string; event: string }
  | { do: "die"; how: Death }
  /** Says in the second cell that it blocks its thread, until the first is set. */
  | { do: "block"; cells: Int32Array }
  /** The same, and dies then without a look at anything. */
  | { do: "die blocked"; cells: Int32Array };

export type Death = "Deno.exit" | "self.close" | "throw" | "terminate";

export const DEATHS: readonly Death[] = ["Deno.exit", "self.close", "throw", "terminate"];

type Methods = Record<string, (...args: readonly unknown[]) => unknown>;

/** See above. */
export class Player {
  readonly #report: (id: number, outcome: Outcome) => void;
  readonly #nursery = openNursery({ name: "player", onFailure: "continue" });
  readonly #objects = new Map<string, Methods>();
  readonly #actors = new Map<string, Actor>();
  readonly #scopes = new Map<number, CancelScope>();
  readonly #guards = new Map<number, Guard>();

  constructor(report: (id: number, outcome: Outcome) => void) {
    this.#report = report;
  }

  /** Does it. What becomes of a call is reported later. */
  async perform(act: Act): Promise<void> {
    switch (act.do) {
      case "receive":
        this.#objects.set(act.object, KINDS[act.kind].from(act.posted) as unknown as Methods);
        break;
      case "call":
        this.#actor(act.actor).do(() => this.#call(act));
        break;
      case "cancel":
        this.#scopes.get(act.id)?.cancel(); // It may have ended.
        break;
      case "dispose":
        this.#actor(act.actor).do(() => this.#guards.get(act.id)![Symbol.dispose]());
        break;
      case "leave": {
        const actor = this.#actor(act.actor);
        this.#actors.delete(act.actor);
        await actor.leave();
        break;
      }
      case "work":
        this.#objects.get(act.semaphore)!.withLock(() => this.#objects.get(act.event)!.wait());
        break;
      case "block":
        block(act.cells);
        break;
      case "die blocked":
        block(act.cells);
        Deno.exit(7);
        break;
      case "die":
        if (act.how === "Deno.exit") Deno.exit(7);
        if (act.how === "self.close") self.close();
        if (act.how === "throw") throw new Error("boom");
    }
  }

  /** Ends the tasks. */
  end(): Promise<void> {
    this.#nursery.cancel();
    return this.#nursery[Symbol.asyncDispose]();
  }

  #actor(name: string): Actor {
    let actor = this.#actors.get(name);
    if (actor === undefined) this.#actors.set(name, actor = new Actor(this.#nursery, name));
    return actor;
  }

  async #call({ id, object, method, args }: Act & { do: "call" }): Promise<void> {
    const scope = new CancelScope();
    this.#scopes.set(id, scope);
    try {
      const value = await scope.enter(() => this.#objects.get(object)![method](...args));
      if (value instanceof Guard) this.#guards.set(id, value);
      this.#report(id, {
        error: scope.cancelledCaught ? "cancelled" : "",
        value: value instanceof Guard ? "guard" : value,
      });
    } catch (error) {
      const { name, message } = error as Error;
      this.#report(id, { error: name, value: message });
    }
    this.#scopes.delete(id);
  }
}

function block(cells: Int32Array): void {
  Atomics.store(cells, 1, 1);
  Atomics.wait(cells, 0, 0);
}
