/**
 * Managers: objects that threads and processes have in common.
 *
 * @module
 */

import { Channel } from "../primitives/channel.ts";
import { Condition } from "../primitives/condition.ts";
import { checkOptions, show } from "../primitives/kernel/check.ts";
import { currentScope } from "../primitives/kernel/context.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { drained, hasEnded, link, onReached, Scope, unlink } from "../primitives/kernel/scope.ts";
import { isThenable } from "../primitives/kernel/task.ts";
import { waitForPromise } from "../primitives/kernel/wait.ts";
import { Lock } from "../primitives/lock.ts";
import { checkNamed, type NamedOptions } from "../primitives/named.ts";
import { Queue } from "../primitives/queue.ts";
import { RLock } from "../primitives/rlock.ts";
import { RWLock } from "../primitives/rwlock.ts";
import { Semaphore } from "../primitives/semaphore.ts";
import { Counter, Dict, type DictKey, List } from "./link/collections.ts";
import { currentNode, type Node } from "./link/node.ts";
import { HostedValue } from "./link/remote_object.ts";
import type { Remote, RemoteCounter, RemoteDict, RemoteList } from "./managed.ts";
import { packCopy, unpackValues } from "./passing.ts";

/** How a manager is doing. */
export interface ManagerStats {
  /** How many objects it has. */
  readonly objects: number;
  /** Whether it was shut down. */
  readonly isShutDown: boolean;
}

// What cannot do from elsewhere what it is for, and what can.
const REFUSED: readonly [type: abstract new (...args: never[]) => unknown, why: string][] = [
  [
    Lock,
    "its owner is a task of this thread. Use a SharedLock between threads, a FileLock between processes",
  ],
  [
    RLock,
    "its owner is a task of this thread. Use a SharedLock between threads, a FileLock between processes",
  ],
  [
    RWLock,
    "its owners are tasks of this thread. Use a SharedLock between threads, a FileLock between processes",
  ],
  [
    Condition,
    "the owner of its lock is a task of this thread. Host an object with a method that waits for what is to be",
  ],
  [
    Semaphore,
    "who dies elsewhere would not give back a permit. Use a SharedSemaphore between threads, or a ProcessQueue of permits",
  ],
  [Queue, "an item on its way to who has left would be lost. Use a ProcessQueue"],
  [Channel, "an item on its way to who has left would be lost. Use a ProcessQueue or a Pipe"],
];

/**
 * Has objects that are used from other threads and processes: dictionaries, lists, counters, and any
 * other by the methods that it has. What stands for them is sent there as an argument, a result or
 * an item, and is used in the same way everywhere, by methods that give promises.
 *
 * The objects are where the manager was made; so are the calls, each from elsewhere in a task of its
 * own, which is cancelled when its caller does not wait any more. A method that waits for nothing is one step. What
 * methods are called with and what they return is copied; an object that is to be changed by others
 * needs a host itself.
 *
 * A manager belongs to the scope that it is made in, and is shut down with it at the latest: one that
 * a job makes, with the job. One that is to last as long as a worker or process is made at the top
 * level of a module that is loaded there, and a job gives what stands for its objects. After that, and when its thread or process is gone, calls fail with a `BrokenResourceError`.
 *
 * @example
 * ```ts
 * import { Manager, type RemoteCounter, type RemoteDict, WorkerPool } from "@grove/grove";
 *
 * await using manager = new Manager();
 * const words = manager.dict<string, number>();
 * const total = manager.counter();
 *
 * await using pool = new WorkerPool({ size: 2 });
 * async function count(
 *   text: string,
 *   words: RemoteDict<string, number>,
 *   total: RemoteCounter,
 * ) {
 *   for (const word of text.split(" ")) {
 *     await words.add(word);
 *     await total.add(1);
 *   }
 * }
 * await Promise.all(["to be or", "not to be"].map((text) => pool.run(count, text, words, total)));
 * console.log(await total.value(), await words.get("be")); // 6 2
 * ```
 */
export class Manager implements AsyncDisposable {
  /** What errors and `inspect()` call it: the `name` option, or "manager". */
  readonly name: string;
  readonly #node: Node;
  readonly #scope: ManagerScope;
  readonly #hosted: Set<HostedValue> = new Set();
  #closing: Promise<void> | undefined;

  /**
   * Makes a manager without objects.
   *
   * @param options `name`.
   * @throws {TypeError} When an option makes no sense.
   */
  constructor(options: NamedOptions = {}) {
    this.name = checkNamed(options, "make a manager") || "manager";
    this.#node = currentNode();
    const shutdown = () => void this[Symbol.asyncDispose]();
    this.#scope = new ManagerScope(this.name, shutdown);
    link(this.#scope, currentScope(), null);
    onReached(this.#scope, shutdown);
  }

  /**
   * Has an object used by others: by its own methods and those of its class. Its properties are
   * read by methods without arguments.
   *
   * @typeParam T The type of the object.
   * @param object The object: of any class, but no lock, semaphore, queue or channel.
   * @param options `name`.
   * @returns What stands for it, here and elsewhere.
   * @throws {TypeError} When it is no object, or one that cannot do from elsewhere what it is for.
   * @throws {ClosedError} When the manager was shut down.
   */
  host<T extends object>(object: T, options: NamedOptions = {}): Remote<T> {
    const action = `host an object in "${this.name}"`;
    const name = checkNamed(options, action);
    if (typeof object !== "object" || object === null) {
      const hint = typeof object === "function" ? ". Host an object with that method" : "";
      throw new TypeError(`Cannot ${action} as it must be one: received ${show(object)}${hint}`);
    }
    if (isThenable(object)) {
      throw new TypeError(`Cannot ${action} as it is ${show(object)}. Host what it resolves to`);
    }
    for (const [type, why] of REFUSED) {
      if (object instanceof type) throw new TypeError(`Cannot host ${show(object)} as ${why}`);
    }
    return this.#host(object, "object", name || nameOf(object)) as Remote<T>;
  }

  /**
   * Makes a dictionary.
   *
   * @typeParam K The type of its keys: strings, numbers, or other primitives.
   * @typeParam V The type of its values, which can be cloned.
   * @param entries What is in it at first. Default: nothing.
   * @param options `name`.
   * @returns What stands for it, here and elsewhere.
   * @throws {TypeError} When the entries are none, or a key is no primitive.
   * @throws {ClosedError} When the manager was shut down.
   */
  dict<K extends DictKey, V>(
    entries: Iterable<readonly [K, V]> | Record<K & string, V> = [],
    options: NamedOptions = {},
  ): RemoteDict<K, V> {
    const name = checkNamed(options, "make a dict");
    checkOptions(entries, "make a dict");
    const list = Symbol.iterator in entries ? entries : Object.entries(entries) as Iterable<[K, V]>;
    return this.#host(new Dict(copyOf([...list])), "dict", name) as RemoteDict<K, V>;
  }

  /**
   * Makes a list.
   *
   * @typeParam T The type of its items, which can be cloned.
   * @param items What is in it at first. Default: nothing.
   * @param options `name`.
   * @returns What stands for it, here and elsewhere.
   * @throws {TypeError} When the items are no iterable.
   * @throws {ClosedError} When the manager was shut down.
   */
  list<T>(items: Iterable<T> = [], options: NamedOptions = {}): RemoteList<T> {
    const name = checkNamed(options, "make a list");
    return this.#host(new List(copyOf([...items])), "list", name) as RemoteList<T>;
  }

  /**
   * Makes a counter.
   *
   * @param value What it is at first. Default: 0.
   * @param options `name`.
   * @returns What stands for it, here and elsewhere.
   * @throws {TypeError} When the value is no number.
   * @throws {ClosedError} When the manager was shut down.
   */
  counter(value = 0, options: NamedOptions = {}): RemoteCounter {
    const name = checkNamed(options, "make a counter");
    return this.#host(new Counter(value), "counter", name) as RemoteCounter;
  }

  /**
   * How it is doing.
   *
   * @returns A frozen snapshot.
   */
  stats(): ManagerStats {
    return Object.freeze({
      objects: this.#hosted.size,
      isShutDown: this.#closing !== undefined,
    });
  }

  /**
   * Shuts it down: its objects cannot be used any more, and calls from elsewhere that wait in them are
   * cancelled.
   *
   * @returns Resolves to nothing, once these have ended.
   * @throws {Cancelled} When the scope is cancelled that waits; the manager is shut down all the same.
   */
  shutdown(): Promise<void> {
    // A checkpoint: one of its own objects may be what calls this, and it is not to wait for itself.
    return waitForPromise(this.#closing ??= this.#close());
  }

  /**
   * Shuts it down.
   *
   * @returns Resolves to nothing, once no call runs in its objects any more.
   */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#closing ??= this.#close();
  }

  #host(object: object, kind: string, name: string): object {
    if (this.#closing !== undefined) {
      throw new ClosedError(
        `Cannot host an object in "${this.name}" as it was shut down. Make another manager, or shut this one down later`,
      );
    }
    const node = this.#node;
    const hosted = new HostedValue(
      object,
      kind,
      name,
      node,
      (hosted) => node.host.add(hosted, this.#scope),
    );
    this.#hosted.add(hosted);
    return hosted.proxy;
  }

  async #close(): Promise<void> {
    for (const hosted of this.#hosted) hosted.end(`its manager "${this.name}" was shut down`);
    this.#hosted.clear();
    await drained(this.#scope);
    if (!hasEnded(this.#scope)) unlink(this.#scope);
  }
}

/** The scope that a manager stands for in the tree. */
class ManagerScope extends Scope {
  readonly name: string;
  readonly #end: () => void;

  constructor(name: string, end: () => void) {
    super();
    this.name = name;
    this.#end = end;
  }

  override abandoned(): void {
    this.#end();
  }
}

/** What nobody else has; where something cannot be copied, it could not be sent either. */
function copyOf<T>(values: T[]): readonly T[] {
  const { values: copy, passed } = packCopy(values, (index) => `[${index}]`);
  // There are no kinds of objects here whose modules are not.
  return unpackValues(copy, passed) as readonly T[];
}

function nameOf(object: object): string {
  return Object.getPrototypeOf(object)?.constructor?.name ?? "";
}
