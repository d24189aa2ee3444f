/**
 * Lets a program end although it has a worker.
 *
 * A pool that nobody shuts down, as the default pool is, must not keep a program from ending. Deno
 * has a way for that, but gives it to its `node:worker_threads` alone, whose workers take twice as
 * long to start: a method without a name on the prototype of `Worker`. Where it is not there any
 * more, a program ends when its idle workers have.
 *
 * @module
 */

type WithRef = Worker & { [method: symbol]: ((ref: boolean) => void) | undefined };

const method = typeof Worker === "undefined"
  ? undefined
  : Object.getOwnPropertySymbols(Worker.prototype).find(({ description }) => !description);

/** Lets the program end while a worker is idle. */
export function letEnd(worker: Worker): void {
  if (method !== undefined) (worker as WithRef)[method]?.(false);
}
