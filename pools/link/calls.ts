/**
 * Calls of objects that are elsewhere. A call is a wait like any other: it ends with its scope, its
 * time-out and its signal, and then the other side is told, which ends what the call does there.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { LONGEST_DELAY } from "../../primitives/kernel/clock.ts";
import { currentScope } from "../../primitives/kernel/context.ts";
import { BrokenResourceError } from "../../primitives/kernel/errors.ts";
import { WaitQueue, type WaitTarget } from "../../primitives/kernel/queue.ts";
import { entry, suspend, Waiter, type WaitOptions } from "../../primitives/kernel/wait.ts";
import { dropPassed, loadPassed, type Packed, unpackPassed } from "../passing.ts";
import { decodeError } from "../remote_error.ts";
import type { Mail, NodeId } from "./message.ts";

/** Sends mail. */
export interface Mailer {
  readonly id: NodeId;
  send(mail: Mail, moved?: readonly Transferable[]): void;
}

/** An object that is elsewhere, as who waits for its replies sees it. */
export class Remote {
  readonly node: NodeId;
  readonly object: number;
  /** The calls that wait. Its target is what they wait for. */
  readonly calls: WaitQueue<unknown>;

  constructor(node: NodeId, object: number, target: WaitTarget) {
    this.node = node;
    this.object = object;
    this.calls = new WaitQueue(target);
  }

  /** What those get who use it when it is gone. */
  broken(method: string, why: string): BrokenResourceError {
    const { kind, name } = this.calls.target;
    return new BrokenResourceError(
      `Cannot call ${method}() of ${kind} "${name}" as ${why}. Make a new one`,
    );
  }
}

/** See above: the calls of one node. */
export class Calls {
  readonly #mailer: Mailer;
  readonly #pending: Map<number, Call> = new Map();
  #last = 0;
  #awake: ReturnType<typeof setInterval> | undefined;

  constructor(mailer: Mailer) {
    this.#mailer = mailer;
  }

  /** How many wait. */
  get size(): number {
    return this.#pending.size;
  }

  /**
   * Calls a method of an object and waits for the reply.
   *
   * @param remote The object.
   * @param method The name of the method.
   * @param args What it is called with; it is asked for when it is certain that the call is made.
   * @param options As for every wait.
   * @returns What the method returns.
   */
  call(
    remote: Remote,
    method: string,
    args: () => Packed,
    options?: WaitOptions,
  ): Promise<unknown> {
    const scope = currentScope();
    const barred = entry(scope, options);
    if (barred !== undefined) return barred;
    let packed: Packed;
    try {
      packed = args();
    } catch (error) {
      return Promise.reject(error);
    }
    const id = ++this.#last;
    const call = new Call(remote, method, () => this.#abandoned(id, call));
    // Workers let a program end that waits for none of their jobs; this one waits for somebody.
    if (this.#pending.size === 0) this.#awake = setInterval(ignore, LONGEST_DELAY);
    this.#pending.set(id, call);
    remote.calls.add(call);
    const promise = suspend(scope, call, options);
    const { values, passed, moved } = packed;
    // It may have ended already, with a time-out of 0.
    if (call.isOver) {
      dropPassed(passed);
      return promise;
    }
    try {
      this.#mailer.send({
        type: "call",
        to: remote.node,
        from: this.#mailer.id,
        id,
        object: remote.object,
        method,
        values,
        passed,
      }, moved);
      call.isSent = true;
    } catch (error) {
      dropPassed(passed);
      call.fail(error);
    }
    return promise;
  }

  /** Calls a method, and wants no reply. */
  tell(remote: Remote, method: string, values: readonly unknown[]): void {
    this.#mailer.send({
      type: "call",
      to: remote.node,
      from: this.#mailer.id,
      id: 0,
      object: remote.object,
      method,
      values,
    });
  }

  /** A reply has come, of whatever kind. */
  receive(mail: Mail): void {
    const call = this.#pending.get(mail.id);
    // It does not wait any more, and has said so; or it has called somebody else.
    if (call === undefined || call.remote.node !== mail.from) return;
    switch (mail.type) {
      case "reply":
        this.#deliver(call, mail);
        break;
      case "failed":
        this.#end(mail.id, call).fail(errorIn(mail));
        break;
      case "lost":
        this.#end(mail.id, call).fail(call.remote.broken(call.method, mail.why));
    }
  }

  /** Nodes are gone. */
  gone(has: (node: NodeId) => boolean, why: string): void {
    for (const [id, call] of this.#pending) {
      if (has(call.remote.node)) this.#end(id, call).fail(call.remote.broken(call.method, why));
    }
  }

  #deliver(call: Call, mail: Mail & { type: "reply" }): void {
    const loading = mail.passed && loadPassed(mail.passed);
    if (loading === undefined) this.#take(call, mail);
    else loading.then(() => this.#take(call, mail), (error) => call.fail(error));
  }

  #take(call: Call, { id, from, values, passed, isHeld }: Mail & { type: "reply" }): void {
    if (call.isOver) return; // It was cancelled while a module was loaded.
    try {
      if (passed !== undefined) unpackPassed(values, passed);
    } catch (error) {
      call.fail(error); // As a time-out does: what can be given back is.
      return;
    }
    if (isHeld) this.#mailer.send({ type: "taken", to: from, from: this.#mailer.id, id });
    this.#end(id, call).wake(values[0]);
  }

  #end(id: number, call: Call): Call {
    this.#forget(id);
    call.isOver = true;
    return call;
  }

  #abandoned(id: number, { remote, isSent }: Call): void {
    this.#forget(id);
    if (!isSent) return;
    this.#mailer.send({ type: "cancel", to: remote.node, from: this.#mailer.id, id });
  }

  #forget(id: number): void {
    this.#pending.delete(id);
    if (this.#pending.size === 0) clearInterval(this.#awake);
  }
}

function errorIn({ error, where }: Mail & { type: "failed" }): unknown {
  try {
    return decodeError(error, where);
  } catch {
    return new MalformedError("an error", "it is none");
  }
}

function ignore(): void {}

/** A call that waits. */
class Call extends Waiter<unknown> {
  readonly remote: Remote;
  readonly method: string;
  /** Whether the other side knows of it. */
  isSent = false;
  /** Whether it has ended, by a reply or otherwise. */
  isOver = false;
  readonly #abandoned: () => void;

  constructor(remote: Remote, method: string, abandoned: () => void) {
    super();
    this.remote = remote;
    this.method = method;
    this.#abandoned = abandoned;
  }

  // Also called where a reply has made it fail, and there is nobody to tell then.
  protected override left(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.#abandoned();
  }
}
