/**
 * rxjs, pinned: `mergeMap` with a limit is its bounded map.
 *
 * @module
 */

export { from, lastValueFrom, mergeMap, reduce } from "npm:rxjs@7.8.2";
