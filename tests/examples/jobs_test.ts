import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Job, JobsState } from "../../examples/serve/jobs.ts";
import { CancelScope, moveOnAfter, sleep, taskGroup } from "../../mod.ts";
import { withVirtualTime } from "../../primitives/testing/mod.ts";
import { app, until } from "./app.ts";

/** The longest job there is: it stays for as long as a test takes. */
const LONG = 60_000;

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

Deno.test("jobs: put by clients, done by three workers, and shown", async (t) => {
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
        ["ms=60001", /^'ms' must be a whole number from 0 to 60000: received "60001"$/],
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

  await t.step("the page and the tree of tasks show it", async () => {
    await accepted(`name=left&ms=${LONG}`);
    await accepted(`name=right&ms=${LONG}`);
    await accepted("name=%3Cb%3E&ms=0");
    await when(({ done }) => done[0].name === "<b>");
    const page = await (await fetch(server.base)).text();
    for (const part of ["left (priority 5, 60000 ms)", "waits for a job", "&lt;b>", "of 10."]) {
      assertStringIncludes(page, part);
    }
    assert(!page.includes("<b>"));
    const tree = await (await fetch(`${server.base}/tasks?format=text`)).text();
    assertMatch(tree, /group "workers".*\n.*worker \d +running .* waits .*for sleep, .* left\n/);
    assertMatch(tree, /worker \d +running .* waits .*for queue "jobs"/);
  });

  await t.step("three run at a time, and the others wait by their priority", async () => {
    await accepted(`name=middle&ms=${LONG}`);
    for (const job of ["d&priority=9", "b&priority=5", "a&priority=0", "c&priority=5"]) {
      await accepted(`ms=0&name=${job}`);
    }
    const now = await state();
    assertEquals(busy(now).sort(), ["left", "middle", "right"]);
    assertEquals(names(now.waiting), ["a", "b", "c", "d"]);
    assertEquals([now.stats.size, now.stats.unfinished], [4, 7]);
  });
});

/** The jobs alone, with workers of their own, from the start to the stop; time is virtual. */
async function alone(
  test: (jobs: {
    put: (query: string) => Promise<Response>;
    state: () => JobsState;
    stop: () => void;
    over: PromiseLike<void>;
  }) => Promise<void>,
): Promise<string[]> {
  const url = `${import.meta.resolve("../../examples/serve/jobs.ts")}?${crypto.randomUUID()}`;
  const { jobsState, putJob, runWorkers }: typeof import("../../examples/serve/jobs.ts") =
    await import(url);
  const { log } = console;
  const printed: string[] = [];
  console.log = (line: string) => void printed.push(line);
  try {
    await withVirtualTime(() =>
      taskGroup(async (group) => {
        const scope = new CancelScope();
        const stop = () => scope.stop();
        const over = group.spawn(() => scope.enter(runWorkers));
        const path = "http://localhost/jobs";
        const put = (query: string) => putJob(new URL(`${path}?${query}`), new Request(path));
        await test({ put, state: jobsState, stop, over });
        stop();
      })
    );
  } finally {
    console.log = log;
  }
  return printed;
}

Deno.test("jobs: who is free takes the first by priority, of equals the one that came first", async () => {
  await alone(async ({ put, state }) => {
    for (const job of ["left&ms=3000", "right&ms=3000", "middle&ms=1500"]) {
      assertEquals((await put(`name=${job}`)).status, 202);
    }
    for (const job of ["d&priority=9", "b&priority=5", "a&priority=0", "c&priority=5"]) {
      await put(`ms=0&name=${job}`);
    }
    await sleep(1000);
    assertEquals(busy(state()), ["left", "right", "middle"]);
    await sleep(1000);
    assertEquals(names(state().done), ["d", "c", "b", "a", "middle"]);
    assertEquals(state().stats.unfinished, 2);
    await sleep(2000);
  });
});

Deno.test("jobs: when the queue is full a request waits for room, and gets it, leaves, or is told to come back", async () => {
  await alone(async ({ put, state }) => {
    await put("name=middle&ms=700");
    for (let i = 1; i <= 12; i++) await put(`name=filler&ms=${LONG}`);
    assertEquals((await put("name=last in")).status, 202); // "middle" ends within its patience.
    assertEquals([state().stats.size, state().stats.putters], [10, 0]);
    assert(names(state().waiting).includes("last in"));

    await taskGroup(async (group) => {
      const leaving = group.spawn(() => moveOnAfter(500, () => put("name=gone")));
      await sleep(100);
      assertEquals(state().stats.putters, 1);
      assert(names(state().waiting).includes("gone"));
      assertEquals((await leaving).timedOut, true);
    });
    assertEquals([state().stats.putters, state().stats.unfinished], [0, 13]);
    assert(!names(state().waiting).includes("gone"));

    const response = await put("name=refused");
    assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
    assertEquals(await response.json(), { error: "The queue is full: 10 jobs wait" });
    assert(!names(state().waiting).includes("refused"));
  });
});

Deno.test("jobs: a graceful stop finishes what is begun and does not take too long, and nothing else", async () => {
  for (const [ms, finished] of [[1500, 3], [LONG, 0]]) {
    const printed = await alone(async ({ put, state, stop, over }) => {
      for (let i = 1; i <= 3; i++) await put(`name=begun&ms=${ms}`);
      for (let i = 1; i <= 10; i++) await put(`name=left&ms=${LONG}`);
      await taskGroup(async (group) => {
        const waiting = group.spawn(() => put("name=no room"));
        await sleep(100);
        stop();
        const response = await waiting;
        assertEquals(response.status, 503);
        assertEquals(await response.json(), { error: "The server is stopping" });
      });
      await over;
      assertEquals(names(state().done), Array(finished).fill("begun"));
    });
    assertEquals(printed, [`Jobs: 10 not begun, ${3 - finished} cut short.`]);
  }
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
