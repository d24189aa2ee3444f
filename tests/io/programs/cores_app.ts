/**
 * What the tests of `serveOnCores` serve: who answers, answers that take until the server is stopped, and
 * ways to die.
 *
 * @module
 */

import { currentTask, fetchHandler, sleep, streamBody } from "../../../mod.ts";

const id = crypto.randomUUID();
let stuck = 0;

const ends: Record<string, () => void> = {
  "/throw": () => {
    setTimeout(() => {
      throw new TypeError("thrown on purpose");
    });
  },
  "/reject": () => void Promise.reject(new Error("rejected on purpose")),
  "/close": () => setTimeout(() => self.close()),
  "/spin": () => {
    console.log("spinning");
    for (;;);
  },
  "/exit": () => setTimeout(() => Deno.exit(7)),
};

export default {
  fetch: fetchHandler((request) => {
    const { pathname } = new URL(request.url);
    if (pathname === "/slow") {
      return new Response(streamBody(async function* () {
        yield `begun by ${id}, `;
        await sleep(60_000, { endOnStop: true }).catch(() => {});
        await sleep(20);
        yield `done: ${currentTask().stopping}`;
      }));
    }
    if (pathname === "/stuck") return new Promise(() => stuck++);
    if (pathname === "/are-stuck") return new Response(`${stuck}`);
    ends[pathname]?.();
    return new Response(id);
  }),
};

/** Another entry: a plain function, and its first argument's host. */
export function plain(request: Request): Response {
  return new Response(`plain ${currentTask().name} ${new URL(request.url).hostname}`);
}

/** No entry. */
export const nothing = { fetch: 1 };
