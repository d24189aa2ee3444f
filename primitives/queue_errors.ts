/**
 * What queues throw, as Python's do.
 *
 * @module
 */

/**
 * Thrown by `putNowait` when the queue is full.
 *
 * @example
 * ```ts
 * import { Queue, QueueFull } from "@grove/grove";
 *
 * const queue = new Queue<string>(1);
 * queue.putNowait("a");
 * try {
 *   queue.putNowait("b");
 * } catch (error) {
 *   console.log(error instanceof QueueFull); // true
 * }
 * ```
 */
export class QueueFull extends Error {
  static {
    setName(this, "QueueFull");
  }
}

/**
 * Thrown by `getNowait` when the queue is empty.
 *
 * @example
 * ```ts
 * import { Queue, QueueEmpty } from "@grove/grove";
 *
 * try {
 *   new Queue().getNowait();
 * } catch (error) {
 *   console.log(error instanceof QueueEmpty); // true
 * }
 * ```
 */
export class QueueEmpty extends Error {
  static {
    setName(this, "QueueEmpty");
  }
}

/**
 * Thrown by the use of a queue that was shut down: by every put, and by a get when the queue is
 * empty.
 *
 * @example
 * ```ts
 * import { Queue, QueueShutDown } from "@grove/grove";
 *
 * const queue = new Queue<string>();
 * queue.shutdown();
 * try {
 *   await queue.get();
 * } catch (error) {
 *   console.log(error instanceof QueueShutDown); // true
 * }
 * ```
 */
export class QueueShutDown extends Error {
  static {
    setName(this, "QueueShutDown");
  }
}

function setName(error: { prototype: Error }, name: string): void {
  Object.defineProperty(error.prototype, "name", {
    value: name,
    configurable: true,
    writable: true,
  });
}
