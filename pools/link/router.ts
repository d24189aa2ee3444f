/**
 * The way of a message from one thread or process to another. They form a tree, of a program, its
 * workers and child processes, and theirs. Each knows by which of its children it comes to those
 * below; for all others it asks its parent.
 *
 * A node says hello to its parent before the first other message, and the parent hands that on; so
 * whoever has heard of an object, over the same connections, finds the way to it. One that says
 * nothing, as most workers, costs nothing.
 *
 * Messages keep their order between any two nodes; and also over a third: what a node does after it
 * was told something by another arrives everywhere after what the other had sent before.
 *
 * @module
 */

import { encodeError } from "../remote_error.ts";
import type { Link, LinkMessage, Mail, NodeId } from "./message.ts";

// Why those are gone that were the last to go, for who asks later.
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
  /** A message has come by it. */
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
  readonly #dead: Map<NodeId, string> = new Map();
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
    switch (message.type) {
      case "hello":
        this.#routes.set(message.node, from);
        this.#toParent(message);
        break;
      case "gone":
        this.#gone(message.nodes, message.why, from);
        break;
      default:
        if (message.to === this.id) this.#inbox.receive(message);
        else this.#forward(message, from);
    }
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
    if (mail.type !== "call" || mail.isNotice) return;
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
    const nodes = [...this.#routes].filter(([, by]) => by === neighbor).map(([node]) => node);
    if (nodes.length > 0) this.#gone(nodes, `${neighbor.name} is gone: ${why}`, neighbor);
  }

  #gone(nodes: readonly NodeId[], why: string, from: Neighbor): void {
    const others = new Set(this.#routes.values());
    if (this.#parent !== undefined) others.add(this.#parent);
    others.delete(from);
    for (const node of nodes) {
      this.#routes.delete(node);
      this.#dead.set(node, why);
    }
    for (const node of this.#dead.keys()) {
      if (this.#dead.size <= REMEMBERED) break;
      this.#dead.delete(node);
    }
    for (const { link } of others) link.send({ type: "gone", nodes, why });
    const gone = new Set(nodes);
    this.#inbox.gone((node) => gone.has(node), why);
  }

  #toParent(message: LinkMessage): void {
    this.#parent?.link.send(message);
  }
}
