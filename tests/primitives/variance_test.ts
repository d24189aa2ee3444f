/**
 * What carries items can be handed to code that asks for less: a report takes queues of anything.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import {
  Broadcast,
  Channel,
  Deferred,
  LifoQueue,
  PriorityQueue,
  Queue,
  type Subscription,
} from "../../mod.ts";

Deno.test("Channels, queues, broadcasts and deferred values of strings are such of unknown items", () => {
  const broadcast = new Broadcast<string>({ name: "news" });
  const sources: (
    | Broadcast<unknown>
    | Channel<unknown>
    | Deferred<unknown>
    | Queue<unknown>
    | Subscription<unknown>
  )[] = [
    broadcast satisfies Broadcast<unknown>,
    broadcast.subscribe({ name: "reader" }) satisfies Subscription<unknown>,
    new Channel<string>(1, { name: "lines" }) satisfies Channel<unknown>,
    new Deferred<string>({ name: "answer" }) satisfies Deferred<unknown>,
    new Queue<string>(1, { name: "jobs" }) satisfies Queue<unknown>,
    new LifoQueue<string>(1, { name: "plates" }) satisfies LifoQueue<unknown>,
    new PriorityQueue<string>(1, { name: "letters" }) satisfies PriorityQueue<unknown>,
  ];
  assertEquals(
    sources.map(({ kind, name }) => `${kind} ${name}`),
    [
      "broadcast news",
      "subscription reader",
      "channel lines",
      "deferred answer",
      "queue jobs",
      "queue plates",
      "queue letters",
    ],
  );
});
