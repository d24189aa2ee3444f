/**
 * The end of a link to the thread or process that has started this one. What makes use of it is
 * loaded when that is certain to happen, as most workers never do.
 *
 * @module
 */

import type { Link, LinkMessage } from "./message.ts";
import type { Attached } from "./router.ts";

let uplink: Uplink | undefined;

/** The link to the thread or process that has started this one; `undefined` in the first. */
export function currentUplink(): Uplink | undefined {
  return uplink;
}

/** See above. */
export class Uplink implements Link {
  readonly send: Link["send"];
  /** What errors call this thread or process. */
  name = "";
  /** What hears of what comes, once it is there. */
  attached: Attached | undefined;
  #waiting: LinkMessage[] = [];

  readonly #load: () => Promise<unknown>;

  /**
   * Makes the one that there is.
   *
   * @param send Sends a message.
   * @param load Loads what hears of what comes. It attaches itself then.
   */
  constructor(send: Link["send"], load: () => Promise<unknown>) {
    this.send = send;
    this.#load = load;
    uplink = this;
  }

  /** A message has come. */
  receive(message: LinkMessage): void {
    // Who has made use of it meanwhile must not hear of what comes before those that wait.
    if (this.attached !== undefined && this.#waiting.length === 0) {
      this.attached.receive(message);
      return;
    }
    this.#waiting.push(message);
    if (this.#waiting.length === 1) this.#attach();
  }

  async #attach(): Promise<void> {
    await this.#load();
    for (const message of this.#waiting) this.attached!.receive(message);
    this.#waiting = [];
  }
}
