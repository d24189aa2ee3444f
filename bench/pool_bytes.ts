/**
 * `pool-bytes`: the memory that a worker of a pool takes, once it has done a job: by how much the resident size of a process
 * grows with eight of them, divided by eight. What has been freed is not given back by a process, so that each sample is taken
 * in one of its own, `weigh_workers.ts`.
 *
 * The floor is a worker without a pool. "grove" has done a portable function, and so has loaded all of Grove; "grove, by source"
 * a plain one.
 *
 * @module
 */

import type { Contender, Row } from "./row.ts";

function contender(name: string): Contender {
  const program = new URL("./weigh_workers.ts", import.meta.url).href;
  return {
    name,
    async sample() {
      const { success, stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "--allow-all", "--v8-flags=--expose-gc", program, name],
        stderr: "inherit",
      }).output();
      if (success) return Number(new TextDecoder().decode(stdout));
      throw new Error(`Cannot weigh the workers of ${name} as the process failed: see above`);
    },
  };
}

export const rows: Row[] = [{
  id: "pool-bytes",
  title: "resident memory that a worker takes",
  unit: "bytes",
  contenders: [
    contender("floor"),
    contender("grove"),
    contender("grove, by source"),
    contender("poolifier-web-worker"),
    contender("piscina"),
  ],
  long: true,
  goals: [],
}];
