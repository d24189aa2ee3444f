/**
 * For servers whose memory is weighed: where V8 is started with `--expose-gc`, garbage is collected again and again.
 *
 * @module
 */

/** Begins to collect, if that was asked for. */
export function collectWhenAsked(): void {
  const { gc } = globalThis as { gc?: () => void };
  if (gc !== undefined) setInterval(gc, 50);
}
