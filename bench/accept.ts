/**
 * `accept`: a client connects, sends 64 bytes, gets them back, and the server hangs up; 64 clients do so at a time. The figure is
 * the processor time of the server.
 *
 * @module
 */

import { contenders } from "./echo.ts";
import type { Row } from "./row.ts";

export const rows: Row[] = [
  {
    id: "accept",
    title: "a connection accepted, 64 bytes sent back, and closed; processor time",
    unit: "ns",
    long: true,
    contenders: contenders(
      { mode: "accept", connections: 64, size: 64, messages: 4_000 },
      "leave",
      "deno",
    ),
    goals: [{ times: 0.83, of: "floor" }],
  },
];
