import { areIntegers, checkBatch, checkBoolean, checkInteger, checkNumber, checkOptions, describe } from './checks.js';
import { withDataset } from './engine-dataset.js';
import { NormlabError } from './errors.js';
import { NL_EVAL, NL_PROBE, NL_TRAIN } from './generated/exports.js';
import { addLayers } from './spec.js';
import { readState, writeState } from './state-dict.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 * @typedef {import('./data/dataset.js').Dataset} Dataset
 * @typedef {import('./state-dict.js').StateDict} StateDict
 * @typedef {import('./presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('./spec.js').LayerEntry} LayerEntry
 * @typedef {import('./measure.js').Moments} Moments
 *
 * @typedef {object} Parameter
 * @property {string} key as in the state dictionary
 * @property {number[]} shape
 * @property {number} size
 *
 * @typedef {object} Gradients
 * @property {number} loss mean cross-entropy
 * @property {Tensor} logits `[N, K]`
 * @property {Record<string, Tensor>} grads by parameter key; zeros for what is frozen
 * @property {Tensor} input
 *
 * @typedef {object} LayerComparison
 * @property {string} key
 * @property {string} type
 * @property {number[]} shape of the output, without N
 * @property {Moments} train with batch statistics
 * @property {Moments} eval with running statistics; both histograms have the same edges
 * @property {{ maxAbs: number, meanAbs: number, rms: number, cosine: number }} diff of the two outputs
 *
 * @typedef {object} Comparison
 * @property {LayerComparison[]} layers in the order of execution
 * @property {{ train: Tensor, eval: Tensor }} logits
 * @property {number[]} changed samples whose predicted class is another in eval mode
 * @property {{ train: { loss: number, accuracy: number }, eval: { loss: number, accuracy: number } }} [figures] where
 *   labels were given
 */

/** A network of layers. Made by `nl.model(spec)`; tensors that it gives are the caller's. */
export class Model {
  #runtime;
  #handle;
  #training = true;
  /** @type {Set<string>} */
  #frozen = new Set();
  /** @type {number[]} */
  #input;
  /** @type {LayerEntry[]} */
  #layers;
  /** @type {ModelSpec} */
  #spec;
  /** @type {{ key: string, node: number, role: number, size: number, shape: number[] }[]} */
  #tensors;

  /**
   * @param {Runtime} runtime
   * @param {ModelSpec} spec
   * @param {string} [call]
   * @param {(tensors: [string, { dtype: 'F32' | 'I64', shape: number[] }][]) => void} [before] is told what the state will
   *   hold before there is memory for it, and may throw
   */
  constructor(runtime, spec, call = 'nl.model', before = undefined) {
    if (spec === undefined) throw new NormlabError('argument', `${call}: spec: expected an object, got undefined`);
    const { input, layers, seed = 0 } = checkOptions(call, 'spec', spec, ['input', 'layers', 'seed']);
    if (!areIntegers(input, 1)) {
      const expected = 'the shape of one sample, such as [1, 28, 28]';
      throw new NormlabError('argument', `${call}: input: expected ${expected}, got ${describe(input)}`);
    }
    const { exports } = runtime;
    this.#runtime = runtime;
    this.#input = [...input];
    const handle = runtime.withScratch((scratch) => {
      const shape = scratch.ints(input);
      const drawn = checkNumber(call, 'seed', seed);
      return runtime.handle(call, (out) => exports.nl_model_create(out, shape, input.length, drawn));
    });
    this.#handle = handle;
    try {
      this.#layers = addLayers(runtime, call, handle, layers);
      this.#tensors = this.#listTensors();
      before?.(this.stored());
      runtime.check(call, exports.nl_model_finish(handle));
      // By way of JSON, which also takes what structuredClone refuses, such as the proxies of reactive frameworks.
      this.#spec = JSON.parse(JSON.stringify({ input, seed, layers }));
    } catch (error) {
      if (runtime.alive) exports.nl_model_destroy(handle);
      throw error;
    }
    runtime.own(this, () => exports.nl_model_destroy(handle));
  }

  /** @returns {ModelSpec} what it was made of; another model made of that starts with the same weights */
  get spec() {
    return structuredClone(this.#spec);
  }

  /** Shape of one sample. */
  get input() {
    return [...this.#input];
  }

  /** @returns {LayerEntry[]} the layers in the order of execution; a residual stands behind its body and its shortcut */
  get layers() {
    return structuredClone(this.#layers);
  }

  /** @returns {Parameter[]} what is trained */
  get parameters() {
    return this.#tensors
      .filter(({ role }) => role <= 1)
      .map(({ key, shape, size }) => ({ key, shape: [...shape], size }));
  }

  /**
   * Freezes BatchNorms (and BatchRenorms): whatever the mode, they normalize with their running statistics, which stay as they are; their weight
   * and bias have no gradient (zeros) and are not trained, nor does weight decay act on them. `model.train()` does not thaw
   * them. What fine-tuning with small batches calls FrozenBatchNorm2d
   * (https://pytorch.org/vision/stable/generated/torchvision.ops.FrozenBatchNorm2d.html).
   *
   * @param {string[]} [keys] of layers; default all batchNorms that keep running statistics
   * @returns {this}
   * @throws {NormlabError} `argument` for a key that is no such layer; nothing is frozen then
   */
  freeze(keys) {
    return this.#setFrozen('model.freeze', keys, true);
  }

  /**
   * @param {string[]} [keys] default all that are frozen
   * @returns {this}
   */
  unfreeze(keys) {
    return this.#setFrozen('model.unfreeze', keys, false);
  }

  /** @returns {string[]} keys of the layers that are frozen */
  get frozen() {
    return this.#layers.map(({ key }) => key).filter((key) => this.#frozen.has(key));
  }

  /** Whether forward normalizes as in training; true at first. */
  get training() {
    return this.#training;
  }

  /**
   * @param {boolean} [on]
   * @returns {this}
   */
  train(on = true) {
    this.#training = checkBoolean('model.train', 'on', on);
    return this;
  }

  /** @returns {this} */
  eval() {
    return this.train(false);
  }

  /**
   * Training forwards so far: `forward` and `gradients` in training mode, and each shard and micro-batch of a trainer's step.
   * What a dropout drops follows from the model's seed, the layer's place and this number alone: a run that is resumed sets
   * it. `evaluate` and `compareModes`, which update nothing, leave it as it is.
   */
  get passes() {
    return this.#alive('model.passes').exports.nl_model_passes(this.#handle);
  }

  set passes(count) {
    const call = 'model.passes';
    const runtime = this.#alive(call);
    runtime.check(call, runtime.exports.nl_model_set_passes(this.#handle, checkNumber(call, 'passes', count)));
  }

  /** @returns {number} of the last layer's outputs, the classes */
  get classes() {
    return this.#layers[this.#layers.length - 1].shape.reduce((product, size) => product * size, 1);
  }

  /**
   * Logits in the current mode. In training mode running statistics move, as in PyTorch. In eval mode BatchNorm with running
   * statistics costs nothing: it is folded into the convolution or linear layer before it, to a few roundings of the result.
   *
   * @param {Tensor} x `[N, …input]`
   * @returns {Tensor} `[N, …shape of the last layer]`
   */
  forward(x) {
    const call = 'model.forward';
    const runtime = this.#alive(call);
    const { data, n } = checkBatch(call, 'x', x, this.#input);
    const out = this.#layers[this.#layers.length - 1].shape;
    return runtime.withScratch((scratch) => {
      const logits = scratch.take(n * this.classes * 4);
      const input = scratch.floats(data);
      this.check(call, runtime.exports.nl_model_forward(this.#handle, logits, input, n, this.#mode()));
      return { data: runtime.floats(logits, n * this.classes).slice(), shape: [n, ...out] };
    });
  }

  /**
   * One forward and backward pass in the current mode with mean cross-entropy. Nothing is updated but what a forward in
   * that mode updates.
   *
   * @param {Tensor} x `[N, …input]`
   * @param {ArrayLike<number>} labels `N` classes
   * @returns {Gradients}
   */
  gradients(x, labels) {
    return this.#extra('model.gradients', 'gradients')(this, x, labels);
  }

  /**
   * Mean loss and accuracy over a data set, updating nothing.
   *
   * @param {Dataset} data
   * @param {{ batchSize?: number, mode?: 'eval' | 'train', sortByClass?: boolean }} [options] batchSize (default 256) matters
   *   in mode `'train'`, where each batch is normalized by its own statistics; a last batch of one sample then joins the one
   *   before it. sortByClass (default false): batches run through class after class, which is where batch statistics are
   *   furthest from those of training
   * @returns {{ loss: number, accuracy: number }}
   */
  evaluate(data, options) {
    const call = 'model.evaluate';
    const runtime = this.#alive(call);
    const known = ['batchSize', 'mode', 'sortByClass'];
    const { batchSize = 256, mode = 'eval', sortByClass = false } = checkOptions(call, 'options', options, known);
    const size = checkInteger(call, 'batchSize', batchSize, 1);
    const reading = { sortByClass: checkBoolean(call, 'sortByClass', sortByClass) };
    if (mode !== 'eval' && mode !== 'train') {
      throw new NormlabError('argument', `${call}: mode: expected 'eval' or 'train', got ${describe(mode)}`);
    }
    /** @param {number} dataset */
    const use = (dataset) =>
      runtime.withScratch((scratch) => {
        const figures = scratch.take(16);
        const way = mode === 'eval' ? NL_EVAL : NL_PROBE;
        this.check(call, runtime.exports.nl_evaluate(this.#handle, figures, dataset, size, way));
        const [loss, accuracy] = runtime.doubles(figures, 2);
        return { loss, accuracy };
      });
    return withDataset(runtime, call, data, use, reading);
  }

  /**
   * PreciseBN: re-estimates the running statistics of every BatchNorm as their average over batches, with the weights as
   * they are. What momentum leaves is the statistics of weights that have moved on since, and of small batches; this is
   * torch.optim.swa_utils.update_bn (https://arxiv.org/abs/2105.07576). BatchRenorms are measured too, and are BatchNorms
   * meanwhile: r = 1, d = 0.
   *
   * @param {Dataset} data training data, passed in its own order
   * @param {{ batchSize?: number, batches?: number | null }} [options] batchSize: default 256; batches: how many at most,
   *   default null: all
   * @returns {this}
   * @throws {NormlabError} `shape` where a batch has one value per channel; nothing has changed then
   */
  recalibrate(data, options) {
    const call = 'model.recalibrate';
    const runtime = this.#alive(call);
    const { batchSize = 256, batches = null } = checkOptions(call, 'options', options, ['batchSize', 'batches']);
    const size = checkInteger(call, 'batchSize', batchSize, 1);
    const most = batches === null ? 0 : checkInteger(call, 'batches', batches, 1);
    withDataset(runtime, call, data, (dataset) =>
      this.check(call, runtime.exports.nl_recalibrate(this.#handle, dataset, size, most)),
    );
    return this;
  }

  /**
   * A new model, in eval mode, that computes there what this one does, without its BatchNorms: each that has running
   * statistics and directly follows a convolution or a linear layer is multiplied into that layer's weight and bias, in
   * float64, and an `identity` takes its place, so that keys stay what they are.
   *
   * @returns {Model & { foldError: number }} the caller's to dispose of; foldError: the largest difference that folding makes
   *   to a logit, relative to the largest logit, over 16 samples of standard normal noise
   */
  fold() {
    return this.#extra('model.fold', 'foldModel')(this);
  }

  /**
   * The same batch through train mode (batch statistics) and eval mode (running statistics), updating nothing.
   *
   * @param {Tensor} x `[N, …input]`
   * @param {{ labels?: ArrayLike<number>, bins?: number, layers?: boolean }} [options] bins of the histograms, default 32;
   *   layers (default true): false leaves them out, which takes a part of the time and memory
   * @returns {Comparison}
   */
  compareModes(x, options) {
    return this.#extra('model.compareModes', 'compareModes')(this, x, options);
  }

  /**
   * Over how many values each mean and variance of the normalization layers is taken in training: m. What is small here is
   * uncertain there: the variance of m normal values is off by √(2 / (m − 1)) of itself, and of one value there is none.
   *
   * @param {number} batchSize N, of what is normalized together: with `replicas`, `accumulate` or `ghostBatch` of one part
   * @returns {Record<string, number>} by layer key: batchNorm N · H · W, instanceNorm H · W, groupNorm C / groups · H · W,
   *   layerNorm and rmsNorm the product of normalizedShape
   */
  valuesPerStatistic(batchSize) {
    const call = 'model.valuesPerStatistic';
    const { exports } = this.#alive(call);
    const n = checkInteger(call, 'batchSize', batchSize, 1);
    const counts = this.#layers.map(({ key }, index) => ({
      key,
      values: exports.nl_model_values_per_statistic(this.#handle, index + 1, n),
    }));
    return Object.fromEntries(counts.filter(({ values }) => values > 0).map(({ key, values }) => [key, values]));
  }

  /** @returns {StateDict} copies, by the keys that the same nn.Sequential would have in PyTorch */
  stateDict() {
    this.#alive('model.stateDict');
    return readState(this.#entries());
  }

  /**
   * @param {StateDict} dict
   * @param {{ strict?: boolean }} [options] strict (default true): keys must match exactly
   * @throws {NormlabError} `shape`, listing every mismatch; nothing is loaded then
   */
  loadStateDict(dict, options) {
    const call = 'model.loadStateDict';
    this.#alive(call);
    const { strict = true } = checkOptions(call, 'options', options, ['strict']);
    writeState(call, 'the model', this.#entries(), dict, checkBoolean(call, 'strict', strict));
  }

  /**
   * The model as a safetensors file (https://huggingface.co/docs/safetensors): the state dictionary in float32, each
   * num_batches_tracked as one I64; and in its metadata the spec, the engine's version, the mode and what is frozen. Any
   * reader of safetensors takes it, and `nl.loadModel` makes the same model of it, bit for bit.
   *
   * @returns {Uint8Array}
   */
  save() {
    return this.#extra('model.save', 'saveModel')(this);
  }

  /** Frees it; using it afterwards throws. */
  dispose() {
    if (this.#handle === 0) return;
    if (this.#runtime.alive) this.#runtime.exports.nl_model_destroy(this.#handle);
    this.#runtime.disown(this);
    this.#handle = 0;
  }

  /**
   * For the trainer: the engine's handle of it, which must not outlive it.
   *
   * @internal
   * @param {string} call
   */
  handle(call) {
    this.#alive(call);
    return this.#handle;
  }

  /**
   * What its state dictionary holds, as files have it.
   *
   * @internal
   * @returns {[string, { dtype: 'F32' | 'I64', shape: number[] }][]}
   */
  stored() {
    const { tensors, counters } = this.#entries();
    return [
      ...tensors.map(({ key, shape }) => stored(key, 'F32', shape)),
      ...counters.map(({ key }) => stored(key, 'I64', [])),
    ];
  }

  /**
   * For the trainer: what is trained, with the engine's number of each.
   *
   * @internal
   */
  trained() {
    return this.#tensors.map((tensor, index) => ({ ...tensor, index })).filter(({ role }) => role <= 1);
  }

  /**
   * What each dropout multiplies a batch of n by in the next training forward.
   *
   * @internal
   * @param {number} n
   * @returns {Map<string, Float32Array>} by the layer's key: 0 or 1 / (1 - p), `[n, …shape]`
   */
  dropoutFactors(n) {
    return this.#extra('model.dropoutFactors', 'dropoutFactors')(this, n);
  }

  /** @internal */
  get runtime() {
    return this.#runtime;
  }

  /**
   * Turns a status into an error that names the layer it is about.
   *
   * @internal
   * @param {string} call
   * @param {number} status
   */
  check(call, status) {
    this.#runtime.check(call, status, () => {
      const layer = this.#layers[this.#runtime.exports.nl_model_failed_node(this.#handle) - 1];
      return layer ? ` (layer "${layer.key}", ${layer.type})` : '';
    });
  }

  /**
   * Where the trainer's last step met the first value that is not finite, for messages.
   *
   * @internal
   */
  nonfinite() {
    const layer = this.#layers[this.#runtime.exports.nl_model_nonfinite_node(this.#handle) - 1];
    return layer
      ? `; the first value that is not finite stood in the output of layer "${layer.key}", ${layer.type}`
      : '';
  }

  /** @param {string} call @param {unknown} keys @param {boolean} on */
  #setFrozen(call, keys, on) {
    const runtime = this.#alive(call);
    for (const { key, node } of this.freezable(call, keys)) {
      runtime.check(call, runtime.exports.nl_model_set_frozen(this.#handle, node, Number(on)));
      if (on) this.#frozen.add(key);
      else this.#frozen.delete(key);
    }
    return this;
  }

  /**
   * The layers of these keys, all that can be frozen where there are none.
   *
   * @internal
   * @param {string} call
   * @param {unknown} keys
   */
  freezable(call, keys) {
    return this.#extra(call, 'freezable')(this, call, keys);
  }

  /**
   * @template {keyof import('./extras.js').Extras} K
   * @param {string} call
   * @param {K} name of what a model that is only trained does without
   */
  #extra(call, name) {
    return this.#alive(call).extra(call, name);
  }

  /** @param {string} call */
  #alive(call) {
    if (this.#handle === 0) throw new NormlabError('state', `${call}: the model was disposed of`);
    this.#runtime.assertAlive();
    return this.#runtime;
  }

  #mode() {
    return this.#training ? NL_TRAIN : NL_EVAL;
  }

  #listTensors() {
    const runtime = this.#runtime;
    const { exports, abi } = runtime;
    return runtime.withScratch((scratch) => {
      const info = scratch.take((4 + abi.maxDims) * 4);
      return Array.from({ length: exports.nl_model_tensor_count(this.#handle) }, (_, index) => {
        runtime.check('nl.model', exports.nl_model_tensor_info(this.#handle, index, info));
        const [node, role, size, ndim, ...shape] = runtime.ints(info, 4 + abi.maxDims);
        return {
          key: `${this.#layers[node - 1].key}.${abi.roles[role]}`,
          node,
          role,
          size,
          shape: shape.slice(0, ndim),
        };
      });
    });
  }

  /** @returns {import('./state-dict.js').StateEntries} */
  #entries() {
    const runtime = this.#runtime;
    const { exports } = runtime;
    const handle = this.#handle;
    const tensors = this.#tensors.map(({ key, shape, size }, index) => ({
      key,
      shape,
      view: () => runtime.floats(exports.nl_model_tensor_data(handle, index), size),
    }));
    const counters = this.#layers.flatMap(({ key }, index) =>
      exports.nl_model_batches_tracked(handle, index + 1) < 0
        ? []
        : [
            {
              key: `${key}.num_batches_tracked`,
              get: () => exports.nl_model_batches_tracked(handle, index + 1),
              set: (/** @type {number} */ value) => exports.nl_model_set_batches_tracked(handle, index + 1, value),
            },
          ],
    );
    return { tensors, counters };
  }
}

/**
 * @template {'F32' | 'I64'} T
 * @param {string} key
 * @param {T} dtype
 * @param {number[]} shape
 * @returns {[string, { dtype: T, shape: number[] }]}
 */
const stored = (key, dtype, shape) => [key, { dtype, shape }];
