/**
 * Objects that are called from elsewhere as if they were here, but for the `await`: what stands for
 * one, and what calls it where it is.
 *
 * What can be called is what its author has made public: the members of the object and of its
 * classes, up to and without `Object`; none whose name begins with "_", and no `constructor`. A name
 * that has come from elsewhere is looked up in no other way.
 *
 * @module
 */

import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { mayFloat } from "../../primitives/kernel/floating.ts";
import { pass, type Passed, receive } from "../../primitives/kernel/passing.ts";
import { packCopy, packValues, unpackValues } from "../passing.ts";
import { Remote as RemoteReference } from "./calls.ts";
import { type HostedObject, open, type Parcel } from "./host.ts";
import type { Reference } from "./message.ts";
import { currentNode, inNode, type Node } from "./node.ts";

/** What stands for an object on its way. */
interface RemoteData extends Reference {
  readonly kind: string;
}

/** How an object is reached. */
interface Side {
  call(method: string, args: readonly unknown[]): Promise<unknown>;
  data(): RemoteData;
}

/** What a proxy is one of: all that is not called elsewhere is asked of it. */
class RemoteObject {
  readonly #side: Side;

  constructor(side: Side) {
    this.#side = side;
  }

  [pass](): Passed {
    return { kind: "RemoteObject", data: this.#side.data() };
  }
}

function proxyOf(side: Side): object {
  const target = new RemoteObject(side);
  return new Proxy(target, {
    get(_, key) {
      // Symbols are the platform's, or ours. It is no promise, and what every object has is its own.
      if (typeof key === "symbol") return key === pass ? () => target[pass]() : undefined;
      if (key === "then" || key in Object.prototype) return Reflect.get(target, key, target);
      return (...args: unknown[]) => side.call(key, args);
    },
    set(_, key) {
      const { kind, name } = side.data();
      throw new TypeError(
        `Cannot set "${
          String(key)
        }" of ${kind} "${name}" as it is elsewhere. Give it a method that does`,
      );
    },
  });
}

receive("RemoteObject", (data: RemoteData) => {
  const node = currentNode();
  const home = node.hosted(data);
  if (typeof data.kind !== "string") {
    throw new MalformedError("what stands for an object", "it is of no kind");
  }
  return home instanceof HostedValue ? home.proxy : proxyOf(new Away(data, node));
});

/** An object that is called from elsewhere, where it is. */
export class HostedValue implements HostedObject {
  readonly kind: string;
  readonly name: string;
  /** What stands for it here too, so that it is used in the same way everywhere. */
  readonly proxy: object;
  readonly #object: object;
  readonly #node: Node;
  readonly #id: number;
  #end: string | undefined;

  /**
   * @param object The object.
   * @param kind What errors call it: "dict".
   * @param name What errors call it.
   * @param node Where it is.
   * @param add Lets it be called from elsewhere, and gives its number.
   */
  constructor(
    object: object,
    kind: string,
    name: string,
    node: Node,
    add: (hosted: HostedObject) => number,
  ) {
    this.#object = object;
    this.kind = kind;
    this.name = name;
    this.#node = node;
    this.#id = add(this);
    this.proxy = proxyOf({
      call: (method, args) => mayFloat(this.#callHere(method, args)),
      data: () => this.#data(),
    });
  }

  /** Ends it: `why` is the end of a sentence. */
  end(why: string): void {
    this.#end = why;
    this.#node.host.remove(this.#id, why);
  }

  call(method: string, args: Parcel): unknown {
    const values = open(args);
    return values instanceof Promise
      ? values.then((values) => this.#invoke(method, values))
      : this.#invoke(method, values);
  }

  #data(): RemoteData {
    this.#node.announce();
    return { node: this.#node.id, object: this.#id, kind: this.kind, name: this.name };
  }

  async #callHere(method: string, args: readonly unknown[]): Promise<unknown> {
    if (this.#end !== undefined) {
      const { kind, name } = this;
      throw new RemoteReference("", 0, { kind, name }).broken(method, this.#end);
    }
    const values = await this.#copyOf(args, (i) => `arguments[${i}]`);
    const result = await this.#invoke(method, values);
    if (result === this.proxy) return result;
    return (await this.#copyOf([result], () => `the result of ${method}()`))[0];
  }

  #copyOf(
    values: readonly unknown[],
    nameOf: (index: number) => string,
  ): readonly unknown[] | Promise<readonly unknown[]> {
    return inNode(this.#node, () => {
      const { values: copy, passed } = packCopy(values, nameOf);
      return unpackValues(copy, passed);
    });
  }

  #invoke(method: string, args: readonly unknown[]): unknown {
    const member = this.#member(method);
    if (typeof member !== "function") {
      if (args.length === 0) return member;
      throw new TypeError(
        `Cannot call ${method}() of ${this.kind} "${this.name}" as it is no function there. Call it without arguments to read it`,
      );
    }
    const result = Reflect.apply(member, this.#object, args);
    // What returns the object itself, as `set` of a map does, returns what stands for it.
    if (result === this.#object) return this.proxy;
    return result instanceof Promise
      ? result.then((value) => value === this.#object ? this.proxy : value)
      : result;
  }

  #member(name: string): unknown {
    if (isPublic(name)) {
      for (
        let object = this.#object;
        object !== null && object !== Object.prototype;
        object = Object.getPrototypeOf(object)
      ) {
        if (Object.hasOwn(object, name)) return Reflect.get(this.#object, name);
      }
    }
    throw new TypeError(
      `Cannot call ${name}() of ${this.kind} "${this.name}" as it has nothing public of that name. What begins with "_" is not, nor what every object has`,
    );
  }
}

function isPublic(name: unknown): boolean {
  return typeof name === "string" && !name.startsWith("_") && !(name in Object.prototype);
}

/** An object that is elsewhere. */
class Away implements Side {
  readonly #data: RemoteData;
  readonly #node: Node;
  readonly #reference: RemoteReference;

  constructor(data: RemoteData, node: Node) {
    this.#data = data;
    this.#node = node;
    const { kind, name } = data;
    this.#reference = new RemoteReference(data.node, data.object, { kind, name });
  }

  call(method: string, args: readonly unknown[]): Promise<unknown> {
    const packed = () => packValues(args, (i) => `arguments[${i}]`);
    return this.#node.calls.call(this.#reference, method, packed);
  }

  data(): RemoteData {
    return this.#data;
  }
}
