/** @param {ArrayLike<number>} values @returns {number} the largest magnitude; NaN where there is one */
export function largest(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++) most = Math.max(most, Math.abs(values[i]));
  return most;
}

/** @param {ArrayLike<number>} values @returns {number} the largest magnitude of those that are finite */
export function largestFinite(values) {
  let most = 0;
  for (let i = 0; i < values.length; i++)
    if (Math.abs(values[i]) < Infinity) most = Math.max(most, Math.abs(values[i]));
  return most;
}

/** @param {ArrayLike<number>} values @returns {number} square root of the sum of squares */
export function norm(values) {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] ** 2;
  return Math.sqrt(sum);
}

/** @param {ArrayLike<number>} a @param {ArrayLike<number>} b */
export function dot(a, b) {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/**
 * How far arguments are moved, as a share of the distance over which the function bends. A central difference is off by
 * about STEP² from the bend and by 2^-53 / STEP from rounding: 1e-12 and 1e-10, where the engine's float32 is off by 1e-7.
 */
const STEP = 1e-6;

/**
 * The derivative of a function along a direction, by a central difference:
 *
 *     ( f(x + h t) - f(x - h t) ) / 2h,   h = STEP * scale / max |t|
 *
 * @param {(x: Float64Array) => Float64Array} f
 * @param {Float64Array} x
 * @param {Float64Array} t the direction
 * @param {number} scale how far an element of x must go for f to bend noticeably
 * @returns {Float64Array}
 */
export function centralDifference(f, x, t, scale) {
  const most = largest(t);
  if (most === 0) return f(x).fill(0);
  const h = (STEP * scale) / most;
  /** @param {number} way */
  const moved = (way) => {
    const there = new Float64Array(x.length);
    for (let i = 0; i < x.length; i++) there[i] = x[i] + way * t[i];
    return f(there);
  };
  const ahead = moved(h);
  const behind = moved(-h);
  for (let i = 0; i < ahead.length; i++) ahead[i] = (ahead[i] - behind[i]) / (2 * h);
  return ahead;
}

/**
 * All scalar products of the rows of two matrices.
 *
 * Blocks of 4 × 2 rows, without which it takes three times as long. At the ends a block's rows are the last one several
 * times over.
 *
 * @param {Float64Array} a [M, K]
 * @param {Float64Array} b [N, K]
 * @param {number} m
 * @param {number} n
 * @param {number} k
 * @returns {Float64Array} [M, N]
 */
export function rowProducts(a, b, m, n, k) {
  const y = new Float64Array(m * n);
  for (let i0 = 0; i0 < m; i0 += 4) {
    const i1 = Math.min(i0 + 1, m - 1);
    const i2 = Math.min(i0 + 2, m - 1);
    const i3 = Math.min(i0 + 3, m - 1);
    for (let j0 = 0; j0 < n; j0 += 2) {
      const j1 = Math.min(j0 + 1, n - 1);
      let s00 = 0;
      let s10 = 0;
      let s20 = 0;
      let s30 = 0;
      let s01 = 0;
      let s11 = 0;
      let s21 = 0;
      let s31 = 0;
      for (let l = 0; l < k; l++) {
        const u = b[j0 * k + l];
        const v = b[j1 * k + l];
        const w0 = a[i0 * k + l];
        const w1 = a[i1 * k + l];
        const w2 = a[i2 * k + l];
        const w3 = a[i3 * k + l];
        s00 += w0 * u;
        s10 += w1 * u;
        s20 += w2 * u;
        s30 += w3 * u;
        s01 += w0 * v;
        s11 += w1 * v;
        s21 += w2 * v;
        s31 += w3 * v;
      }
      y[i0 * n + j0] = s00;
      y[i1 * n + j0] = s10;
      y[i2 * n + j0] = s20;
      y[i3 * n + j0] = s30;
      y[i0 * n + j1] = s01;
      y[i1 * n + j1] = s11;
      y[i2 * n + j1] = s21;
      y[i3 * n + j1] = s31;
    }
  }
  return y;
}
