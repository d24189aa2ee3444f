/**
 * Jobs and who does them: a bounded priority queue between the requests that put jobs and three
 * workers. When the queue is full, requests wait for room; so the load is felt by whoever makes it,
 * and not by the memory.
 *
 * @module
 */

import {
  nursery,
  PriorityQueue,
  QueueShutDown,
  type QueueStats,
  sleep,
  TimeoutError,
} from "../../mod.ts";
import { nameFrom, numberFrom, preferred } from "./queries.ts";
import { busy, json } from "./replies.ts";

/** A job: it sleeps for `ms` milliseconds. */
export interface Job {
  readonly number: number;
  readonly name: string;
  /** The lowest is done first. */
  readonly priority: number;
  readonly ms: number;
}

/** How the jobs are doing. */
export interface JobsState {
  readonly stats: QueueStats;
  /** What each worker does; none where the platform does the serving. */
  readonly workers: readonly { readonly name: string; readonly job: Job | null }[];
  /** The jobs that are not begun, by priority; `stats.putters` of them have no room yet. */
  readonly waiting: readonly Job[];
  /** Those done last, the latest first. */
  readonly done: readonly Job[];
}

/** How many jobs have room. */
const ROOM = 10;

/** How many milliseconds a request waits for room. */
const PATIENCE = 1000;

/** How many milliseconds the jobs under way have when the program is stopped. */
const GRACE = 3000;

/** How many of the jobs that are done are remembered. */
const REMEMBERED = 10;

const byPriority = (a: Job, b: Job) => a.priority - b.priority;

const queue = new PriorityQueue<Job>(ROOM, { name: "jobs", compare: byPriority });
const workers: { name: string; job: Job | null }[] = [];
const waiting = new Set<Job>();
const done: Job[] = [];
let count = 0;

/** How the jobs are doing at this moment. */
export function jobsState(): JobsState {
  return { stats: queue.stats(), workers, waiting: [...waiting].sort(byPriority), done };
}

/** Puts a job, if there is room for it or comes to be soon. */
export async function putJob(url: URL, request: Request): Promise<Response> {
  const priority = numberFrom(url, "priority", { least: 0, most: 9, otherwise: 5 });
  const ms = numberFrom(url, "ms", { least: 0, most: 60_000, otherwise: 1000 });
  const name = nameFrom(url, "name", "job");
  if (workers.length === 0) return busy("Nobody works here: the platform answers requests only");
  const job: Job = { number: ++count, name, priority, ms };
  waiting.add(job);
  try {
    await queue.put(job, { timeout: PATIENCE });
  } catch (error) {
    // Nothing was put: also when the client has gone away meanwhile, which has cancelled the wait.
    waiting.delete(job);
    if (error instanceof TimeoutError) return busy(`The queue is full: ${ROOM} jobs wait`);
    if (error instanceof QueueShutDown) return busy("The server is stopping");
    throw error;
  }
  return preferred(request, "application/json", "text/html") === "text/html"
    ? new Response(null, { status: 303, headers: { location: "/#jobs" } })
    : json(job, 202);
}

/** Runs the workers until the program is asked to stop, and lets them finish what they have begun. */
export async function runWorkers(): Promise<void> {
  await nursery(async (crew) => {
    for (const name of ["worker 1", "worker 2", "worker 3"]) {
      crew.spawn(() => work(name), { name });
    }
    await sleep(Infinity, { endOnStop: true });
    queue.shutdown({ immediate: true });
    crew.stop({ grace: GRACE });
  }, { name: "workers" });
  if (count > 0) {
    const cutShort = workers.filter(({ job }) => job !== null).length;
    console.log(`Jobs: ${waiting.size} not begun, ${cutShort} cut short.`);
  }
}

async function work(name: string): Promise<void> {
  const worker = { name, job: null as Job | null };
  workers.push(worker);
  for await (const job of queue) {
    waiting.delete(job);
    worker.job = job;
    await sleep(job.ms);
    queue.taskDone();
    worker.job = null;
    done.unshift(job);
    done.splice(REMEMBERED);
  }
}
