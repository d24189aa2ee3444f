/**
 * Listeners: where connections come from.
 *
 * The platform's `accept` can be ended only by closing its listener, and takes no second call while
 * one is under way. So a listener keeps at most one accept under way at each of its addresses,
 * started when somebody waits, and hands what comes to whoever waits first. A wait that is cancelled
 * leaves those accepts behind; the connections they bring are kept for the next who asks. None is
 * lost. It also makes the addresses take turns: none of them accepts again before what the others
 * have brought has been taken.
 *
 * Errors of an accept that pass (no descriptors left, a peer that has hung up already) are thrown by
 * `accept()`. Those who accept in a loop, here and in `serve`, try again after a pause that grows.
 *
 * @module
 */

import { ClosedError } from "../primitives/kernel/errors.ts";
import { type Account, inspected, register, unregister } from "../primitives/kernel/inspected.ts";
import { type Parked, WaitQueue } from "../primitives/kernel/queue.ts";
import { currentClock } from "../primitives/kernel/clock.ts";
import { Alarm } from "../primitives/kernel/timers.ts";
import { nextTurn } from "../primitives/kernel/turn.ts";
import {
  enqueue,
  notReady,
  poll,
  type Waitable,
  waitFor,
  type WaitOptions,
} from "../primitives/kernel/wait.ts";
import { sleep } from "../primitives/sleep.ts";
import {
  checkPem,
  formatAddress,
  type Listening,
  type SocketAddress,
  type TcpAddress,
} from "./address.ts";
import type { Bound, Certificate } from "./bind.ts";
import { Door } from "./door.ts";
import { explain, passes } from "./errors.ts";
import type { AnyConnection } from "./platform.ts";
import { SocketStream } from "./stream.ts";
import type { CloseReason } from "./stream_core.ts";

/** What has become of the connections of a listener: `accepted` is `active` and all of `closed`. */
export interface ListenerStats {
  /** How many have come. */
  readonly accepted: number;
  /** How many of them are open. */
  readonly active: number;
  /** How many of them were closed, and why. */
  readonly closed: Readonly<Record<CloseReason, number>>;
  /** How many attempts to accept one have failed. */
  readonly failures: number;
  /** How many tasks wait for one. */
  readonly waiting: number;
}

/** The pauses after errors that pass, in milliseconds: doubled each time. */
const FIRST_PAUSE = 5;
const LONGEST_PAUSE = 1000;

/** How many turns of the loop the platform may take to let go of an address. */
const MOST_TURNS = 100;

/** Lets others know of a connection to come, without taking it: for a `Selector`. */
export let watchListener: (listener: AnyListener, node: Parked<unknown>) => void;

/** Whether an `accept` would not have to wait. */
export let canAccept: (listener: AnyListener) => boolean;

/** A listener of whatever kind of addresses. */
export type AnyListener = Listener<SocketAddress>;

/**
 * A socket that connections come in by, or several that act as one. It is made by `listen`;
 * `for await` takes one connection after the other, until the listener is closed or its scope is
 * asked to stop.
 *
 * @typeParam A What kind of addresses it has.
 *
 * @example
 * ```ts
 * import { connect, listen, taskGroup } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * await taskGroup(async (group) => {
 *   group.spawn(async function client() {
 *     using stream = await connect(listener.addresses[0]);
 *     await stream.write(new TextEncoder().encode("hello"));
 *   });
 *   using stream = await listener.accept();
 *   for await (const chunk of stream) console.log(new TextDecoder().decode(chunk)); // hello
 * });
 * ```
 */
export class Listener<A extends SocketAddress = TcpAddress>
  implements Listening<A>, AsyncIterable<SocketStream<A>>, Disposable, Waitable<SocketStream<A>> {
  /** Where it listens. */
  readonly addresses: readonly A[];
  readonly #doors: readonly Door[];
  readonly #name: string;
  readonly #waiting: WaitQueue<SocketStream<A>>;
  // Those who want to know that a connection has come, and leave it here.
  readonly #watching: WaitQueue<unknown>;
  #retry: Alarm | null = null;
  #pause = FIRST_PAUSE;
  // What came when nobody waited any more: one of each address at most, but for a `reload`.
  readonly #kept: SocketStream<A>[] = [];
  #closed = false;
  #accepted = 0;
  #failures = 0;
  readonly #ends: Record<CloseReason, number> = {
    ended: 0,
    closed: 0,
    idle: 0,
    failed: 0,
    cancelled: 0,
  };
  readonly #streamEnded = (reason: CloseReason): void => void this.#ends[reason]++;

  /**
   * Listeners are made by `listen`.
   *
   * @param bound The platform's listeners, and where they are.
   */
  constructor(bound: readonly Bound[]) {
    this.#doors = bound.map((bound) =>
      new Door(bound, {
        came: (native) => this.#came(native),
        failed: (error) => this.#failed(error),
      })
    );
    this.addresses = Object.freeze(bound.map(({ address }) => address as A));
    this.#name = this.addresses.map(formatAddress).join(" and ");
    this.#waiting = new WaitQueue({ kind: "connection to", name: this.#name });
    this.#watching = new WaitQueue({ kind: "connection to", name: this.#name });
    register(this);
  }

  /** Whether it was closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Waits for a connection. When several wait, the first who asked gets the first. A connection that
   * is encrypted comes before it has proved that it is: its hand-shake is left to whoever takes it, and
   * holds up nobody else.
   *
   * @param options `signal`, `timeout` in milliseconds, and `endOnStop`.
   * @returns The connection; whoever takes it closes it.
   * @throws {ClosedError} When the listener is closed, before or meanwhile.
   * @throws What the system says. Some of it passes (no file descriptors left): accept again later, as
   * `for await` and `serve` do.
   */
  accept(options?: WaitOptions): Promise<SocketStream<A>> {
    return waitFor(this, options);
  }

  /**
   * Takes one connection after the other. It ends when the listener is closed and when the scope is
   * asked to stop; leaving it early leaves the listener open.
   *
   * @returns An iterator of connections; whoever takes one closes it.
   */
  [Symbol.asyncIterator](): AsyncIterator<SocketStream<A>> {
    return {
      next: async () => {
        const value = await acceptNext(this);
        return value === undefined ? { done: true, value } : { done: false, value };
      },
    };
  }

  /**
   * Proves its name by another certificate from now on. Connections that are open live on with the
   * one that they have, and those that the system holds are accepted before. For the platform it is
   * another listener at the same address: whoever connects in the instant between is refused, or
   * reset, and has to try again.
   *
   * @param certificate The new `cert` and `key`, as the texts of PEM files.
   * @returns Resolves to nothing, when it is in use.
   * @throws {TypeError} At the call, when they are no such texts, or nothing here is encrypted.
   * @throws {ClosedError} When the listener is closed.
   * @throws {Deno.errors.InvalidData} When they cannot be read; the old ones are used on.
   * @throws {Error} When the key is not that of the certificate; the old ones are used on.
   */
  reload(certificate: Certificate): Promise<void> {
    const action = `reload the certificate of ${this.#name}`;
    checkPem(certificate?.cert, action, "'cert'");
    checkPem(certificate?.key, action, "'key'");
    const doors = this.#doors.filter(({ bound }) => bound.again !== undefined);
    if (doors.length === 0) {
      throw new TypeError(
        `Cannot ${action} as it has none. Listen with transport: "tls"`,
      );
    }
    if (this.#closed) return Promise.reject(this.#closedError());
    return this.#reload(doors, { cert: certificate.cert, key: certificate.key });
  }

  async #reload(doors: readonly Door[], certificate: Certificate): Promise<void> {
    for (const { bound } of doors) bound.again!(certificate, true).close();
    for (const door of doors) {
      // What the system holds for the old one would be reset with it.
      for (let accepted = -1; accepted !== this.#accepted && !this.#closed;) {
        accepted = this.#accepted;
        door.accept();
        // An accept that finds a connection takes two turns of the loop to tell.
        for (let turns = 0; turns < 3; turns++) await new Promise<void>(nextTurn);
      }
      door.close();
      await this.#reopen(door, certificate);
    }
    if (this.#waiting.size > 0 || this.#watching.size > 0) this.#accept();
  }

  async #reopen(door: Door, certificate: Certificate): Promise<void> {
    for (let turns = 0;; turns++) {
      if (this.#closed) throw this.#closedError();
      try {
        return door.open(door.bound.again!(certificate, false));
      } catch (error) {
        // The platform lets go of the address when the accept has ended that was under way.
        if ((error as Error).name === "AddrInUse" && turns < MOST_TURNS) {
          await new Promise<void>(nextTurn);
          continue;
        }
        this.close();
        throw error;
      }
    }
  }

  /**
   * Tells what has become of the connections that came.
   *
   * @returns The counts: `accepted` is the sum of `active` and all of `closed`.
   */
  stats(): ListenerStats {
    const ends = this.#ends;
    const ended = ends.ended + ends.closed + ends.idle + ends.failed + ends.cancelled;
    return Object.freeze({
      accepted: this.#accepted,
      active: this.#accepted - ended,
      closed: Object.freeze({ ...ends }),
      failures: this.#failures,
      waiting: this.#waiting.size,
    });
  }

  /**
   * Accepts no more, and whoever waits for a connection gets a `ClosedError`. The addresses are free,
   * where somebody waits in the next turn of the event loop. Connections that were taken live on.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    unregister(this);
    this.#retry?.lift();
    for (const door of this.#doors) door.close();
    for (const stream of this.#kept.splice(0)) stream.close();
    this.#waiting.failAll(this.#closedError());
    this.#watching.wakeAll(undefined);
  }

  /** Closes it: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  /** @ignore */
  [inspected](): Account {
    const { accepted, active, failures, waiting } = this.stats();
    return { kind: "listener", name: this.#name, details: { accepted, active, failures, waiting } };
  }

  /** @ignore */
  [poll](): SocketStream<A> | typeof notReady {
    if (this.#closed) throw this.#closedError();
    return this.#kept.shift() ?? notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<SocketStream<A>>): void {
    this.#waiting.add(node);
    this.#accept();
  }

  #accept(): void {
    for (const door of this.#doors) door.accept();
  }

  #came(native: AnyConnection): void {
    this.#accepted++;
    this.#pause = FIRST_PAUSE;
    const stream = new SocketStream<A>(native, this.#streamEnded);
    if (this.#closed) stream.close();
    else if (!this.#waiting.wakeFirst(stream)) {
      this.#kept.push(stream);
      this.#watching.wakeAll(undefined);
    } else if (this.#waiting.size > 0 || this.#watching.size > 0) this.#accept();
  }

  #failed(error: unknown): void {
    this.#failures++;
    if (this.#watching.size > 0) this.#failedWatched(error);
    // Without anybody waiting it is forgotten: the next accept meets it again, if it lasts.
    this.#waiting.failAll(
      explain(error, `Cannot accept a connection on ${this.#name}`, ACCEPT_REASONS),
    );
  }

  /** Who watches hears of errors that last, and meets them in accepting; others are waited for here. */
  #failedWatched(error: unknown): void {
    if (!passes(error)) return this.#watching.wakeAll(undefined);
    this.#retry?.lift();
    this.#retry = new Alarm(currentClock().now() + this.#pause, () => {
      this.#retry = null;
      if (this.#watching.size > 0) this.#accept();
    });
    this.#pause = Math.min(2 * this.#pause, LONGEST_PAUSE);
  }

  #closedError(): ClosedError {
    return new ClosedError(
      `Cannot accept a connection on ${this.#name} as the listener is closed. Listen again`,
    );
  }

  static {
    watchListener = (listener, node) => {
      listener.#watching.add(node);
      listener.#accept();
    };
    canAccept = (listener) => listener.#closed || listener.#kept.length > 0;
  }
}

/**
 * Accepts the next connection, and waits while errors pass.
 *
 * @param passing Told of each error that passes.
 * @returns The connection; `undefined` when the listener is closed or the scope is asked to stop.
 */
export async function acceptNext<A extends SocketAddress>(
  listener: Listener<A>,
  passing?: (error: unknown) => void,
): Promise<SocketStream<A> | undefined> {
  let pause = 0;
  for (;;) {
    try {
      if (pause > 0) await sleep(pause, { endOnStop: true });
      return await listener.accept({ endOnStop: true });
    } catch (error) {
      if (error instanceof ClosedError) return undefined;
      if (!passes(error)) throw error;
      passing?.(error);
      pause = Math.min(2 * pause || FIRST_PAUSE, LONGEST_PAUSE);
    }
  }
}

const ACCEPT_REASONS = {
  EMFILE:
    "the process has too many files and sockets open. Raise its limit, or serve fewer at once",
  ENFILE: "the system has too many files and sockets open. Raise its limit, or serve fewer at once",
};
