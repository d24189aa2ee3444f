/**
 * What a process may do, as flags: what is listed, what it needs itself, and what of that is to be given back.
 *
 * @module
 */

import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import {
  checkPermissions,
  permissionFlags,
  type ProcessPermissions,
} from "../../../pools/process/permissions.ts";

// What concerns modules alone.
const [HOSTS, CACHED, ...rest] = permissionFlags("none", { read: [], write: [], net: [] }).flags;

Deno.test("by default modules are loaded, and none is fetched", () => {
  assertMatch(HOSTS, /^--allow-import=.*\bjsr\.io:443\b/);
  assertEquals([CACHED, ...rest], ["--cached-only"]);
});

Deno.test("hosts that are listed for imports take the place of everybody's, and are asked", () => {
  const own = { read: [], write: [], net: [] };
  assertEquals(permissionFlags({ import: ["a.example"] }, own).flags, ["--allow-import=a.example"]);
  assertEquals(permissionFlags({ import: true }, own).flags, ["--allow-import"]);
  assertEquals(permissionFlags({ import: false }, own).flags, [HOSTS, CACHED]);
});

const OWN = { read: ["/tmp/own"], write: ["/tmp/own"], net: ["unix:/tmp/own/socket"] };

Deno.test("permissions that are none are those that the process needs itself, which it gives back", () => {
  const expected = {
    flags: [
      HOSTS,
      CACHED,
      "--allow-read=/tmp/own",
      "--allow-write=/tmp/own",
      "--allow-net=unix:/tmp/own/socket",
    ],
    own: OWN,
  };
  assertEquals(permissionFlags("none", OWN), expected);
  assertEquals(permissionFlags({}, OWN), expected);
  assertEquals(permissionFlags({ read: false, net: [], env: undefined }, OWN), expected);
});

Deno.test("all permissions are one flag, and nothing is given back", () => {
  assertEquals(permissionFlags("all", OWN), { flags: ["--allow-all"], own: {} });
});

Deno.test("a kind that is listed as a whole is a flag without names, and nothing of it is given back", () => {
  const { flags, own } = permissionFlags({ read: true, sys: true }, OWN);
  assertEquals(flags[2], "--allow-read");
  assertEquals(flags.at(-1), "--allow-sys");
  assertEquals(own, { write: OWN.write, net: OWN.net });
});

Deno.test("names that are listed come first, those of files as paths", () => {
  const { flags } = permissionFlags({
    read: ["/a b", new URL("file:///c%20d/e")],
    env: ["HOME", "PATH"],
    run: ["/bin/true"],
    import: ["example.com"],
  }, OWN);
  assertEquals(flags, [
    "--allow-import=example.com",
    "--allow-read=/a b,/c d/e,/tmp/own",
    "--allow-write=/tmp/own",
    "--allow-net=unix:/tmp/own/socket",
    "--allow-env=HOME,PATH",
    "--allow-run=/bin/true",
  ]);
});

Deno.test("what lies in a folder that is listed is not given back, as that would give back the folder", () => {
  const cases: [listed: string | URL, cwd: string | URL | undefined, isIn: boolean][] = [
    ["/tmp", undefined, true],
    ["/", undefined, true],
    ["/tmp/own", undefined, true],
    ["/tmp/own/", undefined, true],
    ["/tmp/./other/../own", undefined, true],
    [new URL("file:///tmp/"), undefined, true],
    [".", "/tmp", true],
    ["own", "/tmp", true],
    ["..", "/tmp/other", true],
    ["own", new URL("file:///tmp"), true],
    ["/tmp/ow", undefined, false],
    ["/tmp/own/deeper", undefined, false],
    ["/other", undefined, false],
    ["own", "/other", false],
    [".", undefined, false],
  ];
  for (const [listed, cwd, isIn] of cases) {
    const { own } = permissionFlags({ read: [listed] }, OWN, cwd);
    assertEquals(own.read, isIn ? undefined : OWN.read, `${listed} in ${cwd}`);
  }
});

Deno.test("permissions without sense are refused, with what they are", () => {
  const wrong: [permissions: unknown, message: string][] = [
    [null, 'must be "none", "all" or an object: received null'],
    ["some", 'received "some"'],
    [{ files: true }, 'there is no permission "files". There are read, write, net'],
    [{ net: "host" }, "'permissions.net' must be a boolean or a list of names"],
    [{ env: ["A,B"] }, "without commas"],
    [{ env: [""] }, "'permissions.env'"],
    [{ read: [new URL("https://host/")] }, "'permissions.read'"],
  ];
  for (const [permissions, message] of wrong) {
    assertThrows(
      () => checkPermissions(permissions as ProcessPermissions, "do it"),
      TypeError,
      message,
    );
  }
  checkPermissions({ read: true, write: [new URL("file:///a")], env: undefined }, "do it");
});
