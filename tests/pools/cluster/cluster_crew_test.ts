/**
 * What a pool makes of what it hears between a question to the server and the answer: nothing here
 * is quick or slow, as the test gives each answer.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { Cancelled, type Future } from "../../../mod.ts";
import { ClusterCrew } from "../../../pools/cluster/cluster_crew.ts";
import { keyedId, Layout } from "../../../pools/cluster/layout.ts";
import { write } from "../../../pools/cluster/messages.ts";
import { ModuleList } from "../../../pools/cluster/modules.ts";
import { packValues } from "../../../pools/cluster/packing.ts";
import type { Session } from "../../../pools/cluster/session.ts";
import * as jobs from "./jobs.ts";
import { modules } from "./modules.ts";

const KEY = "k";
const ID = keyedId(KEY, "test");
const THERE = { seq: 0, refused: { code: 10077, text: "maximum messages per subject exceeded" } };

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

/** A server that answers as it is told to, and notes what it is asked and told. */
class FakeSession {
  readonly log: string[] = [];
  readonly layout = new Layout("default", "test");
  largest = 100_000;
  /** By which the server knows the last message again that was to be stored. */
  lastId: string | undefined;
  readonly connection = { closed: () => new Promise(() => {}), isClosed: () => false };
  readonly patience = { ask: (question: () => unknown) => question() };
  readonly outbox = {
    store: ({ subject, id }: { subject: string; id?: string }) => {
      this.lastId = id;
      return this.#ask(nameOf(subject));
    },
  };
  readonly inputs = {
    put: () => Promise.resolve(),
    delete: () => Promise.resolve(this.log.push("forget the arguments")),
  };
  readonly manager = {
    streams: {
      deleteMessage: (_stream: string, seq: number) => this.#ask(`take out ${seq}`),
      getMessage: () => this.#ask("whose job?"),
      purge: () => Promise.resolve(),
    },
  };
  readonly #asked: { what: string; resolve(value: unknown): void; reject(error: Error): void }[] =
    [];
  readonly #heard: [string, (data: Uint8Array, subject: string) => void][] = [];

  resultOf = () => this.#ask("any result?");
  idsIn = () => this.#ask("which are there?");
  /** The connection was lost, and is there again. */
  reconnected = () => {};
  onReconnected = ({ ready }: { ready: () => void }) => this.reconnected = ready;
  takeLeave = () => Promise.resolve();
  close = () => Promise.resolve();

  tell(subject: string): void {
    this.log.push(`tell ${nameOf(subject)}`);
  }

  hear(subject: string, take: (data: Uint8Array, subject: string) => void) {
    this.#heard.push([subject, take]);
    return { close: () => {} };
  }

  /** Says of the job of the key what a worker says. */
  says(kind: "event" | "result", message: object): void {
    const subject = `grove.default.${kind}.${ID}`;
    const data = write({ worker: "w", run: "r", ...message } as Parameters<typeof write>[0]);
    for (const [heard, take] of this.#heard) if (heard === subject) take(data, subject);
  }

  /** Answers what was asked first, which must be this; with an error it does not. */
  async answer(what: string, answer: unknown): Promise<void> {
    await turn();
    assertEquals(this.open[0], what);
    const { resolve, reject } = this.#asked.shift()!;
    if (answer instanceof Error) reject(answer);
    else resolve(answer);
    await turn();
  }

  /** What has been asked and not answered. */
  get open(): string[] {
    return this.#asked.map(({ what }) => what);
  }

  #ask(what: string): Promise<unknown> {
    this.log.push(what);
    return new Promise((resolve, reject) => this.#asked.push({ what, resolve, reject }));
  }
}

/** A message as the server gives it. */
function stored(seq: number, id: string | undefined) {
  return { seq, header: new Map([["Nats-Msg-Id", id]]) };
}

/** `job` or `result`, or what else it is that has such a subject. */
function nameOf(subject: string): string {
  return subject.split(".")[2];
}

function setUp({ grace = 600_000 } = {}) {
  const session = new FakeSession();
  const options = { window: 100, grace };
  const list = new ModuleList(modules, "test");
  const crew = new ClusterCrew(session as unknown as Session, list, options);
  const submit = (argument: unknown = 1): Future<unknown> =>
    crew.handIn({ key: KEY } as object, jobs.same, [argument], false).future;
  /** Hands a job in until it is stored, under the number 7, and has no result yet. */
  const submitStored = async (argument?: unknown): Promise<{ future: Future<unknown> }> => {
    const future = submit(argument);
    await session.answer("any result?", undefined);
    await session.answer("job", { seq: 7 });
    await session.answer("any result?", undefined);
    return { future }; // Not the future itself: to await that is to wait for its end.
  };
  return { session, crew, submit, submitStored };
}

const started = { type: "started" };
const cancelled = { end: "cancelled", deliveries: 1 };
const succeeded = { end: "succeeded", deliveries: 1, value: packValues([1], String) };

Deno.test("P12: a job of a key that ends while it is asked for its result is not handed in", async () => {
  const { session, crew, submit } = setUp();
  const future = submit();
  session.says("result", cancelled);
  assert(await future.error() instanceof Cancelled);
  await session.answer("any result?", undefined);
  assertEquals(session.open, []);
  await crew.shutdown({});
});

Deno.test("P12: a job of a key that ends while it is handed in is taken out, before the next one", async () => {
  const { session, crew, submit } = setUp();
  const first = submit();
  await session.answer("any result?", undefined);
  session.says("result", cancelled);
  assert(await first.error() instanceof Cancelled);
  const next = submit();
  assertEquals(session.open, ["job"]);
  await session.answer("job", { seq: 7 });
  await session.answer("take out 7", true);
  await session.answer("result", { seq: 0 });
  // Now it is the turn of the next one.
  await session.answer("any result?", undefined);
  await session.answer("job", { seq: 8 });
  session.says("result", succeeded);
  assertEquals(await next, 1);
  await session.answer("any result?", undefined);
  await crew.shutdown({});
});

Deno.test("P12: who is cancelled before it knows whose job it is leaves that of another alone", async () => {
  const { session, crew, submit } = setUp();
  const guest = submit();
  await session.answer("any result?", undefined);
  session.says("event", started);
  guest.cancel();
  assert(!guest.done);
  await session.answer("job", THERE);
  await session.answer("whose job?", stored(4, "another's"));
  assert(await guest.error() instanceof Cancelled);
  assertEquals(session.open, []);
  assert(!session.log.includes("tell cancel"));
  await crew.shutdown({});
});

Deno.test("P12: who comes to a key that another has used waits on, though one before it here is cancelled", async () => {
  const { session, crew, submit } = setUp();
  const first = submit();
  await session.answer("any result?", undefined);
  session.says("event", started);
  first.cancel();
  const second = submit();
  await session.answer("job", THERE);
  await session.answer("whose job?", stored(4, "another's"));
  assert(await first.error() instanceof Cancelled);
  assert(!second.done);
  // The result may have come while nobody knew whose it would be.
  await session.answer("any result?", undefined);
  session.says("result", succeeded);
  assertEquals(await second, 1);
  await crew.shutdown({});
});

Deno.test("P12: who waits for another's job that is gone hears that it was cancelled, though its worker goes on", async () => {
  const { session, crew, submit } = setUp();
  const guest = submit();
  await session.answer("any result?", undefined);
  await session.answer("job", THERE);
  await session.answer("whose job?", stored(4, "another's"));
  await session.answer("any result?", undefined);
  await turn();
  session.reconnected();
  await session.answer("which are there?", new Set());
  await session.answer("which are there?", new Set());
  assert(await guest.error() instanceof Cancelled);
  await crew.shutdown({});
});

Deno.test("P12: a job that is cancelled ends when its worker has given it back", async () => {
  const { session, crew, submit } = setUp();
  const future = submit();
  await session.answer("any result?", undefined);
  session.says("event", started);
  assert(future.running);
  await session.answer("job", { seq: 7 });
  await session.answer("any result?", undefined);
  future.cancel();
  await session.answer("take out 7", true);
  assert(!future.done, "the worker has not said yet that it has ended it");
  session.says("event", { type: "returned", run: "of another worker of that name" });
  await turn();
  assertEquals(session.open, []);
  session.says("event", { type: "returned" });
  await turn();
  await session.answer("result", { seq: 1 });
  assert(await future.error() instanceof Cancelled);
  assertEquals(crew.counts().abandoned, 0);
  await crew.shutdown({});
});

Deno.test("P12: a job whose worker has given it back does not run, and is cancelled at once", async () => {
  const { session, crew, submitStored } = setUp();
  const { future } = await submitStored();
  session.says("event", started);
  session.says("event", { type: "returned" });
  assertEquals(future.state, "queued");
  future.cancel();
  await turn();
  await session.answer("take out 7", true);
  await session.answer("result", { seq: 1 });
  assert(await future.error() instanceof Cancelled);
  await crew.shutdown({});
});

Deno.test("P12: who uses the key of a job that is being cancelled ends with it, at the latest after 'grace'", async () => {
  const { session, crew, submit, submitStored } = setUp({ grace: 1 });
  const { future: first } = await submitStored();
  session.says("event", started);
  first.cancel();
  const second = submit();
  for (const future of [first, second]) assert(await future.error() instanceof Cancelled);
  assertEquals(crew.counts().abandoned, 1);
  await session.answer("take out 7", true);
  await crew.shutdown({});
});

Deno.test("P12: a key is used again when what was cancelled is out of the way, also after 'grace'", async () => {
  const { session, crew, submit, submitStored } = setUp({ grace: 1 });
  const { future: first } = await submitStored();
  first.cancel();
  assert(await first.error() instanceof Cancelled);
  const second = submit();
  await turn();
  assertEquals(session.open, ["take out 7"]);
  await session.answer("take out 7", true);
  await session.answer("result", { seq: 1 });
  await session.answer("any result?", undefined);
  await session.answer("job", { seq: 8 });
  session.says("result", succeeded);
  assertEquals(await second, 1);
  await session.answer("any result?", undefined);
  await crew.shutdown({});
});

Deno.test("P12: a job that is stored does not fail as nobody can say whether it has ended", async () => {
  const { session, crew, submit } = setUp();
  const future = submit();
  await session.answer("any result?", undefined);
  await session.answer("job", { seq: 7 });
  await session.answer("any result?", new Error("timeout"));
  assert(!future.done);
  session.says("result", succeeded);
  assertEquals(await future, 1);
  await crew.shutdown({});
});

Deno.test("P12: a worker hears that a job is cancelled before what it was given is gone", async () => {
  const { session, crew, submitStored } = setUp();
  session.largest = 1000;
  const { future } = await submitStored(new Uint8Array(2000));
  future.cancel();
  await turn();
  await session.answer("take out 7", true);
  await session.answer("result", { seq: 1 });
  assert(await future.error() instanceof Cancelled);
  assertEquals(session.log.slice(-4), [
    "take out 7",
    "tell cancel",
    "forget the arguments",
    "result",
  ]);
  await crew.shutdown({});
});

Deno.test("P12: a job that the server has for so long that it does not know it again is the pool's own", async () => {
  const { session, crew, submit } = setUp();
  session.largest = 1000;
  const future = submit(new Uint8Array(2000));
  await session.answer("any result?", undefined);
  await turn();
  // It was stored, and the connection lost before the answer came.
  await session.answer("job", THERE);
  await session.answer("whose job?", stored(7, session.lastId));
  await session.answer("any result?", undefined);
  assert(!session.log.includes("forget the arguments"));
  future.cancel();
  await turn();
  await session.answer("take out 7", true);
  await session.answer("result", { seq: 1 });
  assert(await future.error() instanceof Cancelled);
  await crew.shutdown({});
});

Deno.test("P12: a job of a key that is told of the end of another one is taken out itself", async () => {
  const { session, crew, submit, submitStored } = setUp();
  const { future } = await submitStored();
  session.says("result", cancelled);
  assert(await future.error() instanceof Cancelled);
  const next = submit();
  await session.answer("take out 7", true);
  await session.answer("result", { seq: 0 });
  await session.answer("any result?", undefined);
  await session.answer("job", { seq: 8 });
  session.says("result", succeeded);
  assertEquals(await next, 1);
  await session.answer("any result?", undefined);
  await crew.shutdown({});
});
