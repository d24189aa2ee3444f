/**
 * `channel-0`, `channel-1024`, `channel-iterate`: one task sends 10,000 items, another one receives them, adding them up; the
 * figure is the time of one item, sent and received. The channel has room for nothing, so that the two must meet, or for
 * 1,024; in `channel-iterate`, as large, the receiver is a `for await`, whose end is that the sender closes the channel.
 *
 * The floor is rings of items, senders and receivers with promises around them: what sending and receiving cost in promises where
 * both are awaited. It can be neither closed nor cancelled. The floor of `channel-iterate` is that of `channel-1024`, by calls.
 *
 * Not all peers are channels. A ReadableStream has no sender but a call-back that it pulls from. queueable has no bound: its
 * `push` resolves when the item has been taken, so in all three rows sender and receiver meet. @thi.ng/csp has room for one at least.
 *
 * @module
 */

import { Channel, taskGroup } from "../mod.ts";
import { checked } from "./checked.ts";
import { channel as cspChannel } from "./peers/csp.ts";
import { Effect, Fiber, Queue } from "./peers/effect.ts";
import { Channel as PushChannel } from "./peers/queueable.ts";
import { Channel as StdChannel } from "./peers/std_channel.ts";
import { Chan } from "./peers/ts_chan.ts";
import { Ring } from "./ring.ts";
import type { Contender, Row } from "./row.ts";

interface Item {
  readonly value: number;
}

const ITEMS = 10_000;
const items: readonly Item[] = Array.from({ length: ITEMS }, (_, i) => ({ value: i }));
const SUM = ITEMS * (ITEMS - 1) / 2;

const SENT = Promise.resolve();

class RingChannel<T> {
  readonly #capacity: number;
  readonly #items = new Ring<T>();
  readonly #receivers = new Ring<(item: T) => void>();
  readonly #senders = new Ring<{ readonly item: T; readonly sent: () => void }>();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  send(item: T): Promise<void> {
    if (this.#receivers.size > 0) this.#receivers.shift()(item);
    else if (this.#items.size < this.#capacity) this.#items.push(item);
    else return new Promise((sent) => this.#senders.push({ item, sent }));
    return SENT;
  }

  receive(): Promise<T> {
    if (this.#items.size > 0) {
      const item = this.#items.shift();
      if (this.#senders.size > 0) {
        const { item, sent } = this.#senders.shift();
        this.#items.push(item);
        sent();
      }
      return Promise.resolve(item);
    }
    if (this.#senders.size > 0) {
      const { item, sent } = this.#senders.shift();
      sent();
      return Promise.resolve(item);
    }
    return new Promise((receive) => this.#receivers.push(receive));
  }
}

async function rings(capacity: number): Promise<number> {
  const channel = new RingChannel<Item>(capacity);
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.send(item);
  }
  async function receive(): Promise<void> {
    for (let i = 0; i < ITEMS; i++) sum += (await channel.receive()).value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function grove(capacity: number): Promise<number> {
  const channel = new Channel<Item>(capacity);
  let sum = 0;
  await taskGroup((group) => {
    group.spawn(async () => {
      for (const item of items) await channel.send(item);
    });
    group.spawn(async () => {
      for (let i = 0; i < ITEMS; i++) sum += (await channel.receive()).value;
    });
  });
  return sum;
}

async function groveLoop(capacity: number): Promise<number> {
  const channel = new Channel<Item>(capacity);
  let sum = 0;
  await taskGroup((group) => {
    group.spawn(async () => {
      for (const item of items) await channel.send(item);
      channel.close();
    });
    group.spawn(async () => {
      for await (const item of channel) sum += item.value;
    });
  });
  return sum;
}

async function std(capacity: number): Promise<number> {
  const channel = new StdChannel<Item>({ capacity });
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.send(item);
  }
  async function receive(): Promise<void> {
    for (let i = 0; i < ITEMS; i++) sum += (await channel.receive()).value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function stdLoop(capacity: number): Promise<number> {
  const channel = new StdChannel<Item>({ capacity });
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.send(item);
    channel.close();
  }
  async function receive(): Promise<void> {
    for await (const item of channel) sum += item.value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function csp(capacity: number): Promise<number> {
  const channel = cspChannel<Item>(capacity);
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.write(item);
  }
  async function receive(): Promise<void> {
    for (let i = 0; i < ITEMS; i++) sum += (await channel.read())!.value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function cspLoop(capacity: number): Promise<number> {
  const channel = cspChannel<Item>(capacity);
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.write(item);
    channel.close();
  }
  async function receive(): Promise<void> {
    for await (const item of channel) sum += item!.value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function chan(capacity: number): Promise<number> {
  const channel = new Chan<Item>(capacity).setUnsafe(true);
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.send(item);
  }
  async function receive(): Promise<void> {
    for (let i = 0; i < ITEMS; i++) sum += (await channel.recv()).value!.value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function chanLoop(capacity: number): Promise<number> {
  const channel = new Chan<Item>(capacity).setUnsafe(true);
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.send(item);
    channel.close();
  }
  async function receive(): Promise<void> {
    for await (const item of channel) sum += item.value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function pushed(): Promise<number> {
  const channel = new PushChannel<Item>();
  let sum = 0;
  async function send(): Promise<void> {
    for (const item of items) await channel.push(item);
  }
  async function receive(): Promise<void> {
    for (let i = 0; i < ITEMS; i++) sum += (await channel.next()).value.value;
  }
  await Promise.all([send(), receive()]);
  return sum;
}

async function pushedLoop(): Promise<number> {
  const channel = new PushChannel<Item>();
  let sum = 0;
  async function send(): Promise<void> {
    for (let i = 0; i < ITEMS - 1; i++) await channel.push(items[i]);
    await channel.push(items[ITEMS - 1], true);
  }
  async function receive(): Promise<void> {
    // The last item ends a loop, which then does not see it.
    for (let last = false; !last;) {
      const { value, done } = await channel.next();
      sum += value.value;
      last = done === true;
    }
  }
  await Promise.all([send(), receive()]);
  return sum;
}

function stream(highWaterMark: number): ReadableStream<Item> {
  let next = 0;
  return new ReadableStream<Item>({
    pull(controller) {
      if (next < ITEMS) controller.enqueue(items[next++]);
      else controller.close();
    },
  }, { highWaterMark });
}

async function streamed(capacity: number): Promise<number> {
  const reader = stream(capacity).getReader();
  let sum = 0;
  for (let i = 0; i < ITEMS; i++) sum += (await reader.read()).value!.value;
  return sum;
}

async function streamedLoop(capacity: number): Promise<number> {
  let sum = 0;
  for await (const item of stream(capacity)) sum += item.value;
  return sum;
}

function effected(capacity: number): Promise<number> {
  return Effect.runPromise(Effect.gen(function* () {
    const queue = yield* Queue.bounded<Item>(capacity);
    const sender = yield* Effect.forkChild(Effect.gen(function* () {
      for (const item of items) yield* Queue.offer(queue, item);
    }));
    let sum = 0;
    for (let i = 0; i < ITEMS; i++) sum += (yield* Queue.take(queue)).value;
    yield* Fiber.join(sender);
    return sum;
  }));
}

type Transfer = (capacity: number) => Promise<number>;

function contender(name: string, transfer: Transfer, capacity: number, note?: string): Contender {
  return checked(name, { size: ITEMS, note }, () => transfer(capacity), SUM);
}

export const rows: Row[] = [
  {
    id: "channel-0",
    title: "an item through a channel in which sender and receiver meet",
    unit: "ns",
    contenders: [
      contender("floor", rings, 0),
      contender("grove", grove, 0),
      contender("@std Channel", std, 0),
      contender("@thi.ng/csp", csp, 1, "with room for one item, as it takes no less"),
      contender("queueable", pushed, 0),
      contender("ts-chan", chan, 0),
      contender("ReadableStream", streamed, 0),
      contender("Effect Queue", effected, 0),
    ],
    goals: [{ times: 1.2, of: "floor" }],
  },
  {
    id: "channel-1024",
    title: "an item through a channel with room for 1,024",
    unit: "ns",
    contenders: [
      contender("floor", rings, 1024),
      contender("grove", grove, 1024),
      contender("@std Channel", std, 1024),
      contender("@thi.ng/csp", csp, 1024),
      contender("queueable", pushed, 1024, "sender and receiver meet, as it has no bound"),
      contender("ts-chan", chan, 1024),
      contender("ReadableStream", streamed, 1024),
      contender("Effect Queue", effected, 1024),
    ],
    goals: [{ times: 1, of: "floor" }],
  },
  {
    id: "channel-iterate",
    title: "an item through a channel with room for 1,024, to a `for await`",
    unit: "ns",
    contenders: [
      contender("floor", rings, 1024),
      contender("grove", groveLoop, 1024),
      contender("@std Channel", stdLoop, 1024),
      contender("@thi.ng/csp", cspLoop, 1024),
      contender("queueable", pushedLoop, 1024, "sender and receiver meet, as it has no bound"),
      contender("ts-chan", chanLoop, 1024),
      contender("ReadableStream", streamedLoop, 1024),
    ],
    goals: [{ times: 1.2, of: "floor" }],
  },
];
