import { areIntegers, describe } from '../checks.js';
import { NormlabError } from '../errors.js';
import { convnet } from './convnet.js';
import { deepcnn } from './deepcnn.js';
import { fillNorms } from './fill.js';
import { mlp } from './mlp.js';
import { plain } from './plain.js';
import { resnet } from './resnet.js';
import { smallcnn } from './smallcnn.js';

/**
 * One layer of a model as data: its type and that type's options, which are those of torch.nn in camelCase.
 *
 * `dropout` (`p`, default 0.5) is PyTorch's: in training mode an element becomes 0 with probability p and is otherwise
 * multiplied by 1 / (1 - p); in eval mode nothing happens. Which elements follows from the model's seed, the layer's place and
 * the count of training forwards (`model.passes`), the same on every machine and in every module; it cannot be what
 * PyTorch's own generator would draw.
 *
 * @typedef {{ type: string, name?: string, body?: LayerSpec[], shortcut?: LayerSpec[], [option: string]: unknown }} LayerSpec
 */

/**
 * A model as data, for `nl.model(spec)`.
 *
 * @typedef {object} ModelSpec
 * @property {number[]} input shape of one image, `[C, H, W]`
 * @property {number} seed of the initial weights
 * @property {LayerSpec[]} layers
 */

/**
 * A model that is left open in its normalization: `{ type: 'norm' }` stands where one goes, before the activation that
 * it belongs to, and the last linear layer has `outFeatures: 'classes'`.
 *
 * @typedef {object} Preset
 * @property {string} title
 * @property {string} description
 * @property {number[]} input shape of one image, `[C, H, W]`
 * @property {number} classes
 * @property {LayerSpec[]} layers
 */

/**
 * The models that come with the package, by name.
 *
 * @type {Readonly<Record<string, Readonly<Preset>>>}
 */
export const presets = freeze({ mlp, smallcnn, deepcnn, convnet, resnet, plain });

/**
 * Makes the spec of a preset with a given normalization.
 *
 * @param {string} name `'mlp'`, `'smallcnn'`, `'deepcnn'`, `'convnet'`, `'resnet'` or `'plain'`
 * @param {import('./fill.js').NormChoice & { seed?: number, input?: number[], classes?: number }} [options] `seed` of the
 *   initial weights, default 0; `input` and `classes` in place of the preset's own
 * @returns {ModelSpec} plain data, the caller's to change
 * @throws {NormlabError} `argument`, e.g. for an unknown name or norm. Whether the groups divide the channels is checked
 *   where the model is made.
 */
export function presetSpec(name, options = {}) {
  if (typeof name !== 'string' || !Object.hasOwn(presets, name)) {
    const known = Object.keys(presets).join(', ');
    throw new NormlabError('argument', `presetSpec: name: expected one of ${known}, got ${describe(name)}`);
  }
  if (options === null || typeof options !== 'object') {
    throw new NormlabError('argument', `presetSpec: options: expected an object, got ${describe(options)}`);
  }
  const { seed = 0, input, classes, ...choice } = options;
  const preset = presets[name];
  if (input !== undefined && !areIntegers(input, 1)) {
    throw new NormlabError('argument', `presetSpec: input: expected positive integers, got ${describe(input)}`);
  }
  const outFeatures = classes ?? preset.classes;
  const layers = fillNorms(preset.layers, choice);
  return {
    input: [...(input ?? preset.input)],
    seed,
    layers: layers.map((layer) => (layer.outFeatures === 'classes' ? { ...layer, outFeatures } : layer)),
  };
}

/** @template {object} T @param {T} data @returns {T} */
function freeze(data) {
  for (const value of Object.values(data)) if (typeof value === 'object') freeze(value);
  return Object.freeze(data);
}
