/**
 * The watch for clients that go away. That one did is told by its request's `signal` alone, and under
 * `Deno.serve` a listener on it costs more than all the rest of a small request (measured: 60 % of
 * the throughput; and it aborts on success too, with a line on stderr that says so). So it is not
 * listened to at first: only a request that has not been answered after 50 milliseconds is watched.
 * What is answered sooner ends by itself soon enough, client or not. Elsewhere a signal is cheap, and
 * watched as soon as the handler waits.
 *
 * @module
 */

import { currentClock } from "../primitives/kernel/clock.ts";
import { type Scope, youngest } from "../primitives/kernel/scope.ts";
import { Alarm } from "../primitives/kernel/timers.ts";
import { nextTurn } from "../primitives/kernel/turn.ts";
import { RequestTask } from "./request_task.ts";

/** After how many milliseconds a request under Deno is watched for its client. */
const PATIENCE = 50;

/** Watches the clients of the requests that are the children of a scope. */
export class ClientWatch {
  readonly #requests: Scope;
  readonly #signalsAreCostly = "Deno" in globalThis;
  #running = 0;
  // Those not watched yet are looked through in rounds: see #watchSoon.
  #round = 0;
  #roundEnd: Alarm | undefined;
  #looking = false;

  constructor(requests: Scope) {
    this.#requests = requests;
  }

  /** How many requests there are. */
  get running(): number {
    return this.#running;
  }

  /** A request is about to start. */
  came(task: RequestTask): void {
    this.#running++;
    task.round = this.#round;
  }

  /** A request has started, and was not answered at once. */
  started(task: RequestTask): void {
    if (this.#signalsAreCostly) this.#watchSoon();
    else task.watch();
  }

  /** A request has ended. */
  left(): void {
    if (--this.#running > 0) return;
    this.#roundEnd?.lift();
    this.#roundEnd = undefined;
  }

  /**
   * Sees to it that a request is watched if it is not answered soon. Nearly all are, within this very
   * turn of the event loop; so it is only looked once a turn whether any is left, and then once in a
   * while which ones still are. A timer for each request would cost more than the request's task.
   */
  #watchSoon(): void {
    if (this.#looking || this.#roundEnd !== undefined) return;
    this.#looking = true;
    nextTurn(() => {
      this.#looking = false;
      if (this.#running > 0) this.#beginRound();
    });
  }

  #beginRound(): void {
    this.#roundEnd ??= new Alarm(currentClock().now() + PATIENCE / 2, () => this.#look());
  }

  /** Watches those that were there in the round before this one. */
  #look(): void {
    this.#roundEnd = undefined;
    let left = false;
    const isWatched = (child: Scope): child is RequestTask => {
      if (!(child instanceof RequestTask)) return false;
      if (child.isWatched) return true;
      if (child.round < this.#round) child.watch();
      else left = true;
      return false;
    };
    // From the youngest on: behind the first that is watched, all are.
    youngest(this.#requests, isWatched);
    this.#round++;
    if (left) this.#beginRound();
  }
}
