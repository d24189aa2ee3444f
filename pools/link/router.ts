/**
 * The way of a message from one thread or process to another. They form a tree, of a program, its
 * workers and child processes, and theirs. Each knows by which of its children it comes to those
 * below; for all others it asks its parent.
 *
 * A node says hello to its parent before the first other message, and the parent hands that on; so
 * whoever has heard of an object, over the same connections, finds the way to it. One that says
 * nothing, as most workers, costs nothing.
 *
 * What the parent says is believed. What a child says is not, as a job there can make it say
 * anything: it speaks for those alone who are to be found by way of it, and who those are is settled
 * when each is first heard of.
 *
 * Messages keep their order between any two nodes; and also over a third: what a node does after it
 * was told something by another arrives everywhere after what the other had sent before.
 *
 * @module
 */

import { encodeError } from "../remote_error.ts";
import { checkMessage } from "./check_message.ts";
import type { Link, LinkMessage, Mail, NodeId } from "./message.ts";

// How many are remembered of those who were the last to go, and of those above who were heard of last.
const REMEMBERED = 256;

/** What is told of what happens. */
export interface Inbox {
  /** A message has come for this node. */
  receive(mail: Mail): void;
  /** Nodes are gone; `why` is the end of a sentence. */
  gone(has: (node: NodeId) => boolean, why: string): void;
}

/** What its owner tells an attached link. */
export interface Attached {
  /**
   * A message has come by it.
   *
   * @throws {MalformedError} When nobody can have meant it: who has sent it is not to be trusted.
   */
  receive(message: LinkMessage): void;
  /**
   * It is closed, and the neighbor is gone with all who were to be reached by it.
   *
   * @param why The end of a sentence: "it has exited with code 1".
   */
  closed(why: string): void;
}

interface Neighbor {
  readonly link: Link;
  readonly name: string;
}

/** See above. */
export class Router {
  readonly id: NodeId = crypto.randomUUID();
  /** What errors call this node. */
  name = "the main program";
  readonly #inbox: Inbox;
  readonly #routes: Map<NodeId, Neighbor> = new Map();
  // Why they are gone, for who asks later.
  readonly #dead: Map<NodeId, string> = new Map();
  // Those that are to be found by way of the parent, so that nobody below passes for one.
  readonly #above: Set<NodeId> = new Set();
  #parent: Neighbor | undefined;
  #orphaned: string | undefined;
  #isAnnounced = false;

  constructor(inbox: Inbox) {
    this.#inbox = inbox;
  }

  /** Attaches the link to the node that has started this one. */
  attachParent(link: Link, name: string): Attached {
    this.name = name;
    this.#parent = { link, name: "the program that has started it" };
    this.#orphaned = undefined;
    this.#isAnnounced = false;
    this.#above.clear();
    for (const node of this.#routes.keys()) this.#toParent({ type: "hello", node });
    return this.#attached(this.#parent);
  }

  /** Attaches a link to a node that this one has started. */
  attachChild(link: Link, name: string): Attached {
    return this.#attached({ link, name });
  }

  /** How many nodes are known below. */
  get size(): number {
    return this.#routes.size;
  }

  /** Has others know the way here. To be called before anybody is told of something here. */
  announce(): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    this.#toParent({ type: "hello", node: this.id });
  }

  /** Somebody has told of another node. If it is below, it has said hello before. */
  heardOf(node: NodeId): void {
    if (this.#parent === undefined || this.#routes.has(node)) return;
    this.#above.delete(node);
    this.#above.add(node);
    forget(this.#above);
  }

  /** Sends a message to a node. */
  send(mail: Mail, moved?: readonly Transferable[]): void {
    this.announce();
    const neighbor = this.#routes.get(mail.to) ?? this.#parent;
    // What was hosted here is used as it is: what is called over links is there no more.
    if (neighbor === undefined || mail.to === this.id) this.#refuse(mail);
    else neighbor.link.send(mail, moved);
  }

  #attached(neighbor: Neighbor): Attached {
    let isOpen = true;
    return {
      receive: (message) => {
        if (isOpen) this.#receive(message, neighbor);
      },
      closed: (why) => {
        if (!isOpen) return;
        isOpen = false;
        this.#closed(neighbor, why);
      },
    };
  }

  #receive(message: LinkMessage, from: Neighbor): void {
    const isBelieved = from === this.#parent;
    if (!isBelieved) checkMessage(message);
    switch (message.type) {
      case "hello":
        if (isBelieved) this.#isAbove(message.node);
        else this.#isBelow(message.node, from);
        break;
      case "gone": {
        const { nodes, why } = message;
        this.#gone(isBelieved ? nodes : nodes.filter((node) => this.#is(node, from)), why, from);
        break;
      }
      default:
        if (!isBelieved && !this.#is(message.from, from)) return;
        if (message.to === this.id) this.#inbox.receive(message);
        else this.#forward(message, from);
    }
  }

  /** Whether a node is to be found by way of a child. */
  #is(node: NodeId, child: Neighbor): boolean {
    return this.#routes.get(node) === child;
  }

  #isBelow(node: NodeId, child: Neighbor): void {
    if (this.#is(node, child)) return;
    const isKnown = node === this.id || this.#routes.has(node) || this.#above.has(node) ||
      this.#dead.has(node);
    // Not the child's fault, perhaps: one below it may have said so, and it has to unlearn it.
    if (isKnown) child.link.send({ type: "hello", node });
    else {
      this.#routes.set(node, child);
      this.#toParent({ type: "hello", node });
    }
  }

  #isAbove(node: NodeId): void {
    const child = this.#routes.get(node);
    this.#routes.delete(node);
    this.heardOf(node);
    child?.link.send({ type: "hello", node });
  }

  #forward(mail: Mail, from: Neighbor): void {
    const neighbor = this.#routes.get(mail.to) ?? this.#parent;
    // Never back: the other one has asked here as it did not know better.
    if (neighbor === undefined || neighbor === from) {
      this.#refuse(mail);
      return;
    }
    try {
      neighbor.link.send(mail);
    } catch (error) {
      // It could be sent up to here, and cannot go on: shared memory, to another process.
      const { id } = mail;
      const failed = { type: "failed", id, error: encodeError(error), where: this.name } as const;
      if (mail.type === "call") this.send({ ...failed, to: mail.from, from: mail.to });
      else if (mail.type === "reply") {
        this.send({ ...failed, to: mail.to, from: mail.from });
        if (mail.isHeld) this.send({ type: "cancel", to: mail.from, from: mail.to, id });
      }
    }
  }

  /** Tells who calls that nobody is there. All others have heard of it, or will. */
  #refuse(mail: Mail): void {
    if (mail.type !== "call" || mail.id === 0) return;
    const why = mail.to === this.id
      ? "it was disposed of"
      : this.#dead.get(mail.to) ?? this.#orphaned ??
        "the thread or process that it was made in is gone";
    const lost: Mail = { type: "lost", to: mail.from, from: mail.to, id: mail.id, why };
    if (mail.from === this.id) this.#inbox.receive(lost);
    else this.send(lost);
  }

  #closed(neighbor: Neighbor, why: string): void {
    const sentence = `${neighbor.name}, by way of which it was used, is gone: ${why}`;
    if (neighbor === this.#parent) {
      this.#parent = undefined;
      this.#orphaned = sentence;
      const { id } = this;
      const routes = this.#routes;
      this.#inbox.gone((node) => node !== id && !routes.has(node), sentence);
      return;
    }
    const nodes = [...this.#routes.keys()].filter((node) => this.#is(node, neighbor));
    this.#gone(nodes, `${neighbor.name} is gone: ${why}`, neighbor);
  }

  #gone(nodes: readonly NodeId[], why: string, from: Neighbor): void {
    if (nodes.length === 0) return;
    const others = new Set(this.#routes.values());
    if (this.#parent !== undefined) others.add(this.#parent);
    others.delete(from);
    for (const node of nodes) {
      this.#routes.delete(node);
      this.#above.delete(node);
      this.#dead.set(node, why);
    }
    forget(this.#dead);
    for (const { link } of others) link.send({ type: "gone", nodes, why });
    const gone = new Set(nodes);
    this.#inbox.gone((node) => gone.has(node), why);
  }

  #toParent(message: LinkMessage): void {
    this.#parent?.link.send(message);
  }
}

/** Drops what has been there for longest, where it is too much. */
function forget(nodes: Map<NodeId, string> | Set<NodeId>): void {
  for (const node of nodes.keys()) {
    if (nodes.size <= REMEMBERED) break;
    nodes.delete(node);
  }
}
