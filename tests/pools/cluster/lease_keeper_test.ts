import { assertEquals } from "@std/assert";
import { sleep } from "../../../mod.ts";
import { LeaseKeeper, type RollStore, type Stored } from "../../../pools/cluster/lease_keeper.ts";
import { emptyRoll, type Roll, takeTurn } from "../../../pools/cluster/lease_roll.ts";
import { withVirtualTime } from "../../../primitives/testing/mod.ts";

const LEASE = 1000;

class Lost extends Error {}

/** A store that does what the test says. */
class Store implements RollStore {
  readonly isClosed = false;
  stored: Stored;
  /** Called before each of them. */
  beforeRead: () => Promise<Stored | void> | void = () => {};
  beforeWrite: (roll: Roll, revision: number) => void = () => {};
  heard: (stored: Stored) => void = () => {};

  constructor(permits: number) {
    this.stored = { roll: emptyRoll(permits), revision: 1 };
  }

  isPassing(error: unknown): boolean {
    return error instanceof Lost;
  }

  async read(): Promise<Stored> {
    return await this.beforeRead() ?? this.stored;
  }

  async write(roll: Roll, revision: number): Promise<number | null> {
    await sleep(1);
    this.beforeWrite(roll, revision);
    return this.replace(roll, revision);
  }

  replace(roll: Roll, revision: number): number | null {
    if (revision !== this.stored.revision) return null;
    this.stored = { roll, revision: revision + 1 };
    return this.stored.revision;
  }

  /** What another member does, which nobody is told of. */
  other(...wanted: string[]): Stored {
    return this.otherFor(100 * LEASE, ...wanted);
  }

  otherFor(lease: number, ...wanted: string[]): Stored {
    const { roll, revision } = this.stored;
    const beat = (roll.members.other?.beat ?? 0) + 1;
    const turn = { member: "other", beat, lease, permits: roll.permits, wanted };
    this.replace(
      takeTurn(roll, revision, { ...turn, impatient: new Set(), silent: new Set() }),
      revision,
    );
    return this.stored;
  }

  listen(heard: (stored: Stored) => void): () => void {
    this.heard = heard;
    return () => {};
  }
}

/** Draws a ticket, and notes what becomes of it. */
function drawFrom(keeper: LeaseKeeper, waits = true) {
  const notes: string[] = [];
  const ticket = keeper.draw({
    granted: () => notes.push("granted"),
    refused: () => notes.push("refused"),
    failed: () => notes.push("failed"),
    lost: () => notes.push("lost"),
  }, waits);
  return { notes, drop: () => keeper.drop(ticket) };
}

function keeperTest(
  name: string,
  fn: (store: Store, keeper: LeaseKeeper) => Promise<void>,
  permits = 1,
): void {
  Deno.test(name, () =>
    withVirtualTime(async () => {
      const store = new Store(permits);
      const keeper = new LeaseKeeper(store, { title: "it", permits, lease: LEASE });
      await fn(store, keeper);
      await keeper.settled();
    }));
}

keeperTest(
  "a lease is renewed for as long as it is held, and not longer",
  async (store, keeper) => {
    const { notes, drop } = drawFrom(keeper);
    await sleep(10.5 * LEASE);
    assertEquals(notes, ["granted"]);
    assertEquals(store.stored.roll.holders.length, 1);
    drop();
    await keeper.settled();
    const { revision } = store.stored;
    await sleep(10 * LEASE);
    assertEquals([store.stored.revision, store.stored.roll.members], [revision, {}]);
  },
);

keeperTest(
  "a write that may still come through is ruled out by another one",
  async (store, keeper) => {
    let late: [Roll, number] | undefined;
    store.beforeWrite = (roll, revision) => {
      store.beforeWrite = () => {};
      late = [roll, revision];
      throw new Lost();
    };
    const { drop } = drawFrom(keeper);
    await sleep(2);
    drop();
    await keeper.settled();
    assertEquals(store.replace(...late!), null);
  },
);

keeperTest(
  "a server that answers with less than is known is asked again",
  async (store, keeper) => {
    const before = store.stored;
    const { notes, drop } = drawFrom(keeper);
    await sleep(10);
    store.other("other.1");
    store.beforeRead = () => {
      store.beforeRead = () => {};
      return Promise.resolve(before);
    };
    await sleep(LEASE);
    assertEquals(notes, ["granted"]);
    drop();
  },
);

keeperTest("who is struck off hears of it with the next news", async (store, keeper) => {
  const { notes } = drawFrom(keeper);
  await sleep(10);
  const { revision } = store.stored;
  store.replace(emptyRoll(1), revision);
  store.heard(store.stored);
  await sleep(10);
  assertEquals(notes, ["granted", "lost"]);
});

keeperTest(
  "a lease that cannot be renewed ends before others may take its place",
  async (store, keeper) => {
    const { notes } = drawFrom(keeper);
    await sleep(10);
    store.beforeWrite = () => {
      throw new Lost();
    };
    await sleep(0.85 * LEASE);
    assertEquals(notes, ["granted"]);
    await sleep(0.1 * LEASE);
    assertEquals(notes, ["granted", "lost"]);
    store.beforeWrite = () => {};
  },
);

keeperTest(
  "who does not wait gets an answer that is not older than the question",
  async (store, keeper) => {
    store.other("other.1");
    const first = drawFrom(keeper, false);
    await sleep(10);
    store.other();
    const second = drawFrom(keeper, false);
    await sleep(10);
    assertEquals([first.notes, second.notes], [["refused"], ["granted"]]);
    second.drop();
  },
);

keeperTest(
  "a permit that comes when the own beat is out of date counts after the next",
  async (store, keeper) => {
    store.other("other.1");
    const { notes, drop } = drawFrom(keeper);
    await sleep(10);
    store.beforeWrite = () => {
      throw new Lost();
    };
    await sleep(LEASE);
    store.heard(store.other());
    await sleep(LEASE);
    assertEquals([notes, store.stored.roll.holders.length], [[], 1]);
    store.beforeWrite = () => {};
    await sleep(LEASE);
    assertEquals(notes, ["granted"]);
    drop();
  },
);

keeperTest("news that is older than what was read is not believed", async (store, keeper) => {
  store.other("other.1");
  const { notes, drop } = drawFrom(keeper);
  await sleep(10);
  const news = store.other("other.1");
  store.other();
  store.beforeRead = async () => {
    store.beforeRead = () => {};
    store.heard(news);
    await sleep(5);
  };
  await sleep(LEASE / 2);
  assertEquals(notes, ["granted"]);
  drop();
});

keeperTest("a beat that another write came before is still due", async (store, keeper) => {
  const { notes, drop } = drawFrom(keeper);
  await sleep(10);
  store.beforeWrite = () => {
    store.beforeWrite = () => {};
    store.other("other.1");
  };
  const { beat } = Object.values(store.stored.roll.members)[0];
  await sleep(0.4 * LEASE);
  assertEquals(Object.values(store.stored.roll.members)[0].beat, beat + 2);
  assertEquals(notes, ["granted"]);
  drop();
});

keeperTest(
  "giving back ends when the lease has run out, if the server is out of reach",
  async (store, keeper) => {
    const { drop } = drawFrom(keeper);
    await sleep(10);
    store.beforeWrite = () => {
      throw new Lost();
    };
    drop();
    let settled = false;
    keeper.settled().then(() => settled = true);
    await sleep(0.5 * LEASE);
    assertEquals(settled, false);
    await sleep(LEASE);
    assertEquals([settled, store.stored.roll.holders.length], [true, 1]);
    store.beforeWrite = () => {};
    await sleep(LEASE);
    assertEquals(store.stored.roll.holders.length, 0);
  },
);

keeperTest(
  "who has been silent for a lease of its own is struck off, and not sooner",
  async (store, keeper) => {
    store.otherFor(2 * LEASE, "other.1");
    const { notes, drop } = drawFrom(keeper);
    await sleep(1.9 * LEASE);
    assertEquals(notes, []);
    await sleep(0.2 * LEASE);
    assertEquals(notes, ["granted"]);
    drop();
  },
);

keeperTest("nobody is struck off for nothing", async (store, keeper) => {
  const { drop } = drawFrom(keeper);
  await sleep(10);
  store.otherFor(LEASE, "other.1");
  await sleep(5 * LEASE);
  assertEquals(store.stored.roll.waiting, ["other.1"]);
  drop();
});

keeperTest(
  "who asks while the store is being read is answered by a later look",
  async (store, keeper) => {
    store.other("other.1");
    let second: ReturnType<typeof drawFrom>;
    store.beforeRead = async () => {
      store.beforeRead = () => {};
      const before = store.stored;
      second = drawFrom(keeper, false);
      store.other();
      await sleep(5);
      return before;
    };
    const first = drawFrom(keeper, false);
    await sleep(20);
    assertEquals([first.notes, second!.notes], [["granted"], ["refused"]]);
    first.drop();
  },
);

keeperTest("who does not wait is not answered by news", async (store, keeper) => {
  const first = drawFrom(keeper);
  store.other("other.1");
  await sleep(10);
  const news = store.other("other.1");
  store.other();
  store.heard(news);
  const second = drawFrom(keeper, false);
  await sleep(10);
  assertEquals([first.notes, second.notes], [["granted"], ["granted"]]);
  first.drop();
  second.drop();
}, 2);

keeperTest(
  "of two pieces of news the later counts, in whatever order they come",
  async (store, keeper) => {
    store.other("other.1");
    const { notes, drop } = drawFrom(keeper);
    await sleep(10);
    const older = store.other("other.1");
    const newer = store.other();
    store.heard(newer);
    store.heard(older);
    await sleep(10);
    assertEquals(notes, ["granted"]);
    drop();
  },
);

keeperTest("a store that was made anew is used as it is", async (store, keeper) => {
  const first = drawFrom(keeper);
  await sleep(10);
  first.drop();
  await keeper.settled();
  store.stored = { roll: emptyRoll(1), revision: 1 };
  const { notes, drop } = drawFrom(keeper);
  await sleep(10);
  assertEquals(notes, ["granted"]);
  drop();
});
