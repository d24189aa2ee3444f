/**
 * p-queue, pinned: a promise queue with concurrency, priorities and pausing. Version 9, as 10.0.0 sends its events through
 * `EventTarget`, which makes it three to four times slower in Deno: the peer to be measured against is the fast one.
 *
 * @module
 */

export { default as PQueue } from "npm:p-queue@9.3.5";
