#!/usr/bin/env -S deno run
/**
 * An event: one sets it, and all who wait go on.
 *
 * Of the course: `threading.Event` with set, clear, wait and `is_set`: the traffic light and the cars;
 * the boss and the workers.
 *
 * @module
 */

import { Event, main, sleep, taskGroup } from "@grove/grove";

const GREEN = 20;
const RED = 30;

/** A light that turns for ever. */
async function turn(green: Event): Promise<void> {
  for (;;) {
    green.set();
    console.log("the light is green");
    await sleep(GREEN);
    green.clear();
    console.log("the light is red");
    await sleep(RED);
  }
}

/** A car that comes after a while, and waits where it has to. */
async function drive(car: string, ms: number, green: Event): Promise<void> {
  await sleep(ms);
  // A loop, as a light that has turned green may be red again when it is one's turn to look.
  while (!green.isSet) {
    console.log(`  ${car} stops`);
    await green.wait();
  }
  console.log(`  ${car} drives on`);
}

/** A worker, who is told twice: that there is more to do, and that they may go. */
async function toil(worker: string, overtime: Event, home: Event): Promise<void> {
  await overtime.wait();
  console.log(`  ${worker}: what a life`);
  await home.wait();
  console.log(`  ${worker}: hooray`);
}

await main(async () => {
  const green = new Event({ name: "green" });
  await taskGroup((group) => {
    group.spawn(() => turn(green), { daemon: true }); // It turns as long as there are cars.
    const arrivals = { "car 1": 5, "car 2": 25, "car 3": 35, "car 4": 60 };
    for (const [car, ms] of Object.entries(arrivals)) group.spawn(() => drive(car, ms, green));
  });

  const overtime = new Event({ name: "overtime" });
  const home = new Event({ name: "home" });
  await taskGroup(async (group) => {
    for (const worker of ["Ann", "Bob", "Cem"]) group.spawn(() => toil(worker, overtime, home));
    console.log("boss: we stay until ten");
    overtime.set();
    await sleep(10);
    console.log("boss: off you go");
    home.set();
  });
});
