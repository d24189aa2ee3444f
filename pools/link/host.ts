/**
 * Objects that others may call from elsewhere. Each call runs in a task of its own, in a scope that
 * stands for the object; it is cancelled when its caller does not wait any more, or is gone.
 *
 * What a call hands over, an item or a permit, is the caller's only when the caller has said that
 * it has it; until then it is kept here, and given back when the caller turns out to have left, or
 * to be gone. A caller that dies in the moment after it has said so dies with it.
 *
 * @module
 */

import { outside, rootScope } from "../../primitives/kernel/context.ts";
import { hasChildren, hasEnded, link, type Scope, unlink } from "../../primitives/kernel/scope.ts";
import { startTask, Task, TaskOwner } from "../../primitives/kernel/task.ts";
import { type Packed, packValues, type PassedOn, unpackValues } from "../passing.ts";
import { encodeError } from "../remote_error.ts";
import type { Mailer } from "./calls.ts";
import type { Mail, NodeId } from "./message.ts";

/** Values as they have come, or as they are to go. */
export interface Parcel {
  readonly values: readonly unknown[];
  readonly passed?: readonly PassedOn[] | undefined;
}

/** An object that can be called from elsewhere. */
export interface HostedObject {
  /** What kind of object it is, as errors call it: "queue". */
  readonly kind: string;
  readonly name: string;
  /**
   * Calls a method, in a task of its own.
   *
   * @param method Whatever somebody has sent.
   * @param args What it is called with, as it has come.
   * @param caller The node that calls.
   * @returns The result; a {@linkcode Shipment} where it is packed already, or is handed over.
   */
  call(method: string, args: Parcel, caller: NodeId): unknown;
}

/** A result that is packed already, and may be one that is handed over. */
export class Shipment {
  readonly parcel: Parcel;
  readonly handover: Handover | undefined;

  constructor(parcel: Parcel, handover?: Handover) {
    this.parcel = parcel;
    this.handover = handover;
  }
}

/** What a call returns that returns nothing. */
export const NOTHING: Parcel = { values: [undefined] };

/** What becomes of something that is handed over. One of the two is called, once. */
export interface Handover {
  /** The caller has it. */
  taken(): void;
  /** The caller has left before it came, or is gone. */
  giveBack(): void;
}

/** See above: the objects of one node. */
export class Host {
  readonly #mailer: Mailer & { readonly name: string };
  readonly #objects: Map<number, Hosting> = new Map();
  readonly #open: Map<NodeId, Map<number, CallTask | Handover>> = new Map();

  constructor(mailer: Mailer & { readonly name: string }) {
    this.#mailer = mailer;
  }

  /** How many objects are hosted. */
  get size(): number {
    return this.#objects.size;
  }

  /** How many calls run, or have handed over what is not taken yet. */
  get open(): number {
    let count = 0;
    for (const calls of this.#open.values()) count += calls.size;
    return count;
  }

  /**
   * Lets an object be called.
   *
   * @param object The object.
   * @param scope The scope in which its calls run.
   * @returns Its number. Who was not given the object cannot guess it.
   */
  add(object: HostedObject, scope: Scope = rootScope()): number {
    const id = randomId();
    const ended = (task: CallTask, outcome: unknown) => this.#ended(task, outcome);
    this.#objects.set(id, new Hosting(object, scope, ended));
    return id;
  }

  /** The object of a number. */
  get(id: number): HostedObject | undefined {
    return this.#objects.get(id)?.object;
  }

  /** Lets it be called no more. Calls that wait in it fail. */
  remove(id: number, why: string): void {
    const hosting = this.#objects.get(id);
    if (hosting === undefined) return;
    this.#objects.delete(id);
    hosting.end = why;
    for (const calls of this.#open.values()) {
      for (const call of calls.values()) {
        if (call instanceof CallTask && call.hosting === hosting) call.cancel(why);
      }
    }
  }

  /** A message of a caller has come. */
  receive(mail: Mail): void {
    switch (mail.type) {
      case "call":
        this.#call(mail);
        break;
      case "cancel":
        this.#leave(this.#close(mail.from, mail.id), "its caller does not wait any more");
        break;
      case "taken": {
        const handover = this.#open.get(mail.from)?.get(mail.id);
        if (handover === undefined || handover instanceof CallTask) break;
        this.#close(mail.from, mail.id);
        handover.taken();
      }
    }
  }

  /** Nodes are gone: what they have called for ends. */
  gone(has: (node: NodeId) => boolean, why: string): void {
    for (const [node, calls] of this.#open) {
      if (!has(node)) continue;
      this.#open.delete(node);
      for (const call of calls.values()) this.#leave(call, `its caller has left as ${why}`);
    }
  }

  #call(mail: Mail & { type: "call" }): void {
    const { from, id, method } = mail;
    // Nobody gives a number twice: the former call would be one that nobody can end.
    if (this.#open.get(from)?.has(id)) return;
    const hosting = this.#objects.get(mail.object);
    if (hosting === undefined) {
      if (id !== 0) this.#reply(from, id, { type: "lost", why: "it was disposed of" });
      return;
    }
    const task = new CallTask(hosting, method, from, id);
    if (id !== 0) this.#openOf(from).set(id, task);
    hosting.enter(task);
    // In no context but its own: that of the message is the one of whoever has sent it last.
    outside(() => startTask(task as Task, () => hosting.object.call(method, mail, from)));
  }

  #ended(task: CallTask, outcome: unknown): void {
    const { caller, number: id, hosting } = task;
    // Nor does anybody here want to know what has become of it: it was somebody elsewhere who has
    // called in that way, and this program is not to end for that.
    if (id === 0) return;
    const isWanted = this.#open.get(caller)?.get(id) === task;
    if (outcome instanceof Shipment && outcome.handover !== undefined) {
      if (isWanted) this.#handOver(task, outcome.parcel, outcome.handover);
      else outcome.handover.giveBack();
      return;
    }
    if (!isWanted) return;
    this.#close(caller, id);
    if (hosting.end !== undefined) {
      this.#reply(caller, id, { type: "lost", why: hosting.end });
    } else if (task.state === "succeeded") {
      this.#return(task, outcome);
    } else {
      this.#fail(task, outcome);
    }
  }

  #return(task: CallTask, outcome: unknown): void {
    const { caller, number: id } = task;
    try {
      const packed = outcome instanceof Shipment
        ? outcome.parcel
        : packValues([outcome], () => `the result of ${task.name}()`);
      const { values, passed } = packed;
      const moved = (packed as Partial<Packed>).moved;
      this.#reply(caller, id, { type: "reply", values, passed, isHeld: false }, moved);
    } catch (error) {
      this.#fail(task, error);
    }
  }

  // Before it is sent: on a link that is called back at once, "taken" is there before send() returns.
  #handOver(task: CallTask, { values, passed }: Parcel, handover: Handover): void {
    const { caller, number: id } = task;
    this.#openOf(caller).set(id, handover);
    try {
      this.#reply(caller, id, { type: "reply", values, passed, isHeld: true });
    } catch (error) {
      this.#close(caller, id);
      handover.giveBack();
      this.#fail(task, error);
    }
  }

  #fail({ caller, number: id }: CallTask, error: unknown): void {
    const where = this.#mailer.name;
    this.#reply(caller, id, { type: "failed", error: encodeError(error), where });
  }

  #reply(
    to: NodeId,
    id: number,
    content: Content,
    moved?: readonly Transferable[],
  ): void {
    this.#mailer.send({ ...content, to, from: this.#mailer.id, id }, moved);
  }

  #leave(call: CallTask | Handover | undefined, reason: string): void {
    if (call instanceof CallTask) call.cancel(reason);
    else call?.giveBack();
  }

  #openOf(node: NodeId): Map<number, CallTask | Handover> {
    let calls = this.#open.get(node);
    if (calls === undefined) this.#open.set(node, calls = new Map());
    return calls;
  }

  #close(node: NodeId, id: number): CallTask | Handover | undefined {
    const calls = this.#open.get(node);
    const call = calls?.get(id);
    calls?.delete(id);
    if (calls?.size === 0) this.#open.delete(node);
    return call;
  }
}

type Content = Mail extends infer M ? M extends Mail ? Omit<M, "to" | "from" | "id"> : never
  : never;

type Ended = (task: CallTask, outcome: unknown) => void;

/** An object that is hosted. */
class Hosting {
  readonly object: HostedObject;
  /** Why it cannot be called any more: the end of a sentence. */
  end: string | undefined;
  readonly #around: Scope;
  readonly #ended: Ended;
  #scope: HostingScope | undefined;

  constructor(object: HostedObject, around: Scope, ended: Ended) {
    this.object = object;
    this.#around = around;
    this.#ended = ended;
  }

  /** Takes the task of a call in. While there is none, nothing of the object is in the tree. */
  enter(task: CallTask): void {
    if (this.#scope === undefined || hasEnded(this.#scope)) {
      const { kind, name } = this.object;
      this.#scope = new HostingScope(`${kind} "${name}"`, this.#ended);
      link(this.#scope, this.#around, null);
    }
    link(task, this.#scope, null);
  }
}

/** The scope that the calls of an object run in. */
class HostingScope extends TaskOwner {
  readonly name: string;
  readonly #ended: Ended;

  constructor(name: string, ended: Ended) {
    super();
    this.name = name;
    this.#ended = ended;
  }

  override childEnded(task: Task, outcome: unknown): void {
    if (!hasChildren(this)) unlink(this);
    this.#ended(task as CallTask, outcome);
  }

  override callbackFailed(error: unknown): void {
    reportError(error);
  }
}

/** The task that a call runs in. */
class CallTask extends Task {
  readonly hosting: Hosting;
  readonly caller: NodeId;
  /** The number that its caller has given to it; 0 where nobody waits for it. */
  readonly number: number;

  constructor(hosting: Hosting, method: string, caller: NodeId, number: number) {
    super(method);
    this.hosting = hosting;
    this.caller = caller;
    this.number = number;
  }
}

function randomId(): number {
  const [high, low] = crypto.getRandomValues(new Uint32Array(2));
  return (high >>> 11) * 2 ** 32 + low;
}

/** What is in a parcel, with all that was passed on in it. */
export function open(
  { values, passed }: Parcel,
): readonly unknown[] | Promise<readonly unknown[]> {
  return unpackValues(values, passed);
}
