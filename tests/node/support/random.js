/**
 * A seeded source of numbers, so that a failure can be repeated.
 *
 * @param {number} seed
 */
export function random(seed) {
  let state = seed >>> 0;
  // Mulberry32.
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  const normal = () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform());
  return {
    uniform,
    normal,
    /** @param {number} bound @returns {number} an integer in [0, bound) */
    below: (bound) => Math.floor(uniform() * bound),
    /** @param {number[]} shape @param {number} [scale] @param {number} [shift] normal values as a tensor */
    tensor: (shape, scale = 1, shift = 0) => ({
      data: Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => scale * normal() + shift),
      shape: [...shape],
    }),
    /** @param {number} count @param {number} classes */
    labels: (count, classes) => Int32Array.from({ length: count }, () => Math.floor(uniform() * classes)),
  };
}
