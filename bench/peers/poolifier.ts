/**
 * poolifier-web-worker, pinned: poolifier on the platform's own `Worker`, made for Deno and Bun.
 *
 * @module
 */

export { FixedThreadPool, ThreadWorker } from "npm:poolifier-web-worker@0.5.15";
