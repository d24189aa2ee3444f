import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { Lock, type Nursery, nursery, Queue, sleep, taskGroup } from "../../../mod.ts";
import { inspector, type InspectorServer } from "../../../io/inspector/mod.ts";
import { browserTest } from "./browser.ts";

/** How a page is looked at. */
interface Look {
  readonly page: Page;
  /** Where the tasks are spawned that it shows. */
  readonly services: Nursery;
}

/** Opens the page of this very program, and sees to it that nothing in it has failed. */
async function look(
  browser: Browser,
  fn: (look: Look) => Promise<void>,
  { control, ...context }: { control?: boolean } & BrowserContextOptions = {},
): Promise<void> {
  await nursery(async (services) => {
    const { url } = await services.start<InspectorServer>(
      (_task, started) => inspector({ port: 0, control, started }),
      { name: "inspector" },
    );
    const page = await browser.newPage(context);
    page.setDefaultTimeout(60_000);
    const errors: string[] = [];
    page.on(
      "console",
      (message) => void (message.type() === "error" && errors.push(message.text())),
    );
    page.on("pageerror", (error) => void errors.push(String(error)));
    try {
      await page.goto(url);
      await fn({ page, services });
      assertEquals(errors, []);
    } finally {
      await page.close();
      services.cancel();
    }
  }, { name: "services" });
}

/** The row of a node, by how its text begins. */
function row(page: Page, text: string) {
  return page.getByRole("treeitem").filter({ hasText: new RegExp(`^${text}`) });
}

/** A deadlock that no wait could see when it was closed: it leads through a group. */
function deadlock(services: Nursery): void {
  const lock = new Lock({ name: "door" });
  services.spawn(async () => {
    using _ = await lock.acquire();
    await taskGroup((inner) => void inner.spawn(() => lock.acquire(), { name: "child" }));
  }, { name: "parent" });
}

browserTest("inspector page, in a browser", async (browser, t) => {
  await t.step(
    "the tree shows tasks as they come and go, but not the inspector's own",
    () =>
      look(browser, async ({ page, services }) => {
        await row(page, "root").waitFor();
        const nap = services.spawn(() => sleep(Infinity), { name: "nap" });
        await row(page, "nap").waitFor();
        assertMatch(await row(page, "nap").innerText(), /sleeps forever/);
        assertEquals(await row(page, "(server|GET)").count(), 0);
        nap.cancel();
        await row(page, "nap").waitFor({ state: "detached" });
        await page.locator("#connection[data-state=live]").waitFor();
      }),
  );

  await t.step(
    "a name is text, whatever is in it",
    () =>
      look(browser, async ({ page, services }) => {
        const name = `<img src=x onerror="document.title='owned'"><b>bold`;
        const queue = new Queue<number>(1, { name });
        const task = services.spawn(() => queue.get(), { name });
        await row(page, "<img").click();
        await page.locator("#why li").waitFor();
        await page.locator("#awaited .thing").waitFor();
        await page.locator(".bar").first().waitFor();
        task.cancel();
        await row(page, "<img").waitFor({ state: "detached" });
        assertEquals(await page.locator("img, #tree b b, .bar *").count(), 0);
        assertEquals(await page.title(), "Grove inspector");
      }),
  );

  await t.step(
    "a deadlock and a stuck task are shown, and told of",
    () =>
      look(browser, async ({ page, services }) => {
        deadlock(services);
        const gate = Promise.withResolvers<void>();
        const stuck = services.spawn(() => gate.promise, { name: "uploader" });
        stuck.cancel();
        for (const name of ["parent deadlocked", "child deadlocked", "uploader stuck"]) {
          await page.locator("#alarms").getByRole("button", { name }).waitFor();
        }
        assertMatch(await row(page, "child").innerText(), /deadlocked/);
        assertEquals(
          await page.getByRole("status").innerText(),
          "3 tasks in trouble",
        );
        assertEquals(await page.title(), "(3) Grove inspector");
        gate.resolve();
        await row(page, "uploader").waitFor({ state: "detached" });
      }),
  );

  await t.step(
    "a click tells why a task waits: the chain, and the circle",
    () =>
      look(browser, async ({ page, services }) => {
        const lock = new Lock({ name: "db" });
        services.spawn(() => lock.withLock(() => sleep(1e9)), { name: "holder" });
        services.spawn(() => lock.acquire(), { name: "waiter" });
        deadlock(services);
        const why = page.locator("#why");
        await row(page, "waiter").click();
        await why.getByText("It goes on by itself, in time.").waitFor();
        assertMatch(
          (await why.locator("ol").innerText()).replace(/\s+/g, " "),
          /^waiter waiting waits for lock db, held by holder, for .* s holder waiting sleeps, .* left$/,
        );
        await page.getByRole("searchbox").fill("nothing like it");
        await row(page, "waiter").waitFor({ state: "detached" });
        await page.locator("#alarms").getByRole("button", { name: "child" }).click();
        await why.getByText("the circle is closed").waitFor();
        assertEquals(await why.locator("li button").allInnerTexts(), [
          "child waiting",
          "parent waiting",
        ]);
        assertEquals(await row(page, "child").getAttribute("aria-selected"), "true");
      }),
  );

  await t.step(
    "the keyboard goes through the tree, opens, closes and asks",
    () =>
      look(browser, async ({ page, services }) => {
        services.spawn(() => sleep(Infinity), { name: "last" });
        await row(page, "last").waitFor();
        const active = () =>
          page.evaluate<unknown[]>(`(() => {
          const id = document.activeElement.getAttribute("aria-activedescendant");
          const item = document.getElementById(id);
          return [item.querySelector(".name").textContent, item.ariaLevel, item.ariaExpanded];
        })()`);
        await page.getByRole("tree").focus();
        assertEquals(await active(), ["root", "1", "true"]);
        const press = (...keys: string[]) =>
          keys.reduce(
            (before, key) => before.then(() => page.keyboard.press(key)),
            Promise.resolve(),
          );
        await press("ArrowDown");
        assertEquals(await active(), ["services", "2", "true"]);
        await press("End");
        assertEquals(await active(), ["last", "3", null]);
        await press("Enter");
        await page.locator("#why").getByText("last").waitFor();
        await press("ArrowLeft", "ArrowLeft");
        await page.locator("[aria-level='2'][aria-expanded=false]").waitFor();
        assertEquals(await active(), ["services", "2", "false"]);
        assertEquals(await row(page, "last").count(), 0);
        await press("ArrowRight");
        await row(page, "last").waitFor();
        await press("ArrowRight");
        assertEquals((await active())[1], "3");
        await press("Home");
        assertEquals(await active(), ["root", "1", "true"]);
      }),
  );

  await t.step(
    "ten thousand tasks: their group is closed, with what they do; it opens, and few rows are elements",
    () =>
      look(browser, async ({ page, services }) => {
        services.spawn(() =>
          taskGroup((group) => {
            for (let i = 0; i < 10_000; i++) {
              group.spawn(() => sleep(Infinity), { name: `page ${i}` });
            }
          }, { name: "pages" }), { name: "crawler" });
        await row(page, "pages").getByText("10,000 sleep").waitFor();
        await page.evaluate(`(async () => {
        const named = (name) =>
          [...document.querySelectorAll("[role=treeitem]")]
            .find((item) => item.querySelector(".name").textContent === name);
        named("pages").querySelector(".twist").click();
        while (!named("page 0")) await new Promise(requestAnimationFrame);
      })()`);
        await page.getByRole("tree").focus();
        for (const last of ["and 9,900 more", "and 9,000 more", "page 9999"]) {
          while (await row(page, last).count() === 0) await page.keyboard.press("End");
          if (last.startsWith("and")) await row(page, last).click();
        }
        assertEquals(await row(page, "page 9999").getAttribute("aria-posinset"), "10000");
        assert(await page.getByRole("treeitem").count() < 100);
        await page.getByRole("searchbox").fill("page 4321");
        await row(page, "page 4321").waitFor();
      }),
  );

  await t.step(
    "the buttons ask a task to stop, and cancel it, where that is permitted",
    () =>
      look(browser, async ({ page, services }) => {
        const loop = services.spawn(
          () => sleep(Infinity, { endOnStop: true }).catch(() => "asked"),
          {
            name: "loop",
          },
        );
        const nap = services.spawn(() => sleep(Infinity), { name: "nap" });
        await row(page, "loop").click();
        await page.getByRole("button", { name: "Ask to stop" }).click();
        await loop;
        await row(page, "nap").click();
        await page.locator("#why").getByText("nap").waitFor();
        await page.getByRole("button", { name: "Cancel" }).click();
        await nap.join();
        assertEquals(nap.state, "cancelled");
      }, { control: true }),
  );

  await t.step("it pauses, and goes on", () =>
    look(browser, async ({ page, services }) => {
      await row(page, "root").waitFor();
      await page.getByRole("button", { name: "Pause" }).click();
      services.spawn(() => sleep(Infinity), { name: "unseen" });
      await page.getByRole("button", { name: "Pause", pressed: true }).click();
      await row(page, "unseen").waitFor();
    }));

  await t.step(
    "it has the reader's colors, and keeps still for who wants that",
    async () => {
      const grounds = new Set<string>();
      for (const colorScheme of ["dark", "light"] as const) {
        await look(browser, async ({ page, services }) => {
          services.spawn(() => sleep(Infinity), { name: "moves" });
          await page.locator(".bar", { hasText: "moves" }).waitFor();
          grounds.add(await page.evaluate("getComputedStyle(document.body).backgroundColor"));
          const asked = await page.evaluate(`(async () => {
            const original = requestAnimationFrame;
            let asked = 0;
            window.requestAnimationFrame = (fn) => (asked++, original(fn));
            for (let i = 0; i < 3; i++) await new Promise((resolve) => original(resolve));
            return asked;
          })()`);
          assertEquals(asked, 0);
        }, { colorScheme, reducedMotion: "reduce" });
      }
      assertEquals(grounds.size, 2);
    },
  );
});
