import { areIntegers, checkInteger, checkNumber, describe, sizeOf } from '../checks.js';
import { NormlabError } from '../errors.js';
import { standardizedDataset } from './floats.js';
import { allocate, checkReadOptions, reporter } from './reading.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 * @typedef {import('./dataset.js').Dataset} Dataset
 *
 * @typedef {object} OwnOptions
 * @property {number} [length] number of samples; default 1000
 * @property {number[]} [shape] of one sample
 * @property {number} [noise]
 * @property {number} [seed] another one makes another set; default 0
 * @property {'train' | 'test'} [split] which samples of the set's classes: the test part has none of the training part;
 *   default `'train'`
 *
 * @typedef {Omit<import('./reading.js').ReadOptions, 'mean' | 'std'> & OwnOptions & { mean?: number[], std?: number[] }}
 *   SyntheticOptions `classes`: default 10; `mean` and `std`: what to standardize with, as a test part is with those of its
 *   training part; default: those of these samples
 */

/**
 * The made-up sets: what the engine is called for, and defaults.
 *
 * Neither trivial nor hopeless: test accuracy in % after one and two epochs over what loadDataset gives, as `normlab train`
 * trains (SGD, 0.01, momentum 0.9, batches of 32), with BatchNorm and GroupNorm: blobs mlp 89/91 and 90/89, smallcnn 88/90 and
 * 89/90, resnet 87/89 and 72/84; textures mlp 87/89 and 86/91, smallcnn 97/98 and 20/66, resnet 96/99 and 95/99.
 *
 * @type {Record<string, { shape: number[], dimensions: number, noise: number, Type: Uint8ArrayConstructor |
 *   Float32ArrayConstructor, make: 'nl_blobs' | 'nl_textures' }>} dimensions: the fewest that a shape may have
 */
const SETS = {
  blobs: { shape: [1, 28, 28], dimensions: 1, noise: 0.25, Type: Float32Array, make: 'nl_blobs' },
  textures: { shape: [3, 32, 32], dimensions: 3, noise: 0.5, Type: Uint8Array, make: 'nl_textures' },
};

/** The names that {@link madeSplits} knows. */
export const madeNames = Object.freeze(Object.keys(SETS));

/** Images of the training and the test part that loadDataset gives. */
const SPLITS = { train: 5000, test: 1000 };

/** Bytes made at a time: what the engine needs of memory. */
const PIECE = 2 ** 21;

/**
 * A set that is made from its seed.
 *
 * @param {Runtime} runtime
 * @param {string} kind
 * @param {SyntheticOptions} [options]
 * @returns {Dataset}
 */
export function synthetic(runtime, kind, options) {
  const own = ['length', 'shape', 'noise', 'seed', 'split'];
  const given = /** @type {SyntheticOptions} */ (checkReadOptions(kind, options, own));
  const { Type, make, dimensions, ...standard } = SETS[kind];
  const { shape = standard.shape, noise = standard.noise, length = 1000, seed = 0, split = 'train' } = given;
  const { classes = given.classNames?.length ?? 10, mean, std, classNames, name = kind } = given;
  if (!areIntegers(shape, 1) || shape.length < dimensions || shape.length > 3) {
    const which = dimensions === 3 ? '[C, H, W]' : '[C], [C, L] or [C, H, W]';
    throw new NormlabError(
      'argument',
      `${kind}: shape: expected ${which} of positive integers, got ${describe(shape)}`,
    );
  }
  const part = ['train', 'test'].indexOf(split);
  if (part < 0) {
    throw new NormlabError('argument', `${kind}: split: expected 'train' or 'test', got ${describe(split)}`);
  }
  checkInteger(kind, 'length', length, 1);
  checkNumber(kind, 'noise', noise);
  checkNumber(kind, 'seed', seed);
  const size = sizeOf(shape);
  const images = allocate(kind, /** @type {new (length: number) => Uint8Array | Float32Array} */ (Type), length * size);
  const labels = allocate(kind, Int32Array, length);
  const bytes = size * Type.BYTES_PER_ELEMENT;
  const count = Math.min(length, Math.max(1, Math.floor(PIECE / bytes)));
  const tick = reporter(given.onProgress, 'make', kind, length * bytes);
  runtime.withScratch((scratch) => {
    const [pixels, targets] = [scratch.take(count * bytes), scratch.take(count * 4)];
    const sizes = scratch.ints([...shape, 1, 1].slice(0, 3));
    for (let first = 0; first < length; first += count) {
      const n = Math.min(count, length - first);
      runtime.check(kind, runtime.exports[make](pixels, targets, first, n, sizes, classes, noise, seed, part));
      images.set(new Type(runtime.buffer, pixels, n * size), first * size);
      labels.set(runtime.ints(targets, n), first);
      tick(n * bytes);
    }
  });
  return standardizedDataset({ name, shape: [...shape], images, labels, classes, classNames, mean, std });
}

/**
 * @param {Runtime} runtime
 * @param {string} kind
 * @param {(progress: { loaded: number, total: number }) => void} [onProgress] bytes that are made
 */
export function madeSplits(runtime, kind, onProgress) {
  const { shape, Type } = SETS[kind];
  const each = sizeOf(shape) * Type.BYTES_PER_ELEMENT;
  const total = (SPLITS.train + SPLITS.test) * each;
  /** @param {'train' | 'test'} split @param {number} before bytes */
  const part = (split, before) => ({
    length: SPLITS[split],
    split,
    onProgress: (/** @type {{ loaded: number }} */ { loaded }) => onProgress?.({ loaded: before + loaded, total }),
  });
  const train = synthetic(runtime, kind, part('train', 0));
  const { mean, std } = train;
  return { train, test: synthetic(runtime, kind, { ...part('test', SPLITS.train * each), mean, std }) };
}
