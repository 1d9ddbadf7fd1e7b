import fc from 'fast-check';
import { random } from './random.js';
import { freshRunning, product, tracks } from './reference.js';

/**
 * Normalization layers of any shape and options, for properties.
 *
 * @typedef {object} LayerSpec
 * @property {string} type the factory's name
 * @property {any[]} arguments of the factory
 * @property {Record<string, any>} options of the factory
 * @property {number[]} shape of the input
 * @property {number[] | null} params shape of the weight; null: none
 * @property {boolean} biased whether it has a bias
 */

/** @param {number} most */
const size = (most) => fc.integer({ min: 1, max: most });
/** Four lanes and what is left of them. @param {number} least @param {number} most */
const spatial = (least, most) =>
  fc.oneof(
    ...Array.from({ length: most - least + 1 }, (_, i) => {
      const dims = least + i;
      return fc.array(size(dims > 2 ? 4 : 9), { minLength: dims, maxLength: dims });
    }),
  );

export const EPS = fc.constantFrom(1e-5, 1e-3, 1);
/** Where eps may be 0. */
const EPS_OR_NONE = fc.constantFrom(1e-5, 1e-3, 1, 0);

/** @param {Record<string, any>} options */
const affineOf = ({ affine, bias = true }) => ({ weight: affine, biased: affine && bias });

const batchNorm = fc
  .record({
    n: size(9),
    channels: size(9),
    rest: spatial(0, 3),
    eps: EPS,
    momentum: fc.constantFrom(0.1, 0.9, 0, 1, null),
    affine: fc.boolean(),
    bias: fc.boolean(),
    trackRunningStats: fc.boolean(),
    runningVar: fc.constantFrom('unbiased', 'biased'),
  })
  .map(({ n, channels, rest, ...options }) => ({
    type: `batchNorm${Math.max(rest.length, 1)}d`,
    arguments: [channels],
    options,
    shape: [n * product(rest) === 1 ? 2 : n, channels, ...rest],
    params: affineOf(options).weight ? [channels] : null,
    biased: affineOf(options).biased,
  }));

const layerNorm = fc
  .record({
    leading: fc.array(size(4), { maxLength: 2 }),
    normalized: fc.array(size(9), { minLength: 1, maxLength: 3 }),
    eps: EPS_OR_NONE,
    elementwiseAffine: fc.boolean(),
    bias: fc.boolean(),
  })
  .map(({ leading, normalized, ...options }) => ({
    type: 'layerNorm',
    arguments: [normalized],
    options,
    shape: [...leading, ...normalized],
    params: options.elementwiseAffine ? normalized : null,
    biased: options.elementwiseAffine && options.bias,
  }));

const groupNorm = fc
  .record({
    n: size(5),
    groups: size(4),
    perGroup: size(5),
    rest: spatial(0, 3),
    eps: EPS_OR_NONE,
    affine: fc.boolean(),
    bias: fc.boolean(),
  })
  .map(({ n, groups, perGroup, rest, ...options }) => ({
    type: 'groupNorm',
    arguments: [groups, groups * perGroup],
    options,
    shape: [n * perGroup * product(rest) === 1 ? 2 : n, groups * perGroup, ...rest],
    params: affineOf(options).weight ? [groups * perGroup] : null,
    biased: affineOf(options).biased,
  }));

const instanceNorm = fc
  .record({
    n: size(5),
    channels: size(6),
    rest: spatial(1, 3),
    unbatched: fc.boolean(),
    eps: EPS_OR_NONE,
    momentum: fc.constantFrom(0.1, 0.9, 0, 1),
    affine: fc.boolean(),
    trackRunningStats: fc.boolean(),
  })
  .map(({ n, channels, rest, unbatched, ...options }) => ({
    type: `instanceNorm${rest.length}d`,
    arguments: [channels],
    options,
    shape: [...(unbatched ? [] : [n]), channels, ...rest.slice(0, -1), rest.at(-1) + (product(rest) === 1 ? 1 : 0)],
    params: options.affine ? [channels] : null,
    biased: options.affine,
  }));

const rmsNorm = fc
  .record({
    leading: fc.array(size(4), { maxLength: 2 }),
    normalized: fc.array(size(9), { minLength: 1, maxLength: 3 }),
    eps: fc.constantFrom(null, 1e-5, 1e-3, 1, 0),
    elementwiseAffine: fc.boolean(),
  })
  .map(({ leading, normalized, ...options }) => ({
    type: 'rmsNorm',
    arguments: [normalized],
    options,
    shape: [...leading, ...normalized],
    params: options.elementwiseAffine ? normalized : null,
    biased: false,
  }));

/** @type {Record<string, import('fast-check').Arbitrary<LayerSpec>>} */
export const LAYER_KINDS = { batchNorm, layerNorm, groupNorm, instanceNorm, rmsNorm };

/** What to fill tensors with: by seed, since an array of numbers shrinks too slowly to help. */
export const numbers = fc.record({
  seed: fc.integer({ min: 0, max: 2 ** 31 }),
  scale: fc.constantFrom(1e-6, 1e-2, 1, 300, 1e12),
  shift: fc.constantFrom(0, 1, -100, 3000),
});

/**
 * A layer with random parameters and, where it tracks any, running statistics, in the engine and for the reference.
 *
 * @param {import('normlab').Engine} nl
 * @param {LayerSpec} spec
 * @param {number} seed
 * @param {{ stir?: boolean }} [options] stir: running statistics other than the initial ones
 */
export function makeLayer(nl, spec, seed, { stir = false } = {}) {
  const { tensor, uniform } = random(seed);
  const state = {
    ...(spec.params && { weight: tensor(spec.params, 1, 1) }),
    ...(spec.biased && { bias: tensor(/** @type {number[]} */ (spec.params)) }),
  };
  let running = null;
  if (tracks(spec)) {
    const channels = spec.arguments[0];
    running = freshRunning(channels);
    if (stir) {
      const mean = tensor([channels]);
      const variance = { data: Float32Array.from({ length: channels }, () => 0.5 + uniform()), shape: [channels] };
      Object.assign(state, { running_mean: mean, running_var: variance });
      running.mean.set(mean.data);
      running.variance.set(variance.data);
    }
  }
  const layer = nl[spec.type](...spec.arguments, spec.options);
  layer.loadStateDict(state, { strict: false });
  return { layer, settings: { ...spec, weight: state.weight?.data, bias: state.bias?.data }, running };
}
