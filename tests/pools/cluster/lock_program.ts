/**
 * A program that uses a lock as it is told to, a line at a time: what `lock_process.ts` starts.
 *
 * @module
 */

import type { Lease } from "../../../pools/cluster/lease.ts";
import { ClusterLock, connectCluster } from "../../../pools/cluster/mod.ts";
import { sleep, taskGroup } from "../../../mod.ts";

const [servers, name, leaseTime] = Deno.args;
const connection = await connectCluster({ servers });
const lock = new ClusterLock(connection, name, { lease: Number(leaseTime) });
let lease: Lease | undefined;

const commands: Record<string, (argument: string) => Promise<unknown> | unknown> = {
  /** Takes the lock. */
  async acquire() {
    lease = await lock.acquire();
    return lease.token;
  },
  /** The token, without a look at anything. */
  token: () => lease!.token,
  isLost: () => lease!.isLost,
  async release() {
    await lease!.release();
    return "released";
  },
  /** Eight tasks, each of which adds one to the number in a file, four times. */
  async count(path) {
    await taskGroup((group) => {
      for (let i = 0; i < 8; i++) {
        group.spawn(async () => {
          for (let times = 0; times < 4; times++) await lock.withLock(() => addOne(path));
        });
      }
    });
    return "counted";
  },
};

async function addOne(path: string): Promise<void> {
  const count = Number(await Deno.readTextFile(path));
  await sleep(0);
  await Deno.writeTextFile(path, String(count + 1));
}

console.log(JSON.stringify("ready"));
const lines = Deno.stdin.readable.pipeThrough(new TextDecoderStream());
let text = "";
for await (const chunk of lines) {
  text += chunk;
  const complete = text.split("\n");
  text = complete.pop()!;
  for (const line of complete) {
    const [command, argument] = line.split(" ");
    try {
      console.log(JSON.stringify(await commands[command](argument)));
    } catch (error) {
      console.log(JSON.stringify(`${(error as Error).name}: ${(error as Error).message}`));
    }
  }
}
await lock[Symbol.asyncDispose]();
await connection.close();
