/**
 * Makes what a cluster needs on the server: streams, and the consumers that workers share. What is
 * there already is left as it is.
 *
 * @module
 */

import {
  AckPolicy,
  DiscardPolicy,
  JetStreamApiError,
  type JetStreamManager,
  RetentionPolicy,
  StorageType,
  type StreamConfig,
} from "@nats-io/jetstream";
import { nanos, type NatsConnection } from "@nats-io/nats-core";
import { CLASSES, type JobClass, type Layout } from "./layout.ts";
import { makeShared } from "./make_shared.ts";

/** How much of what the server keeps, and where. */
export interface StoreOptions {
  /**
   * On how many servers everything is kept, where this is the first to use the cluster. Default: 3
   * where the servers are a cluster themselves, else 1.
   */
  replicas?: number;
  /**
   * How many jobs may wait or run in the whole cluster, where this is the first to use it. Beyond
   * that `submit` fails with an `OverloadedError`, and `run`, `map` and `stream` wait. Default: no
   * limit.
   */
  maxJobs?: number;
  /**
   * For how many milliseconds results are kept, where this is the first to use the cluster: so long
   * a job with an idempotency key is not run again. Those of jobs without one go some minutes after
   * their pool has taken them. From 100 up. Default: an hour.
   */
  keepResults?: number;
}

const HOUR = 3_600_000;

// What is dead is kept until somebody has looked at it, but not without end.
const MOST_DEAD = 10_000;

// What the server says of what is there already, and is to be different.
const NAME_IN_USE = 10058;
const CONSUMER_EXISTS = 10148;

/** Makes the streams. */
export async function makeStreams(
  connection: NatsConnection,
  manager: JetStreamManager,
  layout: Layout,
  { replicas, maxJobs = Infinity, keepResults = HOUR }: StoreOptions & { replicas: number },
): Promise<void> {
  const common = { storage: StorageType.File, num_replicas: replicas };
  const streams: (Partial<StreamConfig> & { name: string; subjects: [string] })[] = [
    {
      ...common,
      name: layout.jobs,
      subjects: [layout.job("*" as JobClass, "*.*")],
      retention: RetentionPolicy.Workqueue,
      // Nothing that was taken in is dropped for what comes later.
      discard: DiscardPolicy.New,
      discard_new_per_subject: true,
      max_msgs_per_subject: 1,
      max_msgs: maxJobs === Infinity ? -1 : maxJobs,
    },
    {
      ...common,
      name: layout.results,
      subjects: [layout.result("*.*")],
      retention: RetentionPolicy.Limits,
      max_msgs_per_subject: 1,
      max_age: keepResults === Infinity ? 0 : nanos(keepResults),
    },
    {
      ...common,
      name: layout.dead,
      subjects: [layout.deadJob("*.*")],
      retention: RetentionPolicy.Limits,
      max_msgs: MOST_DEAD,
    },
  ];
  await Promise.all(streams.map((stream) => makeStream(connection, manager, stream)));
}

async function makeStream(
  connection: NatsConnection,
  manager: JetStreamManager,
  config: Partial<StreamConfig> & { name: string; subjects: [string] },
): Promise<void> {
  const probe = config.subjects[0].replaceAll("*", "probe");
  await makeShared({ connection, probe }, async () => {
    try {
      await manager.streams.add(config);
    } catch (error) {
      if (!(error instanceof JetStreamApiError) || error.code !== NAME_IN_USE) throw error;
    }
  });
}

/** Makes the consumers: one for each class of jobs, which all workers share. */
export async function makeConsumers(
  manager: JetStreamManager,
  layout: Layout,
  ackWait: number,
): Promise<void> {
  await Promise.all(CLASSES.map(async (jobClass) => {
    const ack_wait = nanos(ackWait);
    try {
      await manager.consumers.add(layout.jobs, {
        durable_name: jobClass,
        filter_subject: layout.job(jobClass, "*.*"),
        ack_policy: AckPolicy.Explicit,
        ack_wait,
        // Not the server but the worker gives up on a job: it says so to whoever waits for it.
        max_deliver: -1,
        max_ack_pending: -1,
        max_waiting: 4096,
      });
    } catch (error) {
      // Newer servers do not make one anew that is there and is to wait for another time.
      if (!(error instanceof JetStreamApiError) || error.code !== CONSUMER_EXISTS) throw error;
      await manager.consumers.update(layout.jobs, jobClass, { ack_wait });
    }
  }));
}
