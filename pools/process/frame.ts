/**
 * How messages lie in a stream of bytes, one after the other: four bytes that say how long the
 * message is, the least first; a byte that says what it is, `TEXT` in UTF-8, or a `VALUE` as the
 * codec has written it; and the message.
 *
 * @module
 */

// What a message is.
export const TEXT = 0;
export const VALUE = 1;

/** How many bytes come before a message. */
export const HEADER = 5;

/** The longest message, in bytes: four of them could say more than a machine has memory. */
export const LONGEST = 1 << 30;
