import { NormlabError } from '../errors.js';
import { reason } from './node-fs.js';

/** @typedef {typeof import('node:fs')} FileSystem */
/** @typedef {import('./reading.js').OnProgress} OnProgress */

const CHUNK = 4 * 2 ** 20;

/**
 * Reads files chunk by chunk.
 *
 * @param {FileSystem} fs
 * @param {string[]} paths
 * @param {OnProgress} [onProgress] told before the first chunk and after each
 * @returns {Uint8Array[]} in the order of the paths
 * @throws {NormlabError} `io`
 */
export function readFiles(fs, paths, onProgress) {
  const sizes = paths.map((path) => sizeOf(fs, path));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  let loaded = 0;
  onProgress?.({ loaded, total, phase: 'read', file: paths[0] });
  return paths.map((file, i) =>
    readFile(fs, file, sizes[i], (bytes) => {
      loaded += bytes;
      onProgress?.({ loaded, total, phase: 'read', file });
    }),
  );
}

/** @param {FileSystem} fs @param {string} path */
function sizeOf(fs, path) {
  const stats = reading(path, () => fs.statSync(path));
  // A pipe would be waited for, a device never ends.
  if (!stats.isFile()) throw new NormlabError('io', `loadDirectory: cannot read ${path}: it is no file`);
  return stats.size;
}

/**
 * @param {FileSystem} fs
 * @param {string} path
 * @param {number} size
 * @param {(bytes: number) => void} progress
 */
function readFile(fs, path, size, progress) {
  const file = reading(path, () => fs.openSync(path, 'r'));
  try {
    const content = reading(path, () => new Uint8Array(size));
    for (let at = 0; at < size; ) {
      const count = reading(path, () => fs.readSync(file, content, at, Math.min(CHUNK, size - at), at));
      if (count === 0) throw new NormlabError('io', `loadDirectory: cannot read ${path}: it was cut to ${at} bytes`);
      at += count;
      progress(count);
    }
    return content;
  } finally {
    fs.closeSync(file);
  }
}

/**
 * @template T
 * @param {string} what
 * @param {() => T} read
 * @returns {T}
 * @throws {NormlabError} `io` for whatever `read` throws
 */
export function reading(what, read) {
  try {
    return read();
  } catch (error) {
    throw new NormlabError('io', `loadDirectory: cannot read ${what}: ${reason(error)}`, { cause: error });
  }
}
