import uPlot from 'uplot';
import type { CurveStyle, RunChart } from './run-charts';

const HEIGHT = 260;
/** Steps that the x axis shows at least, so that the first ones do not fill it. */
const LEAST_STEPS = 50;

/** A uPlot chart with a legend of switches. Draws at most once per frame; knows neither Preact nor the state. */
export class CurveChart {
  readonly #plot: uPlot;
  readonly #legend: Legend;
  readonly #resizing: ResizeObserver;
  readonly #colors = new Map<string, string>();
  readonly #host: HTMLElement;
  #frame = 0;
  #next: (() => uPlot.AlignedData) | null = null;

  constructor(host: HTMLElement, chart: RunChart) {
    this.#host = host;
    const canvasBox = document.createElement('div');
    canvasBox.className = 'chart-canvas';
    canvasBox.setAttribute('role', 'img');
    canvasBox.setAttribute('aria-label', `${chart.title} by step; the latest values are in the legend`);
    host.append(canvasBox);
    const axis = (extra: uPlot.Axis): uPlot.Axis => ({
      stroke: () => this.#color('--ink-2'),
      grid: { stroke: () => this.#color('--grid'), width: 1 },
      ticks: { stroke: () => this.#color('--hair'), width: 1, size: 5 },
      font: '11px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
      ...extra,
    });
    this.#plot = new uPlot(
      {
        width: host.clientWidth || 320,
        height: HEIGHT,
        legend: { show: false },
        cursor: { drag: { x: false, y: false }, sync: { key: 'run' }, points: { show: false } },
        scales: {
          x: { time: false, range: (_, __, max) => [0, Math.max(LEAST_STEPS, max ?? 0)] },
          y: { range: (plot) => chart.range(plot.data) },
        },
        axes: [
          axis({ size: 34, space: 60 }),
          axis({ size: 46, values: (_, splits) => splits.map((value) => shortValue(value, chart)) }),
        ],
        series: [{}, ...chart.curves.map((curve) => this.#series(curve))],
        hooks: { setCursor: [(plot) => this.#legend?.update(plot.data, plot.cursor.idx ?? null)] },
      },
      emptyData(chart),
      canvasBox,
    );
    this.#legend = new Legend(chart, (index, show) => this.#plot.setSeries(index + 1, { show }));
    host.append(this.#legend.root);
    this.#resizing = new ResizeObserver(() => {
      const width = host.clientWidth;
      if (width > 0 && width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
    });
    this.#resizing.observe(host);
  }

  /** Draws what `data` gives at the next frame; of several calls before it the last one counts. */
  draw(data: () => uPlot.AlignedData): void {
    this.#next = data;
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      const aligned = this.#next?.();
      this.#next = null;
      if (!aligned) return;
      this.#plot.setData(aligned);
      this.#legend.update(aligned, this.#plot.cursor.idx ?? null);
    });
  }

  /** Takes over the colours that the theme now has. */
  restyle(): void {
    requestAnimationFrame(() => {
      this.#colors.clear();
      this.#plot.redraw(false, true);
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

function shortValue(value: number, chart: RunChart): string {
  return chart.format(value).replace(/\.?0+(?= |$)/, '');
}

function emptyData(chart: RunChart): uPlot.AlignedData {
  return [[], ...chart.curves.map(() => [])];
}

/** Line style, name and value of every curve: the value under the pointer, the latest one otherwise. */
class Legend {
  readonly root = document.createElement('ul');
  readonly #values: HTMLElement[];

  constructor(
    readonly chart: RunChart,
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
    const end = index ?? data[0].length - 1;
    this.#values.forEach((output, i) => {
      const value = lastBefore(data[i + 1] as (number | null)[], end);
      output.textContent = value === null ? '–' : this.chart.format(value);
    });
  }
}

function lastBefore(values: readonly (number | null)[], end: number): number | null {
  for (let i = end; i >= 0; i--) {
    const value = values[i];
    if (value !== null && value !== undefined) return value;
  }
  return null;
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
