import { areIntegers, describe, shapeText, sizeOf } from './checks.js';
import { NormlabError } from './errors.js';
import { encodeSettings } from './settings.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./data/dataset.js').Dataset} Dataset
 *
 * @typedef {object} Augment what happens to each training image on its way into a batch, drawn anew each epoch
 * @property {number} [crop] pixels that are added on every side before a piece of the image's own size is cut out of the
 *   whole at a random place, as torchvision's `RandomCrop(size, padding=crop)` does before images are standardized: they
 *   are black, a byte of 0; less than the image's smaller side; default 0
 * @property {boolean} [flip] mirror every second image, left to right, by chance, as `RandomHorizontalFlip`; default false
 *
 * @typedef {object} Reading how samples are to be read
 * @property {boolean} [sortByClass]
 * @property {unknown} [augment] an Augment that is still to be checked, null for none
 */

/**
 * Copies a data set into the engine's memory.
 *
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value
 * @param {Reading} [reading]
 * @returns {{ handle: number, dispose: () => void }}
 */
export function uploadDataset(runtime, call, value, { sortByClass = false, augment } = {}) {
  const data = checkDataset(call, value);
  const moves = checkAugment(runtime, call, augment, data.shape);
  const { images, labels, shape, mean, std, classes, length } = data;
  const { exports } = runtime;
  const isFloat = images instanceof Float32Array;
  /** @type {number[]} */
  const blocks = [];
  let handle = 0;
  const dispose = () => {
    if (!runtime.alive) return;
    exports.nl_dataset_destroy(handle);
    for (const address of blocks) exports.nl_free(address);
  };
  try {
    const pixels = runtime.allocate(images.byteLength);
    blocks.push(pixels);
    const targets = runtime.allocate(length * 4);
    blocks.push(targets);
    if (isFloat) runtime.floats(pixels, images.length).set(images);
    else runtime.bytes(pixels, images.length).set(images);
    runtime.ints(targets, length).set(labels);
    runtime.withScratch((scratch) => {
      const [means, stds] = [scratch.doubles(mean), scratch.doubles(std)];
      const plane = sizeOf(shape.slice(1));
      handle = runtime.handle(call, (out) =>
        exports.nl_dataset_create(out, pixels, Number(isFloat), targets, length, shape[0], plane, classes, means, stds),
      );
      if (sortByClass) runtime.check(call, exports.nl_dataset_sort(handle));
      if (!moves) return;
      const [args, black] = [scratch.doubles(moves), scratch.doubles(blackOf(data))];
      runtime.check(call, exports.nl_dataset_set_augment(handle, args, moves.length, shape[2], black));
    });
    return { handle, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/**
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value
 * @param {number[]} shape of a sample
 * @returns {number[] | null} as the engine takes it
 */
function checkAugment({ abi }, call, value, shape) {
  if (value === undefined || value === null) return null;
  const args = encodeSettings(call, abi.augment, value, abi.maxDims, [], 'augment');
  if (shape.length === 3) return args;
  throw new NormlabError('shape', `${call}: augment: expected images [C, H, W], got samples ${shapeText(shape)}`);
}

/**
 * What a raw value of 0 has become, per channel. Floats need not say how they were standardized: then it is 0.
 *
 * @param {Dataset} data
 */
function blackOf({ shape, mean, std }) {
  return Array.from({ length: shape[0] }, (_, c) =>
    std[c] > 0 && Number.isFinite(mean[c]) ? (0 - mean[c]) / std[c] : 0,
  );
}

/**
 * @template T
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value
 * @param {(handle: number) => T} use
 * @param {Reading} [reading]
 * @returns {T}
 */
export function withDataset(runtime, call, value, use, reading) {
  const dataset = uploadDataset(runtime, call, value, reading);
  try {
    return use(dataset.handle);
  } finally {
    dataset.dispose();
  }
}

/** @param {unknown} value */
const isNumber = (value) => typeof value === 'number';

/**
 * @param {string} call
 * @param {unknown} value
 * @param {string} [name] of the argument
 * @returns {Dataset}
 */
export function checkDataset(call, value, name = 'data') {
  const data = /** @type {Partial<Dataset> | null | undefined} */ (value);
  const fail = (/** @type {string} */ what) => {
    const expected = 'expected a data set, such as nl.loadDataset() gives';
    return new NormlabError('argument', `${call}: ${name}: ${expected}; ${what}`);
  };
  if (data === null || typeof data !== 'object') throw fail(`got ${describe(value)}`);
  const { images, labels, shape, mean, std, classes } = data;
  if (!(images instanceof Uint8Array || images instanceof Float32Array)) throw fail(`images: got ${describe(images)}`);
  if (!(labels instanceof Int32Array)) throw fail(`labels: expected an Int32Array, got ${describe(labels)}`);
  if (!areIntegers(shape, 1)) {
    throw fail(`shape: got ${describe(shape)}`);
  }
  if (labels.length === 0) throw fail('it is empty');
  if (images.length !== labels.length * sizeOf(shape)) {
    throw fail(`${images.length} values are not ${labels.length} images of ${shapeText(shape)}`);
  }
  const standardized = images instanceof Float32Array;
  const perChannel = (/** @type {unknown} */ values) =>
    Array.isArray(values) && values.length === shape[0] && Array.from(values).every(isNumber);
  for (const [key, values] of Object.entries({ mean, std })) {
    if (!standardized && !perChannel(values)) {
      throw fail(`${key}: expected ${shape[0]} numbers, one a channel, got ${describe(values)}`);
    }
  }
  const known = Number.isInteger(classes) ? classes : labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return /** @type {Dataset} */ ({
    ...data,
    images,
    labels,
    length: labels.length,
    mean: perChannel(mean) ? mean : [],
    std: perChannel(std) ? std : [],
    classes: known,
  });
}
