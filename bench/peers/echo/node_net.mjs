/**
 * A server that sends back what it gets, by `node:net`, for Deno and for Node: `node_net.mjs stay|leave`. It prints its port.
 *
 * @module
 */

import console from "node:console";
import { createServer } from "node:net";
import process from "node:process";

const [manner] = process.argv.slice(2);

const server = createServer((socket) => {
  socket.on("error", () => {});
  socket.on("data", (data) => {
    if (manner === "leave") socket.end(data);
    else socket.write(data);
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
if (globalThis.gc !== undefined) setInterval(globalThis.gc, 50);
