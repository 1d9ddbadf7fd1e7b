import { place, reshape, sizeOf, transpose } from './arrays.js';
import { NotExpressible } from './operator.js';
import { run } from './windows.js';

/** @typedef {import('./operator.js').Engine} Engine */
/** @typedef {import('./operator.js').Operator} Operator */
/** @typedef {import('./operator.js').Values} Values */

/**
 * `[M, K] · [K, N]` plus a bias, by a linear layer.
 *
 * @param {Engine} nl
 * @param {Values} a
 * @param {Values} b
 * @param {Values} [bias] `[N]`
 */
function linear(nl, a, b, bias) {
  const layer = { type: 'linear', outFeatures: b.shape[1], bias: Boolean(bias) };
  const state = { '0.weight': transpose(b, [1, 0]), ...(bias && { '0.bias': bias }) };
  return run(nl, a, [layer], state);
}

/**
 * Matrices of equal height (or width) side by side.
 *
 * @param {Values} left `[M, K]`
 * @param {Values} right `[M, L]`
 * @returns {Values} `[M, K + L]`
 */
function beside(left, right) {
  const [rows, k] = left.shape;
  const l = right.shape[1];
  const data = Float64Array.from({ length: rows * (k + l) }, (_, i) => {
    const [row, column] = [Math.floor(i / (k + l)), i % (k + l)];
    return column < k ? left.data[row * k + column] : right.data[row * l + column - k];
  });
  return { data, shape: [rows, k + l] };
}

/** @param {Values} values @param {number} factor @returns {Values} */
const times = ({ data, shape }, factor) => ({ data: Float64Array.from(data, (value) => factor * value), shape });

/** @param {number} n @returns {Values} */
const identity = (n) => ({
  data: Float64Array.from({ length: n * n }, (_, i) => Number(i % (n + 1) === 0)),
  shape: [n, n],
});

/**
 * alpha A' B' + beta C: alpha goes into the weight, beta into the bias, and a C with rows of its own is further weights,
 * each row's seen by that row alone: `[A' | 1] · [alpha B' ; beta C]`.
 *
 * @param {Engine} nl
 * @param {Operator} node
 */
function gemm(nl, { attributes, inputs, rewritten }) {
  const { alpha = 1, beta = 1, transA = 0, transB = 0 } = attributes;
  const [givenA, givenB, givenC] = /** @type {[Values, Values, Values?]} */ (inputs);
  const a = transA ? transpose(givenA, [1, 0]) : givenA;
  const b = times(transB ? transpose(givenB, [1, 0]) : givenB, alpha);
  if (alpha !== 1 || beta !== 1) rewritten("alpha and beta of Gemm: put into linear's weight and bias");
  if (!givenC) return [linear(nl, a, b)];
  const [m, n] = [a.shape[0], b.shape[1]];
  const c = times(givenC, beta);
  if (c.data.length === n || c.data.length === 1) {
    const data = Float64Array.from({ length: n }, (_, i) => c.data[i % c.data.length]);
    return [linear(nl, a, b, { data, shape: [n] })];
  }
  if (`${c.shape}` !== `${[m, n]}`) throw new NotExpressible('a bias that is neither a row nor a matrix');
  rewritten('a matrix as the bias of Gemm: further weights, each row seen by one sample');
  const below = transpose(beside(transpose(b, [1, 0]), transpose(c, [1, 0])), [1, 0]);
  return [linear(nl, beside(a, identity(m)), below)];
}

/** @param {Engine} nl @param {Operator} node */
function matMul(nl, { inputs }) {
  const [a, b] = /** @type {Values[]} */ (inputs);
  if (a.shape.length !== 2 || b.shape.length !== 2) throw new NotExpressible('products of more than two dimensions');
  return [linear(nl, a, b)];
}

/**
 * `[…, …]` with the dimensions before `axis` as the batch.
 *
 * @param {Engine} nl
 * @param {Operator} node
 */
function flatten(nl, { attributes, inputs, rewritten }) {
  const [x] = /** @type {Values[]} */ (inputs);
  const axis = place(attributes.axis ?? 1, x.shape.length);
  if (axis !== 1) rewritten('Flatten at another axis than 1: the dimensions before it as the batch');
  const batch = reshape(x, [sizeOf(x.shape.slice(0, axis)), ...x.shape.slice(axis)]);
  return [run(nl, batch, [{ type: 'flatten' }])];
}

/** @param {Engine} nl @param {Operator} node */
const relu = (nl, { inputs }) => [run(nl, /** @type {Values} */ (inputs[0]), [{ type: 'relu' }])];

export const DENSE = { Gemm: gemm, MatMul: matMul, Flatten: flatten, Relu: relu };
