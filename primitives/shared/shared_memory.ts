/**
 * What stands for something that threads share, and how it becomes the same thing in another thread:
 * the memory, and a name.
 *
 * In one thread there is one object for one memory, as long as it is used: so an owner is known, and
 * whoever gets it twice gets the same.
 *
 * @module
 */

import { show } from "../kernel/check.ts";
import { type Passed, receive } from "../kernel/passing.ts";
import { IDENTITY, KIND, WORDS } from "./layout.ts";

/** What something that threads share is made of. It can be posted to a worker. */
export interface SharedMemory {
  /** Its state. */
  readonly memory: SharedArrayBuffer;
  /** What errors and `inspect()` call it. */
  readonly name: string;
}

/** What is left of a shared object when it was posted as it is. */
export interface Posted {
  /** See {@linkcode SharedMemory}. */
  readonly shared: SharedMemory;
}

const objects = new Map<string, WeakRef<object>>();
const unused = new FinalizationRegistry<string>((identity) => {
  // There may be a new one already.
  if (objects.get(identity)?.deref() === undefined) objects.delete(identity);
});

// Handed over in a variable, so that the constructors that users see take what is for users.
let given: SharedMemory | null = null;

/** A class of things that threads share. */
export class SharedKind<T extends object> {
  readonly #name: string;
  readonly #number: number;
  readonly #make: () => T;

  /**
   * @param name The name of the class.
   * @param number A number that no other class has.
   * @param make Makes an object; its constructor calls {@linkcode SharedKind.memoryFor}.
   */
  constructor(name: string, number: number, make: () => T) {
    this.#name = name;
    this.#number = number;
    this.#make = make;
    receive<SharedMemory>(name, (shared) => this.objectOf(shared));
  }

  /** The memory of an object that is being made: what it was given, or a new one. */
  memoryFor(object: T, name: string, bytes = 0): { shared: SharedMemory; isNew: boolean } {
    const isNew = given === null;
    const shared = given ?? this.#allocate(name, bytes);
    given = null;
    const identity = identityOf(shared);
    objects.set(identity, new WeakRef(object));
    unused.register(object, identity);
    return { shared, isNew };
  }

  /** What stands for an object on its way. */
  passed(shared: SharedMemory): Passed {
    return { kind: this.#name, data: shared };
  }

  /** The object that was posted. */
  from(posted: Posted): T {
    const shared = posted?.shared;
    if (!this.#isOne(shared)) {
      throw new TypeError(
        `Cannot make a ${this.#name} as what was posted is none: received ${
          show(posted)
        }. Post the ${this.#name} itself`,
      );
    }
    return this.objectOf(shared);
  }

  /** The object of a memory. */
  objectOf(shared: SharedMemory): T {
    const known = objects.get(identityOf(shared))?.deref();
    if (known !== undefined) return known as T;
    given = shared;
    try {
      return this.#make();
    } finally {
      given = null;
    }
  }

  #isOne(shared: SharedMemory | undefined): shared is SharedMemory {
    const memory = shared?.memory;
    return typeof SharedArrayBuffer !== "undefined" && memory instanceof SharedArrayBuffer &&
      memory.byteLength >= 4 * WORDS && new Int32Array(memory)[KIND] === this.#number;
  }

  #allocate(name: string, bytes: number): SharedMemory {
    if (typeof SharedArrayBuffer === "undefined") {
      throw new TypeError(
        `Cannot make a ${this.#name} as this platform has no SharedArrayBuffer. Where there are no workers, use what it stands for in one thread`,
      );
    }
    const memory = new SharedArrayBuffer(4 * WORDS + bytes);
    const words = new Int32Array(memory);
    words[KIND] = this.#number;
    for (const word of [IDENTITY, IDENTITY + 1]) words[word] = Math.random() * 2 ** 32;
    return { memory, name };
  }
}

function identityOf({ memory }: SharedMemory): string {
  const words = new Int32Array(memory, 4 * IDENTITY, 2);
  return `${words[0]} ${words[1]}`;
}
