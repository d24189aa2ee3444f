import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Job, JobsState } from "../../examples/serve/jobs.ts";
import { app, until, windows } from "./app.ts";

/** The longest job there is: it stays for as long as a test takes. */
const LONG = 5000;

function jobs(base: string) {
  const state = async (): Promise<JobsState> => await (await fetch(`${base}/jobs`)).json();
  return {
    state,
    put: (query: string, init: RequestInit = {}) =>
      fetch(`${base}/jobs?${query}`, { method: "POST", ...init }),
    /** Waits for the state that satisfies a condition. */
    when: (condition: (state: JobsState) => boolean) => until(state, condition),
  };
}

const names = (list: readonly Job[]) => list.map(({ name }) => name);
const busy = ({ workers }: JobsState) => names(workers.flatMap(({ job }) => job ?? []));

Deno.test("jobs: put, done in the order of priority by three workers, held up when full", async (t) => {
  await using server = await app();
  const { state, put, when } = jobs(server.base);

  /** Puts a job for which there is room. */
  const accepted = async (query: string) => {
    const response = await put(query);
    assertEquals(response.status, 202);
    return await response.json();
  };

  await t.step("a job gets a number, and is done", async () => {
    assertEquals(await accepted("name=first&ms=0&priority=3"), {
      number: 1,
      name: "first",
      priority: 3,
      ms: 0,
    });
    assertEquals((await accepted("ms=0")).number, 2);
    const { done, stats, workers } = await when(({ done }) => done.length === 2);
    assertEquals(names(done), ["job", "first"]);
    assertEquals([stats.unfinished, stats.getters, stats.maxsize], [0, 3, 10]);
    assertEquals(workers.map(({ name }) => name), ["worker 1", "worker 2", "worker 3"]);
  });

  await t.step("what makes no sense is refused, in words, and nothing is put", async () => {
    for (
      const [query, says] of [
        ["priority=10", /^'priority' must be a whole number from 0 to 9: received "10"$/],
        ["priority=-1", /^'priority' must be/],
        ["priority=", /^'priority' must be/],
        ["ms=5001", /^'ms' must be a whole number from 0 to 5000: received "5001"$/],
        ["ms=1.5", /^'ms' must be/],
        ["name=", /^'name' must be 1 to 40 characters without line breaks: received ""$/],
        [`name=${"x".repeat(41)}`, /^'name' must be/],
        ["name=a%0Ab", /received "a\\nb"$/],
      ] as const
    ) {
      const response = await put(query);
      assertEquals([query, response.status], [query, 400]);
      assertMatch((await response.json()).error, says);
    }
    const response = await fetch(`${server.base}/jobs`, { method: "DELETE" });
    assertEquals([response.status, response.headers.get("allow")], [405, "GET, HEAD, POST"]);
    await response.body?.cancel();
    const { stats, done } = await state();
    assertEquals([stats.unfinished, done.length], [0, 2]);
  });

  await t.step(
    "three run at a time; the others in the order of priority, equals as they came",
    async () => {
      await accepted(`name=left&ms=${LONG}`);
      await accepted(`name=right&ms=${LONG}`);
      await accepted("name=middle&ms=1500");
      for (const job of ["d&priority=9", "b&priority=5", "a&priority=0", "c&priority=5"]) {
        await accepted(`ms=0&name=${job}`);
      }
      const before = await state();
      assertEquals(busy(before).sort(), ["left", "middle", "right"]);
      assertEquals(names(before.waiting), ["a", "b", "c", "d"]);
      const after = await when(({ stats }) => stats.unfinished === 2);
      assertEquals(names(after.done).slice(0, 5), ["d", "c", "b", "a", "middle"]);
    },
  );

  await t.step("the page and the tree of tasks show it", async () => {
    await accepted("name=%3Cb%3E&ms=0");
    await when(({ done }) => done[0].name === "<b>");
    const page = await (await fetch(server.base)).text();
    for (const part of ["left (priority 5, 5000 ms)", "waits for a job", "&lt;b>", "of 10."]) {
      assertStringIncludes(page, part);
    }
    assert(!page.includes("<b>"));
    const tree = await (await fetch(`${server.base}/tasks?format=text`)).text();
    assertMatch(tree, /group "workers".*\n.*worker 1 +running .* waits .*for sleep, .* left\n/);
    assertMatch(tree, /worker \d +running .* waits .*for queue "jobs"/);
  });

  await t.step("when the queue is full a request waits for room, and gets it", async () => {
    await accepted("name=middle&ms=700");
    for (let i = 1; i <= 10; i++) await accepted(`name=filler&ms=${LONG}`);
    await accepted("name=last+in"); // "middle" ends within its patience.
    const full = await state();
    assertEquals([full.stats.size, full.stats.putters], [10, 0]);
    assert(names(full.waiting).includes("last in"));
  });

  await t.step("a client that goes away while it waits puts nothing", async () => {
    const leaving = new AbortController();
    const request = put("name=gone", { signal: leaving.signal }).catch((error) => error.name);
    const { waiting } = await when(({ stats }) => stats.putters === 1);
    assert(names(waiting).includes("gone"));
    leaving.abort();
    assertEquals(await request, "AbortError");
    const { stats, waiting: left } = await when(({ stats }) => stats.putters === 0);
    assertEquals([stats.size, stats.unfinished], [10, 13]);
    assert(!names(left).includes("gone"));
  });

  await t.step("who waits for room in vain is told to come back later", async () => {
    const response = await put("name=refused");
    assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
    assertEquals(await response.json(), { error: "The queue is full: 10 jobs wait" });
    assert(!names((await state()).waiting).includes("refused"));
  });
});

Deno.test({
  name: "jobs: a graceful stop finishes what is begun, and nothing else",
  ignore: windows,
  fn: async () => {
    await using server = await app();
    const { put, when } = jobs(server.base);
    for (let i = 1; i <= 3; i++) await (await put("name=begun&ms=1500")).body?.cancel();
    for (let i = 1; i <= 10; i++) await (await put(`name=left&ms=${LONG}`)).body?.cancel();
    const waiting = put("name=no+room").then(async (response) => [
      response.status,
      await response.json(),
    ]);
    await when(({ stats, workers }) => stats.putters === 1 && workers[2].job?.name === "begun");
    server.program.kill("SIGINT");
    assertEquals(await waiting, [503, { error: "The server is stopping" }]);
    const { code, stdout } = await server.program.end();
    assertEquals(code, 0);
    assertMatch(stdout, /^Jobs: 10 not begun, 0 cut short\.\nStopped\.\n$/m);
  },
});

Deno.test("jobs: a browser is sent back to the page", async () => {
  await using server = await app();
  const response = await jobs(server.base).put("ms=0", {
    headers: { accept: "text/html" },
    redirect: "manual",
  });
  assertEquals([response.status, response.headers.get("location")], [303, "/#jobs"]);
  await response.body?.cancel();
});

Deno.test("jobs: where the platform does the serving nobody works, and nothing is put", async () => {
  const { default: { fetch: answer } } = await import("../../examples/serve/main.ts");
  const response = await answer(new Request("https://edge.example/jobs", { method: "POST" }));
  assertEquals(response.status, 503);
  const state = await (await answer(new Request("https://edge.example/jobs"))).json();
  assertEquals([state.workers, state.waiting], [[], []]);
});
