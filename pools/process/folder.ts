/**
 * The folder of a process that starts: its socket and its ledger.
 *
 * @module
 */

// The path of a socket can have some hundred bytes and no more, which is a matter of the system.
const LONGEST = 100;

/** See above. */
export class Folder {
  readonly path: string;
  readonly socket: string;
  readonly ledger: string;

  /**
   * Makes it.
   *
   * @throws What Deno throws when it may not, or cannot.
   */
  constructor() {
    this.path = makeFolder();
    this.socket = `${this.path}/socket`;
    this.ledger = `${this.path}/ledger`;
    Deno.writeFileSync(this.ledger, new Uint8Array());
  }

  /** Removes it, with all that is in it. Processes that have it open do not mind. */
  remove(): void {
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch {
      // The process has done so.
    }
  }
}

function makeFolder(): string {
  for (const dir of [undefined, "/tmp"]) {
    const path = Deno.makeTempDirSync({ dir, prefix: "grove-" });
    if (isUsable(path)) return path;
    Deno.removeSync(path);
  }
  throw new Error(
    "Cannot start a process as the folder for temporary files has a path that is relative, too long for a socket, or has a comma. Set TMPDIR to another",
  );
}

// A comma would separate two permissions.
function isUsable(path: string): boolean {
  const { length } = new TextEncoder().encode(path);
  return path.startsWith("/") && !path.includes(",") && length + "/socket".length <= LONGEST;
}
