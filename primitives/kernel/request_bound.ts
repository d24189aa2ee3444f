/**
 * Whether timers belong to requests. In workerd, on which Cloudflare's Workers run, a timer is part
 * of the request that set it, and goes when that is over; and a request that waits while it has none
 * of its own is given up as hung. So there nothing that waits for time may lean on the timer of
 * another: each wait has its own.
 *
 * @module
 */

/** Whether a timer is gone with the request that set it. It cannot be tried out: only asked for. */
export const timersAreRequestBound: boolean =
  (globalThis.navigator as { userAgent?: string } | undefined)?.userAgent === "Cloudflare-Workers";
