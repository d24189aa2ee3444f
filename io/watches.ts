/**
 * What a selector leaves with each of its sources: a node that stays there until the source wakes it.
 *
 * @module
 */

import { Parked } from "../primitives/kernel/queue.ts";
import { enqueue, notReady, poll, type Waitable } from "../primitives/kernel/wait.ts";
import { type AnyListener, canAccept, Listener, watchListener } from "./listener.ts";
import { sidesOf, SocketStream } from "./stream.ts";

/** What a source can be ready for. */
export type Readiness = "read" | "write";

/** What a selector can wait for: a stream, a listener, or whatever can be waited for in a `select`. */
export type SelectorSource = SocketStream | Waitable<unknown>;

/** The wait for one sort of readiness of one source; woken, it knows of it until it is taken. */
export abstract class Watch extends Parked<unknown> {
  readonly entry: Entry;
  readonly readiness: Readiness;
  readonly #woken: (watch: Watch) => void;
  isGone = false;

  constructor(entry: Entry, readiness: Readiness, woken: (watch: Watch) => void) {
    super();
    this.entry = entry;
    this.readiness = readiness;
    this.#woken = woken;
  }

  /** Whether it is ready now. */
  abstract isReady(): boolean;
  /** Leaves it with the source, which will wake it. It must not be ready. */
  abstract park(): void;
  /** Takes what there is; throws what the source throws. */
  abstract take(): unknown;

  /** Whether something has been taken already, as there is no other way to know that it is there. */
  get holds(): boolean {
    return false;
  }

  override wake(_value: unknown): void {
    this.#woken(this);
  }

  override fail(_error: unknown): void {
    this.#woken(this);
  }

  leave(): void {
    this.isGone = true;
    this.queue?.remove(this);
  }
}

class StreamRead extends Watch {
  override isReady(): boolean {
    return sidesOf(this.entry.source as SocketStream).reading.isReady;
  }

  override park(): void {
    sidesOf(this.entry.source as SocketStream).reading.watch(this);
  }

  override take(): Uint8Array | null {
    return sidesOf(this.entry.source as SocketStream).reading.now();
  }
}

class StreamWrite extends Watch {
  override isReady(): boolean {
    return sidesOf(this.entry.source as SocketStream).writing.isReady;
  }

  override park(): void {
    sidesOf(this.entry.source as SocketStream).writing.watch(this);
  }

  override take(): undefined {
    return undefined;
  }
}

class Accept extends Watch {
  override isReady(): boolean {
    return canAccept(this.entry.source as AnyListener);
  }

  override park(): void {
    watchListener(this.entry.source as AnyListener, this);
  }

  override take(): unknown {
    return (this.entry.source as AnyListener)[poll]();
  }
}

/** Of what is neither stream nor listener: that there is something is known by having it. */
class Take extends Watch {
  #taken: unknown = notReady;
  #failure: { error: unknown } | null = null;

  override get holds(): boolean {
    return this.#taken !== notReady || this.#failure !== null;
  }

  override isReady(): boolean {
    if (this.holds) return true;
    try {
      this.#taken = (this.entry.source as Waitable<unknown>)[poll]();
    } catch (error) {
      this.#failure = { error };
    }
    return this.holds;
  }

  override park(): void {
    (this.entry.source as Waitable<unknown>)[enqueue](this);
  }

  override take(): unknown {
    const taken = this.#taken;
    const failure = this.#failure;
    this.#taken = notReady;
    this.#failure = null;
    if (failure !== null) throw failure.error;
    return taken;
  }

  override wake(value: unknown): void {
    this.#taken = value;
    super.wake(value);
  }

  override fail(error: unknown): void {
    this.#failure = { error };
    super.fail(error);
  }
}

/** A source, and how it is watched. */
export class Entry {
  readonly source: SelectorSource;
  events: readonly Readiness[];
  data: unknown;
  watches: Watch[] = [];

  constructor(source: SelectorSource, events: readonly Readiness[], data: unknown) {
    this.source = source;
    this.events = events;
    this.data = data;
  }
}

/** The node for one sort of readiness of a source. */
export function watchFor(entry: Entry, readiness: Readiness, woken: (watch: Watch) => void): Watch {
  const { source } = entry;
  const Class = source instanceof SocketStream
    ? readiness === "read" ? StreamRead : StreamWrite
    : source instanceof Listener
    ? Accept
    : Take;
  return new Class(entry, readiness, woken);
}
