/**
 * What a message from a thread or process must be that this one has started. A job there can send
 * whatever it likes by the same connection, and may have less permissions than this program has: so
 * nothing is made of a message before it was looked at.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { arePassed } from "../passing.ts";
import type { LinkMessage } from "./message.ts";

type Check = readonly [field: string, isOne: (value: unknown) => boolean];

const MAIL: readonly Check[] = [["to", isText], ["from", isText], ["id", Number.isSafeInteger]];
const CONTENT: readonly Check[] = [...MAIL, ["values", Array.isArray], ["passed", arePassed]];

const CHECKS: ReadonlyMap<unknown, readonly Check[]> = new Map<
  LinkMessage["type"],
  readonly Check[]
>([
  ["hello", [["node", isText]]],
  ["gone", [["nodes", areTexts], ["why", isText]]],
  ["call", [...CONTENT, ["object", Number.isSafeInteger], ["method", isText]]],
  ["reply", CONTENT],
  ["failed", [...MAIL, ["where", isText]]],
  ["lost", [...MAIL, ["why", isText]]],
  ["cancel", MAIL],
  ["taken", MAIL],
]);

/** @throws {MalformedError} When a message is none. */
export function checkMessage(message: unknown): asserts message is LinkMessage {
  const value = message as Record<string, unknown> | null | undefined;
  const checks = CHECKS.get(value?.type);
  if (checks === undefined) throw new MalformedError("a message", "it is of no type");
  for (const [field, isOne] of checks) {
    if (!isOne(value![field])) {
      throw new MalformedError("a message", `its "${field}" is not what it should be`);
    }
  }
}

function isText(value: unknown): boolean {
  return typeof value === "string";
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}
