/**
 * A server that sends back what comes, for programs of other platforms to connect to.
 *
 * @module
 */

import { type Listener, nursery, serve } from "../../mod.ts";

/** Serves while `body` runs, which gets the port. */
export async function withEcho(body: (port: number) => Promise<void>): Promise<void> {
  await nursery(async (services) => {
    const { addresses: [address] } = await services.start<Listener>((_task, started) =>
      serve({ hostname: "127.0.0.1", port: 0 }, async (stream) => {
        for await (const bytes of stream) await stream.write(bytes);
      }, { started })
    );
    await body((address as { port: number }).port);
    services.stop({ grace: 0 });
  });
}
