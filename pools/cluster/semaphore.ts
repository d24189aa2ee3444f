/**
 * A semaphore for the whole cluster: at most so many at a time, on whatever machines.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/nats-core";
import { Leased, type LeaseOptions } from "./leased.ts";

/**
 * A number of permits that the tasks of all machines share that are connected to one cluster of NATS
 * servers. Semaphores of the same name are the same semaphore, and all have to give the same number:
 * one that gives another while it is in use gets a `RangeError` from `acquire`.
 *
 * Permits are leased, as a `ClusterLock` is: those of a holder that dies or cannot be reached go to
 * others after the `lease`. Tokens rise from one write to the next; who gets a permit in the same
 * write has the same token.
 *
 * In a `select` it stands for acquiring a permit.
 *
 * @example
 * ```ts ignore
 * import { ClusterSemaphore, connectCluster } from "@grove/grove/cluster";
 *
 * const connection = await connectCluster({ servers: "nats://nats.internal" });
 * const licenses = new ClusterSemaphore(connection, "licenses", 5);
 * await licenses.withLock(() => render("film.blend"));
 * ```
 */
export class ClusterSemaphore extends Leased {
  /** How many permits there are. */
  readonly permits: number;

  /**
   * Makes a semaphore. Nothing is sent before it is used.
   *
   * @param connection To NATS, with JetStream. It is not closed by the semaphore.
   * @param name Which semaphore it is.
   * @param permits How many permits there are: a whole number from 1 up, the same for all users.
   * @param options `lease` in milliseconds, `bucket` and `replicas`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(connection: NatsConnection, name: string, permits: number, options?: LeaseOptions) {
    super("semaphore", connection, name, permits, options);
    this.permits = permits;
  }

  /** What a wait for it is shown as. */
  get kind(): "cluster semaphore" {
    return "cluster semaphore";
  }
}
