import {
  areIntegers,
  checkBoolean,
  checkInteger,
  checkOptions,
  checkTensor,
  describe,
  shapeText,
  sizeOf,
} from './checks.js';
import { NormlabError } from './errors.js';
import { NL_EVAL, NL_TRAIN } from './generated/exports.js';
import { encodeSettings } from './settings.js';
import { readState, writeState } from './state-dict.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 * @typedef {import('./state-dict.js').StateDict} StateDict
 *
 * @typedef {object} BatchNormOptions
 * @property {number} [eps] added to the variance; positive where the batch's variance is used, else >= 0; default 1e-5
 * @property {number | null} [momentum] weight of the new batch in the running statistics; null: cumulative average;
 *   default 0.1
 * @property {boolean} [affine] whether it has weight and bias; default true
 * @property {boolean} [trackRunningStats] false: batch statistics in eval mode too; default true
 * @property {'unbiased' | 'biased'} [runningVar] the variance that is kept: with divisor m - 1 (PyTorch) or m (Keras);
 *   default 'unbiased'
 * @property {boolean} [bias] default true; without affine there is none
 *
 * @typedef {object} OwnBatchRenormOptions
 * @property {number} [rMax] r, the batch's deviation over the running one, is kept within 1 / rMax and rMax; at least 1,
 *   default 3
 * @property {number} [dMax] d, how many running deviations the batch's mean is from the running one, is kept within ±dMax;
 *   default 5
 *
 * @typedef {Omit<BatchNormOptions, 'trackRunningStats'> & { trackRunningStats?: true } & OwnBatchRenormOptions}
 *   BatchRenormOptions
 *
 * @typedef {object} LayerNormOptions
 * @property {number} [eps] default 1e-5
 * @property {boolean} [elementwiseAffine] default true
 * @property {boolean} [bias] default true; without elementwiseAffine there is none
 *
 * @typedef {object} GroupNormOptions
 * @property {number} [eps] default 1e-5
 * @property {boolean} [affine] default true
 * @property {boolean} [bias] default true; without affine there is none
 *
 * @typedef {object} InstanceNormOptions
 * @property {number} [eps] default 1e-5
 * @property {number} [momentum] weight of the new batch in the running statistics; default 0.1
 * @property {boolean} [affine] whether it has weight and bias; default false
 * @property {boolean} [trackRunningStats] true: running statistics, which eval mode uses; default false
 *
 * @typedef {object} RMSNormOptions
 * @property {number | null} [eps] default null: float32's, 2^-23 = 1.1920929e-7
 * @property {boolean} [elementwiseAffine] whether it has a weight; default true
 *
 * @typedef {object} NormGradients
 * @property {Tensor} input
 * @property {Tensor} [weight] where the layer has one
 * @property {Tensor} [bias] where the layer has one
 *
 * @typedef {object} SavedStats
 * @property {Float64Array} mean one a channel (BatchNorm, running statistics), row (LayerNorm; RMSNorm: zeros), sample and
 *   group (GroupNorm), or sample and channel (InstanceNorm)
 * @property {Float64Array} invstd 1 / sqrt(var + eps); RMSNorm: 1 / sqrt(mean of x² + eps)
 */

/** One normalization layer. Made by the engine's factories; tensors that it gives are the caller's. */
export class NormLayer {
  #runtime;
  #name;
  #handle;
  /** Shape of weight and bias. */
  #paramShape;
  #made;
  #training = true;
  #kept = { address: 0, capacity: 0 };
  /** @type {{ address: number, shape: number[] } | null} the last input, for backward; it lies in #kept */
  #input = null;

  /**
   * @param {Runtime} runtime
   * @param {object} spec
   * @param {string} spec.name of the factory, for messages
   * @param {string} spec.type in the engine's table
   * @param {Record<string, unknown>} spec.options
   * @param {number} spec.features
   * @param {number} spec.dims 1, 2 or 3 for the BatchNorms and InstanceNorms
   * @param {number[]} spec.paramShape
   */
  constructor(runtime, { name, type, options, features, dims, paramShape }) {
    this.#runtime = runtime;
    this.#name = name;
    this.#paramShape = paramShape;
    this.#made = { type, options, features, dims };
    const { exports, abi } = runtime;
    const entry = /** @type {import('./runtime.js').LayerType & { index: number }} */ (runtime.types.get(type));
    const args = encodeSettings(name, entry, options, abi.maxDims);
    const handle = runtime.withScratch((scratch) => {
      const address = scratch.doubles(args);
      return runtime.handle(name, (out) =>
        exports.nl_norm_create(out, entry.index, address, args.length, features, dims),
      );
    });
    this.#handle = handle;
    runtime.own(this, () => exports.nl_norm_destroy(handle));
  }

  /**
   * What it was made of, and the shape of the last input, for what writes it down.
   *
   * @internal
   */
  get made() {
    return { ...this.#made, paramShape: this.#paramShape, input: this.#input?.shape };
  }

  /** Whether it normalizes as in training; true at first. */
  get training() {
    return this.#training;
  }

  /**
   * @param {boolean} [on]
   * @returns {this}
   */
  train(on = true) {
    this.#training = checkBoolean(`${this.#name}.train`, 'on', on);
    return this;
  }

  /** @returns {this} */
  eval() {
    return this.train(false);
  }

  /**
   * Normalizes x. In training mode BatchNorm uses the batch's statistics and moves its running ones.
   *
   * @param {Tensor} x
   * @returns {Tensor} of the same shape
   * @throws {NormlabError} `shape`, in PyTorch's words
   */
  forward(x) {
    const call = `${this.#name}.forward`;
    const runtime = this.#alive(call);
    const { data, shape } = checkTensor(call, 'x', x);
    if (shape.length > runtime.abi.maxDims) {
      const most = `at most ${runtime.abi.maxDims} dimensions`;
      throw new NormlabError('shape', `${call}: x: expected ${most}, got ${shapeText(shape)}`);
    }
    return runtime.withScratch((scratch) => {
      const y = scratch.take(data.length * 4);
      const dims = scratch.ints(shape);
      const input = scratch.floats(data);
      const kept = this.#reserve(data.length * 4);
      const mode = this.#training ? NL_TRAIN : NL_EVAL;
      runtime.check(call, runtime.exports.nl_norm_forward(this.#handle, y, input, dims, shape.length, mode));
      runtime.floats(kept.address, data.length).set(data);
      this.#input = { address: kept.address, shape: [...shape] };
      return { data: runtime.floats(y, data.length).slice(), shape: [...shape] };
    });
  }

  /**
   * Gradients of the last forward, not accumulated.
   *
   * @param {Tensor} gradOutput of the last output's shape
   * @returns {NormGradients}
   * @throws {NormlabError} `state` before the first forward
   */
  backward(gradOutput) {
    const call = `${this.#name}.backward`;
    const runtime = this.#alive(call);
    const { exports } = runtime;
    const { data, shape } = checkTensor(call, 'gradOutput', gradOutput);
    const last = this.#input;
    if (!last) throw new NormlabError('state', `${call}: needs a forward before it`);
    if (shapeText(shape) !== shapeText(last.shape)) {
      const expected = `shape ${shapeText(last.shape)}, the last output's`;
      throw new NormlabError('shape', `${call}: gradOutput: expected ${expected}, got ${shapeText(shape)}`);
    }
    const [weights, biases] = [0, 1].map((role) => exports.nl_norm_size(this.#handle, role));
    return runtime.withScratch((scratch) => {
      const dy = scratch.floats(data);
      const dx = scratch.take(data.length * 4);
      const dweight = scratch.take(weights * 4);
      const dbias = scratch.take(biases * 4);
      runtime.check(call, exports.nl_norm_backward(this.#handle, dx, dweight, dbias, dy, last.address));
      const tensor = (/** @type {number} */ address, /** @type {number[]} */ of) => ({
        data: runtime.floats(address, sizeOf(of)).slice(),
        shape: [...of],
      });
      return {
        input: tensor(dx, shape),
        ...(weights > 0 && { weight: tensor(dweight, this.#paramShape) }),
        ...(biases > 0 && { bias: tensor(dbias, this.#paramShape) }),
      };
    });
  }

  /** @returns {SavedStats} what the last forward normalized with */
  savedStats() {
    const runtime = this.#alive(`${this.#name}.savedStats`);
    const { exports } = runtime;
    const count = exports.nl_norm_saved_count(this.#handle);
    if (!this.#input) throw new NormlabError('state', `${this.#name}.savedStats: needs a forward before it`);
    return {
      mean: runtime.doubles(exports.nl_norm_saved_mean(this.#handle), count).slice(),
      invstd: runtime.doubles(exports.nl_norm_saved_invstd(this.#handle), count).slice(),
    };
  }

  /** @returns {StateDict} copies of what it has of weight, bias, running_mean, running_var, num_batches_tracked */
  stateDict() {
    this.#alive(`${this.#name}.stateDict`);
    return readState(this.#entries());
  }

  /**
   * @param {StateDict} dict
   * @param {{ strict?: boolean }} [options] strict (default true): keys must match exactly
   * @throws {NormlabError} `shape`, listing every mismatch; nothing is loaded then
   */
  loadStateDict(dict, options) {
    const call = `${this.#name}.loadStateDict`;
    this.#alive(call);
    const { strict = true } = checkOptions(call, 'options', options, ['strict']);
    writeState(call, this.#name, this.#entries(), dict, checkBoolean(call, 'strict', strict));
  }

  /** Running mean 0, running variance 1, no batches seen. */
  resetRunningStats() {
    this.#alive(`${this.#name}.resetRunningStats`).exports.nl_norm_reset_running_stats(this.#handle);
  }

  /** Frees it; using it afterwards throws. */
  dispose() {
    if (this.#handle === 0) return;
    const { alive, exports } = this.#runtime;
    if (alive) {
      exports.nl_norm_destroy(this.#handle);
      exports.nl_free(this.#kept.address);
    }
    this.#runtime.disown(this);
    this.#handle = 0;
    this.#input = null;
  }

  /** @param {string} call */
  #alive(call) {
    if (this.#handle === 0) throw new NormlabError('state', `${call}: the layer was disposed of`);
    this.#runtime.assertAlive();
    return this.#runtime;
  }

  /**
   * Room for an input of so many bytes; the last one stays in it, since this forward may still fail.
   *
   * @param {number} bytes
   */
  #reserve(bytes) {
    const runtime = this.#runtime;
    const { exports } = runtime;
    const old = this.#kept;
    if (bytes <= old.capacity) return old;
    const address = runtime.allocate(bytes);
    if (old.address !== 0) {
      runtime.bytes(address, old.capacity).set(runtime.bytes(old.address, old.capacity));
      exports.nl_free(old.address);
    }
    this.#kept = { address, capacity: bytes };
    if (this.#input) this.#input = { ...this.#input, address };
    const handle = this.#handle;
    runtime.disown(this);
    runtime.own(this, () => {
      exports.nl_norm_destroy(handle);
      exports.nl_free(address);
    });
    return this.#kept;
  }

  /** @returns {import('./state-dict.js').StateEntries} */
  #entries() {
    const runtime = this.#runtime;
    const { exports, abi } = runtime;
    const handle = this.#handle;
    const tensors = abi.roles.flatMap((key, role) => {
      const size = exports.nl_norm_size(handle, role);
      const shape = role < 2 ? this.#paramShape : [size];
      return size > 0 ? [{ key, shape, view: () => runtime.floats(exports.nl_norm_tensor(handle, role), size) }] : [];
    });
    const counter = {
      key: 'num_batches_tracked',
      get: () => exports.nl_norm_batches_tracked(handle),
      set: (/** @type {number} */ value) => exports.nl_norm_set_batches_tracked(handle, value),
    };
    return { tensors, counters: counter.get() >= 0 ? [counter] : [] };
  }
}

/**
 * The factories of normalization layers: names, arguments and defaults are those of torch.nn, in camelCase.
 *
 * @param {Runtime} runtime
 */
export function normFactories(runtime) {
  /**
   * A layer with a parameter and a statistic per channel.
   *
   * @param {string} type
   * @param {1 | 2 | 3} dims spatial dimensions
   */
  const perChannel = (type, dims) => {
    const name = `${type}${dims}d`;
    return (/** @type {number} */ numFeatures, /** @type {object} */ options = {}) => {
      const features = checkInteger(name, 'numFeatures', numFeatures, 1);
      return new NormLayer(runtime, {
        name,
        type,
        options: plain(name, options),
        features,
        dims,
        paramShape: [features],
      });
    };
  };
  /**
   * A layer over trailing dimensions.
   *
   * @param {string} name
   * @param {number | number[]} normalizedShape
   * @param {object} options
   */
  const trailing = (name, normalizedShape, options) => {
    const sizes = Array.isArray(normalizedShape) ? normalizedShape : [normalizedShape];
    if (!areIntegers(sizes, 0)) {
      const came = describe(normalizedShape);
      throw new NormlabError('argument', `${name}: normalizedShape: expected integers >= 0, got ${came}`);
    }
    const paramShape = [...sizes];
    const all = { ...plain(name, options), normalizedShape: paramShape };
    return new NormLayer(runtime, { name, type: name, options: all, features: 0, dims: 0, paramShape });
  };
  return {
    /**
     * BatchNorm over `[N, C]` or `[N, C, L]`: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html
     *
     * @type {(numFeatures: number, options?: BatchNormOptions) => NormLayer}
     */
    batchNorm1d: perChannel('batchNorm', 1),
    /**
     * BatchNorm over `[N, C, H, W]`: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
     *
     * @type {(numFeatures: number, options?: BatchNormOptions) => NormLayer}
     */
    batchNorm2d: perChannel('batchNorm', 2),
    /**
     * BatchNorm over `[N, C, D, H, W]`: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html
     *
     * @type {(numFeatures: number, options?: BatchNormOptions) => NormLayer}
     */
    batchNorm3d: perChannel('batchNorm', 3),
    /**
     * Batch Renormalization over `[N, C]` or `[N, C, L]` (Ioffe, https://arxiv.org/abs/1702.03275): BatchNorm whose output in
     * training, `(xhat · r + d) · weight + bias`, is brought to what the running statistics would give, with r and d taken as
     * constants in the backward pass. In eval mode it is BatchNorm. torch.nn has none.
     *
     * @type {(numFeatures: number, options?: BatchRenormOptions) => NormLayer}
     */
    batchRenorm1d: perChannel('batchRenorm', 1),
    /**
     * The same over `[N, C, H, W]`.
     *
     * @type {(numFeatures: number, options?: BatchRenormOptions) => NormLayer}
     */
    batchRenorm2d: perChannel('batchRenorm', 2),
    /**
     * The same over `[N, C, D, H, W]`.
     *
     * @type {(numFeatures: number, options?: BatchRenormOptions) => NormLayer}
     */
    batchRenorm3d: perChannel('batchRenorm', 3),
    /**
     * LayerNorm over the trailing dimensions: https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html
     *
     * @param {number | number[]} normalizedShape
     * @param {LayerNormOptions} [options]
     */
    layerNorm: (normalizedShape, options = {}) => trailing('layerNorm', normalizedShape, options),
    /**
     * GroupNorm over `[N, C, …]`: https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html
     *
     * @param {number} numGroups
     * @param {number} numChannels divisible by numGroups
     * @param {GroupNormOptions} [options]
     */
    groupNorm(numGroups, numChannels, options = {}) {
      const name = 'groupNorm';
      const features = checkInteger(name, 'numChannels', numChannels, 1);
      const all = { ...plain(name, options), numGroups: checkInteger(name, 'numGroups', numGroups, 1) };
      return new NormLayer(runtime, { name, type: name, options: all, features, dims: 0, paramShape: [features] });
    },
    /**
     * InstanceNorm over `[N, C, L]` or `[C, L]`: https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html
     *
     * @type {(numFeatures: number, options?: InstanceNormOptions) => NormLayer}
     */
    instanceNorm1d: perChannel('instanceNorm', 1),
    /**
     * InstanceNorm over `[N, C, H, W]` or `[C, H, W]`:
     * https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html
     *
     * @type {(numFeatures: number, options?: InstanceNormOptions) => NormLayer}
     */
    instanceNorm2d: perChannel('instanceNorm', 2),
    /**
     * InstanceNorm over `[N, C, D, H, W]` or `[C, D, H, W]`:
     * https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html
     *
     * @type {(numFeatures: number, options?: InstanceNormOptions) => NormLayer}
     */
    instanceNorm3d: perChannel('instanceNorm', 3),
    /**
     * RMSNorm over the trailing dimensions: https://pytorch.org/docs/stable/generated/torch.nn.RMSNorm.html
     *
     * @param {number | number[]} normalizedShape
     * @param {RMSNormOptions} [options]
     */
    rmsNorm: (normalizedShape, options = {}) => trailing('rmsNorm', normalizedShape, options),
  };
}

/**
 * @param {string} name
 * @param {unknown} options
 * @returns {Record<string, unknown>}
 */
function plain(name, options) {
  if (options !== null && typeof options === 'object' && !Array.isArray(options)) return { ...options };
  throw new NormlabError('argument', `${name}: options: expected an object, got ${describe(options)}`);
}

/**
 * Adds the layers to an engine of `normlab/core`, in place, for pages that need no more; `extendEngine` has them too.
 *
 * @template {{ runtime: Runtime }} C
 * @param {C} core
 */
export const addLayers = (core) => Object.assign(core, normFactories(core.runtime));
