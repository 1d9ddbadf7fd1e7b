import 'uplot/dist/uPlot.min.css';
import uPlot from 'uplot';
import type { Chart, Cross, CurveStyle, Picture } from './chart';
import { chartImage } from './chart-image';

const FONT = 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace';

/** A uPlot chart with a legend of switches. Draws at most once per frame; knows neither Preact nor the state. */
export class CurveChart {
  readonly #plot: uPlot;
  readonly #legend: Legend;
  readonly #resizing: ResizeObserver;
  readonly #colors = new Map<string, string>();
  readonly #host: HTMLElement;
  #frame = 0;
  #next: (() => Picture) | null = null;
  #crosses: Cross[] = [];

  constructor(
    host: HTMLElement,
    readonly chart: Chart,
  ) {
    this.#host = host;
    const { sync, ticks } = chart.x;
    const bands = bandsOf(chart);
    const canvasBox = document.createElement('div');
    canvasBox.className = 'chart-canvas';
    canvasBox.setAttribute('role', 'img');
    canvasBox.setAttribute('aria-label', chart.alternative);
    host.append(canvasBox);
    const axis = (extra: uPlot.Axis): uPlot.Axis => ({
      stroke: () => this.#color('--ink-2'),
      grid: { stroke: () => this.#color('--grid'), width: 1 },
      ticks: { stroke: () => this.#color('--hair'), width: 1, size: 5 },
      font: `11px ${FONT}`,
      ...extra,
    });
    this.#plot = new uPlot(
      {
        width: host.clientWidth || 320,
        height: chart.height,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, points: { show: false }, ...(sync && { sync: { key: sync } }) },
        scales: {
          x: { time: false, range: (_, __, max) => chart.x.range(max) },
          y: { range: (plot) => chart.range(plot.data) },
        },
        axes: [
          axis({
            size: 34,
            space: 60,
            ...(ticks && { splits: () => ticks.values, values: (_, splits) => splits.map(ticks.format) }),
          }),
          axis({ size: 46, values: (_, splits) => splits.map((value) => shortValue(value, chart)) }),
        ],
        series: [
          {},
          ...chart.curves.map((curve) => this.#series(curve)),
          ...bands.flatMap(() => [{ ...BAND_END }, { ...BAND_END }]),
        ],
        bands: bands.map(({ style, lower, upper }) => ({
          series: [upper, lower],
          fill: () => withAlpha(this.#color(style.color), style.band ?? 0),
        })),
        hooks: {
          draw: [(plot) => this.#drawCrosses(plot)],
          setCursor: [(plot) => this.#legend?.update(plot.data, plot.cursor.idx ?? null)],
        },
      },
      emptyData(chart),
      canvasBox,
    );
    this.#legend = new Legend(chart, (index, show) => {
      const band = bands.find(({ curve }) => curve === index);
      for (const column of band ? [index + 1, band.lower, band.upper] : [index + 1]) {
        this.#plot.setSeries(column, { show });
      }
    });
    host.append(this.#legend.root);
    this.#resizing = new ResizeObserver(() => {
      const width = host.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: chart.height });
    });
    this.#resizing.observe(host);
  }

  /** Draws what `paint` gives at the next frame; of several calls before it the last one counts. */
  draw(paint: () => Picture): void {
    this.#next = paint;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const picture = this.#next?.();
      this.#next = null;
      if (!picture) return;
      this.#crosses = picture.crosses ?? [];
      this.#plot.setData(picture.data);
      this.#legend.update(picture.data, this.#plot.cursor.idx ?? null);
    });
  }

  /** Takes over the colours that the theme now has. */
  restyle(): void {
    requestAnimationFrame(() => {
      this.#colors.clear();
      this.#plot.redraw(false, true);
    });
  }

  /** The chart as it stands, with title and legend, as a PNG file. */
  png(): Promise<Blob> {
    return chartImage({
      title: this.chart.title,
      plot: this.#plot.ctx.canvas,
      width: this.#plot.width,
      curves: this.chart.curves.filter((_, i) => this.#plot.series[i + 1]?.show),
      color: (name) => this.#color(name),
      font: getComputedStyle(this.#host).fontFamily,
    });
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#resizing.disconnect();
    this.#plot.destroy();
    this.#host.replaceChildren();
  }

  #series({ label, color, width, dash, points }: CurveStyle): uPlot.Series {
    const stroke = () => this.#color(color);
    return {
      label,
      stroke,
      width,
      spanGaps: true,
      ...(dash && { dash }),
      points: points ? { show: fewPoints, size: 5, stroke, fill: stroke } : { show: false },
    };
  }

  #drawCrosses({ ctx, bbox, valToPos }: uPlot): void {
    const pixel = devicePixelRatio;
    const arm = 4 * pixel;
    ctx.save();
    ctx.lineWidth = 2 * pixel;
    for (const { x, color, row } of this.#crosses) {
      const at = valToPos(x, 'x', true);
      const y = bbox.top + (10 + 14 * row) * pixel;
      ctx.strokeStyle = this.#color(color);
      ctx.beginPath();
      for (const slope of [-1, 1]) {
        ctx.moveTo(at - arm, y - slope * arm);
        ctx.lineTo(at + arm, y + slope * arm);
      }
      ctx.stroke();
    }
    ctx.restore();
  }

  /** The present value of a CSS custom property: a canvas cannot read it by itself. */
  #color(name: string): string {
    let color = this.#colors.get(name);
    if (color === undefined) {
      color = getComputedStyle(this.#host).getPropertyValue(name).trim();
      this.#colors.set(name, color);
    }
    return color;
  }
}

/** Dots help to see the first evaluations; later they would hide the line's style. */
function fewPoints(plot: uPlot, index: number): boolean {
  const values = plot.data[index] as (number | null)[];
  let count = 0;
  for (const value of values) if (value !== null && ++count > 12) return false;
  return true;
}

function shortValue(value: number, chart: Chart): string {
  return chart.format(value).replace(/\.?0+(?= |$)/, '');
}

const BAND_END: uPlot.Series = { width: 0, spanGaps: true, points: { show: false } };

/** The bands of a chart: the curve that each is about, and the columns of its ends. */
function bandsOf({ curves }: Chart) {
  return curves
    .map((style, curve) => ({ style, curve }))
    .filter(({ style }) => style.band !== undefined)
    .map((band, i) => ({ ...band, lower: 1 + curves.length + 2 * i, upper: 2 + curves.length + 2 * i }));
}

/** @param color as the style sheets have it, #rrggbb */
function withAlpha(color: string, alpha: number): string {
  return (
    color +
    Math.round(255 * alpha)
      .toString(16)
      .padStart(2, '0')
  );
}

function emptyData(chart: Chart): uPlot.AlignedData {
  return [[], ...chart.curves.map(() => []), ...bandsOf(chart).flatMap(() => [[], []])];
}

/** Line style, name and value of every curve. */
class Legend {
  readonly root = document.createElement('ul');
  readonly #values: HTMLElement[];

  constructor(
    readonly chart: Chart,
    onToggle: (index: number, show: boolean) => void,
  ) {
    this.root.className = 'legend';
    this.#values = chart.curves.map((curve, index) => {
      const value = document.createElement('output');
      const button = document.createElement('button');
      button.type = 'button';
      button.setAttribute('aria-pressed', 'true');
      button.append(lineSample(curve), curve.label, value);
      button.addEventListener('click', () => {
        const show = button.getAttribute('aria-pressed') === 'false';
        button.setAttribute('aria-pressed', String(show));
        onToggle(index, show);
      });
      const item = document.createElement('li');
      item.append(button);
      this.root.append(item);
      return value;
    });
  }

  update(data: uPlot.AlignedData, index: number | null): void {
    this.#values.forEach((output, i) => {
      output.textContent = this.chart.legend(data[i + 1] as (number | null)[], index);
    });
  }
}

function lineSample({ color, width, dash }: CurveStyle): SVGElement {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 28 6');
  svg.setAttribute('aria-hidden', 'true');
  const line = document.createElementNS(namespace, 'line');
  for (const [name, value] of Object.entries({ x1: 0, y1: 3, x2: 28, y2: 3 })) line.setAttribute(name, String(value));
  line.style.stroke = `var(${color})`;
  line.style.strokeWidth = String(width);
  if (dash) line.style.strokeDasharray = dash.join(' ');
  svg.append(line);
  return svg;
}
