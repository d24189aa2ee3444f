/**
 * Random nests of scopes against a plain model: shields, time limits, cancellations at random
 * times, clean-ups that take time, functions that swallow what they should let pass, tasks in
 * between. The model knows the rules C1 to C6 of the design and nothing of how they are kept.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  CancelScope,
  failAfter,
  isCancelled,
  moveOnAfter,
  shield,
  sleep,
  taskGroup,
  TimeoutError,
} from "../../mod.ts";
import { withVirtualTime } from "../../primitives/testing/mod.ts";

/** One scope of the nest. The next one is opened inside of it, between two sleeps. */
interface Level {
  readonly kind: "plain" | "shield" | "moveOnAfter" | "failAfter";
  /** The time limit; of `plain` and `shield` only where `limited`. */
  readonly timeout: number;
  readonly limited: boolean;
  /** When somebody outside cancels it, counted from the start of the program; if at all. */
  readonly cancelAt: number | null;
  /** Whether it is cancelled before it is entered (only `plain` and `shield` can be). */
  readonly cancelledBefore: boolean;
  readonly sleepBefore: number | null;
  readonly sleepAfter: number | null;
  /** How long the shielded clean-up in its `finally` takes. */
  readonly cleanUp: number | null;
  /** Whether it swallows what comes out of the next one. */
  readonly swallows: boolean;
  /** Whether its function runs in a task of a group inside it. */
  readonly inTask: boolean;
}

/** What comes out of a scope: an error, told by its kind and the scope that it is of. */
type Thrown = { kind: "cancelled" | "timeout"; of: number };

/** What became of one scope. */
interface Outcome {
  entered: boolean;
  caught: boolean;
  timedOut: boolean;
  threw: Thrown | null;
  endedAt: number;
}

const NOT_ENTERED: Outcome = {
  entered: false,
  caught: false,
  timedOut: false,
  threw: null,
  endedAt: -1,
};

// The model

/** Two things happen at the same time: the rules do not say which is first, so nothing is told. */
class Tie extends Error {}

function predict(levels: readonly Level[]): Outcome[] {
  const outcomes = levels.map(() => ({ ...NOT_ENTERED }));
  const enteredAt: number[] = [];
  let now = 0;

  const isNamed = (level: Level) => level.kind === "plain" || level.kind === "shield";

  /** When a scope is cancelled by a call, and when by its time limit. */
  const calledAt = (index: number): number => {
    const level = levels[index];
    if (isNamed(level) && level.cancelledBefore) return -1;
    if (level.cancelAt === null) return Infinity;
    // Those that are made by a function nobody can cancel before they are entered.
    return isNamed(level) || level.cancelAt > enteredAt[index] ? level.cancelAt : Infinity;
  };
  const dueAt = (index: number): number => {
    const level = levels[index];
    return isNamed(level) && !level.limited ? Infinity : enteredAt[index] + level.timeout;
  };
  const cancelledAt = (index: number) => Math.min(calledAt(index), dueAt(index));

  /** The scopes whose cancellation reaches a place: outwards up to the first shield. */
  const reaching = (index: number): number[] => {
    const list: number[] = [];
    for (let at = index; at >= 0; at--) {
      list.push(at);
      if (levels[at].kind === "shield") break;
    }
    return list;
  };

  /** C4: the outermost of the cancelled scopes that reach a place. */
  const inForce = (index: number): number | undefined =>
    reaching(index).findLast((at) => cancelledAt(at) <= now);

  const moveTo = (time: number, expected: number) => {
    const events = levels.flatMap((level, index) => [
      ...(level.cancelAt === null ? [] : [level.cancelAt]),
      ...(index in enteredAt ? [dueAt(index)] : []),
    ]);
    if (events.filter((event) => event === time).length > expected) throw new Tie();
    now = time;
  };

  const sleepIn = (index: number, ms: number): Thrown | null => {
    if (inForce(index) === undefined) {
      const cancelled = Math.min(...reaching(index).map(cancelledAt));
      if (cancelled === now + ms) throw new Tie();
      if (cancelled > now + ms) {
        moveTo(now + ms, 0);
        return null;
      }
      moveTo(cancelled, 1);
    }
    return { kind: "cancelled", of: inForce(index)! };
  };

  const body = (index: number): Thrown | null => {
    const { sleepBefore, sleepAfter, swallows, cleanUp } = levels[index];
    let thrown = sleepBefore === null ? null : sleepIn(index, sleepBefore);
    if (thrown === null && index + 1 < levels.length) {
      thrown = run(index + 1);
      if (swallows) thrown = null;
    }
    if (thrown === null && sleepAfter !== null) thrown = sleepIn(index, sleepAfter);
    if (cleanUp !== null) moveTo(now + cleanUp, 0);
    return thrown;
  };

  const run = (index: number): Thrown | null => {
    const level = levels[index];
    const outcome = outcomes[index];
    outcome.entered = true;
    enteredAt[index] = now;
    const due = dueAt(index);
    // Also where nobody looks at that time, as a clean-up is on its way.
    if (due === now || (due === calledAt(index) && due < Infinity)) throw new Tie();
    let thrown = body(index);
    if (level.inTask && thrown?.kind === "cancelled" && thrown.of <= index) {
      // A group that was cut short throws the cancellation that is in force by then.
      thrown = { kind: "cancelled", of: inForce(index)! };
    }
    if (thrown?.kind === "cancelled" && thrown.of === index) {
      const outer = level.kind === "shield" || index === 0 ? undefined : inForce(index - 1);
      thrown = outer === undefined ? null : { kind: "cancelled", of: outer };
      if (outer === undefined) {
        outcome.caught = true;
        const byLimit = dueAt(index) < calledAt(index);
        outcome.timedOut = level.kind === "moveOnAfter" && byLimit;
        if (level.kind === "failAfter" && byLimit) thrown = { kind: "timeout", of: index };
        // C6: an explicit cancel is no time-out; who waits for a value is told by the Cancelled.
        if (!isNamed(level) && !byLimit) thrown = { kind: "cancelled", of: index };
      }
    }
    outcome.threw = thrown;
    outcome.endedAt = now;
    return thrown;
  };

  run(0);
  return outcomes;
}

// The real thing

async function perform(levels: readonly Level[]): Promise<Outcome[]> {
  const outcomes = levels.map(() => ({ ...NOT_ENTERED }));
  await withVirtualTime(async (time) => {
    const scopes: (CancelScope | undefined)[] = levels.map((level) => {
      if (level.kind !== "plain" && level.kind !== "shield") return undefined;
      const options = level.limited ? { timeout: level.timeout } : {};
      const scope = new CancelScope({ ...options, shield: level.kind === "shield" });
      if (level.cancelledBefore) scope.cancel("beforehand");
      return scope;
    });
    const timeouts = new Map<unknown, number>();

    const told = (error: unknown): Thrown => {
      if (isCancelled(error)) {
        return { kind: "cancelled", of: scopes.indexOf(error.scope as CancelScope) };
      }
      assert(error instanceof TimeoutError, `${error}`);
      return { kind: "timeout", of: timeouts.get(error)! };
    };

    const body = async (index: number): Promise<void> => {
      const { sleepBefore, sleepAfter, swallows, cleanUp } = levels[index];
      try {
        if (sleepBefore !== null) await sleep(sleepBefore);
        if (index + 1 < levels.length) {
          const inner = run(index + 1);
          await (swallows ? inner.catch(() => {}) : inner);
        }
        if (sleepAfter !== null) await sleep(sleepAfter);
      } finally {
        if (cleanUp !== null) await shield(() => sleep(cleanUp));
      }
    };

    const run = async (index: number): Promise<void> => {
      const level = levels[index];
      const outcome = outcomes[index];
      outcome.entered = true;
      const enter = async (scope: CancelScope) => {
        scopes[index] = scope;
        if (!level.inTask) await body(index);
        else await taskGroup((group) => void group.spawn(() => body(index)));
      };
      try {
        if (level.kind === "moveOnAfter") {
          outcome.timedOut = (await moveOnAfter(level.timeout, enter)).timedOut;
        } else if (level.kind === "failAfter") {
          await failAfter(level.timeout, enter);
        } else {
          await scopes[index]!.enter(enter);
        }
      } catch (error) {
        const { cancelled } = scopes[index]!;
        if (error instanceof TimeoutError && error === cancelled?.reason) {
          timeouts.set(error, index);
        }
        outcome.threw = told(error);
        throw error;
      } finally {
        outcome.caught = scopes[index]!.cancelledCaught;
        outcome.endedAt = time.elapsed;
      }
    };

    await taskGroup((group) => {
      levels.forEach(({ cancelAt }, index) => {
        if (cancelAt === null) return;
        group.spawn(async () => {
          await sleep(cancelAt);
          scopes[index]?.cancel("from outside");
        });
      });
      group.spawn(() => run(0).catch(() => {}));
    });
  });
  return outcomes;
}

const duration = fc.integer({ min: 1, max: 1000 });
const nothingOr = (arbitrary: fc.Arbitrary<number>) => fc.option(arbitrary, { freq: 3 });

const level: fc.Arbitrary<Level> = fc.record({
  kind: fc.constantFrom("plain", "plain", "shield", "moveOnAfter", "failAfter", "failAfter"),
  timeout: fc.integer({ min: 1, max: 2500 }),
  limited: fc.boolean(),
  cancelAt: nothingOr(fc.integer({ min: 1, max: 3000 })),
  cancelledBefore: fc.integer({ min: 0, max: 7 }).map((die) => die === 0),
  sleepBefore: nothingOr(duration),
  sleepAfter: nothingOr(duration),
  cleanUp: nothingOr(duration),
  swallows: fc.integer({ min: 0, max: 3 }).map((die) => die === 0),
  inTask: fc.integer({ min: 0, max: 3 }).map((die) => die === 0),
});

Deno.test("C1 to C6: random nests of scopes end as the rules say, each of them, at the predicted time", async () => {
  const seen = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(level, { minLength: 1, maxLength: 5 }), async (levels) => {
      let expected: Outcome[];
      try {
        expected = predict(levels);
      } catch (error) {
        if (error instanceof Tie) return;
        throw error;
      }
      for (const { caught, timedOut, threw } of expected) {
        const how = `${caught ? "caught" : "not caught"}, ${timedOut ? "timed out" : threw?.kind}`;
        seen.set(how, (seen.get(how) ?? 0) + 1);
      }
      assertEquals(await perform(levels), expected);
    }),
    { numRuns: 1000 },
  );
  // That the programs are worth their while: all that can become of a scope has come about, often.
  const all = [
    "caught, undefined",
    "caught, timed out",
    "caught, timeout",
    "caught, cancelled",
    "not caught, undefined",
    "not caught, cancelled",
    "not caught, timeout",
  ];
  for (const how of all) assert(seen.get(how)! >= 10, `${how}: ${seen.get(how)}`);
});

Deno.test("C6: in nests of equal time limits the outermost tells, whatever their kinds", async () => {
  const kind = fc.constantFrom("moveOnAfter" as const, "failAfter" as const, "plain" as const);
  await fc.assert(
    fc.asyncProperty(fc.array(kind, { minLength: 1, maxLength: 5 }), async (kinds) => {
      const outcomes = await perform(kinds.map((kind) => ({
        kind,
        timeout: 10,
        limited: true,
        cancelAt: null,
        cancelledBefore: false,
        sleepBefore: null,
        sleepAfter: 1000,
        cleanUp: null,
        swallows: false,
        inTask: false,
      })));
      outcomes.forEach(({ caught, endedAt }, index) => {
        assertEquals([caught, endedAt], [index === 0, 10]);
      });
    }),
    { numRuns: 50 },
  );
});
