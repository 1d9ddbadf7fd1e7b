import { type Chart, type Columns, type CurveStyle, TRAIN_DASH } from '../../charts/chart';
import type { RunHistory, StepCurve } from '../../state/history';
import type { Arm } from '../../state/training';
import { merge, type Track } from './merge';

export interface RunChart extends Chart {
  data: (arms: readonly Arm[]) => Columns;
}

export type Figure = 'loss' | 'accuracy';

/** Steps that the x axis shows at least, so that the first ones do not fill it. */
const LEAST_STEPS = 50;

const HEIGHT = 260;

const texts: Record<Figure, (value: number) => string> = {
  loss: (value) => (value < 1e4 ? value.toFixed(3) : value.toExponential(1)),
  accuracy: (value) => `${(100 * value).toFixed(1)} %`,
};

/** The y axis follows the smoothed and test curves; single batches may stick out. */
export function lossRange(smooth: number, most: number): Chart['range'] {
  return (data) => {
    let top = 0.5;
    for (const curve of data.slice(smooth)) {
      for (const value of curve) if (value !== null && value > top) top = value;
    }
    return [0, Math.min(top * 1.1, most)];
  };
}

const about: Record<Figure, (by: string, classes: number) => Pick<Chart, 'title' | 'alternative' | 'caption'>> = {
  loss: (by, classes) => ({
    title: 'Loss',
    alternative: `Loss by ${by}; the latest values are in the legend`,
    caption: `Mean cross-entropy, by ${by}. Guessing among ${classes} classes gives ${Math.log(classes).toFixed(2)}.`,
  }),
  accuracy: (by, classes) => ({
    title: 'Accuracy',
    alternative: `Accuracy by ${by}; the latest values are in the legend`,
    caption: `Share of right labels, by ${by}. Guessing gives ${Math.round(100 / classes)} %.`,
  }),
};

export function chart(
  figure: Figure,
  by: string,
  classes: number,
  curves: CurveStyle[],
  least: number,
  loss: Chart['range'],
): Chart {
  return {
    ...about[figure](by, classes),
    curves,
    x: { range: (max) => [0, Math.max(least, max ?? 0)], sync: 'run' },
    height: HEIGHT,
    legend: (values, index) => latest(values, index, texts[figure]),
    format: texts[figure],
    range: figure === 'loss' ? loss : () => [0, 1],
  };
}

const single: CurveStyle[] = [
  { label: 'each batch', color: '--raw', width: 1 },
  { label: 'batches, smoothed', color: '--ink-2', width: 1.5, dash: TRAIN_DASH },
  { label: 'test, eval mode', color: '--norm', width: 2.5, points: true },
  { label: 'test, train mode', color: '--norm', width: 2.5, dash: TRAIN_DASH, points: true },
];

/** The chart of one run: by steps, single batches too. */
export function runChart(figure: Figure, classes: number): RunChart {
  return {
    ...chart(figure, 'step', classes, single, LEAST_STEPS, lossRange(2, Number.POSITIVE_INFINITY)),
    data: ([arm]) => {
      const { [figure]: curve, evaluations } = (arm as Arm).history;
      return merge([stepTrack(curve, 1, [curve.mean, curve.smooth]), testTrack(evaluations, 1, figure, BOTH)]);
    },
  };
}

export const BOTH = ['eval', 'train'] as const;

export function stepTrack({ steps, length }: StepCurve, scale: number, columns: readonly Float64Array[]): Track {
  return {
    length,
    x: (i) => scale * (steps[i] as number),
    columns: columns.map((column) => (i) => column[i] as number),
  };
}

export function testTrack(
  evaluations: RunHistory['evaluations'],
  scale: number,
  figure: Figure,
  modes: readonly (typeof BOTH)[number][],
): Track {
  return {
    length: evaluations.length,
    x: (i) => scale * (evaluations[i]?.step ?? 0),
    columns: modes.map((mode) => (i) => evaluations[i]?.[mode]?.[figure] ?? null),
  };
}

/** Training and evaluation have their points at different steps: what a curve last had. */
function latest(values: readonly (number | null)[], index: number | null, text: (value: number) => string): string {
  for (let i = index ?? values.length - 1; i >= 0; i--) {
    const value = values[i];
    if (value !== null && value !== undefined) return text(value);
  }
  return '–';
}
