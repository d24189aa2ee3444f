/**
 * A program of HTTP clients: `http_clients.ts CONNECTIONS`. For each line `PORT REQUESTS` it makes so many requests over so many
 * connections, which are kept, each sending the next when it has the answer to the last; and prints how many were answered.
 *
 * @module
 */

const connections = Number(Deno.args[0]);
const request = new TextEncoder().encode(
  "GET /hello HTTP/1.1\r\nhost: 127.0.0.1\r\naccept: */*\r\n\r\n",
);
const decoder = new TextDecoder();

/** All answers have the same length: it is found out by the first one. */
async function lengthOf(connection: Deno.Conn): Promise<number> {
  const buffer = new Uint8Array(4096);
  await connection.write(request);
  let length = 0;
  for (;;) {
    length += await connection.read(buffer.subarray(length)) ?? 0;
    const text = decoder.decode(buffer.subarray(0, length));
    const [head, body] = text.split("\r\n\r\n");
    const expected = Number(head.match(/content-length: (\d+)/i)?.[1] ?? NaN);
    if (body?.length === expected) {
      if (!head.startsWith("HTTP/1.1 200") || body !== "hello") throw new Error(text);
      return length;
    }
  }
}

let left = 0;
let answered = 0;

async function ask(connection: Deno.Conn, length: number): Promise<void> {
  const buffer = new Uint8Array(4096);
  while (left > 0) {
    left--;
    await connection.write(request);
    for (let received = 0; received < length;) {
      received += await connection.read(buffer) ?? Infinity;
    }
    answered++;
  }
}

let opened: { connection: Deno.Conn; length: number }[] = [];
for await (const chunk of Deno.stdin.readable) {
  const [port, requests] = decoder.decode(chunk).split(" ").map(Number);
  if (opened.length === 0) {
    opened = await Promise.all(Array.from({ length: connections }, async () => {
      const connection = await Deno.connect({ hostname: "127.0.0.1", port });
      return { connection, length: await lengthOf(connection) };
    }));
  }
  left = requests;
  answered = 0;
  await Promise.all(opened.map(({ connection, length }) => ask(connection, length)));
  console.log(answered);
}
