/**
 * Paths of files that are named by URLs.
 *
 * @module
 */

/** The path that a file URL stands for. */
export function pathOf(url: URL): string {
  return decodeURIComponent(url.pathname);
}
