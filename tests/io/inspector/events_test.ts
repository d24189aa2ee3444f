import { assert, assertEquals } from "@std/assert";
import {
  activeTasks,
  currentTask,
  sleep,
  type TaskGroup,
  taskGroup,
  traceAges,
} from "../../../mod.ts";
import { eventsFor } from "../../../io/inspector/events.ts";
import { Timeline } from "../../../io/inspector/timeline.ts";
import { viewFrom } from "../../../io/inspector/view.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";

/** What a page that looks has been sent. */
interface News {
  readonly now?: number;
  readonly tasks?: number;
  readonly rows?: readonly { readonly name: string }[];
  readonly order?: readonly string[];
}

/** Looks at this program, in virtual time; each call gives the next step. */
async function looking(
  fn: (next: () => Promise<News>, group: TaskGroup, timeline: Timeline) => Promise<void>,
): Promise<void> {
  await withVirtualTime(async () => {
    traceAges(true);
    try {
      await taskGroup(async (group) => {
        const timeline = new Timeline(new Set());
        const view = viewFrom(new URLSearchParams());
        const events = eventsFor(
          view,
          new Set([currentTask().id].filter((id) => id > 0)),
          timeline,
        );
        const next = async () => {
          const { value } = await events.next();
          return JSON.parse(value!.slice("data: ".length));
        };
        await fn(next, group, timeline);
        await events.return(undefined);
        group.cancel();
      }, { name: "work" });
    } finally {
      traceAges(false);
    }
  });
}

const names = ({ rows = [] }: News) => rows.map(({ name }) => name);

Deno.test("events: first all of the view, then only what is new in it", () =>
  looking(async (next, group) => {
    group.spawn(() => sleep(Infinity), { name: "one" });
    const first = await next();
    assertEquals(names(first), ["root", "work", "one"]);
    assertEquals(Object.keys(first), [
      "now",
      "tasks",
      "waiting",
      "trouble",
      "alarms",
      "places",
      "awaited",
      "why",
      "bars",
      "rows",
      "order",
    ]);
    const two = group.spawn(() => sleep(Infinity), { name: "two" });
    const second = await next();
    assert(names(second).includes("two") && !names(second).includes("one"));
    assertEquals(second.tasks, first.tasks! + 1);
    assert(!("alarms" in second) && !("awaited" in second));
    two.cancel();
    const third = await next();
    assert(!third.order!.includes(`t${two.id}`));
    assert(!names(third).includes("one"), "that time passes is no news");
  }));

Deno.test("events: nothing is sent while nothing is new", () =>
  looking(async (next, group) => {
    await next();
    const began = performance.now();
    let woken = false;
    group.spawn(async () => {
      await sleep(10_000);
      woken = true;
      group.spawn(() => sleep(Infinity), { name: "news" });
    }, { name: "later" });
    await next(); // "later" is there.
    const news = await next();
    assert(woken, "there was nothing before");
    assert(names(news).includes("news"));
    assert(performance.now() - began < 60_000);
  }));

Deno.test("events: who reads slowly gets how it is now, and not how it was meanwhile", () =>
  looking(async (next, group) => {
    await next();
    for (let i = 0; i < 50; i++) {
      const brief = group.spawn(() => sleep(Infinity), { name: `brief ${i}` });
      await sleep(1000);
      brief.cancel();
      await brief.join();
    }
    group.spawn(() => sleep(Infinity), { name: "last" });
    const news = await next();
    assert(names(news).includes("last"));
    assert(!names(news).some((name) => name.startsWith("brief")));
    assertEquals(activeTasks().length, news.tasks);
  }));

Deno.test("events: a program that takes long to look at, or that many look at, is looked at less often", () =>
  looking(async (next, group, timeline) => {
    const { now } = performance;
    let time = 0;
    const pauses: number[] = [];
    try {
      for (const [took, others] of [[1, 0], [50, 0], [50, 2]]) {
        using watching = new DisposableStack();
        for (let i = 0; i < others; i++) watching.use(timeline.watch());
        performance.now = () => time += took;
        const { now: first } = await next();
        group.spawn(() => sleep(Infinity));
        const { now: second } = await next();
        group.spawn(() => sleep(Infinity));
        pauses.push(second! - first!);
      }
    } finally {
      performance.now = now;
    }
    assertEquals(pauses, [250, 1000, 3000]);
  }));
