import { checkOptions, describe } from './checks.js';
import { NormlabError } from './errors.js';
import { encodeSettings } from './settings.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('./presets/index.js').LayerSpec} LayerSpec
 *
 * @typedef {object} LayerEntry a layer of a finished model
 * @property {string} key its place: '4', '4.body.0', or its name in place of the number
 * @property {string} type
 * @property {number[]} shape of its output, without N
 * @property {Record<string, unknown>} options as they were given
 */

const OWN_KEYS = ['type', 'name'];

/** Residuals within residuals, at most: a body may contain itself. */
const MOST_NESTED = 64;

/** Layers of one model, at most: bodies that are shared may double at each level. */
const MOST_LAYERS = 10_000;

/**
 * Adds a spec's layers to a model under construction. A residual becomes the layers of its body and its shortcut and an
 * addition, in this order; the key of the addition is the residual's.
 *
 * @param {Runtime} runtime
 * @param {string} call
 * @param {number} handle of the model
 * @param {unknown} layers
 * @returns {LayerEntry[]} one an engine node, from node 1 on
 */
export function addLayers(runtime, call, handle, layers) {
  /** @type {LayerEntry[]} */
  const entries = [];

  /**
   * @param {string} where for messages
   * @param {unknown} list
   * @param {number} from node that the first layer reads
   * @param {string} prefix of the keys
   * @param {number} depth of residuals around
   * @returns {number} the last node
   */
  const addAll = (where, list, from, prefix, depth) => {
    if (!Array.isArray(list)) {
      throw new NormlabError('argument', `${call}: ${where}: expected an array of layers, got ${describe(list)}`);
    }
    if (depth > MOST_NESTED) {
      throw new NormlabError('argument', `${call}: layers: residuals are nested more than ${MOST_NESTED} deep`);
    }
    /** @type {Set<string>} */
    const names = new Set();
    let node = from;
    for (let index = 0; index < list.length; index++) {
      const place = `${where}[${index}]`;
      const name = nameOf(place, list[index], index);
      if (names.has(name)) throw new NormlabError('argument', `${call}: ${place}: name: '${name}' is taken already`);
      names.add(name);
      node = addOne(place, list[index], node, prefix + name, depth);
    }
    return node;
  };

  /**
   * @param {string} place
   * @param {LayerSpec} layer
   * @param {number} from
   * @param {string} key
   * @param {number} depth
   */
  const addOne = (place, layer, from, key, depth) => {
    if (layer.type !== 'residual') return addNode(place, layer.type, layer, from, -1, key);
    checkOptions(call, place, layer, [...OWN_KEYS, 'body', 'shortcut']);
    if (!Array.isArray(layer.body) || layer.body.length === 0) {
      throw new NormlabError('argument', `${call}: ${place}: body: expected layers, got ${describe(layer.body)}`);
    }
    const body = addAll(`${place}.body`, layer.body, from, `${key}.body.`, depth + 1);
    const shortcut = addAll(`${place}.shortcut`, layer.shortcut ?? [], from, `${key}.shortcut.`, depth + 1);
    return addNode(place, 'add', layer, body, shortcut, key);
  };

  /**
   * @param {string} place
   * @param {string} type
   * @param {LayerSpec} layer
   * @param {number} from
   * @param {number} second
   * @param {string} key
   */
  const addNode = (place, type, layer, from, second, key) => {
    const entry = type === 'add' && second < 0 ? undefined : runtime.types.get(type);
    if (!entry) {
      const known = [...runtime.types.keys(), 'residual'].filter((name) => name !== 'add').join(', ');
      throw new NormlabError('argument', `${call}: ${place}: type: expected one of ${known}, got ${describe(type)}`);
    }
    if (entries.length === MOST_LAYERS) {
      throw new NormlabError(
        'argument',
        `${call}: layers: expected at most ${MOST_LAYERS}, residuals and their own included`,
      );
    }
    const { exports, abi } = runtime;
    const title = `${call}: ${place} (${layer.type})`;
    const args = second < 0 ? encodeSettings(title, entry, layer, abi.maxDims, OWN_KEYS) : [];
    return runtime.withScratch((scratch) => {
      const out = scratch.take(4);
      const shape = scratch.take(abi.maxDims * 4);
      const settings = scratch.doubles(args);
      runtime.check(title, exports.nl_model_add(handle, out, entry.index, from, second, settings, args.length));
      const node = runtime.ints(out, 1)[0];
      const ndim = exports.nl_model_node_shape(handle, node, shape);
      const { type: _type, name: _name, body: _body, shortcut: _shortcut, ...options } = layer;
      // Copied: an array of the caller's may change, or be a proxy, which cannot be cloned.
      const kept = Object.entries(options).map(([name, value]) => [name, Array.isArray(value) ? [...value] : value]);
      const sizes = [...runtime.ints(shape, ndim)];
      entries.push({ key, type: layer.type, shape: sizes, options: Object.fromEntries(kept) });
      return node;
    });
  };

  /**
   * @param {string} place
   * @param {unknown} layer
   * @param {number} index
   * @returns {string}
   */
  const nameOf = (place, layer, index) => {
    if (layer === null || typeof layer !== 'object' || typeof (/** @type {LayerSpec} */ (layer).type) !== 'string') {
      throw new NormlabError('argument', `${call}: ${place}: expected { type, … }, got ${describe(layer)}`);
    }
    const { name = String(index) } = /** @type {LayerSpec} */ (layer);
    if (typeof name === 'string' && name !== '' && !name.includes('.')) return name;
    throw new NormlabError('argument', `${call}: ${place}: name: expected a string without '.', got ${describe(name)}`);
  };

  addAll('layers', layers, 0, '', 0);
  return entries;
}
