/**
 * What is said where there are neither sockets nor files, as everywhere but under Deno.
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
  datagrams: `Error: Cannot open datagrams ${SOCKETS}`,
  FileLock:
    'TypeError: Cannot acquire file lock "grove-edge.lock" as this platform has no files that can be locked. Use a Lock within a thread, a SharedLock between workers',
  SharedLock: "held",
  upgradeWebSocket:
    "Error: Cannot upgrade to a WebSocket as this platform has no way to it from a Request. Run it under Deno or workerd",
  main: true,
};
