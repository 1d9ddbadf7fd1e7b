import { sizeOf } from './checks.js';
import { allocate } from './data/reading.js';
import { NormlabError } from './errors.js';

/*
 * Values between the package's tensors and those of safetensors: float32 for what is trained, float64 for figures, int64 for
 * counts.
 */

/**
 * @typedef {import('./safetensors.js').Stored} Stored
 * @typedef {import('./state-dict.js').StateDict} StateDict
 */

/** @param {ArrayBufferView} view */
const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength);

/**
 * @param {Float32Array | Float64Array} data
 * @param {number[]} shape
 * @returns {Stored}
 */
export const storeFloats = (data, shape) => ({
  dtype: data instanceof Float32Array ? 'F32' : 'F64',
  shape,
  bytes: bytesOf(data),
});

/** @param {number} count @returns {Stored} a tensor without dimensions, as PyTorch's num_batches_tracked is */
export const storeCount = (count) => ({ dtype: 'I64', shape: [], bytes: bytesOf(BigInt64Array.of(BigInt(count))) });

/**
 * @param {StateDict} dict
 * @returns {[string, Stored][]}
 */
export const storeDict = (dict) =>
  Object.entries(dict).map(([key, value]) => [
    key,
    typeof value === 'number' ? storeCount(value) : storeFloats(value.data, value.shape),
  ]);

/**
 * The values of each float type, from little-endian bytes.
 *
 * @type {Record<string, (view: DataView, at: number) => number>}
 */
const FLOATS = {
  F32: (view, at) => view.getFloat32(at, true),
  F64: (view, at) => view.getFloat64(at, true),
  F16: (view, at) => halfOf(view.getUint16(at, true)),
  // The upper half of a float32.
  BF16: (view, at) => floatOf(view.getUint16(at, true) << 16),
};

const scratch = new DataView(new ArrayBuffer(4));

/** @param {number} bits of a float32 */
function floatOf(bits) {
  scratch.setInt32(0, bits);
  return scratch.getFloat32(0);
}

/** @param {number} bits sign, 5 of the exponent, 10 of the fraction */
function halfOf(bits) {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? Number.NaN : sign * Infinity;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/**
 * A copy of a tensor's values, rounded to the type where that is narrower.
 *
 * @template {Float32Array | Float64Array} T
 * @param {string} call
 * @param {string} key
 * @param {Stored} stored of F16, BF16, F32 or F64
 * @param {new (length: number) => T} Type
 * @returns {T}
 * @throws {NormlabError} `format` for another dtype
 */
export function floatsFrom(call, key, { dtype, shape, bytes }, Type) {
  if (!Object.hasOwn(FLOATS, dtype)) {
    const known = Object.keys(FLOATS).join(', ');
    throw new NormlabError('format', `${call}: tensor '${key}': expected ${known} or one I64, got ${dtype} [${shape}]`);
  }
  const values = allocate(call, Type, sizeOf(shape));
  // Bits and all: a NaN may carry some.
  if (dtype === 'F32' && values instanceof Float32Array) {
    bytesOf(values).set(bytes);
    return values;
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = bytes.length / values.length;
  for (let i = 0; i < values.length; i++) values[i] = FLOATS[dtype](view, i * width);
  return values;
}

/**
 * @param {string} call
 * @param {string} key
 * @param {Stored} stored one I64
 * @returns {number}
 * @throws {NormlabError} `format` for a count that is none
 */
export function countFrom(call, key, { bytes }) {
  const value = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigInt64(0, true);
  if (value >= 0n && value <= BigInt(Number.MAX_SAFE_INTEGER)) return Number(value);
  throw new NormlabError('format', `${call}: tensor '${key}': expected an integer in [0, 2^53), got ${value}`);
}

/**
 * @param {string} call
 * @param {Iterable<[string, Stored]>} tensors
 * @returns {StateDict} of copies
 */
export function dictFrom(call, tensors) {
  return Object.fromEntries(
    Array.from(tensors, ([key, stored]) => [
      key,
      stored.dtype === 'I64' && stored.shape.length === 0
        ? countFrom(call, key, stored)
        : { data: floatsFrom(call, key, stored, Float32Array), shape: stored.shape },
    ]),
  );
}

/**
 * Whether these tensors are there, in these types and shapes, and no others.
 *
 * @param {string} call
 * @param {Map<string, Stored>} found
 * @param {Iterable<[string, Pick<Stored, 'dtype' | 'shape'>]>} expected
 * @throws {NormlabError} `format`, naming the first that is not so
 */
export function checkTensors(call, found, expected) {
  const fail = (/** @type {string} */ what) => new NormlabError('format', `${call}: ${what}`);
  const known = new Set();
  for (const [key, { dtype, shape }] of expected) {
    known.add(key);
    const wanted = `${dtype} [${shape}]`;
    const came = found.get(key);
    if (!came) throw fail(`tensor '${key}': expected ${wanted}, got none`);
    if (came.dtype !== dtype || `${came.shape}` !== `${shape}`) {
      throw fail(`tensor '${key}': expected ${wanted}, got ${came.dtype} [${came.shape}]`);
    }
  }
  for (const key of found.keys()) if (!known.has(key)) throw fail(`tensor '${key}' is none of what was saved`);
}
