/**
 * Says hello to a server, and gives the line that it answers.
 *
 * @module
 */

import { connect } from "../../../mod.ts";

/** See above. */
export async function hello(port: number): Promise<unknown> {
  const stream = await connect({ hostname: "127.0.0.1", port, timeout: 5000 });
  await stream.write(new TextEncoder().encode("hello\n"));
  const { value } = await stream.lines().next();
  stream.close();
  return value;
}
