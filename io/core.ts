/**
 * A thread that serves, as the server on several cores sees it: started, told to stop, missed when it
 * dies or is blocked. A thread that exits does so without an event, but it gives back the lock that it
 * held. One that is blocked says nothing any more, not even that it lives.
 *
 * @module
 */

import { ClosedError } from "../primitives/kernel/errors.ts";
import { Deferred } from "../primitives/deferred.ts";
import { Event } from "../primitives/event.ts";
import { moveOnAfter } from "../primitives/move_on_after.ts";
import { shield } from "../primitives/shield.ts";
import { onceGone } from "../primitives/shared/threads.ts";
import type { TcpAddress } from "./address.ts";
import { Heartbeat } from "./heartbeat.ts";
import { cureForMissing, moduleBeside } from "./module_beside.ts";
import type { FromCore, Opening, ToCore, Told } from "./core_protocol.ts";

/** How many milliseconds it may take until a thread is gone that was ended, and that answers. */
const DYING = 5000;

/** The same of one that did not answer either when it was to stop. */
const DYING_UNHEARD = 1000;

/** For how many milliseconds a thread is listened to that is gone; twice. */
const LAST_WORDS = 10;

/** See above. */
export class Core {
  readonly #name: string;
  readonly #worker: Worker;
  readonly #serving: Deferred<TcpAddress>;
  readonly #ended: Deferred<void>;
  readonly #beat: number;
  #number: number | undefined;
  #heartbeat: Heartbeat | undefined;
  #mindNoMore: () => void = () => {};
  #isOver = false;
  #hasHeardStop = false;
  #isBlocked = false;

  /** Starts it. */
  constructor(opening: Opening) {
    const { name, beat } = opening;
    this.#name = name;
    this.#beat = beat;
    this.#serving = new Deferred({ name: `start of ${name}` });
    this.#ended = new Deferred({ name: `end of ${name}` });
    const worker = this.#worker = new Worker(coreModule(), { type: "module", name });
    worker.onmessage = ({ data }) => this.#receive(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#die(
        new Error(
          this.#dead(`${event.message}${cureForMissing(event.message, coreModule(), "core")}`),
        ),
      );
    };
    this.#post(opening);
  }

  /** Whether it has ended by an error since it is blocked: its thread goes on, and keeps its port. */
  get isBlocked(): boolean {
    return this.#isBlocked;
  }

  /** Waits until it serves. Resolves to nothing when the scope is asked to stop. */
  serving(): Promise<TcpAddress | void> {
    return unlessStopped(this.#serving);
  }

  /** Waits until it ends, which is an error. Resolves to nothing when the scope is asked to stop. */
  served(): Promise<void> {
    return unlessStopped(this.#ended);
  }

  /** Has it end in an orderly way, in so many milliseconds at most. */
  async stop(timeout: number): Promise<void> {
    // From here on it has so long and no longer.
    this.#heartbeat?.end();
    this.#post({ type: "stop" });
    await this.#ended.wait({ timeout });
  }

  /** Ends it at once. */
  end(): void {
    this.#isOver = true;
    this.#heartbeat?.end();
    this.#mindNoMore();
    this.#worker.terminate();
  }

  /** Ends it at once, and says so if that does not do: nothing ends a thread that does not wait. */
  async endOrTell(): Promise<void> {
    this.end();
    if (this.#number === undefined) return;
    const gone = new Event({ name: `death of ${this.#name}` });
    const mindNoMore = onceGone(this.#number, () => gone.set());
    const limit = this.#hasHeardStop ? DYING : DYING_UNHEARD;
    const { timedOut } = await shield(() => moveOnAfter(limit, () => gone.wait()));
    mindNoMore();
    if (timedOut) {
      console.error(
        `Cannot end ${this.#name} as it is blocked by code that does not wait: it keeps its port, and the process. What computes for long goes to a pool`,
      );
    }
  }

  #post(message: ToCore): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromCore | null): void {
    switch (message?.core) {
      case "alive":
        this.#heartbeat?.heard();
        break;
      case "loading":
        if (this.#beat < Infinity) {
          this.#heartbeat = new Heartbeat(this.#beat, () => this.#fallenSilent());
        }
        this.#number = message.thread;
        this.#mindNoMore = onceGone(message.thread, () => this.#missed());
        break;
      case "serving":
        this.#serving.resolve(message.address);
        break;
      case "stopping":
        this.#hasHeardStop = true;
        break;
      case "stopped":
        this.#ended.resolve();
        break;
      case "failed":
        this.#die(this.#serving.settled ? this.#failure(message.error) : errorOf(message.error));
        break;
    }
  }

  #missed(): void {
    // It may have been on its way when it was told to mind no more.
    if (this.#isOver || this.#ended.settled) return;
    const die = () => this.#die(new Error(this.#dead("it has exited without a word")));
    // Its last words may be here and not yet heard. Nor are they when this loop is held up, and the
    // timer is due before it has come to listen; between two timers it does.
    let timer = setTimeout(() => timer = setTimeout(die, LAST_WORDS), LAST_WORDS);
    this.#mindNoMore = () => clearTimeout(timer);
  }

  #fallenSilent(): void {
    if (this.#isOver || this.#ended.settled) return;
    this.#isBlocked = true;
    this.#die(
      new Error(
        `${
          this.#dead(
            "it is blocked by code that does not wait, and a blocked thread cannot be ended",
          )
        }. End the process; what computes for long goes to a pool`,
      ),
    );
  }

  #failure(told: Told): Error {
    return new Error(this.#dead(`it has thrown ${told.name}: ${told.message}`), {
      cause: errorOf(told),
    });
  }

  #dead(reason: string): string {
    const what = this.#serving.settled ? `keep ${this.#name} serving` : `start ${this.#name}`;
    return `Cannot ${what} as ${reason}`;
  }

  #die(error: Error): void {
    this.#serving.reject(error);
    this.#ended.reject(error);
  }
}

async function unlessStopped<T>(deferred: Deferred<T>): Promise<T | void> {
  try {
    return await deferred.wait({ endOnStop: true });
  } catch (error) {
    if (!(error instanceof ClosedError)) throw error;
  }
}

/** The module that threads run. Where it is, is not known everywhere, nor asked for there. */
function coreModule(): URL {
  return moduleBeside(import.meta.url, "grove_core");
}

/** An error that a thread has told of, in its class if that is one of the platform's. */
function errorOf({ name, message, stack }: Told): Error {
  const { Deno: deno } = globalThis as unknown as {
    Deno?: { errors?: Record<string, ErrorConstructor> };
  };
  const builtIn = (globalThis as unknown as Record<string, unknown>)[name];
  const Class = deno?.errors?.[name] ??
    (typeof builtIn === "function" && builtIn.prototype instanceof Error ? builtIn : Error);
  const error = new (Class as ErrorConstructor)(message);
  if (stack !== undefined) error.stack = stack;
  return error;
}
