import { checkBatch, checkBoolean, checkLabels, checkOptions, describe, sizeOf } from './checks.js';
import { NormlabError } from './errors.js';
import { NL_EVAL, NL_TRAIN } from './generated/exports.js';
import { BINS, checkBins, measuredBins, momentsAt, readMeasured } from './measure.js';

/*
 * What looks into models and trainers: methods whose bodies stand here, for a page that only trains is without them until it
 * is given them by `addProbing`.
 */

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./model.js').Model} Model
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 */

/**
 * `model.gradients`.
 *
 * @param {Model} model
 * @param {Tensor} x
 * @param {ArrayLike<number>} labels
 * @returns {import('./model.js').Gradients}
 */
function gradients(model, x, labels) {
  const call = 'model.gradients';
  const { runtime } = model;
  const handle = model.handle(call);
  const { exports } = runtime;
  const { data, shape, n } = checkBatch(call, 'x', x, model.input);
  const targets = checkLabels(call, labels, n, model.classes);
  const mode = model.training ? NL_TRAIN : NL_EVAL;
  return runtime.withScratch((scratch) => {
    const loss = scratch.take(8);
    const logits = scratch.take(n * model.classes * 4);
    const dinput = scratch.take(data.length * 4);
    const input = scratch.floats(data);
    const ints = scratch.ints(targets);
    model.check(call, exports.nl_model_gradients(handle, loss, logits, dinput, input, ints, n, mode));
    /** @type {Record<string, Tensor>} */
    const grads = {};
    model.trained().forEach(({ key, size, shape: of, index }) => {
      const address = exports.nl_model_tensor_grad(handle, index);
      grads[key] = { data: runtime.floats(address, size).slice(), shape: [...of] };
    });
    return {
      loss: runtime.doubles(loss, 1)[0],
      logits: { data: runtime.floats(logits, n * model.classes).slice(), shape: [n, model.classes] },
      grads,
      input: { data: runtime.floats(dinput, data.length).slice(), shape: [...shape] },
    };
  });
}

/**
 * `model.compareModes`.
 *
 * @param {Model} model
 * @param {Tensor} x
 * @param {{ labels?: ArrayLike<number>, bins?: number, layers?: boolean } | undefined} options
 * @returns {import('./model.js').Comparison}
 */
function compareModes(model, x, options) {
  const call = 'model.compareModes';
  const { runtime } = model;
  const handle = model.handle(call);
  const { exports } = runtime;
  const known = ['labels', 'bins', 'layers'];
  const { labels, bins = BINS, layers: wanted = true } = checkOptions(call, 'options', options, known);
  const count = checkBins(call, bins);
  const rows = checkBoolean(call, 'layers', wanted) ? model.layers : [];
  const { data, n } = checkBatch(call, 'x', x, model.input);
  const targets = labels === undefined ? null : checkLabels(call, labels, n, model.classes);
  const width = exports.nl_model_compare_row(count);
  const out = model.layers[model.layers.length - 1].shape;
  return runtime.withScratch((scratch) => {
    const figures = wanted ? scratch.take(rows.length * width * 8) : 0;
    const outputs = [0, 1].map(() => scratch.take(n * model.classes * 4));
    const input = scratch.floats(data);
    const [train, evaluated] = outputs;
    model.check(call, exports.nl_model_compare(handle, figures, train, evaluated, input, n, count));
    const score = (/** @type {number} */ address) => {
      const [loss, correct, ints] = [scratch.take(8), scratch.take(4), scratch.ints(targets ?? [])];
      runtime.check(call, exports.nl_cross_entropy(loss, correct, 0, address, ints, 0, n, model.classes));
      return { loss: runtime.doubles(loss, 1)[0], accuracy: runtime.ints(correct, 1)[0] / n };
    };
    const layers = rows.map(({ key, type, shape }, index) => {
      const row = runtime.doubles(figures + index * width * 8, width);
      return { key, type, shape: [...shape], ...comparison(row, count) };
    });
    const logits = outputs.map((address) => ({
      data: runtime.floats(address, n * model.classes).slice(),
      shape: [n, ...out],
    }));
    const classes = logits.map(({ data: values }) => predictions(values, model.classes));
    const changed = classes[0].flatMap((label, i) => (label === classes[1][i] ? [] : [i]));
    return {
      layers,
      logits: { train: logits[0], eval: logits[1] },
      changed,
      ...(targets && { figures: { train: score(train), eval: score(evaluated) } }),
    };
  });
}

/**
 * A row of nl_model_compare's figures; the header has its layout.
 *
 * @param {Float64Array} row
 * @param {number} bins
 */
function comparison(row, bins) {
  const moments = (/** @type {number} */ at, /** @type {number} */ counts) => momentsAt(row, at, 14, counts, bins);
  const [maxAbs, meanAbs, rms, cosine] = row.subarray(10, 14);
  return { train: moments(0, 16), eval: moments(5, 16 + bins), diff: { maxAbs, meanAbs, rms, cosine } };
}

/**
 * The first largest of each row.
 *
 * @param {Float32Array} logits
 * @param {number} classes
 */
function predictions(logits, classes) {
  return Array.from({ length: logits.length / classes }, (_, i) => {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    return row.reduce((best, value, j) => (value > row[best] ? j : best), 0);
  });
}

/**
 * `model.dropoutFactors`.
 *
 * @param {Model} model
 * @param {number} n
 * @returns {Map<string, Float32Array>}
 */
function dropoutFactors(model, n) {
  const call = 'model.dropoutFactors';
  const { runtime } = model;
  const handle = model.handle(call);
  const dropouts = model.layers.flatMap(({ type, ...layer }, i) => (type === 'dropout' ? [{ ...layer, i }] : []));
  return new Map(
    dropouts.map(({ key, shape, i }) => {
      const size = n * sizeOf(shape);
      const factors = runtime.withScratch((scratch) => {
        const address = scratch.take(size * 4);
        runtime.check(call, runtime.exports.nl_model_dropout_factors(handle, address, i + 1, n));
        return runtime.floats(address, size).slice();
      });
      return [key, factors];
    }),
  );
}

/**
 * `model.freezable`.
 *
 * @param {Model} model
 * @param {string} call
 * @param {unknown} keys
 * @returns {{ key: string, node: number }[]}
 */
function freezable(model, call, keys) {
  const able = model.layers.flatMap(({ key, type, options }, index) =>
    model.runtime.types.get(type)?.batch && options.trackRunningStats !== false ? [{ key, node: index + 1 }] : [],
  );
  const wanted = keys ?? able.map(({ key }) => key);
  if (!Array.isArray(wanted)) {
    throw new NormlabError('argument', `${call}: keys: expected an array of layer keys, got ${describe(keys)}`);
  }
  return Array.from(wanted, (key) => {
    const found = able.find((layer) => layer.key === key);
    if (found) return found;
    const known = able.length > 0 ? `one of ${able.map((layer) => layer.key).join(', ')}` : 'none, there is none';
    const expected = `a batchNorm with running statistics (${known})`;
    throw new NormlabError('argument', `${call}: keys: expected ${expected}, got ${describe(key)}`);
  });
}

/**
 * `trainer.step`.
 *
 * @param {number} handle the trainer's
 * @param {Model} model
 * @param {Tensor} x
 * @param {ArrayLike<number>} labels
 * @param {{ measure?: boolean | { bins?: number } } | undefined} options
 * @returns {import('./trainer.js').Step}
 */
function step(handle, model, x, labels, options) {
  const call = 'trainer.step';
  const { runtime } = model;
  const { data, n } = checkBatch(call, 'x', x, model.input);
  const targets = checkLabels(call, labels, n, model.classes);
  const bins = measuredBins(call, checkOptions(call, 'options', options, ['measure']).measure);
  return runtime.withScratch((scratch) => {
    if (bins > 0) runtime.check(call, runtime.exports.nl_trainer_measure(handle, bins));
    const figures = scratch.take(24);
    const input = scratch.floats(data);
    const ints = scratch.ints(targets);
    model.check(call, runtime.exports.nl_trainer_step(handle, figures, input, ints, n));
    const [loss, accuracy, gradNorm] = runtime.doubles(figures, 3);
    const layers = bins > 0 && { layers: readMeasured(runtime, handle, model.layers, bins) };
    return { loss, accuracy, gradNorm, ...layers };
  });
}

export const probing = { compareModes, dropoutFactors, freezable, gradients, readMeasured, step };

/**
 * Adds these to an engine of `normlab/core`, for pages that need no more; `extendEngine` has them too.
 *
 * @param {{ runtime: Runtime }} core
 */
export const addProbing = ({ runtime }) => {
  Object.assign(runtime.extras, probing);
};
