/**
 * A lock for the whole cluster: one task, on one machine, at a time.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/nats-core";
import type { CallSite } from "../../primitives/kernel/call_site.ts";
import { heldBy } from "../../primitives/kernel/deadlock.ts";
import { Hold } from "../../primitives/kernel/hold.ts";
import type { Parked } from "../../primitives/kernel/queue.ts";
import { type Task, taskOf } from "../../primitives/kernel/task.ts";
import type { Lease } from "./lease.ts";
import { Leased, type LeaseOptions } from "./leased.ts";

/**
 * Mutual exclusion between the tasks of all machines that are connected to one cluster of NATS
 * servers. Locks of the same name are the same lock.
 *
 * Whoever dies with it in its hands, or cannot be reached, loses it after the `lease`: the first who
 * waits gets it at most that long after it began to wait, or the holder fell silent, whichever was
 * later. As the one who had it may still be running, look at {@linkcode Lease} for what its `token`
 * is for.
 *
 * In this process it knows its owner, as a `Lock` does: a second acquire of the owner's is a
 * `DeadlockError`, and a task that ends without giving the lease back loses it.
 *
 * Made for dozens or hundreds who use one lock, not for hundreds of thousands of acquires in a
 * second: each takes two or three answers of the server. In a `select` it stands for acquiring it.
 *
 * @example
 * ```ts ignore
 * import { ClusterLock, connectCluster } from "@grove/grove/cluster";
 *
 * const connection = await connectCluster({ servers: "nats://nats.internal" });
 * const lock = new ClusterLock(connection, "nightly report");
 * await lock.withLock(async (lease) => {
 *   await writeReport(await makeReport(), lease.token); // cancelled should the lease be lost
 * });
 * ```
 */
export class ClusterLock extends Leased {
  readonly #hold: Hold = new Hold(this, (owner) => this.#abandoned(owner.name));
  #lease: Lease | null = null;

  /**
   * Makes a lock. Nothing is sent before it is used.
   *
   * @param connection To NATS, with JetStream. It is not closed by the lock.
   * @param name Which lock it is.
   * @param options `lease` in milliseconds, `bucket` and `replicas`.
   * @throws {TypeError | RangeError} When an argument makes no sense.
   */
  constructor(connection: NatsConnection, name: string, options?: LeaseOptions) {
    super("lock", connection, name, 1, options);
  }

  /** What a wait for it is shown as. */
  get kind(): "cluster lock" {
    return "cluster lock";
  }

  /** Whether a task has it by this object. Whether others have it nobody knows who has not asked. */
  get locked(): boolean {
    return this.#lease !== null;
  }

  /** The task that has it by this object, `null` when none has. */
  get owner(): Task | null {
    return this.#hold.owner as Task | null;
  }

  /** @ignore */
  override [heldBy](): Hold | null {
    return this.#hold.owner === null ? null : this.#hold;
  }

  /** @ignore */
  protected override granted(lease: Lease, node: Parked<Lease | null>): void {
    this.#lease = lease;
    this.#hold.take(taskOf(node), node.item as CallSite | undefined);
  }

  /** @ignore */
  protected override ended(): void {
    this.#lease = null;
    if (this.#hold.owner !== null) this.#hold.release();
  }

  #abandoned(owner: string): void {
    this.revoke(this.#lease!, `task "${owner}" has ended without releasing it`);
  }
}
