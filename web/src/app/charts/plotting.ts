import type { Chart, Columns, Cross, CurveStyle } from './chart';
import { drawMarks } from './marks';
import { roundTicks } from './ticks';

const FONT = '11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';
export const MARGIN = { left: 46, right: 8, top: 8, bottom: 34 };
const DOT = 2.5;
/** Dots help to see the first points; later they would hide the line's style. */
const MOST_DOTS = 12;

const whole = new Intl.NumberFormat('en');

/** From values to CSS pixels of the canvas. */
export interface Scales {
  x: (value: number) => number;
  y: (value: number) => number;
  /** And back. */
  xAt: (pixel: number) => number;
}

export interface Scene {
  chart: Chart;
  data: Columns;
  crosses: readonly Cross[];
  /** Of each curve. */
  shown: readonly boolean[];
  /** Where the pointer is, on the x axis. */
  cursor: number | null;
  /** In CSS pixels. */
  width: number;
  height: number;
  /** The value of a CSS custom property: a canvas cannot read it by itself. */
  color: (name: string) => string;
}

/** Draws the whole chart; the context is scaled to CSS pixels. */
export function drawChart(context: CanvasRenderingContext2D, scene: Scene): Scales {
  const { chart, data, width, height, color } = scene;
  const [x0, x1] = chart.x.range(data[0]?.at(-1) ?? null);
  const [y0, y1] = chart.range(data);
  const inner = { width: width - MARGIN.left - MARGIN.right, height: height - MARGIN.top - MARGIN.bottom };
  const scales: Scales = {
    x: (value) => MARGIN.left + ((value - x0) / (x1 - x0)) * inner.width,
    y: (value) => MARGIN.top + (1 - (value - y0) / (y1 - y0)) * inner.height,
    xAt: (pixel) => x0 + ((pixel - MARGIN.left) / inner.width) * (x1 - x0),
  };
  context.clearRect(0, 0, width, height);
  drawAxes(context, scene, scales, { x: [x0, x1], y: [y0, y1] });
  context.save();
  context.beginPath();
  context.rect(MARGIN.left, 0, inner.width + MARGIN.right, MARGIN.top + inner.height + 1);
  context.clip();
  drawBands(context, scene, scales);
  chart.curves.forEach((style, i) => {
    if (scene.shown[i]) drawCurve(context, style, data[0] ?? [], data[i + 1] ?? [], scales, color);
  });
  drawCrosses(context, scene, scales);
  drawMarks(context, scene, scales);
  if (scene.cursor !== null) {
    context.strokeStyle = color('--edge');
    context.lineWidth = 1;
    context.setLineDash([3, 3]);
    stroke(context, [scales.x(scene.cursor), MARGIN.top], [scales.x(scene.cursor), MARGIN.top + inner.height]);
  }
  context.restore();
  return scales;
}

type Point = readonly [number, number];

function stroke(context: CanvasRenderingContext2D, from: Point, to: Point): void {
  context.beginPath();
  context.moveTo(...from);
  context.lineTo(...to);
  context.stroke();
}

function drawAxes(
  context: CanvasRenderingContext2D,
  { chart, width, height, color }: Scene,
  scales: Scales,
  { x, y }: Record<'x' | 'y', readonly [number, number]>,
): void {
  const bottom = height - MARGIN.bottom;
  const xTicks = chart.x.ticks ?? { values: roundTicks(...x, width / 80), format: (value) => whole.format(value) };
  context.font = FONT;
  context.lineWidth = 1;
  context.setLineDash([]);
  context.fillStyle = color('--ink-2');
  context.textAlign = 'center';
  context.textBaseline = 'top';
  for (const value of xTicks.values) {
    context.strokeStyle = color('--grid');
    stroke(context, [scales.x(value), MARGIN.top], [scales.x(value), bottom]);
    context.strokeStyle = color('--hair');
    stroke(context, [scales.x(value), bottom], [scales.x(value), bottom + 5]);
    context.fillText(xTicks.format(value), scales.x(value), bottom + 10);
  }
  context.textAlign = 'right';
  context.textBaseline = 'middle';
  for (const value of roundTicks(...y, height / 40)) {
    context.strokeStyle = color('--grid');
    stroke(context, [MARGIN.left, scales.y(value)], [width - MARGIN.right, scales.y(value)]);
    context.fillText(chart.format(value).replace(/\.?0+(?= |$)/, ''), MARGIN.left - 8, scales.y(value));
  }
}

/** A band's lower and upper ends are the columns behind those of the curves, in their order. */
function drawBands(context: CanvasRenderingContext2D, { chart, data, shown, color }: Scene, scales: Scales): void {
  let column = 1 + chart.curves.length;
  const xs = data[0] ?? [];
  chart.curves.forEach((style, i) => {
    if (style.band === undefined) return;
    const [lower, upper] = [data[column++] ?? [], data[column++] ?? []];
    const there = xs.flatMap((x, at) => (lower[at] === null || upper[at] === null ? [] : [[x as number, at] as const]));
    if (!shown[i] || there.length === 0) return;
    context.globalAlpha = style.band;
    context.fillStyle = color(style.color);
    context.beginPath();
    for (const [x, at] of there) context.lineTo(scales.x(x), scales.y(upper[at] as number));
    for (const [x, at] of there.reverse()) context.lineTo(scales.x(x), scales.y(lower[at] as number));
    context.fill();
    context.globalAlpha = 1;
  });
}

function drawCurve(
  context: CanvasRenderingContext2D,
  { color: name, width, dash = [], points }: CurveStyle,
  xs: readonly (number | null)[],
  ys: readonly (number | null)[],
  scales: Scales,
  color: Scene['color'],
): void {
  context.strokeStyle = color(name);
  context.fillStyle = color(name);
  context.lineWidth = width;
  context.lineJoin = 'round';
  context.setLineDash(dash);
  context.beginPath();
  const dots: Point[] = [];
  for (let i = 0; i < xs.length; i++) {
    const y = ys[i];
    if (y === null || y === undefined) continue;
    const point = [scales.x(xs[i] as number), scales.y(y)] as const;
    context.lineTo(...point);
    if (points && dots.length <= MOST_DOTS) dots.push(point);
  }
  context.stroke();
  if (dots.length > MOST_DOTS) return;
  for (const [x, y] of dots) {
    context.beginPath();
    context.arc(x, y, DOT, 0, 2 * Math.PI);
    context.fill();
  }
}

function drawCrosses(context: CanvasRenderingContext2D, { crosses, color }: Scene, scales: Scales): void {
  const arm = 4;
  context.lineWidth = 2;
  context.setLineDash([]);
  for (const { x, color: name, row } of crosses) {
    const [at, y] = [scales.x(x), MARGIN.top + 10 + 14 * row];
    context.strokeStyle = color(name);
    for (const slope of [-1, 1]) stroke(context, [at - arm, y - slope * arm], [at + arm, y + slope * arm]);
  }
}
