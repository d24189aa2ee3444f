/**
 * Uses what some platforms do not have, and gives for each what came of it: the error's name and
 * message, or the value.
 *
 * @module
 */

import {
  connect,
  datagrams,
  FileLock,
  listen,
  type Listener,
  main,
  nursery,
  Process,
  ProcessPool,
  serve,
  serveHttp,
  serveOnCores,
  SharedLock,
  upgradeWebSocket,
  WorkerPool,
} from "../../../mod.ts";

const where = { hostname: "127.0.0.1", port: 0 };

const uses: Record<string, () => unknown> = {
  async WorkerPool() {
    const pool = new WorkerPool({ size: 1 });
    try {
      return await pool.run((n: number) => n + 1, 1);
    } finally {
      await pool.shutdown();
    }
  },
  async ProcessPool() {
    const pool = new ProcessPool({ size: 1 });
    try {
      return await pool.run((n: number) => n + 1, 1);
    } finally {
      await pool.shutdown();
    }
  },
  async Process() {
    const child = new Process(() => {});
    child.start();
    await child.join();
    return child.exitCode;
  },
  listen: () => {
    listen(where).close();
    return "listens";
  },
  "listen, by TLS": () => listen({ ...where, transport: "tls", cert: CERT, key: KEY }).close(),
  "listen, by a file": () => listen({ path: "grove-edge.sock" }).close(),
  connect: async () => (await connect({ hostname: "127.0.0.1", port: 9 })).close(),
  serve: () =>
    nursery(async (services) => {
      const echo = await services.start<Listener>((_task, started) =>
        serve(where, async (stream) => {
          for await (const bytes of stream) await stream.write(bytes);
        }, { started })
      );
      const stream = await connect(echo.addresses[0]);
      await stream.write(new TextEncoder().encode("hello\n"));
      const { value } = await stream.lines().next();
      stream.close();
      services.stop();
      return value;
    }),
  serveHttp: () => serveHttp(where, () => new Response()),
  serveOnCores: () => serveOnCores(new URL("https://edge.example/app.ts"), { port: 0, workers: 2 }),
  "serveOnCores, on all": () => serveOnCores(new URL("https://edge.example/app.ts"), { port: 0 }),
  datagrams: () => datagrams(where).close(),
  async FileLock() {
    const lock = new FileLock("grove-edge.lock");
    return await lock.withLock(() => "held");
  },
  async SharedLock() {
    const lock = new SharedLock();
    return await lock.withLock(() => "held");
  },
  upgradeWebSocket: () => {
    upgradeWebSocket(new Request("http://edge/"), () => {});
    return "can be";
  },
  async main() {
    let ran = false;
    await main(() => {
      ran = true;
    });
    return ran;
  },
};

const CERT = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";

/** Tries all of them, one after the other. */
export async function missing(): Promise<Record<string, unknown>> {
  const came: Record<string, unknown> = {};
  for (const [name, use] of Object.entries(uses)) {
    try {
      came[name] = await use() ?? null;
    } catch (error) {
      came[name] = String(error);
    }
  }
  return came;
}
