/**
 * The demonstration server, started for a test.
 *
 * @module
 */

import { Program } from "../io/program.ts";
import config from "../../deno.json" with { type: "json" };

export const windows = Deno.build.os === "windows";

export const MAIN = "examples/serve/main.ts";

/** What it needs at least. */
export const FLAGS = ["--allow-net=127.0.0.1", "--allow-env=PORT,ECHO_PORT"];

/** What `deno task serve` runs, with all that it permits. */
const TASK = config.tasks.serve.command.split(" ").slice(1);

/** Free ports for both servers. */
export const FREE = { PORT: "0", ECHO_PORT: "0" };

/**
 * Starts the app, and waits until it serves. It is killed in the end; `deno task` would leave it
 * behind then, so whoever starts it by that stops it before.
 */
export async function app(args = TASK) {
  const program = new Program(args, FREE);
  const [, base] = await program.printed(/^HTTP on (http:.*)\/$/m);
  const [, port] = await program.printed(/^TCP echo on 127.0.0.1:(\d+)$/m);
  return {
    program,
    base,
    echo: { hostname: "127.0.0.1", port: Number(port) },
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}

/** Asks again and again, until the answer satisfies a condition; not for ever. */
export async function until<T>(ask: () => Promise<T>, condition: (answer: T) => boolean) {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const answer = await ask();
    if (condition(answer)) return answer;
    if (performance.now() > deadline) throw new Error(`It never came: ${JSON.stringify(answer)}`);
  }
}

/**
 * Asks for something that takes a moment, until it is seen on its way: on a machine that is busy it may be over before
 * anybody looks, and is asked for anew. Gives the answer to come.
 */
export async function seen(
  ask: () => Promise<Response>,
  isOnItsWay: () => Promise<boolean>,
): Promise<{ answer: Promise<Response> }> {
  for (;;) {
    let isOver = false;
    const answer = ask();
    answer.then(() => isOver = true, () => isOver = true);
    while (!isOver) if (await isOnItsWay()) return { answer };
    await (await answer).body?.cancel();
  }
}
