import { assert, assertEquals, assertMatch } from "@std/assert";
import { linesOf } from "./example.ts";

const back = (client: number, line: number) => `  back: line ${line} of client ${client}`;
const CLIENTS = [1, 2, 3];
const ALL = CLIENTS.flatMap((client) => [back(client, 1), back(client, 2)]);

// What there is to be done: three clients to accept, two lines of each, and that each leaves.
const EVENTS = 12;

Deno.test("io_models: the same clients are served in five ways", async (t) => {
  const models: Record<string, [result: string, answers: string[]]> = {};
  let answers: string[] = [];
  for (const line of await linesOf("io_models")) {
    const [, model, result] = line.match(/^(\w+): (.*)$/) ?? [];
    if (model === undefined) {
      answers.push(line);
    } else {
      models[model] = [result, answers];
      answers = [];
    }
  }
  assertEquals(answers, []);
  const { blocking, polling, selecting, calling, asynchronous } = models;

  await t.step("blocking: whole clients, one after the other", () => {
    const [result, answers] = blocking;
    assertEquals(result, "one client after the other");
    const order = answers.filter((_, i) => i % 2 === 0).map((line) => Number(line.at(-1)));
    assertEquals(answers, order.flatMap((client) => [back(client, 1), back(client, 2)]));
    assertEquals(order.sort(), CLIENTS);
  });

  await t.step("all others: each client's lines in order, whoever comes first", () => {
    for (const [, answers] of [polling, selecting, calling, asynchronous]) {
      assertEquals([...answers].sort(), [...ALL].sort());
      for (const client of CLIENTS) {
        const own = answers.filter((line) => line.endsWith(`client ${client}`));
        assertEquals(own, [back(client, 1), back(client, 2)]);
      }
    }
  });

  await t.step("polling asks more often than there is something", () => {
    const [, asked, vain] = polling[0].match(/^asked (\d+) times, (\d+) of them in vain$/) ?? [];
    assertEquals(Number(asked) - Number(vain), EVENTS);
    assert(Number(vain) > 0);
  });

  await t.step("selecting waits as often as there is something, or less", () => {
    assertMatch(selecting[0], /^\d+ waits for 4 sources$/);
    const waits = parseInt(selecting[0]);
    assert(waits >= 4 && waits <= EVENTS, selecting[0]);
  });

  await t.step("calling calls once for each", () => {
    assertEquals(calling[0], `${EVENTS} call-backs`);
  });

  await t.step("asynchronous: nothing to count", () => {
    assertEquals(asynchronous[0], "a task for each client");
  });
});
