/**
 * Instruments: what tools are told of all that tasks do. Traces, spans and the watchdog are
 * instruments.
 *
 * @module
 */

import { checkFunction, checkOptions } from "./kernel/check.ts";
import { type Hooks, setHooks } from "./kernel/hooks.ts";
import type { WaitTarget } from "./kernel/queue.ts";
import type { Blocked, Scope } from "./kernel/scope.ts";
import { type Task, taskAround } from "./kernel/task.ts";

/** A wait that a task is suspended in: the same object when it begins and when it ends. */
export interface Wait {
  /** What it is for, as long as it lasts: nothing of Grove's, where it is a foreign promise. */
  readonly targets: readonly WaitTarget[];
}

/**
 * What a tool wants to be told; whatever is left out costs it nothing. It is told at the moment when
 * it happens, in the midst of the kernel's work: it may look around, and must not spawn, cancel,
 * wake or wait.
 */
export interface Instrument {
  /** A task was spawned; it starts now, or is queued in a group with a `limit`. */
  spawned?(task: Task): void;
  /** The function of a task is about to be called. */
  started?(task: Task): void;
  /**
   * Has to call `run`, which calls the function of a task, up to its first `await`: for what belongs
   * to the code that runs in it, as the current span of OpenTelemetry does.
   */
  around?(task: Task, run: () => void): void;
  /** A task waits. It may be in several waits at once. */
  blocked?(task: Task, wait: Wait): void;
  /** A wait has ended, in whatever way, and the task goes on as soon as those before it have run. */
  unblocked?(task: Task, wait: Wait): void;
  /** A task, group or scope was cancelled itself; not those in it, which that reaches. */
  cancelled?(scope: Scope): void;
  /** A task has ended: see its `state`. */
  exited?(task: Task): void;
}

/** An instrument that is told. */
interface Installed extends Instrument {
  isRemoved?: true;
}

/** What an instrument has called, and whose it is. */
interface Listener {
  readonly owner: Installed;
  readonly fn: (subject: never, wait: never) => void;
}

let instruments: readonly Installed[] = [];

// By what they listen to, so that what nobody listens to costs nothing.
const listeners: Record<keyof Instrument, readonly Listener[]> = {
  spawned: [],
  started: [],
  around: [],
  blocked: [],
  unblocked: [],
  cancelled: [],
  exited: [],
};

const NAMES = Object.keys(listeners) as (keyof Instrument)[];

/**
 * Tells a tool of all that tasks do from now on. An instrument that throws is removed, and its
 * error printed: the program goes on as if there had been none.
 *
 * @param instrument What to call.
 * @returns What removes it: `using`, or `[Symbol.dispose]()`.
 * @throws {TypeError} When it is no object, or has something by one of the names that is no
 * function.
 *
 * @example
 * ```ts
 * import { instrument, sleep, taskGroup } from "@grove/grove";
 *
 * const ends: string[] = [];
 * {
 *   using _ = instrument({ exited: (task) => ends.push(`${task.name} ${task.state}`) });
 *   await taskGroup((group) => {
 *     group.spawn(() => sleep(1), { name: "nap" });
 *   });
 * }
 * console.log(ends); // ["nap succeeded"]
 * ```
 */
export function instrument(instrument: Instrument): Disposable {
  checkOptions(instrument, "instrument the tasks");
  for (const name of NAMES) {
    if (instrument[name] !== undefined) {
      checkFunction(instrument[name], "instrument the tasks", `'${name}'`);
    }
  }
  // An object of its own, so that one that is given twice is told twice, and removed one by one.
  const mine: Installed = {};
  for (const name of NAMES) mine[name] = instrument[name]?.bind(instrument) as undefined;
  install([...instruments, mine]);
  return { [Symbol.dispose]: () => remove(mine) };
}

function install(next: readonly Installed[]): void {
  instruments = next;
  for (const name of NAMES) {
    listeners[name] = next.filter((owner) => owner[name] !== undefined)
      .map((owner) => ({ owner, fn: owner[name] as Listener["fn"] }));
  }
  setHooks(next.length === 0 ? null : TELLER);
}

function remove(instrument: Installed): void {
  instrument.isRemoved = true;
  install(instruments.filter((each) => each !== instrument));
}

// In methods, and not in functions, as only for those it is up to us to know what the objects are.
const TELLER: Hooks = {
  spawned(task: Task): void {
    tell("spawned", task);
  },
  started(task: Task): void {
    tell("started", task);
  },
  call<R>(task: Task, fn: () => R): R {
    return listeners.around.reduce((inner, { owner }) => wrapped(owner, task, inner), fn)();
  },
  blocked(scope: Scope, wait: Blocked<unknown>): void {
    if (listeners.blocked.length > 0) tell("blocked", taskAround(scope)!, wait);
  },
  unblocked(scope: Scope, wait: Blocked<unknown>): void {
    if (listeners.unblocked.length > 0) tell("unblocked", taskAround(scope)!, wait);
  },
  cancelled(scope: Scope): void {
    tell("cancelled", scope);
  },
  exited(task: Task): void {
    tell("exited", task);
  },
};

function tell(name: keyof Instrument, subject: Scope, wait?: Wait): void {
  // Those that are installed meanwhile are in the next list; those that are removed hear no more.
  for (const { owner, fn } of listeners[name]) {
    if (owner.isRemoved) continue;
    try {
      fn(subject as never, wait as never);
    } catch (error) {
      fail(owner, name, error);
    }
  }
}

/** A function that is called by an instrument; whose failure is not that of the instrument. */
function wrapped<R>(instrument: Installed, task: Task, fn: () => R): () => R {
  return () => {
    let end: { value: R } | { error: unknown } | undefined;
    const run = () => {
      if (end !== undefined) return;
      try {
        end = { value: fn() };
      } catch (error) {
        end = { error };
      }
    };
    try {
      instrument.around!(task, run);
      if (end === undefined) throw new TypeError("It has not called what it was given");
    } catch (error) {
      fail(instrument, "around", error);
    }
    run();
    const { value, error } = end as unknown as { value: R; error: unknown };
    if ("error" in end!) throw error;
    return value;
  };
}

function fail(instrument: Installed, name: keyof Instrument, error: unknown): void {
  remove(instrument);
  console.error(`An instrument was removed as its ${name}() failed:`, error);
}
