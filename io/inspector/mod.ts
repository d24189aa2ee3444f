/**
 * The inspector: a page that shows what a program is doing at this moment. The tree of its tasks,
 * what each waits for and who holds that, pools, listeners and queues, and what has happened lately.
 *
 * {@linkcode inspector} is a server of its own, {@linkcode inspectorHandler} a part of one that is
 * there. The page needs nothing from elsewhere. It costs nothing but a timer while nobody looks.
 *
 * @example
 * ```ts ignore
 * import { main, nursery, sleep } from "@grove/grove";
 * import { inspector } from "@grove/grove/inspector";
 *
 * await main(() =>
 *   nursery(async (services) => {
 *     services.spawn(() => inspector({ port: 9000, started: ({ url }) => console.log(url) }));
 *     await sleep(60_000);
 *   })
 * );
 * ```
 *
 * @module
 */

export type { Client } from "./access.ts";
export { type InspectorHandler, inspectorHandler } from "./handler.ts";
export { inspector, type InspectorOptions, type InspectorServer } from "./server.ts";
