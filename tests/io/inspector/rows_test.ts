import { assert, assertEquals } from "@std/assert";
import {
  inspect,
  Lock,
  RWLock,
  sleep,
  type TaskGroup,
  taskGroup,
  traceAges,
} from "../../../mod.ts";
import { type Row, rowsOf } from "../../../io/inspector/rows.ts";
import { Survey, waitsOf } from "../../../io/inspector/survey.ts";
import { viewFrom } from "../../../io/inspector/view.ts";
import { waitAllTasksBlocked, withVirtualTime } from "../../../primitives/testing/mod.ts";
import { nested } from "../../primitives/nested.ts";

/** The rows of this program, below the root, as a view has them. */
function rows(query: Record<string, string | string[]> = {}, hidden: number[] = []): Row[] {
  const search = new URLSearchParams(
    Object.entries(query).flatMap(([name, values]) =>
      [values].flat().map((value) => [name, value])
    ),
  );
  const survey = new Survey(inspect(), new Set(hidden));
  return rowsOf(survey, viewFrom(search), { since: (_key, age) => -age }).slice(1);
}

/** Rows as text: how deep they are, and what they are called. */
function drawn(rows: readonly Row[]): string[] {
  return rows.map(({ level, kind, name, count }) =>
    " ".repeat(level - 2) + (kind === "more" ? `… ${count}` : name)
  );
}

/** Spawns so many tasks with a number in their names. */
function many(group: TaskGroup, count: number): void {
  for (let i = 0; i < count; i++) group.spawn(() => sleep(Infinity), { name: `nap ${i}` });
}

Deno.test("rows: a node for each row, with how deep it is, and what it waits for", async () => {
  await taskGroup((group) => {
    const lock = new Lock({ name: "db" });
    const holder = group.spawn(() => lock.withLock(() => sleep(Infinity)), { name: "holder" });
    group.spawn(() => lock.acquire(), { name: "waiter" });
    const [around, first, second] = rows();
    assertEquals(around.key, "t0/group work");
    assertEquals([around.level, around.count, around.open, around.kind], [2, 2, true, "group"]);
    assertEquals([first.key, first.id, first.name], [`t${holder.id}`, holder.id, "holder"]);
    assertEquals(second.level, 3);
    assertEquals(second.waits, [{ kind: "lock", name: "db", holder: "holder" }]);
    group.cancel();
  }, { name: "work" });
});

Deno.test("rows: times are those when it began, and when a sleep will end", async () => {
  await withVirtualTime(async () => {
    traceAges(true);
    try {
      await taskGroup(async (group) => {
        group.spawn(() => sleep(5000), { name: "nap" });
        await sleep(1000);
        const [, nap] = rows();
        assertEquals([nap.since, nap.waits[0].since, nap.waits[0].until], [-1000, -1000, 4000]);
        group.cancel();
      });
    } finally {
      traceAges(false);
    }
  });
});

Deno.test("rows: a node with many children is closed, and says what they do; a few are shown", async () => {
  await taskGroup(async (group) => {
    const lock = new Lock({ name: "db" });
    group.spawn(() => taskGroup((few) => many(few, 24), { name: "few" }), { name: "one" });
    group.spawn(() =>
      taskGroup((crowd) => {
        many(crowd, 20);
        for (let i = 0; i < 5; i++) crowd.spawn(() => lock.withLock(() => sleep(Infinity)));
      }, { name: "many" }), { name: "two" });
    await waitAllTasksBlocked();
    const all = rows();
    assertEquals(all.length, 1 + 2 + 24 + 2);
    const crowd = all.at(-1)!;
    assertEquals([crowd.name, crowd.open, crowd.count], ["many", false, 25]);
    assertEquals(crowd.summary, ['21 sleep "forever"', `4 lock "db"`]);
    group.cancel();
  });
});

Deno.test("rows: what is opened and closed is so, and of very many a hundred are shown, or as many as is asked for", async () => {
  await taskGroup(async (group) => {
    many(group, 250);
    await waitAllTasksBlocked();
    const key = "t0/group crowd";
    assertEquals(drawn(rows()), ["crowd"]);
    const opened = rows({ open: key });
    assertEquals(opened.length, 1 + 100 + 1);
    assertEquals(drawn(opened).slice(-2), [" nap 99", " … 150"]);
    assertEquals(drawn(rows({ open: key, shown: `249:${key}` })).slice(-2), [" nap 248", " … 1"]);
    assertEquals(drawn(rows({ open: key, shown: `1000:${key}` })).at(-1), " nap 249");
    group.cancel();
  }, { name: "crowd" });
  await taskGroup((group) => {
    many(group, 2);
    assertEquals(drawn(rows()), ["pair", " nap 0", " nap 1"]);
    assertEquals(drawn(rows({ close: "t0/group pair" })), ["pair"]);
    group.cancel();
  }, { name: "pair" });
});

Deno.test("rows: what is looked for is shown, wherever it is, with what it is in and nothing else", async () => {
  await taskGroup(async (group) => {
    const lock = new Lock({ name: "Ledger" });
    many(group, 250);
    group.spawn(() => lock.withLock(() => sleep(Infinity)), { name: "holder" });
    group.spawn(() => lock.acquire(), { name: "clerk" });
    await waitAllTasksBlocked();
    assertEquals(drawn(rows({ find: "NAP 24" })), [
      "crowd",
      " nap 24",
      ...Array.from({ length: 10 }, (_, i) => ` nap 24${i}`),
    ]);
    assertEquals(drawn(rows({ find: "ledger" })), ["crowd", " clerk"]);
    assertEquals(drawn(rows({ find: "nap", close: "t0/group crowd" })).length, 1 + 100 + 1);
    assertEquals(drawn(rows({ find: "no such" })), []);
    group.cancel();
  }, { name: "crowd" });
});

Deno.test("rows: the task that is asked about is shown, also in a group that is closed", async () => {
  await taskGroup(async (group) => {
    many(group, 200);
    await waitAllTasksBlocked();
    const { id } = group.tasks[150];
    const all = rows({ why: String(id) });
    assertEquals(drawn(all).slice(-3), [" nap 99", " nap 150", " … 100"]);
    assertEquals(drawn(rows({ why: String(id), close: "t0/group crowd" })), ["crowd"]);
    group.cancel();
  }, { name: "crowd" });
});

Deno.test("rows: a nest deeper than calls can be is shown to some depth, also where one looks for what is in it", async () => {
  await taskGroup(async (group) => {
    let innermost: number | undefined;
    group.spawn(() =>
      nested(20_000, () =>
        taskGroup((group) => {
          innermost = group.spawn(() => sleep(Infinity), { name: "innermost" }).id;
        })), { name: "outermost" });
    await waitAllTasksBlocked();
    assert(innermost !== undefined);
    const queries: Record<string, string>[] = [{}, { find: "innermost" }, {
      why: String(innermost),
    }];
    for (const query of queries) {
      const last = rows(query).at(-1)!;
      assertEquals([last.level, last.count, last.open], [200, 1, false]);
    }
    const survey = new Survey(inspect(), new Set());
    assertEquals(survey.tally(survey.root).tasks, 3);
    assertEquals(survey.wayTo(innermost).size, 20_005);
    assertEquals(waitsOf(survey.root.children[0].children[0])[0]?.kind, undefined);
    group.cancel();
  });
});

Deno.test("rows: a node that is closed tells of the trouble in it", async () => {
  await taskGroup(async (group) => {
    const lock = new Lock({ name: "door" });
    group.spawn(async () => {
      using _ = await lock.acquire();
      await taskGroup((inner) => void inner.spawn(() => lock.acquire(), { name: "child" }));
    }, { name: "parent" });
    await waitAllTasksBlocked();
    const marks = (all: Row[]) => all.map(({ name, mark, alarms }) => [name, mark, alarms]);
    assertEquals(marks(rows()), [
      ["work", undefined, undefined],
      ["parent", "deadlocked", undefined],
      ["group", undefined, undefined],
      ["child", "deadlocked", undefined],
    ]);
    assertEquals(marks(rows({ close: "t0/group work" })), [["work", undefined, 2]]);
    assertEquals(marks(rows({ close: rows()[1].key }))[1], ["parent", "deadlocked", 1]);
    group.cancel();
  }, { name: "work" });
});

Deno.test("rows: a task that is hidden is not there, with all that is in it, and is not counted", async () => {
  await taskGroup(async (group) => {
    const own = group.spawn(() => taskGroup((inner) => many(inner, 3)), { name: "own" });
    group.spawn(() => sleep(Infinity), { name: "other" });
    await waitAllTasksBlocked();
    assertEquals(drawn(rows({}, [own.id])), ["work", " other"]);
    const survey = new Survey(inspect(), new Set([own.id]));
    assertEquals([survey.count, survey.waiting], [1, 1]);
    group.cancel();
  }, { name: "work" });
});

Deno.test("rows: nodes that are called the same have keys of their own, and keep them", async () => {
  await taskGroup(async (group) => {
    group.spawn(
      () => Promise.all([1, 2, 3].map(() => taskGroup(() => sleep(Infinity), { name: "twin" }))),
      {
        name: "three",
      },
    );
    await waitAllTasksBlocked();
    const keys = () => rows().filter(({ name }) => name === "twin").map(({ key }) => key);
    assertEquals(new Set(keys()).size, 3);
    assertEquals(keys(), keys());
    group.cancel();
  });
});

Deno.test("rows: of many waits, and of many who have a thing, the first are told, and how many others there are", async () => {
  await taskGroup(async (group) => {
    const map = new RWLock({ name: "map" });
    for (let i = 0; i < 8; i++) {
      group.spawn(() => map.read.withLock(() => sleep(Infinity)), { name: `reader ${i}` });
    }
    group.spawn(() => map.write.acquire(), { name: "writer" });
    group.spawn(() => Promise.all(Array.from({ length: 1000 }, () => sleep(Infinity))), {
      name: "sleeper",
    });
    await waitAllTasksBlocked();
    const [sleeper, writer] = rows().reverse();
    assertEquals([sleeper.waits.length, sleeper.otherWaits], [5, 995]);
    assertEquals(writer.waits, [{
      kind: "write lock",
      name: "map",
      holder: "reader 0",
      others: 7,
    }]);
    assertEquals(writer.otherWaits, undefined);
    group.cancel();
  });
});
