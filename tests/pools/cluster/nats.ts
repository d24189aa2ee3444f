/**
 * Real NATS servers for tests: one, or three that make a cluster, each with a folder of its own and on free ports of this
 * machine. They can be killed, frozen and started anew on what they had stored.
 *
 * ```ts ignore
 * natsTest("a job comes through", async () => {
 *   await using server = await NatsServer.start();
 *   await using connection = await connect({ servers: server.url });
 * });
 * ```
 *
 * Where there is no nats-server the tests are ignored, and one line says so; in CI on Linux they fail.
 *
 * @module
 */

import { JetStreamApiError, jetstreamManager } from "@nats-io/jetstream";
import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { NatsConnectionImpl } from "@nats-io/nats-core/internal";
import "../../../mod.ts"; // Sockets need the root of all tasks.
import { useSockets } from "../../../pools/cluster/transport.ts";
import type { Identity } from "../../io/certificates.ts";

const isInstalled = await installed();
const isNeeded = Deno.env.get("CI") === "true" && Deno.build.os === "linux";
if (!isInstalled && !isNeeded) {
  console.error("Tests of the cluster are ignored, as there is no nats-server: apt install it.");
}

/** A test with servers. */
export function natsTest(name: string, fn: (t: Deno.TestContext) => Promise<void>): void {
  Deno.test({ name, fn, ignore: !isInstalled && !isNeeded });
}

async function installed(): Promise<boolean> {
  try {
    const { success } = await new Deno.Command("nats-server", { args: ["--version"] }).output();
    return success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

/** Connects as a pool does, with any options of the client library. */
export function connect(options: ConnectionOptions): Promise<NatsConnection> {
  useSockets();
  return NatsConnectionImpl.connect(options);
}

/** How a server is started. */
export interface NatsServerOptions {
  /** What it is called, in a cluster. Default: "n1". */
  readonly name?: string;
  /** The ports of the servers of its cluster for each other, its own first. Default: no cluster. */
  readonly routes?: readonly number[];
  /** What stands in its configuration of JetStream. Default: where it stores. */
  readonly jetstream?: string;
  /** What whoever connects has to know. Default: nothing. */
  readonly token?: string;
  /** What it proves its name by. Default: no TLS. */
  readonly tls?: Identity;
}

// What a server says while it starts, on its standard error output.
const CLIENTS = /Listening for client connections on 127\.0\.0\.1:(\d+)/;
const WEBSOCKETS = /Listening for websocket clients on ws:\/\/127\.0\.0\.1:(\d+)/;
const READY = /Server is ready/;

// What it says where it knows of too few others.
const NO_PEERS = 10005;

/** A server, from its start until it is disposed of. */
export class NatsServer implements AsyncDisposable {
  readonly name: string;
  readonly #options: NatsServerOptions;
  readonly #folder: string;
  #port = -1;
  #websocketPort = -1;
  #process: Running | undefined;

  /** Starts a server, and waits until it can be connected to. */
  static async start(options: NatsServerOptions = {}): Promise<NatsServer> {
    const server = new NatsServer(options, await Deno.makeTempDir({ prefix: "grove-nats-" }));
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(options: NatsServerOptions, folder: string) {
    this.name = options.name ?? "n1";
    this.#options = options;
    this.#folder = folder;
  }

  /** Where clients connect to: the same after it was started anew. */
  get url(): string {
    return `${this.#options.tls === undefined ? "nats" : "tls"}://127.0.0.1:${this.#port}`;
  }

  /** Where clients connect to that have nothing but WebSockets. */
  get websocketUrl(): string {
    return `ws://127.0.0.1:${this.#websocketPort}`;
  }

  /** Whether it runs. */
  get isRunning(): boolean {
    return this.#process !== undefined;
  }

  /** Starts it on the same ports, with what it had stored. It must not be running. */
  async restart(): Promise<void> {
    const config = `${this.#folder}/server.conf`;
    await Deno.writeTextFile(config, this.#config());
    for (const [name, text] of Object.entries(this.#options.tls ?? {})) {
      await Deno.writeTextFile(`${this.#folder}/${name}.pem`, String(text));
    }
    const running = this.#process = new Running(config);
    this.#port = Number((await running.said(CLIENTS))[1]);
    this.#websocketPort = Number((await running.said(WEBSOCKETS))[1]);
    await running.said(READY);
  }

  /** Waits until it knows which server leads the cluster: that one answers, and nobody else does. */
  async knowsLeader(): Promise<void> {
    // Not by what it says: one that joins when the leader is chosen already does not speak of it.
    const connection = await connect({ servers: this.url, token: this.#options.token });
    try {
      while (!await hasAnswer(connection));
    } finally {
      await connection.close();
    }
  }

  /** Ends it as an operator does. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
  }

  /** Ends it as a loss of power does. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  async #end(signal: Deno.Signal): Promise<void> {
    const running = this.#process;
    this.#process = undefined;
    await running?.end(signal);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await Deno.remove(this.#folder, { recursive: true });
  }

  #config(): string {
    const { routes, token, tls, jetstream = `{ store_dir: ${JSON.stringify(this.#folder)} }` } =
      this.#options;
    const lines = [
      `server_name: ${this.name}`,
      `listen: "127.0.0.1:${this.#port}"`,
      `jetstream: ${jetstream}`,
      `websocket { listen: "127.0.0.1:${this.#websocketPort}", no_tls: true }`,
    ];
    if (tls !== undefined) {
      const [cert, key] = ["cert", "key"].map((name) =>
        JSON.stringify(`${this.#folder}/${name}.pem`)
      );
      lines.push(`tls { cert_file: ${cert}, key_file: ${key} }`);
    }
    if (token !== undefined) lines.push(`authorization { token: ${token} }`);
    if (routes !== undefined) {
      const [own, ...others] = routes.map((port) => `127.0.0.1:${port}`);
      const urls = others.map((address) => `"nats://${address}"`);
      lines.push(`cluster { name: grove, listen: "${own}", routes: [${urls}] }`);
    }
    return lines.join("\n");
  }
}

/** Servers that keep everything three times, and go on when one of them is lost. */
export class NatsCluster implements AsyncDisposable {
  readonly servers: readonly NatsServer[];

  /** Starts three servers, and waits until they have chosen one that leads. */
  static async start(): Promise<NatsCluster> {
    const ports = freePorts(3);
    const starts = await Promise.allSettled(
      ports.map((port, i) =>
        NatsServer.start({
          name: `n${i + 1}`,
          routes: [port, ...ports.filter((other) => other !== port)],
        })
      ),
    );
    const servers = starts.flatMap((start) => start.status === "fulfilled" ? [start.value] : []);
    const cluster = new NatsCluster(servers);
    try {
      const failed = starts.find((start) => start.status === "rejected");
      if (failed !== undefined) throw failed.reason;
      await Promise.all(servers.map((server) => server.knowsLeader()));
      await cluster.#isComplete();
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  private constructor(servers: readonly NatsServer[]) {
    this.servers = servers;
  }

  /** Where clients connect to. */
  get urls(): string[] {
    return this.servers.map(({ url }) => url);
  }

  /** Waits until the one that leads has heard of all: it keeps nothing three times before. */
  async #isComplete(): Promise<void> {
    const connection = await connect({ servers: this.urls });
    try {
      const { streams } = await jetstreamManager(connection);
      const probe = { name: "PROBE", subjects: ["probe"], num_replicas: this.servers.length };
      while (!await streams.add(probe).then(() => true, isTooSoon));
      await streams.delete(probe.name);
    } finally {
      await connection.close();
    }
  }

  /** The server of a name. */
  named(name: string): NatsServer {
    const server = this.servers.find((server) => server.name === name);
    if (server === undefined) throw new Error(`There is no server "${name}".`);
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

function isTooSoon(error: unknown): false {
  if (error instanceof JetStreamApiError && error.code === NO_PEERS) return false;
  throw error;
}

function hasAnswer(connection: NatsConnection): Promise<boolean> {
  return connection.request("$JS.API.INFO", "", { timeout: 500 }).then(() => true, (error) => {
    if (connection.isClosed()) throw error;
    return false;
  });
}

// They have to know of each other before they start. Nobody else takes free ports of this machine so fast.
function freePorts(count: number): number[] {
  const listeners = Array.from(
    { length: count },
    () => Deno.listen({ hostname: "127.0.0.1", port: 0 }),
  );
  return listeners.map((listener) => {
    listener.close();
    return (listener.addr as Deno.NetAddr).port;
  });
}

/** A process, and what it has said. */
class Running {
  readonly #child: Deno.ChildProcess;
  readonly #reading: Promise<void>;
  #log = "";
  #hasEnded = false;
  #heard = Promise.withResolvers<void>();

  constructor(config: string) {
    this.#child = new Deno.Command("nats-server", {
      args: ["-c", config],
      stdin: "null",
      stdout: "null",
      stderr: "piped",
    }).spawn();
    this.#reading = this.#read();
  }

  /** Waits until it has said such a thing. */
  async said(what: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const match = what.exec(this.#log);
      if (match !== null) return match;
      if (this.#hasEnded) throw new Error(`nats-server has ended, and said:\n${this.#log}`);
      await this.#heard.promise;
    }
  }

  async end(signal: Deno.Signal): Promise<void> {
    if (!this.#hasEnded) this.#child.kill(signal);
    await this.#child.status;
    await this.#reading;
  }

  async #read(): Promise<void> {
    for await (const text of this.#child.stderr.pipeThrough(new TextDecoderStream())) {
      this.#log += text;
      this.#tell();
    }
    this.#hasEnded = true;
    this.#tell();
  }

  #tell(): void {
    const { resolve } = this.#heard;
    this.#heard = Promise.withResolvers();
    resolve();
  }
}
