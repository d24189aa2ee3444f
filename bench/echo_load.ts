/**
 * A program of clients, for servers that send back what they get: `echo_load.ts echo|accept PORT CONNECTIONS SIZE`. With "echo" it
 * connects all of them at once, and each sends a message, waits for it to come back, and sends the next. With "accept" each is
 * for one message, and is closed by the server; as many are open at a time.
 *
 * It prints a line when it is ready. Then each line of its input is a number of messages, and each line that it prints the
 * 99th percentile of the milliseconds that they took, as JSON.
 *
 * It speaks to the system itself, as clients that are slower than the server would leave it idle, and an idle server wastes time
 * on waking up. So it needs Linux.
 *
 * @module
 */

const [mode, ...numbers] = Deno.args;
const [port, connections, size] = numbers.map(Number);

const libc = Deno.dlopen("libc.so.6", {
  socket: { parameters: ["i32", "i32", "i32"], result: "i32" },
  connect: { parameters: ["i32", "buffer", "u32"], result: "i32" },
  close: { parameters: ["i32"], result: "i32" },
  send: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  recv: { parameters: ["i32", "buffer", "usize", "i32"], result: "isize" },
  epoll_create1: { parameters: ["i32"], result: "i32" },
  epoll_ctl: { parameters: ["i32", "i32", "i32", "buffer"], result: "i32" },
  epoll_wait: { parameters: ["i32", "buffer", "i32", "i32"], result: "i32" },
}).symbols;

const AF_INET = 2;
const SOCK_STREAM = 1;
const EPOLL_CTL_ADD = 1;
const EPOLLIN = 1;
const MSG_DONTWAIT = 0x40;
const MOST_EVENTS = 1024;
/** Where the data of an event are: on x86 it is packed. */
const DATA_AT = Deno.build.arch === "x86_64" ? 4 : 8;
const EVENT_BYTES = DATA_AT + 8;

const address = new Uint8Array(16);
new DataView(address.buffer).setUint16(0, AF_INET, true);
new DataView(address.buffer).setUint16(2, port);
address.set([127, 0, 0, 1], 4);

const message = new Uint8Array(size).fill(64);
const buffer = new Uint8Array(Math.max(size, 65_536));
const events = new Uint8Array(MOST_EVENTS * EVENT_BYTES);
const eventView = new DataView(events.buffer);
const poll = checked("epoll_create1", libc.epoll_create1(0));

/** One connection after the other, for those that are for one message. */
interface Client {
  socket: number;
  /** How many bytes of the answer have not come. */
  missing: number;
  sentAt: number;
}

function checked(call: string, result: number | bigint): number {
  if (Number(result) >= 0) return Number(result);
  throw new Error(
    `Cannot measure as ${call} has failed. Is the limit of open files high enough? See ulimit -n`,
  );
}

const clients: Client[] = [];

function open(index: number): number {
  const socket = checked("socket", libc.socket(AF_INET, SOCK_STREAM, 0));
  checked("connect", libc.connect(socket, address, address.length));
  const event = new Uint8Array(EVENT_BYTES);
  new DataView(event.buffer).setUint32(0, EPOLLIN, true);
  new DataView(event.buffer).setUint32(DATA_AT, index, true);
  checked("epoll_ctl", libc.epoll_ctl(poll, EPOLL_CTL_ADD, socket, event));
  return socket;
}

function send(client: Client): void {
  client.missing = size;
  client.sentAt = performance.now();
  const count = Number(libc.send(client.socket, message, BigInt(size), 0));
  if (count !== size) throw new Error(`Cannot send: ${count} of ${size} bytes were taken`);
}

/** Has so many messages answered, and gives the milliseconds that each of them took. */
function run(messages: number): number[] {
  const latencies: number[] = [];
  let unsent = messages;
  const begin = (index: number): void => {
    if (unsent === 0) return;
    unsent--;
    const client = clients[index];
    if (mode === "accept") client.socket = open(index);
    send(client);
  };
  for (const index of clients.keys()) begin(index);
  while (latencies.length < messages) {
    const count = checked("epoll_wait", libc.epoll_wait(poll, events, MOST_EVENTS, -1));
    for (let i = 0; i < count; i++) {
      const index = eventView.getUint32(EVENT_BYTES * i + DATA_AT, true);
      const client = clients[index];
      const got = Number(libc.recv(client.socket, buffer, BigInt(buffer.length), MSG_DONTWAIT));
      if (got < 0) continue;
      const isOver = mode === "accept" && client.missing === 0 && got === 0;
      if (got === 0 && !isOver) throw new Error("Cannot measure as the server has hung up");
      client.missing -= got;
      if (isOver) libc.close(client.socket);
      if (client.missing > 0 || (mode === "accept" && !isOver)) continue;
      latencies.push(performance.now() - client.sentAt);
      begin(index);
    }
  }
  return latencies;
}

for (let i = 0; i < connections; i++) {
  clients.push({ socket: -1, missing: 0, sentAt: 0 });
  if (mode === "echo") clients[i].socket = open(i);
}
console.log("ready");

const line = new Uint8Array(100);
for (;;) {
  const count = Deno.stdin.readSync(line);
  if (count === null) break;
  const latencies = run(Number(new TextDecoder().decode(line.subarray(0, count)))).sort((a, b) =>
    a - b
  );
  console.log(JSON.stringify(latencies[Math.floor(latencies.length * 0.99)]));
}
