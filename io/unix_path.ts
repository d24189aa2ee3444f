/**
 * The files of Unix sockets. A program that is killed leaves its file behind, and the next one
 * cannot listen there: for the system the file is in use. Whether somebody still listens could be
 * found out by connecting, but that takes time, and `listen` answers at once. So whoever listens
 * holds a lock, which the system gives back for a program that dies: on a file beside the socket's,
 * of the same name and `.lock`, which is removed with it. Who gets the lock and finds the file of a
 * socket knows that nobody listens there, as long as the file of the lock was there too: without it
 * the socket is that of another kind of program, and is not touched.
 *
 * @module
 */

import type { Sockets } from "./platform.ts";

/** The right to listen at a path. */
export interface Claim {
  /** Gives it back. */
  release(): void;
}

/**
 * Claims a path, and removes what a program that has died has left there.
 *
 * @returns Nothing where the path is claimed already, or files cannot be locked here: the attempt to
 * listen will then tell what is the matter.
 */
export function claimPath(sockets: Sockets, path: string): Claim | undefined {
  // A name that begins with a zero is none of a file.
  if (path.startsWith("\0") || typeof sockets.FsFile?.prototype.tryLockSync !== "function") {
    return undefined;
  }
  const lockPath = `${path}.lock`;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    let file: Deno.FsFile;
    let isNew = false;
    try {
      try {
        file = sockets.openSync(lockPath, { read: true, write: true });
      } catch (error) {
        if (!(error instanceof sockets.errors.NotFound)) throw error;
        file = sockets.openSync(lockPath, { read: true, write: true, createNew: true });
        isNew = true;
      }
    } catch (error) {
      // Another program was quicker. Else: no permission, or no folder.
      if (error instanceof sockets.errors.AlreadyExists) continue;
      return undefined;
    }
    if (!file.tryLockSync(true)) {
      file.close();
      return undefined;
    }
    // Whoever had it may have removed the file between our opening and our locking it.
    if (!isSame(sockets, file, lockPath)) {
      file.close();
      continue;
    }
    if (!isNew) removeSocket(sockets, path);
    return {
      release() {
        // Removed first: who opens it then makes a new one, and who has it open looks again.
        remove(sockets, lockPath);
        file.close();
      },
    };
  }
  return undefined;
}

/** How often the file of a lock may change hands before our eyes. */
const MOST_TRIES = 20;

function isSame(sockets: Sockets, file: Deno.FsFile, path: string): boolean {
  try {
    return file.statSync().ino === sockets.statSync(path).ino;
  } catch {
    return false;
  }
}

function removeSocket(sockets: Sockets, path: string): void {
  try {
    if (sockets.lstatSync(path).isSocket) sockets.removeSync(path);
  } catch {
    // It is not there, or not ours to remove: the attempt to listen tells.
  }
}

function remove(sockets: Sockets, path: string): void {
  try {
    sockets.removeSync(path);
  } catch {
    // Somebody else has done so.
  }
}
