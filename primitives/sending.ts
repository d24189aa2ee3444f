/**
 * Sending as something to wait for: what `channel.sending(item)` and `queue.putting(item)` give to
 * a `select`.
 *
 * @module
 */

import type { Parked, WaitQueue } from "./kernel/queue.ts";
import { enqueue, notReady, poll, type Waitable } from "./kernel/wait.ts";

/** See above. */
export class Sending<T> implements Waitable<void> {
  readonly #offer: () => boolean;
  readonly #senders: WaitQueue<void>;
  readonly #item: T;

  /**
   * @param offer Sends the item if there is room for it.
   * @param senders Where those wait who have to; each brings its item along.
   * @param item What to send.
   */
  constructor(offer: () => boolean, senders: WaitQueue<void>, item: T) {
    this.#offer = offer;
    this.#senders = senders;
    this.#item = item;
  }

  [poll](): void | typeof notReady {
    if (!this.#offer()) return notReady;
  }

  [enqueue](node: Parked<void>): void {
    node.item = this.#item;
    this.#senders.add(node);
  }
}
