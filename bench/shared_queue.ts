/**
 * `shared-queue`: small objects from one worker to another; the figure is the time of one.
 *
 * The floor is a bare ring of JSON texts in shared memory, for one who puts and one who gets. "grove" awaits `put()` and
 * `get()`, "grove, blocked" calls `putSync()` and `getSync()`.
 *
 * @module
 */

import { checked } from "./checked.ts";
import { Lasting } from "./lasting.ts";
import type { Contender, Row } from "./row.ts";
import type { Work } from "./shared_worker.ts";
import { SharedWorkers } from "./shared_workers.ts";

const ITEMS = 50_000;

const workers = new Lasting(() => new SharedWorkers(), (workers) => workers.end());

function contender(name: string, work: Work): Contender {
  const sum = ITEMS * (ITEMS - 1) / 2;
  return workers.ended(
    checked(name, { size: ITEMS }, (size) => workers.thing.both(work, size), sum),
  );
}

export const rows: Row[] = [{
  id: "shared-queue",
  title: "a small item from worker to worker",
  unit: "ns",
  contenders: [
    contender("floor", "ring"),
    contender("grove", "queue"),
    contender("grove, blocked", "queueBlocked"),
  ],
  goals: [{ times: 2, of: "floor" }],
}];
