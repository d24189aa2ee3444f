/**
 * A player in a worker.
 *
 * @module
 */

import { type Act, Player } from "./player.ts";

const scope = globalThis as unknown as {
  onmessage: (event: MessageEvent<Act>) => void;
  postMessage(message: unknown): void;
};

const player = new Player((id, outcome) => scope.postMessage({ id, outcome }));

scope.onmessage = async ({ data }) => {
  // What blocks the thread cannot be told of after it.
  const blocks = data.do === "call" && data.method.endsWith("Sync");
  if (blocks) scope.postMessage("performed");
  await player.perform(data);
  if (!blocks) scope.postMessage("performed");
};
scope.postMessage("performed");
