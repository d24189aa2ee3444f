/**
 * A program of clients: `echo_clients.ts PORT CONNECTIONS SIZE`. Each connection sends a message, waits for it to come back, and
 * sends the next, for as long as it is answered. It ends when its connections do.
 *
 * @module
 */

const [port, connections, size] = Deno.args.map(Number);

async function converse(): Promise<void> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  const message = new Uint8Array(size).fill(64);
  const buffer = new Uint8Array(size);
  try {
    for (;;) {
      await connection.write(message);
      for (let left = size; left > 0;) {
        const count = await connection.read(buffer.subarray(0, left));
        if (count === null) return;
        left -= count;
      }
    }
  } catch {
    // The server is gone.
  } finally {
    connection.close();
  }
}

await Promise.all(Array.from({ length: connections }, converse));
