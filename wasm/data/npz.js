import { checkInteger, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { standardizedDataset } from './floats.js';
import { gunzip } from './gzip.js';
import { npyHeader, npyReader } from './npy.js';
import { allocate, checkBytes, checkReadOptions, checkString, labelLimit, reporter, unpacked } from './reading.js';
import { contentOf, membersOf } from './zip.js';

const IMAGE_TYPES = /** @type {const} */ (['u1', 'f4', 'f8']);
const LABEL_TYPES = /** @type {const} */ (['u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8']);
/** Last sizes of `[N, H, W, C]`: grey, RGB, RGBA. */
const CHANNELS_LAST = [1, 3, 4];
const MAX_BYTES = 2 ** 30;

/**
 * @typedef {object} OwnOptions
 * @property {string} [fileName] what error messages call the file, default `'bytes'`
 * @property {number} [maxBytes] the most that a compressed array may inflate to, default 2^30 (1 GiB)
 *
 * @typedef {import('./reading.js').ReadOptions & OwnOptions} NpzOptions `mean` and `std` in units of 0…1 for bytes, in
 *   their own units for floats
 */

/**
 * What a file holds, before it is standardized.
 *
 * @typedef {object} LabelledArrays
 * @property {Uint8Array | Float32Array} images `N × C × H × W` values
 * @property {number[]} shape of one image, `[C, H, W]`
 * @property {Int32Array} labels `N` labels
 */

/** @typedef {import('./inflate.js').Fail} Fail */

/**
 * Reads a file of NumPy's `savez` or `savez_compressed` with the arrays `images` and `labels`
 * (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html), in C order.
 *
 * `images` is uint8, float32 or float64 of shape `[N, H, W]`, `[N, C, H, W]` or `[N, H, W, C]`: channels are last where the
 * last size is 1, 3 or 4 and the second is not. `labels` are `N` integers of any type. Bytes are kept and standardized when
 * they are read, as in every dataset; floats are standardized here, to `(v - mean[c]) / std[c]` (with `mean: [0, …]` and
 * `std: [1, …]` they stay as they are), float64 being rounded to float32.
 *
 * @param {import('./reading.js').Bytes} bytes of a zip file, its members stored or deflated, without zip64; plain or gzip
 * @param {NpzOptions} [options]
 * @returns {import('./dataset.js').Dataset} of shape `[C, H, W]`
 * @throws {NormlabError} `format` for a file that is corrupt, truncated, not of this form, or that would inflate to more
 *   than `maxBytes`, for labels beyond the classes and for floats that are not finite; `argument` for something that is not
 *   bytes; `memory` where there is not enough for what the file does hold
 */
export function npz(bytes, options = {}) {
  const given = /** @type {NpzOptions} */ (checkReadOptions('npz', options, ['fileName', 'maxBytes']));
  return npzDataset(readNpz(bytes, given), given);
}

/**
 * @param {unknown} input
 * @param {NpzOptions} options
 * @returns {LabelledArrays}
 */
export function readNpz(input, options) {
  const { fileName = 'bytes', maxBytes = MAX_BYTES, onProgress } = options;
  checkString('npz', 'fileName', fileName);
  checkInteger('npz', 'maxBytes', maxBytes, 1, Number.MAX_SAFE_INTEGER);
  /** @type {Fail} */
  const fail = (message, cause) => new NormlabError('format', `npz: ${name}: ${message}`, { cause });
  const packed = checkBytes('npz', fileName, input);
  const bytes = gunzip(packed, fileName, maxBytes, onProgress);
  const name = bytes === packed ? fileName : unpacked(fileName);
  const members = membersOf(bytes, fail);
  /** @param {string} array */
  const member = (array) => {
    const found = members.get(`${array}.npy`);
    if (!found) throw fail(`expected an array '${array}', got ${describe([...members.keys()])}`);
    /** @type {Fail} */
    const failHere = (message, cause) => fail(`${array}.npy: ${message}`, cause);
    const tick = reporter(onProgress, 'unpack', `${fileName}: ${array}.npy`, found.size);
    const { content, start } = contentOf(bytes, found, maxBytes, failHere, tick);
    const how = content.buffer === bytes.buffer ? 'stands' : 'is deflated';
    /** @type {Fail} bytes are those of the array; where that is, too */
    const failWithin = (message, cause) => failHere(`${message}; the array ${how} at byte ${start} of the file`, cause);
    return { content, fail: failWithin };
  };
  const labels = member('labels');
  const images = member('images');
  return fitted(readImages(images.content, images.fail), labels.content, labelLimit(options), labels.fail);
}

/**
 * @param {{ images: Uint8Array | Float32Array, shape: number[], count: number }} images
 * @param {Uint8Array} content
 * @param {number} limit
 * @param {Fail} fail
 * @returns {LabelledArrays}
 */
function fitted({ images, shape, count }, content, limit, fail) {
  const header = npyHeader(content, LABEL_TYPES, fail);
  if (header.shape.length !== 1 || header.shape[0] !== count) {
    throw fail(`expected ${count} labels for the ${count} images, got an array of shape [${header.shape}]`);
  }
  const valueAt = npyReader(content, header);
  const labels = allocate('npz', Int32Array, count);
  for (let i = 0; i < count; i++) {
    const label = Number(valueAt(i));
    if (label < 0 || label >= limit) {
      const at = header.start + i * header.size;
      throw fail(`expected labels 0 to ${limit - 1}, got ${valueAt(i)} for image ${i} (byte ${at})`);
    }
    labels[i] = label;
  }
  return { images, shape, labels };
}

/**
 * @param {Uint8Array} content
 * @param {Fail} fail
 */
function readImages(content, fail) {
  const header = npyHeader(content, IMAGE_TYPES, fail);
  const { shape, last } = layout(header.shape, fail);
  const images = header.size === 1 ? content.subarray(header.start) : finite(content, header, fail);
  return { images: last ? channelsFirst(images, shape) : images, shape, count: header.shape[0] };
}

/**
 * @param {number[]} sizes
 * @param {Fail} fail
 * @returns {{ shape: number[], last: boolean }} `[C, H, W]`, and whether the channels come last in the file
 */
function layout(sizes, fail) {
  const [, a, b, c] = sizes;
  if (sizes.length === 3) return { shape: [1, a, b], last: false };
  if (sizes.length !== 4) throw fail(`expected images [N, H, W], [N, C, H, W] or [N, H, W, C], got [${sizes}]`);
  if (CHANNELS_LAST.includes(c) && !CHANNELS_LAST.includes(a)) return { shape: [c, a, b], last: true };
  return { shape: [a, b, c], last: false };
}

/**
 * @param {Uint8Array} content
 * @param {import('./npy.js').NpyHeader} header of floats
 * @param {Fail} fail
 */
function finite(content, header, fail) {
  const floats = allocate('npz', Float32Array, (content.length - header.start) / header.size);
  const valueAt = npyReader(content, header);
  for (let i = 0; i < floats.length; i++) {
    floats[i] = Number(valueAt(i));
    if (!Number.isFinite(floats[i])) {
      const at = header.start + i * header.size;
      throw fail(`expected finite values in the range of float32, got ${valueAt(i)} (byte ${at})`);
    }
  }
  return floats;
}

/**
 * @template {Uint8Array | Float32Array} Values
 * @param {Values} images `N × H × W × C` values
 * @param {number[]} shape `[C, H, W]`
 * @returns {Values} `N × C × H × W` values
 */
function channelsFirst(images, [channels, height, width]) {
  if (channels === 1) return images;
  const Type = /** @type {new (length: number) => Values} */ (images.constructor);
  const turned = allocate('npz', Type, images.length);
  const plane = height * width;
  for (let start = 0; start < images.length; start += channels * plane) {
    for (let c = 0; c < channels; c++) {
      const to = start + c * plane;
      for (let p = 0; p < plane; p++) turned[to + p] = images[start + p * channels + c];
    }
  }
  return turned;
}

/**
 * @param {LabelledArrays} arrays float images are standardized in their place
 * @param {NpzOptions} options
 * @returns {import('./dataset.js').Dataset}
 */
export function npzDataset({ images, shape, labels }, { name = 'npz', classes, classNames, mean, std, ...rest }) {
  const { fileName = 'bytes', onProgress } = rest;
  const passes = mean && std ? 1 : 3;
  const tick = reporter(
    onProgress,
    'standardize',
    fileName,
    images instanceof Float32Array ? passes * images.byteLength : 0,
  );
  return standardizedDataset({ name, shape, images, labels, classes, classNames, mean, std }, tick);
}
