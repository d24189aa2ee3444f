/**
 * This thread or process among those of the program: what it has that others may use, what it uses
 * of others, and the way to them.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { Calls } from "./calls.ts";
import { Host, type HostedObject } from "./host.ts";
import type { Link, Mail, NodeId, Reference } from "./message.ts";
import { type Attached, type Inbox, Router } from "./router.ts";
import { currentUplink } from "./uplink.ts";

/** Is told when nodes are gone; `why` is the end of a sentence. */
export type Watcher = (has: (node: NodeId) => boolean, why: string) => void;

/** See above. */
export class Node implements Inbox {
  /** What of here others may call. */
  readonly host: Host;
  /** The calls from here to others. */
  readonly calls: Calls;
  /** Who is told of nodes that are gone. */
  readonly watchers: Set<Watcher> = new Set();
  readonly #router: Router = new Router(this);

  constructor() {
    this.host = new Host(this.#router);
    this.calls = new Calls(this.#router);
  }

  /** Its random id. */
  get id(): NodeId {
    return this.#router.id;
  }

  /** How many nodes are known below. */
  get routes(): number {
    return this.#router.size;
  }

  /**
   * Attaches the link to the node that has started this one.
   *
   * @param link How messages are sent.
   * @param name What errors call this node: `worker "pool-1"`.
   * @returns To be told what comes by the link, and when it is closed.
   */
  attachParent(link: Link, name: string): Attached {
    return this.#router.attachParent(link, name);
  }

  /**
   * Attaches a link to a node that this one has started.
   *
   * @param link How messages are sent.
   * @param name What errors call that node: `worker "pool-1"`.
   * @returns To be told what comes by the link, and when it is closed.
   */
  attachChild(link: Link, name: string): Attached {
    return this.#router.attachChild(link, name);
  }

  /** Has others know the way here. To be called before anybody is told of something here. */
  announce(): void {
    this.#router.announce();
  }

  /**
   * An object of here that others may call, if that is what something that has come stands for.
   *
   * @throws {MalformedError} When it stands for nothing.
   */
  hosted(reference: Reference): HostedObject | undefined {
    if (!isReference(reference)) {
      throw new MalformedError("what stands for an object", "it is none");
    }
    const { node, object } = reference;
    if (node === this.id) return this.host.get(object);
    this.#router.heardOf(node);
    return undefined;
  }

  receive(mail: Mail): void {
    inNode(this, () => {
      switch (mail.type) {
        case "call":
        case "cancel":
        case "taken":
          this.host.receive(mail);
          break;
        default:
          this.calls.receive(mail);
      }
    });
  }

  gone(has: (node: NodeId) => boolean, why: string): void {
    this.host.gone(has, why);
    this.calls.gone(has, why);
    for (const watcher of [...this.watchers]) watcher(has, why);
  }
}

function isReference(value: Partial<Reference> | null | undefined): boolean {
  return typeof value?.node === "string" && Number.isSafeInteger(value.object) &&
    typeof value.name === "string";
}

let current: Node | undefined;

/** The node that the running code is in: there is one in each thread. */
export function currentNode(): Node {
  // Not while this loads: there are platforms without random numbers then.
  if (current === undefined) {
    current = new Node();
    const uplink = currentUplink();
    if (uplink !== undefined) uplink.attached = current.attachParent(uplink, uplink.name);
  }
  return current;
}

/** Calls a function in another node than the thread's own. Tests have several in one thread. */
export function inNode<R>(node: Node, fn: () => R): R {
  const before = current;
  current = node;
  try {
    return fn();
  } finally {
    current = before;
  }
}
