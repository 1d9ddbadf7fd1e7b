/**
 * A seeded source of numbers, so that what is drawn can be drawn again.
 *
 * @param {number} seed a non-negative integer
 */
export function random(seed) {
  // Mulberry32, whose state takes the seed's two halves.
  let state = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
  const uniform = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    /** @returns {number} of mean 0 and standard deviation 1, by Box and Muller */
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    /** @param {number} bound @returns {number} an integer in [0, bound) */
    below: (bound) => Math.floor(uniform() * bound),
    /** @returns {1 | -1} */
    sign: () => (uniform() < 0.5 ? -1 : 1),
  };
}
