/**
 * Pipes: two ends, for two threads or processes, each with what the other has sent.
 *
 * @module
 */

import { checkCount } from "../primitives/kernel/check.ts";
import { ClosedError } from "../primitives/kernel/errors.ts";
import { receive } from "../primitives/kernel/passing.ts";
import type { WaitOptions } from "../primitives/kernel/wait.ts";
import { checkNamed, type NamedOptions } from "../primitives/named.ts";
import { Remote } from "./link/calls.ts";
import type { HostedObject, Parcel } from "./link/host.ts";
import { contentOf, ItemQueue } from "./link/item_queue.ts";
import type { NodeId } from "./link/message.ts";
import { currentNode, type Node } from "./link/node.ts";
import { packCopy, packValues } from "./passing.ts";
import { type EndData, type EndSide, PipeEnd, type PipeEndStats, useSide } from "./pipe_end.ts";

/** What a pipe can be told. */
export interface PipeOptions extends NamedOptions {
  /**
   * How many values each end may be ahead of what the other has received: a whole number from 1 up,
   * or `Infinity`. Default: 64.
   */
  capacity?: number;
}

/**
 * Two ends, each of which receives what the other sends: for two threads or processes. Both ends are
 * made here, and can be sent to where they are used; what is sent over them goes by way of here.
 *
 * When the thread or process that has an end is gone, or what the end was part of is thrown away on
 * its way, that end is closed.
 *
 * @typeParam Up What the first end sends, and the second receives.
 * @typeParam Down What the second end sends, and the first receives.
 *
 * @example
 * ```ts
 * import { Pipe, type PipeEnd, WorkerPool } from "@grove/grove";
 *
 * await using pool = new WorkerPool({ size: 1 });
 * const [here, there] = new Pipe<number, string>().ends;
 * const work = pool.submit(async (end: PipeEnd<string, number>) => {
 *   for await (const n of end) await end.send("x".repeat(n));
 *   end.close();
 * }, there);
 * await here.send(3);
 * console.log(await here.receive()); // xxx
 * here.close();
 * await work;
 * ```
 */
export class Pipe<Up, Down = Up> implements Iterable<PipeEnd<Up, Down> | PipeEnd<Down, Up>> {
  /** The two ends. */
  readonly ends: readonly [PipeEnd<Up, Down>, PipeEnd<Down, Up>];

  /**
   * Makes a pipe.
   *
   * @param options `capacity` and `name`.
   * @throws {TypeError | RangeError} When an option makes no sense.
   */
  constructor(options: PipeOptions = {}) {
    const name = checkNamed(options, "make a pipe");
    const { capacity = 64 } = options;
    checkCount(capacity, "make a pipe", "'capacity'", 1);
    const pair = new Pair(name, capacity, currentNode());
    this.ends = [pair.first.end as PipeEnd<Up, Down>, pair.second.end as PipeEnd<Down, Up>];
  }

  /**
   * The two ends, so that `const [a, b] = new Pipe<string>()` gives them. Where they differ in what
   * they send, `ends` knows which is which.
   *
   * @returns An iterator.
   */
  [Symbol.iterator](): Iterator<PipeEnd<Up, Down> | PipeEnd<Down, Up>> {
    return this.ends.values();
  }
}

/** A pipe where it was made. */
class Pair {
  readonly name: string;
  readonly capacity: number;
  readonly node: Node;
  readonly first: HomeEnd;
  readonly second: HomeEnd;
  // Only for a pipe of which an end was sent elsewhere.
  #watcher: Parameters<Node["watchers"]["add"]>[0] | undefined;

  constructor(name: string, capacity: number, node: Node) {
    this.name = name;
    this.capacity = capacity;
    this.node = node;
    const up = this.#way(() => this.second, () => this.first);
    const down = this.#way(() => this.first, () => this.second);
    this.first = new HomeEnd(this, up, down);
    this.second = new HomeEnd(this, down, up);
  }

  /** Lets the ends be used from elsewhere. */
  share(): void {
    if (this.#watcher !== undefined) return;
    const ends = [this.first, this.second];
    this.#watcher = (has, why) => ends.forEach((end) => end.lose(has, why));
    this.node.watchers.add(this.#watcher);
    for (const end of ends) end.object = this.node.host.add(end);
    this.node.announce();
  }

  /** One of the ends is closed. */
  endClosed(): void {
    if (!this.first.isClosed || !this.second.isClosed || this.#watcher === undefined) return;
    this.node.watchers.delete(this.#watcher);
    for (const { object } of [this.first, this.second]) {
      this.node.host.remove(object, "both of its ends are closed");
    }
  }

  #way(to: () => HomeEnd, from: () => HomeEnd): ItemQueue {
    const { name } = this;
    return new ItemQueue(this.capacity, { kind: "pipe", name }, (action) => {
      const end = action === "put" ? to() : from();
      return new ClosedError(
        action === "put"
          ? `Cannot send over pipe "${name}" as its other end is closed${end.why}. Have it closed when all was received`
          : `Cannot receive from pipe "${name}" as its other end is closed${end.why}. Loop over it with 'for await', which ends then`,
      );
    });
  }
}

/** An end where its pipe was made, wherever it is used. */
class HomeEnd implements EndSide, HostedObject {
  readonly kind = "pipe";
  readonly name: string;
  readonly end: PipeEnd<unknown, unknown>;
  /** Its number, once it can be used from elsewhere. */
  object = 0;
  isClosed = false;
  /** Why it is closed, as an error goes on. */
  why = "";
  readonly #pair: Pair;
  readonly #out: ItemQueue;
  readonly #in: ItemQueue;
  // Where it is: `undefined` while it is on its way.
  #owner: NodeId | undefined;
  // How often it was sent, as far as is known here: that it has left somewhere may be heard after
  // that it has come elsewhere.
  #turn = 0;

  constructor(pair: Pair, out: ItemQueue, incoming: ItemQueue) {
    this.name = pair.name;
    this.#pair = pair;
    this.#out = out;
    this.#in = incoming;
    this.#owner = pair.node.id;
    this.end = new PipeEnd(pair.name, pair.capacity);
    useSide(this.end, this);
  }

  send(value: unknown, options?: WaitOptions): Promise<void> {
    return this.#out.put(() => packCopy([value], nameOfValue), options);
  }

  receive(options?: WaitOptions): Promise<unknown> {
    return this.#in.get(options);
  }

  async receiveNowait(): Promise<unknown> {
    return contentOf(this.#in.getNowait());
  }

  async stats(): Promise<PipeEndStats> {
    return Object.freeze(this.#stats());
  }

  close(error: ClosedError): void {
    this.#interrupt(error);
    this.#close("");
  }

  leave(error: ClosedError): EndData {
    this.#pair.share();
    this.#interrupt(error);
    this.#owner = undefined;
    const { name, capacity, node } = this.#pair;
    return { node: node.id, object: this.object, name, capacity, turn: this.#turn + 1 };
  }

  /** It has come home. */
  come({ turn }: EndData): PipeEnd<unknown, unknown> {
    // It may have been passed on since, or closed: then it stays so.
    if (this.#isCome(turn, this.#pair.node.id)) useSide(this.end, this);
    return this.end;
  }

  /** It was thrown away on its way. */
  drop(turn: number): void {
    // Not if it has come to somebody all the same, and perhaps gone on to others.
    if (this.#isCome(turn, undefined)) this.#close("");
  }

  /** Nodes are gone: it is closed if it was there. */
  lose(has: (node: NodeId) => boolean, why: string): void {
    if (this.#owner !== undefined && has(this.#owner)) this.#close(`, as ${why}`);
  }

  call(method: string, { values, passed }: Parcel, caller: NodeId): unknown {
    const turn = values[0] as number;
    switch (method) {
      case "claim":
        this.#isCome(turn, caller);
        return undefined;
      case "drop":
        return this.drop(turn);
      case "leave":
        if (turn === this.#turn && caller === this.#owner) this.#owner = undefined;
        return undefined;
    }
    if (caller !== this.#owner) {
      throw new ClosedError(
        `Cannot use pipe "${this.name}" here as this end was sent elsewhere. Use it there`,
      );
    }
    switch (method) {
      case "send":
        return this.#out.accept({ values, passed });
      case "receive":
        return this.#in.lend();
      case "receiveNowait":
        return this.#in.lendNowait();
      case "stats":
        return this.#stats();
      case "close":
        return this.#close("");
      default:
        throw new TypeError(`Cannot call ${method}() of a pipe as it has no such method`);
    }
  }

  /** Notes where it has come; `false` when it is known to have come there, or elsewhere, before. */
  #isCome(turn: number, owner: NodeId | undefined): boolean {
    if (!Number.isSafeInteger(turn) || turn <= this.#turn) return false;
    this.#turn = turn;
    this.#owner = owner;
    return true;
  }

  #interrupt(error: ClosedError): void {
    this.#out.interrupt("putters", error);
    this.#in.interrupt("getters", error);
  }

  #close(why: string): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.why = why;
    this.#out.shutdown(false);
    this.#in.shutdown(true); // Nobody is there to receive it.
    this.#pair.endClosed();
  }

  #stats(): PipeEndStats {
    const out = this.#out.stats();
    const incoming = this.#in.stats();
    return {
      incoming: incoming.size,
      outgoing: out.size,
      capacity: this.#pair.capacity,
      senders: out.putters,
      receivers: incoming.getters,
    };
  }
}

/** An end that is used elsewhere than where its pipe was made. */
class AwayEnd implements EndSide {
  readonly #data: EndData;
  readonly #node: Node;
  readonly #remote: Remote;

  constructor(data: EndData, node: Node) {
    this.#data = data;
    this.#node = node;
    this.#remote = remoteOf(data);
    this.#tell("claim", data.turn);
  }

  send(value: unknown, options?: WaitOptions): Promise<void> {
    return this.#call("send", [value], options) as Promise<void>;
  }

  receive(options?: WaitOptions): Promise<unknown> {
    return this.#call("receive", [], options);
  }

  receiveNowait(): Promise<unknown> {
    return this.#call("receiveNowait", []);
  }

  async stats(): Promise<PipeEndStats> {
    return Object.freeze(await this.#call("stats", []) as PipeEndStats);
  }

  close(error: ClosedError): void {
    this.#remote.calls.failAll(error);
    this.#tell("close");
  }

  leave(error: ClosedError): EndData {
    this.#remote.calls.failAll(error);
    const { turn } = this.#data;
    this.#tell("leave", turn);
    return { ...this.#data, turn: turn + 1 };
  }

  #tell(method: string, turn?: number): void {
    this.#node.calls.tell(this.#remote, method, [turn]);
  }

  #call(
    method: string,
    args: readonly unknown[],
    options?: WaitOptions,
  ): Promise<unknown> {
    const packed = () => packValues(args, nameOfValue);
    return this.#node.calls.call(this.#remote, method, packed, options);
  }
}

function nameOfValue(): string {
  return "the value";
}

function arrive(data: EndData): PipeEnd<unknown, unknown> {
  const node = currentNode();
  const home = node.hosted(data);
  if (home instanceof HomeEnd) return home.come(data);
  const end = new PipeEnd<unknown, unknown>(data.name, data.capacity);
  useSide(end, new AwayEnd(data, node));
  return end;
}

function drop(data: EndData): void {
  const node = currentNode();
  const home = node.hosted(data);
  if (home instanceof HomeEnd) home.drop(data.turn);
  else node.calls.tell(remoteOf(data), "drop", [data.turn]);
}

function remoteOf({ node, object, name }: EndData): Remote {
  return new Remote(node, object, { kind: "pipe", name });
}

receive("PipeEnd", arrive, drop);
