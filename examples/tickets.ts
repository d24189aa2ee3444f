#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=deno.json,/tmp --allow-write=/tmp
/**
 * A sale of tickets: ten processes, one file that says how many are left, and a lock between
 * processes.
 *
 * Of the course: `multiprocessing.Process` and a `Lock` that all of them are given, around the reading
 * and writing of `data.json`.
 *
 * @module
 */

import {
  Barrier,
  FileLock,
  main,
  Manager,
  portable,
  Process,
  type Remote,
  type RemoteCounter,
  sleep,
  taskGroup,
} from "@grove/grove";

const CUSTOMERS = 10;
const TICKETS = 3;

/** A sale: the file that says how many tickets are left, and what protects it. */
interface Sale {
  readonly file: string;
  readonly lock?: FileLock;
  readonly sold: RemoteCounter;
}

/** What one customer does, in a process of their own: goes to one sale after the other. */
export const visit = portable(
  import.meta,
  async function visit(customer: number, sales: Sale[], doors: Remote<Barrier>): Promise<void> {
    for (const sale of sales) {
      const once = () => buy(customer, sale);
      await doors.wait(); // Processes take their time to start. They all come in together,
      await (sale.lock === undefined ? once() : sale.lock.withLock(once));
      await doors.wait(); // and leave together.
    }
  },
);

async function buy(customer: number, { file, sold }: Sale): Promise<void> {
  const { left } = JSON.parse(await Deno.readTextFile(file));
  if (left === 0) {
    console.log(`  customer ${customer} finds it sold out`);
    return;
  }
  await sleep(20); // The money has to change hands.
  // Renamed, so that nobody reads half a file. That alone does not help.
  await Deno.writeTextFile(`${file}.${customer}`, JSON.stringify({ left: left - 1 }));
  await Deno.rename(`${file}.${customer}`, file);
  await sold.add();
  console.log(`  customer ${customer} has a ticket, and leaves ${left - 1}`);
}

async function sellTwice(folder: string): Promise<void> {
  // A manager has what processes share; they are handed what stands for it.
  await using manager = new Manager();
  const sales: Sale[] = [
    { file: `${folder}/open.json`, sold: manager.counter() },
    {
      file: `${folder}/locked.json`,
      sold: manager.counter(),
      lock: new FileLock(`${folder}/lock`),
    },
  ];
  const doors = new Barrier(CUSTOMERS + 1);

  await taskGroup(async (group) => {
    // They may use that folder, and nothing else of this machine.
    const permissions = { read: [folder], write: [folder] };
    for (let customer = 1; customer <= CUSTOMERS; customer++) {
      const process = new Process(visit, [customer, sales, manager.host(doors)], { permissions });
      group.spawn(async () => {
        // Whoever does not come would keep all others waiting at the doors.
        if (await process.start().join() !== 0) throw new Error(`Customer ${customer} is missing`);
      });
    }
    for (const { file, lock, sold } of sales) {
      await Deno.writeTextFile(file, JSON.stringify({ left: TICKETS }));
      const how = lock === undefined ? "without a lock" : "with a FileLock";
      console.log(`${CUSTOMERS} customers for ${TICKETS} tickets, ${how}:`);
      await doors.wait(); // The sale begins,
      await doors.wait(); // and is over.
      console.log(`${await sold.value()} of ${TICKETS} tickets were sold`);
    }
  });
}

if (import.meta.main) {
  await main(async () => {
    const folder = await Deno.makeTempDir();
    try {
      await sellTwice(folder);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  });
}
