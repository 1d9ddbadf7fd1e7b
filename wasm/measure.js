import { checkInteger, checkOptions } from './checks.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./spec.js').LayerEntry} LayerEntry
 *
 * @typedef {object} Moments of many values: of those that are finite, NaN where none is
 * @property {number} mean
 * @property {number} std the population's
 * @property {number} min
 * @property {number} max
 * @property {number} nonfinite how many values are NaN or infinite
 * @property {{ low: number, high: number, counts: number[] }} histogram of the finite values, in equal bins from low to high
 *
 * @typedef {object} Statistics of a normalization layer in a step
 * @property {number} valuesPerStatistic values that each mean and variance was taken over: see `model.valuesPerStatistic`
 * @property {number | null} meanShift how far the means of the batch were from the running ones, in units of the standard
 *   deviation that eval mode divides by: the root mean square over channels of (batch mean − running mean) /
 *   √(running variance + eps). Against the running statistics from before the step: what eval mode would have used on this
 *   batch. null where a layer keeps none, or is frozen
 * @property {number | null} varRatio the factor between the variances, 1 where they are equal, 2 where one is twice the other
 *   either way round: exp of the mean over channels of |log((batch variance + eps) / (running variance + eps))|. The batch's
 *   is biased, as it normalizes. null likewise
 *
 * @typedef {object} LayerMeasurement one layer in one training step
 * @property {string} key
 * @property {string} type
 * @property {number[]} shape of the output, without N
 * @property {Moments} activation of the output
 * @property {Moments | null} gradient of the mean loss with respect to the output; null before the first layer that has
 *   parameters, where no step computes it. flatten and identity hand on the output before them, and its gradient is theirs
 * @property {number | null} gradNorm Euclidean norm of the gradients of the layer's own parameters, all together, before
 *   clipping and without weight decay; zero where it is frozen; null where it has none
 * @property {number | null} weightNorm of those parameters, before the update
 * @property {Statistics | null} statistics null but for normalizations
 */

/** Bins of a histogram where no number is given. */
export const BINS = 32;

/** @param {string} call @param {unknown} value @returns {number} */
export const checkBins = (call, value) => checkInteger(call, 'bins', value, 1, 4096);

/**
 * @param {string} call
 * @param {unknown} measure `true`, `false` or `{ bins }`
 * @returns {number} bins; 0: nothing is to be measured
 */
export function measuredBins(call, measure) {
  if (measure === undefined || typeof measure === 'boolean') return measure ? BINS : 0;
  const { bins = BINS } = checkOptions(call, 'measure', measure, ['bins']);
  return checkBins(call, bins);
}

/**
 * Moments as the engine has them in a row: mean, std, min, max and nonfinite from `at` on.
 *
 * @param {Float64Array} row
 * @param {number} at
 * @param {number} edges where the histogram's low and high edge are
 * @param {number} counts where its counts begin
 * @param {number} bins
 * @returns {Moments}
 */
export function momentsAt(row, at, edges, counts, bins) {
  const [mean, std, min, max, nonfinite] = row.subarray(at, at + 5);
  const [low, high] = row.subarray(edges, edges + 2);
  const histogram = { low, high, counts: Array.from(row.subarray(counts, counts + bins)) };
  return { mean, std, min, max, nonfinite, histogram };
}

/**
 * What the trainer's last step left that was measured; nl_trainer_measured in the header has the layout.
 *
 * @param {Runtime} runtime
 * @param {number} trainer its handle
 * @param {LayerEntry[]} layers
 * @param {number} bins that it was measured with
 * @returns {LayerMeasurement[]}
 */
export function readMeasured(runtime, trainer, layers, bins) {
  const { exports } = runtime;
  const width = exports.nl_trainer_measured_row(bins);
  const figures = runtime.doubles(exports.nl_trainer_measured(trainer), layers.length * width);
  return layers.map(({ key, type, shape }, index) => {
    const row = figures.subarray(index * width, (index + 1) * width);
    // No norm, count or distance is negative: what there is none of is −1.
    const orNull = (/** @type {number} */ at) => (row[at] === -1 ? null : row[at]);
    const valuesPerStatistic = orNull(16);
    return {
      key,
      type,
      shape: [...shape],
      activation: momentsAt(row, 0, 5, 19, bins),
      gradient: orNull(11) === null ? null : momentsAt(row, 7, 12, 19 + bins, bins),
      gradNorm: orNull(14),
      weightNorm: orNull(15),
      statistics:
        valuesPerStatistic === null ? null : { valuesPerStatistic, meanShift: orNull(17), varRatio: orNull(18) },
    };
  });
}
