import { assert, assertEquals, assertMatch } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("threads: tasks run side by side, a group waits for all, a wait has its limit", async () => {
  const lines = (await linesOf("threads")).map((line) => line.replace(/is task \d+/, "is task …"));
  assertEquals(lines.slice(0, 4), [
    "This is main",
    'Ann is task …, and begins "Blue in Green"',
    'Bob is task …, and begins "So What"',
    "active: main, Ann, Bob",
  ]);

  // What Bob does meanwhile depends on how busy the machine is.
  const group = lines.slice(4, 8);
  const ann = group.filter((line) => line !== 'Bob has heard "So What"');
  assert(ann.length === 3, "Bob has heard it once, before the group is over");
  assertEquals(ann.slice(0, 2), [
    'Ann has heard "Blue in Green"',
    'the first song is over: "Blue in Green"',
  ]);
  assertMatch(ann[2], /^active: main(, Bob)?$/);

  assertEquals(lines[8], "active: main");
  assertMatch(lines[9], /^waited enough: alive true, \d0 %$/);
  assertEquals(lines.slice(10), [
    "download has succeeded: alive false",
    "and all is here: 100 %",
  ]);
});
