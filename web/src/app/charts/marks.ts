import { MARGIN, type Scales, type Scene } from './plotting';

const SIZE = 15;

/** Puts the letters of curves at their last points, moved apart where they would cover each other. */
export function drawMarks(
  context: CanvasRenderingContext2D,
  { chart, data, shown, width, height, color }: Scene,
  scales: Scales,
): void {
  const [right, top, bottom] = [width - MARGIN.right, MARGIN.top + SIZE / 2, height - MARGIN.bottom - SIZE / 2];
  const marks = chart.curves.flatMap(({ mark, color: name }, i) => {
    const at = mark && shown[i] ? lastPoint(data[0] ?? [], data[i + 1] ?? []) : null;
    if (!mark || !at) return [];
    const y = Math.min(Math.max(scales.y(at.y), top), bottom);
    return [{ mark, name, x: Math.min(scales.x(at.x), right - SIZE / 2), y }];
  });
  marks.sort((a, b) => a.y - b.y);
  context.font = '700 11px sans-serif';
  context.textAlign = 'center';
  context.textBaseline = 'middle';
  let above = Number.NEGATIVE_INFINITY;
  for (const { mark, name, x, y } of marks) {
    above = Math.max(y, above + SIZE);
    context.fillStyle = color(name);
    context.fillRect(x - SIZE / 2, above - SIZE / 2, SIZE, SIZE);
    context.fillStyle = color('--on-norm');
    context.fillText(mark, x, above + 0.5);
  }
}

type Column = readonly (number | null)[];

function lastPoint(xs: Column, ys: Column): { x: number; y: number } | null {
  for (let i = ys.length - 1; i >= 0; i--) {
    const y = ys[i];
    if (y !== null && y !== undefined) return { x: xs[i] as number, y };
  }
  return null;
}
