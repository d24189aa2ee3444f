/**
 * The queue of the jobs that wait for a place: its three orders, and leaving it anywhere.
 *
 * @module
 */

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { type JobOrder, jobQueue, type Queued } from "../../pools/job_queue.ts";
import { Parked } from "../../primitives/kernel/queue.ts";

const TARGET = { kind: "place in", name: "pool" };
const ORDERS: JobOrder[] = ["fifo", "lifo", "priority"];

class TestJob extends Parked<void> implements Queued {
  readonly name: string;
  readonly priority: number;

  constructor(name: string, priority = 0) {
    super();
    this.name = name;
    this.priority = priority;
  }

  override wake(): void {}
}

function filled(order: JobOrder, ...jobs: TestJob[]) {
  const queue = jobQueue<TestJob>(order, TARGET);
  for (const job of jobs) queue.add(job);
  return queue;
}

/** Takes all, and gives their names. */
function drain(queue: ReturnType<typeof filled>): string {
  const names: string[] = [];
  for (let job = queue.shift(); job !== undefined; job = queue.shift()) names.push(job.name);
  return names.join(" ");
}

Deno.test("fifo gives the job that came first, lifo the one that came last, whatever their priorities [P7]", () => {
  const jobs = () => [new TestJob("a", 3), new TestJob("b", 1), new TestJob("c", 2)];
  assertEquals(drain(filled("fifo", ...jobs())), "a b c");
  assertEquals(drain(filled("lifo", ...jobs())), "c b a");
});

Deno.test("priority gives the lowest, and among equals the one that came first [P7]", () => {
  const priorities = [2, 1, 2, -1, 1, Infinity, 0.5, -0, 0, Infinity, -Infinity];
  const jobs = priorities.map((priority, i) => new TestJob(`${priority}#${i}`, priority));
  assertEquals(
    drain(filled("priority", ...jobs)),
    "-Infinity#10 -1#3 0#7 0#8 0.5#6 1#1 1#4 2#0 2#2 Infinity#5 Infinity#9",
  );
});

Deno.test("an empty queue has the size 0 and gives undefined, also when it was not always empty", () => {
  for (const order of ORDERS) {
    const queue = filled(order);
    assertEquals([queue.size, queue.shift()], [0, undefined], order);
    const job = new TestJob("a");
    queue.add(job);
    assertEquals([queue.size, queue.shift(), queue.shift(), queue.size], [1, job, undefined, 0]);
    queue.add(job);
    queue.remove(job);
    assertEquals([queue.size, queue.shift()], [0, undefined], order);
  }
});

Deno.test("a job leaves from where it stands, and is in no queue then; it may come again", () => {
  for (const order of ORDERS) {
    const jobs = ["a", "b", "c", "d"].map((name) => new TestJob(name));
    const queue = filled(order, ...jobs);
    queue.remove(jobs[1]);
    assertEquals([jobs[1].queue, queue.size], [null, 3], order);
    assertEquals(jobs[0].queue?.target, TARGET);
    queue.add(jobs[1]);
    assertEquals(drain(queue), order === "lifo" ? "b d c a" : "a c d b", order);
  }
});

Deno.test("a job that is put back comes before all that are its equals", () => {
  for (const order of ORDERS) {
    const jobs = ["a", "b", "c"].map((name) => new TestJob(name));
    const queue = filled(order, ...jobs);
    const first = queue.shift()!;
    queue.add(new TestJob("d"));
    queue.putBack(first);
    assertEquals(queue.size, 4);
    assertEquals(drain(queue), order === "lifo" ? "c d b a" : "a b c d", order);
  }
});

Deno.test("a job that is put back does not come before those with a lower priority", () => {
  const queue = filled("priority", new TestJob("a", 1), new TestJob("b", 1));
  const first = queue.shift()!;
  queue.add(new TestJob("urgent", 0));
  queue.putBack(first);
  assertEquals(drain(queue), "urgent a b");
});

Deno.test("several jobs that are put back, the last first, are in order again", () => {
  for (const order of ["fifo", "priority"] as const) {
    const queue = filled(order, ...["a", "b", "c", "d"].map((name) => new TestJob(name)));
    const taken = [queue.shift()!, queue.shift()!, queue.shift()!];
    for (const job of taken.reverse()) queue.putBack(job);
    assertEquals(drain(queue), "a b c d", order);
  }
});

type Step = { do: "add" | "shift" | "putBack"; priority: number } | { do: "remove"; at: number };

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({
        do: fc.constantFrom("add" as const, "add" as const, "shift" as const, "putBack" as const),
        priority: fc.constantFrom(-1, -0, 0, 1, 1, 2.5, Infinity, -Infinity),
      }),
    },
    { weight: 1, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat(9) }) },
  ),
  { maxLength: 60, size: "max" },
);

Deno.test("Random programs over the queues do what a sorted list does", () => {
  let removed = 0;
  fc.assert(
    fc.property(fc.constantFrom(...ORDERS), steps, (order, steps) => {
      const queue = jobQueue<TestJob>(order, TARGET);
      const model: TestJob[] = [];
      const taken: TestJob[] = [];
      let count = 0;
      const place = (job: TestJob, isNew: boolean) => {
        if (order === "fifo") return isNew ? model.length : 0;
        if (order === "lifo") return 0;
        const at = model.findIndex(({ priority }) =>
          isNew ? priority > job.priority : priority >= job.priority
        );
        return at === -1 ? model.length : at;
      };
      for (const step of steps) {
        switch (step.do) {
          case "add": {
            const job = new TestJob(`${count++}`, step.priority);
            model.splice(place(job, true), 0, job);
            queue.add(job);
            break;
          }
          case "shift": {
            const job = model.shift();
            assertStrictEquals(queue.shift(), job);
            if (job !== undefined) taken.push(job);
            break;
          }
          case "putBack": {
            const job = taken.pop();
            if (job === undefined) break;
            model.splice(place(job, false), 0, job);
            queue.putBack(job);
            break;
          }
          case "remove": {
            const [job] = model.splice(step.at, 1);
            if (job === undefined) break;
            removed++;
            queue.remove(job);
            assertStrictEquals(job.queue, null);
          }
        }
        assertEquals(queue.size, model.length);
      }
      assertEquals(drain(queue), model.map(({ name }) => name).join(" "));
    }),
    { numRuns: 2000 },
  );
  assert(removed > 1000);
});
