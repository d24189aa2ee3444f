/**
 * `transfer`: what is moved with a value, and not copied.
 *
 * @module
 */

import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { TaskPool, transfer } from "../../mod.ts";
import { transferOf } from "../../pools/transfer.ts";
import { assertType, calling, type Same } from "../primitives/probes.ts";

Deno.test("transfer returns the value itself, of the same type [P8]", () => {
  const bytes = new Uint8Array(4);
  const same = transfer(bytes);
  assertStrictEquals(same, bytes);
  assertType<Same<typeof same, Uint8Array<ArrayBuffer>>>();
  const frame = { width: 1, bytes };
  assertStrictEquals(transfer(frame, [bytes.buffer]), frame);
});

Deno.test("without a list, what is moved is the value itself, or the buffer that it is a view of", () => {
  const buffer = new ArrayBuffer(8);
  assertStrictEquals(transferOf(transfer(buffer))?.[0], buffer);
  for (
    const view of [new Uint8Array(buffer, 2, 3), new DataView(buffer), new Float64Array(buffer)]
  ) {
    assertEquals(transferOf(transfer(view))?.length, 1);
    assertStrictEquals(transferOf(view)?.[0], buffer);
  }
  const { port1, port2 } = new MessageChannel();
  assertStrictEquals(transferOf(transfer(port1))?.[0], port1);
  port1.close();
  port2.close();
});

Deno.test("with a list, what is moved is that, also nothing; the last call counts", () => {
  const buffers = [new ArrayBuffer(1), new ArrayBuffer(2)];
  const value = { buffers };
  assertEquals(transferOf(transfer(value, buffers)), buffers);
  assertEquals(transferOf(transfer(value, [])), []);
});

Deno.test("what was not marked has nothing to be moved", () => {
  assertEquals(transferOf(new ArrayBuffer(1)), undefined);
  const bytes = transfer(new Uint8Array(1));
  assertEquals(transferOf(bytes.buffer), undefined, "the mark is the value's");
});

Deno.test("in a TaskPool nothing is moved: the same buffer is there and here", async () => {
  await using pool = new TaskPool(1);
  const bytes = new Uint8Array([1, 2, 3]);
  const back = await pool.run((argument: Uint8Array) => transfer(argument), transfer(bytes));
  assertStrictEquals(back, bytes);
  assertEquals(bytes.length, 3);
});

Deno.test("transfer says what is wrong with its arguments, and marks nothing [E1]", () => {
  for (
    const [value, shown] of [[5, "5"], [null, "null"], ["text", '"text"'], [undefined, "undefined"]]
  ) {
    assertThrows(
      calling(transfer, value),
      TypeError,
      `Cannot transfer a value that has no buffers: received ${shown}. Pass it as it is`,
    );
  }
  const buffer = new ArrayBuffer(1);
  const value = { buffer };
  assertThrows(
    calling(transfer, value, buffer),
    TypeError,
    "Cannot transfer a value as the buffers must be a list: received an ArrayBuffer",
  );
  assertEquals(transferOf(value), undefined);
});
