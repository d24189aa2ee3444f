/**
 * ProcessQueue against a model: any sequence of calls at three nodes, some of them cancelled, comes to what a list and two lines
 * of those who wait come to; and whatever is called, cancelled or killed at the same time, no item is lost or got twice.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import * as fc from "fast-check";
import {
  CancelScope,
  isCancelled,
  ProcessQueue,
  QueueEmpty,
  QueueFull,
  QueueShutDown,
} from "../../mod.ts";
import type { Node } from "../../pools/link/node.ts";
import { at, hand, idle, Net } from "./link/net.ts";

type Outcome = string;

/** What becomes of a call, as text. */
function textOf(error: unknown): Outcome {
  if (isCancelled(error)) return "cancelled";
  for (const type of [QueueEmpty, QueueFull, QueueShutDown, RangeError]) {
    if (error instanceof type) return type.name;
  }
  throw error;
}

type Command =
  | { do: "put" | "get" | "putNowait" | "getNowait" | "taskDone" | "join"; view: number }
  | { do: "cancel"; call: number }
  | { do: "shutdown"; view: number; immediate: boolean };

/** A call that waits in the model. */
interface Waiting {
  readonly index: number;
  readonly item: number;
}

/** Lists, and no promise anywhere. */
class Model {
  readonly bound: number;
  items: number[] = [];
  putters: Waiting[] = [];
  getters: Waiting[] = [];
  joiners: number[] = [];
  outcomes: (Outcome | undefined)[] = [];
  unfinished = 0;
  isShutDown = false;

  constructor(maxsize: number) {
    this.bound = maxsize || Infinity;
  }

  put(index: number, item: number, waits: boolean): void {
    if (this.isShutDown) this.outcomes[index] = "QueueShutDown";
    else if (this.getters.length > 0) {
      this.unfinished++;
      this.outcomes[this.getters.shift()!.index] = `${item}`;
      this.outcomes[index] = "done";
    } else if (this.items.length < this.bound) {
      this.#keep(item);
      this.outcomes[index] = "done";
    } else if (waits) this.putters.push({ index, item });
    else this.outcomes[index] = "QueueFull";
  }

  get(index: number, waits: boolean): void {
    if (this.items.length > 0) {
      this.outcomes[index] = `${this.items.shift()}`;
      const putter = this.putters.shift();
      if (putter === undefined) return;
      this.#keep(putter.item);
      this.outcomes[putter.index] = "done";
    } else if (this.isShutDown) this.outcomes[index] = "QueueShutDown";
    else if (waits) this.getters.push({ index, item: 0 });
    else this.outcomes[index] = "QueueEmpty";
  }

  taskDone(index: number): void {
    this.outcomes[index] = this.unfinished === 0 ? "RangeError" : "done";
    if (this.unfinished > 0) this.#finish(1);
  }

  join(index: number): void {
    if (this.unfinished === 0) this.outcomes[index] = "done";
    else this.joiners.push(index);
  }

  cancel(index: number): void {
    if (index >= this.outcomes.length || this.outcomes[index] !== undefined) return;
    this.outcomes[index] = "cancelled";
    this.putters = this.putters.filter((waiting) => waiting.index !== index);
    this.getters = this.getters.filter((waiting) => waiting.index !== index);
    this.joiners = this.joiners.filter((joiner) => joiner !== index);
  }

  shutdown(index: number, immediate: boolean): void {
    this.isShutDown = true;
    this.outcomes[index] = "done";
    for (const { index } of this.putters.splice(0)) this.outcomes[index] = "QueueShutDown";
    if (immediate) {
      this.#finish(Math.min(this.items.length, this.unfinished));
      this.items = [];
    }
    for (const { index } of this.getters.splice(0)) this.outcomes[index] = "QueueShutDown";
  }

  #keep(item: number): void {
    this.items.push(item);
    this.unfinished++;
  }

  #finish(count: number): void {
    this.unfinished -= count;
    if (this.unfinished > 0) return;
    for (const joiner of this.joiners.splice(0)) this.outcomes[joiner] = "done";
  }
}

/** A queue at the root, seen there, at a child and at a grandchild. */
function views(net: Net, maxsize: number): { nodes: Node[]; views: ProcessQueue<number>[] } {
  const root = net.node();
  const child = net.node(root, "child");
  const grandchild = net.node(child, "grandchild");
  const queue = at(root, () => new ProcessQueue<number>(maxsize));
  return {
    nodes: [root, child, grandchild],
    views: [queue, hand(queue, child), hand(queue, grandchild)],
  };
}

const view = fc.nat(2);
const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom("put", "get"), view }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constantFrom("putNowait", "getNowait", "taskDone", "join"),
      view,
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("cancel"), call: fc.nat(20) }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("shutdown"), view, immediate: fc.boolean() }),
  },
) as fc.Arbitrary<Command>;

Deno.test("a ProcessQueue at three nodes does what its model does", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(3), fc.array(command, { maxLength: 25 }), async (maxsize, commands) => {
      using net = new Net();
      const { nodes: [root], views: queues } = views(net, maxsize);
      const model = new Model(maxsize);
      const outcomes: (Outcome | undefined)[] = [];
      const scopes: (CancelScope | undefined)[] = [];
      for (const command of commands) {
        const index = outcomes.length;
        if (command.do === "cancel") {
          scopes[command.call]?.cancel();
          model.cancel(command.call);
        } else {
          const queue = queues[command.view];
          const scope = scopes[index] = new CancelScope();
          outcomes.push(undefined);
          model.outcomes.push(undefined);
          const call = (): Promise<unknown> => {
            switch (command.do) {
              case "put":
                model.put(index, index, true);
                return queue.put(index);
              case "get":
                model.get(index, true);
                return queue.get();
              case "putNowait":
                model.put(index, index, false);
                return queue.putNowait(index);
              case "getNowait":
                model.get(index, false);
                return queue.getNowait();
              case "taskDone":
                model.taskDone(index);
                return queue.taskDone();
              case "join":
                model.join(index);
                return queue.join();
              case "shutdown":
                model.shutdown(index, command.immediate);
                return queue.shutdown({ immediate: command.immediate });
            }
          };
          scope.enter(async () => {
            const outcome = await call().then((value) => `${value ?? "done"}`, textOf);
            outcomes[index] = outcome;
          });
        }
        await idle(net);
        assertEquals(outcomes, model.outcomes);
        const { size, putters, getters, unfinished, inTransit } = await queues[0].stats();
        assertEquals([size, putters, getters, unfinished, inTransit], [
          model.items.length,
          model.putters.length,
          model.getters.length,
          model.unfinished,
          0,
        ]);
      }
      for (const scope of scopes) scope?.cancel();
      await idle(net);
      assertEquals(root.host.open, 0, "nothing is left of the calls");
      queues[0][Symbol.dispose]();
    }),
    { numRuns: 150 },
  );
});

interface Race {
  readonly maxsize: number;
  /** Of each producer and consumer: the node, and after how many turns its call is cancelled. */
  readonly producers: readonly [view: number, cuts: readonly number[]][];
  readonly consumers: readonly [view: number, cuts: readonly number[]][];
  /** When the grandchild dies, in turns. */
  readonly death: number;
}

const cuts = fc.array(fc.nat(30), { minLength: 1, maxLength: 6 });
const race: fc.Arbitrary<Race> = fc.record({
  maxsize: fc.nat(2),
  producers: fc.array(fc.tuple(view, cuts), { minLength: 1, maxLength: 3 }),
  consumers: fc.array(fc.tuple(view, cuts), { minLength: 1, maxLength: 3 }),
  death: fc.oneof(fc.constant(Infinity), fc.nat(120)),
});

Deno.test("no item is lost, got twice or out of order, whatever is cancelled and whoever dies at the same time", async () => {
  let deaths = 0;
  let cancelled = 0;
  await fc.assert(
    fc.asyncProperty(race, async ({ maxsize, producers, consumers, death }) => {
      using net = new Net();
      const { nodes: [root, , grandchild], views: queues } = views(net, maxsize);
      const put = new Set<number>();
      const got: number[] = [];
      const lost: number[] = [];
      let isDead = false;
      // Each item that is tried has a number of its own: the producer's, and how many it has tried.
      const cut = async (turns: number, call: () => Promise<void>) => {
        const scope = new CancelScope();
        const ended = scope.enter(call);
        for (let turn = 0; turn < turns; turn++) await null;
        scope.cancel();
        await ended;
        if (scope.cancelledCaught) cancelled++;
      };
      const work = [
        ...producers.map(async ([view, cuts], producer) => {
          for (const [n, turns] of cuts.entries()) {
            const item = producer * 100 + n;
            await cut(turns, async () => {
              await queues[view].put(item);
              if (!(isDead && view === 2)) put.add(item);
            }).catch(() => {});
          }
        }),
        ...consumers.map(async ([view, cuts]) => {
          for (const turns of cuts) {
            await cut(turns, async () => {
              const item = await queues[view].get();
              (isDead && view === 2 ? lost : got).push(item);
            }).catch(() => {});
          }
        }),
      ];
      const killed = (async () => {
        for (let turn = 0; turn < death; turn++) {
          if (death === Infinity) return;
          await null;
        }
        isDead = true;
        deaths++;
        net.kill(grandchild);
        grandchild.gone(() => true, "dead");
      })();
      await Promise.all([...work, killed]);
      await idle(net);

      const rest: number[] = [];
      const { size, inTransit, putters, getters } = await queues[0].stats();
      assertEquals([inTransit, putters, getters, root.host.open], [0, 0, 0, 0]);
      while (rest.length < size) rest.push(await queues[0].getNowait());
      const all = [...got, ...lost, ...rest];
      assertEquals(new Set(all).size, all.length, "got twice");
      for (const item of put) assert(all.includes(item), `${item} is lost of ${all}`);
      // What was put by one who died before it has heard so may be there, and nothing else.
      for (const item of all) {
        assert(put.has(item) || isDead && producers[Math.floor(item / 100)][0] === 2, `${item}`);
      }
      for (const [producer] of producers.entries()) {
        const own = rest.filter((item) => Math.floor(item / 100) === producer);
        assertEquals(own, own.toSorted((a, b) => a - b));
      }
      queues[0][Symbol.dispose]();
    }),
    { numRuns: 300 },
  );
  assert(deaths > 10 && cancelled > 100, `${deaths} have died, and ${cancelled} calls were cut`);
});
