/**
 * Grove as a server that sends back what it gets: `grove.ts deno|node stay|leave|wait`. It prints its port.
 *
 * @module
 */

import { listen, serve } from "../../../mod.ts";
import { collectWhenAsked } from "./collect.ts";

const [backend, manner] = Deno.args;
const listener = listen({
  hostname: "127.0.0.1",
  port: 0,
  backend: backend === "node" ? "node" : "deno",
});
console.log(listener.addresses[0].port);
collectWhenAsked();
await serve(listener, async (stream) => {
  if (manner === "wait") {
    for await (const chunk of stream) await stream.write(chunk);
    return;
  }
  const buffer = new Uint8Array(16_384);
  for (;;) {
    const count = await stream.read(buffer);
    if (count === null) return;
    await stream.write(buffer.subarray(0, count));
    if (manner === "leave") return;
  }
}, { onError: () => {} });
