/**
 * `@std/assert` where JSR cannot be reached: the same code, from npm, under the types that npm's copy lacks.
 *
 * @module
 */

// @ts-types="./assert.d.ts"
export * from "npm:deno-std@1.4.0/assert/mod.js";
