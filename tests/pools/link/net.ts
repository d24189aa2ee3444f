/**
 * Nodes in one thread, with links in memory: each message is cloned, and comes later than it was sent, one in a turn of the
 * microtask queue; so that a test can have several nodes and let one of them die between any two messages.
 *
 * @module
 */

import { nextTurn } from "../../../primitives/kernel/turn.ts";
import { packValues, unpackPassed } from "../../../pools/passing.ts";
import type { LinkMessage } from "../../../pools/link/message.ts";
import { inNode, Node } from "../../../pools/link/node.ts";
import type { Attached } from "../../../pools/link/router.ts";

/** One way of a link. */
class Way {
  readonly #queue: LinkMessage[] = [];
  #to!: Attached;
  #isOpen = true;
  #isHeld = false;
  readonly #seen: LinkMessage[];

  constructor(seen: LinkMessage[]) {
    this.#seen = seen;
  }

  leadTo(to: Attached): void {
    this.#to = to;
  }

  send(message: LinkMessage, moved: readonly Transferable[] = []): void {
    if (!this.#isOpen) return;
    const clone = structuredClone(message, { transfer: [...moved] });
    this.#queue.push(clone);
    this.#seen.push(clone);
    queueMicrotask(() => {
      const next = this.#isHeld ? undefined : this.#queue.shift();
      if (next !== undefined) this.#to.receive(next);
    });
  }

  /** Nothing arrives any more, until it is closed. */
  hold(): void {
    this.#isHeld = true;
  }

  /** What is on its way arrives at once, or never. */
  close(isLost: boolean): void {
    this.#isOpen = false;
    for (const message of this.#queue.splice(0)) if (!isLost) this.#to.receive(message);
  }
}

interface Cable {
  readonly up: Way;
  readonly down: Way;
  readonly atParent: Attached;
  readonly atChild: Attached;
}

/** Nodes and their links. */
export class Net implements Disposable {
  readonly #nodes: Node[] = [];
  /** All that was sent, in order. */
  readonly sent: LinkMessage[] = [];
  readonly #cables: Map<Node, { readonly parent: Node; readonly cable: Cable }> = new Map();

  /** Makes a node; below another, unless it is the root. */
  node(parent?: Node, name = "worker"): Node {
    const node = new Node();
    this.#nodes.push(node);
    if (parent !== undefined) this.attach(node, parent, name);
    return node;
  }

  /** Ends what the dead would have done, had this been their thread. */
  [Symbol.dispose](): void {
    for (const node of this.#nodes) node.gone(() => true, "the test is over");
  }

  attach(node: Node, parent: Node, name: string): void {
    const up = new Way(this.sent);
    const down = new Way(this.sent);
    const send = (way: Way) => ({
      send: (message: LinkMessage, moved?: readonly Transferable[]) => way.send(message, moved),
    });
    const atParent = parent.attachChild(send(down), name);
    const atChild = node.attachParent(send(up), name);
    up.leadTo(atParent);
    down.leadTo(atChild);
    this.#cables.set(node, { parent, cable: { up, down, atParent, atChild } });
  }

  /** A node dies, with all below it. What it has sent last arrives, unless that is lost. */
  kill(node: Node, { isLost = false, why = "it was killed" } = {}): void {
    const { cable } = this.#cables.get(node)!;
    this.#cables.delete(node);
    cable.down.close(true);
    cable.up.close(isLost);
    cable.atParent.closed(why);
  }

  /** A node is busy: what it is sent waits, as long as it lives. */
  hold(node: Node): void {
    this.#cables.get(node)!.cable.down.hold();
  }

  /** The parent of a node dies; here, only the link between them ends. */
  orphan(node: Node, why = "it was killed"): void {
    const { cable } = this.#cables.get(node)!;
    this.#cables.delete(node);
    cable.up.close(true);
    cable.down.close(true);
    cable.atChild.closed(why);
  }
}

/** Calls a function in a node, with what it makes there. */
export function at<R>(node: Node, fn: () => R): R {
  return inNode(node, fn);
}

/** Waits until all messages have come, and all that they bring about. */
export async function settled(net: Net): Promise<void> {
  for (let quiet = 0; quiet < 3; quiet++) {
    const before = net.sent.length;
    await new Promise((resolve) => setTimeout(resolve));
    if (net.sent.length !== before) quiet = -1;
  }
}

/** Sends a value from one node to another, as an argument of a job is sent: what comes out there. */
export function hand<T>(value: T, to: Node): T {
  const { values, passed, moved } = packValues([value], () => "the value");
  const arrived = structuredClone({ values, passed }, { transfer: [...moved] });
  return inNode(to, () => {
    if (arrived.passed !== undefined) unpackPassed(arrived.values, arrived.passed);
    return arrived.values[0] as T;
  });
}

/** As `settled`, where nothing waits for time: it takes no timers. */
export async function idle(net: Net): Promise<void> {
  let before = -1;
  for (let quiet = 0; quiet < 3; quiet++) {
    if (net.sent.length !== before) quiet = 0;
    before = net.sent.length;
    await new Promise<void>(nextTurn);
  }
}
