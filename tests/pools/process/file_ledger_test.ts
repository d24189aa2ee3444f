/**
 * The ledger in a file: of a job that the worker starts while the pool takes it back, one of them has it, and never both.
 *
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { FileLedger, FileWorkerLedger } from "../../../pools/process/file_ledger.ts";
import { SLOTS } from "../../../pools/remote/ledger.ts";
import { Folder } from "./shared.ts";

/** Both sides of a ledger. */
class Sides implements Disposable {
  readonly pool: FileLedger;
  readonly worker: FileWorkerLedger;

  constructor(folder: Folder) {
    const path = folder.file("ledger");
    Deno.writeFileSync(path, new Uint8Array());
    this.pool = new FileLedger(path);
    this.worker = new FileWorkerLedger(path);
  }

  [Symbol.dispose](): void {
    this.pool[Symbol.dispose]();
    // The other end is in the hands of a process, for as long as that lives.
    this.worker as unknown as Record<string, never>;
  }
}

// The worker's side is in the hands of a process, and open for as long as that lives.
const unclosed = { sanitizeResources: false };

Deno.test(
  "a job that was sent has not started; one that the worker claims has, and those before it",
  unclosed,
  () => {
    using folder = new Folder();
    using sides = new Sides(folder);
    const { pool, worker } = sides;
    pool.sent(1);
    assertEquals([pool.hasStarted(1), pool.isRunning(1)], [false, false]);
    assert(worker.claim(1));
    assertEquals([pool.hasStarted(1), pool.isRunning(1), pool.hasStarted(2)], [true, true, false]);
    assert(worker.claim(2));
    assertEquals([pool.hasStarted(1), pool.isRunning(2)], [true, true]);
  },
);

Deno.test(
  "a job that was taken back cannot be claimed, and one that was claimed cannot be taken back",
  unclosed,
  () => {
    using folder = new Folder();
    using sides = new Sides(folder);
    const { pool, worker } = sides;
    assertEquals([pool.takeBack(2), pool.takeBack(5), pool.takeBack(4)], [true, true, true]);
    assertEquals([1, 2, 3, 4, 5, 6].map((seq) => worker.claim(seq)), [
      true,
      false,
      true,
      false,
      false,
      true,
    ]);
    assertEquals([1, 3, 6].map((seq) => pool.takeBack(seq)), [false, false, false]);
    assertEquals(pool.takeBack(7), true);
  },
);

Deno.test(
  "what is said of a job is not said of the one that has its place after it",
  unclosed,
  () => {
    using folder = new Folder();
    using sides = new Sides(folder);
    const { pool, worker } = sides;
    assert(pool.takeBack(3));
    assert(!worker.claim(3));
    for (const round of [1, 2, 5]) {
      const seq = 3 + round * SLOTS;
      assert(pool.takeBack(seq + 1), "so that the highest is above");
      assert(worker.claim(seq), `round ${round}`);
    }
  },
);

Deno.test("a ledger is read after the worker is dead", unclosed, () => {
  using folder = new Folder();
  using sides = new Sides(folder);
  const { pool, worker } = sides;
  worker.claim(1);
  Deno.removeSync(folder.file("ledger")); // Both have it open.
  assertEquals([pool.hasStarted(1), pool.hasStarted(2), pool.takeBack(2)], [true, false, true]);
  assert(!worker.claim(2));
});

const COUNT = 30_000;

// The worker's part, in a process: it claims one job after the other, and says which it got.
const CLAIMS = `
import { FileWorkerLedger } from ${
  JSON.stringify(new URL("../../../pools/process/file_ledger.ts", import.meta.url).href)
};
const ledger = new FileWorkerLedger(Deno.args[0]);
const claimed = new Uint8Array(${COUNT} + 1);
let random = 1;
for (let seq = 1; seq <= ${COUNT}; seq++) {
  if (ledger.claim(seq)) claimed[seq] = 1;
  // Jobs take different times.
  random = random * 48271 % 2147483647;
  for (let i = random % 20000; i > 0; i--);
}
Deno.stdout.writeSync(claimed);
`;

Deno.test("of jobs that one process claims while another takes them back, at once, none is had by both, and none by nobody", async () => {
  using folder = new Folder();
  const path = folder.file("ledger");
  Deno.writeFileSync(path, new Uint8Array());
  Deno.writeTextFileSync(folder.file("claims.ts"), CLAIMS);
  using pool = new FileLedger(path);
  const worker = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-check", "--no-config", "--allow-all", folder.file("claims.ts"), path],
    stdout: "piped",
  }).spawn();
  const output = worker.output();
  const taken = new Uint8Array(COUNT + 1);
  const asked = new Uint8Array(COUNT + 1);
  let random = 7;
  for (let at = 1; at < COUNT;) {
    while (at < COUNT && pool.hasStarted(at)) at++;
    if (at === 1) {
      await new Promise((resolve) => setTimeout(resolve)); // It has not begun.
      continue;
    }
    // The next ones, which it is about to claim, and sometimes one farther on.
    random = random * 48271 % 2147483647;
    const seq = at + (random % 8 === 0 ? random % 100 : random % 3);
    if (seq > COUNT || asked[seq]) continue;
    asked[seq] = 1;
    if (pool.takeBack(seq)) taken[seq] = 1;
  }
  const { stdout: claimed, success } = await output;
  assert(success);
  const both: number[] = [];
  const nobody: number[] = [];
  let count = 0;
  for (let seq = 1; seq <= COUNT; seq++) {
    count += taken[seq];
    if (taken[seq] && claimed[seq]) both.push(seq);
    if (!taken[seq] && !claimed[seq]) nobody.push(seq);
  }
  assertEquals([both, nobody], [[], []]);
  // How often they have met is up to the machine.
  assert(count > 0 && count < COUNT, `they have met: ${count} were taken back`);
});
