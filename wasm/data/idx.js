import { gunzip } from './gzip.js';
import { readIdx } from './idx-plain.js';

/** @typedef {import('./idx-plain.js').IdxOptions} IdxOptions */

/**
 * Reads a pair of IDX files, the format of MNIST and Fashion-MNIST: unsigned bytes `[N, H, W]` and `[N]`.
 *
 * @param {Uint8Array | ArrayBuffer} imageBytes an IDX file of three dimensions, plain or gzip
 * @param {Uint8Array | ArrayBuffer} labelBytes an IDX file of one dimension, plain or gzip
 * @param {IdxOptions} [options]
 * @returns {import('./dataset.js').Dataset} of shape `[1, H, W]`; plain bytes are not copied
 * @throws {import('../errors.js').NormlabError} `format` for a file that is corrupt, truncated, too long, of another type,
 *   or that does not fit the other one; `argument` for something that is not bytes
 */
export function idx(imageBytes, labelBytes, options = {}) {
  return readIdx(imageBytes, labelBytes, options, (bytes, file, onProgress) =>
    gunzip(bytes, file, undefined, onProgress),
  );
}
