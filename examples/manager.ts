#!/usr/bin/env -S deno run --allow-run=deno --allow-net --allow-read=/tmp --allow-write=/tmp
/**
 * A dictionary and a list that ten processes write.
 *
 * Of the course: `Manager().dict()` and `Manager().list()`, handed to ten processes.
 *
 * @module
 */

import {
  main,
  Manager,
  Process,
  type Remote,
  type RemoteDict,
  type RemoteList,
  taskGroup,
} from "@grove/grove";

const PROCESSES = 10;

/** Any object can be shared. Its methods run here, one at a time, whoever calls them from wherever. */
class Account {
  balance = 0;

  deposit(amount: number): number {
    return this.balance += amount;
  }
}

/** What each process does. All that it changes is in the process of the manager. */
async function report(
  n: number,
  squares: RemoteDict<number, number>,
  names: RemoteList<string>,
  account: Remote<Account>,
): Promise<void> {
  await squares.set(n, n * n);
  await squares.add(0, n); // One step: nobody comes in between its reading and its writing.
  await names.push(`process ${n}`);
  await account.deposit(n);
}

await main(async () => {
  await using manager = new Manager();
  const squares = manager.dict<number, number>();
  const names = manager.list(["main"]);
  const account = manager.host(new Account());

  await taskGroup(() => {
    for (let n = 1; n <= PROCESSES; n++) {
      new Process(report, [n, squares, names, account]).start();
    }
  });

  for (let n = 1; n <= PROCESSES; n++) console.log(`dict: ${n} → ${await squares.get(n)}`);
  console.log(`dict: the sum of all is ${await squares.get(0)}`);
  console.log(`list, as they came: ${(await names.slice()).join(", ")}`);
  console.log(`account: ${await account.balance()}`);
});
