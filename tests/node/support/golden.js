import { readFileSync } from 'node:fs';

const TYPES = /** @type {const} */ ({ f4: Float32Array, f8: Float64Array, i4: Int32Array });

/** The finalizer of MurmurHash3. @param {number} h */
function mixed(h) {
  let m = h ^ (h >>> 16);
  m = Math.imul(m, 0x85ebca6b);
  m ^= m >>> 13;
  m = Math.imul(m, 0xc2b2ae35);
  return (m ^ (m >>> 16)) >>> 0;
}

/**
 * The numbers of tests/golden/recipe.py, bit for bit: about normal, each from hashes of its index.
 *
 * @param {{ seed: number, scale: number, shift: number }} recipe
 * @param {number} size
 */
export function fromRecipe({ seed, scale, shift }, size) {
  const data = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const counter = Math.imul(i, 0x9e3779b9) + seed;
    const [a, b] = [mixed(counter), mixed(counter ^ 0x7f4a7c15)];
    const total = (a & 0xffff) + (a >>> 16) + (b & 0xffff) + (b >>> 16);
    data[i] = shift + scale * ((total - 131070) / 37837);
  }
  return data;
}

/**
 * Reads a file that tests/golden/gen.py wrote. Its tensors become { data, shape }; of those too large to keep, data are
 * the values at the indices `at`, with `sum` and `squares` of all.
 *
 * @param {string} name
 */
export function readGolden(name) {
  const path = new URL(`../../golden/${name}`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8'), (_, value) => {
    if (value?.recipe && value.shape) {
      const size = value.shape.reduce((/** @type {number} */ a, /** @type {number} */ b) => a * b, 1);
      return { data: fromRecipe(value.recipe, size), shape: value.shape };
    }
    const type = value?.shape && Object.keys(TYPES).find((key) => key in value);
    if (!type) return value;
    const { [type]: packed, ...rest } = value;
    // Copied, so that it starts at a multiple of eight bytes.
    const bytes = new Uint8Array(Buffer.from(packed, 'base64'));
    return { data: new TYPES[type](bytes.buffer), ...rest };
  });
}
