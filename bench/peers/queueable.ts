/**
 * queueable, pinned: a channel without a bound, whose `push` resolves when the item is pulled.
 *
 * @module
 */

export { Channel } from "npm:queueable@5.3.2";
