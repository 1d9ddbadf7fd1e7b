import { readFile } from 'node:fs/promises';
import { readCheckpoint } from '../checkpoint.js';
import { reason } from '../data/node-fs.js';
import { blame, UsageError } from './failure.js';

/**
 * @typedef {import('../presets/index.js').ModelSpec} ModelSpec
 *
 * @typedef {Partial<ModelSpec> & Pick<ModelSpec, 'layers'>} Spec as a file has it
 */

/** Where no model was asked for. */
export const NO_FILE = { spec: null, saved: null };

/**
 * Reads the spec of a model, as `nl.model()` takes it; `{ "type": "norm" }` may stand where a normalization goes, as in
 * the presets. Or a model that `model.save()` wrote.
 *
 * @param {string} path
 * @returns {Promise<{ spec: Spec, saved: Uint8Array | null }>} saved: the file, where its model has weights
 * @throws {UsageError}
 */
export async function readModelFile(path) {
  const bytes = await readFile(path).catch((error) => {
    throw new UsageError(`--model ${path}: cannot read it: ${reason(error)}`);
  });
  // The highest byte of a length, which is the first thing in safetensors, and never in a text.
  const saved = bytes[7] === 0 ? bytes : null;
  const spec = saved ? await specOf(path, saved) : parse(path, bytes.toString('utf8'));
  if (!isLayers(spec?.layers)) {
    throw new UsageError(`--model ${path}: expected { "layers": [{ "type": … }, …] }, got no such list`);
  }
  return { spec, saved };
}

/** @param {string} path @param {Uint8Array} saved */
const specOf = (path, saved) =>
  blame(`--model ${path}`, () => readCheckpoint('nl.loadModel', 'model', saved, ['spec']).values.spec);

/** @param {string} path @param {string} text */
function parse(path, text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`--model ${path}: expected JSON: ${/** @type {Error} */ (error).message}`);
  }
}

/** @param {unknown} value @returns {boolean} whether it is a list of layers, its residual branches included */
function isLayers(value) {
  return (
    Array.isArray(value) &&
    value.every(
      (layer) => typeof layer?.type === 'string' && isLayers(layer.body ?? []) && isLayers(layer.shortcut ?? []),
    )
  );
}
