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
 * @property {number} [batchSize] for training in such batches, whose images then come when they are due
 *
 * @typedef {object} EngineDataset
 * @property {number} handle
 * @property {(trainer: number, steps: number) => number} bring the images of that trainer's next steps; gives of how many
 * @property {() => void} dispose
 */

/** As many bytes of images are brought at a time, unless a batch has more: few calls and little memory. */
const BROUGHT = 2 ** 18;

/**
 * Copies a data set into the engine's memory: whole, or for training all but its images.
 *
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value
 * @param {Reading} [reading]
 * @returns {EngineDataset}
 */
export function uploadDataset(runtime, call, value, { sortByClass = false, augment, batchSize } = {}) {
  const data = checkDataset(call, value);
  const moves = checkAugment(runtime, call, augment, data.shape);
  const { images, labels, shape, mean, std, classes, length } = data;
  const { exports } = runtime;
  const isFloat = images instanceof Float32Array;
  const size = sizeOf(shape);
  const batch = Math.min(batchSize ?? length, length);
  const steps = batchSize ? Math.max(1, Math.floor(BROUGHT / (batch * size * images.BYTES_PER_ELEMENT))) : 1;
  const room = Math.min(steps * batch, length);
  /** @type {number[]} */
  const blocks = [];
  const take = (/** @type {number} */ bytes) => {
    const address = runtime.allocate(bytes);
    blocks.push(address);
    return address;
  };
  let handle = 0;
  const dispose = () => {
    if (!runtime.alive) return;
    exports.nl_dataset_destroy(handle);
    for (const address of blocks) exports.nl_free(address);
  };
  try {
    const pixels = take(room * size * images.BYTES_PER_ELEMENT);
    const view = (/** @type {number} */ samples) =>
      isFloat ? runtime.floats(pixels, samples * size) : runtime.bytes(pixels, samples * size);
    const samples = batchSize ? take(room * 4) : 0;
    const targets = take(length * 4);
    if (!batchSize) view(length).set(images);
    runtime.ints(targets, length).set(labels);
    runtime.withScratch((scratch) => {
      const [means, stds] = [scratch.doubles(mean), scratch.doubles(std)];
      const plane = sizeOf(shape.slice(1));
      handle = runtime.handle(call, (out) =>
        exports.nl_dataset_create(
          out,
          batchSize ? 0 : pixels,
          Number(isFloat),
          targets,
          length,
          shape[0],
          plane,
          classes,
          means,
          stds,
        ),
      );
      if (sortByClass) runtime.check(call, exports.nl_dataset_sort(handle));
      if (!moves) return;
      const [args, black] = [scratch.doubles(moves), scratch.doubles(blackOf(data))];
      runtime.check(call, exports.nl_dataset_set_augment(handle, args, moves.length, shape[2], black));
    });
    /** @param {number} trainer @param {number} wanted */
    const bring = (trainer, wanted) => {
      const count = Math.min(wanted, steps);
      const found = exports.nl_trainer_upcoming(trainer, samples, count);
      if (images.length < length * size) throw new NormlabError('state', `${call}: data: its images are gone`);
      const to = view(found);
      runtime.ints(samples, found).forEach((sample, i) => {
        to.set(images.subarray(sample * size, (sample + 1) * size), i * size);
      });
      exports.nl_trainer_lend(trainer, pixels, found);
      return count;
    };
    return { handle, bring, dispose };
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
