/**
 * What a worker may do, in words of our own: the types of the package name no platform.
 *
 * @module
 */

/**
 * What the code in a worker may do: "inherit", what the program may; "none"; or what is listed, each
 * as the program may it ("inherit"), all of its kind or nothing, or a list. What is left out is not
 * allowed.
 */
export type WorkerPermissions = "inherit" | "none" | {
  /** Files and folders that may be read. */
  read?: "inherit" | boolean | (string | URL)[];
  /** Files and folders that may be written. */
  write?: "inherit" | boolean | (string | URL)[];
  /** Hosts, with or without a port, that may be talked to or listened on. */
  net?: "inherit" | boolean | string[];
  /** Variables of the environment that may be read and set. */
  env?: "inherit" | boolean | string[];
  /** Programs that may be started. */
  run?: "inherit" | boolean | (string | URL)[];
  /** What may be asked of the system, as `"hostname"`. */
  sys?: "inherit" | boolean | string[];
  /** Libraries that may be loaded. */
  ffi?: "inherit" | boolean | (string | URL)[];
  /** Hosts that modules may be imported from. */
  import?: "inherit" | boolean | string[];
};
