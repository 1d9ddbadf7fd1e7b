import type { Column } from './LayerLooks';

/** Values farther out, in standard deviations, are cut off: few are there, and they would press the rest together. */
const REACH = 4;

/** Lower and upper end that all columns are drawn within. */
export function heatRange(columns: readonly Column[]): [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { moments } of columns) {
    low = Math.min(low, Math.max(moments.min, moments.mean - REACH * moments.std));
    high = Math.max(high, Math.min(moments.max, moments.mean + REACH * moments.std));
  }
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

/** Each column reaches from its look to the next; its colour is the stronger the more values a bin has, for its height. */
export function drawHeatMap(
  canvas: HTMLCanvasElement,
  columns: readonly Column[],
  [low, high]: [number, number],
): void {
  const context = canvas.getContext('2d');
  if (!context || columns.length === 0) return;
  const width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
  const height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
  Object.assign(canvas, { width, height });
  context.fillStyle = getComputedStyle(canvas).color;
  const first = columns[0]?.step ?? 0;
  const span = Math.max(1, (columns.at(-1)?.step ?? 0) - first);
  // The newest has a column of its own at the right end.
  const newest = width / Math.max(2, columns.length);
  const atX = (step: number) => Math.round(((step - first) / span) * (width - newest));
  const atY = (value: number) => Math.round(height * (1 - (value - low) / (high - low)));
  columns.forEach(({ step, moments: { histogram } }, i) => {
    const x = atX(step);
    const next = columns[i + 1];
    const wide = Math.max(1, (next ? atX(next.step) : width) - x);
    const { counts } = histogram;
    const size = (histogram.high - histogram.low) / counts.length;
    const top = Math.max(...counts, 1);
    counts.forEach((count, bin) => {
      if (count === 0) return;
      const value = histogram.low + bin * size;
      const [upper, lower] = [atY(value + size), atY(value)];
      // Square root: bins with few values are to be seen beside the fullest.
      context.globalAlpha = Math.sqrt(count / top);
      context.fillRect(x, upper, wide, Math.max(1, lower - upper));
    });
  });
}
