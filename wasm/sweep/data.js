import { sizeOf } from '../checks.js';
import { checkDataset, uploadDataset } from '../engine-dataset.js';

/**
 * @typedef {import('../data/dataset.js').Dataset} Dataset
 * @typedef {{ train: Dataset, test: Dataset }} Splits without the data sets' functions, which no worker can be given
 */

/**
 * @param {string} call
 * @param {{ train: unknown, test: unknown }} data
 * @param {number} limit of training images
 * @returns {Splits}
 */
export function checkSplitData(call, { train, test }, limit) {
  return {
    train: plain(checkDataset(call, train, 'data.train'), limit),
    test: plain(checkDataset(call, test, 'data.test'), Number.POSITIVE_INFINITY),
  };
}

/**
 * Whether these images can be augmented so: what every run would fail on.
 *
 * @param {string} call
 * @param {import('../runtime.js').Runtime} runtime
 * @param {Dataset} data
 * @param {unknown} augment
 */
export function tryAugment(call, runtime, data, augment) {
  uploadDataset(runtime, call, plain(data, 1), { augment }).dispose();
}

/** @param {Dataset} data @param {number} limit @returns {Dataset} its first images, as data alone */
function plain({ name, shape, images, labels, mean, std, classes }, limit) {
  const length = Math.min(labels.length, limit);
  const parts = { images: images.subarray(0, length * sizeOf(shape)), labels: labels.subarray(0, length), length };
  return /** @type {Dataset} */ ({ name, shape: [...shape], mean: [...mean], std: [...std], classes, ...parts });
}

/**
 * The same images where all threads see them; where pages may not share memory, each worker gets a copy of its own.
 *
 * @param {Splits} data
 * @returns {Splits}
 */
export function shareData({ train, test }) {
  if (typeof SharedArrayBuffer === 'undefined') return { train, test };
  return { train: shared(train), test: shared(test) };
}

/** @param {Dataset} data @returns {Dataset} */
const shared = ({ images, labels, ...rest }) => ({
  ...rest,
  images: inSharedMemory(images),
  labels: inSharedMemory(labels),
});

/** @template {Uint8Array | Float32Array | Int32Array} T @param {T} values @returns {T} */
function inSharedMemory(values) {
  if (values.buffer instanceof SharedArrayBuffer) return values;
  const Values = /** @type {any} */ ([Uint8Array, Float32Array, Int32Array].find((type) => values instanceof type));
  const copy = new Values(new SharedArrayBuffer(values.byteLength));
  copy.set(values);
  return copy;
}
