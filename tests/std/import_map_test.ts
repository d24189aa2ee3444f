/**
 * The two import maps, that of deno.json and that of the fallback, have to name the same things.
 *
 * @module
 */

import { assertEquals } from "@std/assert";
import config from "../../deno.json" with { type: "json" };
import fallback from "./import_map.json" with { type: "json" };

const isStd = ([name]: [string, string]) => name.startsWith("@std/");
const isNotStd = (entry: [string, string]) => !isStd(entry);

Deno.test("the fallback's import map stands in for each @std package of deno.json", () => {
  const packageOf = ([name]: [string, string]) => name.split("/", 2).join("/");
  const replaced = Object.entries(fallback.imports).filter(isStd).map(packageOf);
  const named = Object.entries(config.imports).filter(isStd).map(packageOf);
  assertEquals(new Set(replaced), new Set(named));
});

Deno.test("the fallback's import map names all the rest as deno.json does", () => {
  assertEquals(
    Object.entries(fallback.imports).filter(isNotStd),
    Object.entries(config.imports).filter(isNotStd),
  );
});
