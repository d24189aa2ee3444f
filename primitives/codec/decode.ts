/**
 * Makes values of bytes: what `tags.ts` says, read. The bytes may be anything; what they say is
 * believed as far as there are as many bytes as it would take.
 *
 * @module
 */

import { keepShape } from "../kernel/shapes.ts";
import { ByteReader, malformed } from "./byte_reader.ts";
import { ERROR_CLASSES } from "./error_classes.ts";
import * as tags from "./tags.ts";
import { VIEW_CLASSES } from "./view_classes.ts";

/**
 * Makes a value of its bytes, of which it keeps none.
 *
 * @param bytes The value as bytes.
 * @returns The value.
 * @throws {MalformedError} When nobody can have written the bytes.
 */
export function decode(bytes: Uint8Array): unknown {
  return new Decoding(bytes).read();
}

function textsOf(bytes: Uint8Array): ByteReader {
  if (bytes.length <= tags.HEADER || bytes[0] !== tags.FORMAT) {
    throw malformed("it begins as no value does");
  }
  const start = bytes[1] + bytes[2] * 0x100 + bytes[3] * 0x10000 + bytes[4] * 0x1000000;
  return new ByteReader(bytes, start, bytes.length);
}

class Decoding {
  readonly #reader: ByteReader;
  readonly #texts: ByteReader;
  readonly #keys: string[] = [];
  // One that is being made has a place already, and nothing in it.
  readonly #objects: (object | undefined)[] = [];
  #text = "";
  #textAt = 0;
  #depth = 0;

  constructor(bytes: Uint8Array) {
    this.#texts = textsOf(bytes);
    this.#reader = new ByteReader(bytes, tags.HEADER, this.#texts.at);
  }

  read(): unknown {
    const value = this.#value(this.#reader.byte());
    if (!this.#reader.isOver) throw malformed("there is something after it");
    return value;
  }

  #value(tag: number): unknown {
    if (tag < tags.STRING) return tag;
    if (tag < tags.NULL) return this.#cut(tag - tags.STRING);
    const reader = this.#reader;
    switch (tag) {
      case tags.NULL:
        return null;
      case tags.UNDEFINED:
        return undefined;
      case tags.TRUE:
        return true;
      case tags.FALSE:
        return false;
      case tags.SHORT:
        return reader.short();
      case tags.INT:
        return reader.int();
      case tags.DOUBLE:
        return reader.double();
      case tags.BIGINT:
        return reader.bigint();
      case tags.LARGE_BIGINT:
        return this.#bigint();
      case tags.SHORT_STRING:
        return this.#cut(reader.byte());
      case tags.LONG_STRING:
        return reader.text();
    }
    if (++this.#depth > tags.DEEPEST) throw malformed("its objects are too deep in each other");
    const object = this.#object(tag);
    this.#depth--;
    return object;
  }

  #object(tag: number): unknown {
    const reader = this.#reader;
    switch (tag) {
      case tags.AGAIN:
        return this.#again();
      case tags.RECORD:
        return this.#properties(this.#add({}), reader.byte());
      case tags.LIST:
        return this.#list();
      case tags.LIST_WITH_KEYS:
        return this.#properties(this.#list(), reader.byte());
      case tags.SPARSE_LIST:
        return this.#sparse();
      case tags.MAP:
        return this.#map();
      case tags.SET:
        return this.#set();
      case tags.DATE:
        return this.#add(new Date(reader.double()));
      case tags.REGEXP:
        return this.#regexp();
      case tags.BOXED:
        return this.#boxed();
      case tags.ERROR:
        return this.#error();
      case tags.DOM_EXCEPTION:
        return this.#domException();
      case tags.BUFFER:
        return this.#add(reader.copy(reader.count()).buffer);
      case tags.RESIZABLE_BUFFER:
        return this.#resizable();
      case tags.VIEW:
        return this.#view();
      default:
        throw malformed(`no value begins with ${tag}`);
    }
  }

  #add<T extends object>(object: T): T {
    this.#objects.push(object);
    return object;
  }

  #again(): object {
    return this.#objects[this.#reader.count()] ?? fail("it has something again that it had not");
  }

  #cut(length: number): string {
    if (length === 0) return "";
    if (this.#textAt === this.#text.length) {
      this.#text = this.#texts.text();
      this.#textAt = 0;
    }
    const start = this.#textAt;
    this.#textAt = start + length;
    if (this.#textAt > this.#text.length) throw malformed("a text of it is too short");
    return this.#text.slice(start, this.#textAt);
  }

  #string(): string {
    const value = this.#value(this.#reader.byte());
    return typeof value === "string" ? value : fail("there is no string where one should be");
  }

  #bigint(): bigint {
    const digits = this.#string();
    if (!/^-?[\da-f]+$/.test(digits)) throw malformed("a number of it has strange digits");
    return digits[0] === "-" ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
  }

  #key(tag: number): string {
    let number = tag;
    if (tag === tags.KNOWN_KEY) number = this.#reader.count();
    else if (tag >= tags.STRING) {
      const key = this.#value(tag);
      if (typeof key !== "string") throw malformed("there is no key where one should be");
      this.#keys.push(key);
      return key;
    }
    return this.#keys[number] ?? fail("it has a key again that it had not");
  }

  #properties<T extends object>(object: T, tag: number): T {
    while (tag !== tags.END) {
      const key = this.#key(tag);
      const value = this.#value(this.#reader.byte());
      // It is a property as any other, and to assign it would be to change what the object is.
      if (key === "__proto__") define(object, key, value);
      else if (key === "length" && Array.isArray(object)) throw malformed("a list has two lengths");
      else (object as Record<string, unknown>)[key] = value;
      tag = this.#reader.byte();
    }
    return object;
  }

  #list(): unknown[] {
    const length = this.#reader.count();
    const list: unknown[] = this.#add([]);
    for (let i = 0; i < length; i++) {
      const tag = this.#reader.byte();
      if (tag === tags.HOLE) list.length++;
      else list.push(this.#value(tag));
    }
    return list;
  }

  #sparse(): unknown[] {
    const length = this.#reader.count();
    if (length <= tags.LEAST_SPARSE || length > 0xffff_ffff) {
      throw malformed("a list of it has a strange length");
    }
    const list: unknown[] = this.#add([]);
    // To set the length would take the memory of all its holes. An element that is far off does not.
    list[length - 1] = undefined;
    delete list[length - 1];
    return this.#properties(list, this.#reader.byte());
  }

  #map(): Map<unknown, unknown> {
    const map = this.#add(new Map());
    for (let tag = this.#reader.byte(); tag !== tags.END; tag = this.#reader.byte()) {
      const key = this.#value(tag);
      map.set(key, this.#value(this.#reader.byte()));
    }
    return map;
  }

  #set(): Set<unknown> {
    const set = this.#add(new Set());
    for (let tag = this.#reader.byte(); tag !== tags.END; tag = this.#reader.byte()) {
      set.add(this.#value(tag));
    }
    return set;
  }

  #regexp(): RegExp {
    const source = this.#string();
    const flags = this.#string();
    try {
      return this.#add(new RegExp(source, flags));
    } catch {
      throw malformed("a regular expression of it is none");
    }
  }

  #boxed(): object {
    const place = this.#objects.push(undefined) - 1;
    const value = this.#value(this.#reader.byte());
    if (value === undefined || value === null || typeof value === "object") {
      throw malformed("there is no primitive where one should be");
    }
    return this.#objects[place] = Object(value);
  }

  #error(): Error {
    const place = this.#objects.push(undefined) - 1;
    const number = this.#reader.byte();
    if (number >= ERROR_CLASSES.length) throw malformed("an error of it has no class");
    const message = this.#isNext() ? this.#string() : undefined;
    const error = new ERROR_CLASSES[number](message);
    this.#objects[place] = error;
    // Not defined, as it is what the platform has made of it.
    error.stack = this.#isNext() ? this.#string() : undefined;
    if (this.#isNext()) define(error, "cause", this.#value(this.#reader.byte()), false);
    return error;
  }

  #domException(): DOMException {
    const exception: DOMException & { stack?: string } = this.#add(
      new DOMException(this.#string(), this.#string()),
    );
    exception.stack = this.#isNext() ? this.#string() : undefined;
    return exception;
  }

  #isNext(): boolean {
    const tag = this.#reader.byte();
    return tag === tags.PRESENT || tag !== tags.END && fail("an error of it is not whole");
  }

  #resizable(): ArrayBuffer {
    const length = this.#reader.count();
    const maxByteLength = this.#reader.count();
    const bytes = this.#reader.copy(length);
    let buffer: ArrayBuffer;
    try {
      buffer = new ArrayBuffer(length, { maxByteLength });
    } catch {
      throw malformed("a buffer of it is too large");
    }
    new Uint8Array(buffer).set(bytes);
    return this.#add(buffer);
  }

  #view(): ArrayBufferView {
    const place = this.#objects.push(undefined) - 1;
    const number = this.#reader.byte();
    if (number >= VIEW_CLASSES.length) throw malformed("a view of it has no class");
    const View = VIEW_CLASSES[number];
    const offset = this.#reader.count();
    const length = this.#reader.count();
    const buffer = this.#value(this.#reader.byte());
    if (!(buffer instanceof ArrayBuffer)) throw malformed("a view of it has no buffer");
    const size = View.BYTES_PER_ELEMENT ?? 1;
    if (offset % size !== 0 || offset + length * size > buffer.byteLength) {
      throw malformed("a view of it does not fit its buffer");
    }
    return this.#objects[place] = new View(buffer, offset, length);
  }
}

keepShape(new Decoding(Uint8Array.of(tags.FORMAT, tags.HEADER, 0, 0, 0, 0)));

function define(object: object, key: string, value: unknown, enumerable = true): void {
  Object.defineProperty(object, key, { value, configurable: true, enumerable, writable: true });
}

function fail(why: string): never {
  throw malformed(why);
}
