import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertClose, assertWithin, failure } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { random } from './support/random.js';
import { EIGHT, freshRunning, reference } from './support/reference.js';
import { forEachVariant } from './support/variants.js';

const { cases } = readGolden('layers.json');

/** @param {ArrayLike<number>} bounds */
const eightTimes = (bounds) => Float64Array.from(bounds, (bound) => EIGHT * bound);

/** Runs `body` with each pass of a case, what PyTorch gave for it, and what float64 predicts. */
function eachPass({ type, arguments: args, options, state, runs }, body) {
  const layer = { type, arguments: args, options, weight: state.weight?.data, bias: state.bias?.data };
  let running = 'running_mean' in runs[0] ? freshRunning(args[0]) : null;
  runs.forEach((run, index) => {
    const predicted = reference(layer, run.x, run.dy.data, run.mode, running);
    running = predicted.running;
    body(run, predicted, `pass ${index + 1} (${run.mode})`);
  });
}

const tensor = (values, ...shape) => ({ data: Float32Array.from(values), shape });

/** Every layer of these tests, with a shape that suits it. */
const LAYERS = [
  { name: 'batchNorm1d', make: (nl) => nl.batchNorm1d(5), shape: [4, 5], params: [5], tracks: true },
  { name: 'batchNorm2d', make: (nl) => nl.batchNorm2d(3), shape: [2, 3, 3, 5], params: [3], tracks: true },
  { name: 'layerNorm', make: (nl) => nl.layerNorm([3, 5]), shape: [4, 3, 5], params: [3, 5], tracks: false },
  { name: 'groupNorm', make: (nl) => nl.groupNorm(2, 6), shape: [3, 6, 5], params: [6], tracks: false },
];

describe('the float64 reference', () => {
  for (const golden of cases) {
    test(`agrees with PyTorch: ${golden.name}`, () => {
      eachPass(golden, (run, { values, running }, pass) => {
        // A value that is zero in exact arithmetic has no scale of its own.
        const same = (actual, expected, what) => {
          if (expected)
            assertWithin(
              actual,
              expected.data,
              expected.data.map((v) => 1e-11 + 1e-9 * Math.abs(v)),
              what,
            );
        };
        for (const key of ['y', 'dx', 'dweight', 'dbias', 'mean', 'invstd'])
          same(values[key], run[key], `${pass} ${key}`);
        same(running?.mean, run.running_mean, `${pass} running_mean`);
        same(running?.variance, run.running_var, `${pass} running_var`);
      });
    });
  }
});

await forEachVariant((nl) => {
  describe('against PyTorch', () => {
    for (const golden of cases) {
      test(golden.name, () => {
        const layer = nl[golden.type](...golden.arguments, golden.options);
        layer.loadStateDict(golden.state, { strict: false });
        eachPass(golden, (run, { bounds, running }, pass) => {
          const within = (actual, expected, bound, what) => {
            assert.equal(actual === undefined, expected === undefined, `${pass}: whether there is a ${what}`);
            if (!expected) return;
            if ('shape' in actual) assert.deepEqual(actual.shape, expected.shape, `${pass} ${what}`);
            assertWithin(actual.data ?? actual, expected.data, eightTimes(bound), `${pass} ${what}`);
          };
          layer.train(run.mode === 'train');
          within(layer.forward(run.x), run.y, bounds.y, 'y');
          const saved = layer.savedStats();
          within(saved.mean, run.mean, bounds.mean, 'mean');
          within(saved.invstd, run.invstd, bounds.invstd, 'invstd');
          const gradients = layer.backward(run.dy);
          within(gradients.input, run.dx, bounds.dx, 'input gradient');
          within(gradients.weight, run.dweight, bounds.dweight, 'weight gradient');
          within(gradients.bias, run.dbias, bounds.dbias, 'bias gradient');
          const state = layer.stateDict();
          within(state.running_mean, run.running_mean, running?.meanError, 'running_mean');
          within(state.running_var, run.running_var, running?.varianceError, 'running_var');
          assert.equal(state.num_batches_tracked, run.num_batches_tracked, `${pass} num_batches_tracked`);
        });
        layer.dispose();
      });
    }
  });

  describe('statistics', () => {
    test('a constant channel, row or group gives exactly the bias', () => {
      const biases = [0.3, -0.7];
      const bias = tensor(biases, 2);
      const weight = tensor([3, 4], 2);
      for (const value of [1e4, 0.1, -3.7, 1e30, 1e-40, 0]) {
        const x = tensor(new Array(30).fill(value), 3, 2, 5, 1);
        for (const layer of [nl.batchNorm2d(2), nl.groupNorm(1, 2), nl.groupNorm(2, 2)]) {
          layer.loadStateDict({ ...layer.stateDict(), weight, bias });
          const expected = Float32Array.from({ length: 30 }, (_, i) => biases[Math.floor(i / 5) % 2]);
          assert.deepEqual(layer.forward(x).data, expected, `${value}`);
          layer.dispose();
        }
        const rows = nl.layerNorm([5, 1], { eps: 1e-6 });
        assert.deepEqual(rows.forward(x).data, new Float32Array(30), `${value}`);
        rows.dispose();
      }
    });

    test("runningVar: 'biased' keeps the variance that it normalizes with", () => {
      const options = { runningVar: 'biased', momentum: 0.4 };
      const layer = nl.batchNorm1d(3, options);
      const { tensor: draw } = random(11);
      let running = freshRunning(3);
      for (let i = 0; i < 3; i++) {
        const x = draw([4, 3, 2], 2, 1);
        layer.forward(x);
        running = reference({ type: 'batchNorm1d', arguments: [3], options }, x, x.data, 'train', running).running;
        const { running_mean, running_var } = layer.stateDict();
        assertWithin(running_mean.data, running.mean, eightTimes(running.meanError), 'running_mean');
        assertWithin(running_var.data, running.variance, eightTimes(running.varianceError), 'running_var');
      }
      const unbiased = nl.batchNorm1d(3, { momentum: 1 });
      const biased = nl.batchNorm1d(3, { ...options, momentum: 1 });
      const x = draw([4, 3, 2]);
      unbiased.forward(x);
      biased.forward(x);
      const expected = unbiased.stateDict().running_var.data.map((value) => (value * 7) / 8);
      assertClose(biased.stateDict().running_var.data, expected, 1e-6, 'running_var');
    });

    test('momentum null is the average over batches', () => {
      const { tensor: draw } = random(12);
      const batches = [draw([4, 3]), draw([4, 3], 2, 1)];
      const alone = batches.map((x) => {
        const layer = nl.batchNorm1d(3, { momentum: null });
        layer.forward(x);
        return layer.stateDict();
      });
      const layer = nl.batchNorm1d(3, { momentum: null });
      for (const x of batches) layer.forward(x);
      for (const key of ['running_mean', 'running_var']) {
        const [a, b] = alone.map((state) => state[key].data);
        assertClose(
          layer.stateDict()[key].data,
          a.map((value, i) => (value + b[i]) / 2),
          1e-6,
          key,
        );
      }
      assert.equal(layer.stateDict().num_batches_tracked, 2);
    });

    test('savedStats are those of the last forward: one a channel, a row, a group of each sample', () => {
      for (const { make, shape } of LAYERS) {
        const layer = make(nl);
        layer.forward(random(13).tensor(shape));
        const { mean, invstd } = layer.savedStats();
        assert.equal(mean.length, invstd.length);
        mean.fill(7);
        invstd.fill(7);
        assert.ok(!layer.savedStats().mean.includes(7) && !layer.savedStats().invstd.includes(7), 'copies');
      }
      const groups = nl.groupNorm(2, 4);
      groups.forward(tensor([1, 1, 5, 5, 2, 2, 8, 8, 0, 0, 0, 0], 3, 4));
      assert.deepEqual([...groups.savedStats().mean], [1, 5, 2, 8, 0, 0]);
      const rows = nl.layerNorm(2);
      rows.forward(tensor([1, 3, 5, 5], 1, 2, 2));
      assert.deepEqual([...rows.savedStats().mean], [2, 5]);
      const channels = nl.batchNorm1d(2);
      channels.forward(tensor([1, 3, 5, 5], 2, 2));
      assert.deepEqual([...channels.savedStats().mean], [3, 4]);
    });

    test('NaN and infinity spoil their own channel alone', () => {
      for (const bad of [NaN, Infinity, -Infinity]) {
        const x = tensor([bad, 1, 2, 3, 4, 5], 3, 2);
        const { data } = nl.batchNorm1d(2).forward(x);
        assert.deepEqual([...data].map(Number.isNaN), [true, false, true, false, true, false]);
        const clean = nl.batchNorm1d(2).forward(tensor([0, 1, 2, 3, 4, 5], 3, 2)).data;
        for (const i of [1, 3, 5]) assert.equal(data[i], clean[i]);
      }
    });
  });

  describe('modes', () => {
    test('a new layer trains; train(false) is eval()', () => {
      for (const { make } of LAYERS) {
        const layer = make(nl);
        assert.equal(layer.training, true);
        layer.eval();
        assert.equal(layer.training, false);
        layer.train();
        assert.equal(layer.training, true);
        layer.train(false);
        assert.equal(layer.training, false);
      }
    });

    test('eval changes nothing and gives the same each time', () => {
      for (const { make, shape } of LAYERS) {
        const layer = make(nl);
        const { tensor: draw } = random(14);
        layer.forward(draw(shape, 2, 1));
        layer.eval();
        const before = layer.stateDict();
        const x = draw(shape);
        const first = layer.forward(x);
        const gradients = layer.backward(x);
        assert.deepEqual(layer.forward(x), first);
        assert.deepEqual(layer.backward(x), gradients);
        assert.deepEqual(layer.stateDict(), before);
      }
    });

    test('only layers that keep running statistics know the difference', () => {
      const x = random(15).tensor([4, 6], 2, 1);
      const both = (layer) => [layer.train().forward(x).data, layer.eval().forward(x).data];
      const [train, evaluated] = both(nl.batchNorm1d(6));
      assert.notDeepEqual(train, evaluated);
      for (const layer of [nl.batchNorm1d(6, { trackRunningStats: false }), nl.layerNorm(6), nl.groupNorm(3, 6)]) {
        const [one, other] = both(layer);
        assert.deepEqual(one, other);
      }
    });

    test('weight 1 and bias 0 are as good as none', () => {
      const x = random(16).tensor([4, 6, 3]);
      const pairs = [
        [nl.batchNorm1d(6), nl.batchNorm1d(6, { affine: false })],
        [nl.layerNorm([6, 3]), nl.layerNorm([6, 3], { elementwiseAffine: false })],
        [nl.layerNorm([6, 3]), nl.layerNorm([6, 3], { bias: false })],
        [nl.groupNorm(2, 6), nl.groupNorm(2, 6, { affine: false })],
      ];
      for (const [withOnes, without] of pairs) {
        assertClose(withOnes.forward(x).data, without.forward(x).data, 1e-6, 'y');
        assertClose(withOnes.backward(x).input.data, without.backward(x).input.data, 1e-6, 'dx');
      }
    });

    test('an empty batch passes and teaches nothing', () => {
      for (const { make, shape, params, tracks } of LAYERS) {
        const layer = make(nl);
        const empty = tensor([], 0, ...shape.slice(1));
        assert.deepEqual(layer.forward(empty), empty);
        const { input, weight, bias } = layer.backward(empty);
        assert.deepEqual(input, empty);
        const zeros = { data: new Float32Array(params.reduce((a, b) => a * b)), shape: params };
        assert.deepEqual(weight, zeros);
        assert.deepEqual(bias, zeros);
        if (!tracks) continue;
        assert.ok(layer.stateDict().running_mean.data.every((value) => value === 0));
        assert.ok(layer.stateDict().running_var.data.every((value) => value === 1));
      }
    });
  });

  describe('state', () => {
    test('keys, shapes and initial values are those of PyTorch', () => {
      const full = nl.batchNorm2d(3).stateDict();
      assert.deepEqual(full, {
        weight: tensor([1, 1, 1], 3),
        bias: tensor([0, 0, 0], 3),
        running_mean: tensor([0, 0, 0], 3),
        running_var: tensor([1, 1, 1], 3),
        num_batches_tracked: 0,
      });
      const keys = (layer) => Object.keys(layer.stateDict()).sort();
      assert.deepEqual(keys(nl.batchNorm1d(3, { affine: false })), [
        'num_batches_tracked',
        'running_mean',
        'running_var',
      ]);
      assert.deepEqual(keys(nl.batchNorm1d(3, { trackRunningStats: false })), ['bias', 'weight']);
      assert.deepEqual(keys(nl.batchNorm1d(3, { affine: false, trackRunningStats: false })), []);
      assert.deepEqual(keys(nl.layerNorm([2, 3], { bias: false })), ['weight']);
      assert.deepEqual(nl.layerNorm([2, 3]).stateDict().weight, tensor([1, 1, 1, 1, 1, 1], 2, 3));
      assert.deepEqual(nl.layerNorm(3).stateDict().bias.shape, [3]);
      assert.deepEqual(keys(nl.layerNorm(3, { elementwiseAffine: false })), []);
      assert.deepEqual(keys(nl.groupNorm(1, 3)), ['bias', 'weight']);
      assert.deepEqual(keys(nl.groupNorm(1, 3, { affine: false })), []);
    });

    test('goes through loadStateDict bit for bit', () => {
      for (const { make, shape } of LAYERS) {
        const [one, other] = [make(nl), make(nl)];
        const { tensor: draw } = random(17);
        const state = one.stateDict();
        for (const value of Object.values(state)) if (value.data) value.data.set(draw(value.shape, 0.1, 1).data);
        one.loadStateDict(state);
        one.forward(draw(shape));
        other.loadStateDict(one.stateDict());
        assert.deepEqual(other.stateDict(), one.stateDict());
        const x = draw(shape);
        assert.deepEqual(other.eval().forward(x), one.eval().forward(x));
      }
    });

    test('a load that does not fit names every mistake and changes nothing', () => {
      const layer = nl.batchNorm2d(3);
      const before = layer.stateDict();
      const wrong = {
        bias: tensor([1, 2], 2),
        running_mean: tensor([1, 2, 3], 3),
        running_variance: tensor([1, 1, 1], 3),
      };
      const words = [
        /missing.*weight/i,
        /missing.*running_var/i,
        /unexpected.*running_variance/i,
        /bias.*\[2\].*\[3\]/s,
      ];
      assert.throws(() => layer.loadStateDict(wrong), failure('shape', words));
      assert.deepEqual(layer.stateDict(), before);
      layer.loadStateDict(before);
    });

    test('strict: false takes what is there', () => {
      const layer = nl.batchNorm2d(2);
      layer.loadStateDict({ bias: tensor([1, 2], 2), other: tensor([1], 1) }, { strict: false });
      assert.deepEqual(layer.stateDict().bias, tensor([1, 2], 2));
      assert.deepEqual(layer.stateDict().weight, tensor([1, 1], 2));
    });

    test('a dictionary without num_batches_tracked keeps the count, as in PyTorch', () => {
      const layer = nl.batchNorm1d(2);
      for (let i = 0; i < 3; i++) layer.forward(random(18).tensor([4, 2]));
      const { num_batches_tracked, ...rest } = layer.stateDict();
      assert.equal(num_batches_tracked, 3);
      layer.loadStateDict(rest);
      assert.equal(layer.stateDict().num_batches_tracked, 3);
      layer.loadStateDict({ ...rest, num_batches_tracked: 10 });
      assert.equal(layer.stateDict().num_batches_tracked, 10);
      for (const bad of [-1, 1.5, NaN, '3', tensor([3], 1)]) {
        const load = () => layer.loadStateDict({ ...rest, num_batches_tracked: bad });
        assert.throws(load, failure('argument', 'num_batches_tracked'));
      }
    });

    test('resetRunningStats forgets the batches, not the parameters', () => {
      const layer = nl.batchNorm1d(2);
      layer.loadStateDict({ ...layer.stateDict(), weight: tensor([3, 4], 2) });
      layer.forward(random(19).tensor([4, 2], 2, 1));
      assert.notDeepEqual(layer.stateDict().running_mean, tensor([0, 0], 2));
      layer.resetRunningStats();
      const fresh = { ...nl.batchNorm1d(2).stateDict(), weight: tensor([3, 4], 2) };
      assert.deepEqual(layer.stateDict(), fresh);
      const none = nl.groupNorm(1, 2);
      none.resetRunningStats();
      assert.deepEqual(none.stateDict(), nl.groupNorm(1, 2).stateDict());
    });
  });

  describe('what it gives belongs to the caller', () => {
    for (const { name, make, shape } of LAYERS) {
      test(name, () => {
        const { tensor: draw } = random(20);
        const [x, dy] = [draw(shape), draw(shape)];
        const layer = make(nl);
        const y = layer.forward(x);
        const gradients = layer.backward(dy);
        const state = layer.stateDict();
        const kept = structuredClone({ y, gradients, state });

        layer.forward(draw(shape, 3, 5));
        layer.backward(draw(shape));
        assert.deepEqual({ y, gradients, state }, kept, 'later calls leave earlier results alone');

        const twin = make(nl);
        const result = twin.forward(x);
        result.data.fill(NaN);
        result.shape.length = 0;
        const input = structuredClone(x);
        x.data.fill(NaN);
        x.shape[0] = 99;
        const first = twin.backward(dy);
        assert.deepEqual(first, kept.gradients, "backward is about the forward's input, whatever became of the arrays");
        first.input.data.fill(NaN);
        first.weight.data.fill(NaN);
        assert.deepEqual(twin.backward(dy), kept.gradients, 'gradients are not accumulated');
        twin.stateDict().weight.data.fill(NaN);
        assert.deepEqual(twin.stateDict(), kept.state);
        const loaded = twin.stateDict();
        twin.loadStateDict(loaded);
        loaded.weight.data.fill(NaN);
        assert.deepEqual(twin.forward(input), kept.y);
      });
    }
  });

  describe('errors', () => {
    const MORE = 'Expected more than 1 value per channel when training, got input size';
    /** What PyTorch says to the same mistake: [make, mode, shape, code, words]. */
    const MISTAKES = [
      [() => nl.batchNorm1d(10), 'train', [1, 10], 'shape', `${MORE} [1, 10]`],
      [() => nl.batchNorm1d(10), 'train', [1, 10, 1], 'shape', `${MORE} [1, 10, 1]`],
      [() => nl.batchNorm2d(3), 'train', [1, 3, 1, 1], 'shape', `${MORE} [1, 3, 1, 1]`],
      [() => nl.batchNorm2d(3, { trackRunningStats: false }), 'eval', [1, 3, 1, 1], 'shape', `${MORE} [1, 3, 1, 1]`],
      [() => nl.batchNorm1d(3), 'train', [2, 3, 4, 5], 'shape', 'expected 2D or 3D input (got 4D input)'],
      [() => nl.batchNorm1d(3), 'train', [3], 'shape', 'expected 2D or 3D input (got 1D input)'],
      [() => nl.batchNorm2d(3), 'train', [2, 3, 4], 'shape', 'expected 4D input (got 3D input)'],
      [() => nl.batchNorm2d(3), 'eval', [2, 3, 4, 5, 6], 'shape', 'expected 4D input (got 5D input)'],
      [() => nl.batchNorm2d(3), 'train', [2, 4, 2, 2], 'shape', 'running_mean should contain 4 elements not 3'],
      [() => nl.batchNorm2d(3), 'eval', [2, 2, 2, 2], 'shape', 'running_mean should contain 2 elements not 3'],
      [
        () => nl.batchNorm2d(3, { affine: false }),
        'train',
        [2, 4, 2, 2],
        'shape',
        'running_mean should contain 4 elements not 3',
      ],
      [
        () => nl.batchNorm2d(3, { trackRunningStats: false }),
        'train',
        [2, 4, 2, 2],
        'shape',
        'weight should contain 4 elements not 3',
      ],
      [() => nl.groupNorm(10, 10), 'train', [1, 10, 1], 'shape', `${MORE} [1, 10, 1]`],
      [() => nl.groupNorm(10, 10), 'eval', [1, 10, 1], 'shape', `${MORE} [1, 10, 1]`],
      [() => nl.groupNorm(1, 1), 'train', [1, 1], 'shape', `${MORE} [1, 1]`],
      [
        () => nl.groupNorm(2, 6),
        'train',
        [2, 7, 4],
        'shape',
        'Expected number of channels in input to be divisible by num_groups, but got input of shape [2, 7, 4] and ' +
          'num_groups=2',
      ],
      [
        () => nl.groupNorm(2, 4),
        'train',
        [2, 6, 2, 2],
        'shape',
        'Expected weight to be a vector of size equal to the number of channels in input, but got weight of shape [4] ' +
          'and input of shape [2, 6, 2, 2]',
      ],
      [() => nl.groupNorm(2, 4), 'train', [4], 'shape', 'Expected at least 2 dimensions for input tensor but received'],
      [
        () => nl.layerNorm([2, 3]),
        'train',
        [3],
        'shape',
        'Given normalized_shape=[2, 3], expected input with shape [*, 2, 3], but got input of size[3]',
      ],
      [
        () => nl.layerNorm([2]),
        'train',
        [1, 2, 3],
        'shape',
        'Given normalized_shape=[2], expected input with shape [*, 2], but got input of size[1, 2, 3]',
      ],
      [
        () => nl.layerNorm(10),
        'eval',
        [2, 3],
        'shape',
        'Given normalized_shape=[10], expected input with shape [*, 10], but got input of size[2, 3]',
      ],
    ];
    for (const [make, mode, shape, code, words] of MISTAKES) {
      test(`${/nl\.(.*)$/.exec(make)[1]} on [${shape}] in ${mode} mode: ${words}`, () => {
        const layer = make();
        layer.train(mode === 'train');
        const before = layer.stateDict();
        const x = random(21).tensor(shape);
        assert.throws(() => layer.forward(x), failure(code, words));
        assert.deepEqual(layer.stateDict(), before, 'a failed call changes nothing');
      });
    }

    test('after a forward that failed, backward is still about the one before', () => {
      for (const { make, shape } of LAYERS) {
        const layer = make(nl);
        const { tensor: draw } = random(25);
        const [x, dy] = [draw(shape), draw(shape)];
        layer.forward(x);
        const gradients = layer.backward(dy);
        const saved = layer.savedStats();
        const wrong = [shape[0], 100 * shape[1] + 1, ...shape.slice(2)];
        assert.throws(() => layer.forward(draw(wrong)), failure('shape', []));
        assert.deepEqual(layer.backward(dy), gradients);
        assert.deepEqual(layer.savedStats(), saved);
      }
    });

    test('what PyTorch lets pass', () => {
      const passes = (layer, ...shape) => {
        const y = layer.forward(random(22).tensor(shape));
        assert.deepEqual(y.shape, shape);
        assert.ok(y.data.every(Number.isFinite));
      };
      passes(nl.batchNorm1d(10), 1, 10, 2);
      passes(nl.batchNorm2d(3).eval(), 1, 3, 1, 1);
      passes(nl.batchNorm2d(3, { affine: false, trackRunningStats: false }), 2, 4, 2, 2);
      passes(nl.groupNorm(5, 10), 1, 10, 1);
      passes(nl.groupNorm(10, 10), 2, 10);
      passes(nl.layerNorm(1), 3, 1);
      passes(nl.layerNorm(5), 0, 5);
      passes(nl.layerNorm(0), 3, 0);
      passes(nl.layerNorm([2, 3]), 2, 3);
      passes(nl.batchNorm1d(2, { momentum: 2, eps: 0 }), 4, 2);
    });

    test('settings that no layer can have', () => {
      const settings = [
        [() => nl.groupNorm(3, 10), 'num_channels must be divisible by num_groups'],
        [() => nl.groupNorm(0, 4), 'numGroups'],
        [() => nl.groupNorm(-2, 4), 'numGroups'],
        [() => nl.groupNorm(2), 'numChannels'],
        [() => nl.groupNorm(1.5, 3), 'numGroups'],
        [
          () => nl.layerNorm([]),
          'Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, but got ' +
            'normalized_shape = []',
        ],
        [() => nl.layerNorm(), 'normalizedShape'],
        [() => nl.layerNorm('3'), 'normalizedShape'],
        [() => nl.layerNorm([2, -1]), 'normalizedShape'],
        [() => nl.layerNorm([2, 2, 2, 2, 2, 2]), 'normalizedShape'],
        [() => nl.batchNorm1d(), 'numFeatures'],
        [() => nl.batchNorm2d(0), 'numFeatures'],
        [() => nl.batchNorm2d(2.5), 'numFeatures'],
        [() => nl.batchNorm2d('3'), 'numFeatures'],
        [() => nl.batchNorm2d(NaN), 'numFeatures'],
        [() => nl.batchNorm2d(2 ** 32 + 1), 'numFeatures'],
        [() => nl.batchNorm2d(3, { eps: -1 }), 'eps'],
        [() => nl.batchNorm2d(3, { eps: NaN }), 'eps'],
        [() => nl.batchNorm2d(3, { eps: null }), 'eps'],
        [() => nl.batchNorm2d(3, { eps: '1e-5' }), 'eps'],
        [() => nl.batchNorm2d(3, { momentum: NaN }), 'momentum'],
        [() => nl.batchNorm2d(3, { momentum: Infinity }), 'momentum'],
        [() => nl.batchNorm2d(3, { momentum: '0.1' }), 'momentum'],
        [() => nl.batchNorm2d(3, { affine: 1 }), 'affine'],
        [() => nl.batchNorm2d(3, { runningVar: 'exact' }), ['runningVar', 'unbiased', 'biased']],
        [() => nl.batchNorm2d(3, { track_running_stats: false }), ['track_running_stats', 'trackRunningStats']],
        [() => nl.layerNorm(3, { affine: false }), ['affine', 'elementwiseAffine']],
        [() => nl.groupNorm(1, 3, { momentum: 0.1 }), ['momentum', 'eps', 'affine']],
        [() => nl.groupNorm(1, 3, null), 'options'],
        [() => nl.layerNorm(3, 1e-5), 'options'],
      ];
      for (const [make, words] of settings) {
        assert.throws(make, failure('argument', words), String(make));
        assert.deepEqual(nl.batchNorm1d(1).forward(tensor([-1, 1], 2, 1)).shape, [2, 1]);
      }
    });

    test('tensors that are none', () => {
      const layer = nl.batchNorm1d(2);
      const good = tensor([1, 2, 3, 4], 2, 2);
      const data = good.data;
      const wrong = [
        [undefined, 'argument'],
        [null, 'argument'],
        ['x', 'argument'],
        [data, 'argument'],
        [{ data: [1, 2, 3, 4], shape: [2, 2] }, 'argument'],
        [{ data: Float64Array.from(data), shape: [2, 2] }, 'argument'],
        [{ data }, 'argument'],
        [{ data, shape: '2,2' }, 'argument'],
        [{ data, shape: [2, 2.5] }, 'argument'],
        [{ data, shape: [-2, -2] }, 'argument'],
        [{ data, shape: [2, 3] }, 'shape'],
        [{ data, shape: [1, 1, 1, 1, 2, 2] }, 'shape'],
      ];
      for (const [x, code] of wrong) {
        assert.throws(() => layer.forward(x), failure(code, /^batchNorm1d\.forward: x\b/));
        assert.deepEqual(layer.forward(good).shape, [2, 2]);
        assert.throws(() => layer.backward(x), failure(code, /^batchNorm1d\.backward: gradOutput\b/));
        assert.deepEqual(layer.backward(good).input.shape, [2, 2]);
      }
      assert.throws(() => layer.backward(tensor([1, 2], 1, 2)), failure('shape', ['gradOutput', '[2, 2]', '[1, 2]']));
    });

    test('backward and savedStats need a forward', () => {
      for (const { name, make, shape } of LAYERS) {
        const layer = make(nl);
        const dy = random(23).tensor(shape);
        assert.throws(() => layer.backward(dy), failure('state', [`${name}.backward`, 'forward']));
        assert.throws(() => layer.savedStats(), failure('state', [`${name}.savedStats`, 'forward']));
        layer.forward(dy);
        assert.deepEqual(layer.backward(dy).input.shape, shape);
      }
    });

    test('a disposed layer says so; others go on', () => {
      for (const { name, make, shape } of LAYERS) {
        const [layer, other] = [make(nl), make(nl)];
        const x = random(24).tensor(shape);
        layer.forward(x);
        const state = layer.stateDict();
        layer.dispose();
        layer.dispose();
        const calls = {
          forward: () => layer.forward(x),
          backward: () => layer.backward(x),
          savedStats: () => layer.savedStats(),
          stateDict: () => layer.stateDict(),
          loadStateDict: () => layer.loadStateDict(state),
          resetRunningStats: () => layer.resetRunningStats(),
        };
        for (const [method, call] of Object.entries(calls)) {
          assert.throws(call, failure('state', [`${name}.${method}`, 'disposed']));
        }
        assert.deepEqual(other.forward(x).shape, shape);
      }
    });
  });
});
