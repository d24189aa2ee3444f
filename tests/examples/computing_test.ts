import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import type { WorkerPoolStats, WorkerTree } from "../../mod.ts";
import { app, FLAGS, MAIN, seen, until, windows } from "./app.ts";

interface PoolState {
  readonly kind: string;
  readonly stats: WorkerPoolStats;
  readonly workers: readonly WorkerTree[];
}

/** What is asked of the app when it is asked to compute. */
function computing(base: string) {
  const pool = async (): Promise<PoolState> => await (await fetch(`${base}/pool`)).json();
  return {
    pool,
    fib: (n: number, init: RequestInit = {}) => fetch(`${base}/fib?n=${n}`, init),
    primes: (upTo: number, init: RequestInit = {}) => fetch(`${base}/primes?upto=${upTo}`, init),
    tree: async () => await (await fetch(`${base}/tasks?format=text`)).text(),
    /** Waits until so many jobs run. */
    running: (count: number) => until(pool, ({ stats }) => stats.running === count),
  };
}

/** What takes much longer than any of these tests. */
const ENDLESS = { fib: 45, primes: 100_000_000 };

for (const kind of ["WorkerPool", "TaskPool"]) {
  const isThreaded = kind === "WorkerPool";
  // To start workers the app has to be permitted to read what they load.
  const args = isThreaded ? undefined : ["run", "--no-prompt", ...FLAGS, MAIN, "start"];

  Deno.test(`pools: the app computes in a ${kind}, for as long as somebody waits for it [P2, P11]`, async (t) => {
    await using server = await app(args);
    const { base, program } = server;
    const { pool, fib, primes, tree, running } = computing(base);

    /** Does something that ends one job before it is done, and sees it end by itself. */
    const cancelsOne = async (act: () => Promise<unknown>) => {
      const { stats: before } = await pool();
      await act();
      const { stats } = await running(0);
      assertEquals(stats.cancelled, before.cancelled + 1);
      assertEquals([stats.succeeded, stats.failed], [before.succeeded, 0]);
      if (isThreaded) assertEquals(stats.crashed, 0, "no worker had to be given up");
      assert(!/\b(fib|primes|stream)\b/.test(await tree()), "nothing is left of it");
    };

    await t.step("/pool tells what kind it is, and nothing is started for it", async () => {
      const { kind: actual, stats, workers } = await pool();
      assertEquals(actual, kind);
      assertEquals([stats.running, stats.succeeded, workers.length], [0, 0, 0]);
    });

    await t.step("/fib gives Fibonacci numbers", async () => {
      const known = [[0, 0], [1, 1], [2, 1], [24, 46_368], [25, 75_025], [30, 832_040]];
      for (const [n, expected] of known) {
        const { took, ...result } = await (await fib(n)).json();
        assertEquals(result, { n, value: expected });
        assert(took >= 0);
      }
      assertEquals((await (await fetch(`${base}/fib`)).json()).n, 30);
    });

    await t.step("/primes gives the primes, a line each", async () => {
      const response = await primes(30);
      assertEquals(response.headers.get("content-type"), "text/plain; charset=utf-8");
      assertEquals(await response.text(), "2\n3\n5\n7\n11\n13\n17\n19\n23\n29\n");
      assertEquals(await (await primes(1)).text(), "");
      assertEquals(await (await primes(2)).text(), "2\n");
      const lines = (await (await primes(1_000_000)).text()).split("\n");
      assertEquals([lines.length, lines[78_497], lines.at(-1)], [78_499, "999983", ""]);
    });

    await t.step("what makes no sense, or too much of it, is refused in words", async () => {
      const { stats: before } = await pool();
      for (
        const [query, says] of [
          ["fib?n=46", /^'n' must be a whole number from 0 to 45: received "46"$/],
          ["fib?n=-1", /^'n' must be/],
          ["fib?n=1.5", /^'n' must be/],
          ["fib?n=", /^'n' must be/],
          ["primes?upto=0", /^'upto' must be a whole number from 1 to 100000000: received "0"$/],
          ["primes?upto=100000001", /^'upto' must be/],
          ["primes?upto=1e3", /^'upto' must be/],
          ["primes?upto=all", /^'upto' must be/],
        ] as const
      ) {
        const response = await fetch(`${base}/${query}`);
        assertEquals([query, response.status], [query, 400]);
        assertMatch((await response.json()).error, says);
      }
      assertEquals((await pool()).stats.succeeded, before.succeeded);
    });

    await t.step("a client of /fib that goes away ends its job [I5]", () =>
      cancelsOne(async () => {
        const leaving = new AbortController();
        const answer = fib(ENDLESS.fib, leaving).catch((error) => error.name);
        await running(1);
        assertMatch(
          await tree(),
          /GET \/fib +running .* waits .*for job "fib"\n.* job "fib" +running/,
        );
        leaving.abort();
        assertEquals(await answer, "AbortError");
      }));

    await t.step(
      "a client of /primes that goes away ends the generator",
      () =>
        cancelsOne(async () => {
          const response = await primes(ENDLESS.primes);
          const reader = response.body!.getReader();
          assertMatch(new TextDecoder().decode((await reader.read()).value), /^2\n3\n5\n/);
          assertEquals((await pool()).stats.running, 1);
          // It belongs to the server, with which it would end, and not to the program.
          const stream =
            /scope "requests"[^]*stream +running .* waits .*for job "primes"\n[^]* echo server/;
          assertMatch(await tree(), stream);
          await reader.cancel();
        }),
    );

    await t.step(
      "one that reads nothing of it and goes away does so too",
      () =>
        cancelsOne(async () => {
          const { hostname, port, host } = new URL(base);
          using connection = await Deno.connect({ hostname, port: Number(port) });
          const request = `GET /primes?upto=${ENDLESS.primes} HTTP/1.1\r\nHost: ${host}\r\n\r\n`;
          await connection.write(new TextEncoder().encode(request));
          await running(1);
          if (isThreaded) {
            await until(pool, ({ workers }) => JSON.stringify(workers).includes("demand for"));
          }
        }),
    );

    await t.step("the page shows them", async () => {
      const page = await (await fetch(base)).text();
      for (const path of ["/fib?n=", "/primes?upto=", "/pool"]) {
        assertStringIncludes(page, `<a href="${path}`);
      }
    });

    if (isThreaded && !windows) {
      await t.step("Ctrl-C lets jobs finish, and cuts short what takes too long [I3]", async () => {
        const endless = await primes(ENDLESS.primes);
        const job = await seen(
          () => fib(35),
          async () => /job "fib" +running/.test(await tree()),
        );
        program.kill("SIGINT");
        assertEquals((await (await job.answer).json()).value, 9_227_465);
        // Its client can tell that this is not all of them.
        await assertRejects(() => endless.text(), TypeError);
        const { code, stdout, stderr } = await program.end();
        assertEquals([code, stderr], [0, ""]);
        assertMatch(stdout, /Stopped\.\n$/);
      });
    }
  });
}
