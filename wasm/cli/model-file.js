import { readFile } from 'node:fs/promises';
import { reason } from '../data/node-fs.js';
import { UsageError } from './failure.js';

/** @typedef {import('../presets/index.js').ModelSpec} ModelSpec */

/**
 * Reads the spec of a model, as `nl.model()` takes it; `{ "type": "norm" }` may stand where a normalization goes, as in
 * the presets.
 *
 * @param {string} path
 * @returns {Promise<Partial<ModelSpec> & Pick<ModelSpec, 'layers'>>}
 * @throws {UsageError}
 */
export async function readModelFile(path) {
  const text = await readFile(path, 'utf8').catch((error) => {
    throw new UsageError(`--model ${path}: cannot read it: ${reason(error)}`);
  });
  const spec = parse(path, text);
  if (!isLayers(spec?.layers)) {
    throw new UsageError(`--model ${path}: expected { "layers": [{ "type": … }, …] }, got no such list`);
  }
  return spec;
}

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
