/**
 * Cancel scopes: a piece of a task that can be cancelled on its own, given a deadline, or shielded.
 *
 * @module
 */

import { checkFunction, show } from "./kernel/check.ts";
import { currentScope, runIn } from "./kernel/context.ts";
import { cancelledIn } from "./kernel/errors.ts";
import { mayFloat } from "./kernel/floating.ts";
import {
  causeOf,
  drain,
  hasChildren,
  isShielded,
  limitScope,
  link,
  localsOf,
  pendingIn,
  Scope,
  shieldScope,
  unlink,
} from "./kernel/scope.ts";
import { keepShape } from "./kernel/shapes.ts";
import { checkScopeOptions, type ScopeOptions } from "./kernel/scope_options.ts";

/** What a {@linkcode CancelScope} can be told. */
export interface CancelScopeOptions extends ScopeOptions {
  /** Whether cancellations from outside are kept out. Default: `false`. */
  shield?: boolean;
}

/**
 * A scope to be entered once, with one function. It can be made, handed around and even cancelled
 * before that; a `timeout` counts from the entry.
 *
 * `moveOnAfter`, `failAfter`, `shield` and `cancelScope` cover the usual cases in one call.
 *
 * @example
 * ```ts
 * import { CancelScope, sleep } from "@grove/grove";
 *
 * const search = new CancelScope({ name: "search", timeout: 10 });
 * await search.enter(() => sleep(1000));
 * console.log(search.cancelledCaught); // true
 * ```
 */
export class CancelScope extends Scope {
  /** What errors and `inspect()` call it: the `name` option, or "scope". */
  readonly name: string;
  readonly #options: CancelScopeOptions;
  #entered = false;
  #cancelledCaught = false;

  /**
   * Makes a scope that is not entered yet.
   *
   * @param options Name, time limit, signal and shield.
   * @throws {TypeError | RangeError} When an option makes no sense.
   */
  constructor(options: CancelScopeOptions = {}) {
    super();
    checkScopeOptions(options, "make a cancel scope");
    if (options.shield !== undefined && typeof options.shield !== "boolean") {
      throw new TypeError(
        `Cannot make a cancel scope as 'shield' must be a boolean: received ${
          show(options.shield)
        }`,
      );
    }
    this.name = options.name ?? "scope";
    this.#options = options;
    if (options.shield) shieldScope(this, true);
    if (options.deadline !== undefined) this.deadline = options.deadline;
  }

  /**
   * Whether the function was cut short by this scope's own cancellation, and that was caught here.
   */
  get cancelledCaught(): boolean {
    return this.#cancelledCaught;
  }

  /**
   * Whether cancellations from outside are kept out. When a shield is lifted, one that waits is
   * delivered at once.
   */
  get shielded(): boolean {
    return isShielded(this);
  }

  set shielded(shielded: boolean) {
    shieldScope(this, shielded);
  }

  /**
   * Runs a function in this scope and catches the scope's own cancellation.
   *
   * @typeParam T What the function resolves to.
   * @param fn What to run; it is called with the scope.
   * @returns What the function returned; `undefined` when it was cut short by this scope's
   * cancellation.
   * @throws {TypeError} When `fn` is no function or the scope was entered before.
   * @throws What the function throws; a `Cancelled` of a scope outside.
   */
  enter<T>(fn: (scope: this) => T | PromiseLike<T>): Promise<T | undefined> {
    checkFunction(fn, `enter "${this.name}"`, "the argument");
    if (this.#entered) {
      throw new TypeError(
        `Cannot enter "${this.name}" as it has been entered before. Make a new scope for each use`,
      );
    }
    this.#entered = true;
    return mayFloat(this.#run(fn));
  }

  async #run<T>(fn: (scope: this) => T | PromiseLike<T>): Promise<T | undefined> {
    const around = currentScope();
    const { timeout, signal } = this.#options;
    limitScope(this, { timeout, signal });
    link(this, around, localsOf(around));
    try {
      // Awaited in there too: it may be a task or a moment, which is waited for where it is
      // awaited.
      return await runIn(this, async () => await fn(this));
    } catch (error) {
      if (cancelledIn(error)?.scope !== this) throw error;
      // Of nested cancelled scopes the outermost catches: what goes up from here is its error, not
      // ours.
      const outer = this.shielded ? null : pendingIn(around);
      if (outer !== null) throw outer;
      this.#cancelledCaught = true;
      return undefined;
    } finally {
      while (hasChildren(this)) await drain(this);
      unlink(this);
    }
  }
}

keepShape(new CancelScope());

/**
 * Runs a function in a scope of its own, which it is called with.
 *
 * @typeParam T What the function resolves to.
 * @param fn What to run.
 * @param options Name, time limit, signal and shield.
 * @returns What the function returned; `undefined` when it was cut short by `scope.cancel()`, the
 * time limit or the signal.
 * @throws {TypeError | RangeError} When an argument makes no sense.
 * @throws What the function throws; a `Cancelled` of a scope outside.
 *
 * @example
 * ```ts
 * import { cancelScope, sleep } from "@grove/grove";
 *
 * await cancelScope(async (scope) => {
 *   setTimeout(() => scope.cancel("enough"), 5);
 *   await sleep(1000);
 * });
 * ```
 */
export function cancelScope<T>(
  fn: (scope: CancelScope) => T | PromiseLike<T>,
  options: CancelScopeOptions = {},
): Promise<T | undefined> {
  checkFunction(fn, "open a cancel scope", "its body");
  return new CancelScope(options).enter(fn);
}

/**
 * What a scope whose function was cut short by its deadline is to throw; `undefined` where it was
 * not.
 */
export function timeoutOf(scope: CancelScope): unknown {
  return scope.cancelledCaught && causeOf(scope) === "deadline"
    ? scope.cancelled?.reason
    : undefined;
}
