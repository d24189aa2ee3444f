/**
 * What the program has others compute.
 *
 * @module
 */

import { portable } from "@grove/grove";

export const fibonacci = portable(import.meta, function fibonacci(n: number): number {
  return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
});
