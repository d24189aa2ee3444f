/**
 * What a pool and its workers say to each other, whether they are threads or processes.
 *
 * @module
 */

import type { TreeNode } from "../../primitives/inspect.ts";
import type { LinkMessage } from "../link/message.ts";
import type { PassedOn } from "../passing.ts";
import type { FunctionReference } from "../portable.ts";
import type { ErrorData } from "../remote_error.ts";

/** What a job is told besides its arguments. */
export interface JobExtras {
  readonly name?: string | undefined;
  readonly timeout?: number | undefined;
  readonly locals?: readonly [name: string, value: unknown][] | undefined;
  /** For a stream: how many items it may yield before more are asked for. */
  readonly credit?: number | undefined;
  /** What was taken out of the arguments, to be passed on. */
  readonly passed?: readonly PassedOn[] | undefined;
}

/** A job: the number of its function, its arguments, and what else there is. */
export type JobMessage = readonly [fn: number, args: unknown, extras?: JobExtras];

/**
 * From the pool to the worker. A string is JSON: the number of the first job, and then for each
 * job two elements, the number of its function and its arguments.
 */
export type ToWorker =
  | string
  | {
    readonly type: "start";
    readonly name: string;
    readonly loadTimeout: number;
    readonly onStart: FunctionReference | undefined;
  }
  | { readonly type: "function"; readonly fn: number; readonly reference: FunctionReference }
  | { readonly type: "job"; readonly seq: number; readonly job: JobMessage }
  | { readonly type: "cancel"; readonly seq: number; readonly reason: unknown }
  | { readonly type: "credit"; readonly seq: number; readonly items: number }
  | { readonly type: "inspect"; readonly question: number }
  | { readonly type: "link"; readonly message: LinkMessage }
  /** It has nothing left to do, and is a process. */
  | { readonly type: "exit"; readonly code: number };

/** Values that were packed. */
export interface Shipped {
  readonly values: unknown;
  readonly passed?: readonly PassedOn[] | undefined;
}

/**
 * From the worker to the pool. A string is JSON: the number of the last job that is done with; a
 * list of times, which has for each run of jobs of one function its number, how many there were,
 * and the milliseconds that they took together; and then the results, the number of a job and what
 * it returned, or the number of a job, negated, that returned `undefined`.
 */
export type FromWorker =
  | string
  | { readonly type: "ready" }
  | { readonly type: "unready"; readonly error: ErrorData }
  | { readonly type: "result"; readonly seq: number } & Shipped
  | { readonly type: "failed"; readonly seq: number; readonly error: ErrorData }
  | { readonly type: "cancelled"; readonly seq: number; readonly reason: unknown }
  | { readonly type: "items"; readonly seq: number; readonly count: number } & Shipped
  | { readonly type: "loading"; readonly isOver: boolean }
  | { readonly type: "progress"; readonly seq: number; readonly value: unknown }
  | { readonly type: "link"; readonly message: LinkMessage }
  | { readonly type: "tree"; readonly question: number; readonly tree: TreeNode }
  | { readonly type: "dying"; readonly exitCode?: number; readonly error?: ErrorData };
