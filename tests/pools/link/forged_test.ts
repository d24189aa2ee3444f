/**
 * What a job can do that sends messages of its own: it has all that its thread or process has, by which that talks to who has
 * started it. It can do no more than it was given.
 *
 * @module
 */

import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { BrokenResourceError, MalformedError, Manager, ProcessQueue } from "../../../mod.ts";
import { Remote } from "../../../pools/link/calls.ts";
import { type HostedObject, type Parcel, Shipment } from "../../../pools/link/host.ts";
import type { LinkMessage } from "../../../pools/link/message.ts";
import type { Node } from "../../../pools/link/node.ts";
import type { Attached } from "../../../pools/link/router.ts";
import { packValues, unpackPassed } from "../../../pools/passing.ts";
import { pass, type Passable } from "../../../primitives/kernel/passing.ts";
import { thrownBy } from "../../primitives/outcome.ts";
import { at, hand, Net, settled } from "./net.ts";

/** A child that says what it likes. */
class Forger {
  /** What it was sent. */
  readonly heard: LinkMessage[] = [];
  readonly #link: Attached;

  constructor(parent: Node, ...ids: string[]) {
    this.#link = parent.attachChild({ send: (message) => this.#hear(message) }, 'process "forger"');
    for (const node of ids) this.say({ type: "hello", node });
  }

  say(message: unknown): void {
    this.#link.receive(structuredClone(message) as LinkMessage);
  }

  // What it gets it answers, whoever it was for.
  #hear(message: LinkMessage): void {
    this.heard.push(structuredClone(message));
    if (message.type !== "call") return;
    const { to: from, from: to, id } = message;
    const reply = { type: "reply", to, from, id, values: ["forged"], isHeld: false };
    queueMicrotask(() => this.say(reply));
  }
}

/** An object that notes who calls it, and lends a permit. */
class Desk implements HostedObject {
  readonly kind = "desk";
  readonly name = "front";
  readonly log: string[] = [];
  permits = 1;
  #open!: () => void;
  readonly gate: Promise<void> = new Promise((resolve) => this.#open = resolve);

  open(): void {
    this.#open();
  }

  call(method: string, { values }: Parcel, caller: string): unknown {
    this.log.push(`${method} ${caller}`);
    switch (method) {
      case "echo":
        return values[0];
      case "wait":
        return this.gate;
      case "lend":
        this.permits--;
        return new Shipment({ values: [1] }, { taken: () => {}, giveBack: () => this.permits++ });
      default:
        throw new TypeError(`No ${method}`);
    }
  }
}

function deskAt(node: Node): { desk: Desk; object: number; remote: () => Remote } {
  const desk = new Desk();
  const object = node.host.add(desk);
  node.announce();
  return { desk, object, remote: () => new Remote(node.id, object, desk) };
}

function call(node: Node, remote: Remote, method: string, ...args: unknown[]): Promise<unknown> {
  return node.calls.call(remote, method, () => packValues(args, String));
}

function dataOf(passable: unknown): { node: string; object: number } {
  return (passable as Passable)[pass]().data as { node: string; object: number };
}

for (
  const message of [
    null,
    undefined,
    1,
    "hello",
    [],
    {},
    { type: "constructor" },
    { type: ["hello"], node: "x" },
    { type: "hello" },
    { type: "hello", node: 1 },
    { type: "gone", nodes: "x", why: "" },
    { type: "gone", nodes: [1], why: "" },
    { type: "gone", nodes: [], why: {} },
    { type: "cancel", to: 1, from: "x", id: 1 },
    { type: "cancel", to: "y", from: null, id: 1 },
    { type: "taken", to: "y", from: "x", id: "1" },
    { type: "taken", to: "y", from: "x", id: NaN },
    { type: "lost", to: "y", from: "x", id: 1, why: { toString: 1 } },
    { type: "failed", to: "y", from: "x", id: 1, error: {} },
    { type: "reply", to: "y", from: "x", id: 1, values: "text" },
    { type: "reply", to: "y", from: "x", id: 1, values: [1], passed: [1] },
    { type: "call", to: "y", from: "x", id: 1, object: 1, method: 1, values: [] },
    { type: "call", to: "y", from: "x", id: 1, object: "1", method: "m", values: [] },
    { type: "call", to: "y", from: "x", id: 1, object: 1, method: "m", values: {} },
    { type: "call", to: "y", from: "x", id: 1, object: 1, method: "m", values: [], passed: {} },
  ]
) {
  Deno.test(`a message that is ${Deno.inspect(message, { compact: true })} is malformed`, () => {
    using net = new Net();
    const forger = new Forger(net.node(), "x");

    assertThrows(() => forger.say(message), MalformedError, "Cannot read a message");
  });
}

Deno.test("a notice that fails does not end the program", async () => {
  using net = new Net();
  const root = net.node();
  const { desk, object } = deskAt(root);
  const forger = new Forger(root, "x");
  const reported: unknown[] = [];
  const report = (event: ErrorEvent) => {
    event.preventDefault();
    reported.push(event.error);
  };
  addEventListener("error", report);
  try {
    const mail = { type: "call", to: root.id, from: "x", object, method: "nonsense", values: [] };
    forger.say({ ...mail, id: 0 });
    forger.say({ ...mail, id: 0, isNotice: true });
    await settled(net);
  } finally {
    removeEventListener("error", report);
  }

  assertEquals(desk.log, ["nonsense x", "nonsense x"]);
  assertEquals([reported, forger.heard, root.host.open], [[], [], 0]);
});

Deno.test("nobody speaks for a node that is not below", async () => {
  using net = new Net();
  const root = net.node();
  const honest = net.node(root);
  const { desk, object } = deskAt(root);
  const waiting = call(honest, new Remote(root.id, object, desk), "wait");
  await settled(net);
  const forger = new Forger(root, "x");

  // The first number that it has given to a call.
  for (const type of ["cancel", "taken"]) {
    forger.say({ type, to: root.id, from: honest.id, id: 1 });
  }
  for (const from of [honest.id, root.id, "nobody"]) {
    const mail = { to: root.id, from, id: 9, object, method: "echo", values: [1] };
    forger.say({ type: "call", ...mail });
  }
  await settled(net);

  assertEquals(desk.log, [`wait ${honest.id}`]);
  assertEquals(root.host.open, 1);
  desk.open();
  assertEquals(await waiting, undefined);
});

Deno.test("a reply counts when it is from whom the call has gone to", async () => {
  using net = new Net();
  const root = net.node();
  const honest = net.node(root);
  const { desk, remote } = deskAt(honest);
  await settled(net);
  const waiting = call(root, remote(), "wait");
  const forger = new Forger(root, "x");

  for (const from of ["x", honest.id]) {
    const mail = { to: root.id, from, id: 1 };
    forger.say({ ...mail, type: "reply", values: ["forged"], isHeld: false });
    forger.say({ ...mail, type: "failed", error: { class: "" }, where: "" });
    forger.say({ ...mail, type: "lost", why: "it is not" });
  }
  await settled(net);
  desk.open();

  assertEquals(await waiting, undefined);
});

Deno.test("an error that is none is an error of its own", async () => {
  using net = new Net();
  const root = net.node();
  const forger = new Forger(root, "x");
  const fields = [1];
  for (const error of [undefined, null, 1, { class: "Error", errors: 1, fields }]) {
    const waiting = thrownBy(call(root, new Remote("x", 1, { kind: "desk", name: "" }), "echo"));
    const { id } = forger.heard.at(-1) as { id: number };
    forger.say({ type: "failed", to: root.id, from: "x", id, error, where: "there" });

    assertInstanceOf(await waiting, MalformedError);
  }
});

Deno.test("nobody is to be found by way of who only says so", async () => {
  using net = new Net();
  const root = net.node();
  const honest = net.node(root);
  const { remote } = deskAt(honest);
  await settled(net);
  const forger = new Forger(root, root.id, honest.id, "x", "x");

  assertEquals(await call(root, remote(), "echo", 5), 5);
  assertEquals(root.routes, 2);
  assertEquals(forger.heard, [root.id, honest.id].map((node) => ({ type: "hello", node })));
});

Deno.test("nobody takes the place of the dead", async () => {
  using net = new Net();
  const root = net.node();
  const honest = net.node(root);
  const { remote } = deskAt(honest);
  await settled(net);
  net.kill(honest);
  const forger = new Forger(root, honest.id);

  assertInstanceOf(await thrownBy(call(root, remote(), "echo", 5)), BrokenResourceError);
  assertEquals(forger.heard.filter(({ type }) => type === "call"), []);
});

Deno.test("nobody below takes the place of one above, of which something was heard", async () => {
  using net = new Net();
  const root = net.node();
  const [middle, cousin] = [net.node(root), net.node(root)];
  const queue = at(root, () => new ProcessQueue<number>());
  const dict = at(cousin, () => new Manager().counter(7));
  hand(dict, cousin);
  await settled(net);
  const [queueThere, dictThere] = [hand(queue, middle), hand(dict, middle)];
  const forger = new Forger(middle, root.id, cousin.id, middle.id);

  await queueThere.put(1);
  assertEquals(await queue.get(), 1);
  assertEquals(await dictThere.value(), 7);
  assertEquals(forger.heard.map(({ type }) => type), ["hello", "hello", "hello"]);
  assertEquals(middle.routes, 0);
});

Deno.test("who has taken the place of one above, of which nothing was heard, loses it as soon as the parent hears of that", async () => {
  using net = new Net();
  const root = net.node();
  const middle = net.node(root, 'worker "middle"');
  const low = net.node(middle, 'worker "low"');
  const { remote } = deskAt(root);
  const forger = new Forger(low, root.id);
  assertEquals(low.routes, 1);
  await settled(net);

  assertEquals([middle.routes, low.routes], [0, 0]);
  assertEquals(forger.heard, [{ type: "hello", node: root.id }]);
  assertEquals(await call(low, remote(), "echo", 3), 3);
  forger.say({ type: "hello", node: root.id });
  assertEquals(low.routes, 0, "now it is known");
});

Deno.test("nobody is gone as another one says so", async () => {
  using net = new Net();
  const root = net.node();
  const honest = net.node(root);
  const { desk, remote } = deskAt(honest);
  await settled(net);
  const waiting = call(root, remote(), "wait");
  const forger = new Forger(root, "x", "y");
  forger.say({ type: "gone", nodes: [honest.id, root.id, "z"], why: "I say so" });
  await settled(net);
  assertEquals(net.sent.filter(({ type }) => type === "gone"), []);
  forger.say({ type: "gone", nodes: [honest.id, "x"], why: "it has left" });
  await settled(net);

  assertEquals(root.routes, 2, "the honest one, and y");
  assertEquals(net.sent.filter(({ type }) => type === "gone"), [
    { type: "gone", nodes: ["x"], why: "it has left" },
  ]);
  desk.open();
  assertEquals(await waiting, undefined);
});

Deno.test("the number of an object tells nothing of those of others", () => {
  using net = new Net();
  const root = net.node();
  const numbers = at(
    root,
    () => Array.from({ length: 200 }, () => dataOf(new ProcessQueue()).object),
  );

  assertEquals(new Set(numbers).size, 200);
  assert(numbers.every((number) => Number.isSafeInteger(number) && number >= 0));
  // Half of them, or so; that it is none is as likely as 200 heads in a row.
  assert(numbers.some((number) => number > 2 ** 52) && numbers.some((number) => number % 2 === 1));
});

Deno.test("a number that a call has is given to no other one", async () => {
  using net = new Net();
  const root = net.node();
  const { desk, object } = deskAt(root);
  const forger = new Forger(root, "x");
  const mail = { to: root.id, from: "x", id: 1 };
  forger.say({ ...mail, type: "call", object, method: "wait", values: [] });
  forger.say({ ...mail, type: "call", object, method: "lend", values: [] });
  // It has handed over nothing yet.
  forger.say({ ...mail, type: "taken" });

  assertEquals([desk.log, root.host.open, desk.permits], [["wait x"], 1, 1]);
  forger.say({ ...mail, type: "cancel" });
  await settled(net);
  assertEquals([forger.heard, root.host.open], [[], 0]);
});

for (const kind of ["PipeEnd", "ProcessQueue", "RemoteObject"]) {
  Deno.test(`a ${kind} that stands for nothing is malformed`, () => {
    using net = new Net();
    const node = net.node();
    const honest = { node: "x", object: 1, name: "", kind: "dict", maxsize: 0, turn: 1 };
    for (
      const data of [
        undefined,
        null,
        "text",
        { ...honest, node: 1 },
        { ...honest, object: "1" },
        { ...honest, object: 0.5 },
        { ...honest, name: { toString: 1 } },
        ...(kind === "RemoteObject" ? [{ ...honest, kind: { toString: 1 } }] : []),
      ]
    ) {
      const unpack = () => at(node, () => unpackPassed([{}], [{ kind, data, paths: [[0]] }]));
      assertThrows(unpack, MalformedError, "what stands for an object");
    }
  });
}
