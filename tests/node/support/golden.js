import { readFileSync } from 'node:fs';

const TYPES = /** @type {const} */ ({ f4: Float32Array, f8: Float64Array, i4: Int32Array });

/**
 * Reads a file that tests/golden/gen.py wrote. Its packed tensors become { data, shape }.
 *
 * @param {string} name
 */
export function readGolden(name) {
  const path = new URL(`../../golden/${name}`, import.meta.url);
  return JSON.parse(readFileSync(path, 'utf8'), (_, value) => {
    const type = value?.shape && Object.keys(TYPES).find((key) => key in value);
    if (!type) return value;
    // Copied, so that it starts at a multiple of eight bytes.
    const bytes = new Uint8Array(Buffer.from(value[type], 'base64'));
    return { data: new TYPES[type](bytes.buffer), shape: value.shape };
  });
}
