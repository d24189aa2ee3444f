/**
 * Foreign `AbortSignal`s, listened to once each.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import { SignalWatch } from "../../../primitives/kernel/signals.ts";
import { SpiedController } from "../spies.ts";

Deno.test("C8: all who watch a signal share one listener, which goes with the last of them", () => {
  const controller = new SpiedController();
  const watches = Array.from({ length: 1000 }, () => new SignalWatch(controller.signal, () => {}));
  assertEquals([controller.listeners, controller.added], [1, 1]);
  for (const watch of watches.slice(1)) watch.release();
  assertEquals(controller.listeners, 1);
  watches[0].release();
  assertEquals(controller.listeners, 0);
});

Deno.test("C8: an abort calls all who watch, in the order in which they came, once, and leaves no listener", () => {
  const controller = new SpiedController();
  const called: number[] = [];
  for (let id = 0; id < 3; id++) new SignalWatch(controller.signal, () => called.push(id));
  controller.abort();
  controller.signal.dispatchEvent(new Event("abort"));
  assertEquals(called, [0, 1, 2]);
  assertEquals(controller.listeners, 0);
});

Deno.test("C8: who has let the signal go is not called, also if it let go while the others were", () => {
  const controller = new SpiedController();
  const called: string[] = [];
  const before = new SignalWatch(controller.signal, () => called.push("before"));
  new SignalWatch(controller.signal, () => {
    called.push("first");
    during.release();
  });
  const during = new SignalWatch(controller.signal, () => called.push("during"));
  new SignalWatch(controller.signal, () => called.push("last"));
  before.release();
  controller.abort();
  assertEquals(called, ["first", "last"]);
});

Deno.test("C8: letting go twice, or after the abort, does nothing", () => {
  const controller = new SpiedController();
  const watch = new SignalWatch(controller.signal, () => {});
  const other = new SignalWatch(controller.signal, () => {});
  watch.release();
  watch.release();
  assertEquals(controller.listeners, 1);
  controller.abort();
  other.release();
  assertEquals(controller.listeners, 0);
});

Deno.test("C8: a signal that everybody has let go can be watched again", () => {
  const controller = new SpiedController();
  const called: string[] = [];
  new SignalWatch(controller.signal, () => called.push("first")).release();
  new SignalWatch(controller.signal, () => called.push("second"));
  assertEquals([controller.listeners, controller.added], [1, 2]);
  controller.abort();
  assertEquals(called, ["second"]);
});

Deno.test("C8: different signals have nothing to do with each other", () => {
  const [a, b] = [new SpiedController(), new SpiedController()];
  const called: string[] = [];
  new SignalWatch(a.signal, () => called.push("a"));
  new SignalWatch(b.signal, () => called.push("b"));
  a.abort();
  assertEquals(called, ["a"]);
  assertEquals([a.listeners, b.listeners], [0, 1]);
  b.abort();
});
