/*
 * Figures that others have published, mostly because they were surprised by them. Each is reproduced from the input that the
 * source gives, to as many digits as it prints: `printed` allows half a unit in the last one.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertWithin } from './support/assertions.js';
import { fromRecipe } from './support/golden.js';
import { random } from './support/random.js';
import { product } from './support/reference.js';
import { forEachVariant } from './support/variants.js';

const tensor = (values, ...shape) => ({ data: Float32Array.from(values), shape });
/** torch.arange */
const arange = (...shape) => tensor(new Array(product(shape)).keys(), ...shape);
const full = (value, ...shape) => tensor(new Array(product(shape)).fill(value), ...shape);

/** @param {ArrayLike<number>} actual @param {number[]} expected @param {number} digits behind the point */
const printed = (actual, expected, digits, what) => assertWithin(actual, expected, 0.5 * 10 ** -digits, what);

await forEachVariant((nl) => {
  /** running_mean and running_var after one batch. */
  const after = (layer, x) => {
    layer.forward(x);
    const { running_mean, running_var } = layer.stateDict();
    layer.dispose();
    return { mean: running_mean.data, variance: running_var.data };
  };

  describe('the running variance is unbiased in PyTorch, the one that normalizes is not', () => {
    // https://github.com/pytorch/pytorch/issues/60528
    test('pytorch 60528: running_var 1.1667 where the biased variance makes it 1.15', () => {
      // [n][c][l] = 1 + n + 4 c + l
      const x = tensor(
        Array.from({ length: 48 }, (_, i) => 1 + Math.floor(i / 12) + (i % 12)),
        4,
        3,
        4,
      );
      const layer = nl.batchNorm1d(3, { momentum: 0.1, affine: true, trackRunningStats: true });
      const { data } = layer.forward(x);
      const row = [-1.8974, -1.2649, -0.6325, 0, 0.6325, 1.2649, 1.8974];
      const expected = Array.from({ length: 48 }, (_, i) => row[Math.floor(i / 12) + (i % 4)]);
      printed(data, expected, 4, 'y');
      printed(layer.stateDict().running_var.data, [1.1667, 1.1667, 1.1667], 4, 'running_var');
      printed(after(nl.batchNorm1d(3, { runningVar: 'biased' }), x).variance, [1.15, 1.15, 1.15], 4, 'biased');
    });

    // https://github.com/pytorch/pytorch/issues/106366
    test('pytorch 106366: running_var 1.0259, with the biased variance 1.0250', () => {
      // Four samples each of 1, 2, 3, 4.
      const x = tensor(
        Array.from({ length: 16 * 18 }, (_, i) => 1 + Math.floor(i / (4 * 18))),
        16,
        2,
        3,
        3,
      );
      // The formula for 1.0259 takes the variance over both channels; per channel, 1 + 0.1 (180 / 143 - 1) is 1.02587.
      printed(after(nl.batchNorm2d(2), x).variance, [1.0259, 1.0259], 4, 'running_var');
      printed(after(nl.batchNorm2d(2, { runningVar: 'biased' }), x).variance, [1.025, 1.025], 4, 'biased');
    });

    // https://github.com/pytorch/pytorch/issues/19916
    test('pytorch 19916: with three samples and momentum 1, 1.333, 1, 2.333 against .889, .667, 1.556', () => {
      // Only the statistics are in the issue; these are the whole numbers that have them.
      const x = tensor([1, 2, 0, 3, 3, 1, 3, 4, 3], 3, 3);
      const unbiased = after(nl.batchNorm1d(3, { momentum: 1 }), x);
      const biased = after(nl.batchNorm1d(3, { momentum: 1, runningVar: 'biased' }), x);
      printed(unbiased.mean, [2.3333333, 3, 1.3333334], 6, 'running_mean');
      printed(unbiased.variance, [1.3333334, 1, 2.3333333], 6, 'running_var');
      printed(biased.mean, [2.3333335, 3, 1.3333334], 6, 'running_mean, biased');
      printed(biased.variance, [0.8888889, 0.6666667, 1.5555557], 6, 'running_var, biased');
      // Hence the complaint: after such a batch eval mode is not training mode; with the biased variance it is.
      for (const [runningVar, same] of [
        ['unbiased', false],
        ['biased', true],
      ]) {
        const layer = nl.batchNorm1d(3, { momentum: 1, runningVar });
        const [trained, evaluated] = [layer.train().forward(x).data, layer.eval().forward(x).data];
        const apart = Math.max(...trained.map((value, i) => Math.abs(value - evaluated[i])));
        assert.equal(apart < 1e-6, same, `${runningVar}: ${apart}`);
        layer.dispose();
      }
    });

    // https://github.com/pytorch/pytorch/issues/7028
    test('pytorch 7028: momentum 1 keeps 12, 109, 5.3333, 1.3333', () => {
      const x = tensor([2, 15, 2, 1, 2, 17, 2, 1, -4, -2, -2, -1], 3, 4);
      const { mean, variance } = after(nl.batchNorm1d(4, { momentum: 1 }), x);
      printed(mean, [0, 10, 0.6667, 0.3333], 4, 'running_mean');
      printed(variance, [12, 109, 5.3333, 1.3333], 4, 'running_var');
      const biased = after(nl.batchNorm1d(4, { momentum: 1, runningVar: 'biased' }), x).variance;
      printed(biased.map(Math.sqrt), [2.828427, 8.524474, 1.8856181, 0.94280905], 5, 'as numpy.std has it');
    });

    // https://github.com/keras-team/keras/issues/10443
    test('keras 10443: of 1, 2, 3, 4 the moving variance is 1.667 with the divisor m - 1, 1.25 with m', () => {
      const x = tensor([1, 2, 3, 4], 4, 1);
      // Keras' momentum 0 is PyTorch's 1.
      const unbiased = after(nl.batchNorm1d(1, { momentum: 1 }), x);
      printed(unbiased.mean, [2.5], 4, 'mean');
      // Printed there as 1.6672224: Keras 2 divided by m - 1 - eps, with eps 1e-3, which is 5 / 2.999 and not 5 / 3.
      printed(unbiased.variance, [1.667], 3, 'unbiased');
      printed(after(nl.batchNorm1d(1, { momentum: 1, runningVar: 'biased' }), x).variance, [1.25], 4, 'biased');
    });

    // https://github.com/pytorch/pytorch/issues/1381
    test('pytorch 1381: one value per channel, whose unbiased variance is 0 / 0, is refused, not made NaN', () => {
      const layer = nl.batchNorm2d(2);
      assert.throws(() => layer.forward(full(1, 1, 2, 1, 1)), /Expected more than 1 value per channel when training/);
      assert.deepEqual(layer.stateDict().running_var.data, Float32Array.of(1, 1));
      layer.dispose();
    });
  });

  describe('variances that cancel', () => {
    // https://github.com/pytorch/pytorch/issues/40302: "the internal computed variance will be all zeros while the expected
    // variance should be around 1e-4", for torch.randn(1024, 32768) * 0.01 + 100.
    const LENGTH = 32768;
    const x = { data: fromRecipe({ seed: 40302, scale: 0.01, shift: 100 }, 4 * LENGTH), shape: [4, LENGTH] };
    // Rounded to float32, which has steps of 7.6e-6 there, a draw of 32,768 still has its variance to three digits.
    const kept = ({ invstd }, rows, what) => {
      assert.equal(invstd.length, rows, what);
      for (const value of invstd) assertWithin([1 / value ** 2 - 1e-12], [1e-4], 5e-6, what);
    };
    const layers = {
      LayerNorm: [() => nl.layerNorm(LENGTH, { eps: 1e-12, elementwiseAffine: false }), x, 4],
      GroupNorm: [() => nl.groupNorm(2, 4, { eps: 1e-12 }), { ...x, shape: [2, 4, LENGTH / 2] }, 4],
      InstanceNorm: [() => nl.instanceNorm1d(2, { eps: 1e-12 }), { ...x, shape: [2, 2, LENGTH] }, 4],
      BatchNorm: [() => nl.batchNorm1d(4, { eps: 1e-12 }), { ...x, shape: [LENGTH, 4] }, 4],
    };
    for (const [name, [make, input, rows]] of Object.entries(layers)) {
      test(`pytorch 40302: mean 100 and deviation 0.01 over 32768 values keep their variance of 1e-4 in ${name}`, () => {
        const layer = make();
        const { data } = layer.forward(input);
        kept(layer.savedStats(), rows, name);
        const spread = data.reduce((sum, value) => sum + value * value, 0) / data.length;
        assertWithin([spread], [1], 1e-5, 'mean square of y');
        layer.dispose();
      });
    }

    // https://github.com/pytorch/pytorch/issues/5410
    test('pytorch 5410: constant channels of up to 1e10 normalize to zero, not to -1 or 1', () => {
      const { uniform } = random(5410);
      for (const scale of [1, 1e7, 1e10, 1e30]) {
        const values = Array.from({ length: 5 }, () => scale * (2 * uniform() - 1));
        const constant = tensor(
          Array.from({ length: 500 }, (_, i) => values[Math.floor(i / 100)]),
          1,
          5,
          10,
          10,
        );
        const layer = nl.batchNorm2d(5, { affine: false });
        assert.deepEqual(layer.forward(constant).data, new Float32Array(500));
        layer.dispose();
      }
    });

    // https://github.com/BVLC/caffe/issues/3963: a mean of 100.000015 made it -0.00483.
    test('caffe 3963: 1 x 1 x 3 x 3 values of 100 normalize to zero', () => {
      const layer = nl.batchNorm2d(1);
      assert.deepEqual(layer.forward(full(100, 1, 1, 3, 3)).data, new Float32Array(9));
      assert.deepEqual([...layer.savedStats().mean], [100]);
      layer.dispose();
    });

    // https://github.com/pytorch/pytorch/issues/108072: 1.0001 in the second row, the bias being 1 there.
    test('pytorch 108072: LayerNorm of the rows 2, 2 and 14, 14 with eps 1e-6 is the bias exactly', () => {
      const rows = tensor([2, 2, 14, 14, 2, 2, 14, 14], 2, 2, 2);
      const layer = nl.layerNorm(2, { eps: 1e-6 });
      assert.deepEqual(layer.forward(rows).data, new Float32Array(8));
      layer.loadStateDict({ weight: tensor([1, 1], 2), bias: tensor([1, 1], 2) });
      assert.deepEqual(layer.eval().forward(rows).data, new Float32Array(8).fill(1));
      layer.dispose();
    });

    // https://github.com/pytorch/pytorch/issues/81090: -1.6787, -1.5704, ... in the first rows, -1.6812, -1.5728, ... in the
    // last, though all rows are 32 whole numbers in sequence.
    test('pytorch 81090: 32 numbers in sequence are -1.6787 to 1.6787, at 6.4 million too', () => {
      const layer = nl.layerNorm(32, { elementwiseAffine: false });
      for (const first of [0, 3_200_000, 6_399_968]) {
        const { data } = layer.forward(
          tensor(
            Array.from({ length: 32 }, (_, i) => first + i),
            1,
            32,
          ),
        );
        printed(data.subarray(0, 3), [-1.6787, -1.5704, -1.4621], 4, `from ${first}`);
        printed(data.subarray(29), [1.4621, 1.5704, 1.6787], 4, `to ${first + 31}`);
      }
      layer.dispose();
    });
  });

  describe('instance norm', () => {
    // https://github.com/pytorch/pytorch/issues/58843
    test('pytorch 58843: in eval mode with running statistics it gives what BatchNorm gives', () => {
      const x = random(58843).tensor([3, 2, 1, 3]);
      const options = { affine: true, trackRunningStats: true };
      const [batch, instance] = [nl.batchNorm2d(2, options), nl.instanceNorm2d(2, options)];
      assert.deepEqual(instance.eval().forward(x), batch.eval().forward(x));
      assert.notDeepEqual(instance.train().forward(x), batch.train().forward(x));
      for (const layer of [batch, instance]) layer.dispose();
    });

    // https://github.com/flagos-ai/FlagGems/issues/4885: a variance recovered from invstd had 2 eps too much.
    test('FlagGems 4885: running_var does not depend on eps', () => {
      const x = random(4885).tensor([2, 3, 5, 5]);
      const runs = [1e-5, 0.1, 1].map((eps) => after(nl.instanceNorm2d(3, { eps, trackRunningStats: true }), x));
      assert.deepEqual(runs[1], runs[0]);
      assert.deepEqual(runs[2], runs[0]);
    });
  });

  // The outputs written down in PyTorch's own C++ tests, for torch.arange(...):
  // https://github.com/pytorch/pytorch/blob/main/test/cpp/api/modules.cpp
  describe("PyTorch's test/cpp/api/modules.cpp", () => {
    for (const [dims, rest] of [
      [1, [2]],
      [2, [2, 2]],
      [3, [2, 2, 2]],
    ]) {
      test(`BatchNorm${dims}d: eval mode of a new layer divides by sqrt(1 + 1e-5)`, () => {
        const layer = nl[`batchNorm${dims}d`](5).eval();
        const x = arange(2, 5, ...rest);
        const { data } = layer.forward(x);
        // 10 is 10.0000 and 11 is 10.9999; 78.9996 is the largest.
        const at = { 3: 3, 10: 10, 11: 10.9999, 17: 16.9999, 19: 18.9999, 30: 29.9998, 50: 49.9997, 79: 78.9996 };
        const shown = Object.entries(at).filter(([i]) => Number(i) < data.length);
        printed(
          shown.map(([i]) => data[i]),
          shown.map(([, value]) => value),
          4,
          'y',
        );
        layer.dispose();
      });

      test(`InstanceNorm${dims}d: each plane of ${2 ** dims} numbers in sequence is the same`, () => {
        const layer = nl[`instanceNorm${dims}d`](5).eval();
        const { data } = layer.forward(arange(2, 5, ...rest));
        const planes = {
          1: [-1, 1],
          2: [-1.3416, -0.4472, 0.4472, 1.3416],
          3: [-1.5275, -1.0911, -0.6547, -0.2182, 0.2182, 0.6547, 1.0911, 1.5275],
        };
        const plane = planes[dims];
        // The source's tolerance, 1e-3 of the value, is wider: eps takes 2e-5 of the deviation 0.5.
        assertWithin(
          data,
          Array.from(data, (_, i) => plane[i % plane.length]),
          7e-5,
          'y',
        );
        layer.dispose();
      });
    }
  });
});
