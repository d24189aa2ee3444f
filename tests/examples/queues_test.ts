import { assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("queues: the orders, the bounds, and the end of the work, as in Python [W7]", async () => {
  assertEquals(await linesOf("queues"), [
    "first in, first out: 1,2,3",
    "last in, first out: 3,2,1",
    "the lowest first: extinguish,call,sweep",
    "get from an empty one, at once: QueueEmpty",
    "get from an empty one, within 5 ms: TimeoutError",
    "size 1, empty false, full false",
    "size 2, empty false, full true",
    "put into a full one, at once: QueueFull",
    "put into a full one, within 5 ms: TimeoutError",
    "1 waits to put",
    "c has found room",
    "got a",
    "left: b,c",
    "done: wash",
    "done: dry",
    "done: fold",
    "all jobs are done",
    "the worker goes home",
    "put into one that was shut down: QueueShutDown",
  ]);
});
