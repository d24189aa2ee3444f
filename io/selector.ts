/**
 * Selectors: one wait for many sources, in the manner of Python's `selectors`.
 *
 * A select over n sources that asks each of them, or leaves something with each and takes it away
 * again, costs n every time. So a selector leaves one node with a source, which stays there until
 * the source wakes it, however many waits come and go; and a wait has to look only at those that were
 * woken, and those that it had told of last time.
 *
 * @module
 */

import { atOnce } from "../primitives/kernel/budget.ts";
import { show } from "../primitives/kernel/check.ts";
import { currentClock } from "../primitives/kernel/clock.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError, TimeoutError } from "../primitives/kernel/errors.ts";
import { WaitQueue, type WaitTarget } from "../primitives/kernel/queue.ts";
import {
  entry,
  poll,
  suspend,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "../primitives/kernel/wait.ts";
import { SocketStream } from "./stream.ts";
import { Entry, type Readiness, type SelectorSource, type Watch, watchFor } from "./watches.ts";

/**
 * A source that is registered with a selector.
 *
 * @typeParam D What is registered with each source.
 */
export interface SelectorKey<D = unknown> {
  /** The source itself. */
  readonly source: SelectorSource;
  /** What it is waited for. */
  readonly events: readonly Readiness[];
  /** What was registered with it: what to do, or whose it is. */
  readonly data: D;
}

/**
 * What a selector tells of a source that is ready.
 *
 * @typeParam D What is registered with each source.
 */
export interface SelectorEvent<D = unknown> {
  /** Which one it is. */
  readonly key: SelectorKey<D>;
  /** What it is ready for. */
  readonly events: readonly Readiness[];
  /** What was registered with it. */
  readonly data: D;
  /**
   * What was taken from it. Of a stream, bytes; `null`, when its peer sends no more. Of a listener, a
   * connection. Of anything else, what it gives: the item of a channel. `select` leaves what streams and
   * listeners have where it is, and gives `undefined` for them.
   */
  readonly chunk: unknown;
  /** What is thrown by the source where there is nothing to take: it was closed, or has failed. */
  readonly error: unknown;
}

/** A task that waits in `select`: when its time is up, it has found nothing, and not failed. */
class Selecting extends Waiter<boolean> {
  readonly #hasTimeout: boolean;

  constructor(hasTimeout: boolean) {
    super();
    this.#hasTimeout = hasTimeout;
  }

  override fail(error: unknown): void {
    if (this.#hasTimeout && error instanceof TimeoutError) this.wake(false);
    else super.fail(error);
  }
}

/**
 * Waits for many sources at once, each registered with some data of yours: a call-back, say, or the
 * state of a conversation. Register streams, listeners, and anything else that can be waited for in a
 * `select`: channels, queues, datagram sockets, tasks.
 *
 * `select()` tells which are ready, all of them, and what can be done at once; what is not done is told
 * again the next time. `for await` over the selector takes what there is as well, and gives it one by
 * one. A task for each connection, as `serve` has it, is the simpler way to write a server; a
 * selector is for one task that has to look after many.
 *
 * @typeParam D What is registered with each source.
 *
 * @example As a loop
 * ```ts
 * import { connect, listen, Selector, type SocketStream } from "@grove/grove";
 *
 * using listener = listen({ hostname: "127.0.0.1", port: 0 });
 * using client = await connect(listener.addresses[0]);
 * await client.write(new TextEncoder().encode("hello"));
 * await client.closeWrite();
 *
 * using selector = new Selector<string>();
 * selector.register(listener, "read", "the door");
 * for await (const { key, data, chunk } of selector) {
 *   if (key.source === listener) {
 *     selector.register(chunk as SocketStream, "read", "a guest");
 *     selector.unregister(listener);
 *   } else if (chunk === null) {
 *     console.log(data, "has gone"); // and was unregistered: the loop ends
 *     (key.source as SocketStream).close();
 *   } else {
 *     console.log(data, "says", new TextDecoder().decode(chunk as Uint8Array)); // a guest says hello
 *   }
 * }
 * ```
 *
 * @example By call-backs
 * ```ts
 * import { Channel, Selector } from "@grove/grove";
 *
 * const orders = new Channel<string>(4);
 * const returns = new Channel<string>(4);
 * using selector = new Selector<(item: unknown) => void>();
 * selector.register(orders, "read", (item) => console.log("order of", item));
 * selector.register(returns, "read", (item) => console.log("return of", item));
 *
 * await orders.send("an apple");
 * for (const { data, chunk } of await selector.select({ timeout: 10_000 })) data(chunk);
 * ```
 */
export class Selector<D = unknown>
  implements AsyncIterable<SelectorEvent<D>>, Disposable, WaitTarget {
  /** What errors and `inspect()` call it. */
  readonly name: string = "";
  readonly #entries = new Map<SelectorSource, Entry>();
  readonly #waiting: WaitQueue<boolean> = new WaitQueue<boolean>(this);
  // Those that have been woken, in the order in which they were.
  #ready: Watch[] = [];
  // Those that are with no source: new ones, and those that were told of.
  #idle: Watch[] = [];
  #isClosed = false;
  readonly #woken = (watch: Watch): void => {
    if (watch.isGone) return;
    this.#ready.push(watch);
    this.#waiting.wakeFirst(true);
  };

  /** What a wait for it is shown as. */
  get kind(): "selector" {
    return "selector";
  }

  /** What is registered: a view that changes with it. */
  get keys(): ReadonlyMap<SelectorSource, SelectorKey<D>> {
    return this.#entries as ReadonlyMap<SelectorSource, SelectorKey<D>>;
  }

  /**
   * Waits for a source from now on.
   *
   * @param source A stream, a listener, or what can be waited for in a `select`.
   * @param events What to wait for: "read", "write" or both in an array; only streams can be written to.
   * @param data Anything that is to come along with its events.
   * @returns What stands for it in events.
   * @throws {TypeError} When an argument makes no sense, or the source is registered already.
   * @throws {ClosedError} When the selector is closed.
   */
  register(
    source: SelectorSource,
    events: Readiness | readonly Readiness[],
    data: D,
  ): SelectorKey<D> {
    this.#checkOpen("register a source");
    const wanted = checkEvents(source, events, "register a source");
    if (this.#entries.has(source)) {
      throw new TypeError(
        `Cannot register a source as it is registered already: received ${show(source)}. Modify it`,
      );
    }
    const entry = new Entry(source, wanted, data);
    this.#entries.set(source, entry);
    this.#watch(entry);
    return entry as SelectorKey<D>;
  }

  /**
   * Waits for other events of a source, or has other data come along with them.
   *
   * @param source One that is registered.
   * @param events What to wait for from now on.
   * @param data What is to come along from now on.
   * @returns What stands for it in events, as before.
   * @throws {TypeError} When an argument makes no sense, or the source is not registered.
   * @throws {ClosedError} When the selector is closed.
   */
  modify(
    source: SelectorSource,
    events: Readiness | readonly Readiness[],
    data: D,
  ): SelectorKey<D> {
    this.#checkOpen("modify a source");
    const wanted = checkEvents(source, events, "modify a source");
    const entry = this.#entryOf(source, "modify a source");
    entry.data = data;
    // What something has been taken for stays as it is: it would be lost.
    const kept = entry.watches.filter((watch) => wanted.includes(watch.readiness));
    for (const watch of entry.watches) if (!kept.includes(watch)) watch.leave();
    entry.events = wanted;
    entry.watches = kept;
    this.#watch(entry);
    return entry as SelectorKey<D>;
  }

  /**
   * Waits for a source no more.
   *
   * @param source One that is registered.
   * @returns What was taken from it and not told yet, as the last of its events; `undefined` when there
   * is none, as ever with streams and listeners: nothing is taken from them before.
   * @throws {TypeError} When the source is not registered.
   */
  unregister(source: SelectorSource): SelectorEvent<D> | undefined {
    const entry = this.#entryOf(source, "unregister a source");
    this.#entries.delete(source);
    let last: SelectorEvent<D> | undefined;
    for (const watch of entry.watches) {
      watch.leave();
      if (watch.holds) last = this.#event(watch, [watch.readiness], true);
    }
    entry.watches = [];
    if (this.#entries.size === 0) this.#waiting.wakeAll(true); // a loop ends by that
    return last;
  }

  /**
   * Waits until sources are ready, one at least, and tells of all that are. Streams and listeners are
   * left as they are: read, write or accept, which does not have to wait then. What others give is taken,
   * and comes as `chunk`.
   *
   * @param options `signal`, `timeout` in milliseconds, and `endOnStop`.
   * @returns An event for each source that is ready; an empty array when the time is up.
   * @throws {ClosedError} When the selector is closed, before or meanwhile.
   * @throws {Cancelled} When the scope is cancelled. Nothing is taken then.
   */
  select(options?: WaitOptions): Promise<SelectorEvent<D>[]> {
    const barred = this.#barred(options);
    if (barred !== undefined) return barred;
    const events = this.#tell();
    return events.length > 0 ? atOnce(Promise.resolve(events)) : this.#select(options);
  }

  async #select(options: WaitOptions | undefined): Promise<SelectorEvent<D>[]> {
    const due = currentClock().now() + (options?.timeout ?? Infinity);
    for (let left = options;;) {
      // Who polls in a loop has to let the others in now and then.
      if (!await this.#wait(left)) return atOnce(Promise.resolve([]));
      if (this.#isClosed) throw this.#closedError("select");
      const events = this.#tell();
      if (events.length > 0) return events;
      // Another task has been quicker, or the last source was unregistered.
      if (due !== Infinity) left = { ...left, timeout: Math.max(0, due - currentClock().now()) };
    }
  }

  /**
   * Takes what the sources give, one event after the other, each source in its turn. A source that has
   * ended or failed is told of once more, with a `chunk` of `null` or an `error`, and unregistered. The
   * loop ends when nothing is registered, when the selector is closed, and when the scope is asked to
   * stop. Leaving it early leaves all that was not given where it is.
   *
   * @returns An iterator of events.
   */
  [Symbol.asyncIterator](): AsyncIterableIterator<SelectorEvent<D>> {
    let watches: Watch[] = [];
    let at = 0;
    const next = (): Promise<IteratorResult<SelectorEvent<D>>> => {
      const barred = entry(currentScope());
      if (barred !== undefined) return barred;
      for (;;) {
        while (at < watches.length) {
          const event = this.#give(watches[at++]);
          if (event !== undefined) return atOnce(Promise.resolve({ done: false, value: event }));
        }
        if (this.#entries.size === 0) return Promise.resolve(END);
        watches = this.#collect();
        at = 0;
        if (watches.length === 0) return this.#wait(UNTIL_STOP).then(next, ended);
      }
    };
    return {
      next,
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Waits for nothing any more: whoever waits in `select` gets a `ClosedError`. The sources live on. */
  close(): void {
    if (this.#isClosed) return;
    for (const source of [...this.#entries.keys()]) this.unregister(source);
    this.#isClosed = true;
    this.#waiting.failAll(this.#closedError("select"));
  }

  /** Closes it: for `using`. */
  [Symbol.dispose](): void {
    this.close();
  }

  #barred(options: WaitOptions | undefined): Promise<never> | undefined {
    const barred = entry(currentScope(), options);
    if (barred !== undefined) return barred;
    return this.#isClosed ? Promise.reject(this.#closedError("select")) : undefined;
  }

  /** Leaves a node with each source that is to be waited for in a way in which it is not yet. */
  #watch(entry: Entry): void {
    for (const readiness of entry.events) {
      if (entry.watches.some((watch) => watch.readiness === readiness)) continue;
      const watch = watchFor(entry, readiness, this.#woken);
      entry.watches.push(watch);
      // Where nobody waits it is enough to do so when somebody does: nothing is received before.
      if (this.#waiting.size > 0) this.#arm(watch);
      else this.#idle.push(watch);
    }
  }

  #arm(watch: Watch): void {
    if (watch.isReady()) this.#woken(watch);
    else watch.park();
  }

  /** Those that are ready; they are idle from now on. */
  #collect(): Watch[] {
    const idle = this.#idle;
    this.#idle = [];
    for (const watch of idle) if (!watch.isGone) this.#arm(watch);
    const ready: Watch[] = [];
    for (const watch of this.#ready) {
      if (watch.isGone) continue;
      // Others may have read meanwhile.
      if (watch.isReady()) ready.push(watch);
      else watch.park();
    }
    this.#ready = [];
    this.#idle = ready.slice();
    return ready;
  }

  /** The events of those that are ready, one for each source. */
  #tell(): SelectorEvent<D>[] {
    const events: SelectorEvent<D>[] = [];
    let told: Set<Entry> | undefined;
    for (const watch of this.#collect()) {
      const { entry } = watch;
      if (entry.watches.length === 1) events.push(this.#event(watch, entry.events, watch.holds));
      else if (!told?.has(entry)) {
        (told ??= new Set()).add(entry);
        const ready = entry.watches.filter((watch) => watch.isReady());
        events.push(this.#event(watch, ready.map(({ readiness }) => readiness), false));
      }
    }
    return events;
  }

  /** What there is of one that was ready, if it still is. */
  #give(watch: Watch): SelectorEvent<D> | undefined {
    if (watch.isGone || !watch.isReady()) return undefined;
    const { entry } = watch;
    const event = this.#event(watch, [watch.readiness], true);
    const hasEnded = event.error !== undefined ||
      (event.chunk === null && entry.source instanceof SocketStream);
    if (hasEnded && this.#entries.has(entry.source)) this.unregister(entry.source);
    return event;
  }

  #event(watch: Watch, events: readonly Readiness[], takes: boolean): SelectorEvent<D> {
    const key = watch.entry as SelectorKey<D>;
    let chunk: unknown;
    let error: unknown;
    if (takes) {
      try {
        chunk = watch.take();
      } catch (thrown) {
        error = thrown;
      }
    }
    return { key, events, data: key.data, chunk, error };
  }

  #wait(options: WaitOptions | undefined): Promise<boolean> {
    const waiter = new Selecting(options?.timeout !== undefined);
    this.#waiting.add(waiter);
    return suspend(currentScope(), waiter, options);
  }

  #entryOf(source: SelectorSource, action: string): Entry {
    const entry = this.#entries.get(source);
    if (entry !== undefined) return entry;
    throw new TypeError(
      `Cannot ${action} as it is not registered: received ${show(source)}. Register it first`,
    );
  }

  #checkOpen(action: string): void {
    if (this.#isClosed) throw this.#closedError(action);
  }

  #closedError(action: string): ClosedError {
    return new ClosedError(`Cannot ${action} as the selector is closed. Make another one`);
  }
}

const END: IteratorReturnResult<undefined> = { done: true, value: undefined };

const UNTIL_STOP: WaitOptions = { endOnStop: true };

function ended(error: unknown): IteratorReturnResult<undefined> {
  if (error instanceof ClosedError) return END;
  throw error;
}

function checkEvents(source: unknown, events: unknown, action: string): readonly Readiness[] {
  const isStream = source instanceof SocketStream;
  if (!isStream && typeof (source as Partial<Waitable<unknown>> | null)?.[poll] !== "function") {
    throw new TypeError(
      `Cannot ${action} as it cannot be waited for: received ${
        show(source)
      }. Register a stream, a listener, a channel, a queue or a task`,
    );
  }
  const wanted = [...new Set(Array.isArray(events) ? events : [events])];
  if (wanted.length === 0 || wanted.some((event) => event !== "read" && event !== "write")) {
    throw new TypeError(
      `Cannot ${action} as the events must be "read", "write" or both: received ${show(events)}`,
    );
  }
  if (!isStream && wanted.includes("write")) {
    throw new TypeError(
      `Cannot ${action} as only a stream can be waited for to be written to: received ${
        show(source)
      }. Wait for "read"`,
    );
  }
  return Object.freeze(wanted);
}
