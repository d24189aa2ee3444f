/**
 * The tree of all that runs, as text.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import {
  cancelScope,
  Channel,
  formatTree,
  Lock,
  sleep,
  taskGroup,
  type TreeNode,
} from "../../mod.ts";
import { waitAllTasksBlocked } from "../../primitives/testing/mod.ts";
import { nested } from "./nested.ts";

/** A tree that nobody has made by running anything. */
const tree: TreeNode = {
  kind: "task",
  name: "root",
  id: 0,
  state: "running",
  stopping: false,
  age: 65_000,
  waitingFor: [],
  children: [
    {
      kind: "task",
      name: "worker",
      id: 4,
      state: "running",
      stopping: false,
      age: 1500,
      deadlocked: true,
      waitingFor: [{
        kind: "lock",
        name: "door",
        id: 1,
        for: 950,
        heldBy: [{ id: 9, name: "other" }, { id: 10, name: "third" }],
      }],
      children: [],
    },
    {
      kind: "pool",
      name: "images",
      stopping: false,
      age: 3 * 3_600_000,
      waitingFor: [],
      details: { queued: 2, running: 1 },
      children: [],
    },
  ],
};

Deno.test("formatTree() draws the tree, with the states and what is waited for below each other", async () => {
  await taskGroup(async (group) => {
    group.spawn(() =>
      taskGroup((inner) => {
        inner.spawn(() => sleep(Infinity), { name: "a" });
        inner.spawn(() => sleep(Infinity), { name: "b" });
      }, { name: "pair" }), { name: "parent" });
    group.spawn(() => cancelScope(() => sleep(Infinity), { name: "limit" }), { name: "c" });
    await waitAllTasksBlocked();
    assertEquals(
      formatTree(),
      [
        "root                    running",
        '└─ group "all"',
        "   ├─ parent            running",
        '   │  └─ group "pair"   closing',
        '   │     ├─ a           running  waits for sleep "forever"',
        '   │     └─ b           running  waits for sleep "forever"',
        "   └─ c                 running",
        '      └─ scope "limit"           waits for sleep "forever"',
      ].join("\n"),
    );
    group.cancel();
  }, { name: "all" });
});

Deno.test("formatTree() tells who has what is waited for, and how full it is", async () => {
  const lock = new Lock({ name: "door" });
  const channel = new Channel<number>(1, { name: "jobs" });
  await taskGroup(async (group) => {
    const owner = group.spawn(() => lock.withLock(() => sleep(Infinity)), { name: "owner" });
    group.spawn(() => lock.acquire(), { name: "next" });
    group.spawn(async () => {
      await channel.send(1);
      await channel.send(2);
    }, { name: "sender" });
    await waitAllTasksBlocked();
    const lines = formatTree().split("\n");
    assertEquals(lines.slice(-2), [
      `   ├─ next        running  waits for lock "door", held by "owner" (${owner.id})`,
      '   └─ sender      running  waits for channel "jobs" (size 1, capacity 1)',
    ]);
    group.cancel();
  });
});

Deno.test("formatTree() draws a tree that it is given, with ages and alarms", () => {
  assertEquals(
    formatTree({ tree }),
    [
      "root              running  1 min",
      '├─ worker         running  1.5 s  DEADLOCKED, waits 950 ms for lock "door", held by "other" (9), "third" (10)',
      '└─ pool "images"             3 h  queued 2, running 1',
    ].join("\n"),
  );
});

Deno.test("formatTree() colors on demand, and colors take no place", () => {
  const colored = formatTree({ tree, color: true });
  assert(colored.includes("\x1b[31mDEADLOCKED\x1b[39m"));
  // deno-lint-ignore no-control-regex
  assertEquals(colored.replaceAll(/\x1b\[\d+m/g, ""), formatTree({ tree }));
  assertFalse(formatTree({ tree }).includes("\x1b"));
});

Deno.test("formatTree() lets a long name stick out, and leaves the others where they are", () => {
  const long = { ...tree.children[0], name: "x".repeat(200), age: undefined };
  const lines = formatTree({ tree: { ...tree, children: [long, tree.children[1]] } }).split("\n");
  assertEquals(lines[1].indexOf("running"), "├─ ".length + 200 + 2);
  assertEquals(lines[0].indexOf("running"), 58);
});

Deno.test("formatTree() draws a nest deeper than calls can be, and numbers what it does not indent", async () => {
  await nested(100_000, () => {
    const lines = formatTree().split("\n");
    assertEquals(lines.length, 100_001);
    assertEquals(lines[50], `${" ".repeat(3 * 49)}└─ scope "scope"`);
    assertEquals(lines[51], `${" ".repeat(3 * 50)}51: scope "scope"`);
    assertEquals(lines.at(-1), `${" ".repeat(3 * 50)}100000: scope "scope"`);
  });
});

Deno.test("formatTree() shows as escapes what is no text: a name cannot act on the terminal", () => {
  const name = "\x1b[2J\x9b1m\r\nroot\u202e\u2028";
  const text = formatTree({
    tree: { ...tree, name, state: name, details: { [name]: name }, spawnedAt: name, children: [] },
  });
  const escaped = "\\u001b[2J\\u009b1m\\u000d\\u000aroot\\u202e\\u2028";
  assertEquals(
    text,
    `${escaped}  ${escaped}  1 min  ${escaped} ${escaped}, spawned at ${escaped}`,
  );
  assert(
    formatTree({ tree: { ...tree, name: "größe – 木 🌳\u200d" } }).includes("größe – 木 🌳\u200d"),
  );
});

Deno.test("E1: formatTree() refuses a color that is none", () => {
  assertThrows(
    () => formatTree({ color: "always" as unknown as boolean }),
    TypeError,
    `Cannot format the tree as 'color' must be a boolean: received "always"`,
  );
});
