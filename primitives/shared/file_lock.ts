/**
 * A lock between processes: a file that one of them has locked. The platform's own lock on a file is
 * given back by the kernel when its process is killed, so nothing is left behind.
 *
 * Who waits asks again and again, with growing pauses, as a wait for the platform's lock could not be
 * cancelled: it would go on, and take the lock when nobody wants it any more. In one process only the
 * first in line asks.
 *
 * @module
 */

import { atOnce } from "../kernel/budget.ts";
import { checkFunction, show } from "../kernel/check.ts";
import { type CallSite, lockSite } from "../kernel/call_site.ts";
import { currentClock } from "../kernel/clock.ts";
import { currentScope, followsAwait } from "../kernel/context.ts";
import { heldBy, HoldWaiter, suspendFor } from "../kernel/deadlock.ts";
import { abandonedBy, Hold, type Holder } from "../kernel/hold.ts";
import { pass, type Passed, receive } from "../kernel/passing.ts";
import { labelOf, type Parked, WaitQueue, type WaitTarget } from "../kernel/queue.ts";
import type { Scope } from "../kernel/scope.ts";
import { type Task, taskAround, taskOf } from "../kernel/task.ts";
import { Alarm } from "../kernel/timers.ts";
import { enqueue, entry, notReady, poll, type Waitable, type WaitOptions } from "../kernel/wait.ts";
import { Guard, guarded } from "../guard.ts";
import type { LockStats } from "../lock.ts";
import { checkNamed, type NamedOptions } from "../named.ts";

/** So many milliseconds are between two questions: half as many again each time. */
const FIRST_PAUSE = 1;
const LONGEST_PAUSE = 25;

/** Those in this thread who wait. */
class Line extends WaitQueue<Guard, FileLock> {
  readonly #emptied: () => void;

  constructor(target: FileLock, emptied: () => void) {
    super(target);
    this.#emptied = emptied;
  }

  override emptied(): void {
    this.#emptied();
  }
}

/**
 * Mutual exclusion between processes: whoever has locked a file. Within a thread it is as strict as a
 * `Lock`: its tasks get it in the order in which they came, it knows its owner, and a task that ends
 * with it in its hands breaks it. Between processes, and between threads and objects of one process
 * that lock the same file, there is no order: who takes it again and again keeps others waiting, for
 * they ask for it now and then. Where a process dies, others just get the lock: what it protects may
 * be half done.
 *
 * The file is made if it is not there, and stays; nothing is written to it. It needs permission to
 * read and write that file, when it is used and not before. A file on a network may not be locked for
 * other machines.
 *
 * A lock that a pool gives to a job is one of the same path there.
 *
 * @example
 * ```ts
 * import { FileLock } from "@grove/grove";
 *
 * const path = await Deno.makeTempFile({ suffix: ".lock" });
 * const lock = new FileLock(path);
 * await lock.withLock(() => console.log(lock.locked)); // true, and for no other process
 * console.log(lock.locked); // false
 * await Deno.remove(path);
 * ```
 */
export class FileLock implements Waitable<Guard>, WaitTarget {
  /** Which file it is. */
  readonly path: string | URL;
  /** What errors and `inspect()` call it: the `name` option, or the path. */
  readonly name: string;
  readonly #hold: Hold = new Hold(this, (owner) => this.#break(owner));
  readonly #queue: Line = new Line(this, () => this.#stopAsking());
  readonly #giveBack = (): boolean => {
    if (!this.#isOwn()) return false;
    this.#giveUp();
    return true;
  };
  #file: Deno.FsFile | null = null;
  #brokenBy: string | null = null;
  #alarm: Alarm | null = null;
  #pause = FIRST_PAUSE;

  /**
   * Makes a lock. Nothing happens to the file yet.
   *
   * @param path Which file. Its folder must be there.
   * @param options `name`. Default: the path.
   * @throws {TypeError} When an argument makes no sense.
   */
  constructor(path: string | URL, options?: NamedOptions) {
    if (typeof path !== "string" && !(path instanceof URL)) {
      throw new TypeError(
        `Cannot make a file lock as the path must be a string or URL: received ${show(path)}`,
      );
    }
    this.path = path;
    this.name = checkNamed(options, "make a file lock") || `${path}`;
  }

  /** What a wait for it is shown as. */
  get kind(): "file lock" {
    return "file lock";
  }

  /** Whether a task has it by this object. Whether others have it nobody knows who has not asked. */
  get locked(): boolean {
    return this.#hold.owner !== null;
  }

  /** The task that has it by this object, `null` when none has. */
  get owner(): Task | null {
    return this.#hold.owner as Task | null;
  }

  /**
   * Takes the lock, and waits where others have it.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to a guard: `using guard = await lock.acquire()` gives the lock back when the
   * block is left.
   * @throws {DeadlockError} When the calling task has it already, or when its owner waits, over
   * however many others, for the calling task.
   * @throws {BrokenResourceError} When an owner in this thread has ended without giving it back.
   * @throws {TimeoutError} When the time is up.
   * @throws {TypeError} When the platform has no files that can be locked.
   * @throws {Cancelled} When the scope is cancelled. The lock is not taken then.
   * @throws What the platform says when the file cannot be opened: `Deno.errors.NotFound` where its
   * folder is missing, `Deno.errors.NotCapable` where the permission is.
   */
  acquire(options?: WaitOptions): Promise<Guard> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    const task = taskAround(scope)!;
    try {
      if (this.#take(task)) return atOnce(Promise.resolve(this.#guard()));
    } catch (error) {
      return Promise.reject(error);
    }
    const waiting = suspendFor(
      scope,
      task,
      this.#queue,
      new HoldWaiter<Guard>(lockSite()),
      options,
    );
    this.#ask();
    return waiting;
  }

  /**
   * Takes the lock if it is free, and nobody waits for it in this thread.
   *
   * @returns Whether it was taken.
   * @throws {BrokenResourceError} When an owner in this thread has ended without giving it back.
   * @throws What the platform says when the file cannot be opened.
   */
  tryAcquire(): boolean {
    return this.#take(taskAround(currentScope())!);
  }

  /**
   * Gives the lock back.
   *
   * @throws {TypeError} When the calling task does not have it. The lock stays as it is.
   */
  release(): void {
    if (!this.#isOwn()) throw this.#notOwn();
    this.#giveUp();
  }

  /**
   * Calls a function with the lock held, and gives it back when the function has ended.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to call.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the lock.
   * @returns What the function resolves to.
   * @throws What `acquire` throws, and what the function throws.
   */
  withLock<R>(fn: () => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction(fn, `use ${labelOf(this)}`, "the argument");
    return guarded(this.acquire(options), fn);
  }

  /**
   * How it is doing in this thread.
   *
   * @returns A frozen snapshot.
   */
  stats(): LockStats {
    return Object.freeze({
      locked: this.locked,
      owner: this.#hold.owner?.name ?? null,
      waiters: this.#queue.size,
      peakWaiters: this.#queue.peak,
      broken: this.#brokenBy !== null,
    });
  }

  /** @ignore */
  [pass](): Passed {
    const { path, name } = this;
    const isUrl = path instanceof URL;
    // Its folder may be another one there.
    return { kind: "FileLock", data: { path: isUrl ? path.href : absolute(path), isUrl, name } };
  }

  /** @ignore */
  [poll](): Guard | typeof notReady {
    return this.tryAcquire() ? this.#guard() : notReady;
  }

  /** @ignore */
  [enqueue](node: Parked<Guard>): void {
    this.#queue.add(node);
    this.#ask();
  }

  /** @ignore */
  [heldBy](): Hold | null {
    return this.#hold.owner === null ? null : this.#hold;
  }

  #take(task: Task): boolean {
    if (this.#brokenBy !== null) throw abandonedBy(this.#brokenBy, this);
    if (this.#hold.owner !== null || this.#queue.size > 0 || !this.#lockFile()) return false;
    this.#hold.take(task, lockSite());
    return true;
  }

  #giveUp(): void {
    this.#hold.release();
    this.#unlockFile();
    // In the next turn, so that another process may be faster: a thread with many tasks in line
    // would else keep all others out.
    this.#ask();
  }

  /** Asks for the file in a while, for the first in line, unless it is being asked for. */
  #ask(): void {
    if (this.#alarm !== null || this.#hold.owner !== null || this.#queue.size === 0) return;
    this.#alarm = new Alarm(currentClock().now() + this.#pause, () => this.#askNow());
    this.#pause = Math.min(this.#pause * 1.5, LONGEST_PAUSE);
  }

  #askNow(): void {
    this.#alarm = null;
    const first = this.#queue.first!;
    try {
      if (!this.#lockFile()) return this.#ask();
    } catch (error) {
      this.#queue.failFirst(error);
      return this.#ask();
    }
    this.#pause = FIRST_PAUSE;
    this.#hold.take(taskOf(first), first.item as CallSite | undefined);
    this.#queue.wakeFirst(this.#guard());
  }

  #stopAsking(): void {
    this.#alarm?.lift();
    this.#alarm = null;
    this.#pause = FIRST_PAUSE;
  }

  #lockFile(): boolean {
    if (typeof Deno === "undefined" || Deno.FsFile?.prototype.tryLockSync === undefined) {
      throw new TypeError(
        `Cannot acquire ${
          labelOf(this)
        } as this platform has no files that can be locked. Use a Lock within a thread, a SharedLock between workers`,
      );
    }
    // Again where the file that was locked is not the one of that name any more.
    for (;;) {
      const file = this.#open();
      let isKept = false;
      try {
        if (!file.tryLockSync(true)) return false;
        if (!isStillThere(file, this.path)) continue;
        isKept = true;
        this.#file = file;
        return true;
      } finally {
        if (!isKept) file.close();
      }
    }
  }

  #open(): Deno.FsFile {
    try {
      return Deno.openSync(this.path, { create: true, read: true, write: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotCapable)) throw error;
      throw new Deno.errors.NotCapable(
        `Cannot acquire ${
          labelOf(this)
        } as the program is not permitted to open its file. Run it with --allow-read=${this.path} --allow-write=${this.path}`,
        { cause: error },
      );
    }
  }

  #unlockFile(): void {
    this.#file!.close(); // Which gives the lock back.
    this.#file = null;
  }

  #break(owner: Holder): void {
    this.#brokenBy = owner.name;
    this.#unlockFile();
    while (this.#queue.failFirst(abandonedBy(owner.name, this)));
  }

  #guard(): Guard {
    return new Guard(this.#giveBack);
  }

  /** As `Lock` does it. */
  #isOwn(): boolean {
    const { owner } = this.#hold;
    if (owner === null) return false;
    const scope = currentScope();
    return owner === scope as Scope | Holder || owner === taskAround(scope) || !followsAwait;
  }

  #notOwn(): TypeError {
    const { owner } = this.#hold;
    return new TypeError(
      `Cannot release ${labelOf(this)} as ${
        owner === null
          ? "nobody holds it here"
          : `task "${owner.name}" holds it, and not the caller`
      }. Let the task that acquired it release it, once`,
    );
  }
}

receive<{ path: string; isUrl: boolean; name: string }>(
  "FileLock",
  ({ path, isUrl, name }) => new FileLock(isUrl ? new URL(path) : path, { name }),
);

function absolute(path: string): string {
  return /^([/\\]|[a-z]:)/i.test(path) ? path : `${Deno.cwd()}/${path}`;
}

/** Somebody may have removed it meanwhile, and somebody else have made and locked another one. */
function isStillThere(file: Deno.FsFile, path: string | URL): boolean {
  const { dev, ino } = file.statSync();
  try {
    const there = Deno.statSync(path);
    return there.dev === dev && there.ino === ino;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
