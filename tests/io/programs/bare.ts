/**
 * The library on a platform that has neither Deno nor a process, and then on one with a process like
 * Node's. It prints what it finds.
 *
 * @module
 */

const { log } = console;
const bare = globalThis as { Deno?: unknown; process?: unknown; Worker?: unknown };
delete bare.Deno;
delete bare.process;
delete bare.Worker;

const { connect, fetchHandler, listen, main, serveHttp, sleep, TaskLocal } = await import(
  "../../../mod.ts"
);

const message = (error: unknown) => (error as Error).message;
try {
  listen({ port: 0 });
} catch (error) {
  log(message(error));
}
log(await connect({ port: 1 }).catch(message));
log(await serveHttp({ port: 1 }, () => new Response()).catch(message));

const leaving = new AbortController();
const handler = fetchHandler(async (request) => {
  if (request.url.endsWith("slow")) await sleep(60_000);
  return new Response("hello");
});
log(await (await handler(new Request("http://edge/"))).text());
const slow = handler(new Request("http://edge/slow", { signal: leaving.signal }));
leaving.abort();
log((await slow).status);
log(new TaskLocal({ defaultValue: "local" }).get());

await main(() => log("main without a process"));

const listeners = new Map<string, () => void>();
const process = {
  platform: "linux",
  env: {},
  exitCode: undefined as number | undefined,
  on: (signal: string, listener: () => void) => listeners.set(signal, listener),
  off: (signal: string, listener: () => void) => {
    if (listeners.get(signal) === listener) listeners.delete(signal);
  },
  exit: () => {},
};
bare.process = process;
await main(async (task) => {
  log([...listeners.keys()].join());
  queueMicrotask(() => listeners.get("SIGTERM")!());
  await sleep(60_000, { endOnStop: true });
  log("stopping", task.stopping);
  // Without an AsyncLocalStorage the task is known up to the first await; then it says so itself.
  await task.run(() => sleep(60_000));
}, { grace: 5 });
log(process.exitCode, listeners.size);
