import { NormlabError } from '../errors.js';
import { makeDataset } from './dataset.js';
import { checkBytes, checkReadOptions, checkString, hex, labelLimit, unpacked } from './reading.js';

// http://yann.lecun.com/exdb/mnist/: two zero bytes, the type of the values, the number of dimensions, then each
// dimension as a big-endian 32-bit integer, then the values.
const UNSIGNED_BYTE = 0x08;

/**
 * @typedef {object} OwnOptions
 * @property {string} [imagesName] what error messages call the first argument, default `'imageBytes'`
 * @property {string} [labelsName] what error messages call the second argument, default `'labelBytes'`
 *
 * @typedef {import('./reading.js').ReadOptions & OwnOptions} IdxOptions `mean` and `std` in units of 0…1
 */

/**
 * What `idx` does, apart from unpacking, which not everyone who reads IDX files needs.
 *
 * @param {Uint8Array | ArrayBuffer} imageBytes
 * @param {Uint8Array | ArrayBuffer} labelBytes
 * @param {IdxOptions} options
 * @param {(bytes: Uint8Array, file: string, onProgress?: import('./reading.js').OnProgress) => Uint8Array} [unpack]
 * @returns {import('./dataset.js').Dataset}
 */
export function readIdx(imageBytes, labelBytes, options, unpack = (bytes) => bytes) {
  const given = /** @type {IdxOptions} */ (checkReadOptions('idx', options, ['imagesName', 'labelsName']));
  const { name = 'idx', classes, classNames, imagesName = 'imageBytes', labelsName = 'labelBytes' } = given;
  checkString('idx', 'imagesName', imagesName);
  checkString('idx', 'labelsName', labelsName);
  const images = parse(imageBytes, imagesName, 3, 'images', unpack, given.onProgress);
  const labels = parse(labelBytes, labelsName, 1, 'labels', unpack, given.onProgress);
  const [n, height, width] = images.dims;
  if (labels.dims[0] !== n) {
    throw format(
      labels.name,
      `expected ${n} labels for the ${n} images of ${imagesName}, got ${labels.dims[0]} (byte 4)`,
    );
  }
  const limit = labelLimit(given, 256);
  const wrong = labels.values.findIndex((label) => label >= limit);
  if (wrong >= 0) {
    throw format(
      labels.name,
      `expected labels 0 to ${limit - 1}, got ${labels.values[wrong]} for image ${wrong} (byte ${labels.start + wrong})`,
    );
  }
  return makeDataset({
    name,
    shape: [1, height, width],
    images: images.values,
    labels: labels.values,
    classes,
    classNames,
    mean: given.mean,
    std: given.std,
  });
}

/**
 * @param {Uint8Array | ArrayBuffer} input
 * @param {string} file
 * @param {number} dimensions
 * @param {string} content
 * @param {(bytes: Uint8Array, file: string, onProgress?: import('./reading.js').OnProgress) => Uint8Array} unpack
 * @param {import('./reading.js').OnProgress} [onProgress]
 */
function parse(input, file, dimensions, content, unpack, onProgress) {
  const start = 4 + 4 * dimensions;
  const packed = checkBytes('idx', file, input);
  if (packed.length === 0) {
    throw format(file, `expected a header of ${start} bytes, got a file that ends at byte 0 (truncated)`);
  }
  const bytes = unpack(packed, file, onProgress);
  const name = bytes === packed ? file : unpacked(file);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const magic = (UNSIGNED_BYTE << 8) | dimensions;
  if (bytes.length >= 4 && view.getUint32(0) !== magic) {
    throw format(
      name,
      `expected magic ${hex(magic)} (${content}: unsigned bytes in ${count(dimensions, 'dimension')}) at byte 0, got ` +
        `${hex(view.getUint32(0))}${explain(bytes)}`,
    );
  }
  if (bytes.length < start) {
    throw format(name, `expected a header of ${start} bytes, got a file that ends at byte ${bytes.length} (truncated)`);
  }
  const dims = Array.from({ length: dimensions }, (_, d) => view.getUint32(4 + 4 * d));
  const zero = dims.indexOf(0);
  if (zero >= 0) {
    throw format(name, `expected a size >= 1 for dimension ${zero}, got 0 at byte ${4 + 4 * zero}`);
  }
  const size = dims.reduce((product, dim) => product * dim, 1);
  const end = start + size;
  if (bytes.length !== end) {
    const what = bytes.length < end ? 'truncated' : `${bytes.length - end} bytes too many`;
    throw format(
      name,
      `expected ${dims.join(' × ')} bytes of ${content} from byte ${start} to byte ${end}, got a file that ends at byte ` +
        `${bytes.length} (${what})`,
    );
  }
  return { name, dims, start, values: bytes.subarray(start) };
}

/** @param {Uint8Array} bytes the start of a file whose magic is not the one that was expected */
function explain([zero, zeroToo, type, dimensions]) {
  if (zero !== 0 || zeroToo !== 0) return ' (not an IDX file)';
  if (type !== UNSIGNED_BYTE) return ` (values of type 0x${type.toString(16).padStart(2, '0')})`;
  if (dimensions === 1) return ' (a file of labels)';
  if (dimensions === 3) return ' (a file of images)';
  return ` (${count(dimensions, 'dimension')})`;
}

/** @param {number} n @param {string} what */
const count = (n, what) => `${n} ${what}${n === 1 ? '' : 's'}`;

/** @param {string} name @param {string} message */
const format = (name, message) => new NormlabError('format', `idx: ${name}: ${message}`);
