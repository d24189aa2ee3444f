/**
 * The inspector as a server of its own, a child of a nursery.
 *
 * @module
 */

import { checkBoolean, checkFunction, checkOptions } from "../../primitives/kernel/check.ts";
import type { Task } from "../../primitives/kernel/task.ts";
import { taskGroup } from "../../primitives/task_group.ts";
import { watchAges } from "../../primitives/trace_ages.ts";
import { checkAddress, formatAddress } from "../address.ts";
import { serveHttp } from "../serve_http.ts";
import { isLoopback, newToken } from "./access.ts";
import { Inspector } from "./handler.ts";

/** What {@linkcode inspector} can be told. */
export interface InspectorOptions {
  /** The port to listen on; 0 takes a free one. */
  port: number;
  /** One of this machine's own: "127.0.0.1", "::1" or "localhost". Default: "127.0.0.1". */
  hostname?: string;
  /**
   * Whether tasks can be cancelled, and asked to stop, from the page. It takes a token, which is part
   * of the `url` that `started` gets. Default: `false`, the page only shows.
   */
  control?: boolean;
  /** Called once it listens: with the `started` of `nursery.start`, it hands out the address. */
  started?: (server: InspectorServer) => void;
}

/** An inspector that listens. */
export interface InspectorServer {
  /** What to open in a browser. With `control` it has a secret in it. */
  readonly url: string;
}

/**
 * Serves a page that shows the live tree of tasks, until it is cancelled or asked to stop. Run it as
 * a child of a nursery. It answers to this machine alone, and to its own page alone: not to those of
 * others, in whatever browser. Its own tasks are not shown.
 *
 * Loading it takes no permission; listening takes `--allow-net`.
 *
 * @param options `port`, `hostname`, `control` and `started`.
 * @returns Resolves to nothing when the server was asked to stop, and has.
 * @throws {TypeError | RangeError} At the call, when an option makes no sense, or the hostname is
 * one that other machines can reach.
 * @throws {Deno.errors.AddrInUse} When the port is in use.
 *
 * @example
 * ```ts
 * import { nursery } from "@grove/grove";
 * import { inspector, type InspectorServer } from "@grove/grove/inspector";
 *
 * await nursery(async (services) => {
 *   const { url } = await services.start<InspectorServer>((_task, started) =>
 *     inspector({ port: 0, started })
 *   );
 *   console.log("Look at", url);
 *   services.stop();
 * });
 * ```
 */
export function inspector(options: InspectorOptions): Promise<void> {
  const action = "inspect the program";
  checkOptions(options, action);
  const { port, hostname = "127.0.0.1", control = false, started } = options;
  checkAddress({ port, hostname }, action);
  if (!isLoopback(hostname)) {
    throw new RangeError(
      `Cannot ${action} on ${hostname} as other machines could look, too. Use 127.0.0.1, and from elsewhere a tunnel from the same port`,
    );
  }
  checkBoolean(control, action, "'control'");
  if (started !== undefined) checkFunction(started, action, "'started'");
  return run(port, hostname, control, started);
}

async function run(
  port: number,
  hostname: string,
  control: boolean,
  started: InspectorOptions["started"],
): Promise<void> {
  const token = control ? newToken() : undefined;
  const inspector = new Inspector("", token);
  const unwatch = watchAges();
  try {
    await taskGroup((group) => {
      group.spawn((task) => {
        inspector.hide(task as Task);
        return serveHttp({ port, hostname }, (request, info) => inspector.answer(request, info), {
          name: "inspector",
          started: ({ addresses }) => {
            inspector.port = addresses[0].port;
            const secret = token === undefined ? "" : `#${token}`;
            started?.({ url: `http://${formatAddress(addresses[0])}/${secret}` });
          },
        });
      }, { name: "server" });
    }, { name: "inspector" });
  } finally {
    unwatch();
  }
}
