/**
 * How a worker asks for jobs: for as many as it has room for, the urgent ones first.
 *
 * The server keeps an order within a class of jobs, and knows none of the classes. So a class is
 * asked for what it has before the next one is; and when none has any, a request is left with each,
 * which is answered when there is something. Where two of those are answered at once, the worker
 * has more than it has room for, and keeps it for when there is some.
 *
 * @module
 */

import { createInbox, type Msg, type Subscription } from "@nats-io/nats-core";
import { outside } from "../../primitives/kernel/context.ts";
import { type Delivery, deliveryOf } from "./delivery.ts";
import { CLASSES, type JobClass } from "./layout.ts";
import type { Session } from "./session.ts";

/** What takes the jobs. */
export interface Taker {
  /** For how many more jobs there is room. */
  readonly room: number;
  /** Takes a job, whether there is room or not. */
  take(delivery: Delivery, jobClass: JobClass): void;
}

// For how long a request is left with the server, in milliseconds. It tells when that is over; if
// it does not, as it has died or the request was lost, it is asked anew so much later.
const EXPIRES = 2000;
const LATE = 500;

// After what should not happen, in milliseconds.
const PAUSE = 250;

// The codes of answers that are no jobs, and what is to be expected.
const EXPECTED = new Set([404, 408]);

/** See above. */
export class Intake {
  readonly #taker: Taker;
  readonly #requests: readonly Request[];
  #active: Request | undefined;
  #isClosed = false;

  constructor(session: Session, taker: Taker) {
    this.#taker = taker;
    this.#requests = CLASSES.map((jobClass) =>
      new Request(session, jobClass, {
        came: (request, delivery) => {
          this.#active = request;
          taker.take(delivery, jobClass);
        },
        // Others have none either at the moment: of the class that has had the last job, the next
        // ones are most likely to be.
        wait: (request) => request === this.#active ? Math.max(taker.room, 1) : 1,
        ended: () => this.refill(),
      })
    );
  }

  /** Asks for what there is room for. To be called when there is more room than before. */
  refill(): void {
    if (this.#isClosed || this.#taker.room <= 0) return;
    for (const request of this.#requests) {
      if (request.state === "waiting") continue;
      if (request.state === "idle") request.ask(this.#taker.room);
      return;
    }
  }

  /** Asks anew, as nobody knows what has become of the requests. */
  restart(): void {
    for (const request of this.#requests) request.forget();
    this.refill();
  }

  /** Asks for no more. What has been asked for may still come. */
  close(): void {
    this.#isClosed = true;
  }

  /** Takes nothing more. */
  end(): void {
    for (const request of this.#requests) request.close();
  }
}

interface Listener {
  /** A job has come. */
  came(request: Request, delivery: Delivery): void;
  /** For how many jobs the request waits of a class that has none. */
  wait(request: Request): number;
  /** What was asked for has come, or there is no more of it. */
  ended(): void;
}

/** What is asked of one class of jobs. */
class Request {
  /** "asking" for what is there, or "waiting" for what comes. */
  state: "idle" | "asking" | "waiting" = "idle";
  readonly #session: Session;
  readonly #listener: Listener;
  readonly #subject: string;
  readonly #inbox: string = createInbox();
  readonly #subscription: Subscription;
  #number = 0;
  #wanted = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(session: Session, jobClass: JobClass, listener: Listener) {
    this.#session = session;
    this.#listener = listener;
    this.#subject = `$JS.API.CONSUMER.MSG.NEXT.${session.layout.jobs}.${jobClass}`;
    this.#subscription = outside(() =>
      session.connection.subscribe(`${this.#inbox}.*`, {
        callback: (error, message) => {
          if (error === null) this.#came(message);
        },
      })
    );
  }

  /** Asks for what is there, so many at most. */
  ask(count: number): void {
    this.#send("asking", count);
  }

  /** What was asked for may never come. */
  forget(): void {
    clearTimeout(this.#timer);
    this.state = "idle";
  }

  close(): void {
    this.forget();
    if (!this.#session.connection.isClosed()) this.#subscription.unsubscribe();
  }

  #send(state: "asking" | "waiting", batch: number): void {
    const { connection } = this.#session;
    if (connection.isClosed()) return;
    this.state = state;
    this.#wanted = batch;
    const limit = state === "asking" ? { no_wait: true } : { expires: EXPIRES * 1_000_000 };
    const reply = `${this.#inbox}.${++this.#number}`;
    connection.publish(this.#subject, JSON.stringify({ batch, ...limit }), { reply });
    this.#endAfter(state === "asking" ? LATE : EXPIRES + LATE);
  }

  #came(message: Msg): void {
    const delivery = deliveryOf(this.#session.connection, message);
    if (delivery !== undefined) {
      this.#listener.came(this, delivery);
      if (--this.#wanted <= 0) this.#end();
      return;
    }
    // The end of a request, which may be one that was forgotten.
    if (message.subject !== `${this.#inbox}.${this.#number}` || this.state === "idle") return;
    const code = message.headers?.code ?? 0;
    if (this.state === "asking" && EXPECTED.has(code)) {
      this.#send("waiting", this.#listener.wait(this));
      this.#listener.ended();
    } else if (EXPECTED.has(code)) this.#end();
    else this.#endAfter(PAUSE);
  }

  #end(): void {
    this.forget();
    this.#listener.ended();
  }

  #endAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = outside(() => setTimeout(() => this.#end(), ms));
  }
}
