/**
 * The roll: who holds the permits of a lock or semaphore, and who waits for one, in order. It is one
 * value under one key, and is only ever replaced as a whole, by whoever has seen the revision that it
 * replaces. So a permit is given back and handed to the next in a single write, and no reader sees it
 * half done.
 *
 * A member is one object in one process. Its beat goes up with each of its writes: others see by it
 * that the member lives, without a look at anybody's clock.
 *
 * @module
 */

/** The format of what is stored. */
const VERSION = 1;

/** One object in one process that has tickets on the roll. */
export interface Member {
  /** Goes up with each of its writes. */
  readonly beat: number;
  /** It counts as dead when its beat has stood still for so many milliseconds. */
  readonly lease: number;
}

/** A permit that was given out. */
export interface Held {
  readonly ticket: string;
  readonly token: number;
}

/** Who holds, who waits. A ticket is `<member>.<number>`. */
export interface Roll {
  readonly permits: number;
  readonly members: Readonly<Record<string, Member>>;
  readonly holders: readonly Held[];
  readonly waiting: readonly string[];
}

/** What a member has to say for itself when it writes the next roll. */
export interface Turn {
  readonly member: string;
  readonly beat: number;
  readonly lease: number;
  readonly permits: number;
  /** The tickets that it wants to be on the roll, in the order in which they were drawn. */
  readonly wanted: readonly string[];
  /** Those among them that do not wait. */
  readonly impatient: ReadonlySet<string>;
  /** Who has been silent for too long. */
  readonly silent: ReadonlySet<string>;
}

/** The roll of a key that nobody has used. */
export function emptyRoll(permits: number): Roll {
  return { permits, members: {}, holders: [], waiting: [] };
}

/** Whether nobody holds a permit or waits for one. */
export function isUnused({ holders, waiting }: Roll): boolean {
  return holders.length === 0 && waiting.length === 0;
}

/**
 * The roll after a member's turn: the silent are struck off with all they had, the member's tickets
 * are as it wants them, and what is free has been given to the first who wait.
 *
 * @param roll The roll as it is.
 * @param revision Its revision. Whoever gets a permit now gets the next number as its token: the
 * write that says so has that revision at least, so tokens rise from write to write, for ever.
 * @param turn Whose turn it is, and what it wants.
 */
export function takeTurn(roll: Roll, revision: number, turn: Turn): Roll {
  const { member, beat, lease, permits, impatient, silent } = turn;
  const wanted = new Set(turn.wanted);
  const stays = (ticket: string) => {
    const owner = memberOf(ticket);
    return owner === member ? wanted.has(ticket) : !silent.has(owner) && owner in roll.members;
  };
  const holders = roll.holders.filter(({ ticket }) => stays(ticket));
  const waiting = roll.waiting.filter(stays);
  const known = new Set([...waiting, ...holders.map(({ ticket }) => ticket)]);
  for (const ticket of wanted) if (!known.has(ticket)) waiting.push(ticket);
  while (holders.length < permits && waiting.length > 0) {
    holders.push({ ticket: waiting.shift()!, token: revision + 1 });
  }
  const patient = waiting.filter((ticket) => !impatient.has(ticket));
  const members: Record<string, Member> = {};
  for (const ticket of [...holders.map(({ ticket }) => ticket), ...patient]) {
    const owner = memberOf(ticket);
    members[owner] ??= owner === member ? { beat, lease } : roll.members[owner];
  }
  return { permits, members, holders, waiting: patient };
}

/** Whether two rolls say the same about everybody but the beats. */
export function saysTheSame(one: Roll, other: Roll): boolean {
  return one.permits === other.permits &&
    one.holders.length === other.holders.length &&
    one.waiting.length === other.waiting.length &&
    one.holders.every(({ ticket, token }, i) =>
      ticket === other.holders[i].ticket && token === other.holders[i].token
    ) &&
    one.waiting.every((ticket, i) => ticket === other.waiting[i]);
}

/** Whose ticket it is. */
export function memberOf(ticket: string): string {
  return ticket.slice(0, ticket.indexOf("."));
}

/** As it is stored. */
export function encodeRoll(roll: Roll): string {
  return JSON.stringify({ version: VERSION, ...roll });
}

/**
 * What was stored. It comes from a server that others write to as well, so nothing is believed.
 *
 * @throws {TypeError} When it is no roll that this version can read.
 */
export function decodeRoll(text: string): Roll {
  const value = parse(text) as Partial<Roll> & { version?: unknown } | undefined;
  if (
    value === undefined || value.version !== VERSION || !isCount(value.permits, 1) ||
    !isRecord(value.members) || !Object.values(value.members).every(isMember) ||
    !Array.isArray(value.holders) || !value.holders.every(isHeld) ||
    !Array.isArray(value.waiting) || !value.waiting.every(isTicket)
  ) {
    throw new TypeError(
      "Cannot read who holds the permits as what is stored was written by something else. Give it a bucket of its own, and let all its users run the same version",
    );
  }
  const { permits, members, holders, waiting } = value as Roll;
  return { permits, members, holders, waiting };
}

function parse(text: string): Record<string, unknown> | undefined {
  try {
    const value = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

function isMember(value: unknown): value is Member {
  return isRecord(value) && isCount(value.beat, 0) &&
    typeof value.lease === "number" && value.lease > 0;
}

function isTicket(value: unknown): value is string {
  return typeof value === "string" && value.includes(".");
}

function isHeld(value: unknown): value is Held {
  return isRecord(value) && isTicket(value.ticket) && isCount(value.token, 1);
}
