/**
 * A server that sends back what it gets, by nothing but `Deno.listen`: `bare.ts stay|leave`. It prints its port.
 *
 * @module
 */

import { collectWhenAsked } from "./collect.ts";

const [manner] = Deno.args;

async function attend(connection: Deno.Conn): Promise<void> {
  const buffer = new Uint8Array(65_536);
  try {
    for (;;) {
      const count = await connection.read(buffer);
      if (count === null) break;
      for (let sent = 0; sent < count;) {
        sent += await connection.write(buffer.subarray(sent, count));
      }
      if (manner === "leave") break;
    }
  } catch {
    // The clients are gone.
  }
  connection.close();
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
console.log(listener.addr.port);
collectWhenAsked();
for await (const connection of listener) attend(connection);
