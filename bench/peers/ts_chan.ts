/**
 * ts-chan, pinned: Go's channels and its `select`. After each operation it lets the event loop turn once, if that has not
 * happened meanwhile; `setUnsafe(true)` takes that away, and is how it is measured here.
 *
 * @module
 */

export { Chan, recv, Select } from "npm:ts-chan@0.6.0";
