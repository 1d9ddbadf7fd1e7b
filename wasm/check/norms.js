import { sizeOf } from '../checks.js';
import { centralDifference } from './arithmetic.js';

/** @typedef {import('./layers.js').Layer} Layer */
/** @typedef {import('./layers.js').Tensors} Tensors */
/** @typedef {import('./layers.js').Definition} Definition */

/**
 * Which values of x share their statistics, and which parameter is whose.
 *
 * @typedef {object} Layout
 * @property {number} groups over the whole batch
 * @property {number} run values that lie side by side in a group; a group's runs lie `groups * run` apart
 * @property {number} params number of weights
 * @property {number} span values side by side with the same weight
 */

/**
 * @typedef {object} Rule
 * @property {number[]} shape
 * @property {(n: number) => Layout} layout for n samples
 * @property {number} eps
 * @property {boolean} [centred] default true; false: mean 0
 * @property {boolean} [running] with running_mean and running_var, one a group, in place of the batch's own
 */

/**
 * The statistics of each group: mean, and variance with divisor m.
 *
 * @param {Float64Array} x
 * @param {Layout} layout
 * @param {boolean} centred
 */
function moments(x, { groups, run }, centred) {
  const mean = new Float64Array(groups);
  const variance = new Float64Array(groups);
  const count = x.length / groups;
  const step = groups * run;
  for (let group = 0; group < groups; group++) {
    let sum = 0;
    for (let start = group * run; start < x.length; start += step) {
      for (let i = start; i < start + run; i++) sum += x[i];
    }
    if (centred) mean[group] = sum / count;
    let squares = 0;
    for (let start = group * run; start < x.length; start += step) {
      for (let i = start; i < start + run; i++) squares += (x[i] - mean[group]) ** 2;
    }
    variance[group] = squares / count;
  }
  return { mean, variance };
}

/**
 * y = (x - mean) / sqrt(variance + eps) * weight + bias. A group without any spread, eps being 0, gives the bias.
 *
 * @param {Rule} rule
 * @returns {Layer}
 */
function normalization({ shape, layout: layoutOf, eps, centred = true, running = false }) {
  const size = sizeOf(shape);
  /** @param {Float64Array} x @param {Tensors} tensors */
  const statistics = (x, { running_mean, running_var }) => {
    const layout = layoutOf(x.length / size);
    const given = running && running_mean && running_var;
    const { mean, variance } = given ? { mean: running_mean, variance: running_var } : moments(x, layout, centred);
    return { layout, mean, deviation: variance.map((value) => Math.sqrt(value + eps)) };
  };
  /** @type {Layer['forward']} */
  const forward = (x, tensors) => {
    const { layout, mean, deviation } = statistics(x, tensors);
    const { groups, run, params, span } = layout;
    const { weight, bias } = tensors;
    const y = new Float64Array(x.length);
    for (let start = 0; start < x.length; start += run) {
      const group = (start / run) % groups;
      const centre = mean[group];
      const factor = deviation[group] === 0 ? 0 : 1 / deviation[group];
      for (let i = start; i < start + run; i++) y[i] = (x[i] - centre) * factor;
    }
    for (let start = 0; start < x.length; start += span) {
      const param = (start / span) % params;
      const w = weight ? weight[param] : 1;
      const b = bias ? bias[param] : 0;
      for (let i = start; i < start + span; i++) y[i] = y[i] * w + b;
    }
    return y;
  };
  return {
    shape,
    forward,
    along: (x, t, tensors) => {
      const { deviation } = statistics(x, tensors);
      return centralDifference((moved) => forward(moved, tensors), x, t, leastBend(deviation));
    },
  };
}

/**
 * Normalization bends over distances of a group's deviation. The smallest is taken, but none so far from the largest that
 * rounding there would show.
 *
 * @param {Float64Array} deviation
 */
function leastBend(deviation) {
  let [least, most] = [Number.POSITIVE_INFINITY, 0];
  for (const value of deviation) {
    if (value > 0) least = Math.min(least, value);
    most = Math.max(most, value);
  }
  return most > 0 ? Math.max(least, 1e-4 * most) : 1;
}

/** @param {number[]} shape @returns {Layout} a group of each channel */
const byChannel = ([channels, ...rest]) => {
  const spatial = sizeOf(rest);
  return { groups: channels, run: spatial, params: channels, span: spatial };
};

/** @type {Definition} */
const batchNorm = ({ eps = 1e-5, trackRunningStats = true }, shape, training) =>
  normalization({ shape, layout: () => byChannel(shape), eps, running: trackRunningStats && !training });

/**
 * With r and d as constants, a BatchNorm of other weights and biases.
 *
 * @type {Definition}
 */
const batchRenorm = ({ rMax = 3, dMax = 5, ...options }, shape, training) => {
  const plain = batchNorm(options, shape, training);
  if (!training) return plain;
  const { eps = 1e-5 } = options;
  /** @param {Float64Array} x @param {Tensors} tensors @returns {Tensors} */
  const moved = (x, { weight, bias, running_mean, running_var }) => {
    const { mean, variance } = moments(x, byChannel(shape), true);
    const deviation = /** @type {Float64Array} */ (running_var).map((value) => Math.sqrt(value + eps));
    const scale = weight ?? deviation.map(() => 1);
    return {
      weight: scale.map((w, c) => w * clip(Math.sqrt(variance[c] + eps) / deviation[c], 1 / rMax, rMax)),
      bias: scale.map((w, c) => {
        const d = (mean[c] - /** @type {Float64Array} */ (running_mean)[c]) / deviation[c];
        return w * clip(d, -dMax, dMax) + (bias?.[c] ?? 0);
      }),
    };
  };
  return {
    shape,
    forward: (x, tensors) => plain.forward(x, moved(x, tensors)),
    along: (x, t, tensors) => plain.along(x, t, moved(x, tensors)),
  };
};

/** @param {number} value @param {number} low @param {number} high */
const clip = (value, low, high) => Math.max(low, Math.min(high, value));

/** @type {Definition} */
const instanceNorm = ({ eps = 1e-5, trackRunningStats = false }, shape, training) => {
  const running = trackRunningStats && !training;
  /** @param {number} n */
  const layout = (n) => (running ? byChannel(shape) : { ...byChannel(shape), groups: n * shape[0] });
  return normalization({ shape, layout, eps, running });
};

/** @type {Definition} */
const groupNorm = ({ numGroups, eps = 1e-5 }, shape) =>
  normalization({
    shape,
    layout: (n) => ({ ...byChannel(shape), groups: n * numGroups, run: sizeOf(shape) / numGroups }),
    eps,
  });

/**
 * @param {number[]} shape
 * @param {number | number[] | null} [normalizedShape] the last dimensions; default: all
 * @returns {(n: number) => Layout} a group of each row
 */
const byRow = (shape, normalizedShape) => {
  const run = sizeOf([normalizedShape ?? shape].flat());
  return (n) => ({ groups: (n * sizeOf(shape)) / run, run, params: run, span: 1 });
};

/** @type {Definition} */
const layerNorm = ({ normalizedShape, eps = 1e-5 }, shape) =>
  normalization({ shape, layout: byRow(shape, normalizedShape), eps });

/** @type {Definition} */
const rmsNorm = ({ normalizedShape, eps }, shape) =>
  normalization({ shape, layout: byRow(shape, normalizedShape), eps: eps ?? 2 ** -23, centred: false });

export const norms = { batchNorm, batchRenorm, layerNorm, groupNorm, instanceNorm, rmsNorm };
