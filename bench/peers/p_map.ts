/**
 * p-map, pinned: maps an iterable with bounded concurrency.
 *
 * @module
 */

export { default as pMap } from "npm:p-map@7.1.1";
