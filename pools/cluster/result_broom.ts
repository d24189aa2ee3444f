/**
 * Has the server forget the results that a pool has taken: one that lives long would else have it
 * keep those of an hour, and there are pools of thousands of jobs a second.
 *
 * Not at once: by a result that is there a worker knows that its job need not be run again.
 *
 * @module
 */

import type { Session } from "./session.ts";

// For so many milliseconds a result is kept that was taken.
const KEPT = 120_000;

interface Mark {
  /** The last number of the stream of results. */
  readonly seq: number;
  /** When it was. */
  readonly at: number;
}

/** See above. */
export class ResultBroom {
  readonly #session: Session;
  readonly #filter: string;
  readonly #now: () => number;
  #marks: Mark[] = [];

  /**
   * @param session With the server.
   * @param ids Whose results.
   * @param now The clock.
   */
  constructor(session: Session, ids: string, now: () => number = () => performance.now()) {
    this.#session = session;
    this.#filter = session.layout.result(ids);
    this.#now = now;
  }

  /** Sweeps. To be called now and then, when all results have been taken that were there before. */
  async sweep(): Promise<void> {
    const { manager: { streams }, layout } = this.#session;
    const at = this.#now();
    const { state } = await streams.info(layout.results);
    this.#marks.push({ seq: state.last_seq, at });
    const old = this.#marks.findLast((mark) => mark.at <= at - KEPT);
    if (old === undefined) return;
    this.#marks = this.#marks.filter((mark) => mark.at > old.at);
    await streams.purge(layout.results, { filter: this.#filter, seq: old.seq + 1 });
  }
}
