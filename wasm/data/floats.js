import { sizeOf } from '../checks.js';
import { makeDataset } from './dataset.js';

/** @typedef {import('./inflate.js').Tick} Tick */

/**
 * A dataset of images as a file has them: bytes are standardized when they are read, floats here and in their place.
 *
 * @param {Parameters<typeof makeDataset>[0]} source mean and std of floats in their own units
 * @param {Tick} [tick] floats take three passes, one where mean and std are given
 * @returns {import('./dataset.js').Dataset}
 */
export function standardizedDataset({ mean, std, ...source }, tick) {
  const { images, shape } = source;
  const own = images instanceof Float32Array && !(mean && std) ? floatStats(images, shape, tick) : undefined;
  const set = makeDataset({ ...source, mean: mean ?? own?.mean, std: std ?? own?.std });
  if (images instanceof Float32Array) standardize(images, shape, set, tick);
  return set;
}

/**
 * Mean and biased standard deviation of each channel of float images, in their own units: two passes in float64, summed
 * plane by plane so that millions of values do not drown the next, and from the channel's first value on, so that a
 * constant channel has no spread at all.
 *
 * @param {Float32Array} images `N × C × …` values
 * @param {number[]} shape of one image, `[C, …]`
 * @param {Tick} [tick]
 * @returns {{ mean: number[], std: number[] }} std 1 for a constant channel
 */
function floatStats(images, [channels, ...sides], tick) {
  const plane = sizeOf(sides);
  const count = images.length / channels;
  /** @param {number} channel @param {(value: number) => number} term */
  const average = (channel, term) => {
    let sum = 0;
    for (let start = channel * plane; start < images.length; start += channels * plane) {
      let part = 0;
      for (let i = start; i < start + plane; i++) part += term(images[i]);
      sum += part;
      tick?.(4 * plane);
    }
    return sum / count;
  };
  const mean = Array.from({ length: channels }, (_, c) => {
    const first = images[c * plane];
    return first + average(c, (value) => value - first);
  });
  const std = mean.map((center, c) => Math.sqrt(average(c, (value) => (value - center) ** 2)));
  return { mean, std: std.map((value) => (value > 0 ? value : 1)) };
}

/**
 * Puts `(v - mean[c]) / std[c]` in the place of every value.
 *
 * @param {Float32Array} images `N × C × …` values
 * @param {number[]} shape of one image, `[C, …]`
 * @param {{ mean: number[], std: number[] }} stats
 * @param {Tick} [tick]
 */
function standardize(images, [channels, ...sides], { mean, std }, tick) {
  const plane = sizeOf(sides);
  for (let start = 0, c = 0; start < images.length; start += plane, c = (c + 1) % channels) {
    for (let i = start; i < start + plane; i++) images[i] = (images[i] - mean[c]) / std[c];
    tick?.(4 * plane);
  }
}
