/**
 * A generator that runs in a worker for somebody who takes what it yields on the other side. It
 * runs ahead of them by so many items and no more.
 *
 * @module
 */

import { pendingIn } from "../../primitives/kernel/scope.ts";
import { type Parked, WaitQueue } from "../../primitives/kernel/queue.ts";
import { isThenable, type Task } from "../../primitives/kernel/task.ts";
import { nextTurn } from "../../primitives/kernel/turn.ts";
import { enqueue, notReady, poll, type Waitable, waitFor } from "../../primitives/kernel/wait.ts";
import { show } from "../../primitives/kernel/check.ts";
import { encodingOf } from "../payload.ts";
import type { Post } from "./outflow.ts";
import type { Wire } from "./wire.ts";

// Items are gathered for so long, in milliseconds.
const LONGEST = 1;

// And so long does a generator that never waits keep the worker from hearing of a cancellation.
const LONGEST_TURN = 10;

/** See above. */
export class StreamOut implements Waitable<void> {
  readonly #seq: number;
  readonly #post: Post;
  readonly #wire: Wire;
  readonly #waiting: WaitQueue<void>;
  #credit: number;
  #items: unknown[] = [];
  #since = 0;
  #turned = performance.now();
  #isComing = false;

  constructor(name: string, seq: number, credit: number, post: Post, wire: Wire) {
    this.#seq = seq;
    this.#credit = credit;
    this.#post = post;
    this.#wire = wire;
    this.#waiting = new WaitQueue({ kind: "demand for", name });
  }

  /** More items are wanted. */
  grant(items: number): void {
    this.#credit += items;
    this.#waiting.wakeFirst();
  }

  /** Runs a generator to its end, by calls that may be interrupted. */
  async run(items: unknown, task: Task, call: <R>(fn: () => R) => R): Promise<void> {
    const iterator = open(items);
    let isOver = false;
    try {
      for (;;) {
        if (this.#credit === 0) {
          this.#flush();
          await waitFor(this);
        }
        await this.#turn(task);
        isOver = true; // Until it has answered: a generator that threw is over.
        const asked = call(() => iterator.next());
        let answer: IteratorResult<unknown>;
        if (isThenable(asked)) {
          this.#flushSoon();
          answer = await asked;
        } else answer = asked;
        if (answer.done) break;
        isOver = false;
        this.#give(answer.value);
      }
    } finally {
      this.#flush();
      if (!isOver) await iterator.return?.();
    }
  }

  [poll](): void | typeof notReady {
    if (this.#credit === 0) return notReady;
  }

  [enqueue](node: Parked<void>): void {
    this.#waiting.add(node);
  }

  #give(item: unknown): void {
    if (encodingOf([item]) === "primitives") {
      this.#items.push(item);
      // At once what comes after a pause.
      if (performance.now() - this.#since > LONGEST) this.#flush();
    } else {
      // And what the generator may change as it goes on.
      const { values, passed, moved } = this.#wire.pack([item], () => "item");
      this.#flush();
      this.#post({ type: "items", seq: this.#seq, count: 1, values, passed }, moved);
    }
    this.#credit--;
  }

  // What was yielded is not to wait for what the generator waits for.
  #flushSoon(): void {
    if (this.#isComing) return;
    this.#isComing = true;
    nextTurn(() => {
      this.#isComing = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#items.length === 0) return;
    const values = this.#items;
    this.#since = performance.now();
    this.#items = [];
    this.#post({ type: "items", seq: this.#seq, count: values.length, values });
  }

  async #turn(task: Task): Promise<void> {
    const pending = pendingIn(task);
    if (pending !== null) throw pending;
    if (performance.now() - this.#turned < LONGEST_TURN) return;
    await new Promise<void>(nextTurn);
    this.#turned = performance.now();
    const cancelled = pendingIn(task);
    if (cancelled !== null) throw cancelled;
  }
}

type AnyIterator = AsyncIterator<unknown> | Iterator<unknown>;

function open(items: unknown): AnyIterator {
  const source = items as Partial<AsyncIterable<unknown> & Iterable<unknown>> | null | undefined;
  const iterator = source?.[Symbol.asyncIterator]?.() ?? source?.[Symbol.iterator]?.();
  if (iterator !== undefined) return iterator;
  throw new TypeError(
    `Cannot stream what the function returned as it must be an iterable: received ${show(items)}`,
  );
}
