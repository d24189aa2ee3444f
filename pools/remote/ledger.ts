/**
 * Who has a job: the worker that starts it, or the pool that takes it back, to cancel it or to give
 * it to another worker. A message could not settle that, as a worker that runs a job reads none: so
 * both sides have a ledger, of which one page is in front of both.
 *
 * Jobs are numbered in the order in which a worker gets them, and run in that order.
 *
 * @module
 */

/** How many jobs can be on their way to one worker. A power of two. */
export const SLOTS = 1024;

/** Where the entry of a job is. */
export function slotOf(seq: number): number {
  return seq & (SLOTS - 1);
}

/** The pool's side. */
export interface Ledger {
  /** A job goes on its way. */
  sent(seq: number): void;
  /** Whether a job that was sent has been started. */
  hasStarted(seq: number): boolean;
  /** Whether it has been started and, as far as one can tell, has not ended. */
  isRunning(seq: number): boolean;
  /** Takes a job back, if it has not been started; `false` when it has. */
  takeBack(seq: number): boolean;
}

/** The worker's side. */
export interface WorkerLedger {
  /** Starts a job, if it was not taken back; `false` when it was. */
  claim(seq: number): boolean;
  /** A job that was started has ended. */
  ended(seq: number): void;
  /** Whether a job that was started is to end: for one that no message reaches, as it has blocked. */
  isCancelled(seq: number): boolean;
}
