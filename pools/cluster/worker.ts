/**
 * A worker of a cluster as a program: it takes jobs until it is told to end, by Ctrl-C or `kill`.
 *
 * ```sh
 * deno run --allow-net --allow-read --allow-env jsr:@grove/grove/cluster/worker \
 *   --servers nats://127.0.0.1:4222 --modules ./modules.ts --concurrency 8
 * ```
 *
 * `--modules` is a module that exports `modules`, the list that `serveCluster` takes:
 *
 * ```ts ignore
 * export const modules = { jobs: import.meta.resolve("./jobs.ts") };
 * ```
 *
 * The rest: `--cluster` and `--name`; `--concurrency`, `--ack-wait`, `--max-deliver` and `--drain`,
 * numbers as `serveCluster` takes them; and `--on threads` or `--on processes` to run jobs on a
 * `WorkerPool` or a `ProcessPool`. `--servers` can be given more than once. A user, a password and
 * a token come from the environment: `NATS_USER`, `NATS_PASSWORD`, `NATS_TOKEN`.
 *
 * @module
 */

import { parseArgs } from "node:util";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { main } from "../../io/main.ts";
import type { Executor } from "../executor.ts";
import { ProcessPool } from "../process_pool.ts";
import { WorkerPool } from "../worker_pool.ts";
import type { ClusterModules } from "./modules.ts";
import { serveCluster } from "./serve_cluster.ts";

if (import.meta.main) await main(() => runWorker(process.argv.slice(2)));

async function runWorker(args: string[]): Promise<void> {
  const text = { type: "string" } as const;
  const { values: flags } = parseArgs({
    args,
    options: {
      servers: { type: "string", multiple: true },
      modules: text,
      cluster: text,
      name: text,
      concurrency: text,
      "ack-wait": text,
      "max-deliver": text,
      drain: text,
      on: text,
    },
  });
  const { servers, modules, cluster, name, concurrency, on } = flags;
  if (servers === undefined || modules === undefined) {
    throw new TypeError("Cannot start a worker without --servers and --modules. Give both");
  }
  const { NATS_USER: user, NATS_PASSWORD: password, NATS_TOKEN: token } = process.env;
  const executor = poolFor(on, concurrency);
  try {
    await serveCluster({
      servers,
      modules: await listIn(modules),
      user,
      password,
      token,
      executor,
      ...(cluster === undefined ? {} : { cluster }),
      ...(name === undefined ? {} : { name }),
      ...numbers({
        concurrency,
        ackWait: flags["ack-wait"],
        maxDeliver: flags["max-deliver"],
        drain: flags.drain,
      }),
      started: ({ name }) => console.log(`The worker "${name}" takes jobs.`),
    });
  } finally {
    await executor?.shutdown();
  }
}

async function listIn(module: string): Promise<ClusterModules> {
  const url = URL.canParse(module) ? module : pathToFileURL(module).href;
  const { modules } = await import(url);
  return modules;
}

function poolFor(kind: string | undefined, concurrency: string | undefined): Executor | undefined {
  const size = concurrency === undefined ? undefined : Number(concurrency);
  const options = size === undefined ? {} : { size };
  switch (kind) {
    case undefined:
      return undefined;
    case "threads":
      return new WorkerPool(options);
    case "processes":
      return new ProcessPool(options);
    default:
      throw new TypeError(
        `Cannot start a worker as --on must be "threads" or "processes": received "${kind}"`,
      );
  }
}

/** What was given, as numbers: what makes no sense is for `serveCluster` to say. */
function numbers(texts: Readonly<Record<string, string | undefined>>): Record<string, number> {
  const numbers: Record<string, number> = {};
  for (const [name, text] of Object.entries(texts)) {
    if (text !== undefined) numbers[name] = Number(text);
  }
  return numbers;
}
