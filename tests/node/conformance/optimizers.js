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
  return {
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

export const OPTIMIZERS = { Momentum: momentumStep, Adam: absent('Adam'), Adagrad: absent('Adagrad') };
