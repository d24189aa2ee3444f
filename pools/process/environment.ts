/**
 * What processes are given to live in.
 *
 * @module
 */

import { checkCount, show } from "../../primitives/kernel/check.ts";
import { checkPermissions, type ProcessPermissions } from "./permissions.ts";

/** What a process of Grove's can be told, whether it is in a pool or on its own. */
export interface ProcessEnvironment {
  /**
   * What the code in the process may do. The modules that have portable functions, and those that
   * they name, are loaded without permission, if they had been loaded here when the process was
   * started. Default: "none".
   */
  permissions?: ProcessPermissions;
  /** Variables of its environment, besides those of this program. Default: none. */
  env?: Readonly<Record<string, string>>;
  /** Its working directory. Default: that of this program. */
  cwd?: string | URL;
  /**
   * How many bytes of memory it may take. One that takes more is killed: at once, where its objects
   * take them; within some 50 ms, and only on Linux, where its buffers do. Default: any number.
   */
  memoryLimit?: number;
  /**
   * What else the command line of Deno has. The process finds the program's `deno.json`; what the
   * program itself was told by flags, as `--import-map=map.json`, is to be said again. Default:
   * nothing.
   */
  denoFlags?: readonly string[];
}

/** The same, with all that was left out. */
export interface Environment {
  readonly permissions: ProcessPermissions;
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | URL | undefined;
  readonly memoryLimit: number;
  readonly flags: readonly string[];
}

/**
 * Checks what a process can be told, and fills in what was left out.
 *
 * @throws {TypeError | RangeError} When an option makes no sense, or there can be no processes.
 */
export function environmentOf(options: ProcessEnvironment, action: string): Environment {
  if (typeof Deno === "undefined" || typeof Deno.Command === "undefined") {
    throw new TypeError(`Cannot ${action} as there are no processes here. Use defaultPool()`);
  }
  if (Deno.build.standalone || Deno.build.os === "windows") {
    const where = Deno.build.standalone ? "in a compiled program" : "on Windows";
    throw new TypeError(`Cannot ${action} ${where}. Use a WorkerPool`);
  }
  const { permissions = "none", env = {}, cwd, memoryLimit = Infinity, denoFlags = [] } = options;
  checkPermissions(permissions, action);
  checkVariables(env, action);
  if (cwd !== undefined && typeof cwd !== "string" && !isFileUrl(cwd)) {
    throw new TypeError(
      `Cannot ${action} as 'cwd' must be a path or a file URL: received ${show(cwd)}`,
    );
  }
  checkCount(memoryLimit, action, "'memoryLimit'", 1);
  if (!Array.isArray(denoFlags) || denoFlags.some((flag) => !String(flag).startsWith("-"))) {
    throw new TypeError(
      `Cannot ${action} as 'denoFlags' must be a list of flags: received ${show(denoFlags)}`,
    );
  }
  return { permissions, env, cwd, memoryLimit, flags: denoFlags };
}

function checkVariables(env: unknown, action: string): void {
  const isRight = typeof env === "object" && env !== null &&
    Object.values(env).every((value) => typeof value === "string");
  if (isRight) return;
  throw new TypeError(
    `Cannot ${action} as 'env' must be an object of texts: received ${show(env)}`,
  );
}

function isFileUrl(value: unknown): boolean {
  return value instanceof URL && value.protocol === "file:";
}
