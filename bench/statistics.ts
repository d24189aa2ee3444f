/**
 * The statistics of the benchmark: medians, ratios to the floor and their spread. Pure functions over the samples.
 *
 * A ratio is the **median of the per-round ratios**, not the ratio of two medians. The noise of a shared machine is mostly
 * slow (a neighbor works for some seconds, the clock rate changes) and hits every contender of a round alike, so dividing
 * inside the round cancels it, and the median then drops the rounds in which it changed half-way. The price: a printed
 * ratio is not exactly the quotient of the two printed times.
 *
 * A spread is the distance between the quartiles divided by the median: of the per-round ratios for a contender, of its own
 * figures for the floor, whose ratio is 1 in every round. 0.1 says that half of the rounds lay within some ±5 %.
 *
 * @module
 */
/** The value below which the given fraction of the values lies, interpolated between neighbors as NumPy does. */
export function quantile(values: readonly number[], fraction: number): number {
  if (values.length === 0) {
    throw new RangeError("Cannot compute quantile as there are no values: received an empty array");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const position = (sorted.length - 1) * fraction;
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (sorted[above] - sorted[below]) * (position - below);
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** (p75 − p25) / median; 0 where the median is 0, as no relative spread can be told there. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle === 0 ? 0 : (quantile(values, 0.75) - quantile(values, 0.25)) / Math.abs(middle);
}

/** Round by round, how many times `base` the figure was. */
export function ratios(values: readonly number[], base: readonly number[]): number[] {
  if (values.length !== base.length) {
    throw new RangeError(
      `Cannot compute ratios as the rounds differ: received ${values.length} and ${base.length}`,
    );
  }
  return values.map((value, round) => value / base[round]);
}
