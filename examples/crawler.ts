#!/usr/bin/env -S deno run --unstable-no-legacy-abort --allow-net=127.0.0.1
/**
 * A crawler: many pages, so many at a time, and another try for those that fail.
 *
 * Of the course: `monkey.patch_all()`, and a crawler over a list of URLs, one by one and at once. Here
 * it crawls a server of its own, each page of which takes a while, and one of which fails at first.
 *
 * What Deno's standard library has is not in Grove: `retry` is from `@std/async`, and the two go
 * together.
 *
 * @module
 */

import { retry } from "@std/async";
import {
  cancellable,
  currentTask,
  isCancelled,
  type Listening,
  main,
  map,
  nursery,
  serveHttp,
  sleep,
} from "@grove/grove";

const PAGES = 20;
const MS = 20;
const FLAKY = "/page/7";

/** Answers after a while, and says no to the first who asks for a certain page. */
function website(): (request: Request) => Promise<Response> {
  let refused = false;
  return async (request) => {
    const { pathname } = new URL(request.url);
    await sleep(MS);
    if (pathname === FLAKY && !refused) {
      refused = true;
      return new Response("busy\n", { status: 503 });
    }
    return new Response(`This is ${pathname}\n`.repeat(10));
  };
}

interface Page {
  readonly url: string;
  readonly size: number;
}

/** Gets a page. The task's signal ends the request, should nobody want the page any more. */
async function get(url: string): Promise<Page> {
  const response = await fetch(url, { signal: currentTask().signal });
  const text = await response.text();
  if (!response.ok) {
    console.log(`  ${new URL(url).pathname} answers ${response.status}`);
    throw new Error(`${url}: ${response.status}`);
  }
  return { url, size: text.length };
}

/** The same, with two more tries. A cancellation is no failure that is worth one. */
function getPatiently(url: string): Promise<Page> {
  const isRetriable = (error: unknown) => !isCancelled(error);
  // The pause between two tries knows nothing of tasks: `cancellable` lets go of it at once.
  return cancellable(
    retry(() => get(url), { maxAttempts: 3, minTimeout: 10, isRetriable }),
  );
}

async function crawl(urls: string[], concurrency: number): Promise<void> {
  const began = performance.now();
  let pages = 0;
  let bytes = 0;
  for await (const { size } of map(urls, getPatiently, { concurrency })) {
    pages++;
    bytes += size;
  }
  const took = (performance.now() - began).toFixed();
  console.log(`${concurrency} at a time: ${pages} pages, ${bytes} bytes, ${took} ms`);
}

await main(async () => {
  await nursery(async (services) => {
    const server = await services.start<Listening>((_task, started) =>
      serveHttp({ hostname: "127.0.0.1", port: 0 }, website(), { started })
    );
    const [{ port }] = server.addresses;
    const urls = Array.from({ length: PAGES }, (_, i) => `http://127.0.0.1:${port}/page/${i + 1}`);

    await crawl(urls, 1);
    await crawl(urls, 10);

    // Whoever has found what they were looking for leaves the loop: what runs is cancelled.
    for await (const { url } of map(urls, get, { concurrency: 10, ordered: false })) {
      console.log(`the first of all: a page of ${new URL(url).hostname}`);
      break;
    }
    services.stop();
  });
});
