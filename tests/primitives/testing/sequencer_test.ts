/**
 * `Sequencer`: pieces of several tasks, one after the other.
 *
 * @module
 */

import { assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import { inspect, moveOnAfter, sleep, taskGroup, yieldNow } from "../../../mod.ts";
import {
  Sequencer,
  waitAllTasksBlocked,
  withVirtualTime,
} from "../../../primitives/testing/mod.ts";
import { calling } from "../probes.ts";
import { named } from "../waits.ts";

Deno.test("the pieces of several tasks run in the order of their numbers", async () => {
  const sequencer = new Sequencer();
  const log: string[] = [];
  await taskGroup((group) => {
    group.spawn(async () => {
      await sequencer.at(1, () => log.push("b1"));
      await sequencer.at(4, () => log.push("b4"));
    });
    group.spawn(async () => {
      await sequencer.at(0, () => log.push("a0"));
      await sequencer.at(2, () => log.push("a2"));
      await sequencer.at(3, () => log.push("a3"));
    });
  });
  assertEquals(log, ["a0", "b1", "a2", "a3", "b4"]);
});

Deno.test("a piece may take its time: the next waits until it has ended", async () => {
  const sequencer = new Sequencer();
  const log: string[] = [];
  await withVirtualTime(() =>
    taskGroup((group) => {
      for (const [place, ms] of [[2, 1], [0, 30], [1, 10]]) {
        group.spawn(() =>
          sequencer.at(place, async () => {
            log.push(`begin ${place}`);
            await sleep(ms);
            log.push(`end ${place}`);
          })
        );
      }
    })
  );
  assertEquals(log, ["begin 0", "end 0", "begin 1", "end 1", "begin 2", "end 2"]);
});

Deno.test("at() gives what its piece returns", async () => {
  const sequencer = new Sequencer();
  assertEquals(await sequencer.at(0, () => 7), 7);
  assertEquals(await sequencer.at(1, async () => "eight"), "eight");
});

Deno.test("a piece that fails throws where it was called, and the sequence goes on", async () => {
  const sequencer = new Sequencer();
  const boom = new Error("boom");
  assertStrictEquals(await assertRejects(() => sequencer.at(0, () => Promise.reject(boom))), boom);
  assertStrictEquals(
    await assertRejects(() =>
      sequencer.at(1, () => {
        throw boom;
      })
    ),
    boom,
  );
  assertEquals(await sequencer.at(2, () => "on"), "on");
});

Deno.test("who waits for a place is seen to do so, and can be cancelled", async () => {
  await taskGroup(async (group) => {
    const sequencer = new Sequencer();
    const task = group.spawn(() => sequencer.at(1, () => {}));
    await waitAllTasksBlocked();
    const [node] = inspect().children[0].children;
    assertEquals(named(node.waitingFor), [{ kind: "place", name: "1" }]);
    task.cancel();
    await task.join();
    assertEquals(task.state, "cancelled");
  });
});

Deno.test("a place that was given up does not hold up those behind it", async () => {
  const sequencer = new Sequencer();
  const log: string[] = [];
  await moveOnAfter(0, () => sequencer.at(1, () => log.push("given up")));
  await taskGroup(async (group) => {
    group.spawn(() => sequencer.at(0, () => log.push("first")));
    const last = group.spawn(() => sequencer.at(2, () => log.push("last")));
    for (let turn = 0; turn < 5; turn++) await yieldNow();
    // It would wait for ever, and with it the group.
    last.cancel();
  });
  assertEquals(log, ["first", "last"]);
});

Deno.test("a number that was used is refused, whether its piece waits, runs or has ended", async () => {
  const sequencer = new Sequencer();
  const taken = (place: number) =>
    assertThrows(
      calling(sequencer.at.bind(sequencer), place, () => {}),
      RangeError,
      `place ${place}`,
    );
  const waiting = sequencer.at(1, () => {});
  taken(1);
  const running = sequencer.at(0, () => taken(0));
  taken(0);
  await Promise.all([waiting, running]);
  taken(0);
  taken(1);
  await sequencer.at(2, () => {});
});

Deno.test("at() says at the call what is wrong with its arguments, and takes no place [E1]", async () => {
  const sequencer = new Sequencer();
  const call = (...args: unknown[]) => calling(sequencer.at.bind(sequencer), ...args);
  const fn = () => {};
  assertThrows(call("0", fn), TypeError, 'must be a number: received "0"');
  assertThrows(call(-1, fn), RangeError, "received -1");
  assertThrows(call(0.5, fn), RangeError, "received 0.5");
  assertThrows(call(0), TypeError, "the second argument must be a function: received undefined");
  assertEquals(await sequencer.at(0, () => "still free"), "still free");
});
