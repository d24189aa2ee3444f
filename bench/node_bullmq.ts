/**
 * BullMQ, pinned, in Node on a Redis server of its own: the job queue that most use in Node. npm installs it, as Deno does not
 * find all of its optional packages.
 *
 * @module
 */

import { Lasting } from "./lasting.ts";
import { clocked } from "./clock.ts";
import type { Contender } from "./row.ts";

const PACKAGES = ["bullmq@6.7.0", "ioredis@5.8.2"];

/** What has to be there for it. */
const isThere = ["node", "npm", "redis-server"].every(answers);

function answers(program: string): boolean {
  try {
    return new Deno.Command(program, { args: ["--version"] }).outputSync().success;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

class BullMq {
  readonly #folder: string;
  readonly #redis: Deno.ChildProcess;
  readonly #node: Deno.ChildProcess;
  readonly #requests: WritableStreamDefaultWriter<Uint8Array>;
  readonly #answers: ReadableStreamDefaultReader<string>;

  static async start(): Promise<BullMq> {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/redis.sock`;
    const redis = new Deno.Command("redis-server", {
      args: [...["--port", "0", "--unixsocket", path, "--save", ""], ...["--dir", folder]],
      stdout: "piped",
    }).spawn();
    const output = redis.stdout.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ""; !text.includes("eady to accept connections");) {
      const { value, done } = await output.read();
      if (done) throw new Error(`Cannot start redis-server as it says: ${text}`);
      text += value;
    }
    output.releaseLock();
    await Deno.copyFile(
      new URL("./peers/node/bullmq.mjs", import.meta.url),
      `${folder}/main.mjs`,
    );
    const { success, stderr } = await new Deno.Command("npm", {
      args: ["install", "--no-audit", "--no-fund", "--omit=optional", ...PACKAGES],
      cwd: folder,
    }).output();
    if (!success) {
      throw new Error(
        `Cannot install ${PACKAGES} as npm says: ${new TextDecoder().decode(stderr)}`,
      );
    }
    return new BullMq(folder, redis, path);
  }

  private constructor(folder: string, redis: Deno.ChildProcess, path: string) {
    this.#folder = folder;
    this.#redis = redis;
    this.#node = new Deno.Command("node", {
      args: ["main.mjs", path, "bullmq"],
      cwd: folder,
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.#requests = this.#node.stdin.getWriter();
    this.#answers = this.#node.stdout.pipeThrough(new TextDecoderStream()).getReader();
  }

  /** Does so many jobs, and resolves to the milliseconds that it took. */
  async measure(atOnce: number, size: number): Promise<number> {
    await this.#requests.write(new TextEncoder().encode(`${JSON.stringify({ atOnce, size })}\n`));
    let answer = "";
    while (!answer.endsWith("\n")) {
      const { value, done } = await this.#answers.read();
      if (done) throw new Error("Cannot measure bullmq as Node has ended: see above");
      answer += value;
    }
    return JSON.parse(answer);
  }

  async end(): Promise<void> {
    await this.#requests.close();
    await this.#node.status;
    this.#redis.kill("SIGKILL");
    await this.#redis.status;
    await Deno.remove(this.#folder, { recursive: true });
  }
}

/** BullMQ at jobs that double a number; none where something is missing that it needs. */
export function nodeBullMq(atOnce: number, size: number): Contender[] {
  if (!isThere) return [];
  const bullmq = new Lasting(() => BullMq.start(), async (bullmq) => await (await bullmq).end());
  const note = "in Node, and Redis keeps the jobs in memory";
  const measure = async (size: number) => await (await bullmq.thing).measure(atOnce, size);
  return [bullmq.ended(clocked("bullmq (Node)", { size, note }, measure))];
}
