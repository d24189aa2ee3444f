/**
 * p-limit, pinned: the usual way to bound promises, here mostly without a bound.
 *
 * @module
 */

export { default as pLimit } from "npm:p-limit@7.3.3";
