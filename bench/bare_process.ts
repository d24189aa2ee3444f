/**
 * What the processes of the floor run: it connects to the Unix socket that its argument names, and sends back what comes, byte
 * for byte.
 *
 * @module
 */

const connection = await Deno.connect({ transport: "unix", path: Deno.args[0] });
const chunk = new Uint8Array(65_536);
for (;;) {
  const count = await connection.read(chunk);
  if (count === null) break;
  for (let rest = chunk.subarray(0, count); rest.length > 0;) {
    rest = rest.subarray(await connection.write(rest));
  }
}
