import { UsageError } from './failure.js';
import { short, table } from './report.js';

/**
 * @typedef {import('../measure.js').LayerMeasurement} LayerMeasurement
 * @typedef {import('../measure.js').Moments} Moments
 *
 * @typedef {{ mean: number, std: number, nonfinite?: number, histogram?: Moments['histogram'] }} BriefMoments
 *
 * @typedef {object} MeasuredStep of one layer; what it has none of is null
 * @property {number} step from 1
 * @property {BriefMoments} activation
 * @property {BriefMoments | null} gradient
 * @property {number | null} gradNorm
 * @property {number | null} valuesPerStatistic
 * @property {number | null} meanShift
 * @property {number | null} varRatio
 *
 * @typedef {{ key: string, type: string, shape: number[], series: MeasuredStep[] }} LayerSeries
 *
 * @typedef {object} Measurements
 * @property {{ measureEvery: number, bins?: number }} options of `trainer.fit`
 * @property {(step: number, layers: LayerMeasurement[]) => void} add
 * @property {LayerSeries[]} layers
 */

/**
 * What is to be measured and, in time, what was.
 *
 * @param {import('./options.js').TrainingOptions} options
 * @returns {Measurements | null} null: nothing was asked for
 */
export function openMeasurements({ measureEvery, measureBins: bins }) {
  if (measureEvery === undefined) {
    if (bins === undefined) return null;
    throw new UsageError('--measure-bins: needs --measure-every, which says in what steps');
  }
  /** @param {Moments} moments @returns {BriefMoments} */
  const brief = ({ mean, std, nonfinite, histogram }) => ({
    mean,
    std,
    ...(nonfinite > 0 && { nonfinite }),
    ...(bins !== undefined && { histogram }),
  });
  /** @type {LayerSeries[]} */
  const series = [];
  return {
    options: { measureEvery, ...(bins !== undefined && { bins }) },
    add(step, layers) {
      layers.forEach(({ key, type, shape, activation, gradient, gradNorm, statistics }, index) => {
        series[index] ??= { key, type, shape, series: [] };
        const { valuesPerStatistic = null, meanShift = null, varRatio = null } = statistics ?? {};
        series[index].series.push({
          step,
          activation: brief(activation),
          gradient: gradient && brief(gradient),
          gradNorm,
          valuesPerStatistic,
          meanShift,
          varRatio,
        });
      });
    },
    layers: series,
  };
}

/** @param {number | null | undefined} value */
const cell = (value) => (value == null ? '' : short(value));

const lastStep = table(
  /** @type {import('./report.js').Column<LayerSeries & { last: MeasuredStep }>[]} */ ([
    { title: 'layer', width: 16, left: true, cell: ({ key }) => key },
    { title: 'type', width: 16, left: true, cell: ({ type }) => type },
    { title: 'mean', width: 9, cell: ({ last }) => cell(last.activation.mean) },
    { title: 'std', width: 9, cell: ({ last }) => cell(last.activation.std) },
    { title: 'gradient std', cell: ({ last }) => cell(last.gradient?.std) },
    { title: 'gradient norm', cell: ({ last }) => cell(last.gradNorm) },
    { title: 'values', width: 8, cell: ({ last }) => last.valuesPerStatistic?.toLocaleString('en') ?? '' },
    { title: 'mean shift', cell: ({ last }) => cell(last.meanShift) },
    { title: 'var ratio', cell: ({ last }) => cell(last.varRatio) },
  ]),
);

/**
 * @param {Measurements} measurements
 * @returns {string[]} lines of what the last step showed that was measured
 */
export function measurementReport({ options, layers }) {
  if (layers.length === 0) return ['', `note: there were fewer than ${options.measureEvery} steps: none was measured`];
  const rows = layers.map((layer) => ({ ...layer, last: layer.series[layer.series.length - 1] }));
  return ['', `Outputs and gradients of step ${rows[0].last.step}:`, lastStep.header, ...rows.map(lastStep.row)];
}
