import { assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("deadlock: a circle of two is an error that names both, and an RLock is none [W2, W3]", async () => {
  const lines = await linesOf("deadlock");
  const places = lines.map((line) =>
    line.replaceAll(/file:\S+\/examples\/deadlock\.ts:\d+:\d+/g, "HERE")
  );
  assertEquals(places, [
    'two locks: Cannot wait for lock "fork" as task "Bob" would wait for itself:',
    '  task "Bob" waits for lock "fork" at HERE, which task "Ann" took at HERE',
    '  task "Ann" waits for lock "noodles" at HERE, which task "Bob" took at HERE',
    "Take locks in the same order everywhere",
    "one RLock: all is well",
    'a Lock in a recursion: Cannot wait for lock "folder" as task "main" would wait for itself:',
    '  task "main" waits for lock "folder" at HERE, which task "main" took at HERE',
    "Release it first, or use an RLock; what is to exclude each other needs a task each",
    "an RLock in a recursion: all is well",
  ]);
});
