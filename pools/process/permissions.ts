/**
 * What a process may do, as the command line of Deno has it.
 *
 * @module
 */

import { show } from "../../primitives/kernel/check.ts";
import { pathOf } from "./file_url.ts";
import { portableModules } from "../portable.ts";

/**
 * What the code in a process may do: "none", "all", or what is listed. Each is `true` for all of its
 * kind, or a list: of paths to read and write, of hosts, of variables, of programs, and so on.
 */
export type ProcessPermissions = "none" | "all" | {
  /** Files and folders that may be read. */
  readonly read?: boolean | readonly (string | URL)[];
  /** Files and folders that may be written. */
  readonly write?: boolean | readonly (string | URL)[];
  /** Hosts, with or without a port, that may be talked to or listened on. */
  readonly net?: boolean | readonly string[];
  /** Variables of the environment that may be read and set. */
  readonly env?: boolean | readonly string[];
  /** Programs that may be started. */
  readonly run?: boolean | readonly (string | URL)[];
  /** What may be asked of the system, as `"hostname"`. */
  readonly sys?: boolean | readonly string[];
  /** Libraries that may be loaded. */
  readonly ffi?: boolean | readonly (string | URL)[];
  /**
   * Hosts that modules may be imported from, in place of those that Deno allows everybody, and
   * packages of npm. Without it nothing is fetched: only what is in Deno's cache is imported.
   */
  readonly import?: boolean | readonly string[];
};

/** A kind of permission that is listed. */
export type Grant = "read" | "write" | "net";

const KINDS = ["read", "write", "net", "env", "run", "sys", "ffi", "import"] as const;

/**
 * Says whether permissions make sense.
 *
 * @throws {TypeError} When they do not.
 */
export function checkPermissions(permissions: ProcessPermissions, action: string): void {
  if (permissions === "all" || permissions === "none") return;
  if (typeof permissions !== "object" || permissions === null || Array.isArray(permissions)) {
    throw new TypeError(
      `Cannot ${action} as 'permissions' must be "none", "all" or an object: received ${
        show(permissions)
      }`,
    );
  }
  for (const [kind, value] of Object.entries(permissions)) {
    if (!KINDS.includes(kind as (typeof KINDS)[number])) {
      throw new TypeError(
        `Cannot ${action} as there is no permission "${kind}". There are ${KINDS.join(", ")}`,
      );
    }
    if (typeof value === "boolean" || value === undefined) continue;
    if (Array.isArray(value) && value.every(isName)) continue;
    throw new TypeError(
      `Cannot ${action} as 'permissions.${kind}' must be a boolean or a list of names without commas: received ${
        show(value)
      }`,
    );
  }
}

// A comma would separate two of them.
function isName(value: unknown): boolean {
  if (value instanceof URL) return value.protocol === "file:" && isName(pathOf(value));
  return typeof value === "string" && value !== "" && !value.includes(",");
}

/**
 * The flags that a process is started with.
 *
 * @param permissions What its code may do.
 * @param own What it needs for itself, of each kind.
 * @param cwd Its working directory, if that is not this program's.
 * @returns The flags; and of what it needs for itself, what it would not have been given else.
 */
export function permissionFlags(
  permissions: ProcessPermissions,
  own: Readonly<Record<Grant, readonly string[]>>,
  cwd?: string | URL,
): { flags: string[]; own: Partial<Record<Grant, readonly string[]>> } {
  if (permissions === "all") return { flags: ["--allow-all"], own: {} };
  const listed = permissions === "none" ? {} : permissions;
  const flags = importFlags(listed.import);
  const granted: Partial<Record<Grant, readonly string[]>> = {};
  for (const kind of KINDS) {
    if (kind === "import") continue; // See above.
    const given = namesOf(listed[kind]);
    if (given === true) {
      flags.push(`--allow-${kind}`);
      continue;
    }
    // To give back what lies in a folder that was listed would give back that folder.
    const isGiven = (name: string) =>
      given.some((listed) => kind === "net" ? name === listed : isIn(name, listed, cwd));
    const needed = (own[kind as Grant] ?? []).filter((name) => !isGiven(name));
    if (needed.length > 0) granted[kind as Grant] = needed;
    const names = [...given, ...needed];
    if (names.length > 0) flags.push(`--allow-${kind}=${names.join(",")}`);
  }
  return { flags, own: granted };
}

// What Deno allows everybody who does not list hosts, see `deno run --help`.
const EVERYBODYS = [
  "deno.land:443",
  "jsr.io:443",
  "esm.sh:443",
  "raw.esm.sh:443",
  "cdn.jsdelivr.net:443",
  "raw.githubusercontent.com:443",
  "gist.githubusercontent.com:443",
];

/**
 * What a process may import. To load its own code, and the modules of portable functions, is not
 * for the permissions to forbid; but a request for a module can carry away whatever there is.
 */
function importFlags(listed: boolean | readonly string[] | undefined): string[] {
  if (listed === true) return ["--allow-import"];
  const hosts = new Set(listed || EVERYBODYS);
  for (const url of [import.meta.url, ...portableModules()]) {
    if (url.startsWith("http")) hosts.add(new URL(url).host);
  }
  const flags = [`--allow-import=${[...hosts].join(",")}`];
  // Where Grove itself is on a server, what runs in the process may not have been fetched yet.
  if (!listed && import.meta.url.startsWith("file:")) flags.push("--cached-only");
  return flags;
}

function namesOf(value: boolean | readonly (string | URL)[] = []): true | string[] {
  if (typeof value === "boolean") return value || [];
  return value.map((name) => typeof name === "string" ? name : pathOf(name));
}

function isIn(path: string, folder: string, cwd: string | URL | undefined): boolean {
  const steps = stepsOf(path);
  return stepsOf(absolute(folder, cwd)).every((step, i) => step === steps[i]);
}

function absolute(path: string, cwd: string | URL | undefined): string {
  if (path.startsWith("/")) return path;
  const folder = cwd instanceof URL ? pathOf(cwd) : cwd;
  return `${folder === undefined ? Deno.cwd() : absolute(folder, undefined)}/${path}`;
}

function stepsOf(path: string): string[] {
  const steps: string[] = [];
  for (const step of path.split("/")) {
    if (step === "..") steps.pop();
    else if (step !== "" && step !== ".") steps.push(step);
  }
  return steps;
}
