import { NormlabError } from './errors.js';

/** @typedef {import('./data/dataset.js').Tensor} Tensor */

/**
 * Anything, for messages.
 *
 * @param {unknown} value
 * @param {number} [depth] of arrays around it
 * @returns {string}
 */
export function describe(value, depth = 0) {
  if (typeof value === 'string') return `'${value.length > 40 ? `${value.slice(0, 40)}…` : value}'`;
  if (value === null || typeof value !== 'object') return typeof value === 'function' ? 'a function' : String(value);
  if (Array.isArray(value)) {
    // An array may contain itself.
    if (value.length > 8 || depth > 2) return `an array of ${value.length}`;
    return `[${Array.from(value, (item) => describe(item, depth + 1)).join(', ')}]`;
  }
  const name = value.constructor?.name;
  return typeof name === 'string' && name !== '' ? name : 'an object';
}

/**
 * Whether it is an array of nothing but integers in a range; a hole in it is none.
 *
 * @param {unknown} value
 * @param {number} least
 * @returns {value is number[]}
 */
export function areIntegers(value, least) {
  if (!Array.isArray(value)) return false;
  for (let i = 0; i < value.length; i++) {
    if (!Number.isInteger(value[i]) || value[i] < least || value[i] >= 2 ** 31) return false;
  }
  return true;
}

/**
 * Whether it is an array or a typed array: what may have numbers in it.
 *
 * @param {unknown} value
 * @returns {value is ArrayLike<unknown>}
 */
export const isList = (value) => Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView));

/** @param {number[]} shape as PyTorch writes it */
export const shapeText = (shape) => `[${shape.join(', ')}]`;

/** @param {number[]} shape */
export const sizeOf = (shape) => shape.reduce((product, size) => product * size, 1);

/**
 * @param {string} call
 * @param {string} name of the argument
 * @param {unknown} value
 * @returns {Tensor}
 */
export function checkTensor(call, name, value) {
  const tensor = /** @type {Partial<Tensor> | null | undefined} */ (value);
  const expected = `${call}: ${name}: expected a tensor { data: Float32Array, shape: number[] }`;
  if (!(tensor?.data instanceof Float32Array)) {
    const came = tensor && typeof tensor === 'object' ? `data: ${describe(tensor.data)}` : describe(value);
    throw new NormlabError('argument', `${expected}, got ${came}`);
  }
  const { data, shape } = tensor;
  if (!areIntegers(shape, 0)) {
    throw new NormlabError('argument', `${expected}, got shape: ${describe(shape)}`);
  }
  if (sizeOf(shape) !== data.length) {
    const wanted = `${sizeOf(shape)} values for shape ${shapeText(shape)}`;
    throw new NormlabError('shape', `${call}: ${name}: expected ${wanted}, got ${data.length}`);
  }
  return { data, shape };
}

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 * @param {number[]} sample shape without N
 * @returns {Tensor & { n: number }}
 */
export function checkBatch(call, name, value, sample) {
  const tensor = checkTensor(call, name, value);
  const [n, ...rest] = tensor.shape;
  if (rest.length !== sample.length || rest.some((size, i) => size !== sample[i]) || !(n >= 1)) {
    const expected = `[N, ${sample.join(', ')}] with N >= 1`;
    throw new NormlabError('shape', `${call}: ${name}: expected shape ${expected}, got ${shapeText(tensor.shape)}`);
  }
  return { ...tensor, n };
}

/**
 * @param {string} call
 * @param {unknown} value
 * @param {number} n how many there must be
 * @param {number} classes
 * @returns {ArrayLike<number>}
 */
export function checkLabels(call, value, n, classes) {
  const labels = /** @type {ArrayLike<number>} */ (value);
  if (!isList(value)) {
    throw new NormlabError('argument', `${call}: labels: expected an Int32Array or number[], got ${describe(value)}`);
  }
  if (labels.length !== n) {
    throw new NormlabError('shape', `${call}: labels: expected ${n}, one a sample, got ${labels.length}`);
  }
  for (let i = 0; i < n; i++) {
    if (!Number.isInteger(labels[i])) {
      throw new NormlabError('argument', `${call}: labels[${i}]: expected an integer, got ${describe(labels[i])}`);
    }
    if (labels[i] < 0 || labels[i] >= classes) {
      const words = `Target ${labels[i]} is out of bounds. Expected 0 to ${classes - 1}`;
      throw new NormlabError('argument', `${call}: labels[${i}]: ${words}`);
    }
  }
  return labels;
}

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 * @param {number} least
 * @param {number} [most]
 * @returns {number}
 */
export function checkInteger(call, name, value, least, most = 2 ** 31 - 1) {
  if (!Number.isInteger(value) || /** @type {number} */ (value) < least || /** @type {number} */ (value) > most) {
    const range = most === 2 ** 31 - 1 ? `>= ${least}` : `from ${least} to ${most}`;
    throw new NormlabError('argument', `${call}: ${name}: expected an integer ${range}, got ${describe(value)}`);
  }
  return /** @type {number} */ (value);
}

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 * @returns {number} any number, NaN and infinities too: what it may be is the engine's to say
 */
export function checkNumber(call, name, value) {
  if (typeof value === 'number') return value;
  throw new NormlabError('argument', `${call}: ${name}: expected a number, got ${describe(value)}`);
}

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 * @returns {boolean}
 */
export function checkBoolean(call, name, value) {
  if (typeof value === 'boolean') return value;
  throw new NormlabError('argument', `${call}: ${name}: expected true or false, got ${describe(value)}`);
}

/**
 * An options object whose keys are all known: a misspelled option must not pass for its default.
 *
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 * @param {readonly string[]} known
 * @returns {Record<string, unknown>}
 */
export function checkOptions(call, name, value, known) {
  if (value === undefined) return {};
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new NormlabError('argument', `${call}: ${name}: expected an object, got ${describe(value)}`);
  }
  for (const key of Object.keys(value)) {
    if (!known.includes(key)) {
      const list = known.length > 0 ? `expected one of ${known.join(', ')}` : 'there are none';
      throw new NormlabError('argument', `${call}: ${name}: unknown option '${key}'; ${list}`);
    }
  }
  return /** @type {Record<string, unknown>} */ (value);
}
