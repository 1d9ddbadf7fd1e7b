import type { NormName } from '../../../worker/protocol';
import { type Chart, type CurveStyle, type Picture, TRAIN_DASH } from '../../charts/chart';
import { settings } from '../../settings';
import type { SweepPoint } from './sweep-figures';

/**
 * Validation error of ResNet-50 on ImageNet by images per GPU: Wu & He, Group Normalization, 2018, table 3
 * (https://arxiv.org/abs/1803.08494).
 */
export const published = {
  batchSizes: [2, 4, 8, 16, 32],
  errors: { batch: [0.347, 0.273, 0.248, 0.237, 0.236], group: [0.241, 0.242, 0.24, 0.242, 0.241] },
} as const;

const publishedNorms = ['batch', 'group'] as const;

const PUBLISHED_DASH = [1.5, 3.5];
/** Room beside the first and the last batch size, in doublings. */
const MARGIN = 0.3;
const LEAST_TOP = 0.1;
/** What guessing among ten classes gives: the top while there is nothing to show. */
const GUESSING = 0.9;

const text = (share: number) => `${(100 * share).toFixed(1)} %`;

export function normLabel(norm: string | null): string {
  return settings.norm.choices.find(({ value }) => value === norm)?.label ?? String(norm);
}

/** The chart of a sweep over these norms and batch sizes, its x being log2 of the batch size. */
export function sweepChart(norms: readonly NormName[], batchSizes: readonly number[], withPublished: boolean): Chart {
  const ticks = ticksOf(batchSizes, withPublished);
  const ends: [number, number] = [(ticks[0] ?? 0) - MARGIN, (ticks.at(-1) ?? 0) + MARGIN];
  const own = norms.flatMap((norm): CurveStyle[] => {
    const style = { color: `--${norm}`, points: true };
    const label = norm === 'none' ? 'No normalization' : normLabel(norm);
    return [
      { ...style, label: `${label}, eval mode`, width: 2.5, band: 0.18 },
      { ...style, label: `${label}, train mode`, width: 2, dash: TRAIN_DASH, band: 0.1 },
    ];
  });
  const theirs = publishedNorms.map(
    (norm): CurveStyle => ({
      label: `${normLabel(norm)}, published`,
      color: `--${norm}`,
      width: 1.5,
      dash: PUBLISHED_DASH,
      points: true,
    }),
  );
  return {
    title: 'Test error by batch size',
    caption:
      'Share of wrong labels among the test images: the mean over the seeds, the band from the best to the worst of them. Guessing gives 90 %.',
    alternative: 'Test error by batch size, a line for each normalization and mode; the figures are in the table below',
    curves: withPublished ? [...own, ...theirs] : own,
    height: 340,
    format: text,
    range: (data) => [0, 1.15 * topOf(data.slice(1))],
    x: { range: () => ends, ticks: { values: ticks, format: (value) => String(2 ** value) } },
    // Without a pointer there is no batch size that the figures could be those of.
    legend: (values, index) => {
      const value = index === null ? undefined : values[index];
      return index === null ? '' : value === null || value === undefined ? '–' : text(value);
    },
  };
}

/** What there is of the points so far. A failed run leaves a cross. */
export function sweepPicture(
  norms: readonly NormName[],
  batchSizes: readonly number[],
  points: readonly SweepPoint[],
  withPublished: boolean,
): Picture {
  const ticks = ticksOf(batchSizes, withPublished);
  const sizes = ticks.map((tick) => 2 ** tick);
  const spreads = norms.flatMap((norm) =>
    (['eval', 'train'] as const).map((mode) =>
      sizes.map((size) => points.find((point) => point.norm === norm && point.batchSize === size)?.[mode] ?? null),
    ),
  );
  const failing = points.filter(({ failed }) => failed.length > 0);
  const rows = norms.filter((norm) => failing.some((point) => point.norm === norm));
  const theirs = publishedNorms.map((norm) =>
    sizes.map((size) => published.errors[norm][(published.batchSizes as readonly number[]).indexOf(size)] ?? null),
  );
  return {
    data: [
      ticks,
      ...spreads.map((curve) => curve.map((spread) => spread?.mean ?? null)),
      ...(withPublished ? theirs : []),
      ...spreads.flatMap((curve) => [
        curve.map((spread) => spread?.least ?? null),
        curve.map((spread) => spread?.most ?? null),
      ]),
    ],
    crosses: failing.map(({ norm, batchSize }) => ({
      x: Math.log2(batchSize),
      color: `--${norm}`,
      row: rows.indexOf(norm),
    })),
  };
}

function ticksOf(batchSizes: readonly number[], withPublished: boolean): number[] {
  const sizes = new Set([...batchSizes, ...(withPublished ? published.batchSizes : [])]);
  return [...sizes].sort((a, b) => a - b).map(Math.log2);
}

function topOf(columns: readonly (readonly (number | null)[])[]): number {
  const values = columns.flat().filter((value) => value !== null);
  return values.length > 0 ? Math.max(LEAST_TOP, ...values) : GUESSING;
}
