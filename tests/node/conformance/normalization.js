import { place, reshape, sizeOf, tensor } from './arrays.js';
import { NotExpressible } from './operator.js';

/** @typedef {import('./operator.js').Engine} Engine */
/** @typedef {import('./operator.js').Operator} Operator */
/** @typedef {import('./operator.js').Values} Values */

const DEFAULT_EPS = 1e-5;

/**
 * Sets what is given of a layer's tensors.
 *
 * @param {import('normlab').NormLayer} layer
 * @param {Record<string, Values | undefined>} tensors
 */
function load(layer, tensors) {
  const given = Object.entries(tensors).flatMap(([key, values]) => (values ? [[key, tensor(values)]] : []));
  layer.loadStateDict(Object.fromEntries(given), { strict: false });
}

/** @param {Engine} nl @param {number} rank of the input */
const batchNormOf = (nl, rank) => [nl.batchNorm1d, nl.batchNorm1d, nl.batchNorm2d, nl.batchNorm3d][rank - 2];

/** ONNX's momentum is the weight of the old statistics, and its running variance the biased one. */
/** @param {Engine} nl @param {Operator} node */
function batchNormalization(nl, { attributes, inputs, outputs }) {
  const [x, weight, bias, mean, variance] = /** @type {Values[]} */ (inputs);
  const { epsilon: eps = DEFAULT_EPS, momentum = 0.9, training_mode: training = 0 } = attributes;
  const make = batchNormOf(nl, x.shape.length);
  const layer = make(x.shape[1], { eps, momentum: 1 - momentum, runningVar: 'biased' });
  try {
    load(layer, { weight, bias, running_mean: mean, running_var: variance });
    layer.train(training === 1);
    const y = layer.forward(tensor(x));
    const { running_mean, running_var } = layer.stateDict();
    return [y, running_mean, running_var].slice(0, outputs);
  } finally {
    layer.dispose();
  }
}

/** @param {'layerNorm' | 'rmsNorm'} factory */
const overTrailing =
  (factory) =>
  /** @param {Engine} nl @param {Operator} node */
  (nl, { attributes, inputs, outputs }) => {
    const [x, weight, bias] = /** @type {[Values, Values?, Values?]} */ (inputs);
    const axis = place(attributes.axis ?? -1, x.shape.length);
    const options = { eps: attributes.epsilon ?? DEFAULT_EPS, ...(factory === 'layerNorm' && { bias: Boolean(bias) }) };
    const layer = nl[factory](x.shape.slice(axis), options);
    try {
      load(layer, { weight, bias });
      const y = layer.forward(tensor(x));
      const { mean, invstd } = layer.savedStats();
      const shape = x.shape.map((size, d) => (d < axis ? size : 1));
      return [y, { data: mean, shape }, { data: invstd, shape }].slice(0, outputs);
    } finally {
      layer.dispose();
    }
  };

/** @param {Engine} nl @param {Operator} node */
function groupNormalization(nl, { attributes, inputs }) {
  const [x, weight, bias] = /** @type {Values[]} */ (inputs);
  const layer = nl.groupNorm(attributes.num_groups, x.shape[1], { eps: attributes.epsilon ?? DEFAULT_EPS });
  try {
    load(layer, { weight, bias });
    return [layer.forward(tensor(x))];
  } finally {
    layer.dispose();
  }
}

/** @param {Engine} nl @param {Operator} node */
function instanceNormalization(nl, { attributes, inputs }) {
  const [x, weight, bias] = /** @type {Values[]} */ (inputs);
  const make = [nl.instanceNorm1d, nl.instanceNorm2d, nl.instanceNorm3d][x.shape.length - 3];
  const layer = make(x.shape[1], { eps: attributes.epsilon ?? DEFAULT_EPS, affine: true });
  try {
    load(layer, { weight, bias });
    return [layer.forward(tensor(x))];
  } finally {
    layer.dispose();
  }
}

/**
 * (x - mean) / (std + 1e-9): a BatchNorm without weights whose eps is too small to count beside the variance, as the
 * operator's is beside the standard deviation.
 *
 * @param {Engine} nl
 * @param {Operator} node
 */
function meanVarianceNormalization(nl, { attributes, inputs, rewritten }) {
  const [x] = /** @type {Values[]} */ (inputs);
  const { axes = [0, 2, 3] } = attributes;
  if (`${axes}` !== '0,2,3') throw new NotExpressible(`statistics over the axes ${axes}`);
  rewritten('MeanVarianceNormalization as a BatchNorm of eps 1e-18 without weights');
  const [n, c] = x.shape;
  const layer = nl.batchNorm1d(c, { eps: 1e-18, affine: false, trackRunningStats: false });
  try {
    const y = layer.forward(tensor(reshape(x, [n, c, sizeOf(x.shape.slice(2))])));
    return [reshape(y, x.shape)];
  } finally {
    layer.dispose();
  }
}

export const NORMALIZATION = {
  BatchNormalization: batchNormalization,
  LayerNormalization: overTrailing('layerNorm'),
  RMSNormalization: overTrailing('rmsNorm'),
  GroupNormalization: groupNormalization,
  InstanceNormalization: instanceNormalization,
  MeanVarianceNormalization: meanVarianceNormalization,
};
