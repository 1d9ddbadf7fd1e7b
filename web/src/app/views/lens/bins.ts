const BINS = 24;

/** From the least to the greatest of all values; never empty. */
export function rangeOf(all: readonly ArrayLike<number>[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const values of all) {
    for (let i = 0; i < values.length; i++) {
      low = Math.min(low, values[i] as number);
      high = Math.max(high, values[i] as number);
    }
  }
  if (high - low > 1e-6 * Math.max(Math.abs(low), Math.abs(high))) return [low, high];
  const half = Math.max(0.5, Math.abs(low) * 1e-3);
  return [low - half, high + half];
}

/** How many values lie in each of equally wide bins. */
export function binned(values: ArrayLike<number>, low: number, high: number): number[] {
  const counts = new Array<number>(BINS).fill(0);
  for (let i = 0; i < values.length; i++) {
    const bin = Math.floor(((values[i] as number) - low) / ((high - low) / BINS));
    const kept = Math.max(0, Math.min(BINS - 1, bin));
    counts[kept] = (counts[kept] as number) + 1;
  }
  return counts;
}
