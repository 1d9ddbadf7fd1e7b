import { describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { makeDataset } from './dataset.js';
import { gunzip } from './gzip.js';
import { allocate, checkBytes, checkReadOptions, checkString, isBytes, labelLimit, unpacked } from './reading.js';

// https://www.cs.toronto.edu/~kriz/cifar.html, "Binary version": records of one label byte and the red, green and blue
// plane of an image, each of 32 rows of 32 bytes; nothing before, between or behind them.
const SHAPE = [3, 32, 32];
const PIXELS = 3 * 32 * 32;
const RECORD = 1 + PIXELS;
const CIFAR_100_RECORD = 2 + PIXELS;

/** The classes of CIFAR-10 in the order of its `batches.meta.txt`. */
const CLASS_NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/**
 * @typedef {object} OwnOptions
 * @property {string[]} [fileNames] what error messages call the batches, one each; default `'bytes[0]'`, `'bytes[1]'`, …
 *
 * @typedef {import('./reading.js').ReadOptions & OwnOptions} Cifar10Options `mean` and `std` in units of 0…1; without
 *   `classes` and `classNames` these are the ten of CIFAR-10
 */

/** @typedef {import('./reading.js').Bytes} Bytes */

/**
 * Reads batches in the binary format of CIFAR-10 (https://www.cs.toronto.edu/~kriz/cifar.html), such as the five
 * `data_batch_*.bin`, as one dataset in the order given.
 *
 * @param {...(Bytes | Cifar10Options)} bytes one file each, plain or gzip: records of a label byte and 3 × 32 × 32 image
 *   bytes; behind the last of them, options
 * @returns {import('./dataset.js').Dataset} of shape `[3, 32, 32]`; the images are a copy
 * @throws {NormlabError} `format` for a file that is empty, truncated or corrupt, or that has a label beyond the classes;
 *   `argument` for something that is not bytes
 */
export function cifar10(...bytes) {
  const { inputs, options } = separated(bytes);
  const files = checkFileNames(options.fileNames, inputs.length);
  const packed = inputs.map((input, i) => checkBytes('cifar10', files[i], input));
  const batches = packed.map((bytes, i) => gunzip(bytes, files[i], undefined, options.onProgress));
  const names = batches.map((batch, i) => (batch === packed[i] ? files[i] : unpacked(files[i])));
  const counts = batches.map((batch, i) => recordsIn(batch, names[i]));
  const length = counts.reduce((sum, count) => sum + count, 0);
  const images = allocate('cifar10', Uint8Array, length * PIXELS);
  const labels = allocate('cifar10', Int32Array, length);
  const limit = Math.min(labelLimit(options, CLASS_NAMES.length), 256);
  let from = 0;
  batches.forEach((batch, i) => {
    const to = from + counts[i];
    split(batch, images.subarray(from * PIXELS, to * PIXELS), labels.subarray(from, to), limit, names[i]);
    from = to;
  });
  const { name = 'cifar10', classes, classNames, mean, std } = options;
  const known = classes === undefined && classNames === undefined ? CLASS_NAMES : classNames;
  return makeDataset({ name, shape: SHAPE, images, labels, classes, classNames: known, mean, std });
}

/**
 * @param {unknown[]} args
 * @returns {{ inputs: unknown[], options: Cifar10Options }}
 */
function separated(args) {
  if (args.length === 0) throw new NormlabError('argument', 'cifar10: bytes: expected at least one file, got none');
  const last = args.at(-1);
  const hasOptions = args.length > 1 && !isBytes(last) && !ArrayBuffer.isView(last);
  return {
    inputs: hasOptions ? args.slice(0, -1) : args,
    options: checkReadOptions('cifar10', hasOptions ? last : undefined, ['fileNames']),
  };
}

/**
 * @param {unknown} names
 * @param {number} count
 * @returns {string[]}
 */
function checkFileNames(names, count) {
  if (names === undefined) return Array.from({ length: count }, (_, i) => `bytes[${i}]`);
  if (!Array.isArray(names) || names.length !== count) {
    throw new NormlabError('argument', `cifar10: fileNames: expected ${count} names, got ${describe(names)}`);
  }
  return Array.from(names, (name, i) => checkString('cifar10', `fileNames[${i}]`, name));
}

/**
 * @param {Uint8Array} batch
 * @param {string} name
 */
function recordsIn(batch, name) {
  const { length } = batch;
  const count = Math.floor(length / RECORD);
  if (length === 0 || length !== count * RECORD) {
    const records = `records of ${RECORD} bytes, the last to byte ${(count + 1) * RECORD}`;
    const other = length > 0 && length % CIFAR_100_RECORD === 0;
    const why = other ? `as in CIFAR-100, whose records have ${CIFAR_100_RECORD}` : 'truncated';
    throw format(name, `expected ${records}, got a file that ends at byte ${length} (${why})`);
  }
  return count;
}

/**
 * @param {Uint8Array} batch
 * @param {Uint8Array} images where its images go
 * @param {Int32Array} labels where its labels go
 * @param {number} limit
 * @param {string} name
 */
function split(batch, images, labels, limit, name) {
  for (let i = 0; i < labels.length; i++) {
    const at = i * RECORD;
    if (batch[at] >= limit) {
      throw format(name, `expected labels 0 to ${limit - 1}, got ${batch[at]} for image ${i} (byte ${at})`);
    }
    labels[i] = batch[at];
    images.set(batch.subarray(at + 1, at + RECORD), i * PIXELS);
  }
}

/** @param {string} name @param {string} message */
const format = (name, message) => new NormlabError('format', `cifar10: ${name}: ${message}`);
