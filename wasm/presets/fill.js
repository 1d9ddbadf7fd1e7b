import { describe } from '../checks.js';
import { NormlabError } from '../errors.js';

/** @typedef {import('./index.js').LayerSpec} LayerSpec */

/**
 * What goes in the place of a `{ type: 'norm' }`; null takes it out.
 *
 * @type {Record<string, (groups: number) => LayerSpec | null>}
 */
const NORMS = {
  batch: () => ({ type: 'batchNorm' }),
  layer: () => ({ type: 'layerNorm' }),
  group: (groups) => ({ type: 'groupNorm', numGroups: groups }),
  instance: () => ({ type: 'instanceNorm' }),
  rms: () => ({ type: 'rmsNorm' }),
  none: () => null,
  renorm: () => ({ type: 'batchRenorm' }),
};

/** The normalizations that a preset can be made with. */
export const norms = Object.freeze(Object.keys(NORMS));

/** Where a normalization stands, seen from the activation beside it. */
export const placements = Object.freeze(['before', 'after']);

const ACTIVATIONS = ['relu', 'gelu', 'sigmoid', 'tanh'];

/**
 * @typedef {object} NormChoice
 * @property {string} [norm] `'batch'` (default), `'layer'`, `'group'`, `'instance'`, `'rms'`, `'none'` or `'renorm'`
 * @property {number} [groups] number of groups where norm is `'group'`; default 8
 * @property {string} [placement] `'before'` (default) or `'after'` the activation
 * @property {boolean} [weightStandardization] of each convolution, which is what GroupNorm with few images a batch was found to
 *   gain from (https://arxiv.org/abs/1903.10520); default false
 * @property {Record<string, unknown>} [normOptions] further options of each normalization layer, e.g. `{ momentum: 0.01 }`
 */

/**
 * Puts a normalization in each place that a model keeps for one, residual branches included, and Weight Standardization in
 * the convolutions.
 *
 * @param {readonly LayerSpec[]} layers with `{ type: 'norm' }` before the activation that it belongs to, if any
 * @param {NormChoice} [choice]
 * @returns {LayerSpec[]} a copy
 * @throws {NormlabError} `argument`
 */
export function fillNorms(layers, choice = {}) {
  const { norm = 'batch', groups = 8, placement = 'before', weightStandardization = false, normOptions = {} } = choice;
  const known = typeof norm === 'string' && Object.hasOwn(NORMS, norm);
  if (!known) throw wrong('norm', norms.join(', '), norm);
  if (!placements.includes(placement)) throw wrong('placement', placements.join(' or '), placement);
  if (!Number.isInteger(groups) || groups < 1) throw wrong('groups', 'an integer >= 1', groups);
  if (typeof weightStandardization !== 'boolean') {
    throw wrong('weightStandardization', 'true or false', weightStandardization);
  }
  if (weightStandardization && !hasConvolution(layers)) {
    throw wrong('weightStandardization', 'a model with a conv2d that it could apply to', 'one without');
  }
  const made = NORMS[norm](groups);
  return fill(layers, made && { ...made, ...normOptions }, placement === 'after', weightStandardization);
}

/**
 * @param {readonly LayerSpec[]} layers
 * @param {LayerSpec | null} norm
 * @param {boolean} after
 * @param {boolean} standard
 * @returns {LayerSpec[]}
 */
function fill(layers, norm, after, standard) {
  /** @type {LayerSpec[]} */
  const filled = [];
  for (let i = 0; i < layers.length; i++) {
    const layer = layers[i];
    if (layer.type !== 'norm') {
      filled.push(copy(layer, norm, after, standard));
      continue;
    }
    // What the place itself says, e.g. a name, goes to the layer that is put there.
    const { type, ...own } = layer;
    const made = norm ? [{ ...norm, ...own }] : [];
    const next = layers[i + 1];
    if (after && next && ACTIVATIONS.includes(next.type)) {
      filled.push(copy(next, norm, after, standard), ...made);
      i++;
    } else {
      filled.push(...made);
    }
  }
  return filled;
}

/**
 * @param {LayerSpec} layer
 * @param {LayerSpec | null} norm
 * @param {boolean} after
 * @param {boolean} standard
 * @returns {LayerSpec}
 */
function copy(layer, norm, after, standard) {
  const made = { ...layer, ...(standard && layer.type === 'conv2d' && { weightStandardization: true }) };
  if (Array.isArray(layer.body)) made.body = fill(layer.body, norm, after, standard);
  if (Array.isArray(layer.shortcut)) made.shortcut = fill(layer.shortcut, norm, after, standard);
  return made;
}

/**
 * @param {readonly LayerSpec[]} layers
 * @param {string} wanted
 * @returns {boolean} whether there is a layer of that type, residual branches included
 */
const hasType = (layers, wanted) =>
  layers.some(({ type, body, shortcut }) => type === wanted || hasType([...(body ?? []), ...(shortcut ?? [])], wanted));

/** @param {readonly LayerSpec[]} layers whether there is a place for a normalization */
export const hasNormPlace = (layers) => hasType(layers, 'norm');

/** @param {readonly LayerSpec[]} layers */
export const hasConvolution = (layers) => hasType(layers, 'conv2d');

/** @param {string} name @param {string} expected @param {unknown} value */
const wrong = (name, expected, value) =>
  new NormlabError('argument', `presetSpec: ${name}: expected ${expected}, got ${describe(value)}`);
