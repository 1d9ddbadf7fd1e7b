import { sizeOf } from './checks.js';
import { Model } from './model.js';
import { random } from './random.js';
import { standardizeRows } from './weight-standardization.js';

/**
 * @typedef {import('./presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('./presets/index.js').LayerSpec} LayerSpec
 * @typedef {import('./state-dict.js').StateDict} StateDict
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 */

/**
 * `model.fold()`.
 *
 * @param {Model} model
 * @returns {Model & { foldError: number }}
 */
export function foldModel(model) {
  const { runtime } = model;
  const { spec, state } = foldBatchNorms(
    model.spec,
    model.stateDict(),
    (type) => runtime.types.get(type)?.batch === true,
  );
  const folded = new Model(runtime, spec);
  folded.loadStateDict(state);
  folded.eval();
  const { x, labels } = noiseBatch(model.input, 16);
  const mode = model.training;
  const logits = model.layers.at(-1)?.shape.length === 1;
  // Gradients pass through every layer as it is; forward folds on its own.
  const output = (/** @type {Model} */ of) => (logits ? of.gradients(x, labels).logits : of.forward(x)).data;
  const expected = output(model.eval());
  model.train(mode);
  const got = output(folded);
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - got[i])), 0);
  return Object.assign(folded, { foldError: largest > 0 ? worst / largest : worst });
}

const PRODUCTS = ['conv2d', 'linear'];

/**
 * A spec and its state without the BatchNorms that can be multiplied into the layer before them.
 *
 * @param {ModelSpec} spec
 * @param {StateDict} state
 * @param {(type: string) => boolean} isBatch whether a layer type is of BatchNorm's kind
 * @returns {{ spec: ModelSpec, state: StateDict }}
 */
function foldBatchNorms(spec, state, isBatch) {
  /** @type {StateDict} */
  const folded = { ...state };
  return { spec: { ...spec, layers: foldLayers(spec.layers, '', folded, isBatch) }, state: folded };
}

/**
 * @param {LayerSpec[]} layers
 * @param {string} prefix of their keys
 * @param {StateDict} state changed in place
 * @param {(type: string) => boolean} isBatch
 * @returns {LayerSpec[]}
 */
function foldLayers(layers, prefix, state, isBatch) {
  /** @type {LayerSpec[]} */
  const made = [];
  layers.forEach((layer, index) => {
    const key = `${prefix}${layer.name ?? index}`;
    const before = layers[index - 1];
    if (layer.type === 'residual') {
      const body = foldLayers(layer.body ?? [], `${key}.body.`, state, isBatch);
      const shortcut = foldLayers(layer.shortcut ?? [], `${key}.shortcut.`, state, isBatch);
      made.push({ ...layer, body, shortcut });
    } else if (isBatch(layer.type) && layer.trackRunningStats !== false && PRODUCTS.includes(before?.type)) {
      const standard = before.weightStandardization === true;
      const product = `${prefix}${before.name ?? index - 1}`;
      if (standard) state[`${product}.weight`] = standardized(state[`${product}.weight`]);
      foldInto(product, key, Number(layer.eps ?? 1e-5), state);
      made[index - 1] = { ...before, bias: true, ...(standard && { weightStandardization: false }) };
      made.push({ type: 'identity', ...(layer.name !== undefined && { name: layer.name }) });
    } else {
      made.push(layer);
    }
  });
  return made;
}

/**
 * Weights as Weight Standardization has them, in float64: what they are multiplied by must come after it.
 *
 * @param {Tensor | number} weight [O, I, KH, KW]
 * @returns {any} a tensor but for its precision
 */
function standardized(weight) {
  const { data, shape } = /** @type {Tensor} */ (weight);
  return { data: standardizeRows(Float64Array.from(data), shape[0]), shape };
}

/**
 * weight w and bias b become w g and (b - mean) g + beta with g = gamma / sqrt(var + eps), one a channel.
 *
 * @param {string} product key of the layer
 * @param {string} norm key of the BatchNorm, whose entries go
 * @param {number} eps
 * @param {StateDict} state
 */
function foldInto(product, norm, eps, state) {
  const values = (/** @type {string} */ key) => /** @type {Tensor | undefined} */ (state[key])?.data;
  const mean = /** @type {Float32Array} */ (values(`${norm}.running_mean`));
  const variance = /** @type {Float32Array} */ (values(`${norm}.running_var`));
  const [gamma, beta, bias] = [values(`${norm}.weight`), values(`${norm}.bias`), values(`${product}.bias`)];
  const weight = /** @type {Tensor} */ (state[`${product}.weight`]);
  const channels = mean.length;
  const size = weight.data.length / channels;
  const scale = Array.from(variance, (value, j) => (gamma?.[j] ?? 1) / Math.sqrt(value + eps));
  state[`${product}.weight`] = {
    data: Float32Array.from(weight.data, (value, i) => value * scale[Math.floor(i / size)]),
    shape: weight.shape,
  };
  const shifts = scale.map((factor, j) => ((bias?.[j] ?? 0) - mean[j]) * factor + (beta?.[j] ?? 0));
  state[`${product}.bias`] = { data: Float32Array.from(shifts), shape: [channels] };
  for (const role of ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked']) {
    delete state[`${norm}.${role}`];
  }
}

/**
 * Standard normal samples, the same at each call.
 *
 * @param {number[]} shape of one
 * @param {number} n
 * @returns {{ x: Tensor, labels: number[] }}
 */
function noiseBatch(shape, n) {
  const { normal } = random(1);
  const data = Float32Array.from({ length: n * sizeOf(shape) }, normal);
  return { x: { data, shape: [n, ...shape] }, labels: new Array(n).fill(0) };
}
