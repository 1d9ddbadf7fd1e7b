import { areIntegers, describe, shapeText, sizeOf } from './checks.js';
import { NormlabError } from './errors.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./data/dataset.js').Dataset} Dataset
 */

/**
 * Copies a data set into the engine's memory.
 *
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value
 * @returns {{ handle: number, dispose: () => void }}
 */
export function uploadDataset(runtime, call, value) {
  const data = checkDataset(call, value);
  const { images, labels, shape, mean, std, classes, length } = data;
  const { exports } = runtime;
  const isFloat = images instanceof Float32Array;
  /** @type {number[]} */
  const blocks = [];
  const free = () => {
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
    const handle = runtime.withScratch((scratch) => {
      const [means, stds] = [scratch.doubles(mean), scratch.doubles(std)];
      const plane = sizeOf(shape.slice(1));
      return runtime.handle(call, (out) =>
        exports.nl_dataset_create(out, pixels, Number(isFloat), targets, length, shape[0], plane, classes, means, stds),
      );
    });
    return {
      handle,
      dispose() {
        if (!runtime.alive) return;
        exports.nl_dataset_destroy(handle);
        free();
      },
    };
  } catch (error) {
    if (runtime.alive) free();
    throw error;
  }
}

/**
 * @template T
 * @param {Runtime} runtime
 * @param {string} call
 * @param {unknown} value
 * @param {(handle: number) => T} use
 * @returns {T}
 */
export function withDataset(runtime, call, value, use) {
  const dataset = uploadDataset(runtime, call, value);
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
  for (const [key, values] of Object.entries({ mean, std })) {
    if (!standardized && !(Array.isArray(values) && values.length === shape[0] && Array.from(values).every(isNumber))) {
      throw fail(`${key}: expected ${shape[0]} numbers, one a channel, got ${describe(values)}`);
    }
  }
  const known = Number.isInteger(classes) ? classes : labels.reduce((most, label) => Math.max(most, label), 0) + 1;
  return /** @type {Dataset} */ ({
    ...data,
    images,
    labels,
    length: labels.length,
    mean: standardized ? [] : mean,
    std: standardized ? [] : std,
    classes: known,
  });
}
