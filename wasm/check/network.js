import { NormlabError } from '../errors.js';
import { centralDifference, norm } from './arithmetic.js';
import { definitions } from './layers.js';

/**
 * @typedef {import('../presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('../presets/index.js').LayerSpec} LayerSpec
 * @typedef {import('../state-dict.js').StateDict} StateDict
 * @typedef {import('./layers.js').Layer} Layer
 * @typedef {import('./layers.js').Tensors} Tensors
 *
 * @typedef {object} Node
 * @property {string} key
 * @property {number[]} inputs nodes before it: one, or two to be added
 * @property {number[]} shape of its output, without N
 * @property {Layer | null} layer null for an addition
 * @property {Tensors} tensors
 */

/**
 * A model in float64, which knows nothing of the engine: it goes forward, and forward along a direction.
 *
 * The derivative of the loss along a direction of a parameter (or of the input) is made layer by layer. The output of the
 * parameter's own layer is linear in it, so its derivative is the layer's output for the direction in the parameter's
 * place. From there on, a layer's output changes by its derivative along the change of its input: a linear layer's is its
 * output for that change, without bias; where a layer bends (normalization, GELU, sigmoid, tanh, the loss) it is a central
 * difference; where a layer decides between branches (ReLU, max pooling) it is that of the branch taken at the point
 * itself, so that no step can cross from one branch to another.
 *
 * Against central differences of the whole network that is twice as fast, exact at the kinks, and each layer's step is of
 * the size that suits its own curvature. No backward formula is in it.
 */
export class Network {
  /** @type {readonly string[]} */
  #frozen;
  /** @type {ReadonlyMap<string, ArrayLike<number>>} */
  #factors;
  /** @type {Node[]} the input first, then the layers in the order of execution */
  #nodes;
  /** @type {Float64Array[]} the nodes' outputs */
  #values = [];
  /** @type {ArrayLike<number>} */
  #labels = [];

  /**
   * @param {ModelSpec} spec
   * @param {StateDict} state
   * @param {boolean} training
   * @param {readonly string[]} [frozen] keys of layers that are in eval mode all the same
   * @param {ReadonlyMap<string, ArrayLike<number>>} [factors] by key of a dropout: what it multiplies its input by; none: 1
   */
  constructor({ input, layers }, state, training, frozen = [], factors = new Map()) {
    this.#frozen = frozen;
    this.#factors = factors;
    this.#nodes = [{ key: '', inputs: [], shape: input, layer: null, tensors: {} }];
    this.#addAll(layers, 0, '', state, training);
  }

  /**
   * @param {LayerSpec[]} layers
   * @param {number} from the node that the first one reads
   * @param {string} prefix of the keys
   * @param {StateDict} state
   * @param {boolean} training
   * @returns {number} the last node
   */
  #addAll(layers, from, prefix, state, training) {
    return layers.reduce((before, { type, name, body, shortcut, ...options }, index) => {
      const key = `${prefix}${name ?? index}`;
      if (type === 'residual') {
        const inputs = [body ?? [], shortcut ?? []].map((branch, i) =>
          this.#addAll(branch, before, `${key}.${['body', 'shortcut'][i]}.`, state, training),
        );
        const { shape } = this.#nodes[inputs[0]];
        return this.#nodes.push({ key, inputs, shape, layer: null, tensors: {} }) - 1;
      }
      const define = definitions[type];
      if (!define) throw new NormlabError('unsupported', `checkGradients: layer "${key}": ${type} cannot be checked`);
      const given = { ...options, factors: this.#factors.get(key) };
      const layer = define(given, this.#nodes[before].shape, training && !this.#frozen.includes(key));
      const tensors = tensorsOf(state, `${key}.`);
      return this.#nodes.push({ key, inputs: [before], shape: layer.shape, layer, tensors }) - 1;
    }, from);
  }

  /**
   * Goes forward, and stays there for what is asked next.
   *
   * @param {ArrayLike<number>} x [N, …input]
   * @param {ArrayLike<number>} labels
   */
  forward(x, labels) {
    this.#labels = labels;
    try {
      this.#values = [new Float64Array(x)];
      for (const { inputs, layer, tensors } of this.#nodes.slice(1)) {
        const [a, b] = inputs.map((node) => this.#values[node]);
        this.#values.push(layer ? layer.forward(a, tensors) : sum(a, b));
      }
    } catch (error) {
      // What an array that is too large is answered with.
      if (!(error instanceof RangeError)) throw error;
      const message = `checkGradients: a batch of ${labels.length} needs more memory than there is (${error.message})`;
      throw new NormlabError('memory', message, { cause: error });
    }
  }

  /** [N, K] */
  get logits() {
    return this.#values[this.#values.length - 1];
  }

  get loss() {
    return crossEntropy(this.logits, this.#labels);
  }

  /**
   * How many of the branches taken are so close that the engine may have taken another one.
   *
   * @param {number} share how far the engine's values may be off, relative to the root mean square of a layer's values
   */
  close(share) {
    return this.#nodes.reduce((count, { layer, inputs }) => {
      if (!layer?.close) return count;
      const x = this.#values[inputs[0]];
      return count + layer.close(x, (share * norm(x)) / Math.sqrt(x.length));
    }, 0);
  }

  /**
   * The derivative of the loss along a direction of a parameter.
   *
   * @param {string} key as in the state dictionary
   * @param {Float64Array} direction
   */
  alongParameter(key, direction) {
    const dot = key.lastIndexOf('.');
    const place = this.#nodes.findIndex((node) => node.key === key.slice(0, dot) && node.layer);
    const { layer, inputs, tensors } = this.#nodes[place];
    const turned = { ...tensors };
    for (const role of /** @type {const} */ (['weight', 'bias'])) {
      if (turned[role]) turned[role] = role === key.slice(dot + 1) ? direction : new Float64Array(turned[role].length);
    }
    const { forward, alongTensors = forward } = /** @type {Layer} */ (layer);
    return this.#along(place, alongTensors(this.#values[inputs[0]], turned, tensors));
  }

  /** @param {Float64Array} direction of the input */
  alongInput(direction) {
    return this.#along(0, direction);
  }

  /**
   * @param {number} start
   * @param {Float64Array} direction of that node's output
   */
  #along(start, direction) {
    /** @type {(Float64Array | undefined)[]} */
    const changes = [];
    changes[start] = direction;
    for (let node = start + 1; node < this.#nodes.length; node++) {
      const { inputs, layer, tensors } = this.#nodes[node];
      const [a, b] = inputs.map((input) => changes[input]);
      if (layer) changes[node] = a && layer.along(this.#values[inputs[0]], a, tensors);
      else changes[node] = a && b ? sum(a, b) : (a ?? b);
    }
    const change = changes[this.#nodes.length - 1];
    if (!change) return 0;
    /** @param {Float64Array} logits */
    const loss = (logits) => Float64Array.of(crossEntropy(logits, this.#labels));
    return centralDifference(loss, this.logits, change, 1)[0];
  }
}

/** @param {StateDict} state @param {string} prefix @returns {Tensors} */
function tensorsOf(state, prefix) {
  const roles = /** @type {const} */ (['weight', 'bias', 'running_mean', 'running_var']);
  /** @type {Tensors} */
  const tensors = {};
  for (const role of roles) {
    const tensor = state[prefix + role];
    if (typeof tensor === 'object') tensors[role] = new Float64Array(tensor.data);
  }
  return tensors;
}

/** @param {Float64Array} a @param {Float64Array} b */
const sum = (a, b) => a.map((value, i) => value + b[i]);

/**
 * Mean over the samples of log Σ exp(logits) - logit of the label.
 *
 * @param {Float64Array} logits [N, K]
 * @param {ArrayLike<number>} labels
 */
function crossEntropy(logits, labels) {
  const classes = logits.length / labels.length;
  let total = 0;
  for (let i = 0; i < labels.length; i++) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    const most = row.reduce((a, b) => Math.max(a, b));
    total += Math.log(row.reduce((s, value) => s + Math.exp(value - most), 0)) + most - row[labels[i]];
  }
  return total / labels.length;
}
