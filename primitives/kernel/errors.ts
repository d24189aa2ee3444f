/**
 * The errors the kernel itself raises. Each message says what could not be done, why, and what to
 * do about it; the names are those that other platforms use, so that `error.name === "AbortError"`
 * and `"TimeoutError"` work as everywhere else.
 *
 * @module
 */

/**
 * What a {@linkcode Cancelled} tells of the scope that was cancelled: enough to recognize it and to
 * name it.
 */
export interface CancelSource {
  /** The name given to the scope, or the one made for it. */
  readonly name: string;
  /**
   * The error that this scope's checkpoints throw once it has been cancelled itself, `undefined`
   * before.
   */
  readonly cancelled: Cancelled | undefined;
}

/**
 * Thrown by every checkpoint of a cancelled scope. There is one object for each cancelled scope:
 * `scope.signal.reason` is the same object, so a foreign API given that signal rejects with it too.
 *
 * Let it pass: the scope that was cancelled catches it. Clean up in `finally`; when the clean-up
 * itself has to wait, wait in a `shield`.
 *
 * @example Telling a cancellation from a failure
 * ```ts
 * import { cancelScope, isCancelled, sleep } from "@grove/grove";
 *
 * await cancelScope(async (scope) => {
 *   scope.cancel("enough");
 *   try {
 *     await sleep(1000);
 *   } catch (error) {
 *     if (isCancelled(error)) console.log(error.reason); // "enough"
 *     throw error;
 *   }
 * });
 * ```
 */
export class Cancelled extends Error {
  /** The scope that was cancelled. */
  readonly scope: CancelSource;
  /**
   * What was given to `cancel()`; a `TimeoutError` when a deadline passed; the signal's reason when
   * one aborted.
   */
  readonly reason: unknown;

  static {
    // On the prototype, as built-in errors have it: an own field would be one more slot and would
    // show in every log.
    Object.defineProperty(this.prototype, "name", {
      value: "AbortError",
      configurable: true,
      writable: true,
    });
  }

  /**
   * Only scopes make these.
   *
   * @param scope The scope that was cancelled.
   * @param reason Why.
   */
  constructor(scope: CancelSource, reason: unknown) {
    const why = reason === undefined ? "" : `: ${textOf(reason)}`;
    super(
      `Cancelled, as the scope "${scope.name}" was${why}`,
      isError(reason) ? { cause: reason } : undefined,
    );
    this.scope = scope;
    this.reason = reason;
  }
}

/**
 * Thrown when a time limit has passed: by a blocking call's `timeout`, by `failAfter`, by a group's
 * `timeout` or `deadline`.
 *
 * @example
 * ```ts
 * import { failAfter, sleep, TimeoutError } from "@grove/grove";
 *
 * try {
 *   await failAfter(10, () => sleep(1000));
 * } catch (error) {
 *   console.log(error instanceof TimeoutError); // true
 * }
 * ```
 */
export class TimeoutError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "TimeoutError",
      configurable: true,
      writable: true,
    });
  }
}

/**
 * Gives an error the stack of who throws it. That of a time limit is made by a timer, whose stack
 * does not tell which limit it was; an async function that throws it is awaited by who set it.
 */
export function thrownHere(error: unknown): unknown {
  if (error instanceof TimeoutError) Error.captureStackTrace(error, thrownHere);
  return error;
}

/**
 * Thrown by the use of something that has ended: a spawn into a group that is over, a wait that its
 * scope's `stop()` ended.
 *
 * @example
 * ```ts
 * import { ClosedError, type TaskGroup, taskGroup } from "@grove/grove";
 *
 * let kept: TaskGroup | undefined;
 * await taskGroup((group) => {
 *   kept = group;
 * });
 * try {
 *   kept?.spawn(() => {});
 * } catch (error) {
 *   console.log(error instanceof ClosedError); // true
 * }
 * ```
 */
export class ClosedError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "ClosedError",
      configurable: true,
      writable: true,
    });
  }
}

/**
 * Thrown by the use of something that was left in a state that nobody can answer for: a lock whose
 * owner has ended without giving it back, a barrier that one of the parties has left, a
 * subscription that fell behind.
 *
 * @example
 * ```ts
 * import { BrokenResourceError, Lock, taskGroup } from "@grove/grove";
 *
 * const lock = new Lock({ name: "ledger" });
 * await taskGroup((group) => {
 *   group.spawn(() => lock.acquire(), { name: "forgetful" });
 * });
 * try {
 *   await lock.acquire();
 * } catch (error) {
 *   console.log(error instanceof BrokenResourceError); // true
 * }
 * ```
 */
export class BrokenResourceError extends Error {
  static {
    Object.defineProperty(this.prototype, "name", {
      value: "BrokenResourceError",
      configurable: true,
      writable: true,
    });
  }
}

/**
 * Whether an error is a cancellation, and not a failure.
 *
 * @param error Whatever was thrown.
 * @returns `true` for a {@linkcode Cancelled}.
 *
 * @example
 * ```ts
 * import { isCancelled } from "@grove/grove";
 *
 * console.log(isCancelled(new Error("boom"))); // false
 * ```
 */
export function isCancelled(error: unknown): error is Cancelled {
  return error instanceof Cancelled;
}

/**
 * The `Cancelled` that an error stands for: itself, or the `cause` of an `AbortError` that a
 * foreign API made of our signal's reason.
 */
export function cancelledIn(error: unknown): Cancelled | undefined {
  try {
    if (error instanceof Cancelled) return error;
    if (!(error instanceof Error)) return undefined;
    if (error.name === "AbortError" && error.cause instanceof Cancelled) return error.cause;
    // `using` makes one of two when a disposer meets a checkpoint while a cancellation is on its
    // way out of the block.
    if (error.name === "SuppressedError") {
      const { error: later, suppressed } = error as Error & { error: unknown; suppressed: unknown };
      return cancelledIn(suppressed) && cancelledIn(later);
    }
  } catch {
    // A proxy or a getter that throws: somebody's error, and none of ours.
  }
  return undefined;
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false;
  }
}

/** A reason as text. Whatever is thrown can become one, also what cannot be made a string. */
export function textOf(reason: unknown): string {
  try {
    return reason instanceof Error ? reason.message : String(reason);
  } catch {
    return "an object";
  }
}

// Kept beside the errors, not on them: the first failure is thrown as it is, the same object with
// the same shape.
const suppressed = new WeakMap<object, unknown[]>();

/**
 * The failures that came after the one that was thrown: those of the children and clean-ups that a
 * group waited for while it wound down.
 *
 * @param error What a group threw.
 * @returns The later failures in the order in which they came; an empty array when there were none,
 * and always for a thrown value that is no object.
 *
 * @example
 * ```ts
 * import { suppressedErrors, taskGroup, sleep } from "@grove/grove";
 *
 * try {
 *   await taskGroup(async (group) => {
 *     group.spawn(async () => {
 *       try {
 *         await sleep(1000);
 *       } finally {
 *         throw new Error("and the clean-up failed");
 *       }
 *     });
 *     await sleep(1);
 *     throw new Error("first");
 *   });
 * } catch (error) {
 *   console.log(suppressedErrors(error)); // [Error: and the clean-up failed]
 * }
 * ```
 */
export function suppressedErrors(error: unknown): readonly unknown[] {
  return (typeof error === "object" && error !== null && suppressed.get(error)) || [];
}

/**
 * Keeps `later` with `first`, unless they are the same object: a body that rethrows what its child
 * threw.
 */
export function suppress(first: unknown, later: unknown): void {
  if (first === later || typeof first !== "object" || first === null) return;
  const list = suppressed.get(first);
  if (list === undefined) suppressed.set(first, [later]);
  else if (!list.includes(later)) list.push(later);
}
