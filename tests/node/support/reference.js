/*
 * Normalization in float64, forward and backward, with the float32 rounding error to be predicted for each value.
 *
 * The prediction is that of rounding to float32 once each term of the sum that the value is:
 *   y  = w x̂ + b                                    U (|w x̂| + |b|)
 *   dx = s (g - mean g - x̂ mean(g x̂)),  g = w dy     U s (|g| + mean |g| + |x̂| mean |g x̂|)
 *   dw = Σ dy x̂                                     U Σ |dy x̂|
 *   db = Σ dy                                       U Σ |dy|
 * with U = 2^-24, half a unit in the last place. No float32 implementation does better; the tests allow EIGHT times it.
 * Added to that are
 *   - what running statistics, being float32 themselves, are off, times the value's derivative by them;
 *   - 2^-149 times the factor behind it, where a value is too small for float32;
 *   - what float64, in which the expected values are computed, loses of x - mean.
 */

export const EIGHT = 8;
const U = 2 ** -24;
const TINY = 2 ** -149;
const U64 = 2 ** -50;

/**
 * @typedef {object} Layer
 * @property {string} type the factory's name
 * @property {any[]} arguments of the factory
 * @property {Record<string, any>} options of the factory
 * @property {ArrayLike<number>} [weight]
 * @property {ArrayLike<number>} [bias]
 *
 * @typedef {object} Running
 * @property {Float64Array} mean
 * @property {Float64Array} variance
 * @property {Float64Array} meanError predicted
 * @property {Float64Array} varianceError predicted
 * @property {number} batches
 */

/** @param {ArrayLike<number>} values */
const product = (values) => Array.prototype.reduce.call(values, (a, b) => a * b, 1);

/**
 * Which statistics and which parameters belong to a value.
 *
 * @param {Layer} layer
 * @param {number[]} shape
 */
function layout({ type, arguments: args }, shape) {
  const size = /** @type {number} */ (product(shape));
  if (type === 'layerNorm') {
    const row = /** @type {number} */ (product([args[0]].flat()));
    return { groups: size / row, params: row, group: (i) => Math.floor(i / row), param: (i) => i % row };
  }
  const channels = shape[1];
  const spatial = /** @type {number} */ (product(shape.slice(2)));
  const channel = (/** @type {number} */ i) => Math.floor(i / spatial) % channels;
  if (type === 'groupNorm') {
    const count = (channels / args[0]) * spatial;
    return { groups: shape[0] * args[0], params: channels, group: (i) => Math.floor(i / count), param: channel };
  }
  return { groups: channels, params: channels, group: channel, param: channel };
}

/** @param {number} channels @returns {Running} */
export const freshRunning = (channels) => ({
  mean: new Float64Array(channels),
  variance: new Float64Array(channels).fill(1),
  meanError: new Float64Array(channels),
  varianceError: new Float64Array(channels),
  batches: 0,
});

/**
 * @param {Layer} layer
 * @param {Running} running
 * @param {Float64Array} mean
 * @param {Float64Array} variance
 * @param {number} count values per channel
 * @returns {Running}
 */
function moved(layer, running, mean, variance, count) {
  const batches = running.batches + 1;
  const { momentum = 0.1, runningVar = 'unbiased' } = layer.options;
  const m = momentum ?? 1 / batches;
  const kept = runningVar === 'unbiased' ? variance.map((value) => (value * count) / (count - 1)) : variance;
  const next = (old, target) => old.map((value, c) => (1 - m) * value + m * target[c]);
  const error = (old, values, target) =>
    old.map((value, c) => Math.abs(1 - m) * value + U * (Math.abs(m * target[c]) + Math.abs(values[c])) + TINY);
  const means = next(running.mean, mean);
  const variances = next(running.variance, kept);
  return {
    mean: means,
    variance: variances,
    meanError: error(running.meanError, means, mean),
    varianceError: error(running.varianceError, variances, kept),
    batches,
  };
}

/**
 * One pass forward and backward.
 *
 * @param {Layer} layer
 * @param {{ data: ArrayLike<number>, shape: number[] }} x
 * @param {ArrayLike<number>} dy
 * @param {'train' | 'eval'} mode
 * @param {Running | null} running what the layer tracks before the pass; null: nothing
 */
export function reference(layer, x, dy, mode, running) {
  const { groups, params, group, param } = layout(layer, x.shape);
  const { eps = 1e-5 } = layer.options;
  const size = x.data.length;
  const count = size / groups;
  const given = mode === 'eval' && running !== null;
  const w = (/** @type {number} */ i) => layer.weight?.[param(i)] ?? 1;
  const b = (/** @type {number} */ i) => layer.bias?.[param(i)] ?? 0;
  const zeros = (/** @type {number} */ n) => new Float64Array(n);
  /** Means over each group. @param {(i: number) => number} value */
  const means = (value) => {
    const sums = zeros(groups);
    for (let i = 0; i < size; i++) sums[group(i)] += value(i);
    return sums.map((sum) => sum / count);
  };

  let mean = means((i) => x.data[i]);
  let variance = means((i) => (x.data[i] - mean[group(i)]) ** 2);
  const next = running && mode === 'train' ? moved(layer, running, mean, variance, count) : running;
  const magnitude = means((i) => Math.abs(x.data[i]));
  let meanBound = mean.map((value, g) => U * Math.abs(value) + U64 * magnitude[g] + TINY);
  // Of invstd, relative.
  let relative = zeros(groups);
  if (given) {
    ({ mean, variance } = running);
    meanBound = running.meanError;
    relative = variance.map((value, c) => (0.5 * running.varianceError[c]) / (value + eps));
  }
  const invstd = variance.map((value) => 1 / Math.sqrt(value + eps));

  const xhat = zeros(size);
  // What x̂ is off for other reasons than its own rounding.
  const xhatError = zeros(size);
  for (let i = 0; i < size; i++) {
    const g = group(i);
    xhat[i] = (x.data[i] - mean[g]) * invstd[g];
    const lost = U64 * (Math.abs(x.data[i]) + Math.abs(mean[g])) + TINY + (given ? meanBound[g] : 0);
    xhatError[i] = invstd[g] * lost + Math.abs(xhat[i]) * relative[g];
  }

  const y = zeros(size);
  const yBound = zeros(size);
  const dx = zeros(size);
  const dxBound = zeros(size);
  const dweight = zeros(params);
  const dweightBound = zeros(params);
  const dbias = zeros(params);
  const dbiasBound = zeros(params);
  const gradient = (/** @type {number} */ i) => w(i) * dy[i];
  const g1 = means(gradient);
  const g2 = means((i) => gradient(i) * xhat[i]);
  const g1Size = means((i) => Math.abs(gradient(i)));
  const g2Size = means((i) => Math.abs(gradient(i) * xhat[i]));
  const g2Error = means((i) => Math.abs(gradient(i)) * xhatError[i]);
  for (let i = 0; i < size; i++) {
    const g = group(i);
    const p = param(i);
    y[i] = w(i) * xhat[i] + b(i);
    yBound[i] = U * (Math.abs(w(i) * xhat[i]) + Math.abs(b(i))) + Math.abs(w(i)) * xhatError[i] + TINY;
    if (given) {
      dx[i] = invstd[g] * gradient(i);
      dxBound[i] = (U + relative[g]) * Math.abs(dx[i]) + TINY;
    } else {
      dx[i] = invstd[g] * (gradient(i) - g1[g] - xhat[i] * g2[g]);
      const terms = Math.abs(gradient(i)) + g1Size[g] + Math.abs(xhat[i]) * g2Size[g];
      const carried = xhatError[i] * Math.abs(g2[g]) + Math.abs(xhat[i]) * g2Error[g];
      // The factor of x - mean underflows on its own: 2^-149 of it times x - mean.
      dxBound[i] = invstd[g] * (U * terms + carried) + TINY * (2 + Math.abs(x.data[i] - mean[g]));
    }
    dweight[p] += dy[i] * xhat[i];
    dweightBound[p] += Math.abs(dy[i]) * (U * Math.abs(xhat[i]) + xhatError[i]) + TINY;
    dbias[p] += dy[i];
    dbiasBound[p] += U * Math.abs(dy[i]) + TINY;
  }
  return {
    values: { y, dx, dweight, dbias, mean, invstd },
    bounds: {
      y: yBound,
      dx: dxBound,
      dweight: dweightBound,
      dbias: dbiasBound,
      mean: meanBound,
      invstd: invstd.map((value, g) => (U + relative[g]) * value),
    },
    running: next,
  };
}
