/**
 * A real browser for tests: Debian's Chromium, without a window, with a profile of its own that is
 * deleted in the end. Where there is none the tests are ignored, and one line says so; with `CI=true`
 * they fail, on Linux.
 *
 * @module
 */

import { type Browser, chromium } from "playwright-core";

const COMMAND = "chromium";

const isInstalled = await installed();
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
        executablePath: `/usr/bin/${COMMAND}`,
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

async function installed(): Promise<boolean> {
  try {
    return (await Deno.stat(`/usr/bin/${COMMAND}`)).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}
