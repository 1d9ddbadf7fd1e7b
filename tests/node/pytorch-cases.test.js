import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngine } from 'normlab';
import { differences, normalize } from './conformance/float64.js';
import { failure } from './support/assertions.js';
import { random } from './support/random.js';
import { forEachVariant, runsHere, VARIANTS } from './support/variants.js';

/*
 * What PyTorch's own tests (test/test_nn.py, the module inputs of torch/testing/_internal/common_modules.py, the samples of
 * common_methods_invocations.py) check about normalization layers, each as a test of the same name with PyTorch's inputs,
 * tolerances and words; a shape is printed as [1, 10, 1] where PyTorch says torch.Size([1, 10, 1]).
 *
 * Left out, because the thing does not exist here:
 *
 *   test_batchnorm_raises_error_if_running_var_or_running_mean_have_forward_grad   forward-mode differentiation
 *   gradgradcheck of test_batchnorm_grad and of all module inputs                  second derivatives
 *   test_layer_norm_grads_with_create_graph_flag                                   two ways to one gradient: there is one
 *   test_batchnorm_buffer_update_when_stats_are_not_tracked                        trackRunningStats cannot be changed later
 *   test_batch_norm_update_stats, running_mean must be defined in evaluation mode,
 *   running_mean without running_var, bias should contain 10 elements not 9,
 *   Expected weight (bias) to be of same shape as normalized_shape, GroupNorm's
 *   weight and bias of a wrong length                                              functions over separate tensors
 *   test_batchnorm_non_contig_cpu, test_GroupNorm_memory_format                    strides: one memory layout
 *   test_batchnorm_nhwc_cpu, test_groupnorm_nhwc                                   the same; their shapes are run below
 *   test_batchnorm_half_overflow, _test_LayerNorm_cpu_mixed_dtype (bf16, half)     other number types; the shape is run below
 *   F.batch_norm on shape (0,), LayerNorm and RMSNorm with a bias but no weight    no layer takes it
 *   eps of -0.5 in LayerNorm, GroupNorm (samples)                                  refused at construction, tested below
 *   test_layer_norm_large_tensor, (16, 3000, 3000, 16)                             9 GB: beyond a 32-bit memory
 *   batch_norm_stats on (1, 96, 112, 112, 112)                                     1.6 GB in three copies; (…, 112, 112) is run
 *   SyncBatchNorm                                                                  one device
 *   test_fuse_conv_bn_requires_grad, test_fuse_linear_bn_requires_grad             requires_grad
 *   the warning of an InstanceNorm without affine about a wrong num_features       warnings: it is taken in silence
 *   InstanceNorm with momentum=None: a TypeError there                             refused at construction, tested below
 *   GroupNorm(-2, 4), BatchNorm2d(0): accepted there                               refused at construction, tested below
 *   CrossEntropyLoss with ignore_index, an invalid reduction                       there is neither
 *   test_clip_grad_norm                                                            the trainer does not clip
 */

/** assertEqual's for float32. */
const DEFAULT = { rtol: 1.3e-6, atol: 1e-5 };

/**
 * torch.testing.TestCase.assertEqual, for which NaN is equal to NaN.
 *
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 * @param {string} what
 * @param {{ rtol: number, atol: number }} [tolerance]
 */
function close(actual, expected, what, { rtol, atol } = DEFAULT) {
  assert.equal(actual.length, expected.length, `${what}: number of values`);
  for (let i = 0; i < expected.length; i++) {
    if (Number.isNaN(actual[i]) && Number.isNaN(expected[i])) continue;
    // Written so that NaN differs from numbers.
    if (!(Math.abs(actual[i] - expected[i]) <= atol + rtol * Math.abs(expected[i]))) {
      assert.fail(`${what}[${i}]: ${actual[i]}, expected ${expected[i]}`);
    }
  }
}

const { tensor, uniform, below, labels } = random(20);
const product = (sizes) => sizes.reduce((a, b) => a * b, 1);
const filled = (shape, value) => ({ data: new Float32Array(product(shape)).fill(value), shape });
/** Uniform values. */
const rand = (shape, low = 0, high = 1) => ({
  data: Float32Array.from({ length: product(shape) }, () => low + (high - low) * uniform()),
  shape,
});
const arange = (length, from = 0, step = 1) => Float32Array.from({ length }, (_, i) => from + step * i);

/** Means and biased variances of equal runs of values. */
function moments(data, run) {
  return Array.from({ length: data.length / run }, (_, g) => {
    const part = Array.from(data.subarray(g * run, (g + 1) * run));
    const mean = part.reduce((a, b) => a + b, 0) / run;
    return { mean, variance: part.reduce((sum, value) => sum + (value - mean) ** 2, 0) / run };
  });
}

const KINDS = [
  [/^batchNorm/, 'batch'],
  [/^instanceNorm/, 'instance'],
  [/^groupNorm/, 'group'],
  [/^layerNorm/, 'trailing'],
  [/^rmsNorm/, 'rms'],
];

/** The float64 counterpart of a layer, with its parameters. */
function counterpart(factory, args, options, layer) {
  const [, kind] = KINDS.find(([name]) => name.test(factory));
  const { weight, bias, running_mean: mean, running_var: variance } = layer.stateDict();
  const eps = options.eps ?? (kind === 'rms' ? 2 ** -23 : 1e-5);
  return {
    kind,
    eps,
    ...(kind === 'group' && { groups: args[0] }),
    ...((kind === 'trailing' || kind === 'rms') && { normalizedShape: [args[0]].flat() }),
    weight: weight?.data,
    bias: bias?.data,
    ...(!layer.training && mean && { given: { mean: mean.data, variance: variance.data } }),
  };
}

/** Other weights, biases and statistics than those that a layer begins with. */
function perturb(layer) {
  const state = layer.stateDict();
  for (const [key, value] of Object.entries(state)) {
    if (key === 'num_batches_tracked') continue;
    const [low, high] = key === 'running_var' ? [0.5, 2] : [-1.5, 1.5];
    value.data = rand(value.shape, low, high).data;
  }
  layer.loadStateDict(state);
}

/** An unbatched input of InstanceNorm, as a batch of one. */
const batched = (factory, shape) => {
  const dims = /^instanceNorm(\d)d$/.exec(factory)?.[1];
  return dims && shape.length === Number(dims) + 1 ? [1, ...shape] : shape;
};

/**
 * One pass, forward and backward, against float64. The input's gradient is a difference times invstd, which magnifies its
 * rounding where that is large: for single values, whose variance is eps.
 */
function compare(layer, factory, args, options, x, dy, tolerance = DEFAULT) {
  const model = counterpart(factory, args, options, layer);
  const y = layer.forward(x);
  const gradients = layer.backward(dy);
  const expected = normalize(model, { data: x.data, shape: batched(factory, x.shape) }, dy.data);
  assert.deepEqual(y.shape, x.shape);
  assert.deepEqual(gradients.input.shape, x.shape);
  close(y.data, expected.y, 'output');
  const magnified = expected.invstd.reduce((most, value) => (value > most ? value : most), 1);
  close(gradients.input.data, expected.dx, 'input.grad', { ...tolerance, atol: tolerance.atol * magnified });
  if (model.weight) close(gradients.weight.data, expected.dweight, 'weight.grad', tolerance);
  if (model.bias) close(gradients.bias.data, expected.dbias, 'bias.grad', tolerance);
  return { model, y, gradients, expected };
}

/** Whether the backward pass of a float64 counterpart is its forward's. */
function gradcheck(model, shape, values = tensor(shape).data) {
  const x = { data: Float64Array.from(values), shape };
  const dy = tensor(shape).data;
  const numeric = differences(model, x, dy);
  close(normalize(model, x, dy).dx, numeric, 'gradcheck', { rtol: 1e-5, atol: 1e-5 });
}

const unequal = (data) => data.some((value) => value !== data[0]);

/*
 * common_modules.py's module inputs (1.13's common_nn.py has the same) and the samples of common_methods_invocations.py:
 * what they are called, factory, arguments, options, shapes of the input.
 */
const MODULES = [
  ['BatchNorm1d affine', 'batchNorm1d', [10], {}, [[4, 10]]],
  ['BatchNorm1d 3d_input', 'batchNorm1d', [5], {}, [[4, 5, 3]]],
  ['BatchNorm1d affine_simple_average', 'batchNorm1d', [10], { eps: 1e-3, momentum: null }, [[4, 10]]],
  ['BatchNorm1d not_affine', 'batchNorm1d', [10], { eps: 1e-3, momentum: 0.3, affine: false }, [[4, 10]]],
  [
    'BatchNorm1d not_tracking_stats',
    'batchNorm1d',
    [10],
    { eps: 1e-3, momentum: 0.3, trackRunningStats: false },
    [[4, 10]],
  ],
  ['BatchNorm1d 3d_input_not_affine', 'batchNorm1d', [5], { eps: 1e-3, momentum: 0.3, affine: false }, [[4, 5, 3]]],
  ['BatchNorm1d affine_not_bias', 'batchNorm1d', [10], { bias: false }, [[4, 10]]],
  ['BatchNorm2d', 'batchNorm2d', [3], {}, [[2, 3, 6, 6]]],
  ['BatchNorm2d 2d_simple_average', 'batchNorm2d', [3], { eps: 1e-3, momentum: null }, [[2, 3, 6, 6]]],
  ['BatchNorm2d momentum', 'batchNorm2d', [3], { eps: 1e-3, momentum: 0.8 }, [[2, 3, 6, 6]]],
  ['BatchNorm2d not_affine', 'batchNorm2d', [3], { eps: 1e-3, momentum: 0.8, affine: false }, [[2, 3, 6, 6]]],
  [
    'BatchNorm2d not_tracking_stats',
    'batchNorm2d',
    [3],
    { eps: 1e-3, momentum: 0.8, trackRunningStats: false },
    [[2, 3, 6, 6]],
  ],
  ['BatchNorm2d affine_not_bias', 'batchNorm2d', [3], { bias: false }, [[2, 3, 6, 6]]],
  ['BatchNorm3d', 'batchNorm3d', [3], {}, [[2, 3, 4, 4, 4]]],
  ['BatchNorm3d 3d_simple_average', 'batchNorm3d', [3], { eps: 1e-3, momentum: null }, [[2, 3, 4, 4, 4]]],
  ['BatchNorm3d momentum', 'batchNorm3d', [3], { eps: 1e-3, momentum: 0.7 }, [[2, 3, 4, 4, 4]]],
  ['BatchNorm3d not_affine', 'batchNorm3d', [3], { eps: 1e-3, momentum: 0.7, affine: false }, [[2, 3, 4, 4, 4]]],
  [
    'BatchNorm3d not_tracking_stats',
    'batchNorm3d',
    [3],
    { eps: 1e-3, momentum: 0.7, trackRunningStats: false },
    [[2, 3, 4, 4, 4]],
  ],
  ['BatchNorm3d affine_not_bias', 'batchNorm3d', [3], { bias: false }, [[2, 3, 4, 4, 4]]],
  ['batch_norm sample: momentum .5', 'batchNorm1d', [5], { momentum: 0.5, eps: 0.6 }, [[5, 5, 5]]],
  ['batch_norm sample: momentum -1.2', 'batchNorm1d', [2], { momentum: -1.2 }, [[3, 2, 4]]],
  ['batch_norm sample: momentum 0', 'batchNorm1d', [1], { momentum: 0 }, [[3, 1]]],
  ['batch_norm sample: momentum -1', 'batchNorm2d', [2], { momentum: -1, eps: 0.5 }, [[3, 2, 3, 4]]],
  ['batch_norm sample: default', 'batchNorm1d', [1], {}, [[2, 1]]],
  ['batch_norm sample: nothing but x', 'batchNorm1d', [2], { affine: false, trackRunningStats: false }, [[1, 2, 3]]],
  ['LayerNorm 1d_elementwise_affine', 'layerNorm', [[5]], { eps: 1e-3 }, [[4, 5, 5]]],
  ['LayerNorm 1d_elementwise_affine_large_batch', 'layerNorm', [[5]], { eps: 1e-3 }, [[128, 5, 5]]],
  ['LayerNorm 1d_no_elementwise_affine', 'layerNorm', [[5]], { eps: 1e-3, elementwiseAffine: false }, [[4, 5, 5]]],
  ['LayerNorm 3d_elementwise_affine', 'layerNorm', [[2, 2, 5]], { eps: 1e-3 }, [[4, 2, 2, 5]]],
  ['LayerNorm 3d_no_affine', 'layerNorm', [[2, 2, 5]], { eps: 1e-3, elementwiseAffine: false }, [[4, 2, 2, 5]]],
  ['LayerNorm 3d_elementwise_affine_no_bias', 'layerNorm', [[2, 2, 5]], { eps: 1e-3, bias: false }, [[4, 2, 2, 5]]],
  ['layer_norm sample: all dimensions', 'layerNorm', [[1, 2, 3]], { eps: 0.5 }, [[1, 2, 3]]],
  ['layer_norm sample: some dimensions', 'layerNorm', [[2, 3]], {}, [[2, 2, 3]]],
  ['layer_norm sample: one value', 'layerNorm', [[1]], {}, [[1]]],
  ['layer_norm sample: two values', 'layerNorm', [[2]], {}, [[1, 2]]],
  ['_test_LayerNorm_cpu_mixed_dtype', 'layerNorm', [[11, 3]], {}, [[2, 3, 11, 3]]],
  ['LayerNorm create_graph', 'layerNorm', [[16]], {}, [[4, 4, 16]]],
  ['GroupNorm 1d_affine', 'groupNorm', [3, 6], { eps: 1e-3 }, [[4, 6, 5]]],
  ['GroupNorm 1d_affine_GN', 'groupNorm', [3, 12], {}, [[4, 12]]],
  ['GroupNorm 1d_affine_large_batch', 'groupNorm', [1, 6], {}, [[150, 6]]],
  ['GroupNorm 1d_no_affine_IN', 'groupNorm', [5, 5], { eps: 1e-3, affine: false }, [[4, 5, 5]]],
  ['GroupNorm 1d_no_affine_LN', 'groupNorm', [1, 10], { eps: 1e-3, affine: false }, [[4, 10]]],
  ['GroupNorm 2d_affine', 'groupNorm', [3, 6], { eps: 1e-3 }, [[4, 6, 2, 3]]],
  ['GroupNorm 2d_affine_large_feature', 'groupNorm', [3, 6], {}, [[4, 6, 28, 28]]],
  ['GroupNorm 2d_no_affine_large_feature', 'groupNorm', [3, 51], { affine: false }, [[2, 51, 28, 28]]],
  ['GroupNorm 2d_no_affine_IN', 'groupNorm', [3, 3], { eps: 1e-3, affine: false }, [[4, 3, 2, 3]]],
  ['GroupNorm 2d_no_affine_LN', 'groupNorm', [1, 3], { eps: 1e-3, affine: false }, [[4, 3, 2, 3]]],
  ['GroupNorm 1d_affine_not_bias', 'groupNorm', [3, 6], { eps: 1e-3, bias: false }, [[4, 6, 5]]],
  ['group_norm sample: eps .5', 'groupNorm', [2, 6], { eps: 0.5 }, [[4, 6, 6]]],
  ...[1, 2, 3].flatMap((dims) =>
    [true, false].map((trackRunningStats) => {
      const shape = [
        [3, 15],
        [3, 6, 6],
        [3, 4, 4, 4],
      ][dims - 1];
      const name = `InstanceNorm${dims}d ${trackRunningStats ? 'tracking_stats' : ''} and no_batch_dim`;
      const options = { eps: 1e-3, momentum: 0.3, trackRunningStats, affine: trackRunningStats };
      return [name, `instanceNorm${dims}d`, [3], options, [[4, ...shape], shape]];
    }),
  ),
  ...[{ momentum: 0.5, eps: 0.6 }, { momentum: -1.2 }, { momentum: 0 }, { momentum: -1, eps: 0.5 }].map((options) => [
    `instance_norm sample: ${JSON.stringify(options)}`,
    'instanceNorm2d',
    [2],
    { ...options, trackRunningStats: true },
    [[3, 2, 3, 4]],
  ]),
  ['RMSNorm 1d_elementwise_affine', 'rmsNorm', [[5]], { eps: 1e-3 }, [[4, 5, 5]]],
  ['RMSNorm 1d_elementwise_affine_large_batch', 'rmsNorm', [[5]], { eps: 1e-3 }, [[128, 5, 5]]],
  ['RMSNorm 1d_no_elementwise_affine', 'rmsNorm', [[5]], { eps: 1e-3, elementwiseAffine: false }, [[4, 5, 5]]],
  ['RMSNorm 3d_elementwise_affine', 'rmsNorm', [[2, 2, 5]], { eps: 1e-3 }, [[4, 2, 2, 5]]],
  ['RMSNorm 3d_no_affine', 'rmsNorm', [[2, 2, 5]], { eps: 1e-3, elementwiseAffine: false }, [[4, 2, 2, 5]]],
];

const LARGE = [
  ['test_batchnorm_nhwc_cpu', 'batchNorm2d', [8], {}, [4, 8, 10, 10]],
  ['test_batchnorm_nhwc_cpu', 'batchNorm2d', [1], {}, [4, 1, 9, 9]],
  ['test_batchnorm_nhwc_cpu', 'batchNorm2d', [9], {}, [4, 9, 1, 1]],
  ['test_batchnorm_nhwc_cpu', 'batchNorm3d', [8], {}, [4, 8, 2, 10, 10]],
  ['test_batchnorm_nhwc_cpu', 'batchNorm3d', [1], {}, [4, 1, 2, 9, 9]],
  ['test_batchnorm_nhwc_cpu', 'batchNorm3d', [9], {}, [4, 9, 1, 1, 1]],
  ...[
    [4, [4, 8, 10, 10]],
    [3, [2, 30, 9, 9]],
    [4, [4, 8, 40, 40]],
    [2, [4, 40, 40, 40]],
    [3, [2, 30, 50, 50]],
    [3, [2, 60, 50, 50]],
    [3, [2, 9, 7, 11, 15]],
  ].map(([groups, shape]) => ['test_groupnorm_nhwc', 'groupNorm', [groups, shape[1]], {}, shape]),
];

/** PyTorch's inputs with N = 0. */
const EMPTY = [
  ...[
    [1, [0, 5, 9]],
    [2, [0, 5, 2, 2]],
    [3, [0, 5, 2, 2, 2]],
  ].map(([dims, shape]) => [`batchNorm${dims}d`, [5], { eps: 1e-3, momentum: 0.3, affine: false }, shape]),
  ['batchNorm2d', [3], {}, [0, 3, 2, 2]],
  ['layerNorm', [[5]], { eps: 1e-3 }, [0, 5]],
  ['layerNorm', [[1]], {}, [0, 1]],
  ['groupNorm', [2, 4], {}, [0, 4, 2, 2]],
  ['groupNorm', [1, 2], {}, [0, 2]],
  ['instanceNorm2d', [3], { affine: true, trackRunningStats: true }, [0, 3, 2, 2]],
  ['rmsNorm', [[5]], { eps: 1e-3 }, [0, 5]],
];

const MORE = 'Expected more than 1 value per channel when training, got input size';
const MORE_SPATIAL = 'Expected more than 1 spatial element when training, got input size';

describe('gradcheck of the module inputs, in float64', () => {
  for (const [name, factory, args, options, shapes] of MODULES) {
    const shape = batched(factory, shapes[0]);
    // Quadratic in the number of values.
    if (product(shape) > 400) continue;
    test(name, async () => {
      const nl = await createEngine();
      const layer = nl[factory](...args, options);
      perturb(layer);
      for (const mode of ['train', 'eval']) gradcheck(counterpart(factory, args, options, layer[mode]()), shape);
      nl.dispose();
    });
  }
});

await forEachVariant((nl) => {
  const refuses = (call, code, words) => assert.throws(call, failure(code, words));
  const run = (layer, shape) => layer.forward(filled(shape, 1));

  describe('module inputs, train and eval', () => {
    for (const [name, factory, args, options, shapes] of MODULES) {
      for (const shape of shapes) {
        test(`${name}, (${shape})`, () => {
          const layer = nl[factory](...args, options);
          perturb(layer);
          for (const mode of ['train', 'eval', 'train', 'eval']) {
            compare(layer[mode](), factory, args, options, tensor(shape), tensor(shape));
          }
          layer.dispose();
        });
      }
    }
  });

  describe('large inputs', () => {
    for (const [name, factory, args, options, shape] of LARGE) {
      test(`${name}, ${factory}(${JSON.stringify(args)}) on (${shape})`, () => {
        const layer = nl[factory](...args, options);
        perturb(layer);
        compare(layer, factory, args, options, rand(shape, -2, 2), rand(shape, -1, 1));
        layer.dispose();
      });
    }
  });

  describe('zero batch', () => {
    for (const [factory, args, options, shape] of EMPTY) {
      test(`${factory}(${JSON.stringify(args)}) on (${shape})`, () => {
        const layer = nl[factory](...args, options);
        for (const mode of ['train', 'eval']) {
          layer[mode]();
          const before = layer.stateDict();
          const y = layer.forward(filled(shape, 0));
          assert.deepEqual(y, filled(shape, 0));
          const { input, weight, bias } = layer.backward(filled(shape, 0));
          assert.deepEqual(input, filled(shape, 0));
          for (const [gradient, key] of [
            [weight, 'weight'],
            [bias, 'bias'],
          ]) {
            assert.deepEqual(gradient, before[key] && filled(before[key].shape, 0), `${key}.grad`);
          }
          const { num_batches_tracked: _, ...state } = layer.stateDict();
          const { num_batches_tracked: counted, ...unmoved } = before;
          assert.deepEqual(state, unmoved);
          // 1.13 counts an empty batch too.
          const counts = factory.startsWith('batchNorm') && mode === 'train' ? counted + 1 : counted;
          assert.equal(layer.stateDict().num_batches_tracked, counts);
        }
        layer.dispose();
      });
    }

    test('LayerNorm(0) on (3, 0)', () => {
      assert.deepEqual(nl.layerNorm(0).forward(filled([3, 0], 0)), filled([3, 0], 0));
    });
  });

  describe('BatchNorm', () => {
    test('test_batchnorm_raises_error_if_less_than_one_value_per_channel', () => {
      const layer = nl.batchNorm1d(10);
      const before = layer.stateDict();
      refuses(() => run(layer, [1, 10, 1]), 'shape', `${MORE} [1, 10, 1]`);
      refuses(() => run(layer, [1, 10]), 'shape', `${MORE} [1, 10]`);
      assert.deepEqual(layer.stateDict(), before);
      assert.deepEqual(run(layer, [1, 10, 2]).shape, [1, 10, 2]);
      const image = nl.batchNorm2d(3);
      refuses(() => run(image, [1, 3, 1, 1]), 'shape', `${MORE} [1, 3, 1, 1]`);
      assert.deepEqual(run(image.eval(), [1, 3, 1, 1]).shape, [1, 3, 1, 1]);
      refuses(() => run(nl.batchNorm3d(3), [1, 3, 1, 1, 1]), 'shape', `${MORE} [1, 3, 1, 1, 1]`);
      const untracked = nl.batchNorm2d(3, { trackRunningStats: false }).eval();
      refuses(() => run(untracked, [1, 3, 1, 1]), 'shape', `${MORE} [1, 3, 1, 1]`);
    });

    test('test_batchnorm_raises_error_if_running_mean_is_not_same_size_as_input, and weight', () => {
      for (const features of [9, 11]) {
        const words = `running_mean should contain 10 elements not ${features}`;
        for (const affine of [true, false]) {
          for (const mode of ['train', 'eval']) {
            refuses(() => run(nl.batchNorm1d(features, { affine })[mode](), [2, 10]), 'shape', words);
          }
        }
        const untracked = nl.batchNorm1d(features, { trackRunningStats: false });
        refuses(() => run(untracked, [2, 10]), 'shape', `weight should contain 10 elements not ${features}`);
      }
      const bare = nl.batchNorm2d(3, { affine: false, trackRunningStats: false });
      assert.deepEqual(run(bare, [2, 4, 2, 2]).shape, [2, 4, 2, 2]);
    });

    test('input dimensions', () => {
      const words = [
        ['batchNorm1d', [2, 3, 2, 2], 'expected 2D or 3D input (got 4D input)'],
        ['batchNorm1d', [3], 'expected 2D or 3D input (got 1D input)'],
        ['batchNorm2d', [2, 3, 2], 'expected 4D input (got 3D input)'],
        ['batchNorm3d', [2, 3, 2, 2], 'expected 5D input (got 4D input)'],
      ];
      for (const [factory, shape, text] of words) refuses(() => run(nl[factory](3), shape), 'shape', text);
      refuses(() => nl.batchNorm2d(0), 'argument', 'numFeatures');
    });

    for (const shape of [
      [3, 10],
      [3, 10, 5],
    ]) {
      test(`test_batchnorm_eval, ${shape.length} dimensions`, () => {
        const x = tensor(shape);
        const dy = tensor(shape);
        const layer = nl.batchNorm1d(10).eval();
        const passes = [0, 1].map(() => ({ y: layer.forward(x), gradients: layer.backward(dy) }));
        assert.deepEqual(passes[1], passes[0]);
        assert.ok(unequal(passes[0].y.data));

        const untracked = nl.batchNorm1d(10, { trackRunningStats: false });
        const train = { y: untracked.forward(x), gradients: untracked.backward(dy) };
        untracked.eval();
        assert.deepEqual({ y: untracked.forward(x), gradients: untracked.backward(dy) }, train);
        assert.deepEqual(Object.keys(untracked.stateDict()), ['weight', 'bias']);
      });

      test(`test_batchnorm_affine, ${shape.length} dimensions`, () => {
        const x = tensor(shape);
        const dy = tensor(shape);
        const [affine, plain] = [true, false].map((on) => nl.batchNorm1d(10, { affine: on }));
        close(affine.forward(x).data, plain.forward(x).data, 'output');
        close(affine.backward(dy).input.data, plain.backward(dy).input.data, 'input.grad');
      });

      test(`test_batchnorm_simple_average, ${shape.length} dimensions`, () => {
        const layer = nl.batchNorm1d(10, { momentum: null });
        const fresh = { mean: new Float32Array(10), variance: new Float32Array(10).fill(1) };
        const statistics = () => {
          const { running_mean: mean, running_var: variance } = layer.stateDict();
          return { mean: mean.data, variance: variance.data };
        };
        assert.deepEqual(statistics(), fresh);
        const batches = [tensor(shape), tensor(shape, 2, 1)];
        const alone = batches.map((x) => {
          layer.resetRunningStats();
          assert.deepEqual(statistics(), fresh);
          const y = layer.forward(x);
          return { y, ...statistics() };
        });
        layer.resetRunningStats();
        assert.equal(layer.stateDict().num_batches_tracked, 0);
        for (const [i, x] of batches.entries()) assert.deepEqual(layer.forward(x), alone[i].y);
        for (const key of ['mean', 'variance']) {
          const half = alone[0][key].map((value, c) => (value + alone[1][key][c]) / 2);
          close(statistics()[key], half, key);
        }
      });
    }

    test('test_batchnorm_grad', () => {
      for (const mode of ['train', 'eval']) {
        const layer = nl.batchNorm1d(5, { eps: 1e-4 })[mode]();
        const dict = {
          weight: { data: arange(5, 1), shape: [5] },
          bias: { data: arange(5), shape: [5] },
          running_mean: { data: arange(5, 1, -1), shape: [5] },
          // The first channel's is 0.
          running_var: { data: arange(5, 0, 2), shape: [5] },
        };
        layer.loadStateDict(dict);
        const x = { data: arange(120), shape: [4, 5, 6] };
        const dy = tensor([4, 5, 6]);
        const options = { eps: 1e-4 };
        gradcheck(compare(layer, 'batchNorm1d', [5], options, x, dy).model, x.shape, x.data);
      }
    });

    test('test_batchnorm: whole numbers', () => {
      const x = { data: Float32Array.from({ length: 128 }, () => 1 + below(9)), shape: [4, 8, 2, 2] };
      const layer = nl.batchNorm2d(8);
      const options = { weight: { data: Float32Array.from({ length: 8 }, () => 1 + below(9)), shape: [8] } };
      layer.loadStateDict({ ...layer.stateDict(), ...options });
      const { expected } = compare(layer, 'batchNorm2d', [8], {}, x, filled(x.shape, 1));
      const { running_mean: mean, running_var: variance } = layer.stateDict();
      close(
        mean.data,
        expected.mean.map((value) => 0.1 * value),
        'running_mean',
      );
      close(
        variance.data,
        expected.variance.map((value) => 0.9 + (0.1 * value * 16) / 15),
        'running_var',
      );
    });

    test('test_batchnorm_load_state_dict', () => {
      const layer = nl.batchNorm2d(3);
      assert.equal(layer.stateDict().num_batches_tracked, 0);
      layer.loadStateDict({ ...layer.stateDict(), num_batches_tracked: 10 });
      const { num_batches_tracked: count, ...older } = layer.stateDict();
      assert.equal(count, 10);
      layer.loadStateDict(older, { strict: false });
      assert.equal(layer.stateDict().num_batches_tracked, 10);
      layer.loadStateDict({}, { strict: false });
      assert.equal(layer.stateDict().num_batches_tracked, 10);
    });

    test('momenta: running statistics after [[1, 2], [3, 6]]', () => {
      const x = { data: Float32Array.of(1, 2, 3, 6), shape: [2, 2] };
      const expected = [
        [0, [0, 0], [1, 1]],
        [1, [2, 4], [2, 8]],
        [-1.2, [-2.4000000953674316, -4.800000190734863], [-0.20000004768371582, -7.40000057220459]],
        [2, [4, 8], [3, 15]],
      ];
      for (const [momentum, means, variances] of expected) {
        const layer = nl.batchNorm1d(2, { momentum });
        layer.forward(x);
        const { running_mean: mean, running_var: variance } = layer.stateDict();
        close(mean.data, means, `running_mean, momentum ${momentum}`);
        close(variance.data, variances, `running_var, momentum ${momentum}`);
      }
    });

    test('module_error_inputs: eps', () => {
      for (const [factory, shape] of [
        ['batchNorm1d', [4, 10]],
        ['batchNorm2d', [4, 10, 2, 2]],
        ['batchNorm3d', [4, 10, 2, 2, 2]],
      ]) {
        for (const eps of [0, -1]) {
          const words = `batch_norm eps must be positive during training, but got ${eps}`;
          for (const options of [{ eps }, { eps, affine: false }]) {
            refuses(() => run(nl[factory](10, options), shape), 'argument', words);
          }
          refuses(() => run(nl[factory](10, { eps, trackRunningStats: false }).eval(), shape), 'argument', words);
        }
        const negative = nl[factory](10, { eps: -1 }).eval();
        refuses(() => run(negative, shape), 'argument', 'batch_norm eps must be non-negative, but got -1');
        const zero = nl[factory](10, { eps: 0 }).eval();
        assert.deepEqual(run(zero, shape), filled(shape, 1));
        for (const eps of [Number.NaN, Infinity, -Infinity]) {
          refuses(() => nl[factory](10, { eps }), 'argument', 'eps');
        }
      }
    });

    test('NaN or infinity spoils its channel and no other', () => {
      for (const bad of [Number.NaN, Infinity]) {
        const layer = nl.batchNorm1d(2);
        const { data } = layer.forward({ data: Float32Array.of(bad, 1, 2, 3), shape: [2, 2] });
        const half = 1 / Math.sqrt(1 + 1e-5);
        assert.ok(Number.isNaN(data[0]) && Number.isNaN(data[2]), `${data}`);
        close([data[1], data[3]], [-half, half], 'the other channel');
      }
    });

    test('batch_norm_stats: the mean of (1, 96, 112, 112)', () => {
      const layer = nl.batchNorm2d(96);
      const x = rand([1, 96, 112, 112]);
      layer.forward(x);
      const means = moments(x.data, 112 * 112).map(({ mean }) => mean);
      close(layer.savedStats().mean, means, 'mean');
      layer.dispose();
    });

    for (const affine of [true, false]) {
      test(`test_fuse_module_eval_numerics, ${affine ? 'affine' : 'not affine'}`, () => {
        const conv = { type: 'conv2d', outChannels: 6, kernelSize: 3 };
        const both = nl.model({ input: [3, 5, 5], seed: 1, layers: [conv, { type: 'batchNorm', affine }] }).eval();
        const state = both.stateDict();
        state['1.running_mean'] = rand([6], -1, 1);
        state['1.running_var'] = rand([6], 0.1, 3);
        if (affine) Object.assign(state, { '1.weight': rand([6], -2, 2), '1.bias': rand([6], -2, 2) });
        both.loadStateDict(state);
        const of = (key, c, standard) => state[`1.${key}`]?.data[c] ?? standard;
        const scale = (c) => of('weight', c, 1) / Math.sqrt(of('running_var', c) + 1e-5);
        const [weight, bias] = [state['0.weight'], state['0.bias']];
        const fused = nl.model({ input: [3, 5, 5], layers: [conv] });
        fused.loadStateDict({
          '0.weight': { ...weight, data: weight.data.map((value, i) => value * scale(Math.floor(i / 27))) },
          '0.bias': {
            ...bias,
            data: bias.data.map((value, c) => (value - of('running_mean', c)) * scale(c) + of('bias', c, 0)),
          },
        });
        const x = tensor([5, 3, 5, 5]);
        close(both.forward(x).data, fused.forward(x).data, 'output');
      });
    }
  });

  describe('LayerNorm', () => {
    test('test_LayerNorm_general', () => {
      for (let ndim = 2; ndim <= 5; ndim++) {
        for (let last = 1; last <= ndim; last++) {
          const shape = Array.from({ length: ndim }, () => 3 + below(3));
          const normalized = shape.slice(ndim - last);
          const size = product(normalized);
          const layer = nl.layerNorm(normalized, { eps: 0 });
          const x = rand(shape, 0, 10);
          for (const { mean, variance } of moments(layer.forward(x).data, size)) {
            close([mean, variance], [0, 1], `${shape} over ${normalized}`, { rtol: 0, atol: 1e-5 });
          }
          const [scale, shift] = [0.2 + 1.8 * uniform(), 0.2 + 1.8 * uniform()];
          layer.loadStateDict({ weight: filled(normalized, scale), bias: filled(normalized, shift) });
          for (const { mean, variance } of moments(layer.forward(x).data, size)) {
            const what = `${shape} over ${normalized}, scaled`;
            close([mean, variance], [shift, scale ** 2], what, { rtol: 0, atol: 1e-5 });
          }
        }
      }
    });

    test('test_LayerNorm_general, errors', () => {
      refuses(
        () => run(nl.layerNorm([]), []),
        'argument',
        'Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got ' +
          'normalized_shape = []',
      );
      for (const [normalized, shape, words] of [
        [[2, 3], [3], '[2, 3], expected input with shape [*, 2, 3], but got input of size[3]'],
        [[2], [1, 2, 3], '[2], expected input with shape [*, 2], but got input of size[1, 2, 3]'],
        [[10], [2, 3], '[10], expected input with shape [*, 10], but got input of size[2, 3]'],
        [10, [2, 3], '[10], expected input with shape [*, 10], but got input of size[2, 3]'],
      ]) {
        for (const factory of ['layerNorm', 'rmsNorm']) {
          refuses(() => run(nl[factory](normalized), shape), 'shape', `Given normalized_shape=${words}`);
        }
      }
      for (const eps of [-0.5, Number.NaN, Infinity]) {
        for (const make of [() => nl.layerNorm(4, { eps }), () => nl.groupNorm(2, 4, { eps })]) {
          refuses(make, 'argument', 'eps');
        }
      }
    });

    test('test_layer_norm_eps', () => {
      const x = { data: Float32Array.of(2, 2, 14, 14), shape: [2, 2] };
      const layer = nl.layerNorm(2, { eps: 1e-6, elementwiseAffine: false });
      // PyTorch allows 1e-5, and 1.13 is off by 1.2e-4.
      assert.deepEqual(layer.forward(x), filled([2, 2], 0));
      assert.deepEqual(nl.layerNorm(1).forward(tensor([3, 1])), filled([3, 1], 0));
    });

    test('test_layernorm_weight_bias', () => {
      const x = tensor([2, 5, 7]);
      const outputs = [{}, { elementwiseAffine: false }, { bias: false }].map(
        (options) => nl.layerNorm(7, options).forward(x).data,
      );
      close(outputs[1], outputs[0], 'no weight, no bias');
      close(outputs[2], outputs[0], 'no bias');
    });

    test('test_layer_norm_backwards_eps', () => {
      const shapes = [
        [3, 3],
        [5, 5],
        [11, 11],
        [55, 55],
        [32, 32],
        [1024, 32],
        [33, 33],
        [1025, 33],
      ];
      for (const [m, n] of shapes) {
        const x = rand([m, n], -1, 1);
        const dy = rand([m, n], -1, 1);
        for (const options of [{}, { bias: false }, { elementwiseAffine: false }]) {
          const layer = nl.layerNorm(n, options);
          compare(layer, 'layerNorm', [n], options, x, dy, { atol: 1e-4, rtol: 1e-5 });
          layer.dispose();
        }
      }
    });
  });

  describe('GroupNorm', () => {
    const SHAPES = [
      [[1, 2, 3, 4], 2],
      [[2, 3, 10], 3],
      [[3, 1, 1, 1, 2], 1],
      [[2, 6, 4, 2, 2], 3],
      [[1, 256, 1, 1], 32],
    ];
    for (const [shape, groups] of SHAPES) {
      test(`test_GroupNorm_general, (${shape}), ${groups} groups`, () => {
        const [, channels, ...rest] = shape;
        const spatial = product(rest);
        const layer = nl.groupNorm(groups, channels, { eps: 0 });
        const x = rand(shape, 0, 10);
        const tolerance = { rtol: 0, atol: 1e-5 };
        const normalized = (data, what) => {
          for (const { mean, variance } of moments(data, (channels / groups) * spatial)) {
            close([mean, variance], [0, 1], what, tolerance);
          }
        };
        normalized(layer.forward(x).data, 'as it is');
        const [weight, bias] = [rand([channels], 0.2, 2), rand([channels], 0.2, 2)];
        layer.loadStateDict({ weight, bias });
        const channel = (i) => Math.floor(i / spatial) % channels;
        const undone = layer
          .forward(x)
          .data.map((value, i) => (value - bias.data[channel(i)]) / weight.data[channel(i)]);
        normalized(undone, 'scaled, and the scale taken back');
      });
    }

    test('test_GroupNorm_general, errors', () => {
      for (const [channels, groups] of [
        [2, 3],
        [3, 2],
        [1, 10],
        [6, 4],
      ]) {
        refuses(() => nl.groupNorm(groups, channels), 'argument', 'num_channels must be divisible by num_groups');
      }
      refuses(() => nl.groupNorm(3, 10), 'argument', ['num_channels (10)', 'num_groups (3)']);
      for (const groups of [0, -2]) refuses(() => nl.groupNorm(groups, 4), 'argument', 'numGroups');
    });

    test('test_GroupNorm_raises_error_if_one_value_per_group', () => {
      for (const mode of ['train', 'eval']) {
        refuses(() => run(nl.groupNorm(10, 10)[mode](), [1, 10, 1]), 'shape', `${MORE} [1, 10, 1]`);
        refuses(() => run(nl.groupNorm(1, 1)[mode](), [1, 1]), 'shape', `${MORE} [1, 1]`);
      }
      assert.deepEqual(run(nl.groupNorm(5, 10), [1, 10, 1]).shape, [1, 10, 1]);
      // The check counts N in: here each value is a group of its own.
      assert.deepEqual(nl.groupNorm(10, 10).forward(tensor([2, 10])), filled([2, 10], 0));
    });

    test('error_inputs_group_norm', () => {
      const words = 'Expected at least 2 dimensions for input tensor but received';
      refuses(() => run(nl.groupNorm(1, 1), [1]), 'shape', words);
      refuses(
        () => run(nl.groupNorm(2, 4), [2, 7, 4]),
        'shape',
        'Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 7, 4] and ' +
          'num_groups=2',
      );
      refuses(
        () => run(nl.groupNorm(2, 4), [2, 6, 2, 2]),
        'shape',
        'Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape [4] ' +
          'and input of shape [2, 6, 2, 2]',
      );
    });
  });

  describe('InstanceNorm', () => {
    const SHAPES = [
      [4, 5],
      [4, 3, 5],
      [3, 4, 5, 3],
    ].map(([c, ...rest]) => [3, c, ...rest]);
    for (const [index, shape] of SHAPES.entries()) {
      const dims = index + 1;
      const name = `instanceNorm${dims}d`;
      const [n, channels, ...rest] = shape;
      const spatial = product(rest);
      const channel = (i) => Math.floor(i / spatial) % channels;

      test(`test_InstanceNorm${dims}d_general`, () => {
        const layer = nl[name](channels, { eps: 0 });
        const x = rand(shape, 0, 10);
        const dy = tensor(shape);
        const train = { y: layer.forward(x), gradients: layer.backward(dy) };
        for (const { mean, variance } of moments(train.y.data, spatial)) {
          close([mean, variance], [0, 1], 'per instance', { rtol: 0, atol: 1e-5 });
        }
        layer.eval();
        assert.deepEqual({ y: layer.forward(x), gradients: layer.backward(dy) }, train);
      });

      test(`test_InstanceNorm${dims}d_general, tracking`, () => {
        const layer = nl[name](channels, { eps: 0, momentum: 1, trackRunningStats: true });
        const x = rand(shape, 0, 10);
        layer.forward(x);
        const instances = moments(x.data, spatial);
        const overN = (value) =>
          Array.from({ length: channels }, (_, c) => {
            const own = instances.filter((_, i) => i % channels === c);
            return own.reduce((sum, each) => sum + value(each), 0) / n;
          });
        const tolerance = { rtol: 0, atol: 1e-5 };
        const { running_mean: means, running_var: variances, num_batches_tracked: batches } = layer.stateDict();
        close(
          means.data,
          overN(({ mean }) => mean),
          'running_mean',
          tolerance,
        );
        close(
          variances.data,
          overN(({ variance }) => (variance * spatial) / (spatial - 1)),
          'running_var',
          tolerance,
        );
        assert.equal(batches, 0);

        layer.eval();
        const shifted = x.data.map((value, i) => value + channel(i) * Math.sqrt(variances.data[channel(i)]));
        const meansOf = (data) => {
          const parts = moments(layer.forward({ data, shape }).data, spatial);
          return Array.from({ length: channels }, (_, c) =>
            parts.reduce((sum, { mean }, i) => sum + (i % channels === c ? mean / n : 0), 0),
          );
        };
        const [before, after] = [meansOf(x.data), meansOf(shifted)];
        const moved = after.map((mean, c) => mean - before[c]);
        close(moved, arange(channels), 'the outputs have moved', tolerance);
      });

      test(`test_instancenorm${dims}d_raises_error_for_single_spatial_element_during_training`, () => {
        const single = [10, 3, ...rest.map(() => 1)];
        const layer = nl[name](3, { trackRunningStats: true });
        const before = layer.stateDict();
        refuses(() => run(layer, single), 'shape', `${MORE_SPATIAL} [${single.join(', ')}]`);
        assert.deepEqual(layer.stateDict(), before);
        assert.deepEqual(run(layer.eval(), single).shape, single);
      });

      test(`test_instancenorm${dims}d_raises_error_if_input_channels_is_not_num_features`, () => {
        const words = (dim) => `expected input's size at dim=${dim} to match num_features (4), but got: 2.`;
        for (const options of [{ affine: true }, { trackRunningStats: true }]) {
          refuses(() => run(nl[name](4, options), [3, 2, ...rest]), 'shape', words(1));
          refuses(() => run(nl[name](4, options), [2, ...rest]), 'shape', words(0));
        }
        for (const wrong of [
          [3, 2, ...rest],
          [2, ...rest],
        ]) {
          assert.deepEqual(run(nl[name](4), wrong).shape, wrong);
        }
      });

      test(`InstanceNorm${dims}d: input dimensions`, () => {
        const layer = nl[name](4);
        for (const ndim of [dims, dims + 3].filter((count) => count <= 5)) {
          const wrong = new Array(ndim).fill(4);
          const words = `expected ${dims + 1}D or ${dims + 2}D input (got ${ndim}D input)`;
          refuses(() => run(layer, wrong), 'shape', words);
        }
      });
    }

    test('test_instancenorm_raises_error_if_less_than_one_value_per_channel', () => {
      for (const mode of ['train', 'eval']) {
        const layer = nl.instanceNorm1d(10)[mode]();
        refuses(() => run(layer, [1, 10, 1]), 'shape', `${MORE_SPATIAL} [1, 10, 1]`);
        refuses(() => run(layer, [10, 1]), 'shape', `${MORE_SPATIAL} [1, 10, 1]`);
      }
    });

    test('momentum=None is refused', () => {
      refuses(() => nl.instanceNorm2d(3, { trackRunningStats: true, momentum: null }), 'argument', 'momentum');
    });

    test('a module that tracks, momentum 1: values of 1.13', () => {
      const layer = nl.instanceNorm2d(1, { trackRunningStats: true, momentum: 1 });
      layer.forward({ data: Float32Array.of(0, 2, 4, 6, 1, 3, 5, 7), shape: [2, 1, 2, 2] });
      const { running_mean: mean, running_var: variance, num_batches_tracked: batches } = layer.stateDict();
      close(mean.data, [3.5], 'running_mean');
      close(variance.data, [20 / 3], 'running_var');
      assert.equal(batches, 0);
    });
  });

  describe('RMSNorm', () => {
    test('test_rmsnorm_numeric', () => {
      const options = { eps: 0.5 };
      const layer = nl.rmsNorm([1, 2, 3], options);
      perturb(layer);
      compare(layer, 'rmsNorm', [[1, 2, 3]], options, tensor([1, 2, 3]), tensor([1, 2, 3]));
    });

    test('default eps: that of float32', () => {
      const x = filled([1, 4], 2 ** -12);
      const expected = 2 ** -12 / Math.sqrt(2 ** -24 + 2 ** -23);
      for (const options of [{}, { eps: null }]) {
        close(nl.rmsNorm(4, options).forward(x).data, new Array(4).fill(expected), 'output', { rtol: 1e-6, atol: 0 });
      }
    });

    test('errors are those of LayerNorm', () => {
      refuses(() => nl.rmsNorm([]), 'argument', 'Expected normalized_shape to be at least 1-dimensional');
      refuses(() => nl.rmsNorm(4, { bias: true }), 'argument', 'bias');
    });
  });

  describe('cross-entropy', () => {
    const logits = (classes) => nl.model({ input: [classes], layers: [{ type: 'identity' }] });

    test('Target 3 is out of bounds', () => {
      refuses(() => logits(3).gradients(tensor([2, 3]), [0, 3]), 'argument', 'Target 3 is out of bounds');
    });

    test('logits of 1e4, 0, -1e4: a loss of exactly 20000', () => {
      const x = { data: Float32Array.of(1e4, 0, -1e4), shape: [1, 3] };
      const { loss, input } = logits(3).gradients(x, [2]);
      assert.equal(loss, 20000);
      assert.deepEqual([...input.data], [1, 0, -1]);
    });
  });
});

/** Once, on the fastest variant: the memory that these take is what makes them slow. */
describe('the largest inputs', () => {
  const variant = VARIANTS.find(runsHere);
  const alone = async (body) => {
    const nl = await createEngine({ variant });
    try {
      body(nl);
    } finally {
      nl.dispose();
    }
  };

  /** Each value against a plain two-pass computation over its group of equal size. */
  function againstTwoPasses(x, y, size) {
    for (let from = 0; from < x.length; from += size) {
      let sum = 0;
      for (let i = from; i < from + size; i++) sum += x[i];
      const mean = sum / size;
      let squares = 0;
      for (let i = from; i < from + size; i++) squares += (x[i] - mean) ** 2;
      const invstd = 1 / Math.sqrt(squares / size + 1e-5);
      let worst = 0;
      for (let i = from; i < from + size; i++) {
        const error = Math.abs(y[i] - (x[i] - mean) * invstd);
        // Written so that NaN is the worst.
        if (!(error <= worst)) worst = error;
      }
      assert.ok(worst <= 1e-5, `group from ${from}: off by ${worst}`);
    }
  }

  test('test_LayerNorm_numeric: (2, 256, 256, 144)', () =>
    alone((nl) => {
      const x = rand([2, 256, 256, 144]);
      const y = nl.layerNorm([256, 256, 144]).forward(x);
      againstTwoPasses(x.data, y.data, 256 * 256 * 144);
    }));

  test('test_GroupNorm_numeric: (1, 8, 256, 256, 72), 2 groups', () =>
    alone((nl) => {
      const x = rand([1, 8, 256, 256, 72]);
      const y = nl.groupNorm(2, 8).forward(x);
      againstTwoPasses(x.data, y.data, 4 * 256 * 256 * 72);
    }));

  const MODULES_TOO = [
    ['LayerNorm 3d_elementwise_affine_large_feature', 'layerNorm', [[56, 56, 56]], [4, 56, 56, 56]],
    ['test_batchnorm_large_batch', 'batchNorm2d', [1], [880801, 1, 1, 1]],
    ['test_groupnorm_nhwc', 'groupNorm', [3, 9], [2, 9, 7, 200, 15]],
    ['test_groupnorm_nhwc', 'groupNorm', [3, 60], [2, 60, 7, 200, 15]],
    ...[
      [1024, 1024],
      [1025, 1025],
      [131072, 32],
      [32, 131072],
    ].map(([m, n]) => ['test_layer_norm_backwards_eps', 'layerNorm', [n], [m, n]]),
  ];
  for (const [name, factory, args, shape] of MODULES_TOO) {
    test(`${name}: (${shape})`, () =>
      alone((nl) => {
        const backward = shape[0] > 65536 ? { atol: 1e-3, rtol: 1e-3 } : { atol: 1e-4, rtol: 1e-5 };
        const tolerance = name === 'test_layer_norm_backwards_eps' ? backward : DEFAULT;
        const layer = nl[factory](...args);
        perturb(layer);
        compare(layer, factory, args, {}, rand(shape, -1, 1), rand(shape, -1, 1), tolerance);
      }));
  }

  // PyTorch's is of (128, 2, 768, 768): a sixteenth of it fits in.
  test('test_cross_entropy_loss_precision: (8 * 768 * 768, 2)', () =>
    alone((nl) => {
      const n = 8 * 768 * 768;
      const x = rand([n, 2], -3, 3);
      const targets = labels(n, 2);
      let sum = 0;
      for (let i = 0; i < n; i++) {
        const [own, other] = [x.data[2 * i + targets[i]], x.data[2 * i + 1 - targets[i]]];
        sum += Math.log1p(Math.exp(other - own));
      }
      const { loss } = nl.model({ input: [2], layers: [{ type: 'identity' }] }).gradients(x, targets);
      close([loss], [sum / n], 'loss');
    }));
});
