import { assertEquals } from "@std/assert";
import { inspect, sleep, taskGroup } from "../../../mod.ts";
import { Survey } from "../../../io/inspector/survey.ts";
import { Timeline } from "../../../io/inspector/timeline.ts";
import { currentClock } from "../../../primitives/kernel/clock.ts";
import { hooks } from "../../../primitives/kernel/hooks.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";

/** The bars as text. */
function bars(timeline: Timeline): string[] {
  const now = currentClock().now();
  return timeline.bars(new Survey(inspect(), new Set()), now).map(({ name, from, to, state }) =>
    `${name} ${from - now}..${to === undefined ? "" : to - now} ${state}`
  );
}

Deno.test("timeline: a bar for each task, from its start to its end, with how it has ended", async () => {
  await withVirtualTime(async () => {
    const timeline = new Timeline(new Set());
    using _ = timeline.watch();
    await taskGroup(async (group) => {
      group.spawn(() => sleep(10), { name: "done" });
      await sleep(5);
      group.spawn(() => sleep(Infinity), { name: "waits" });
      group.spawn(() => sleep(Infinity), { name: "cut" }).cancel();
      await sleep(15);
      assertEquals(bars(timeline), [
        "done -20..-10 succeeded",
        "cut -15..-15 cancelled",
        "waits -15.. waiting",
      ]);
      group.cancel();
    });
  });
});

Deno.test("timeline: what ended long ago, and began long ago, is left out", async () => {
  await withVirtualTime(async () => {
    const timeline = new Timeline(new Set());
    using _ = timeline.watch();
    await taskGroup(async (group) => {
      group.spawn(() => sleep(Infinity), { name: "old" });
      group.spawn(() => sleep(10), { name: "short" });
      group.spawn(() => sleep(25_000), { name: "long" });
      await sleep(40_000);
      assertEquals(bars(timeline), ["long -40000..-15000 succeeded"]);
      group.cancel();
    });
  });
});

Deno.test("timeline: it notes nothing while nobody looks, and costs nothing", async () => {
  await withVirtualTime(async () => {
    const timeline = new Timeline(new Set());
    await taskGroup(async (group) => {
      const before = hooks;
      {
        using _one = timeline.watch();
        {
          using _two = timeline.watch();
        }
        group.spawn(() => sleep(1), { name: "seen" });
        await sleep(2);
        assertEquals(bars(timeline), ["seen -2..-1 succeeded"]);
      }
      assertEquals(hooks, before);
      group.spawn(() => sleep(1), { name: "unseen" });
      await sleep(2);
      assertEquals(bars(timeline), []);
    });
  });
});

Deno.test("timeline: it remembers the last ends only, however many there are", async () => {
  await withVirtualTime(async () => {
    const timeline = new Timeline(new Set());
    using _ = timeline.watch();
    await taskGroup((group) => {
      for (let i = 0; i < 2000; i++) group.spawn(() => {}, { name: `${i}` });
    });
    const all = bars(timeline);
    assertEquals(all.length >= 300 && all.length < 600, true);
    assertEquals(all.at(-1), "1999 0..0 succeeded");
  });
});

Deno.test("timeline: a task that is hidden has no bar, not even when it has ended", async () => {
  await withVirtualTime(async () => {
    const hidden = new Set<number>();
    const timeline = new Timeline(hidden);
    using _ = timeline.watch();
    await taskGroup(async (group) => {
      const own = group.spawn(() => sleep(1), { name: "own" });
      hidden.add(own.id);
      own.onDone(() => hidden.delete(own.id));
      await sleep(5);
      assertEquals(bars(timeline), []);
    });
  });
});
