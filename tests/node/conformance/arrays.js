/*
 * Values put in another order: what a test may do with an operator's inputs and outputs without computing any of it.
 */

/**
 * @typedef {object} Values
 * @property {ArrayLike<number>} data row-major
 * @property {number[]} shape
 */

/** @param {readonly number[]} shape */
export const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

/** @param {number} axis negative ones count from the end @param {number} rank */
export const place = (axis, rank) => (axis < 0 ? axis + rank : axis);

/** @param {Values} values @param {number[]} shape @returns {Values} */
export const reshape = ({ data }, shape) => ({ data, shape });

/** @param {Values} values as the engine takes a tensor */
export const tensor = ({ data, shape }) => ({ data: Float32Array.from(data), shape: [...shape] });

/**
 * @param {Values} values
 * @param {number[]} order the dimension of `values` that each dimension of the result is
 * @returns {Values}
 */
export function transpose({ data, shape }, order) {
  const strides = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  const sizes = order.map((axis) => shape[axis]);
  const moved = new Float64Array(data.length);
  const index = sizes.map(() => 0);
  for (let i = 0; i < moved.length; i++) {
    moved[i] = data[order.reduce((at, axis, d) => at + index[d] * strides[axis], 0)];
    for (let d = index.length - 1; d >= 0 && ++index[d] === sizes[d]; d--) index[d] = 0;
  }
  return { data: moved, shape: sizes };
}

/**
 * `[…, K, …]` with one dimension moved to the end.
 *
 * @param {Values} values
 * @param {number} axis
 */
export function axisLast(values, axis) {
  const others = values.shape.map((_, d) => d).filter((d) => d !== axis);
  return transpose(values, [...others, axis]);
}

/**
 * The other way round.
 *
 * @param {Values} values whose last dimension goes to `axis`
 * @param {number} axis
 */
export function lastToAxis(values, axis) {
  const order = values.shape.map((_, d) => d);
  const last = /** @type {number} */ (order.pop());
  return transpose(values, [...order.slice(0, axis), last, ...order.slice(axis)]);
}
