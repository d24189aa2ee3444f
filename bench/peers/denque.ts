/**
 * denque, pinned: the fastest double-ended queue of npm, a ring that grows.
 *
 * @module
 */

export { default as Denque } from "npm:denque@2.1.0";
