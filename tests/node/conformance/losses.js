import { axisLast, lastToAxis, place, reshape, sizeOf } from './arrays.js';
import { NotExpressible } from './operator.js';

/** @typedef {import('./operator.js').Engine} Engine */
/** @typedef {import('./operator.js').Operator} Operator */
/** @typedef {import('./operator.js').Values} Values */

/**
 * A model that gives its input as the logits: what is left of `gradients` is the softmax and the loss.
 *
 * @typedef {(rows: Float32Array, labels: number[]) => ReturnType<import('normlab').Model['gradients']>} LossOf
 *
 * @template T
 * @param {Engine} nl
 * @param {number} classes
 * @param {(gradients: LossOf) => T} use
 */
function withLogits(nl, classes, use) {
  const model = nl.model({ input: [classes], seed: 0, layers: [{ type: 'identity' }] });
  try {
    return use((rows, labels) => model.gradients({ data: rows, shape: [labels.length, classes] }, labels));
  } finally {
    model.dispose();
  }
}

/**
 * The softmax of each row. The gradient of the mean loss is (softmax - onehot) / N; two labels are tried and each value is
 * taken where it is not the label, so that nothing is subtracted from it.
 *
 * @param {Engine} nl
 * @param {Float32Array} rows
 * @param {number} classes
 */
function softmaxRows(nl, rows, classes) {
  if (classes < 2) throw new NotExpressible('a softmax over one value');
  const n = rows.length / classes;
  return withLogits(nl, classes, (gradients) => {
    const tried = [0, 1].map((label) => gradients(rows, new Array(n).fill(label)).input.data);
    return rows.map((_, i) => n * tried[i % classes === 0 ? 1 : 0][i]);
  });
}

/**
 * Logarithms of the softmax: the losses of batches of one, for each label in turn.
 *
 * @param {Engine} nl
 * @param {Float32Array} rows
 * @param {number} classes
 */
function logSoftmaxRows(nl, rows, classes) {
  return withLogits(nl, classes, (gradients) =>
    rows.map((_, i) => {
      const label = i % classes;
      return -gradients(rows.slice(i - label, i - label + classes), [label]).loss;
    }),
  );
}

/** @param {(nl: Engine, rows: Float32Array, classes: number) => Float32Array} byRows */
const overAxis =
  (byRows) =>
  /** @param {Engine} nl @param {Operator} node */
  (nl, { attributes, inputs, opset }) => {
    const [x] = /** @type {Values[]} */ (inputs);
    const rank = x.shape.length;
    const axis = place(attributes.axis ?? (opset < 13 ? 1 : -1), rank);
    // Until opset 13 the dimensions from the axis on were one.
    const old = opset < 13 && axis < rank - 1;
    const seen = old ? reshape(x, [sizeOf(x.shape.slice(0, axis)), sizeOf(x.shape.slice(axis))]) : x;
    const at = old ? 1 : axis;
    const last = axisLast(seen, at);
    const y = byRows(nl, Float32Array.from(last.data), seen.shape[at]);
    return [reshape(lastToAxis({ data: y, shape: last.shape }, at), x.shape)];
  };

/**
 * How often each row counts: its class's weight as a whole number, in units of `1 / scale`.
 *
 * @param {number[]} labels
 * @param {Values | undefined} weight by class
 * @param {number | undefined} ignored
 * @param {(how: string) => void} rewritten
 */
function repeats(labels, weight, ignored, rewritten) {
  const counts = (/** @type {(label: number) => number} */ count) =>
    labels.map((label) => (label === ignored ? 0 : count(label)));
  if (labels.includes(/** @type {number} */ (ignored))) rewritten('ignore_index: those rows left out');
  if (!weight) return { times: counts(() => 1), scale: 1 };
  const tenths = Array.from(weight.data, (value) => 10 * value);
  if (tenths.some((value) => Math.abs(value - Math.round(value)) > 1e-5)) {
    throw new NotExpressible('class weights (other than whole tenths)');
  }
  rewritten('class weights of whole tenths: rows repeated');
  return { times: counts((label) => Math.round(tenths[label])), scale: 10 };
}

/**
 * The loss over rows, each counted so many times.
 *
 * @param {Engine} nl
 * @param {Float32Array} rows
 * @param {number[]} labels
 * @param {number} classes
 * @param {{ times: number[], scale: number }} counted
 * @param {'none' | 'sum' | 'mean'} reduction
 * @returns {number[]} one, or with reduction 'none' one a row
 */
function reduced(nl, rows, labels, classes, { times, scale }, reduction) {
  return withLogits(nl, classes, (gradients) => {
    const loss = (/** @type {number[]} */ which) => {
      if (which.length === 0) return 0;
      const batch = which.flatMap((row) => Array.from(rows.subarray(row * classes, (row + 1) * classes)));
      const { loss: mean } = gradients(
        Float32Array.from(batch),
        which.map((row) => labels[row]),
      );
      return reduction === 'mean' ? mean : (mean * which.length) / scale;
    };
    const repeated = (/** @type {number} */ row) => new Array(times[row]).fill(row);
    if (reduction === 'none') return labels.map((_, row) => loss(repeated(row)));
    return [loss(labels.flatMap((_, row) => repeated(row)))];
  });
}

/** @param {(rows: Float32Array, classes: number) => { rows: Float32Array, classes: number, offset: number }} logitsOf */
const lossOver =
  (logitsOf) =>
  /** @param {Engine} nl @param {Operator} node */
  (nl, { attributes, inputs, outputs, rewritten }) => {
    const { reduction = 'mean', ignore_index: ignored } = attributes;
    const [x, target, weight] = /** @type {[Values, Values, Values?]} */ (inputs);
    const last = axisLast(x, 1);
    if (x.shape.length > 2) rewritten('losses over [N, C, d…]: the classes moved last, the rest as the batch');
    const labels = Array.from(target.data);
    const classes = x.shape[1];
    const values = Float32Array.from(last.data);
    const counted = repeats(labels, weight, ignored, rewritten);
    const logits = logitsOf(values, classes);
    const losses = reduced(nl, logits.rows, labels, logits.classes, counted, reduction);
    // The offset is part of each row's loss as often as the row counts.
    const share = (/** @type {number[]} */ times) => times.reduce((a, b) => a + b, 0) / counted.scale;
    const offsets = {
      none: () => losses.map((value, row) => value - logits.offset * share([counted.times[row]])),
      sum: () => [losses[0] - logits.offset * share(counted.times)],
      mean: () => [losses[0] - logits.offset],
    };
    const data = offsets[/** @type {keyof typeof offsets} */ (reduction)]();
    const loss = { data, shape: reduction === 'none' ? target.shape : [] };
    if (outputs === 1) return [loss];
    const logProbabilities = { data: logSoftmaxRows(nl, values, classes), shape: last.shape };
    return [loss, lastToAxis(logProbabilities, 1)];
  };

/** @param {Engine} nl @param {Operator} node */
const softmaxCrossEntropy = lossOver((rows, classes) => ({ rows, classes, offset: 0 }));

/**
 * -x[label] without a softmax: beside one more class of logit 60, whose exponential the others' do not change, the loss is
 * 60 - x[label].
 */
const DWARFING = 60;
const negativeLogLikelihood = lossOver((rows, classes) => {
  const wider = new Float32Array((rows.length / classes) * (classes + 1)).fill(DWARFING);
  for (let i = 0; i < rows.length; i++) {
    if (Math.abs(rows[i]) > 10) throw new NotExpressible('negative log-likelihoods of large values');
    wider[Math.floor(i / classes) * (classes + 1) + (i % classes)] = rows[i];
  }
  return { rows: wider, classes: classes + 1, offset: DWARFING };
});

export const LOSSES = {
  Softmax: overAxis(softmaxRows),
  LogSoftmax: overAxis(logSoftmaxRows),
  SoftmaxCrossEntropyLoss: softmaxCrossEntropy,
  /** @param {Engine} nl @param {Operator} node */
  NegativeLogLikelihoodLoss(nl, node) {
    node.rewritten('NegativeLogLikelihoodLoss: a class is added that outweighs all others in the softmax');
    return negativeLogLikelihood(nl, node);
  },
};
