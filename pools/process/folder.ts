/**
 * The folder of a process that starts: its socket and its ledger.
 *
 * @module
 */

// The path of a socket can have some hundred bytes and no more, which is a matter of the system.
const LONGEST = 100;

/** See above: for the process too, which is told its path. */
export class Folder {
  readonly path: string;

  /** @param path Where it is. */
  constructor(path: string) {
    this.path = path;
  }

  /**
   * Makes one, with an empty ledger.
   *
   * @throws What Deno throws when it may not, or cannot.
   */
  static make(): Folder {
    const folder = new Folder(makeFolder());
    Deno.writeFileSync(folder.ledger, new Uint8Array());
    return folder;
  }

  get socket(): string {
    return `${this.path}/socket`;
  }

  get ledger(): string {
    return `${this.path}/ledger`;
  }

  /** Removes it, with all that is in it. Processes that have it open do not mind. */
  remove(): void {
    try {
      Deno.removeSync(this.path, { recursive: true });
    } catch {
      // The other side has done so.
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
