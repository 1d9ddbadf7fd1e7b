/*
 * Normalization in float64, written out: the statistics of each value's group, then its gradient. For comparison with what
 * float32 layers give, at PyTorch's own tolerances.
 */

/**
 * @typedef {object} Layer64
 * @property {'batch' | 'instance' | 'group' | 'trailing' | 'rms'} kind
 * @property {number} [groups] of 'group'
 * @property {number[]} [normalizedShape] of 'trailing' and 'rms'
 * @property {number} eps
 * @property {ArrayLike<number>} [weight]
 * @property {ArrayLike<number>} [bias]
 * @property {{ mean: ArrayLike<number>, variance: ArrayLike<number> }} [given] statistics by channel in place of the
 *   batch's own
 *
 * @typedef {{ data: ArrayLike<number>, shape: number[] }} Tensor
 */

/** @param {number[]} sizes */
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);

/**
 * The group whose statistics a value has, and the parameter that it meets.
 *
 * @param {Layer64} layer
 * @param {number[]} shape `[N, C, …]`, or any leading dimensions
 */
function layout({ kind, groups = 1, normalizedShape = [], given }, shape) {
  const size = product(shape);
  if (kind === 'trailing' || kind === 'rms') {
    const row = product(normalizedShape);
    return { count: size / row, params: row, group: (i) => Math.floor(i / row), param: (i) => i % row };
  }
  const [n, channels, ...rest] = shape;
  const spatial = product(rest);
  const channel = (/** @type {number} */ i) => Math.floor(i / spatial) % channels;
  if (kind === 'batch' || given) return { count: channels, params: channels, group: channel, param: channel };
  const perSample = kind === 'instance' ? channels : groups;
  const part = (channels / perSample) * spatial;
  return { count: n * perSample, params: channels, group: (i) => Math.floor(i / part), param: channel };
}

/**
 * Forward and backward. A group without spread and without eps is normalized to 0.
 *
 * @param {Layer64} layer
 * @param {Tensor} x
 * @param {ArrayLike<number>} dy
 */
export function normalize(layer, x, dy) {
  const { kind, eps, weight, bias, given } = layer;
  const { count, params, group, param } = layout(layer, x.shape);
  const size = x.data.length;
  const each = size / count;
  const zeros = (/** @type {number} */ length) => new Float64Array(length);
  const means = (/** @type {(i: number, g: number) => number} */ value) => {
    const sums = zeros(count);
    for (let i = 0; i < size; i++) sums[group(i)] += value(i, group(i));
    return sums.map((sum) => sum / each);
  };
  const mean = given ? Float64Array.from(given.mean) : kind === 'rms' ? zeros(count) : means((i) => x.data[i]);
  const variance = given ? Float64Array.from(given.variance) : means((i, g) => (x.data[i] - mean[g]) ** 2);
  const invstd = variance.map((value) => (value + eps === 0 ? 0 : 1 / Math.sqrt(value + eps)));
  const xhat = (/** @type {number} */ i) => (x.data[i] - mean[group(i)]) * invstd[group(i)];
  const factor = (/** @type {number} */ i) => weight?.[param(i)] ?? 1;
  const own = given ? 0 : 1;
  const g1 = own && kind !== 'rms' ? means((i) => factor(i) * dy[i]) : zeros(count);
  const g2 = own ? means((i) => factor(i) * dy[i] * xhat(i)) : zeros(count);
  const result = {
    mean,
    variance,
    invstd,
    y: zeros(size),
    dx: zeros(size),
    dweight: zeros(params),
    dbias: zeros(params),
  };
  for (let i = 0; i < size; i++) {
    const [g, p] = [group(i), param(i)];
    result.y[i] = xhat(i) * factor(i) + (bias?.[p] ?? 0);
    result.dx[i] = invstd[g] * (factor(i) * dy[i] - g1[g] - xhat(i) * g2[g]);
    result.dweight[p] += dy[i] * xhat(i);
    result.dbias[p] += dy[i];
  }
  return result;
}

/**
 * The gradient of Σ dy · y by central differences, of which {@link normalize}'s backward knows nothing.
 *
 * @param {Layer64} layer
 * @param {Tensor} x
 * @param {ArrayLike<number>} dy
 * @returns {Float64Array}
 */
export function differences(layer, x, dy) {
  const step = 1e-5;
  const loss = (/** @type {Float64Array} */ data) =>
    normalize(layer, { data, shape: x.shape }, dy).y.reduce((sum, y, i) => sum + dy[i] * y, 0);
  return Float64Array.from(x.data, (value, i) => {
    const [above, below] = [step, -step].map((by) => {
      const data = Float64Array.from(x.data);
      data[i] = value + by;
      return loss(data);
    });
    return (above - below) / (2 * step);
  });
}
