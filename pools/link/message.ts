/**
 * What threads and processes say to each other about the objects that they have in common. It is
 * sent over whatever connects them anyhow; all of it can be cloned.
 *
 * @module
 */

import type { PassedOn } from "../passing.ts";
import type { ErrorData } from "../remote_error.ts";

/** A thread or process, by its random id. */
export type NodeId = string;

/** What stands for an object on its way. */
export interface Reference {
  /** Where the object is. */
  readonly node: NodeId;
  /** Its number there, which nobody can guess. */
  readonly object: number;
  /** What errors call it. */
  readonly name: string;
}

/** What goes to one node, over however many others. */
export type Mail =
  & {
    readonly to: NodeId;
    readonly from: NodeId;
    /**
     * The number of the call that it is about, in the order of those of the caller; 0 for one that
     * nobody waits for.
     */
    readonly id: number;
  }
  & (
    | {
      readonly type: "call";
      readonly object: number;
      readonly method: string;
      readonly values: readonly unknown[];
      readonly passed?: readonly PassedOn[] | undefined;
    }
    /** What a call has returned: a list of one. */
    | {
      readonly type: "reply";
      readonly values: readonly unknown[];
      readonly passed?: readonly PassedOn[] | undefined;
      /** It is the caller's only when the caller has said so, by "taken". */
      readonly isHeld: boolean;
    }
    /** What a call has thrown, and where. */
    | { readonly type: "failed"; readonly error: ErrorData; readonly where: string }
    /** There is no such object any more: the end of a sentence. */
    | { readonly type: "lost"; readonly why: string }
    /** The caller does not wait any more, and has not taken what it may have been sent. */
    | { readonly type: "cancel" }
    /** The caller has what it was sent. */
    | { readonly type: "taken" }
  );

/** What neighbors say to each other. */
export type LinkMessage =
  | Mail
  /**
   * A node is to be found by way of the sender. It goes up; and down to who has said so of a node
   * that is not below.
   */
  | { readonly type: "hello"; readonly node: NodeId }
  /** Nodes are gone: the end of a sentence says which and why. It goes everywhere. */
  | { readonly type: "gone"; readonly nodes: readonly NodeId[]; readonly why: string };

/** A connection with a neighbor, which keeps the order of messages. */
export interface Link {
  /**
   * Sends a message.
   *
   * @param message The message.
   * @param moved What of it may be moved, and not copied; a link that cannot move copies it.
   * @throws {DOMException} When the message holds what cannot be sent over this link.
   */
  send(message: LinkMessage, moved?: readonly Transferable[]): void;
}
