/**
 * What is said where there is next to nothing, as in workerd without Node's modules; and what is said
 * where there is Node's `net`.
 *
 * @module
 */

const SOCKETS =
  "as this platform has no sockets. Run it under Deno; fetchHandler() serves HTTP everywhere";

/** By what was used. */
export const ABSENT: Record<string, unknown> = {
  WorkerPool: "TypeError: Cannot make a WorkerPool as there is no Worker here. Use defaultPool()",
  ProcessPool:
    "TypeError: Cannot make a ProcessPool as there are no processes here. Use defaultPool()",
  Process: "TypeError: Cannot make a Process as there are no processes here. Use defaultPool()",
  listen: `Error: Cannot listen ${SOCKETS}`,
  "listen, by TLS": `Error: Cannot listen ${SOCKETS}`,
  "listen, by a file": `Error: Cannot listen ${SOCKETS}`,
  connect: `Error: Cannot connect ${SOCKETS}`,
  serve: `Error: Cannot listen ${SOCKETS}`,
  serveHttp: `Error: Cannot serve HTTP ${SOCKETS}`,
  serveOnCores: `Error: Cannot serve on cores ${SOCKETS}`,
  "serveOnCores, on all": `Error: Cannot serve on cores ${SOCKETS}`,
  datagrams: `Error: Cannot open datagrams ${SOCKETS}`,
  FileLock:
    'TypeError: Cannot acquire file lock "grove-edge.lock" as this platform has no files that can be locked. Use a Lock within a thread, a SharedLock between workers',
  SharedLock: "held",
  upgradeWebSocket:
    "Error: Cannot upgrade to a WebSocket as this platform has no way to it from a Request. Run it under Deno or workerd",
  main: true,
};

const REFUSED =
  "ConnectionRefused: Cannot connect to 127.0.0.1:9 as nobody listens there. Start the server, or check the address";

const LATER =
  "Error: Cannot listen on 127.0.0.1:0 as of an error: this platform cannot listen at the call. Run it under Deno or Node";

/** Node has TCP. */
export const ABSENT_IN_NODE: typeof ABSENT = {
  ...ABSENT,
  listen: "listens",
  connect: REFUSED,
  serve: "hello",
};

/** Of Node's `net` others have the half that connects. */
export const ABSENT_BESIDE_NODE: typeof ABSENT = {
  ...ABSENT,
  listen: LATER,
  connect: REFUSED,
  serve: LATER,
};
