import { assertEquals } from "@std/assert";
import {
  cancellable,
  checkpoint,
  Event,
  inspect,
  Lock,
  RWLock,
  select,
  sleep,
  type Task,
  type TaskGroup,
  taskGroup,
} from "../../../mod.ts";
import { Survey } from "../../../io/inspector/survey.ts";
import { whyOf } from "../../../io/inspector/why.ts";
import { waitAllTasksBlocked } from "../../../primitives/testing/mod.ts";

/** The answer about a task, in short: who, what each waits for, how it ends. */
function why(task: Task<unknown>): unknown[] {
  const survey = new Survey(inspect({ grace: 0 }), new Set());
  const { links, end } = whyOf(survey, task.id, { since: (_key, age) => -age });
  return [
    ...links.map(({ name, waits }) =>
      [name, ...waits.map(({ kind, name }) => `${kind} ${name}`.trim())].join(": ")
    ),
    end,
  ];
}

/** Runs something in a group that is cancelled after it. */
async function among(fn: (group: TaskGroup) => Promise<void>): Promise<void> {
  await taskGroup(async (group) => {
    await fn(group);
    group.cancel();
  });
}

Deno.test("why: the chain goes from a task over the lock to its holder, and on over what that waits for", () =>
  among(async (group) => {
    const [outer, inner] = [new Lock({ name: "outer" }), new Lock({ name: "inner" })];
    const last = group.spawn(() => inner.withLock(() => sleep(1e9)), { name: "last" });
    const middle = group.spawn(() => outer.withLock(() => inner.acquire()), { name: "middle" });
    const first = group.spawn(() => outer.acquire(), { name: "first" });
    const awaiting = group.spawn(() => first.join(), { name: "awaiting" });
    await waitAllTasksBlocked();
    const chain = ["first: lock outer", "middle: lock inner", "last: sleep", "time"];
    assertEquals(why(awaiting), ["awaiting: task first", ...chain]);
    assertEquals(why(first), chain);
    assertEquals(why(middle), chain.slice(1));
    assertEquals(why(last), chain.slice(2));
  }));

Deno.test("why: a circle is followed once around, from wherever it is asked, also through a group", () =>
  among(async (group) => {
    const lock = new Lock({ name: "door" });
    let child!: Task;
    const parent = group.spawn(async () => {
      using _ = await lock.acquire();
      await taskGroup((inner) => {
        inner.spawn(() => sleep(Infinity), { name: "other" });
        child = inner.spawn(() => lock.acquire(), { name: "child" }) as Task;
      }, { name: "house" });
    }, { name: "parent" });
    const behind = group.spawn(() => lock.acquire(), { name: "behind" });
    await waitAllTasksBlocked();
    // The other one will not end either, but by itself: it is not in the circle.
    assertEquals(why(child), ["child: lock door", "parent: the end of group house", "circle"]);
    assertEquals(why(parent), ["parent: the end of group house", "child: lock door", "circle"]);
    assertEquals(why(behind), [
      "behind: lock door",
      "parent: the end of group house",
      "child: lock door",
      "circle",
    ]);
  }));

Deno.test("why: a circle that one may leave, by a limit or another wait, is not said to be closed", async () => {
  const ways: Record<string, (lock: Lock) => Promise<unknown>> = {
    "a limit": (lock) => lock.acquire({ timeout: 1e9 }),
    "another arm": (lock) => select({ lock, free: new Event() }),
    "another wait": (lock) => Promise.all([lock.acquire(), sleep(1e9)]),
  };
  for (const [name, wait] of Object.entries(ways)) {
    await among(async (group) => {
      const [left, right] = [new Lock({ name: "left" }), new Lock({ name: "right" })];
      group.spawn(() => left.withLock(() => checkpoint().then(() => wait(right))), { name });
      const other = group.spawn(
        () => right.withLock(() => checkpoint().then(() => left.acquire())),
        { name: "other" },
      );
      await waitAllTasksBlocked();
      const answer = why(other);
      assertEquals([answer[0], answer.at(-1)], ["other: lock left", "way out"], name);
    });
  }
});

Deno.test("why: it says how the chain ends where nobody has what is waited for", () =>
  among(async (group) => {
    const spawn = (name: string, fn: () => unknown) =>
      group.spawn(async () => await fn(), { name });
    const event = spawn("event", () => new Event({ name: "go" }).wait());
    const foreign = spawn("foreign", () => cancellable(new Promise(() => {})));
    const gate = Promise.withResolvers<void>();
    const running = spawn("running", () => gate.promise);
    const stuck = spawn("stuck", () => gate.promise);
    stuck.cancel();
    const sleeping = spawn("sleeping", () => sleep(Infinity));
    const closing = spawn(
      "closing",
      () => taskGroup((inner) => void inner.spawn(() => sleep(Infinity)), { name: "pages" }),
    );
    const ended = spawn("ended", () => {});
    await waitAllTasksBlocked();
    assertEquals(why(event), ["event: event go", "nobody"]);
    assertEquals(why(foreign), ["foreign: promise", "foreign"]);
    assertEquals(why(running), ["running", "running"]);
    assertEquals(why(stuck), ["stuck", "stuck"]);
    assertEquals(why(sleeping), ["sleeping: sleep forever", "forever"]);
    assertEquals(why(closing), ["closing: the end of group pages", "children"]);
    assertEquals(why(ended), ["gone"]);
    gate.resolve();
  }));

Deno.test("why: of several who have it the first is followed, and the others are counted", () =>
  among(async (group) => {
    const lock = new RWLock({ name: "map" });
    for (const name of ["a", "b", "c"]) {
      group.spawn(() => lock.read.withLock(() => sleep(Infinity)), { name });
    }
    const writer = group.spawn(() => lock.write.acquire(), { name: "writer" });
    await waitAllTasksBlocked();
    const survey = new Survey(inspect(), new Set());
    const { links } = whyOf(survey, writer.id, { since: (_key, age) => -age });
    assertEquals(links.map(({ name, others }) => [name, others]), [["writer", 2], ["a", 0]]);
  }));
