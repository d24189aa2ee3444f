/**
 * The load of the rows of small jobs: loops that each wait for one job after the other.
 *
 * @module
 */

/**
 * Calls `run` with all numbers below `size`, so many at a time.
 *
 * @returns Resolves to the sum of what it resolves to.
 */
export async function inLoops(
  atOnce: number,
  size: number,
  run: (n: number) => PromiseLike<unknown>,
): Promise<number> {
  let next = 0;
  let sum = 0;
  async function loop(): Promise<void> {
    while (next < size) {
      const result = await run(next++);
      sum += result as number;
    }
  }
  await Promise.all(Array.from({ length: atOnce }, loop));
  return sum;
}
