/**
 * Values and errors as bytes, for another machine.
 *
 * @module
 */

import { decode } from "../../primitives/codec/decode.ts";
import { MalformedError } from "../../primitives/codec/malformed_error.ts";
import { byteEncoder, RefusedValue } from "../byte_encoder.ts";
import { named, refusal } from "../payload.ts";
import { decodeError, encodeError, type ErrorData } from "../remote_error.ts";

/**
 * Makes bytes of values.
 *
 * @param values The values.
 * @param nameOf What each is called.
 * @throws {NotPortableError} When one of them cannot travel, with the way to it.
 */
export function packValues(
  values: readonly unknown[],
  nameOf: (index: number) => string,
): Uint8Array<ArrayBuffer> {
  try {
    return byteEncoder.encode(values, "").slice();
  } catch (error) {
    if (!(error instanceof RefusedValue)) throw error;
    throw refusal(error.value, named(error.path, nameOf), "machine");
  }
}

/**
 * Makes values of bytes.
 *
 * @throws {MalformedError} When they are none.
 */
export function unpackValues(bytes: Uint8Array): readonly unknown[] {
  const values = decode(bytes);
  if (!Array.isArray(values)) throw new MalformedError("what was sent", "it is no list of values");
  return values;
}

/** Makes bytes of a message, of which it is known that they can be made. */
export function packRecord(record: object): Uint8Array<ArrayBuffer> {
  return byteEncoder.encode(record, "").slice();
}

/**
 * Makes a message of bytes: an object whose fields may be anything.
 *
 * @throws {MalformedError} When they are none.
 */
export function unpackRecord(bytes: Uint8Array): Record<string, unknown> {
  const record = decode(bytes);
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    throw new MalformedError("a message", "it is no object");
  }
  return record as Record<string, unknown>;
}

/** Makes data of what a job has thrown, of which bytes can be made. */
export function packError(error: unknown): ErrorData {
  const data = encodeError(error);
  try {
    byteEncoder.encode(data, "");
    return data;
  } catch {
    // A field of it is bound to its process: the rest of the error is not.
    const { name, message, stack } = data;
    return { class: data.class || "RemoteError", name, message, stack, fields: [] };
  }
}

/** What stands for an error that is too large to be sent, with how it begins. */
export function shortError(error: ErrorData | undefined, size: number): ErrorData {
  const start = String(error?.message).slice(0, 200);
  return packError(
    new RangeError(
      `The error of the job is too large to be sent: ${size} bytes. It begins: ${start}`,
    ),
  );
}

/**
 * Makes of data what a job has thrown. The data may be anything.
 *
 * @throws {MalformedError} When it is no such data.
 */
export function unpackError(data: unknown, where: string): unknown {
  const { class: className, name, message, stack, fields } = (data ?? {}) as Partial<ErrorData>;
  const texts = [className, name, message, stack];
  if (!texts.every((text) => typeof text === "string") || !Array.isArray(fields)) {
    throw new MalformedError("an error", "it lacks what every error has");
  }
  try {
    return decodeError(data as ErrorData, where);
  } catch {
    throw new MalformedError("an error", "it has what no error has");
  }
}
