/**
 * A real browser for tests: the system's Chromium, without a window, with a profile of its own that is
 * deleted in the end. Where there is none the tests are ignored, and one line says so; with `CI=true`
 * they fail, on Linux.
 *
 * @module
 */

import { type Browser, chromium } from "playwright-core";

const COMMANDS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];

const command = COMMANDS.find(exists);
const isInstalled = command !== undefined;
const isNeeded = Deno.env.get("CI") === "true" && Deno.build.os === "linux";
if (!isInstalled && !isNeeded) {
  console.error(
    "Tests of the inspector's page are ignored, as there is no chromium: apt install it.",
  );
}

/** A test with a browser, which has ended when the test has. */
export function browserTest(
  name: string,
  fn: (browser: Browser, t: Deno.TestContext) => Promise<void>,
): void {
  Deno.test({
    name,
    ignore: !isInstalled && !isNeeded,
    fn: async (t) => {
      const browser = await chromium.launch({
        executablePath: command ?? COMMANDS[0],
        args: [
          // Chromium has no sandbox for root, who runs tests in containers.
          "--no-sandbox",
          "--disable-gpu",
          "--disable-quic",
          "--disable-sync",
          "--disable-background-networking",
          "--disable-component-update",
          "--no-first-run",
        ],
      });
      try {
        await fn(browser, t);
      } finally {
        await browser.close();
      }
    },
  });
}

function exists(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}
