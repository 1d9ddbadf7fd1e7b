import '../../styles/plot.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { Mode, NormName } from '../../worker/protocol';
import { brief, roundTicks } from './ticks';
import { watchWidth } from './width';

interface Looks {
  label: string;
  /** Takes the colour of a normalization; else that of `color`, a CSS custom property, else that of the text. */
  norm?: NormName;
  color?: string;
  /** Train mode is dashed, eval mode solid. */
  mode?: Mode;
}

/** Points joined by a line, which has a gap where y is null or not finite. */
export interface Line extends Looks {
  kind: 'line';
  x: ArrayLike<number>;
  y: ArrayLike<number | null>;
  /** A dot at each point. */
  dots?: boolean;
}

/** A histogram: counts of equally wide bins between two ends. */
export interface Bins extends Looks {
  kind: 'bins';
  low: number;
  high: number;
  counts: ArrayLike<number>;
}

export interface Axis {
  label?: string;
  min?: number;
  max?: number;
  ticks?: { values: readonly number[]; format?: (value: number) => string };
}

interface Props {
  /** What it shows and where its figures stand, for those who do not see it. */
  label: string;
  series: readonly (Line | Bins)[];
  x?: Axis;
  y?: Axis;
  height?: number;
}

const LEFT = 44;
const BOTTOM = 30;
const TOP = 8;
const RIGHT = 10;

/** A small figure of lines and histograms, drawn anew when its data are others. Charts that move are CurveChart's. */
export function Plot({ label, series, x = {}, y = {}, height = 160 }: Props) {
  const host = useRef<HTMLDivElement>(null);
  const width = useSignal(320);
  useEffect(() => {
    const box = host.current;
    if (!box) return;
    return watchWidth(box, (room) => {
      width.value = Math.max(160, room);
    });
  }, [width]);

  const xs = series.flatMap((one) => (one.kind === 'bins' ? [one.low, one.high] : [...ends(one.x)]));
  const ys = series.flatMap((one) => (one.kind === 'bins' ? [0, ...ends(one.counts)] : [...ends(one.y)]));
  const [x0, x1] = span(xs, x);
  const [y0, y1] = span(ys, y);
  const [inner, tall] = [width.value - LEFT - RIGHT, height - TOP - BOTTOM];
  const atX = (value: number) => LEFT + ((value - x0) / (x1 - x0)) * inner;
  const atY = (value: number) => TOP + tall - ((value - y0) / (y1 - y0)) * tall;
  const xTicks = x.ticks?.values ?? roundTicks(x0, x1, inner / 70);
  const yTicks = y.ticks?.values ?? roundTicks(y0, y1, tall / 36);

  return (
    <div class="plot" ref={host}>
      <svg role="img" aria-label={label} width={width.value} height={height} viewBox={`0 0 ${width.value} ${height}`}>
        {yTicks.map((value) => (
          <g key={value}>
            <line class="plot-grid" x1={LEFT} x2={width.value - RIGHT} y1={atY(value)} y2={atY(value)} />
            <text x={LEFT - 6} y={atY(value) + 4} text-anchor="end">
              {(y.ticks?.format ?? brief)(value)}
            </text>
          </g>
        ))}
        {xTicks.map((value) => (
          <text key={value} x={atX(value)} y={height - BOTTOM + 14} text-anchor="middle">
            {(x.ticks?.format ?? brief)(value)}
          </text>
        ))}
        {x.label && (
          <text x={width.value - RIGHT} y={height - 3} text-anchor="end">
            {x.label}
          </text>
        )}
        {y.label && (
          <text x={LEFT + 4} y={TOP + 9}>
            {y.label}
          </text>
        )}
        {series.map((one) => (
          <g
            key={one.label}
            data-norm={one.norm}
            data-mode={one.mode}
            style={{ '--plot-color': one.color ? `var(${one.color})` : one.norm ? 'var(--norm)' : 'var(--ink)' }}
          >
            <title>{one.label}</title>
            {one.kind === 'bins' ? (
              <path class="plot-bins" d={binsPath(one, atX, atY)} />
            ) : (
              <path class="plot-line" d={linePath(one, atX, atY)} />
            )}
            {one.kind === 'line' && one.dots && <path class="plot-dots" d={dotsPath(one, atX, atY)} />}
          </g>
        ))}
      </svg>
    </div>
  );
}

function* ends(values: ArrayLike<number | null>): Iterable<number> {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (value < low && Number.isFinite(value)) low = value;
    if (value > high && Number.isFinite(value)) high = value;
  }
  if (low <= high) yield* [low, high];
}

/** From the least to the greatest value, or as the axis says; never empty. */
function span(values: readonly number[], { min, max }: Axis): [number, number] {
  const low = min ?? Math.min(...values, ...(max === undefined ? [] : [max]));
  const high = max ?? Math.max(...values, low);
  if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
  return low < high ? [low, high] : [low - 0.5, low + 0.5];
}

type Place = (value: number) => number;

function linePath({ x, y }: Line, atX: Place, atY: Place): string {
  let path = '';
  let joined = false;
  for (let i = 0; i < x.length; i++) {
    const value = y[i] ?? Number.NaN;
    const there = Number.isFinite(value);
    if (there) path += `${joined ? 'L' : 'M'}${atX(x[i] as number).toFixed(1)} ${atY(value).toFixed(1)}`;
    joined = there;
  }
  return path;
}

/** Lines of no length, which round ends make dots. */
function dotsPath({ x, y }: Line, atX: Place, atY: Place): string {
  return Array.from(x, (at, i) => [at, y[i] ?? Number.NaN] as const)
    .filter(([, value]) => Number.isFinite(value))
    .map(([at, value]) => `M${atX(at).toFixed(1)} ${atY(value).toFixed(1)}h0`)
    .join('');
}

function binsPath({ low, high, counts }: Bins, atX: Place, atY: Place): string {
  const step = (high - low) / counts.length;
  const base = atY(0).toFixed(1);
  let path = `M${atX(low).toFixed(1)} ${base}`;
  for (let i = 0; i < counts.length; i++) {
    path += `V${atY(counts[i] as number).toFixed(1)}H${atX(low + (i + 1) * step).toFixed(1)}`;
  }
  return `${path}V${base}Z`;
}
