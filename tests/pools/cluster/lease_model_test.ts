/**
 * Random programs over keepers whose store loses requests and answers, lets writes come through late, and is out of reach
 * now and then: never do more hold a permit than there are, and at the end nothing is left.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { sleep } from "../../../mod.ts";
import { LeaseKeeper, type RollStore, type Stored } from "../../../pools/cluster/lease_keeper.ts";
import { emptyRoll, isUnused, type Roll } from "../../../pools/cluster/lease_roll.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";

const LEASE = 1000;
const TIMEOUT = LEASE / 4;

class LostRequest extends Error {}

/** The server. */
class Server {
  stored: Stored = { roll: emptyRoll(1), revision: 1 };
  /** What a server answers that was the leader, and has not heard yet that it is no more. */
  before: Stored = this.stored;
  readonly links: Link[] = [];
  #lastToken = 0;

  write(roll: Roll, revision: number): number | null {
    if (revision !== this.stored.revision) return null;
    const before = new Set(this.stored.roll.holders.map(({ ticket }) => ticket));
    const granted = roll.holders.filter(({ ticket }) => !before.has(ticket));
    for (const { token } of granted) {
      assert(token > this.#lastToken, `token ${token} after ${this.#lastToken}`);
    }
    this.#lastToken = Math.max(this.#lastToken, ...granted.map(({ token }) => token));
    this.before = this.stored;
    this.stored = { roll, revision: revision + 1 };
    for (const link of this.links) link.tell(this.stored);
    return this.stored.revision;
  }
}

/** The way of one member to the server. */
class Link implements RollStore {
  isClosed = false;
  isCut = false;
  readonly #server: Server;
  readonly #random: () => number;
  badness: number;
  readonly #listeners = new Set<(stored: Stored) => void>();

  constructor(server: Server, random: () => number, badness: number) {
    this.#server = server;
    this.#random = random;
    this.badness = badness;
    server.links.push(this);
  }

  isPassing(error: unknown): boolean {
    return error instanceof LostRequest;
  }

  async read(): Promise<Stored> {
    await this.#travel();
    const stored = this.#isBad() ? this.#server.before : this.#server.stored;
    await this.#travel();
    return stored;
  }

  async write(roll: Roll, revision: number): Promise<number | null> {
    if (this.#isBad()) {
      // It comes through when nobody reckons with it any more.
      this.#later(this.#random() * 2 * LEASE, () => this.#server.write(roll, revision));
      await this.#lose();
    }
    await this.#travel();
    const written = this.#server.write(roll, revision);
    await this.#travel();
    return written;
  }

  listen(heard: (stored: Stored) => void): () => void {
    this.#listeners.add(heard);
    return () => this.#listeners.delete(heard);
  }

  tell(stored: Stored): void {
    if (this.isCut || this.#isBad()) return;
    this.#later(this.#random() * (this.#isBad() ? LEASE : 5), () => {
      for (const heard of this.#listeners) heard(stored);
    });
  }

  async #travel(): Promise<void> {
    if (this.isCut || this.#isBad()) await this.#lose();
    await sleep(this.#random() * 5);
  }

  async #lose(): Promise<never> {
    await sleep(TIMEOUT);
    throw new LostRequest();
  }

  async #later(ms: number, fn: () => void): Promise<void> {
    await sleep(ms);
    fn();
  }

  #isBad(): boolean {
    return this.#random() < this.badness;
  }
}

/** Somebody with a ticket. */
interface Player {
  state: "waiting" | "holding" | "refused" | "lost" | "gone";
  leave(): void;
}

class Play {
  readonly server = new Server();
  readonly links: Link[];
  readonly keepers: LeaseKeeper[];
  readonly players: Player[] = [];
  isTroubled: boolean;
  readonly #permits: number;
  readonly #problems: string[] = [];

  constructor(permits: number, members: number, random: () => number, badness: number) {
    this.isTroubled = badness > 0;
    this.#permits = permits;
    this.links = Array.from({ length: members }, () => new Link(this.server, random, badness));
    this.keepers = this.links.map((link) =>
      new LeaseKeeper(link, { title: "it", permits, lease: LEASE })
    );
  }

  get holding(): Player[] {
    return this.players.filter(({ state }) => state === "holding");
  }

  enter(member: number, waits: boolean): void {
    const keeper = this.keepers[member];
    const player: Player = {
      state: "waiting",
      leave: () => {
        if (player.state !== "waiting" && player.state !== "holding") return;
        player.state = "gone";
        keeper.drop(ticket);
      },
    };
    const ticket = keeper.draw({
      granted: () => {
        this.#check(player.state === "waiting", `granted when ${player.state}`);
        player.state = "holding";
        this.#check(this.holding.length <= this.#permits, `${this.holding.length} hold a permit`);
      },
      refused: () => {
        this.#check(!waits, "it was refused though it waits");
        player.state = "refused";
      },
      failed: (error) => this.#check(false, `failed: ${error}`),
      lost: () => {
        this.#check(player.state === "holding", `lost when ${player.state}`);
        this.#check(this.isTroubled, "it was lost for nothing");
        player.state = "lost";
      },
    }, waits);
    this.players.push(player);
  }

  // What is thrown to a keeper would be nobody's.
  #check(isRight: boolean, problem: string): void {
    if (!isRight) this.#problems.push(problem);
  }

  /** When all is well again, everybody who waits gets a permit, and nothing is left in the end. */
  async end(): Promise<void> {
    for (const link of this.links) {
      link.isCut = false;
      link.badness = 0;
    }
    for (let rounds = 0; this.players.some(({ state }) => state === "waiting"); rounds++) {
      assert(rounds < 500, "somebody waits for ever");
      for (const player of this.holding) player.leave();
      await sleep(LEASE / 2);
    }
    for (const player of this.players) player.leave();
    await Promise.all(this.keepers.map((keeper) => keeper.settled()));
    await sleep(4 * LEASE); // What is under way comes through.
    assertEquals(this.#problems, []);
    assert(isUnused(this.server.stored.roll), JSON.stringify(this.server.stored));
  }
}

type Step =
  | { do: "enter" | "cut" | "mend"; member: number }
  | { do: "try"; member: number }
  | { do: "leave"; player: number }
  | { do: "advance"; ms: number };

const member = fc.nat(2);
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("enter"), member }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("try"), member }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("leave"), player: fc.nat(5) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("cut", "mend"), member }) },
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("advance"), ms: fc.constantFrom(1, 7, 100, 600, 1500) }),
  },
) as fc.Arbitrary<Step>;

async function run(
  steps: readonly Step[],
  { permits, badness, seed }: { permits: number; badness: number; seed: number },
): Promise<void> {
  await withVirtualTime(async () => {
    const play = new Play(permits, 3, randomFrom(seed), badness);
    for (const step of steps) {
      if (step.do === "enter" || step.do === "try") play.enter(step.member, step.do === "enter");
      if (step.do === "leave") play.players.at(-1 - step.player)?.leave();
      if (step.do === "cut" || step.do === "mend") {
        play.links[step.member].isCut = step.do === "cut";
        play.isTroubled = true;
      }
      await sleep(step.do === "advance" ? step.ms : 0);
    }
    await play.end();
  });
}

/** Numbers from 0 to 1, always the same: mulberry32. */
function randomFrom(seed: number): () => number {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

Deno.test("never do more hold a permit than there are, whatever gets lost, and nothing is left", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.record({
        permits: fc.integer({ min: 1, max: 2 }),
        badness: fc.constantFrom(0, 0.05, 0.3),
        seed: fc.nat(),
      }),
      run,
    ),
    { numRuns: Number(Deno.env.get("RUNS") ?? 60) },
  );
});
