/**
 * A value on its way into bytes: what `tags.ts` says, written.
 *
 * @module
 */

import { isPassable } from "../kernel/passing.ts";
import { keepShape } from "../kernel/shapes.ts";
import { ByteWriter } from "./byte_writer.ts";
import { errorNumberOf } from "./error_classes.ts";
import { kindOf } from "./kinds.ts";
import { KnownKeys } from "./known_keys.ts";
import { SeenObjects } from "./seen_objects.ts";
import * as tags from "./tags.ts";
import { viewNumberOf } from "./view_classes.ts";

/** Thrown for what cannot be copied. Its place is looked for where this is caught. */
export class Refused extends Error {
  readonly value: unknown;

  constructor(value: unknown) {
    super();
    this.value = value;
  }
}

// Of so many places one is taken, in a list of which the holes are not worth their bytes.
const MOSTLY_HOLES = 16;

// Where the texts begin is said in four bytes.
const MOST_BYTES = 0xffff_ffff;

const { hasOwnProperty } = Object.prototype;
const { forEach: forEachEntry } = Map.prototype;
const { forEach: forEachElement } = Set.prototype;

/** See above. */
export class Encoding {
  readonly #writer: ByteWriter;
  readonly #keys: KnownKeys = new KnownKeys();
  readonly #seen: SeenObjects = new SeenObjects();
  #depth = 0;
  #text = "";
  #fullTexts: string[] | undefined;

  constructor(writer: ByteWriter) {
    this.#writer = writer;
  }

  /** Writes the message. */
  write(value: unknown): void {
    const writer = this.#writer;
    const start = writer.end;
    writer.reserve(tags.HEADER);
    writer.byte(tags.FORMAT);
    writer.end += 4;
    this.#value(value);
    const size = writer.end - start;
    if (size > MOST_BYTES) throw tooLarge(size);
    writer.patch(start + 1, size);
    const texts = this.#fullTexts;
    if (texts !== undefined) { for (const text of texts) writer.text(text); }
    if (this.#text !== "") writer.text(this.#text);
  }

  #value(value: unknown): void {
    const writer = this.#writer;
    switch (typeof value) {
      case "number":
        return this.#number(value);
      case "string":
        return this.#string(value);
      case "boolean":
        return writer.byte(value ? tags.TRUE : tags.FALSE);
      case "undefined":
        return writer.byte(tags.UNDEFINED);
      case "object":
        return value === null ? writer.byte(tags.NULL) : this.#object(value);
      case "bigint":
        return this.#bigint(value);
    }
    throw new Refused(value);
  }

  #number(value: number): void {
    const writer = this.#writer;
    // The former also for -0.
    if ((value | 0) !== value || (value === 0 && 1 / value < 0)) {
      writer.byte(tags.DOUBLE);
      writer.double(value);
    } else if (value >= 0 && value < tags.STRING) writer.byte(value);
    else if (value << 16 >> 16 === value) {
      writer.byte(tags.SHORT);
      writer.short(value);
    } else {
      writer.byte(tags.INT);
      writer.int(value);
    }
  }

  #bigint(value: bigint): void {
    if (BigInt.asIntN(64, value) === value) {
      this.#writer.byte(tags.BIGINT);
      this.#writer.bigint(value);
    } else {
      this.#writer.byte(tags.LARGE_BIGINT);
      this.#string(value.toString(16));
    }
  }

  #string(value: string): void {
    const { length } = value;
    const writer = this.#writer;
    if (length > tags.LONGEST_SHORT) {
      writer.byte(tags.LONG_STRING);
      return writer.text(value);
    }
    if (length < tags.NULL - tags.STRING) writer.byte(tags.STRING + length);
    else {
      writer.byte(tags.SHORT_STRING);
      writer.byte(length);
    }
    this.#text += value;
    if (this.#text.length >= tags.FULL_TEXT) {
      (this.#fullTexts ??= []).push(this.#text);
      this.#text = "";
    }
  }

  #key(key: string): void {
    const number = this.#keys.numberOf(key);
    if (number === -1) return this.#string(key);
    if (number < tags.STRING) return this.#writer.byte(number);
    this.#writer.byte(tags.KNOWN_KEY);
    this.#writer.count(number);
  }

  #object(object: object): void {
    const number = this.#seen.numberOf(object);
    if (number !== -1) {
      this.#writer.byte(tags.AGAIN);
      return this.#writer.count(number);
    }
    // A copy of what is to be the same object elsewhere would be another one.
    if (isPassable(object)) throw new Refused(object);
    this.#seen.add(object);
    if (++this.#depth > tags.DEEPEST) throw tooDeep();
    const prototype = Object.getPrototypeOf(object);
    if (prototype === Object.prototype || prototype === null) {
      this.#writer.byte(tags.RECORD);
      this.#properties(object, 0);
    } else if (Array.isArray(object)) this.#list(object);
    else if (ArrayBuffer.isView(object)) this.#view(object);
    else this.#other(object);
    this.#depth--;
  }

  /** Properties, without those that are elements of a list of so many. */
  #properties(object: object, elements: number): void {
    // A loop of this form is several times as fast as one over a list of keys.
    for (const key in object) {
      if (!hasOwnProperty.call(object, key) || elements > 0 && isIndex(key, elements)) continue;
      this.#key(key);
      this.#value((object as Record<string, unknown>)[key]);
    }
    this.#writer.byte(tags.END);
  }

  #list(list: readonly unknown[]): void {
    const writer = this.#writer;
    const { length } = list;
    // It counts elements and other properties without making their keys, of which there are many.
    const size = Object.values(list).length;
    if (length > tags.LEAST_SPARSE && length > MOSTLY_HOLES * size) {
      writer.byte(tags.SPARSE_LIST);
      writer.count(length);
      return this.#properties(list, 0);
    }
    const start = writer.end;
    writer.byte(tags.LIST);
    writer.count(length);
    let holes = 0;
    for (let i = 0; i < length; i++) {
      const value = list[i];
      if (value === undefined && !hasOwnProperty.call(list, i)) {
        writer.byte(tags.HOLE);
        holes++;
      } else this.#value(value);
    }
    if (size > length - holes) {
      writer.bytes[start] = tags.LIST_WITH_KEYS;
      this.#properties(list, length);
    }
  }

  #view(view: ArrayBufferView & { readonly length?: number }): void {
    const writer = this.#writer;
    writer.byte(tags.VIEW);
    writer.byte(viewNumberOf(view));
    writer.count(view.byteOffset);
    writer.count(view.length ?? view.byteLength);
    this.#value(view.buffer);
  }

  #other(object: object): void {
    const kind = kindOf(object);
    switch (kind) {
      case "Record":
        this.#writer.byte(tags.RECORD);
        return this.#properties(object, 0);
      case "Map":
        return this.#map(object as Map<unknown, unknown>);
      case "Set":
        return this.#set(object as Set<unknown>);
      case "Date":
        this.#writer.byte(tags.DATE);
        return this.#writer.double(Date.prototype.getTime.call(object));
      case "RegExp":
        this.#writer.byte(tags.REGEXP);
        this.#string((object as RegExp).source);
        return this.#string((object as RegExp).flags);
      case "Error":
        return this.#error(object as Error);
      case "DOMException":
        return this.#domException(object as DOMException);
      case "Buffer":
        return this.#buffer(object as ArrayBuffer);
      case undefined:
        throw new Refused(object);
      default:
        this.#writer.byte(tags.BOXED);
        return this.#value(primitiveIn(object, kind));
    }
  }

  // A getter of what is in a map may change the map: so it is copied, as the platform does it.
  #map(map: Map<unknown, unknown>): void {
    const parts: unknown[] = [];
    forEachEntry.call(map, (value, key) => parts.push(key, value));
    this.#writer.byte(tags.MAP);
    this.#parts(parts);
  }

  #set(set: Set<unknown>): void {
    const parts: unknown[] = [];
    forEachElement.call(set, (element) => parts.push(element));
    this.#writer.byte(tags.SET);
    this.#parts(parts);
  }

  #parts(parts: readonly unknown[]): void {
    for (let i = 0; i < parts.length; i++) this.#value(parts[i]);
    this.#writer.byte(tags.END);
  }

  #error(error: Error): void {
    this.#writer.byte(tags.ERROR);
    this.#writer.byte(errorNumberOf(error));
    const message = Object.getOwnPropertyDescriptor(error, "message");
    const cause = Object.getOwnPropertyDescriptor(error, "cause");
    const { stack } = error;
    this.#part(message !== undefined && "value" in message, () => `${message!.value}`);
    this.#part(typeof stack === "string", () => stack);
    this.#part(cause !== undefined && "value" in cause, () => cause!.value);
  }

  #domException({ message, name, stack }: DOMException & { stack?: unknown }): void {
    this.#writer.byte(tags.DOM_EXCEPTION);
    this.#string(message);
    this.#string(name);
    this.#part(typeof stack === "string", () => stack);
  }

  #part(isThere: boolean, get: () => unknown): void {
    if (!isThere) return this.#writer.byte(tags.END);
    this.#writer.byte(tags.PRESENT);
    this.#value(get());
  }

  #buffer(buffer: ArrayBuffer): void {
    if (buffer.detached) throw new Refused(buffer);
    const writer = this.#writer;
    writer.byte(buffer.resizable ? tags.RESIZABLE_BUFFER : tags.BUFFER);
    writer.count(buffer.byteLength);
    if (buffer.resizable) writer.count(buffer.maxByteLength);
    writer.copy(new Uint8Array(buffer));
  }
}

keepShape(new Encoding(new ByteWriter()));

function tooDeep(): RangeError {
  return new RangeError(
    `Cannot copy a value as its objects are more than ${tags.DEEPEST} deep in each other. Send a list of them`,
  );
}

function tooLarge(size: number): RangeError {
  return new RangeError(
    `Cannot copy a value as it has ${size} bytes, and the most is ${MOST_BYTES}. Send it in parts`,
  );
}

function isIndex(key: string, length: number): boolean {
  const index = Number(key);
  return index < length && `${index >>> 0}` === key;
}

function primitiveIn(object: object, kind: "Boolean" | "Number" | "String" | "BigInt"): unknown {
  switch (kind) {
    case "Boolean":
      return Boolean.prototype.valueOf.call(object);
    case "Number":
      return Number.prototype.valueOf.call(object);
    case "String":
      return String.prototype.valueOf.call(object);
    case "BigInt":
      return BigInt.prototype.valueOf.call(object);
  }
}
