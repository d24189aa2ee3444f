/**
 * Which module makes which kind of object that was passed on, for workers: they load one when the
 * first such object comes.
 *
 * The paths are written out, so that no permission is needed to load what they name.
 *
 * @module
 */

import { loadKindsBy } from "./passing.ts";

// A map, as a message may ask for a kind by the name of something that all objects have.
const MODULES: ReadonlyMap<string, () => Promise<unknown>> = new Map(Object.entries({
  FileLock: () => import("../primitives/shared/file_lock.ts"),
  PipeEnd: () => import("./pipe.ts"),
  ProcessQueue: () => import("./process_queue.ts"),
  RemoteObject: () => import("./link/remote_object.ts"),
  SharedBarrier: () => import("../primitives/shared/shared_barrier.ts"),
  SharedEvent: () => import("../primitives/shared/shared_event.ts"),
  SharedLock: () => import("../primitives/shared/shared_lock.ts"),
  SharedQueue: () => import("../primitives/shared/shared_queue.ts"),
  SharedSemaphore: () => import("../primitives/shared/shared_semaphore.ts"),
}));

loadKindsBy((kind) => MODULES.get(kind)?.());
