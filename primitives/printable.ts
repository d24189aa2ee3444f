/**
 * Text that others have chosen, made fit for a terminal.
 *
 * @module
 */

// deno-lint-ignore no-control-regex -- That is what it is for.
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/**
 * A text on one line, with what is no character to be seen as an escape: "\u001b". The name of a task
 * may be the path of a request, and is not to clear the screen of who looks, color it, set its title,
 * or turn the line around.
 */
export function printable(text: string): string {
  return text.replace(
    UNPRINTABLE,
    (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
