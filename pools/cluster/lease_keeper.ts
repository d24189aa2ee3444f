/**
 * Keeps what is stored about one object's tickets the way the object wants it: draws them, gives them
 * back, renews them, and strikes off members that have died. It does so from the state it finds, again
 * and again, and not by a message for each step: a write of which nobody knows whether it came through
 * is simply followed by another look.
 *
 * Time is never compared between machines. A member counts as dead for this one when its beat has
 * stood still for a lease on this one's clock; since the beat is in the value that the write replaces,
 * a member that has beaten meanwhile cannot be struck off. And a member gives up by itself a tenth
 * sooner, counted from when it sent its last beat, so before anybody else may take its place. That
 * tenth is for clocks that do not run at the same speed.
 *
 * Nothing runs while the object has no tickets.
 *
 * @module
 */

import { currentClock } from "../../primitives/kernel/clock.ts";
import { outside } from "../../primitives/kernel/context.ts";
import { ClosedError, textOf } from "../../primitives/kernel/errors.ts";
import { Alarm } from "../../primitives/kernel/timers.ts";
import { isUnused, type Roll, saysTheSame, takeTurn } from "./lease_roll.ts";

/** A roll, and which revision of it. */
export interface Stored {
  readonly roll: Roll;
  readonly revision: number;
}

/** Where the roll is kept. */
export interface RollStore {
  /** Whether nothing will come of it any more. */
  readonly isClosed: boolean;
  /** Whether it is worth trying again after an error. */
  isPassing(error: unknown): boolean;
  /** The roll as it is; an empty one where there was none. */
  read(permits: number): Promise<Stored>;
  /** Replaces a revision. Gives the new one, `null` when it was not the last any more. */
  write(roll: Roll, revision: number): Promise<number | null>;
  /**
   * Calls back with what is stored from now on, as far as it gets here, and when nothing more will
   * come. Returns what ends it.
   */
  listen(heard: (stored: Stored) => void, closed: () => void): () => void;
}

/** A server has answered with less than is known: it was the leader once, and has not heard yet. */
class StaleRead extends Error {}

/** Who drew a ticket, and is to hear what became of it. */
export interface Bearer {
  /** It holds a permit from now on. */
  granted(token: number): void;
  /** It does not wait, and there was no permit. */
  refused(): void;
  /** It will not get one. */
  failed(error: unknown): void;
  /** It had one, which has ended. */
  lost(why: string, cause?: unknown): void;
}

/** What is wanted of the store. */
export interface Ticket {
  readonly id: string;
  readonly bearer: Bearer;
  readonly waits: boolean;
  holds: boolean;
}

/** What a keeper is told once. */
export interface KeeperOptions {
  readonly title: string;
  readonly permits: number;
  readonly lease: number;
}

/** So much of a lease its holder relies on. */
const RELIED_ON = 0.9;
/** So often a lease is renewed before it would end. */
const BEATS_A_LEASE = 4;
const FIRST_PAUSE = 20;
const LONGEST_PAUSE = 500;

/** Looks after the tickets of one object. */
export class LeaseKeeper {
  readonly #store: RollStore;
  readonly #options: KeeperOptions;
  readonly #member = crypto.randomUUID().replaceAll("-", "").slice(0, 20);
  readonly #tickets = new Map<string, Ticket>();
  readonly #heard = new Map<string, { beat: number; at: number }>();
  readonly #unsettled = new Set<() => void>();
  #drawn = 0;
  #beat = 0;
  #beatAt = -Infinity;
  #claimedAt = -Infinity;
  #known: Stored | undefined;
  #news: Stored | undefined;
  // What has been seen is not to be unseen: a message may be late, and so may a server.
  #seen = 0;
  #mustRead = false;
  // A write that may still come through; only a later one rules that out.
  #isUnsure = false;
  #isRunning = false;
  #isPoked = false;
  #resume: (() => void) | undefined;
  #expiry: Alarm | undefined;

  constructor(store: RollStore, options: KeeperOptions) {
    this.#store = store;
    this.#options = options;
  }

  /** Until when what is held is held without a further beat. */
  get heldUntil(): number {
    return this.#beatAt + RELIED_ON * this.#options.lease;
  }

  /** Draws a ticket. One that does not wait is refused when no permit is free. */
  draw(bearer: Bearer, waits: boolean): Ticket {
    const ticket = { id: `${this.#member}.${++this.#drawn}`, bearer, waits, holds: false };
    this.#tickets.set(ticket.id, ticket);
    // The answer is not to be older than the question.
    if (!waits) this.#mustRead = true;
    this.#poke();
    return ticket;
  }

  /** Gives a ticket back, whether it holds a permit or waits for one. */
  drop({ id }: Ticket): void {
    if (this.#tickets.delete(id)) this.#poke();
  }

  /** Resolves once the store is as it is wanted, or what is too much in it has run out. */
  settled(): Promise<void> {
    if (!this.#isRunning) return Promise.resolve();
    return new Promise((resolve) => {
      this.#unsettled.add(resolve);
      this.#poke();
    });
  }

  #poke(): void {
    this.#isPoked = true;
    this.#resume?.();
    if (this.#isRunning) return;
    this.#isRunning = true;
    // In nobody's scope: it serves all who use the object.
    outside(() => this.#run());
  }

  async #run(): Promise<void> {
    const stopListening = this.#listen();
    let pause = FIRST_PAUSE;
    // With nothing in hand it still goes on until the store says so too.
    for (let isSettled = false; this.#tickets.size > 0 || this.#isPoked || !isSettled;) {
      this.#isPoked = false;
      const unsettled = [...this.#unsettled];
      let due: number;
      try {
        await this.#sync();
        isSettled = true;
        pause = FIRST_PAUSE;
        due = this.#nextDue();
        this.#tellSettled(unsettled);
      } catch (error) {
        this.#known = undefined;
        isSettled = !(error instanceof StaleRead) && !this.#store.isPassing(error);
        if (isSettled) this.#fail(error);
        // What it cannot take back runs out by itself, as nobody renews it.
        const now = currentClock().now();
        if (now >= this.#claimedAt + this.#options.lease) this.#tellSettled(unsettled);
        due = now + pause;
        pause = Math.min(2 * pause, LONGEST_PAUSE);
      }
      if (!this.#isPoked && (this.#tickets.size > 0 || !isSettled)) await this.#pause(due);
    }
    stopListening();
    this.#expiry?.lift();
    this.#expiry = this.#news = undefined;
    this.#seen = 0; // The bucket may be made anew before it runs again.
    this.#isRunning = this.#isUnsure = false;
  }

  #listen(): () => void {
    try {
      return this.#store.listen((stored) => {
        if (stored.revision <= Math.max(this.#seen, this.#news?.revision ?? 0)) return;
        this.#news = stored;
        this.#poke();
      }, () => this.#poke());
    } catch {
      return () => {}; // It is closed, as the next step will find as well.
    }
  }

  /** Brings about in the store what is wanted. */
  async #sync(): Promise<void> {
    for (let conflicts = 0;; conflicts++) {
      if (this.#store.isClosed) throw this.#closed();
      const { roll, revision } = await this.#look();
      this.#observe(roll);
      this.#compare(roll);
      const next = this.#next(roll, revision);
      if (saysTheSame(roll, next) && !this.#isUnsure && !this.#isBeatDue(roll)) {
        this.#refuse();
        return;
      }
      const sent = currentClock().now();
      this.#beat++;
      if (this.#member in next.members) this.#claimedAt = sent;
      this.#isUnsure = true;
      const written = await this.#store.write(next, revision);
      this.#isUnsure = false;
      if (written !== null) {
        this.#know({ roll: next, revision: written });
        // Not when it was sent in vain: a beat that another write came before is still due.
        this.#beatAt = sent;
        this.#guard();
        continue;
      }
      this.#known = undefined;
      if (conflicts > 2) await this.#pause(sent + Math.random() * Math.min(2 ** conflicts, 50));
    }
  }

  /** What is stored, as far as is known. */
  async #look(): Promise<Stored> {
    if (this.#mustRead) this.#known = this.#news = undefined;
    if (this.#news !== undefined && this.#news.revision > this.#seen) this.#know(this.#news);
    this.#news = undefined;
    if (this.#known === undefined) {
      this.#mustRead = false;
      const stored = await this.#store.read(this.#options.permits);
      if (stored.revision < this.#seen) throw new StaleRead();
      this.#know(stored);
    }
    return this.#known!;
  }

  #know(stored: Stored): void {
    this.#known = stored;
    this.#seen = stored.revision;
  }

  #next(roll: Roll, revision: number): Roll {
    const { permits, lease, title } = this.#options;
    if (roll.permits !== permits && !isUnused(roll)) {
      throw new RangeError(
        `Cannot acquire ${title} as its users do not agree on the number of permits: ${permits} here, ${roll.permits} where it is in use. Give all the same number`,
      );
    }
    const tickets = [...this.#tickets.values()];
    return takeTurn(roll, revision, {
      member: this.#member,
      beat: this.#beat + 1,
      lease,
      permits,
      wanted: tickets.map(({ id }) => id),
      impatient: new Set(tickets.filter(({ waits }) => !waits).map(({ id }) => id)),
      silent: this.#silent(roll),
    });
  }

  /** Notes when it saw the beat of each of the others for the first time. */
  #observe({ members }: Roll): void {
    const now = currentClock().now();
    for (const member of this.#heard.keys()) if (!(member in members)) this.#heard.delete(member);
    for (const [member, { beat }] of Object.entries(members)) {
      if (this.#heard.get(member)?.beat !== beat) this.#heard.set(member, { beat, at: now });
    }
  }

  /** Tells those whose tickets have got a permit, or lost it. */
  #compare({ holders }: Roll): void {
    const tokens = new Map(holders.map(({ ticket, token }) => [ticket, token]));
    for (const ticket of [...this.#tickets.values()]) {
      const token = tokens.get(ticket.id);
      if (ticket.holds) {
        if (token === undefined) this.#lose(ticket, "it was not renewed in time");
      } else if (token !== undefined && currentClock().now() < this.heldUntil) {
        ticket.holds = true;
        ticket.bearer.granted(token);
      }
    }
    this.#guard();
  }

  #refuse(): void {
    for (const ticket of [...this.#tickets.values()]) {
      // One that was drawn meanwhile has its answer coming.
      if (ticket.waits || ticket.holds || this.#mustRead) continue;
      this.#tickets.delete(ticket.id);
      ticket.bearer.refused();
    }
  }

  #lose(ticket: Ticket, why: string, cause?: unknown): void {
    this.#tickets.delete(ticket.id);
    ticket.bearer.lost(why, cause);
  }

  /** Sets the alarm that ends what is held, should no beat come through. */
  #guard(): void {
    this.#expiry?.lift();
    this.#expiry = undefined;
    if (![...this.#tickets.values()].some(({ holds }) => holds)) return;
    this.#expiry = new Alarm(this.heldUntil, () => {
      for (const ticket of [...this.#tickets.values()]) {
        if (ticket.holds) this.#lose(ticket, "it was not renewed in time");
      }
      this.#poke();
    });
  }

  #isBeatDue({ members }: Roll): boolean {
    return this.#member in members && currentClock().now() >= this.#nextBeat;
  }

  get #nextBeat(): number {
    return this.#beatAt + this.#options.lease / BEATS_A_LEASE;
  }

  /** Who has been silent for too long, if that matters: nobody is struck off for nothing. */
  #silent({ members }: Roll): ReadonlySet<string> {
    const now = currentClock().now();
    const silent = new Set<string>();
    if (!this.#isWaiting) return silent;
    for (const [member, { at }] of this.#heard) {
      if (member !== this.#member && now >= at + members[member].lease) silent.add(member);
    }
    return silent;
  }

  get #isWaiting(): boolean {
    return [...this.#tickets.values()].some(({ holds }) => !holds);
  }

  #nextDue(): number {
    const { members } = this.#known!.roll;
    let due = this.#member in members ? this.#nextBeat : Infinity;
    if (!this.#isWaiting) return due;
    for (const [member, { at }] of this.#heard) {
      if (member !== this.#member && member in members) {
        due = Math.min(due, at + members[member].lease);
      }
    }
    return due;
  }

  async #pause(due: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const alarm = new Alarm(due, resolve);
    this.#resume = resolve;
    await promise;
    this.#resume = undefined;
    alarm.lift();
  }

  #tellSettled(those: Iterable<() => void>): void {
    for (const resolve of those) {
      this.#unsettled.delete(resolve);
      resolve();
    }
  }

  /** Nothing will come of it: tells everybody so. */
  #fail(error: unknown): void {
    const why = this.#store.isClosed ? this.#closed() : this.#explained(error);
    const tickets = [...this.#tickets.values()];
    this.#tickets.clear();
    this.#isUnsure = false;
    for (const { holds, bearer } of tickets) {
      if (holds) bearer.lost("it cannot be renewed any more", why);
      else bearer.failed(why);
    }
    this.#tellSettled(this.#unsettled);
  }

  #explained(error: unknown): unknown {
    // What is wrong with the roll says so itself; the server has no idea what it was asked for.
    if (error instanceof TypeError || error instanceof RangeError) return error;
    return new Error(
      `Cannot acquire ${this.#options.title} as the server refuses it: ${
        textOf(error)
      }. It needs JetStream (nats-server -js), and permission to make and use the bucket`,
      { cause: error },
    );
  }

  #closed(): ClosedError {
    return new ClosedError(
      `Cannot acquire ${this.#options.title} as the connection is closed. Open a new one; 'maxReconnectAttempts: -1' keeps one from giving up`,
    );
  }
}
