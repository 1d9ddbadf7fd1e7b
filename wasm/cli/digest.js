import { createHash } from 'node:crypto';

/** @typedef {import('../index.js').Dataset} Dataset */

/** @param {Dataset[]} splits @returns {string} SHA-256 of their contents, in short */
export const digestOf = (...splits) => digest(...splits.flatMap(({ images, labels }) => [images, labels]));

/** @param {(string | Uint8Array | Float32Array | Int32Array)[]} parts */
export function digest(...parts) {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex').slice(0, 16);
}
