import { type Chart, type Columns, type CurveStyle, TRAIN_DASH } from '../../charts/chart';
import type { EvaluationPoint, RunHistory, StepCurve } from '../../state/history';

export interface RunChart extends Chart {
  data: (history: RunHistory) => Columns;
}

/** Steps that the x axis shows at least, so that the first ones do not fill it. */
const LEAST_STEPS = 50;

const HEIGHT = 260;

const lossText = (value: number) => value.toFixed(3);
const accuracyText = (value: number) => `${(100 * value).toFixed(1)} %`;

const x: Chart['x'] = { range: (max) => [0, Math.max(LEAST_STEPS, max ?? 0)], sync: 'run' };

const curves: CurveStyle[] = [
  { label: 'each batch', color: '--raw', width: 1 },
  { label: 'batches, smoothed', color: '--ink-2', width: 1.5, dash: TRAIN_DASH },
  { label: 'test, eval mode', color: '--norm', width: 2.5, points: true },
  { label: 'test, train mode', color: '--norm', width: 2.5, dash: TRAIN_DASH, points: true },
];

const SMOOTH = 2;

/** The y axis follows the smoothed and test curves; single batches may stick out. */
function lossRange(data: Columns): [number, number] {
  let top = 0.5;
  for (const curve of data.slice(SMOOTH)) {
    for (const value of curve) if (value !== null && value > top) top = value;
  }
  return [0, top * 1.1];
}

export const lossChart: RunChart = {
  title: 'Loss',
  alternative: 'Loss by step; the latest values are in the legend',
  caption: 'Mean cross-entropy, by step. Guessing among ten classes gives 2.30.',
  curves,
  x,
  height: HEIGHT,
  legend: (values, index) => latest(values, index, lossText),
  format: lossText,
  range: lossRange,
  data: ({ loss, evaluations }) => align(loss, evaluations, 'loss'),
};

export const accuracyChart: RunChart = {
  title: 'Accuracy',
  alternative: 'Accuracy by step; the latest values are in the legend',
  caption: 'Share of right labels, by step. Guessing gives 10 %.',
  curves,
  x,
  height: HEIGHT,
  legend: (values, index) => latest(values, index, accuracyText),
  format: accuracyText,
  range: () => [0, 1],
  data: ({ accuracy, evaluations }) => align(accuracy, evaluations, 'accuracy'),
};

/** Brings the points of training and of evaluation, both ascending in steps, on one x axis, with gaps where one has none. */
function align(curve: StepCurve, evaluations: readonly EvaluationPoint[], key: 'loss' | 'accuracy'): Columns {
  const x: number[] = [];
  const raw: (number | null)[] = [];
  const smooth: (number | null)[] = [];
  const evalMode: (number | null)[] = [];
  const trainMode: (number | null)[] = [];
  let i = 0;
  let j = 0;
  while (i < curve.length || j < evaluations.length) {
    const step = i < curve.length ? (curve.steps[i] as number) : Number.POSITIVE_INFINITY;
    const evaluation = evaluations[j];
    const at = Math.min(step, evaluation?.step ?? Number.POSITIVE_INFINITY);
    const trained = step === at;
    const evaluated = evaluation?.step === at ? evaluation : undefined;
    x.push(at);
    raw.push(trained ? (curve.mean[i] as number) : null);
    smooth.push(trained ? (curve.smooth[i] as number) : null);
    evalMode.push(evaluated?.eval?.[key] ?? null);
    trainMode.push(evaluated?.train?.[key] ?? null);
    if (trained) i++;
    if (evaluated) j++;
  }
  return [x, raw, smooth, evalMode, trainMode];
}

/** Training and evaluation have their points at different steps: what a curve last had. */
function latest(values: readonly (number | null)[], index: number | null, text: (value: number) => string): string {
  for (let i = index ?? values.length - 1; i >= 0; i--) {
    const value = values[i];
    if (value !== null && value !== undefined) return text(value);
  }
  return '–';
}
