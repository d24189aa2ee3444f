/**
 * Which module makes which kind of object that was passed on, for workers: they load one when the
 * first such object comes.
 *
 * The paths are written out, so that no permission is needed to load what they name.
 *
 * @module
 */

import { loadKindsBy } from "./passing.ts";

const MODULES: Record<string, () => Promise<unknown>> = {
  PipeEnd: () => import("./pipe.ts"),
  ProcessQueue: () => import("./process_queue.ts"),
};

loadKindsBy((kind) => MODULES[kind]?.());
