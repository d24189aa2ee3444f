/**
 * `select-ready`, `select-blocked`: wait for whichever of four channels has an item, and take it; the figure is the time of one
 * item, its sending included. The item goes into one channel after the other. When it is there already, `select-ready`, the
 * channels have room for some; when it comes while all four are waited for, `select-blocked`, they have room for none, which
 * makes it certain that somebody waits: the item is sent without a wait, and that would fail.
 *
 * The floor is Grove's own `receive()` on the channel that gets the item, sent the same way: what the other three channels and not
 * knowing which it will be cost on top. All of Grove's are in a task. "grove, biased" tries the channels in order, and needs no
 * random numbers.
 *
 * Of the peers, ts-chan's select is made once and used again and again, as it can be; @thi.ng/csp has channels with room for one.
 *
 * @module
 */

import { Channel, select } from "../mod.ts";
import { checked } from "./checked.ts";
import { inTask } from "./in_task.ts";
import { channel as cspChannel, select as cspSelect } from "./peers/csp.ts";
import { Chan, recv, Select } from "./peers/ts_chan.ts";
import type { Contender, Row } from "./row.ts";

interface Item {
  readonly value: number;
}

const ITEMS = 10_000;
const items: readonly Item[] = Array.from({ length: ITEMS }, (_, i) => ({ value: i }));
const SUM = ITEMS * (ITEMS - 1) / 2;
const ROOM = 16;

function notSent(): Error {
  return new Error("Cannot trust the row as an item could not be sent at once");
}

async function receiveReady(size: number): Promise<number> {
  const channels = Array.from({ length: 4 }, () => new Channel<Item>(ROOM));
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const channel = channels[i & 3];
    if (!channel.trySend(items[i])) throw notSent();
    sum += (await channel.receive()).value;
  }
  return sum;
}

async function receiveBlocked(size: number): Promise<number> {
  const channels = Array.from({ length: 4 }, () => new Channel<Item>(0));
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const channel = channels[i & 3];
    const receiving = channel.receive();
    if (!channel.trySend(items[i])) throw notSent();
    sum += (await receiving).value;
  }
  return sum;
}

function groveReady(biased: boolean): (size: number) => Promise<number> {
  return async (size) => {
    const channels = Array.from({ length: 4 }, () => new Channel<Item>(ROOM));
    const [a, b, c, d] = channels;
    const options = biased ? { biased } : undefined;
    let sum = 0;
    for (let i = 0; i < size; i++) {
      if (!channels[i & 3].trySend(items[i])) throw notSent();
      const { value } = await select({ a, b, c, d }, options);
      sum += value.value;
    }
    return sum;
  };
}

function groveBlocked(biased: boolean): (size: number) => Promise<number> {
  return async (size) => {
    const channels = Array.from({ length: 4 }, () => new Channel<Item>(0));
    const [a, b, c, d] = channels;
    const options = biased ? { biased } : undefined;
    let sum = 0;
    for (let i = 0; i < size; i++) {
      const selecting = select({ a, b, c, d }, options);
      if (!channels[i & 3].trySend(items[i])) throw notSent();
      const { value } = await selecting;
      sum += value.value;
    }
    return sum;
  };
}

async function chanReady(size: number): Promise<number> {
  const channels = Array.from({ length: 4 }, () => new Chan<Item>(ROOM));
  const selected = new Select(channels.map((channel) => recv(channel))).setUnsafe(true);
  let sum = 0;
  for (let i = 0; i < size; i++) {
    if (!channels[i & 3].trySend(items[i])) throw notSent();
    const which = await selected.wait();
    sum += selected.recv(selected.cases[which]).value!.value;
  }
  return sum;
}

async function chanBlocked(size: number): Promise<number> {
  const channels = Array.from({ length: 4 }, () => new Chan<Item>(0));
  const selected = new Select(channels.map((channel) => recv(channel))).setUnsafe(true);
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const waiting = selected.wait();
    // It goes to its channels only some microtasks later.
    while (!channels[i & 3].trySend(items[i])) await undefined;
    const which = await waiting;
    sum += selected.recv(selected.cases[which]).value!.value;
  }
  return sum;
}

async function cspReady(size: number): Promise<number> {
  const channels = Array.from({ length: 4 }, () => cspChannel<Item>(1));
  const [a, b, c, d] = channels;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    if (!channels[i & 3].offer(items[i])) throw notSent();
    const [item] = await cspSelect(a, b, c, d);
    sum += item!.value;
  }
  return sum;
}

async function cspBlocked(size: number): Promise<number> {
  const channels = Array.from({ length: 4 }, () => cspChannel<Item>(1));
  const [a, b, c, d] = channels;
  let sum = 0;
  for (let i = 0; i < size; i++) {
    const selecting = cspSelect(a, b, c, d);
    if (!channels[i & 3].offer(items[i])) throw notSent();
    const [item] = await selecting;
    sum += item!.value;
  }
  return sum;
}

function contender(name: string, run: (size: number) => Promise<number>): Contender {
  return checked(name, { size: ITEMS }, run, SUM);
}

export const rows: Row[] = [
  {
    id: "select-ready",
    title: "select over 4 channels, one of which has an item",
    unit: "ns",
    contenders: [
      contender("floor", inTask(receiveReady)),
      contender("grove", inTask(groveReady(false))),
      contender("grove, biased", inTask(groveReady(true))),
      contender("ts-chan", chanReady),
      contender("@thi.ng/csp", cspReady),
    ],
    goals: [{ times: 3, of: "floor" }],
  },
  {
    id: "select-blocked",
    title: "select over 4 channels, one of which gets an item then",
    unit: "ns",
    contenders: [
      contender("floor", inTask(receiveBlocked)),
      contender("grove", inTask(groveBlocked(false))),
      contender("grove, biased", inTask(groveBlocked(true))),
      contender("ts-chan", chanBlocked),
      contender("@thi.ng/csp", cspBlocked),
    ],
    goals: [{ times: 6, of: "floor" }],
  },
];
