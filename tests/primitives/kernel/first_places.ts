/**
 * A program that takes a lock often; `call_site_test.ts` runs it, as it needs a fresh start: the first thousand places
 * where a program takes a lock are noted without being asked for. It prints what is known of some of the later ones.
 *
 * @module
 */

import { Lock, traceLocks } from "../../../mod.ts";

/** Whether the error of a deadlock tells where the lock was taken. */
async function isNoted(): Promise<boolean> {
  const lock = new Lock();
  using _ = await lock.acquire();
  return await lock.acquire().then(() => false, (error) => error.message.includes("took at file:"));
}

const lock = new Lock();
const facts = { first: await isNoted(), within: false, beyond: true, asked: false };
for (let turn = 0; turn < 500; turn++) (await lock.acquire())[Symbol.dispose]();
facts.within = await isNoted();
for (let turn = 0; turn < 1000; turn++) (await lock.acquire())[Symbol.dispose]();
facts.beyond = await isNoted();
traceLocks(true);
facts.asked = await isNoted();
console.log(JSON.stringify(facts));
