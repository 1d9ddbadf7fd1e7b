import { checkTensor, describe, shapeText, sizeOf } from './checks.js';
import { NormlabError } from './errors.js';

/**
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 *
 * @typedef {Record<string, Tensor | number>} StateDict PyTorch's keys; `num_batches_tracked` is a number, the rest tensors
 *
 * @typedef {object} StateEntry where one value of a state dictionary lives in the engine
 * @property {string} key
 * @property {number[]} shape
 * @property {() => Float32Array} view made anew for each use
 *
 * @typedef {object} CounterEntry
 * @property {string} key
 * @property {() => number} get -1 where nothing is counted
 * @property {(value: number) => void} set
 *
 * @typedef {{ tensors: StateEntry[], counters: CounterEntry[] }} StateEntries
 */

/**
 * @param {StateEntries} entries
 * @returns {StateDict}
 */
export function readState({ tensors, counters }) {
  /** @type {StateDict} */
  const dict = {};
  for (const { key, shape, view } of tensors) dict[key] = { data: view().slice(), shape: [...shape] };
  for (const { key, get } of counters) if (get() >= 0) dict[key] = get();
  return dict;
}

/**
 * Writes a dictionary into place; nothing is written unless all of it fits. The words are those of
 * `torch.nn.Module.load_state_dict`. A missing `num_batches_tracked` is no error, as in PyTorch, where old files have none.
 *
 * @param {string} call
 * @param {string} owner class name for the message
 * @param {StateEntries} entries
 * @param {unknown} dict
 * @param {boolean} strict whether keys must match exactly
 */
export function writeState(call, owner, { tensors, counters }, dict, strict) {
  if (dict === null || typeof dict !== 'object' || Array.isArray(dict)) {
    throw new NormlabError('argument', `${call}: dict: expected an object of tensors by key, got ${describe(dict)}`);
  }
  const given = /** @type {Record<string, unknown>} */ (dict);
  const known = new Set([...tensors, ...counters].map(({ key }) => key));
  const quoted = (/** @type {string[]} */ keys) => keys.map((key) => `"${key}"`).join(', ');
  const problems = [];
  if (strict) {
    const unexpected = Object.keys(given).filter((key) => !known.has(key));
    const missing = tensors.map(({ key }) => key).filter((key) => !Object.hasOwn(given, key));
    if (unexpected.length > 0) problems.push(`Unexpected key(s) in state_dict: ${quoted(unexpected)}.`);
    if (missing.length > 0) problems.push(`Missing key(s) in state_dict: ${quoted(missing)}.`);
  }
  for (const { key, shape } of tensors) {
    if (!Object.hasOwn(given, key)) continue;
    const { data, shape: came } = checkTensor(call, `dict["${key}"]`, given[key]);
    if (data.length !== sizeOf(shape) || shapeText(came) !== shapeText(shape)) {
      const from = `copying a param with shape ${shapeText(came)} from checkpoint`;
      problems.push(`size mismatch for ${key}: ${from}, the shape in current model is ${shapeText(shape)}.`);
    }
  }
  for (const { key } of counters) {
    const value = given[key];
    if (value === undefined) continue;
    if (!Number.isInteger(value) || /** @type {number} */ (value) < 0) {
      throw new NormlabError('argument', `${call}: dict["${key}"]: expected an integer >= 0, got ${describe(value)}`);
    }
  }
  if (problems.length > 0) {
    throw new NormlabError(
      'shape',
      `${call}: Error(s) in loading state_dict for ${owner}:\n\t${problems.join('\n\t')}`,
    );
  }
  for (const { key, view } of tensors) {
    const tensor = /** @type {Tensor | undefined} */ (given[key]);
    if (tensor) view().set(tensor.data);
  }
  for (const { key, set } of counters) if (given[key] !== undefined) set(/** @type {number} */ (given[key]));
}
