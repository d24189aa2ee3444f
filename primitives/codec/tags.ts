/**
 * How values look as bytes.
 *
 * A message is a byte that says how it was written. `TEXT`: JSON follows. `CODED`: four bytes that
 * say where its appendix begins, the value, and the appendix: a list of the kinds of what is passed
 * on in it, and the texts.
 *
 * A value is a tag, and what the tag asks for. The characters of short strings, and of keys, are
 * not with them but in the texts, one after the other: to convert one long text takes as long as to
 * convert one short one, and to cut it up takes next to nothing.
 *
 * Objects are numbered in the order in which their tags come, keys in the order in which they first
 * occur. Who meets one again names its number.
 *
 * All numbers of several bytes begin with the least.
 *
 * @module
 */

// What a message begins with.
export const TEXT = 0;
export const CODED = 1;

/** The bytes before the value of a coded message. */
export const HEADER = 5;

/** A text ends with the string that makes it as long as this, in UTF-16 units. A string that was
 * cut out of it keeps all of it in memory, so it is not to be much. */
export const FULL_TEXT = 4096;

/** The longest string that is put into the texts; longer ones are where their tags are. */
export const LONGEST_SHORT = 255;

/** Lists that are shorter are not written as sparse: they are stored as others. */
export const LEAST_SPARSE = 1024;

/** How deep objects can be in others. It is about what the platform's own clone can do. */
export const DEEPEST = 2000;

// Tags below `STRING` are small numbers, those from there to `NULL` strings of that many units.
export const STRING = 0x80;
export const NULL = 0xc0;
export const UNDEFINED = 0xc1;
export const TRUE = 0xc2;
export const FALSE = 0xc3;
export const SHORT = 0xdd;
export const INT = 0xc4;
export const DOUBLE = 0xc5;
/** Those of 64 bits, with their sign. */
export const BIGINT = 0xc6;
/** A string of hexadecimal digits follows, perhaps with a minus. */
export const LARGE_BIGINT = 0xc7;
/** A byte follows: the length, up to LONGEST_SHORT. */
export const SHORT_STRING = 0xc8;
/** A text follows, that is this string alone. */
export const LONG_STRING = 0xc9;
/** The number of an object that came before. */
export const AGAIN = 0xca;
/** Keys and values, then END. In the place of a key tags below `STRING` are numbers of keys. */
export const RECORD = 0xcb;
/** How many, and then that many values or HOLEs. */
export const LIST = 0xcc;
/** As LIST, and then keys and values, and END. */
export const LIST_WITH_KEYS = 0xcd;
/** Its length, and then keys and values, and END. */
export const SPARSE_LIST = 0xce;
/** Keys and values, and END. */
export const MAP = 0xcf;
/** Values, and END. */
export const SET = 0xd0;
export const DATE = 0xd1;
/** Two strings: the source and the flags. */
export const REGEXP = 0xd2;
/** A primitive. */
export const BOXED = 0xd3;
/** The number of its class, and then of message, stack and cause those that are there: each a
 * PRESENT and a value, or an END. */
export const ERROR = 0xd4;
/** Two strings: the message and the name. */
export const DOM_EXCEPTION = 0xd5;
/** How many bytes, and the bytes. */
export const BUFFER = 0xd6;
/** How many bytes, how many there can be, and the bytes. */
export const RESIZABLE_BUFFER = 0xd7;
/** The number of its class, the offset in bytes, the length in elements, and the buffer. */
export const VIEW = 0xd8;
/** The number of its kind, and what stands for it. It is numbered after what is in that. */
export const PASSED = 0xd9;
/** A key that came before, by a number of more than a byte. */
export const KNOWN_KEY = 0xda;
export const HOLE = 0xdb;
export const PRESENT = 0xdc;
export const END = 0xff;
