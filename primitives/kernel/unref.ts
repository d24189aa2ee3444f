/**
 * Timers that do not keep the process alive.
 *
 * @module
 */

/** Lets the process end although a timer is set, on platforms where it would not. */
export function letProcessEnd(timer: unknown): void {
  const { Deno: deno } = globalThis as { Deno?: { unrefTimer?(id: unknown): void } };
  if (typeof timer === "number") deno?.unrefTimer?.(timer);
  else (timer as { unref?(): void }).unref?.();
}
