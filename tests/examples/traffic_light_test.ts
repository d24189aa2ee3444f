import { assert, assertEquals } from "@std/assert";
import { linesOf } from "./example.ts";

Deno.test("traffic_light: nobody drives on while it is red; all workers hear the boss", async () => {
  const lines = await linesOf("traffic_light");
  const boss = lines.indexOf("boss: we stay until ten");
  let isGreen = false;
  const stopped = new Set<string>();
  const gone = new Set<string>();
  for (const line of lines.slice(0, boss)) {
    const [, color] = line.match(/^the light is (green|red)$/) ?? [];
    const [, car, what] = line.match(/^ {2}(car \d) (stops|drives on)$/) ?? [];
    assert(color !== undefined || car !== undefined, line);
    if (color !== undefined) {
      assertEquals(color === "green", !isGreen, "it turns");
      isGreen = color === "green";
    } else if (what === "stops") {
      assert(!isGreen, line);
      stopped.add(car);
    } else {
      assert(isGreen && !gone.has(car), line);
      gone.add(car);
    }
  }
  assertEquals([...gone].sort(), ["car 1", "car 2", "car 3", "car 4"]);
  assert(stopped.size > 0, "they come while it is green and while it is red");

  const workers = ["Ann", "Bob", "Cem"];
  assertEquals(lines.slice(boss), [
    "boss: we stay until ten",
    ...workers.map((name) => `  ${name}: what a life`),
    "boss: off you go",
    ...workers.map((name) => `  ${name}: hooray`),
  ]);
});
