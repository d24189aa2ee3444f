import { assertEquals } from "@std/assert";
import { natsTest } from "./nats.ts";
import { Setup } from "./with_worker.ts";

natsTest(
  "P12: jobs are handed in over WebSocket, with no permission but for that address",
  async () => {
    await using setup = await Setup.start();
    await setup.worker();
    const address = setup.server.websocketUrl;
    const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-check",
        "--no-prompt",
        "--quiet",
        `--allow-net=${new URL(address).host}`,
        new URL("edge_program.ts", import.meta.url).href,
        address,
      ],
    }).output();
    const decoder = new TextDecoder();
    assertEquals(decoder.decode(stderr), "");
    assertEquals(decoder.decode(stdout).trim().split("\n"), ["42", "RangeError: as there", "seen"]);
    assertEquals(success, true);
  },
);
