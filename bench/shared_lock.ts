/**
 * `shared-lock`: a lock goes back and forth between two workers; the figure is the time of one hand-over.
 *
 * The floor is a word of shared memory that says whose turn it is, and `Atomics.waitAsync`; "floor, blocked" is the same with
 * the threads blocked, in `Atomics.wait`. "grove" awaits `acquire()`, "grove, blocked" calls `acquireSync()`.
 *
 * @module
 */

import { checked } from "./checked.ts";
import { Lasting } from "./lasting.ts";
import type { Contender, Row } from "./row.ts";
import type { Work } from "./shared_worker.ts";
import { SharedWorkers } from "./shared_workers.ts";

const TURNS = 2_000;

const workers = new Lasting(() => new SharedWorkers(), (workers) => workers.end());

function contender(name: string, work: Work): Contender {
  return workers.ended(
    checked(name, { size: TURNS }, (size) => workers.thing.both(work, size)),
  );
}

export const rows: Row[] = [{
  id: "shared-lock",
  title: "a lock handed over between two workers",
  unit: "ns",
  contenders: [
    contender("floor", "turns"),
    contender("floor, blocked", "turnsBlocked"),
    contender("grove", "lock"),
    contender("grove, blocked", "lockBlocked"),
  ],
  goals: [
    { times: 1.5, of: "floor" },
    { subject: "grove, blocked", times: 1.5, of: "floor, blocked" },
  ],
}];
