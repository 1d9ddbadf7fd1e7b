/*
 * Normalization in float64, forward and backward, with the rounding error to be predicted for each value.
 *
 * With m, v the mean and biased variance of a group (RMSNorm: m = 0 and the mean of x² for v), s = 1 / sqrt(v + eps),
 * x̂ = s (x - m), U half a unit in the last place, the prediction is that of rounding once each term of the sum that the
 * value is:
 *   y  = w x̂ + b                                    U (|w x̂| + |b|)
 *   dx = s (g - mean g - x̂ mean(g x̂)),  g = w dy     U s (|g| + mean |g| + |x̂| mean |g x̂|)     (RMSNorm: no mean g)
 *   dx = s g        with given statistics           U s |g|
 *   dw = Σ dy x̂                                     U Σ |dy x̂|
 *   db = Σ dy                                       U Σ |dy|
 *   running = (1 - p) running + p new               U (|p new| + |running|), and |1 - p| times what it was off before
 * No implementation in that precision does better; the tests allow EIGHT times it. Added to that are
 *   - what running statistics, being float32 themselves, are off, times the value's derivative by them;
 *   - the smallest denormal, times the factor behind it, where a value is too small for float32;
 *   - what m is off where deviations from some origin, rounded once each, are added up to it, U mean |x - m|, times the
 *     value's derivative by it;
 *   - what float64, in which the expected values are computed, loses of x - m.
 * InstanceNorm moves its running statistics towards the mean over the samples of m and of the unbiased variance: the
 * same prediction with that mean for `new`. Where v + eps is 0, all x are equal and x̂ is 0 exactly.
 *
 * In FLOAT64 the same formulas predict what another float64 implementation may be off.
 */

export const EIGHT = 8;
/** Lost of x - m in float64, in units of x and m: a few roundings of the sum that m is. */
const U64 = 2 ** -50;

/** @typedef {{ unit: number, tiny: number }} Precision */
/** @type {Precision} */
export const FLOAT32 = { unit: 2 ** -24, tiny: 2 ** -149 };
/** 2^-53 for each of some tens of roundings: sums are not exact here as they are, nearly, in FLOAT32's case. */
export const FLOAT64 = { unit: 2 ** -48, tiny: 2 ** -1074 };

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
 *
 * @typedef {{ data: ArrayLike<number>, shape: number[] }} Input
 */

/** @param {ArrayLike<number>} values */
export const product = (values) => Array.prototype.reduce.call(values, (a, b) => a * b, 1);

/** @param {Layer} layer */
const perInstance = ({ type }) => type.startsWith('instanceNorm');
/** @param {Layer} layer @returns {boolean} */
export const tracks = ({ type, options }) =>
  type.startsWith('batchNorm') ? options.trackRunningStats !== false : options.trackRunningStats === true;
/** @param {Layer} layer @returns {number} */
export const epsOf = ({ type, options }) => options.eps ?? (type === 'rmsNorm' ? 2 ** -23 : 1e-5);

/**
 * Which statistics and which parameters belong to a value.
 *
 * @param {Layer} layer
 * @param {number[]} shape
 * @param {boolean} given whether the statistics are the running ones, one a channel
 */
export function layout(layer, shape, given) {
  const { type, arguments: args } = layer;
  const size = product(shape);
  if (type === 'layerNorm' || type === 'rmsNorm') {
    const row = product([args[0]].flat());
    const [group, param] = [(/** @type {number} */ i) => Math.floor(i / row), (/** @type {number} */ i) => i % row];
    return { groups: row > 0 ? size / row : 0, params: row, group, param };
  }
  // [N, C, …]; InstanceNorm takes [C, …] too.
  const at = perInstance(layer) && shape.length === Number(type.at(-2)) + 1 ? 0 : 1;
  const channels = shape[at];
  const spatial = product(shape.slice(at + 1));
  const plane = (/** @type {number} */ i) => Math.floor(i / spatial);
  const channel = (/** @type {number} */ i) => plane(i) % channels;
  if (type === 'groupNorm') {
    const count = (channels / args[0]) * spatial;
    return {
      groups: shape[0] * args[0],
      params: channels,
      group: (/** @type {number} */ i) => Math.floor(i / count),
      param: channel,
    };
  }
  if (perInstance(layer) && !given) {
    return { groups: at === 0 ? channels : shape[0] * channels, params: channels, group: plane, param: channel };
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
 * @param {Float64Array} mean of each channel, or of each sample and channel
 * @param {Float64Array} variance biased
 * @param {{ mean: Float64Array, variance: Float64Array }} lost by float64, of each mean and variance
 * @param {number} count values of each mean
 * @param {Precision} precision
 * @returns {Running}
 */
function moved(layer, running, mean, variance, lost, count, { unit, tiny }) {
  const batches = running.batches + 1;
  if (mean.length === 0 || count === 0) return { ...running, batches };
  const { momentum = 0.1, runningVar = 'unbiased' } = layer.options;
  const p = momentum ?? 1 / batches;
  const bessel = runningVar === 'unbiased' ? count / (count - 1) : 1;
  const channels = running.mean.length;
  const samples = mean.length / channels;
  const overSamples = (/** @type {Float64Array} */ values, factor = 1) =>
    new Float64Array(channels).map((_, c) => {
      let sum = 0;
      for (let n = 0; n < samples; n++) sum += values[n * channels + c];
      return (factor * sum) / samples;
    });
  const [newMean, newVariance] = [overSamples(mean), overSamples(variance, bessel)];
  const [lostMean, lostVariance] = [overSamples(lost.mean), overSamples(lost.variance, bessel)];
  const next = (/** @type {Float64Array} */ old, /** @type {Float64Array} */ target) =>
    old.map((value, c) => (1 - p) * value + p * target[c]);
  const error = (
    /** @type {Float64Array} */ old,
    /** @type {Float64Array} */ target,
    /** @type {Float64Array} */ now,
  ) => old.map((value, c) => Math.abs(1 - p) * value + unit * (Math.abs(p * target[c]) + Math.abs(now[c])) + tiny);
  const [means, variances] = [next(running.mean, newMean), next(running.variance, newVariance)];
  return {
    mean: means,
    variance: variances,
    meanError: error(running.meanError, newMean, means).map((e, c) => e + Math.abs(p) * lostMean[c]),
    varianceError: error(running.varianceError, newVariance, variances).map(
      (e, c) => e + Math.abs(p) * lostVariance[c],
    ),
    batches,
  };
}

/**
 * The forward pass alone.
 *
 * @param {Layer} layer
 * @param {Input} x
 * @param {'train' | 'eval'} mode
 * @param {Running | null} running what the layer tracks before the pass; null: nothing
 */
export function forward(layer, x, mode, running) {
  const given = mode === 'eval' && running !== null;
  const { groups, params, group, param } = layout(layer, x.shape, given);
  const size = x.data.length;
  const count = groups > 0 ? size / groups : 0;
  /** Means over each group, of sums with Kahan's correction. @param {(i: number) => number} value */
  const means = (value) => {
    const [sums, rests] = [new Float64Array(groups), new Float64Array(groups)];
    for (let i = 0; i < size; i++) {
      const g = group(i);
      const term = value(i) - rests[g];
      const sum = sums[g] + term;
      // An infinity has no rest.
      rests[g] = Number.isFinite(sum) ? sum - sums[g] - term : 0;
      sums[g] = sum;
    }
    return sums.map((sum) => sum / count);
  };
  const centered = layer.type !== 'rmsNorm';
  const mean = given ? running.mean : centered ? means((i) => x.data[i]) : new Float64Array(groups);
  const variance = given ? running.variance : means((i) => (x.data[i] - mean[group(i)]) ** 2);
  const eps = epsOf(layer);
  const invstd = variance.map((value) => (!given && value + eps === 0 ? 0 : 1 / Math.sqrt(value + eps)));
  const xhat = new Float64Array(size);
  const y = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    xhat[i] = (x.data[i] - mean[group(i)]) * invstd[group(i)];
    y[i] = (layer.weight?.[param(i)] ?? 1) * xhat[i] + (layer.bias?.[param(i)] ?? 0);
  }
  return { y, xhat, mean, variance, invstd, means, count, group, param, params, given };
}

/**
 * One pass forward and backward.
 *
 * @param {Layer} layer
 * @param {Input} x
 * @param {ArrayLike<number>} dy
 * @param {'train' | 'eval'} mode
 * @param {Running | null} running what the layer tracks before the pass; null: nothing
 * @param {Precision} [precision] of the implementation whose errors are predicted
 */
export function reference(layer, x, dy, mode, running, precision = FLOAT32) {
  const { unit, tiny } = precision;
  const passed = forward(layer, x, mode, running);
  const { y, xhat, mean, variance, invstd, means, count, group, param, params, given } = passed;
  const size = x.data.length;
  const eps = epsOf(layer);
  const centered = layer.type !== 'rmsNorm';
  const w = (/** @type {number} */ i) => layer.weight?.[param(i)] ?? 1;
  const b = (/** @type {number} */ i) => layer.bias?.[param(i)] ?? 0;

  // What float64 loses of x - m, of m and of v.
  const lost = (/** @type {number} */ i) => U64 * (Math.abs(x.data[i]) + Math.abs(mean[group(i)])) + tiny;
  const lostMean = means(
    (i) => U64 * Math.abs(x.data[i]) + (centered ? unit * Math.abs(x.data[i] - mean[group(i)]) : 0),
  );
  const lostVariance = means((i) => 2 * Math.abs(x.data[i] - mean[group(i)]) * lost(i));
  const meanBound = given
    ? running.meanError
    : mean.map((value, g) => (centered ? unit * Math.abs(value) + lostMean[g] + tiny : 0));
  // Of invstd, relative: half that of v + eps.
  const relative = variance.map((value, g) => {
    if (given) return (0.5 * running.varianceError[g]) / Math.abs(value + eps);
    return invstd[g] === 0 ? 0 : 0.5 * lostVariance[g] * invstd[g] ** 2;
  });
  const moves = running !== null && mode === 'train';
  const off = { mean: lostMean, variance: lostVariance };
  const next = moves ? moved(layer, running, mean, variance, off, count, precision) : running;

  // What x̂ is off for other reasons than its own rounding.
  const xhatError = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const g = group(i);
    xhatError[i] = invstd[g] * (lost(i) + (given ? meanBound[g] : lostMean[g])) + Math.abs(xhat[i]) * relative[g];
  }

  const zeros = (/** @type {number} */ n) => new Float64Array(n);
  const [yBound, dx, dxBound] = [zeros(size), zeros(size), zeros(size)];
  const [dweight, dweightBound, dbias, dbiasBound] = [zeros(params), zeros(params), zeros(params), zeros(params)];
  const gradient = (/** @type {number} */ i) => w(i) * dy[i];
  const g1 = centered ? means(gradient) : null;
  const g1Size = centered ? means((i) => Math.abs(gradient(i))) : null;
  const g2 = means((i) => gradient(i) * xhat[i]);
  const g2Size = means((i) => Math.abs(gradient(i) * xhat[i]));
  const g2Error = means((i) => Math.abs(gradient(i)) * xhatError[i]);
  for (let i = 0; i < size; i++) {
    const g = group(i);
    const p = param(i);
    yBound[i] = unit * (Math.abs(w(i) * xhat[i]) + Math.abs(b(i))) + Math.abs(w(i)) * xhatError[i] + tiny;
    if (given) {
      dx[i] = invstd[g] * gradient(i);
      dxBound[i] = (unit + relative[g]) * Math.abs(dx[i]) + tiny;
    } else {
      dx[i] = invstd[g] * (gradient(i) - (g1?.[g] ?? 0) - xhat[i] * g2[g]);
      const terms = Math.abs(gradient(i)) + (g1Size?.[g] ?? 0) + Math.abs(xhat[i]) * g2Size[g];
      const carried = xhatError[i] * Math.abs(g2[g]) + Math.abs(xhat[i]) * g2Error[g];
      // The factor of x̂ may underflow on its own: the smallest denormal of it, times x̂.
      dxBound[i] = invstd[g] * ((unit + relative[g]) * terms + carried) + tiny * (2 + Math.abs(xhat[i]));
    }
    dweight[p] += dy[i] * xhat[i];
    dweightBound[p] += Math.abs(dy[i]) * (unit * Math.abs(xhat[i]) + xhatError[i]) + tiny;
    dbias[p] += dy[i];
    dbiasBound[p] += unit * Math.abs(dy[i]) + tiny;
  }
  return {
    values: { y, dx, dweight, dbias, mean, invstd },
    bounds: {
      y: yBound,
      dx: dxBound,
      dweight: dweightBound,
      dbias: dbiasBound,
      mean: meanBound,
      invstd: invstd.map((value, g) => (unit + relative[g]) * value),
    },
    running: next,
  };
}
