/**
 * What a lock and a semaphore of the cluster have in common: tasks wait in a line here, each with a
 * ticket of its own on the roll that all machines share.
 *
 * @module
 */

import type { NatsConnection } from "@nats-io/nats-core";
import {
  checkCount,
  checkFunction,
  checkOptions,
  checkTime,
  show,
} from "../../primitives/kernel/check.ts";
import { lockSite } from "../../primitives/kernel/call_site.ts";
import { currentScope } from "../../primitives/kernel/context.ts";
import { type Blocker, heldBy, HoldWaiter, suspendFor } from "../../primitives/kernel/deadlock.ts";
import { ClosedError } from "../../primitives/kernel/errors.ts";
import { type Parked, WaitQueue, type WaitTarget } from "../../primitives/kernel/queue.ts";
import { taskAround } from "../../primitives/kernel/task.ts";
import {
  enqueue,
  entry,
  notReady,
  poll,
  suspend,
  type Waitable,
  Waiter,
  type WaitOptions,
} from "../../primitives/kernel/wait.ts";
import { Lease, loseLease, runLeased } from "./lease.ts";
import { LeaseKeeper, type Ticket } from "./lease_keeper.ts";
import { FORGET_AFTER, keyOf, LeaseStore } from "./lease_store.ts";

/** What locks and semaphores of the cluster can be told. */
export interface LeaseOptions {
  /**
   * After how many milliseconds without a sign of life a holder counts as dead: from 100 to a day.
   * Others may give another one. Default: 10,000.
   */
  lease?: number;
  /**
   * The bucket of the key-value store. It is made when it is not there. Default: "grove_leases".
   */
  bucket?: string;
  /** On how many servers a bucket is kept that has to be made: from 1 to 5. Default: 1. */
  replicas?: number;
}

/** How a lock or semaphore of the cluster is doing, as far as this object knows. */
export interface LeasedStats {
  /** How many leases are held by this object. */
  readonly held: number;
  /** How many tasks wait for one here. */
  readonly waiters: number;
  /** How many waited here at most. */
  readonly peakWaiters: number;
}

const BUCKET = /^[-\w]{1,200}$/;

/** Those who wait here. Whoever leaves, for whatever reason, takes the ticket along. */
class Line extends WaitQueue<Lease | null, Leased> {
  readonly tickets = new Map<Parked<Lease | null>, Ticket>();
  readonly #drop: (ticket: Ticket) => void;

  constructor(target: Leased, drop: (ticket: Ticket) => void) {
    super(target);
    this.#drop = drop;
  }

  override unlink(node: Parked<Lease | null>): void {
    super.unlink(node);
    const ticket = this.tickets.get(node);
    this.tickets.delete(node);
    if (ticket !== undefined && !ticket.holds) this.#drop(ticket);
  }
}

/**
 * A number of permits that the whole cluster shares: a `ClusterLock` or a `ClusterSemaphore`. Who
 * acquires one holds a {@linkcode Lease} of it.
 *
 * @example
 * ```ts ignore
 * function onlyOnce(lock: Leased, job: (lease: Lease) => Promise<void>) {
 *   return lock.tryAcquire().then(async (lease) => {
 *     if (lease === null) return; // somebody else is at it
 *     await using _ = lease;
 *     await job(lease);
 *   });
 * }
 * ```
 */
export abstract class Leased implements Waitable<Lease>, WaitTarget, AsyncDisposable {
  /** What it is called: everywhere the same. */
  readonly name: string;
  /** What a wait for it is shown as. */
  abstract readonly kind: string;
  readonly #keeper: LeaseKeeper;
  readonly #line: Line;
  readonly #held = new Map<Lease, Ticket>();
  #isClosed = false;

  /** @ignore */
  constructor(
    kind: "lock" | "semaphore",
    connection: NatsConnection,
    name: string,
    permits: number,
    options: LeaseOptions = {},
  ) {
    const title = `make a cluster ${kind}`;
    checkConnection(connection, title);
    if (typeof name !== "string" || name === "" || name.length > 200) {
      throw new TypeError(
        `Cannot ${title} as the name must be a string of 1 to 200 characters: received ${
          show(name)
        }`,
      );
    }
    checkCount(permits, title, "the number of permits", 1, false);
    checkOptions(options, title);
    const { lease = 10_000, bucket = "grove_leases", replicas = 1 } = options;
    checkTime(lease, title, "'lease'");
    // What nobody has written to for longer is forgotten, though it may be held.
    if (lease < 100 || lease > FORGET_AFTER) {
      throw new RangeError(
        `Cannot ${title} as 'lease' must be from 100 ms to ${FORGET_AFTER}, a day: received ${lease}`,
      );
    }
    if (typeof bucket !== "string" || !BUCKET.test(bucket)) {
      throw new TypeError(
        `Cannot ${title} as 'bucket' must be made of letters, digits, "_" and "-": received ${
          show(bucket)
        }`,
      );
    }
    checkCount(replicas, title, "'replicas'", 1, false);
    this.name = name;
    const place = { bucket, key: keyOf(kind, name), replicas };
    const store = new LeaseStore(connection, place, lease / 4);
    this.#keeper = new LeaseKeeper(store, { title: `cluster ${kind} "${name}"`, permits, lease });
    this.#line = new Line(this, (ticket) => this.#keeper.drop(ticket));
  }

  /**
   * Takes a permit, and waits for its turn where there is none: those who wait get one in the order
   * in which the server has stored that they wait, on whatever machine. Whoever is out of reach of
   * the server for longer than the lease loses the place.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait.
   * @returns Resolves to the lease: `await using lease = await lock.acquire()` gives it back when the
   * block is left.
   * @throws {TimeoutError} When the time is up.
   * @throws {Cancelled} When the scope is cancelled. No permit is taken then, and the place in the
   * line is given up.
   * @throws {ClosedError} When the connection is closed, or this object is.
   * @throws {DeadlockError} When it is a lock, and the calling task has it by this object already.
   * @throws {RangeError} When others use it with another number of permits.
   * @throws What the server refuses with. While it is out of reach the wait goes on.
   */
  acquire(options?: WaitOptions): Promise<Lease> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#isClosed) return Promise.reject(this.#closed());
    const waiter = new HoldWaiter<Lease | null>(lockSite());
    const waiting = suspendFor(scope, taskAround(scope)!, this.#line, waiter, options);
    this.#draw(waiter, true);
    return waiting as Promise<Lease>;
  }

  /**
   * Takes a permit if there is one now, and nobody waits for it.
   *
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the server's answer.
   * @returns Resolves to the lease, or to `null`.
   * @throws What `acquire` throws, but for a `DeadlockError`.
   */
  tryAcquire(options?: WaitOptions): Promise<Lease | null> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    if (this.#isClosed) return Promise.reject(this.#closed());
    const waiter = new Waiter<Lease | null>();
    this.#line.add(waiter);
    const waiting = suspend(scope, waiter, options);
    this.#draw(waiter, false);
    return waiting;
  }

  /**
   * Calls a function with a permit held, and gives it back when the function has ended. When the
   * lease is lost meanwhile, the scope of the function is cancelled.
   *
   * @typeParam R What the function resolves to.
   * @param fn What to call, with the lease.
   * @param options `signal` and `timeout` in milliseconds, which end the wait for the permit.
   * @returns What the function resolves to.
   * @throws {LeaseLostError} When the lease was lost before the function had ended.
   * @throws What `acquire` throws, and what the function throws.
   */
  withLock<R>(fn: (lease: Lease) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    checkFunction(fn, `use ${this.kind} "${this.name}"`, "the argument");
    return runLeased(this.acquire(options), fn);
  }

  /**
   * How it is doing here.
   *
   * @returns A frozen snapshot.
   */
  stats(): LeasedStats {
    return Object.freeze({
      held: this.#held.size,
      waiters: this.#line.size,
      peakWaiters: this.#line.peak,
    });
  }

  /**
   * Gives back what is held by this object, and ends all waits for it here.
   *
   * @returns Resolves to nothing, once the server has stored that; when it is out of reach, once it
   * has run out.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#line.failAll(this.#closed());
    await Promise.allSettled([...this.#held.keys()].map((lease) => lease.release()));
    await this.#keeper.settled();
  }

  /** @ignore */
  [poll](): Lease | typeof notReady {
    if (this.#isClosed) throw this.#closed();
    return notReady; // It takes a word with the server.
  }

  /** @ignore */
  [enqueue](node: Parked<Lease>): void {
    this.#line.add(node as Parked<Lease | null>);
    this.#draw(node as Parked<Lease | null>, true);
  }

  /** @ignore */
  [heldBy](): Blocker | null {
    return null;
  }

  /**
   * Somebody here has got a lease.
   *
   * @ignore
   */
  protected granted(_lease: Lease, _node: Parked<Lease | null>): void {}

  /**
   * Somebody here has a lease no more.
   *
   * @ignore
   */
  protected ended(): void {}

  /**
   * Takes a lease away from its holder, and gives back what it stands for.
   *
   * @ignore
   */
  protected revoke(lease: Lease, why: string): void {
    const ticket = this.#held.get(lease)!;
    this.#end(lease);
    loseLease(lease, why);
    this.#keeper.drop(ticket);
  }

  #end(lease: Lease): void {
    if (this.#held.delete(lease)) this.ended();
  }

  #draw(node: Parked<Lease | null>, waits: boolean): void {
    if (node.queue !== this.#line) return; // It would have closed a circle, or had no time at all.
    let lease: Lease;
    const ticket: Ticket = this.#keeper.draw({
      granted: (token) => {
        lease = new Lease(token, {
          title: `${this.kind} "${this.name}"`,
          heldUntil: () => this.#keeper.heldUntil,
          giveBack: () => {
            this.#end(lease);
            this.#keeper.drop(ticket);
            return this.#keeper.settled();
          },
        });
        this.#held.set(lease, ticket);
        this.granted(lease, node);
        this.#line.remove(node);
        node.wake(lease);
      },
      refused: () => {
        this.#line.remove(node);
        node.wake(null);
      },
      failed: (error) => {
        this.#line.remove(node);
        node.fail(error);
      },
      lost: (why, cause) => {
        this.#end(lease);
        loseLease(lease, why, cause);
      },
    }, waits);
    this.#line.tickets.set(node, ticket);
  }

  #closed(): ClosedError {
    return new ClosedError(
      `Cannot acquire ${this.kind} "${this.name}" as it has been disposed of. Make a new one`,
    );
  }
}

function checkConnection(connection: NatsConnection, title: string): void {
  if (typeof connection?.subscribe === "function" && typeof connection.isClosed === "function") {
    return;
  }
  throw new TypeError(
    `Cannot ${title} as the first argument must be a connection to NATS: received ${
      show(connection)
    }. Pass what connect() resolves to`,
  );
}
