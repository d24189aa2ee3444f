/**
 * Where things are in the memory of what threads share. It is an array of words, the same for all of
 * them: a head, what the primitive itself needs, the threads that use it, and the places of those
 * who wait. A queue has its items behind that.
 *
 * @module
 */

/** What sort of thing it is. */
export const KIND = 0;
/** Which one of them: two words. */
export const IDENTITY = 1;
/** Who changes it: see `latch.ts`. */
export const LATCH = 3;
/** How often it was changed. */
export const CHANGES = 4;
/** Whether a change was left half done. */
export const DAMAGED = 5;
/** How many threads use it. */
export const USERS = 6;
/** The first place that is free, counted from 1. */
export const FREE = 7;
/** How many places have never been used. */
export const UNUSED = 8;
/** The number of the place given last. */
export const SERIAL = 9;
/** The words of the primitive itself. */
export const STATE = 10;
/** How many those are at most. */
export const STATES = 14;

/** The lines that its users wait in: at most two. */
export const LINES: number = STATE + STATES;
export const LINE_WORDS = 4;
export const HEAD = 0;
export const TAIL = 1;
export const WAITING = 2;
export const PEAK = 3;
const MOST_LINES = 2;

/** The threads that use it. */
export const THREADS: number = LINES + MOST_LINES * LINE_WORDS;
export const THREAD_WORDS = 7;
export const MOST_THREADS = 256;
export const THREAD = 0;
/** The word that a thread waits for. */
export const WAKE = 1;
/** What of it the primitive says is in the hands of that thread. */
export const HELD = 2;
/** What a thread has been granted in each line and has not taken note of, and where it failed. */
export const GRANTS = 3;
export const FAILURES = 5;

/** The places in the lines. */
export const PLACES: number = THREADS + MOST_THREADS * THREAD_WORDS;
export const PLACE_WORDS = 5;
export const MOST_PLACES = 1024;
export const WHOSE = 0;
export const NEXT = 1;
export const PREVIOUS = 2;
export const NUMBER = 3;
/** How much is asked for there. */
export const NEED = 4;

/** So many words it has at least. */
export const WORDS: number = PLACES + MOST_PLACES * PLACE_WORDS;
