import { assert, assertEquals, assertMatch } from "@std/assert";
import { app, windows } from "./app.ts";

Deno.test({
  name:
    "inspector: the app shows it at /inspector, to its own page alone, which can change nothing",
  ignore: windows,
  fn: async () => {
    await using server = await app();
    const { program, base } = server;
    const home = await fetch(base);
    assertMatch(await home.text(), /<a href="\/inspector">/);
    const page = await fetch(`${base}/inspector`);
    assertMatch(await page.text(), /<body data-base="\/inspector" data-control="false">/);

    // What its page is told of at once: the servers, the workers that wait for jobs, the pool.
    const events = await fetch(`${base}/inspector/events`);
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const { value } = await reader.read();
    const { rows, awaited } = JSON.parse(value!.slice("data: ".length));
    const names = rows.map(({ name }: { name: string }) => name);
    for (const name of ["HTTP server", "echo server", "worker 1"]) {
      assert(names.includes(name), name);
    }
    assert(
      !names.some((name: string) => name.includes("/inspector")),
      "not the page's own request",
    );
    assertEquals(awaited[0].name, "jobs");
    await reader.cancel();

    const foreign = await fetch(`${base}/inspector`, {
      headers: { origin: "https://evil.example" },
    });
    assertEquals(foreign.status, 403);
    await foreign.body?.cancel();
    for (const order of ["cancel", "stop"]) {
      const refused = await fetch(`${base}/inspector/tasks/1/${order}`, { method: "POST" });
      assertEquals(refused.status, 403);
      await refused.body?.cancel();
    }

    // A page that looks does not hold up the end of the program.
    const open = await fetch(`${base}/inspector/events`);
    program.kill("SIGINT");
    await open.text();
    assertEquals((await program.end()).code, 0);
  },
});
