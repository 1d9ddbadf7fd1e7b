import { areIntegers, describe, isList, sizeOf } from '../checks.js';
import { NormlabError } from '../errors.js';

/**
 * A tensor as the package hands it out: row-major, batch first, a copy that the caller owns.
 *
 * @typedef {object} Tensor
 * @property {Float32Array} data
 * @property {number[]} shape
 */

/**
 * Labelled images of one size. A plain object: it needs no engine, and may be used by several.
 *
 * Images of bytes are standardized when they are read, to `(v / 255 - mean[c]) / std[c]`; float images are taken to be
 * standardized already, and are handed out as they are.
 *
 * @typedef {object} Dataset
 * @property {string} name
 * @property {number[]} shape of one image, `[C, H, W]`, or of samples of any other form, `[C, …]`
 * @property {number} length number of images
 * @property {number} classes number of classes; labels are 0 … classes - 1
 * @property {string[]} [classNames]
 * @property {number[]} mean per channel, of the training split: in units of 0…1, or those that floats had in their file
 * @property {number[]} std per channel, of the training split (biased, i.e. divided by the count), in units as those of
 *   `mean`
 * @property {Uint8Array | Float32Array} images `length × C × …` values
 * @property {Int32Array} labels `length` labels
 * @property {(start?: number, end?: number) => Dataset} slice images `start` … `end - 1`, sharing this set's memory;
 *   bounds work as those of `Array.prototype.slice`: past the end they are cut, negative ones count from the end
 * @property {(indices: ArrayLike<number>) => { x: Tensor, labels: Int32Array }} batch the images with these indices,
 *   standardized, as one tensor `[N, C, …]`; throws `argument` where an index is not that of an image
 */

/**
 * Makes a dataset of images and labels.
 *
 * @param {object} source
 * @param {string} [source.name] default `'custom'`
 * @param {number[]} source.shape of one image, `[C, H, W]`, or of samples of any other form, `[C, …]` of 1 to 4 sizes
 * @param {Uint8Array | Float32Array} source.images `N × C × …` values: bytes 0…255, or standardized floats
 * @param {ArrayLike<number>} source.labels `N` integers; an Int32Array is kept, anything else copied
 * @param {number} [source.classes] default: the greatest label + 1
 * @param {string[]} [source.classNames] one a class
 * @param {number[]} [source.mean] per channel; default: computed exactly from bytes; 0 for floats
 * @param {number[]} [source.std] per channel; default: computed exactly from bytes (1 for a constant channel); 1 for floats
 * @returns {Dataset}
 * @throws {NormlabError} `argument` where the parts do not fit together
 */
export function makeDataset(source) {
  if (source === null || typeof source !== 'object') {
    throw argument(`source: expected { shape, images, labels, … }, got ${describe(source)}`);
  }
  const { name = 'custom', shape, images, labels, classes, classNames, mean, std } = source;
  if (!areIntegers(shape, 1) || shape.length < 1 || shape.length > 4) {
    throw argument(`shape: expected 1 to 4 positive integers such as [C, H, W], got ${describe(shape)}`);
  }
  if (!(images instanceof Uint8Array || images instanceof Float32Array)) {
    throw argument(`images: expected a Uint8Array or Float32Array, got ${describe(images)}`);
  }
  if (!isList(labels)) throw argument(`labels: expected an array, got ${describe(labels)}`);
  const size = sizeOf(shape);
  const length = labels.length;
  if (images.length !== length * size) {
    throw argument(
      `images: expected ${length} × ${size} values for ${length} labels and images [${shape}], got ${images.length}`,
    );
  }
  let greatest = 0;
  for (let i = 0; i < length; i++) {
    if (!Number.isInteger(labels[i]) || labels[i] < 0 || labels[i] >= 2 ** 31) {
      throw argument(`labels[${i}]: expected an integer >= 0, got ${describe(labels[i])}`);
    }
    if (labels[i] > greatest) greatest = labels[i];
  }
  const ints = labels instanceof Int32Array ? labels : Int32Array.from(labels);
  const count = classes ?? classNames?.length ?? greatest + 1;
  if (!Number.isInteger(count) || count < 1)
    throw argument(`classes: expected an integer >= 1, got ${describe(count)}`);
  if (greatest >= count) {
    const at = ints.findIndex((label) => label >= count);
    throw argument(`labels[${at}]: expected 0 to ${count - 1} for ${count} classes, got ${ints[at]}`);
  }
  if (classNames && !(Array.isArray(classNames) && classNames.length === count)) {
    const came = Array.isArray(classNames) ? classNames.length : describe(classNames);
    throw argument(`classNames: expected ${count} names, got ${came}`);
  }
  // Ends at the first hole, of which there may be billions.
  if (classNames && classNames.findIndex((each) => typeof each !== 'string') >= 0) {
    throw argument(`classNames: expected strings, got ${describe(classNames)}`);
  }
  const channels = shape[0];
  const stats = mean && std ? { mean, std } : channelStats(images, shape);
  return view({
    name,
    shape: [...shape],
    classes: count,
    classNames,
    mean: perChannel('mean', mean ?? stats.mean, channels, Number.isFinite, 'finite numbers'),
    std: perChannel(
      'std',
      std ?? stats.std,
      channels,
      (value) => Number.isFinite(value) && value > 0,
      'positive numbers',
    ),
    images,
    labels: ints,
  });
}

/**
 * @param {Omit<Dataset, 'length' | 'slice' | 'batch'>} parts
 * @returns {Dataset}
 */
function view(parts) {
  const { shape, images, labels, mean, std } = parts;
  const [channels, ...sides] = shape;
  const plane = sizeOf(sides);
  const size = channels * plane;
  const length = labels.length;
  return {
    ...parts,
    length,
    slice(start = 0, end = length) {
      if (!Number.isInteger(start)) throw argument(`slice: start: expected an integer, got ${describe(start)}`);
      if (!Number.isInteger(end)) throw argument(`slice: end: expected an integer, got ${describe(end)}`);
      const from = start < 0 ? Math.max(length + start, 0) : Math.min(start, length);
      const to = Math.max(from, end < 0 ? length + end : Math.min(end, length));
      return view({ ...parts, images: images.subarray(from * size, to * size), labels: labels.subarray(from, to) });
    },
    batch(indices) {
      if (!isList(indices)) throw argument(`batch: indices: expected an array, got ${describe(indices)}`);
      const n = indices.length;
      for (let i = 0; i < n; i++) {
        const index = indices[i];
        if (!Number.isInteger(index) || index < 0 || index >= length) {
          const came = describe(index);
          throw argument(`batch: indices[${i}]: expected an integer from 0 to ${length - 1}, got ${came}`);
        }
      }
      const x = new Float32Array(n * size);
      const y = new Int32Array(n);
      const tables = images instanceof Uint8Array ? mean.map((m, c) => standardized(m, std[c])) : null;
      for (let i = 0; i < n; i++) {
        const index = indices[i];
        y[i] = labels[index];
        if (!tables) {
          x.set(images.subarray(index * size, (index + 1) * size), i * size);
          continue;
        }
        for (let c = 0; c < channels; c++) {
          const from = index * size + c * plane;
          const to = i * size + c * plane;
          for (let p = 0; p < plane; p++) x[to + p] = tables[c][images[from + p]];
        }
      }
      return { x: { data: x, shape: [n, ...shape] }, labels: y };
    },
  };
}

/**
 * The standardized value of each byte.
 *
 * @param {number} mean
 * @param {number} std
 */
function standardized(mean, std) {
  return Float32Array.from({ length: 256 }, (_, value) => (value / 255 - mean) / std);
}

/**
 * Mean and biased standard deviation of each channel, in units of 0…1. Bytes are summed as integers and the variance
 * is formed from them in BigInt, so that the only rounding is that of the result.
 *
 * @param {Uint8Array | Float32Array} images
 * @param {number[]} shape
 */
function channelStats(images, [channels, ...sides]) {
  const mean = new Array(channels).fill(0);
  const std = new Array(channels).fill(1);
  const plane = sizeOf(sides);
  const count = images.length / channels;
  if (images instanceof Float32Array || count === 0) return { mean, std };
  for (let c = 0; c < channels; c++) {
    // Exact: below 2^53 for up to 10^11 values.
    let sum = 0;
    let squares = 0;
    for (let start = c * plane; start < images.length; start += channels * plane) {
      for (let i = start; i < start + plane; i++) {
        sum += images[i];
        squares += images[i] * images[i];
      }
    }
    const spread = BigInt(count) * BigInt(squares) - BigInt(sum) * BigInt(sum);
    mean[c] = sum / count / 255;
    if (spread > 0n) std[c] = Math.sqrt(Number(spread)) / count / 255;
  }
  return { mean, std };
}

/**
 * @param {string} name
 * @param {number[]} values
 * @param {number} channels
 * @param {(value: number) => boolean} accepts
 * @param {string} expected
 */
function perChannel(name, values, channels, accepts, expected) {
  if (!Array.isArray(values) || values.length !== channels || !Array.from(values).every(accepts)) {
    throw argument(`${name}: expected ${channels} ${expected}, one a channel, got ${describe(values)}`);
  }
  return [...values];
}

/** @param {string} message */
const argument = (message) => new NormlabError('argument', `dataset: ${message}`);
