import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { reason } from '../data/node-fs.js';
import { NormlabError } from '../errors.js';
import { UsageError } from './failure.js';

/**
 * A file that is there whole or as it was before, whatever ends the process: it is written beside its place under another
 * name, brought to the disk, and renamed.
 *
 * @param {string} option that names it, for messages
 * @param {string} path
 * @returns {{ path: string, write: (bytes: Uint8Array) => void }}
 * @throws {UsageError} where there could be no such file; of `write`, NormlabError `io`
 */
export function outputFile(option, path) {
  const part = `${path}.part`;
  const refuse = (/** @type {string} */ why) => new UsageError(`${option} ${path}: cannot write it: ${why}`);
  const present = statSync(path, { throwIfNoEntry: false });
  if (present && !present.isFile()) throw refuse('it is no file');
  try {
    closeSync(openSync(part, 'w'));
    rmSync(part);
  } catch (error) {
    throw refuse(reason(error));
  }
  const write = (/** @type {Uint8Array} */ bytes) => {
    try {
      flush(part, 'w', (file) => writeFileSync(file, bytes));
      renameSync(part, path);
    } catch (error) {
      rmSync(part, { force: true });
      throw new NormlabError('io', `${option} ${path}: cannot write it: ${reason(error)}`, { cause: error });
    }
    try {
      flush(dirname(path), 'r');
    } catch {
      // The new name may not be on the disk yet: where folders cannot be opened, that is all one can have.
    }
  };
  return { path, write };
}

/**
 * @param {string} path
 * @param {'r' | 'w'} flags
 * @param {(file: number) => void} [use]
 */
function flush(path, flags, use) {
  const file = openSync(path, flags);
  try {
    use?.(file);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}
