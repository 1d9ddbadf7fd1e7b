import { sizeOf } from './arrays.js';
import { NotExpressible } from './operator.js';

/** @typedef {import('./operator.js').Engine} Engine */
/** @typedef {import('./operator.js').Operator} Operator */
/** @typedef {import('./operator.js').Values} Values */

/**
 * A parameter whose gradient is what one wants it to be: the second row of a linear layer's weight, `[2, size]`. The biases
 * make the first class impossible, so that with label 0 the gradient of the second logit is exactly 1 and the row's is the
 * input.
 *
 * @param {Engine} nl
 * @param {ArrayLike<number>} values of the parameter
 * @param {Record<string, unknown>} optimizer its settings
 */
function parameter(nl, values, optimizer) {
  const size = values.length;
  const model = nl.model({ input: [size], seed: 0, layers: [{ type: 'linear', outFeatures: 2 }] });
  const data = Float32Array.from({ length: 2 * size }, (_, i) => (i < size ? 0 : values[i - size]));
  const bias = { data: Float32Array.of(-1e4, 1e4), shape: [2] };
  model.loadStateDict({ '0.weight': { data, shape: [2, size] }, '0.bias': bias });
  const trainer = nl.trainer(model, { optimizer: { type: 'sgd', ...optimizer } });
  const row = (/** @type {Float32Array} */ weight) => weight.subarray(size);
  return {
    /** Puts what the optimizer keeps of it, and the steps that it has taken. */
    keep(/** @type {Record<string, number[]>} */ kept, /** @type {number} */ steps) {
      const state = openState(trainer.state());
      for (const [name, numbers] of Object.entries(kept)) row(state.tensor(`optimizer.${name}.0.weight`)).set(numbers);
      state.metadata.progress = JSON.stringify({ ...JSON.parse(state.metadata.progress), steps });
      trainer.loadState(state.bytes());
    },
    kept(/** @type {string} */ name) {
      return Array.from(row(openState(trainer.state()).tensor(`optimizer.${name}.0.weight`)));
    },
    value: () => Array.from(/** @type {any} */ (model.stateDict()['0.weight']).data.subarray(size)),
    step(/** @type {number[]} */ gradient, /** @type {number} */ lr) {
      trainer.lr = lr;
      trainer.step({ data: Float32Array.from(gradient), shape: [1, size] }, [0]);
    },
    dispose() {
      trainer.dispose();
      model.dispose();
    },
  };
}

/**
 * One step of SGD with momentum. A first step with learning rate 0 sets the velocity, a third one without gradient shows
 * what it has become.
 *
 * @param {Engine} nl
 * @param {Operator} node
 */
function momentumStep(nl, { attributes, inputs, rewritten }) {
  const { alpha, beta, mode, norm_coefficient: weightDecay } = attributes;
  const [[rate], [time], ...rest] = /** @type {Values[]} */ (inputs).map(({ data }) => Array.from(data));
  const count = rest.length / 3;
  const [x, gradient, velocity] = [0, 1, 2].map((part) => rest.slice(part * count, (part + 1) * count).flat());
  rewritten("Momentum: the velocity is set by a step before and read off one behind, on a linear layer's weight");
  const dampening = time > 0 ? 1 - beta : 0;
  const nesterov = mode === 'nesterov';
  const tuned = parameter(nl, x, { lr: 0, momentum: alpha, dampening, weightDecay, nesterov });
  try {
    tuned.step(
      velocity.map((v, i) => v - weightDecay * x[i]),
      0,
    );
    tuned.step(gradient, rate);
    const moved = tuned.value();
    tuned.step(
      moved.map((value) => -weightDecay * value),
      1,
    );
    // Nesterov's step looks one momentum further ahead.
    const ahead = nesterov ? alpha ** 2 : alpha;
    const velocities = tuned.value().map((value, i) => (moved[i] - value) / ahead);
    const shapes = /** @type {Values[]} */ (inputs).slice(2, 2 + count).map(({ shape }) => shape);
    return [moved, velocities].flatMap((values) => split(values, shapes));
  } finally {
    tuned.dispose();
  }
}

/** Steps after which Adam's moments need no correction: 0.95 to the power of that many is 0. */
const LONG = 1e6;

/**
 * One step of Adam, from moments that a state has put there. Where T is 0 ONNX corrects no bias; elsewhere its epsilon is
 * added before the correction, PyTorch's after it.
 *
 * @param {Engine} nl
 * @param {Operator} node
 */
function adamStep(nl, { attributes, inputs, rewritten }) {
  const { alpha, beta, epsilon: eps, norm_coefficient: weightDecay } = attributes;
  const [[rate], [time], ...rest] = /** @type {Values[]} */ (inputs).map(({ data }) => Array.from(data));
  if (time > 0) throw new NotExpressible("Adam with ONNX's place of epsilon");
  const count = rest.length / 4;
  const [x, gradient, first, second] = [0, 1, 2, 3].map((part) => rest.slice(part * count, (part + 1) * count).flat());
  rewritten("Adam: the moments are put and read through a trainer's state, on a linear layer's weight");
  const tuned = parameter(nl, x, { type: 'adam', betas: [alpha, beta], eps, weightDecay });
  try {
    tuned.keep({ exp_avg: first, exp_avg_sq: second }, LONG);
    tuned.step(gradient, rate);
    const shapes = /** @type {Values[]} */ (inputs).slice(2, 2 + count).map(({ shape }) => shape);
    return [tuned.value(), tuned.kept('exp_avg'), tuned.kept('exp_avg_sq')].flatMap((values) => split(values, shapes));
  } finally {
    tuned.dispose();
  }
}

/** A safetensors file opened for changes. @param {Uint8Array} file */
function openState(file) {
  const bytes = file.slice();
  const length = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  const body = bytes.slice(8 + length);
  return {
    /** @type {Record<string, string>} */
    metadata: header.__metadata__,
    /** @param {string} name @returns {Float32Array} a view */
    tensor(name) {
      const [begin, end] = header[name].data_offsets;
      return new Float32Array(body.buffer, begin, (end - begin) / 4);
    },
    bytes() {
      const text = JSON.stringify(header);
      const encoded = new TextEncoder().encode(text.padEnd(8 * Math.ceil(text.length / 8)));
      const out = new Uint8Array(8 + encoded.length + body.length);
      new DataView(out.buffer).setBigUint64(0, BigInt(encoded.length), true);
      out.set(encoded, 8);
      out.set(body, 8 + encoded.length);
      return out;
    },
  };
}

/** @param {number[]} values @param {number[][]} shapes @returns {Values[]} */
function split(values, shapes) {
  let at = 0;
  return shapes.map((shape) => {
    const data = values.slice(at, at + sizeOf(shape));
    at += data.length;
    return { data, shape };
  });
}

/** @param {string} name @returns {() => never} */
const absent = (name) => () => {
  throw new NotExpressible(`the optimizer ${name}`);
};

export const OPTIMIZERS = { Momentum: momentumStep, Adam: adamStep, Adagrad: absent('Adagrad') };
