/**
 * Everything that waits for a time, under a clock that is moved by hand.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type Clock, replaceClock } from "../../../primitives/kernel/clock.ts";
import { Alarm, momentAt, nextDue, pendingTimers } from "../../../primitives/kernel/timers.ts";
import { Parked } from "../../../primitives/kernel/queue.ts";

/** A clock that is moved by hand, and notes what it is asked for. */
class FakeClock implements Clock {
  time = 0;
  due = Infinity;
  asked = 0;
  #ring = () => {};

  now(): number {
    return this.time;
  }

  wall(): number {
    return this.time;
  }

  ringAt(due: number, ring: () => void): void {
    this.asked++;
    this.due = due;
    this.#ring = ring;
  }

  /** Moves to a time, and rings on the way as often as it was asked to. */
  moveTo(time: number): void {
    while (this.due <= time) {
      this.time = Math.max(this.time, this.due);
      this.due = Infinity;
      this.#ring();
    }
    this.time = time;
  }

  /** Moves to a time past what it was asked for: a loop that was blocked meanwhile. */
  wakeLateAt(time: number): void {
    this.time = time;
    this.due = Infinity;
    this.#ring();
  }
}

function withFakeClock(fn: (clock: FakeClock) => void): void {
  assertEquals(pendingTimers(), 0, "somebody before this has left a timer");
  const clock = new FakeClock();
  const before = replaceClock(clock);
  try {
    fn(clock);
    assertEquals(pendingTimers(), 0, "this test has left a timer");
    assertEquals(nextDue(), Infinity);
    assertEquals(clock.due, Infinity, "the clock is asked for a call that nobody needs");
  } finally {
    replaceClock(before);
  }
}

Deno.test("Alarms ring at their times, the earliest first, however they were set", () => {
  withFakeClock((clock) => {
    const rung: [due: number, at: number][] = [];
    for (const due of [30, 10, 20, 5, 25, 15]) {
      new Alarm(due, () => rung.push([due, clock.time]));
    }
    assertEquals(nextDue(), 5);
    clock.moveTo(100);
    assertEquals(rung, [5, 10, 15, 20, 25, 30].map((due) => [due, due]));
  });
});

Deno.test("Alarms for the same time ring in the order in which they were set", () => {
  withFakeClock((clock) => {
    const rung: number[] = [];
    for (let id = 0; id < 10; id++) new Alarm(7, () => rung.push(id));
    clock.moveTo(7);
    assertEquals(rung, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });
});

Deno.test("Times within one millisecond share a moment, and nobody rings early", () => {
  withFakeClock((clock) => {
    const rung: string[] = [];
    new Alarm(4.2, () => rung.push("4.2"));
    new Alarm(4.1, () => rung.push("4.1"));
    new Alarm(5, () => rung.push("5"));
    assertStrictEquals(momentAt(4.9), momentAt(5));
    assertEquals(nextDue(), 5);
    clock.moveTo(4.99);
    assertEquals(rung, []);
    clock.moveTo(5);
    assertEquals(rung, ["4.2", "4.1", "5"]);
  });
});

Deno.test("The clock is asked for the first moment only, and anew when the first changes", () => {
  withFakeClock((clock) => {
    const later = new Alarm(20, () => {});
    assertEquals([clock.due, clock.asked], [20, 1]);
    const latest = new Alarm(30, () => {});
    new Alarm(20, () => {}).lift();
    assertEquals([clock.due, clock.asked], [20, 1]);
    const first = new Alarm(10, () => {});
    assertEquals([clock.due, clock.asked], [10, 2]);
    latest.lift();
    assertEquals([clock.due, clock.asked], [10, 2]);
    first.lift();
    assertEquals([clock.due, clock.asked], [20, 3]);
    later.lift();
    assertEquals([clock.due, clock.asked], [Infinity, 4]);
  });
});

Deno.test("A lifted alarm does not ring, and lifting it again, or after it rang, does nothing", () => {
  withFakeClock((clock) => {
    const rung: string[] = [];
    const a = new Alarm(5, () => rung.push("a"));
    const b = new Alarm(5, () => rung.push("b"));
    a.lift();
    a.lift();
    assertEquals(pendingTimers(), 1);
    clock.moveTo(10);
    b.lift();
    assertEquals(rung, ["b"]);
  });
});

Deno.test("An alarm may lift another of the same moment, which then does not ring", () => {
  withFakeClock((clock) => {
    const rung: string[] = [];
    let second: Alarm | undefined = undefined;
    new Alarm(5, () => {
      rung.push("first");
      second?.lift();
    });
    second = new Alarm(5, () => rung.push("second"));
    new Alarm(5, () => rung.push("third"));
    clock.moveTo(5);
    assertEquals(rung, ["first", "third"]);
  });
});

Deno.test("An alarm may set others while it rings, also for the same millisecond", () => {
  withFakeClock((clock) => {
    const rung: string[] = [];
    new Alarm(5, () => {
      rung.push("a");
      new Alarm(5, () => rung.push("c"));
      new Alarm(6, () => rung.push("d"));
    });
    new Alarm(5, () => rung.push("b"));
    clock.moveTo(5);
    assertEquals(rung, ["a", "b", "c"]);
    clock.moveTo(6);
    assertEquals(rung, ["a", "b", "c", "d"]);
  });
});

Deno.test("When the loop was blocked, all that are overdue ring at once, in the order of their times", () => {
  withFakeClock((clock) => {
    const rung: number[] = [];
    for (const due of [30, 10, 40, 20]) new Alarm(due, () => rung.push(due));
    clock.wakeLateAt(35);
    assertEquals(rung, [10, 20, 30]);
    assertEquals(clock.due, 40);
    clock.moveTo(40);
  });
});

Deno.test("A call of the clock that comes too early rings nobody, and asks again", () => {
  withFakeClock((clock) => {
    let rung = false;
    new Alarm(10, () => rung = true);
    clock.wakeLateAt(9.5);
    assertEquals([rung, clock.due], [false, 10]);
    clock.moveTo(10);
    assert(rung);
  });
});

Deno.test("A waiter that leaves its moment takes the moment with it", () => {
  withFakeClock(() => {
    class Node extends Parked<void> {
      override wake(): void {}
    }
    const nodes = Array.from({ length: 1000 }, () => new Node());
    nodes.forEach((node, index) => momentAt(1 + index % 100).add(node));
    assertEquals(pendingTimers(), 1000);
    nodes.forEach((node) => node.queue?.remove(node));
  });
});

/** What an alarm of the random programs does when it rings. */
type Act = { do: "nothing" } | { do: "lift"; which: number } | { do: "set"; in: number };

Deno.test("Timers behave as a sorted list does, whatever is set, lifted and rung", () => {
  // Few different times, so that many meet in one moment; fractions, so that rounding counts.
  const delay = fc.oneof(fc.nat(12), fc.nat(240).map((n) => n / 20), fc.nat(100_000));
  const act: fc.Arbitrary<Act> = fc.oneof(
    { weight: 4, arbitrary: fc.constant({ do: "nothing" as const }) },
    fc.record({ do: fc.constant("lift" as const), which: fc.nat() }),
    fc.record({ do: fc.constant("set" as const), in: delay }),
  );
  const step = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant("set" as const), in: delay, act }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("lift" as const), which: fc.nat() }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant("move" as const), by: fc.nat(20) }) },
    fc.record({ do: fc.constant("late" as const), by: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 80, size: "max" }), (steps) => {
      withFakeClock((clock) => {
        const rung: string[] = [];
        const alarms: Alarm[] = [];
        const set = (ms: number, act: Act) => {
          const id = alarms.length;
          alarms[id] = new Alarm(clock.time + ms, () => {
            rung.push(`${id} at ${clock.time}`);
            if (act.do === "lift") alarms[act.which % alarms.length].lift();
            if (act.do === "set") set(act.in, { do: "nothing" });
          });
        };

        // The model: a plain list, searched for the earliest each time.
        const expected: string[] = [];
        const model: { id: number; due: number; act: Act }[] = [];
        let now = 0;
        let count = 0;
        const modelSet = (ms: number, act: Act) => {
          model.push({ id: count++, due: Math.ceil(now + ms), act });
        };
        const modelLift = (id: number) => {
          const index = model.findIndex((alarm) => alarm.id === id);
          if (index !== -1) model.splice(index, 1);
        };
        const modelMove = (to: number, late: boolean) => {
          if (late) now = to;
          for (;;) {
            const earliest = Math.min(...model.map((alarm) => alarm.due));
            if (earliest > to) break;
            const alarm = model.find(({ due }) => due === earliest)!;
            modelLift(alarm.id);
            if (!late) now = Math.max(now, earliest);
            expected.push(`${alarm.id} at ${now}`);
            if (alarm.act.do === "lift") modelLift(alarm.act.which % count);
            if (alarm.act.do === "set") modelSet(alarm.act.in, { do: "nothing" });
          }
          now = to;
        };

        for (const step of steps) {
          if (step.do === "set") {
            set(step.in, step.act);
            modelSet(step.in, step.act);
          } else if (step.do === "lift") {
            if (count > 0) alarms[step.which % count].lift();
            modelLift(step.which % count);
          } else if (step.do === "move") {
            clock.moveTo(clock.time + step.by);
            modelMove(now + step.by, false);
          } else if (clock.due <= clock.time + step.by) {
            clock.wakeLateAt(clock.time + step.by);
            modelMove(now + step.by, true);
          }
          assertEquals(rung, expected);
          assertEquals(pendingTimers(), model.length);
          assertEquals(nextDue(), Math.min(...model.map((alarm) => alarm.due)));
          // An alarm that sets another for this very moment may leave one call too many, which comes
          // at once and does nothing.
          if (clock.due > clock.time) assertEquals(clock.due, nextDue(), "what it is asked for");
        }
        for (const alarm of alarms) alarm.lift();
        clock.moveTo(clock.time);
      });
    }),
    { numRuns: 300 },
  );
});
