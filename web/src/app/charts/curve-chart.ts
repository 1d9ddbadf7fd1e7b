import type { Chart, Columns, Picture } from './chart';
import { Legend } from './legend';
import { drawChart, type Scales } from './plotting';

const standing = new Set<CurveChart>();

/**
 * Curves on a canvas with a legend of switches. Draws at most once per frame; knows neither Preact nor the state. Its own and
 * no library's: the smallest one is 22 KB gzipped, a seventh of what the whole page may have.
 */
export class CurveChart {
  readonly #host: HTMLElement;
  readonly #canvas = document.createElement('canvas');
  readonly #legend: Legend;
  readonly #resizing: ResizeObserver;
  readonly #colors = new Map<string, string>();
  readonly #shown: boolean[];
  #picture: Picture = { data: [[]] };
  #next: (() => Picture) | null = null;
  #scales: Scales | null = null;
  #cursor: number | null = null;
  /** In CSS pixels; asking the host for it in each frame would have the page laid out in the middle of it. */
  #width = 0;
  #frame = 0;

  constructor(
    host: HTMLElement,
    readonly chart: Chart,
    /** Pointers move together in the charts of one lab that share a name. */
    readonly lab: object,
  ) {
    this.#host = host;
    this.#shown = chart.curves.map(() => true);
    const box = document.createElement('div');
    box.className = 'chart-canvas';
    box.setAttribute('role', 'img');
    box.setAttribute('aria-label', chart.alternative);
    box.append(this.#canvas);
    this.#legend = new Legend(chart, (index, show) => {
      this.#shown[index] = show;
      this.#ask();
    });
    host.append(box, this.#legend.root);
    standing.add(this);
    const { sync } = chart.x;
    const isPeer = (other: CurveChart) => sync && other.lab === lab && other.chart.x.sync === sync;
    const point = (x: number | null) => {
      for (const other of standing) if (other === this || isPeer(other)) other.#point(x);
    };
    this.#canvas.addEventListener('pointermove', ({ offsetX }) => point(this.#scales?.xAt(offsetX) ?? null));
    this.#canvas.addEventListener('pointerleave', () => point(null));
    this.#resizing = new ResizeObserver(([entry]) => {
      this.#width = Math.floor(entry?.contentRect.width ?? 0);
      this.#ask();
    });
    this.#resizing.observe(host);
  }

  /** Draws what `paint` gives at the next frame; of several calls before it the last one counts. */
  draw(paint: () => Picture): void {
    this.#next = paint;
    this.#ask();
  }

  /** Takes over the colours that the theme now has. */
  restyle(): void {
    requestAnimationFrame(() => {
      this.#colors.clear();
      this.#ask();
    });
  }

  /** The chart as it stands, with title and legend, as a PNG file. */
  async png(): Promise<Blob> {
    const { chartImage } = await import('./chart-image');
    return chartImage({
      title: this.chart.title,
      plot: this.#canvas,
      width: this.#width,
      curves: this.chart.curves.filter((_, i) => this.#shown[i]),
      color: (name) => this.#color(name),
      font: getComputedStyle(this.#host).fontFamily,
    });
  }

  destroy(): void {
    cancelAnimationFrame(this.#frame);
    this.#resizing.disconnect();
    standing.delete(this);
    this.#host.replaceChildren();
  }

  #ask(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#picture = this.#next?.() ?? this.#picture;
      this.#next = null;
      this.#paint();
    });
  }

  #paint(): void {
    const [chart, width] = [this.chart, this.#width];
    const context = this.#canvas.getContext('2d');
    if (width === 0 || !context) return;
    const scale = devicePixelRatio || 1;
    const [columns, rows] = [Math.round(width * scale), Math.round(chart.height * scale)];
    // Setting a size empties the canvas, and costs time also where it is the same.
    if (this.#canvas.width !== columns || this.#canvas.height !== rows) {
      Object.assign(this.#canvas, { width: columns, height: rows });
      Object.assign(this.#canvas.style, { width: `${width}px`, height: `${chart.height}px` });
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    const { data, crosses = [] } = this.#picture;
    const index = this.#cursor === null ? null : nearest(data[0] ?? [], this.#cursor);
    this.#scales = drawChart(context, {
      ...{ chart, data, crosses, width },
      shown: this.#shown,
      height: chart.height,
      cursor: index === null ? null : (data[0]?.[index] as number),
      color: (name) => this.#color(name),
    });
    this.#legend.update(data, index);
  }

  #point(x: number | null): void {
    this.#cursor = x;
    this.#ask();
  }

  #color(name: string): string {
    let color = this.#colors.get(name);
    if (color === undefined) {
      color = getComputedStyle(this.#host).getPropertyValue(name).trim();
      this.#colors.set(name, color);
    }
    return color;
  }
}

/** Index of the x that is nearest; null where there is none. */
function nearest(xs: Columns[number], x: number): number | null {
  let best: number | null = null;
  for (let i = 0; i < xs.length; i++) {
    if (best === null || Math.abs((xs[i] as number) - x) <= Math.abs((xs[best] as number) - x)) best = i;
  }
  return best;
}
