import { assert } from "@std/assert";
import { SCRIPT } from "../../../io/inspector/page_script.ts";
import { TIMELINE } from "../../../io/inspector/page_timeline.ts";
import { TREE } from "../../../io/inspector/page_tree.ts";

// It stands in strings, where neither of the two would see it.
Deno.test("the page's script is formatted and passes the linter, like all else", async () => {
  const folder = await Deno.makeTempDir({ prefix: "script-" });
  try {
    await Deno.writeTextFile(`${folder}/script.js`, `${SCRIPT.trimStart()}${TREE}${TIMELINE}`);
    for (const args of [["fmt", "--check", "--line-width", "100"], ["lint"]]) {
      const { success, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...args, "--no-config", "script.js"],
        cwd: folder,
        env: { NO_COLOR: "1" },
      }).output();
      assert(success, new TextDecoder().decode(stderr));
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
