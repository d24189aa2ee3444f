/**
 * Calls of objects that are elsewhere: by which way they go, what becomes of them when their caller leaves, and when somebody
 * on the way is gone. Rules C7, C8, P3 and P6 for them.
 *
 * @module
 */

import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  BrokenResourceError,
  Cancelled,
  CancelScope,
  currentTask,
  Event,
  inspect,
  NotPortableError,
  sleep,
  TimeoutError,
  type WaitOptions,
} from "../../../mod.ts";
import { interruptAtEveryStep } from "../../../primitives/testing/mod.ts";
import { packValues } from "../../../pools/passing.ts";
import { Remote } from "../../../pools/link/calls.ts";
import { type HostedObject, open, type Parcel, Shipment } from "../../../pools/link/host.ts";
import type { Node } from "../../../pools/link/node.ts";
import { thrownBy } from "../../primitives/outcome.ts";
import { Net, settled } from "./net.ts";
import { named } from "../../primitives/waits.ts";

/** An object with a method for everything that can happen to a call. */
class Desk implements HostedObject {
  readonly kind = "desk";
  readonly name = "front";
  readonly gate = new Event();
  readonly log: string[] = [];
  permits = 1;
  held = 0;

  call(method: string, args: Parcel, caller: string): unknown {
    const values = open(args) as readonly unknown[];
    switch (method) {
      case "echo":
        return values[0];
      case "caller":
        return caller;
      case "task":
        return currentTask().name;
      case "fail":
        return this.#fail();
      case "wait":
        return this.#wait();
      case "giveFunction":
        return () => {};
      case "acquire":
        return this.#acquire();
      case "note":
        this.log.push(`${values[0]}`);
        return undefined;
      default:
        throw new TypeError(`No ${method}`);
    }
  }

  async #fail(): Promise<never> {
    await sleep(0);
    throw Object.assign(new RangeError("no such row", { cause: new TypeError("bad key") }), {
      row: 7,
    });
  }

  async #wait(): Promise<string> {
    try {
      await this.gate.wait();
      return "through";
    } catch (error) {
      this.log.push(error instanceof Cancelled ? `cancelled: ${error.reason}` : String(error));
      throw error;
    }
  }

  async #acquire(): Promise<unknown> {
    await this.gate.wait();
    this.permits--;
    return new Shipment({ values: [this.permits] }, {
      taken: () => this.held++,
      giveBack: () => this.permits++,
    });
  }
}

/** A desk at a node, and how another node sees it. */
function deskAt(home: Node): { desk: Desk; object: number; from: (node: Node) => Caller } {
  const desk = new Desk();
  const object = home.host.add(desk);
  home.announce();
  return {
    desk,
    object,
    from: (node) => {
      const remote = new Remote(home.id, object, { kind: "desk", name: "front" });
      const caller =
        ((method: string, args: unknown[] | undefined, options?: WaitOptions) =>
          node.calls.call(
            remote,
            method,
            () => packValues(args ?? [], (i) => `arguments[${i}]`),
            options,
          )) as Caller;
      caller.remote = remote;
      return caller;
    },
  };
}

interface Caller {
  (
    method: string,
    args?: unknown[],
    options?: { signal?: AbortSignal; timeout?: number },
  ): Promise<unknown>;
  remote: Remote;
}

/** What a node still has to do with others. */
function left(node: Node): number[] {
  return [node.calls.size, node.host.open];
}

/** A root, two children, and two children of the second. */
function family(net: Net): { root: Node; a: Node; b: Node; b1: Node; b2: Node } {
  const root = net.node();
  const a = net.node(root, 'worker "a"');
  const b = net.node(root, 'process "b"');
  return { root, a, b, b1: net.node(b, 'worker "b1"'), b2: net.node(b, 'worker "b2"') };
}

const PLACES = ["root", "a", "b", "b1", "b2"] as const;

for (const home of PLACES) {
  for (const place of PLACES.filter((place) => place !== home)) {
    Deno.test(`an object of ${home} can be called from ${place}`, async () => {
      using net = new Net();
      const nodes = family(net);
      const { from } = deskAt(nodes[home]);
      await settled(net); // As it was when the object came by the same links.
      const call = from(nodes[place]);

      assertEquals(await call("echo", [{ map: new Map([[1, 2n]]) }]), { map: new Map([[1, 2n]]) });
      assertEquals(await call("caller"), nodes[place].id);
      assertEquals([...left(nodes[home]), ...left(nodes[place])], [0, 0, 0, 0]);
    });
  }
}

Deno.test("a node that was attached to its parent after its children have said hello hands that on", async () => {
  using net = new Net();
  const root = net.node();
  const middle = net.node();
  const leaf = net.node(middle);
  const { from } = deskAt(leaf);
  await settled(net);
  net.attach(middle, root, "worker");
  await settled(net);

  assertEquals(await from(root)("echo", [1]), 1);
});

Deno.test("a link that nobody has a use for carries nothing, also when a neighbor dies", async () => {
  using net = new Net();
  const root = net.node();
  net.node(root);
  const other = net.node(root);

  net.kill(other);
  await settled(net);

  assertEquals(net.sent, []);
});

Deno.test("P3: a call runs in a task of its own, in a scope named after the object", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { desk, from } = deskAt(root);
  const waiting = from(a)("wait");
  await settled(net);

  const scope = inspect().children.find(({ name }) => name === 'desk "front"')!;
  assertEquals(scope.children.map(({ kind, name }) => [kind, name]), [["task", "wait"]]);
  assertEquals(named(scope.children[0].waitingFor), [{ kind: "event", name: "" }]);
  assertEquals(named(inspect().waitingFor), [{ kind: "desk", name: "front" }]);

  desk.gate.set();
  assertEquals(await waiting, "through");
  assertEquals(inspect().waitingFor, []);
});

Deno.test("P6: an error arrives with its class, cause, fields and where it was thrown", async () => {
  using net = new Net();
  const { root, a, b1 } = family(net);
  void root;
  const { from } = deskAt(a);
  await settled(net);

  const error = await thrownBy(from(b1)("fail"));

  assertInstanceOf(error, RangeError);
  assertEquals(error.message, "no such row");
  assertInstanceOf(error.cause, TypeError);
  assertEquals((error as RangeError & { row: number }).row, 7);
  assertStringIncludes(error.stack!, "link_test.ts");
  assertStringIncludes(error.stack!, 'in worker "a"');
});

Deno.test("P8: what cannot travel is an error in the caller, at once, with the way to it", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { from } = deskAt(root);

  await assertRejects(
    () => from(a)("echo", [1, { fn: () => {} }]),
    NotPortableError,
    "arguments[1].fn",
  );
  assertEquals(a.calls.size, 0);
  assertEquals(net.sent, [], "nothing was said");
});

Deno.test("P8: a result that cannot travel fails the call, and nothing else", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { from } = deskAt(root);

  await assertRejects(
    () => from(a)("giveFunction"),
    NotPortableError,
    "the result of giveFunction()",
  );
  assertEquals(await from(a)("echo", [1]), 1);
});

Deno.test("C8: a call with an aborted signal says nothing to anybody", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { from } = deskAt(root);
  const reason = new Error("not today");

  assertStrictEquals(
    await thrownBy(from(a)("echo", [1], { signal: AbortSignal.abort(reason) })),
    reason,
  );
  assertEquals(net.sent, []);
});

for (
  const [how, act] of [
    [
      "a timeout",
      (call: Caller) => assertRejects(() => call("wait", [], { timeout: 1 }), TimeoutError),
    ],
    ["a signal", async (call: Caller) => {
      const controller = new AbortController();
      const waiting = thrownBy(call("wait", [], { signal: controller.signal }));
      await sleep(1);
      controller.abort(new RangeError("enough"));
      assertInstanceOf(await waiting, RangeError);
    }],
    ["a cancelled scope", async (call: Caller) => {
      const scope = new CancelScope();
      const waiting = scope.enter(() => call("wait"));
      await sleep(1);
      scope.cancel();
      await waiting;
      assert(scope.cancelledCaught);
    }],
  ] as const
) {
  Deno.test(`a wait that ${how} ends is cancelled on the other side too`, async () => {
    using net = new Net();
    const { root, a } = family(net);
    const { desk, from } = deskAt(root);
    const call = from(a);

    await act(call);
    await settled(net);

    assertEquals(desk.log, ["cancelled: its caller does not wait any more"]);
    assertEquals([...left(root), ...left(a), call.remote.calls.size], [0, 0, 0, 0, 0]);
  });
}

Deno.test("a timeout of 0 ends a call before anybody has heard of it", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { from } = deskAt(root);

  await assertRejects(() => from(a)("echo", [1], { timeout: 0 }), TimeoutError, 'desk "front"');
  await settled(net);
  assertEquals(net.sent, []);
});

Deno.test("C7: what is handed over is the caller's or stays, at every step of a cancellation", async () => {
  const { interrupted } = await interruptAtEveryStep(async (interrupt) => {
    using net = new Net();
    const { a, b1 } = family(net);
    const { desk, from } = deskAt(a);
    await settled(net);
    desk.gate.set();

    const { interrupted } = await interrupt(() => from(b1)("acquire"));
    await settled(net);

    assertEquals([desk.permits, desk.held], interrupted ? [1, 0] : [0, 1]);
    assertEquals([...left(a), ...left(b1)], [0, 0, 0, 0]);
  });
  assert(interrupted > 3);
});

Deno.test("C7: what is handed over is given back when the caller dies before it has said that it has it", async () => {
  // After each number of messages: until the caller has it.
  for (let messages = 0;; messages++) {
    using net = new Net();
    const { root, a } = family(net);
    const { desk, from } = deskAt(root);
    desk.gate.set();
    let taken: unknown;
    from(a)("acquire").then((permit) => taken = permit, () => {});
    while (net.sent.length < messages) await null;
    const isTaken = net.sent.some(({ type }) => type === "taken");
    net.kill(a, { isLost: !isTaken });
    await settled(net);

    assertEquals(desk.permits, isTaken ? 0 : 1);
    assertEquals(left(root), [0, 0]);
    if (!isTaken) continue;
    assertEquals([taken, desk.held], [0, 1]);
    break;
  }
});

Deno.test("a caller that dies has its calls cancelled, and no others", async () => {
  using net = new Net();
  const { root, a, b, b1, b2 } = family(net);
  void root;
  const { desk, from } = deskAt(a);
  await settled(net);
  from(b1)("wait").catch(() => {});
  const other = from(b2)("wait");
  await settled(net);

  net.kill(b1);
  await settled(net);

  assertEquals(desk.log, [
    'cancelled: its caller has left as worker "b1" is gone: it was killed',
  ]);
  desk.gate.set();
  assertEquals(await other, "through");
  assertEquals([...left(a), ...left(b2)], [0, 0, 0, 0]);
  assertEquals(b.routes, 1, "the way to the dead is forgotten");
});

Deno.test("calls of an object whose node dies fail with a name, now and later, near and far", async () => {
  using net = new Net();
  const { root, a, b1, b2 } = family(net);
  const { from } = deskAt(a);
  const other = deskAt(b2);
  await settled(net);
  const callers = [from(b1), from(root)];
  const pending = callers.map((call) => thrownBy(call("wait")));
  const unharmed = other.from(b1)("wait");
  await settled(net);

  net.kill(a, { why: "it has exited with code 7" });

  const expected =
    'Cannot call wait() of desk "front" as worker "a" is gone: it has exited with code 7. Make a new one';
  for (
    const error of [
      ...await Promise.all(pending),
      ...await Promise.all(callers.map((call) => thrownBy(call("wait")))),
    ]
  ) {
    assertInstanceOf(error, BrokenResourceError);
    assertEquals(error.message, expected);
  }
  other.desk.gate.set();
  assertEquals(await unharmed, "through");
  await settled(net);
  for (const node of [root, b1]) assertEquals(left(node), [0, 0]);
});

Deno.test("with a node all below it are gone", async () => {
  using net = new Net();
  const { root, a, b, b1 } = family(net);
  const { from } = deskAt(b1);
  await settled(net);
  const pending = thrownBy(from(a)("wait"));
  await settled(net);

  net.kill(b);

  const error = await pending;
  assertInstanceOf(error, BrokenResourceError);
  assertStringIncludes(error.message, 'process "b" is gone: it was killed');
  await settled(net);
  assertEquals(root.routes, 1);
});

Deno.test("a node whose parent is gone still reaches those below it, and nobody else", async () => {
  using net = new Net();
  const { root, b, b1 } = family(net);
  const above = deskAt(root);
  const below = deskAt(b1);
  await settled(net);
  const lost = thrownBy(above.from(b)("wait"));
  await settled(net);

  net.orphan(b);

  assertInstanceOf(await lost, BrokenResourceError);
  const later = await thrownBy(above.from(b)("wait"));
  assertInstanceOf(later, BrokenResourceError);
  assertStringIncludes(later.message, "the program that has started it");
  assertInstanceOf(await thrownBy(above.from(b1)("wait")), BrokenResourceError);
  assertEquals(await below.from(b)("echo", [1]), 1);
});

Deno.test("an object that is not hosted any more fails its calls: those that wait, and later ones", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { desk, object, from } = deskAt(root);
  const pending = thrownBy(from(a)("wait"));
  await settled(net);

  root.host.remove(object, "it was shut down");

  const error = await pending;
  assertInstanceOf(error, BrokenResourceError);
  assertStringIncludes(error.message, 'desk "front" as it was shut down');
  assertEquals(desk.log, ["cancelled: it was shut down"]);
  assertInstanceOf(await thrownBy(from(a)("echo", [1])), BrokenResourceError);
  assertEquals([root.host.size, ...left(root), ...left(a)], [0, 0, 0, 0, 0]);
  assertEquals(inspect().children, []);
});

Deno.test("a call that nobody waits for arrives in order, and none is answered", async () => {
  using net = new Net();
  const { root, a, b1 } = family(net);
  void root;
  const { desk, from } = deskAt(a);
  await settled(net);
  const call = from(b1);

  b1.calls.tell(call.remote, "note", [1]);
  const second = call("note", [2]);
  b1.calls.tell(call.remote, "note", [3]);
  await second;
  await settled(net);

  assertEquals(desk.log, ["1", "2", "3"]);
  assertEquals(net.sent.filter(({ type }) => type === "reply").length, 3, "three hops of one");
});

Deno.test("what cannot go on over a link on the way fails that call alone", async () => {
  using net = new Net();
  const { root, a, b } = family(net);
  const { from } = deskAt(a);
  await settled(net);
  const call = from(b);
  // As a link to a process is, for shared memory.
  const refusing = root.attachChild({
    send: (message) => {
      throw new DOMException(`not over this link: ${message.type}`, "DataCloneError");
    },
  }, "refusing");
  refusing.receive({ type: "hello", node: "elsewhere" });
  const remote = new Remote("elsewhere", 1, { kind: "desk", name: "far" });

  const error = await thrownBy(a.calls.call(remote, "echo", () => packValues([1], String)));

  assertInstanceOf(error, DOMException);
  assertStringIncludes(error.message, "not over this link: call");
  assertEquals(await call("echo", [2]), 2);
});

Deno.test("C7: a result that cannot go on over a link on the way fails the call, and is given back", async () => {
  using net = new Net();
  const { root, a } = family(net);
  const { desk, object } = deskAt(a);
  await settled(net);
  desk.gate.set();
  const heard: string[] = [];
  const picky = root.attachChild({
    send: (message) => {
      heard.push(message.type);
      if (message.type === "reply") throw new DOMException("too shared", "DataCloneError");
    },
  }, "picky");
  picky.receive({ type: "hello", node: "far" });
  picky.receive({
    type: "call",
    to: a.id,
    from: "far",
    id: 1,
    object,
    method: "acquire",
    values: [],
  });
  await settled(net);

  assertEquals(heard, ["reply", "failed"]);
  assertEquals([desk.permits, desk.held], [1, 0]);
  assertEquals(left(a), [0, 0]);
});
