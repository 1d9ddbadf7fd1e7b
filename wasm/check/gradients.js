import { checkBatch, checkInteger, checkLabels, checkNumber, checkOptions, describe, sizeOf } from '../checks.js';
import { NormlabError } from '../errors.js';
import { Model } from '../model.js';
import { random } from '../random.js';
import { dot, largest, largestFinite, norm } from './arithmetic.js';
import { Network } from './network.js';

/**
 * @typedef {import('../data/dataset.js').Tensor} Tensor
 *
 * @typedef {object} CheckOptions
 * @property {Tensor} [x] `[N, …input]`; default: standard normal noise
 * @property {ArrayLike<number>} [labels] `N` classes; default: drawn evenly
 * @property {number} [batchSize] number of samples N where x is not given; default 4
 * @property {'train' | 'eval'} [mode] default `'train'`; whatever mode the model is in
 * @property {number} [samples] elements that are checked one by one in each tensor; default 16
 * @property {number} [seed] of all that is drawn; default 0
 * @property {number} [tolerance] the largest relative error that passes; default 1e-3
 *
 * @typedef {object} TensorCheck
 * @property {string} key as in the state dictionary; 'input' for the input
 * @property {number[]} shape
 * @property {number} checked elements that were compared one by one
 * @property {number} worst the largest relative error; NaN where a value is none
 * @property {number[] | null} at the element that it belongs to, as an index; null: no element but the direction
 * @property {number} engine the engine's derivative there: ∂loss/∂element, or along the direction
 * @property {number} expected what it should be
 * @property {number | null} direction the relative error along the random direction; null where all elements were compared
 * @property {boolean} passed
 *
 * @typedef {object} GradientCheck
 * @property {TensorCheck[]} parameters in the order of `model.parameters`, without those that are frozen
 * @property {TensorCheck} input
 * @property {{ engine: number, expected: number, error: number }} loss mean cross-entropy; the error is relative to the
 *   loss, or absolute where that is below 1
 * @property {{ engine: number, expected: number, error: number, at: number[] }} logits the worst one, its error relative
 *   to the largest logit
 * @property {number} undecided branches of ReLU and max pooling that hang on less than float32's rounding: with none of
 *   them a failure cannot be a false alarm. Noise is drawn so that there are none, if that is possible
 * @property {boolean} passed whether all errors are within the tolerance
 */

/**
 * A gradient below this share of the model's largest one is compared on the scale of that share: see
 * {@link checkGradients}.
 */
const FLOOR = 0.01;

/** What the engine's values are off at most from float64's, relative to a layer's root mean square. */
const ROUNDING = 4e-6;

/** Values that a batch may hold: half a gigabyte of float64. */
const MOST_VALUES = 2 ** 26;

/** How many batches of noise are drawn in search of one without undecided branches. */
const DRAWS = 16;

/**
 * Compares the engine's backward pass with a float64 network of its own, which goes forward only: the derivatives that are
 * expected are differences of its outputs, and what they say cannot share a mistake with a backward formula.
 *
 * Both get the model's present weights and running statistics. Where these are special a mistake may not show: at weight 1
 * and bias 0, as normalization layers start, a factor or term that is missing changes nothing.
 *
 * In each tensor `samples` elements are compared one by one, always with the one whose gradient is largest in the engine:
 *
 *     error = |engine - expected| / max( max |g|, 0.01 * G )
 *
 * where g are the gradients of that tensor, and G is the largest gradient of all parameters. With the last term, gradients
 * that are zero in exact arithmetic (a bias before BatchNorm, which the mean takes away) are not divided by their own
 * rounding. All elements are then compared at once along a direction d of random signs, as `d · g` against the derivative
 * of the loss along d, relative to the length of g (0.01 * G * √size at least). Where that alone fails, halving the
 * direction leads to an element.
 *
 * A dropout drops in both what it would drop in the model's next training forward.
 *
 * The model is left as it was, running statistics, `num_batches_tracked` and `passes` included.
 *
 * @param {Model} model
 * @param {CheckOptions} [options]
 * @returns {GradientCheck}
 * @throws {NormlabError} as `model.gradients` does
 */
export function checkGradients(model, options) {
  const steps = gradientCheck(model, options);
  let step = steps.next();
  while (!step.done) step = steps.next();
  return step.value;
}

/**
 * The same in steps, between which the caller may do something else.
 *
 * @param {Model} model
 * @param {CheckOptions} [options]
 * @returns {Generator<{ done: number, total: number, parameters: TensorCheck[] }, GradientCheck, void>} derivatives that
 *   are made, of how many, and the parameters that are finished
 */
export function* gradientCheck(model, options) {
  const { given, labels, batchSize, mode, samples, seed, tolerance } = read(model, options);
  const source = random(seed);
  const factors = mode === 'train' ? model.dropoutFactors(batchSize) : new Map();
  const network = new Network(model.spec, model.stateDict(), mode === 'train', model.frozen, factors);
  const batch = given
    ? { x: given, labels: labels ?? drawLabels(source, given.shape[0], model.classes) }
    : drawBatch(network, source, [batchSize, ...model.input], labels ?? drawLabels(source, batchSize, model.classes));
  const engine = undisturbed(model, mode, () => model.gradients(batch.x, batch.labels));
  network.forward(batch.x.data, batch.labels);

  /** @type {Subject[]} */
  const subjects = trained(model).map(({ key, shape }) => ({
    key,
    shape,
    gradient: engine.grads[key].data,
    along: (direction) => network.alongParameter(key, direction),
  }));
  const largestOfAll = subjects.reduce((most, { gradient }) => Math.max(most, largestFinite(gradient)), 0);
  const [key, along] = ['input', (/** @type {Float64Array} */ direction) => network.alongInput(direction)];
  subjects.push({ key, shape: engine.input.shape, gradient: engine.input.data, along });

  const total = subjects.reduce((sum, { gradient: { length } }) => sum + Math.min(length, samples + 1), 0);
  /** @type {TensorCheck[]} */
  const finished = [];
  let done = 0;
  for (const subject of subjects) {
    const steps = checkTensor(subject, { samples, tolerance, floor: FLOOR * largestOfAll, source });
    let step = steps.next();
    for (; !step.done; step = steps.next()) yield { done: ++done, total, parameters: finished };
    finished.push(step.value);
  }

  const parameters = finished.slice(0, -1);
  const input = finished[finished.length - 1];
  const loss = compareLoss(engine.loss, network.loss);
  const logits = compareLogits(engine.logits, network.logits);
  const passed = finished.every((check) => check.passed) && [loss, logits].every(({ error }) => error <= tolerance);
  return { parameters, input, loss, logits, undecided: network.close(ROUNDING), passed };
}

/**
 * @param {Model} model
 * @param {CheckOptions} [options]
 */
function read(model, options) {
  const call = 'checkGradients';
  if (!(model instanceof Model)) {
    throw new NormlabError('argument', `${call}: model: expected what nl.model() makes, got ${describe(model)}`);
  }
  const known = ['x', 'labels', 'batchSize', 'mode', 'samples', 'seed', 'tolerance'];
  const {
    x,
    labels,
    batchSize = 4,
    mode = 'train',
    samples = 16,
    seed = 0,
    tolerance = 1e-3,
  } = checkOptions(call, 'options', options, known);
  if (mode !== 'train' && mode !== 'eval') {
    throw new NormlabError('argument', `${call}: mode: expected 'train' or 'eval', got ${describe(mode)}`);
  }
  const allowed = checkNumber(call, 'tolerance', tolerance);
  if (!(allowed >= 0)) {
    throw new NormlabError('argument', `${call}: tolerance: expected a number >= 0, got ${describe(tolerance)}`);
  }
  const given = x === undefined ? null : checkBatch(call, 'x', x, model.input);
  const n = given?.n ?? checkInteger(call, 'batchSize', batchSize, 1);
  const values = n * sizeOf(model.input);
  if (values > MOST_VALUES) {
    throw new NormlabError('memory', `${call}: a batch of ${n} holds ${values} values, of ${MOST_VALUES} at most`);
  }
  return {
    given,
    labels: labels === undefined ? null : checkLabels(call, labels, n, model.classes),
    batchSize: n,
    mode,
    samples: checkInteger(call, 'samples', samples, 1),
    seed: checkInteger(call, 'seed', seed, 0, Number.MAX_SAFE_INTEGER),
    tolerance: allowed,
  };
}

/** @param {Source} source @param {number} n @param {number} classes */
const drawLabels = (source, n, classes) => Int32Array.from({ length: n }, () => source.below(classes));

/**
 * Noise for which every branch is clear, or of some draws the one with the fewest that are not.
 *
 * @param {Network} network
 * @param {Source} source
 * @param {number[]} shape
 * @param {ArrayLike<number>} labels
 */
function drawBatch(network, source, shape, labels) {
  let best = { data: new Float32Array(), undecided: Number.POSITIVE_INFINITY };
  for (let i = 0; i < DRAWS && best.undecided > 0; i++) {
    const data = Float32Array.from({ length: sizeOf(shape) }, source.normal);
    network.forward(data, labels);
    const undecided = network.close(ROUNDING);
    if (undecided < best.undecided) best = { data, undecided };
  }
  return { x: { data: best.data, shape }, labels };
}

/**
 * Lets something be done with the model in that mode, and puts everything back as it was.
 *
 * @template T
 * @param {Model} model
 * @param {string} mode
 * @param {() => T} use
 */
function undisturbed(model, mode, use) {
  const { training, passes } = model;
  const state = model.stateDict();
  try {
    model.train(mode === 'train');
    return use();
  } finally {
    model.train(training).loadStateDict(state);
    model.passes = passes;
  }
}

/** What is frozen has no gradient. @param {Model} model */
function trained({ parameters, frozen }) {
  return parameters.filter(({ key }) => !frozen.includes(key.slice(0, key.lastIndexOf('.'))));
}

/**
 * @typedef {ReturnType<typeof random>} Source
 *
 * @typedef {object} Subject a tensor to be checked
 * @property {string} key
 * @property {number[]} shape
 * @property {Float32Array} gradient the engine's
 * @property {(direction: Float64Array) => number} along the derivative that is expected
 *
 * @typedef {{ at: number, engine: number, expected: number, error: number }} Comparison of one element; at -1 for none
 */

/**
 * @param {Subject} subject
 * @param {{ samples: number, tolerance: number, floor: number, source: Source }} options
 * @returns {Generator<void, TensorCheck, void>} pauses after each derivative
 */
function* checkTensor({ key, shape, gradient, along }, { samples, tolerance, floor, source }) {
  const size = gradient.length;
  const direction = new Float64Array(size);
  /** @param {number} at */
  const single = (at) => {
    direction.fill(0)[at] = 1;
    return { at, engine: gradient[at], expected: along(direction) };
  };
  const singles = [];
  for (const at of pick(gradient, samples, source)) {
    singles.push(single(at));
    yield;
  }
  const scale = Math.max(largestFinite(gradient), largestFinite(singles.map(({ expected }) => expected)), floor);
  let worst = worstOf(singles.map((values) => withError(values, scale)));
  let alongAll = null;
  if (size > samples) {
    const signs = Float64Array.from(gradient, source.sign);
    const values = { at: -1, engine: dot(gradient, signs), expected: along(signs) };
    alongAll = withError(values, Math.max(norm(gradient), Math.abs(values.expected), floor * Math.sqrt(size)));
    yield;
    if (worst.error <= tolerance && !(alongAll.error <= tolerance)) {
      const found = withError(single(locate(gradient, signs, values, along)), scale);
      worst = found.error <= tolerance ? alongAll : found;
    }
  }
  return {
    key,
    shape,
    checked: singles.length,
    worst: worst.error,
    at: worst.at < 0 ? null : indexOf(worst.at, shape),
    engine: worst.engine,
    expected: worst.expected,
    direction: alongAll?.error ?? null,
    passed: worst.error <= tolerance && (alongAll === null || alongAll.error <= tolerance),
  };
}

/**
 * Places in a tensor: that of the largest gradient, or of one that is no number, then others as they are drawn; all where
 * there are no more than that.
 *
 * @param {Float32Array} gradient
 * @param {number} samples
 * @param {Source} source
 */
function pick(gradient, samples, source) {
  const size = gradient.length;
  if (size <= samples) return gradient.keys();
  const most = largest(gradient);
  const first = gradient.findIndex((value) => Number.isNaN(value) || Math.abs(value) === most);
  const picked = new Set([first]);
  while (picked.size < samples) picked.add(source.below(size));
  return picked;
}

/**
 * The element that an error along a direction comes from: of two halves always the one with the larger error.
 *
 * @param {Float32Array} gradient
 * @param {Float64Array} signs the direction
 * @param {{ engine: number, expected: number }} values along it
 * @param {Subject['along']} along
 */
function locate(gradient, signs, { engine, expected }, along) {
  let [from, to, error] = [0, gradient.length, engine - expected];
  while (to - from > 1) {
    const middle = (from + to) >> 1;
    const half = new Float64Array(signs.length);
    half.set(signs.subarray(from, middle), from);
    const first = dot(gradient, half) - along(half);
    const second = error - first;
    if (Math.abs(first) >= Math.abs(second)) [to, error] = [middle, first];
    else [from, error] = [middle, second];
  }
  return from;
}

/**
 * @param {Omit<Comparison, 'error'>} values
 * @param {number} scale
 * @returns {Comparison}
 */
function withError(values, scale) {
  const difference = Math.abs(values.engine - values.expected);
  return { ...values, error: difference === 0 ? 0 : difference / scale };
}

/** @param {Comparison[]} comparisons @returns {Comparison} */
const worstOf = (comparisons) =>
  comparisons.reduce((worst, one) => (Number.isNaN(one.error) || one.error > worst.error ? one : worst));

/** @param {number} place @param {number[]} shape */
function indexOf(place, shape) {
  const index = [...shape];
  for (let dim = shape.length - 1, rest = place; dim >= 0; dim--) {
    index[dim] = rest % shape[dim];
    rest = Math.floor(rest / shape[dim]);
  }
  return index;
}

/** @param {number} engine @param {number} expected */
function compareLoss(engine, expected) {
  const { error } = withError({ at: -1, engine, expected }, Math.max(1, Math.abs(expected)));
  return { engine, expected, error };
}

/** @param {Tensor} logits the engine's @param {Float64Array} values */
function compareLogits({ data, shape }, values) {
  const scale = largest(values);
  const all = Array.from(values, (expected, at) => withError({ at, engine: data[at], expected }, scale));
  const { at, engine, expected, error } = worstOf(all);
  return { engine, expected, error, at: indexOf(at, shape) };
}
