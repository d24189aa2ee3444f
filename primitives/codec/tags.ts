/**
 * How values look as bytes.
 *
 * First comes the `FORMAT`, and four bytes that say where the texts begin; then the value; then the
 * texts.
 *
 * A value is a tag, and what the tag asks for. The characters of short strings, and of keys, are
 * not with them but in the texts, one after the other: to convert one long text takes as long as to
 * convert one short one, and to cut it up takes next to nothing.
 *
 * Objects are numbered in the order in which their tags come, keys in the order in which they first
 * occur. Where one occurs again, its number is given.
 *
 * Numbers of several bytes begin with the least. A count has seven bits a byte, and the eighth says
 * that there is another one. A text is the number of its bytes in four bytes, a byte that is 1 for
 * UTF-16 and else 0 for UTF-8, and the bytes.
 *
 * @module
 */

/** What is written otherwise begins otherwise: by another release, perhaps. */
export const FORMAT = 1;

/** How many bytes there are before the value. */
export const HEADER = 5;

/**
 * A text ends with the string that makes it as long as this, in UTF-16 units. A string that was cut
 * out of a text keeps all of it in memory, so a text is not to be long.
 */
export const FULL_TEXT = 4096;

/** The longest string that is put into the texts. Longer ones are where their tags are. */
export const LONGEST_SHORT = 255;

/** No list that is shorter is written as a sparse one. */
export const LEAST_SPARSE = 1024;

/**
 * How deep objects can be in others. Each level is some frames of the stack, of which a thread has
 * less than a megabyte; the platform's own clone ends a little further on.
 */
export const DEEPEST = 1000;

// A tag below STRING is a whole number. One from there to below NULL is a string of so many units.
export const STRING = 0x80;
export const NULL = 0xc0;
export const UNDEFINED = 0xc1;
export const TRUE = 0xc2;
export const FALSE = 0xc3;
/** A whole number: two bytes. */
export const SHORT = 0xc4;
/** A whole number: four bytes. */
export const INT = 0xc5;
/** Eight bytes. */
export const DOUBLE = 0xc6;
/** Eight bytes. */
export const BIGINT = 0xc7;
/** A string: hexadecimal digits, perhaps after a minus. */
export const LARGE_BIGINT = 0xc8;
/** A byte: how many units. */
export const SHORT_STRING = 0xc9;
/** A text. */
export const LONG_STRING = 0xca;
/** A count: the number of an object that came before. */
export const AGAIN = 0xcb;
/** Keys and values, and END. A key is a string, or the number of one that came before. */
export const RECORD = 0xcc;
/** A count, and as many values or HOLEs. */
export const LIST = 0xcd;
/** As LIST, and then as RECORD. */
export const LIST_WITH_KEYS = 0xce;
/** A count, the length, and then as RECORD. */
export const SPARSE_LIST = 0xcf;
/** Keys and values, and END. */
export const MAP = 0xd0;
/** Values, and END. */
export const SET = 0xd1;
/** Eight bytes. */
export const DATE = 0xd2;
/** Two strings: the source and the flags. */
export const REGEXP = 0xd3;
/** A primitive. */
export const BOXED = 0xd4;
/**
 * A byte, the number of the class; and then of the message, the stack and the cause each: PRESENT
 * and a value, or END.
 */
export const ERROR = 0xd5;
/** Two strings, the message and the name; and then the stack, as in ERROR. */
export const DOM_EXCEPTION = 0xd6;
/** A count, and as many bytes. */
export const BUFFER = 0xd7;
/** A count, a count of what it can grow to, and as many bytes as the former says. */
export const RESIZABLE_BUFFER = 0xd8;
/** A byte, the number of the class; counts: the offset in bytes and the length; the buffer. */
export const VIEW = 0xd9;

// What is no value.
/** Instead of a key: a count. A number below STRING stands for itself. */
export const KNOWN_KEY = 0xf0;
export const HOLE = 0xf1;
export const PRESENT = 0xf2;
export const END = 0xf3;
