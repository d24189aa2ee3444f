/**
 * The queue that everything waits in.
 *
 * @module
 */

import { assert, assertEquals, assertFalse, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { Parked, WaitQueue } from "../../../primitives/kernel/queue.ts";

class Node extends Parked<string> {
  readonly id: number;
  readonly act: (value: string, node: Node) => void;

  constructor(id: number, act: (value: string, node: Node) => void = () => {}) {
    super();
    this.id = id;
    this.act = act;
  }

  override wake(value: string): void {
    this.act(value, this);
  }

  override fail(error: unknown): void {
    this.act(`failed: ${error}`, this);
  }
}

class Queue extends WaitQueue<string> {
  timesEmptied = 0;

  constructor() {
    super({ kind: "test", name: "queue" });
  }

  override emptied(): void {
    this.timesEmptied++;
  }
}

/** The numbers of those in a queue, read in both directions. */
function idsIn(queue: WaitQueue<string>): number[] {
  const ids: number[] = [];
  let last: Parked<string> | null = null;
  for (let node = queue.first; node !== null; node = node.next) {
    assertStrictEquals(node.queue, queue);
    assertStrictEquals(node.prev, last);
    ids.push((node as Node).id);
    last = node;
  }
  assertEquals(queue.size, ids.length);
  return ids;
}

Deno.test("W1: who joined first is woken first, with the value", () => {
  const queue = new Queue();
  const woken: string[] = [];
  for (let id = 0; id < 3; id++) {
    queue.add(new Node(id, (value, node) => woken.push(`${node.id}: ${value}`)));
  }
  assert(queue.wakeFirst("a"));
  assert(queue.wakeFirst("b"));
  assertEquals(woken, ["0: a", "1: b"]);
  assertEquals(idsIn(queue), [2]);
  assert(queue.wakeFirst("c"));
  assertFalse(queue.wakeFirst("d"), "nobody is left");
});

Deno.test("One can leave at the head, in the middle and at the tail, and join again", () => {
  const queue = new Queue();
  const nodes = [0, 1, 2, 3, 4].map((id) => new Node(id));
  nodes.forEach((node) => queue.add(node));
  queue.remove(nodes[2]);
  assertEquals(idsIn(queue), [0, 1, 3, 4]);
  queue.remove(nodes[0]);
  queue.remove(nodes[4]);
  assertEquals(idsIn(queue), [1, 3]);
  assertEquals([nodes[2].queue, nodes[2].next, nodes[2].prev], [null, null, null]);
  queue.add(nodes[2]);
  assertEquals(idsIn(queue), [1, 3, 2]);
});

Deno.test("The queue has let go of a node before it wakes it", () => {
  const queue = new Queue();
  const seen: unknown[] = [];
  queue.add(new Node(0, (_, node) => seen.push(node.queue, queue.size)));
  queue.wakeFirst("a");
  queue.add(new Node(1, (_, node) => seen.push(node.queue, queue.size)));
  queue.failAll("broken");
  assertEquals(seen, [null, 0, null, 0]);
});

Deno.test("wakeAll() wakes those who wait now: who joins meanwhile waits for the next time", () => {
  const queue = new Queue();
  const woken: number[] = [];
  const again = (_: string, node: Node) => {
    woken.push(node.id);
    queue.add(node);
  };
  for (let id = 0; id < 3; id++) queue.add(new Node(id, again));
  queue.wakeAll("now");
  assertEquals(woken, [0, 1, 2]);
  assertEquals(idsIn(queue), [0, 1, 2]);
});

Deno.test("wakeAll() passes over who was taken out by one woken before", () => {
  const queue = new Queue();
  const woken: number[] = [];
  const nodes = [0, 1, 2].map((id) => new Node(id, () => woken.push(id)));
  const first = new Node(9, () => {
    woken.push(9);
    queue.remove(nodes[1]);
  });
  [first, ...nodes].forEach((node) => queue.add(node));
  queue.wakeAll("now");
  assertEquals(woken, [9, 0, 2]);
  assertEquals(queue.size, 0);
});

Deno.test("failAll() tells all who wait now, in their order", () => {
  const queue = new Queue();
  const told: string[] = [];
  for (let id = 0; id < 3; id++) {
    queue.add(
      new Node(id, (value, node) => {
        told.push(`${node.id} ${value}`);
        queue.add(node);
      }),
    );
  }
  queue.failAll("closed");
  assertEquals(told, ["0 failed: closed", "1 failed: closed", "2 failed: closed"]);
  assertEquals(queue.size, 3);
});

Deno.test("A queue hears each time that the last has left it, in whatever way", () => {
  const queue = new Queue();
  const node = new Node(0);
  queue.add(node);
  assertEquals(queue.timesEmptied, 0);
  queue.remove(node);
  queue.add(node);
  queue.wakeFirst("a");
  queue.add(node);
  queue.add(new Node(1));
  queue.failAll("b");
  assertEquals(queue.timesEmptied, 3);
  queue.wakeAll("nobody");
  assertEquals(queue.timesEmptied, 3);
});

Deno.test("The queue behaves as an array does, whatever is done to it", () => {
  const operation = fc.oneof(
    { weight: 5, arbitrary: fc.record({ do: fc.constant("add" as const), at: fc.nat() }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant("remove" as const), at: fc.nat() }) },
    fc.record({ do: fc.constant("wakeFirst" as const), at: fc.nat() }),
    fc.record({ do: fc.constant("wakeAll" as const), at: fc.nat() }),
  );
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60, size: "max" }), (operations) => {
      const queue = new Queue();
      const model: Node[] = [];
      const woken: number[] = [];
      const expected: number[] = [];
      let emptied = 0;
      let id = 0;
      for (const operation of operations) {
        switch (operation.do) {
          case "add": {
            const node = new Node(id++, (_, node) => woken.push(node.id));
            queue.add(node);
            model.push(node);
            break;
          }
          case "remove": {
            if (model.length === 0) break;
            const [node] = model.splice(operation.at % model.length, 1);
            queue.remove(node);
            if (model.length === 0) emptied++;
            break;
          }
          case "wakeFirst": {
            assertEquals(queue.wakeFirst("one"), model.length > 0);
            if (model.length === 1) emptied++;
            expected.push(...model.splice(0, 1).map((node) => node.id));
            break;
          }
          default:
            queue.wakeAll("all");
            if (model.length > 0) emptied++;
            expected.push(...model.splice(0).map((node) => node.id));
        }
        assertEquals(idsIn(queue), model.map((node) => node.id));
        assertEquals(woken, expected);
        assertEquals(queue.timesEmptied, emptied);
      }
    }),
    { numRuns: 300 },
  );
});
