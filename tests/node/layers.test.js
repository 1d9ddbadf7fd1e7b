import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { assertClose, assertWithin, failure } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { random } from './support/random.js';
import { EIGHT, FLOAT32, FLOAT64, forward, freshRunning, layout, reference, tracks } from './support/reference.js';
import { forEachVariant } from './support/variants.js';

const FILES = ['batchNorm', 'layerNorm', 'groupNorm', 'instanceNorm', 'rmsNorm', 'large'];
const cases = FILES.flatMap((name) => readGolden(`${name}.json`).cases);

/** @param {ArrayLike<number>} bounds */
const eightTimes = (bounds) => Float64Array.from(bounds, (bound) => EIGHT * bound);

/** What the reference predicts for each pass of a case, in an implementation of that precision. */
function predictions({ type, arguments: args, options, state, runs }, precision) {
  const layer = { type, arguments: args, options, weight: state.weight?.data, bias: state.bias?.data };
  let running = null;
  if (tracks(layer)) {
    const { running_mean, running_var, num_batches_tracked: batches = 0 } = state;
    running = freshRunning(args[0]);
    if (running_mean) running.mean.set(running_mean.data);
    if (running_var) running.variance.set(running_var.data);
    running.batches = batches;
  }
  return runs.map((run) => {
    const predicted = reference(layer, run.x, run.dy.data, run.mode, running, precision);
    running = predicted.running;
    return predicted;
  });
}

/** The same for every variant: computed once. */
const predictionsOf = (() => {
  const known = new Map();
  return (golden) => {
    if (!known.has(golden)) known.set(golden, predictions(golden, FLOAT32));
    return known.get(golden);
  };
})();

/** Runs `body` with each pass of a case, what PyTorch gave for it, and what float64 predicts. */
function eachPass({ runs }, predicted, body) {
  runs.forEach((run, index) => {
    body(run, predicted[index], `pass ${index + 1} (${run.mode})`);
  });
}

/** Values against all of PyTorch's, or against the sample of them and the sums that were kept. */
function assertAgree(values, expected, bounds, what) {
  if (!expected.at) return assertWithin(values, expected.data, eightTimes(bounds), what);
  const pick = (from) => expected.at.map((i) => from[i]);
  assert.equal(
    values.length,
    expected.shape.reduce((a, b) => a * b, 1),
    what,
  );
  assertWithin(pick(values), expected.data, eightTimes(pick(bounds)), what);
  const total = (value) => {
    // With Kahan's correction, lest the sum itself be off.
    let [sum, rest] = [0, 0];
    for (let i = 0; i < values.length; i++) {
      const term = value(i) - rest;
      const next = sum + term;
      rest = next - sum - term;
      sum = next;
    }
    return sum;
  };
  assertWithin([total((i) => values[i])], [expected.sum], EIGHT * total((i) => bounds[i]), `${what}: sum`);
  const spread = EIGHT * total((i) => 2 * Math.abs(values[i]) * bounds[i]);
  assertWithin([total((i) => values[i] ** 2)], [expected.squares], spread, `${what}: sum of squares`);
}

const tensor = (values, ...shape) => ({ data: Float32Array.from(values), shape });

/** Every layer of these tests, with a shape that suits it. */
const LAYERS = [
  { type: 'batchNorm1d', args: [5], shape: [4, 5], params: [5] },
  { type: 'batchNorm2d', args: [3], shape: [2, 3, 3, 5], params: [3] },
  { type: 'batchNorm3d', args: [3], options: { bias: false }, shape: [2, 3, 2, 3, 1], params: [3], biased: false },
  { type: 'layerNorm', args: [[3, 5]], shape: [4, 3, 5], params: [3, 5] },
  { type: 'groupNorm', args: [2, 6], shape: [3, 6, 5], params: [6] },
  {
    type: 'instanceNorm1d',
    args: [3],
    options: { affine: true, trackRunningStats: true },
    shape: [3, 3, 5],
    params: [3],
  },
  { type: 'instanceNorm2d', args: [3], options: { affine: true }, shape: [3, 2, 5], params: [3], unbatched: true },
  {
    type: 'instanceNorm3d',
    args: [2],
    options: { trackRunningStats: true },
    shape: [2, 2, 2, 3, 1],
    params: null,
    biased: false,
  },
  { type: 'rmsNorm', args: [[2, 3]], shape: [4, 2, 3], params: [2, 3], biased: false },
].map(({ type, args, options = {}, biased = true, unbatched = false, ...rest }) => {
  const layer = { type, arguments: args, options };
  const name = `${type}(${JSON.stringify(args).slice(1, -1)}) ${JSON.stringify(options)}`;
  return {
    name,
    ...layer,
    biased,
    unbatched,
    tracks: tracks(layer),
    make: (nl) => nl[type](...args, options),
    ...rest,
  };
});

describe('the float64 reference', () => {
  for (const golden of cases) {
    test(`agrees with PyTorch: ${golden.name}`, () => {
      eachPass(golden, predictions(golden, FLOAT64), (run, { values, bounds, running }, pass) => {
        for (const key of ['y', 'dx', 'dweight', 'dbias', 'mean', 'invstd'])
          if (run[key]) assertAgree(values[key], run[key], bounds[key], `${pass} ${key}`);
        if (!running) return;
        assertAgree(running.mean, run.running_mean, running.meanError, `${pass} running_mean`);
        assertAgree(running.variance, run.running_var, running.varianceError, `${pass} running_var`);
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
        eachPass(golden, predictionsOf(golden), (run, { values, bounds, running }, pass) => {
          const within = (actual, expected, value, bound, what) => {
            assert.equal(actual === undefined, expected === undefined, `${pass}: whether there is a ${what}`);
            if (!expected) return;
            if ('shape' in actual) assert.deepEqual(actual.shape, expected.shape, `${pass} ${what}`);
            // Of a sampled tensor the reference knows the values between the samples.
            const all = expected.at ? value : expected.data;
            assertWithin(actual.data ?? actual, all, eightTimes(bound), `${pass} ${what}`);
          };
          layer.train(run.mode === 'train');
          within(layer.forward(run.x), run.y, values.y, bounds.y, 'y');
          const saved = layer.savedStats();
          if (run.mean) {
            within(saved.mean, run.mean, values.mean, bounds.mean, 'mean');
            within(saved.invstd, run.invstd, values.invstd, bounds.invstd, 'invstd');
          }
          const gradients = layer.backward(run.dy);
          within(gradients.input, run.dx, values.dx, bounds.dx, 'input gradient');
          within(gradients.weight, run.dweight, values.dweight, bounds.dweight, 'weight gradient');
          within(gradients.bias, run.dbias, values.dbias, bounds.dbias, 'bias gradient');
          const state = layer.stateDict();
          within(state.running_mean, run.running_mean, running?.mean, running?.meanError, 'running_mean');
          within(state.running_var, run.running_var, running?.variance, running?.varianceError, 'running_var');
          assert.equal(state.num_batches_tracked, run.num_batches_tracked, `${pass} num_batches_tracked`);
        });
        layer.dispose();
      });
    }
  });

  describe('statistics', () => {
    test('a constant channel, row or group gives exactly the bias, and no gradient but through it', () => {
      const shape = [3, 2, 5, 1];
      const [weight, bias] = [tensor([3, 4], 2), tensor([0.3, -0.7], 2)];
      const row = { weight: tensor([1, 2, 3, 4, 5], 5, 1), bias: tensor([0.1, -0.2, 0.3, 7, 0], 5, 1) };
      const perChannel = { weight, bias, of: (i) => Math.floor(i / 5) % 2 };
      const perValue = { ...row, of: (i) => i % 5 };
      const layers = [
        ['batchNorm2d', [2], { affine: true }, perChannel],
        ['groupNorm', [1, 2], { affine: true }, perChannel],
        ['groupNorm', [2, 2], { affine: true }, perChannel],
        ['instanceNorm2d', [2], { affine: true, trackRunningStats: true }, perChannel],
        ['layerNorm', [[5, 1]], {}, perValue],
      ];
      const ones = tensor(new Array(30).fill(1), ...shape);
      for (const value of [1e4, 0.1, -3.7, 1e30, 1e-40, 0]) {
        const x = tensor(new Array(30).fill(value), ...shape);
        for (const eps of [1e-5, 1e-12, 0]) {
          for (const [type, args, options, { weight: w, bias: b, of }] of layers) {
            // BatchNorm does not train with eps 0.
            if (type === 'batchNorm2d' && eps === 0) continue;
            const layer = nl[type](...args, { ...options, eps });
            layer.loadStateDict({ weight: w, bias: b }, { strict: false });
            const expected = Float32Array.from({ length: 30 }, (_, i) => b.data[of(i)]);
            const what = `${type}(${args}), ${value}, eps ${eps}`;
            assert.deepEqual(layer.forward(x).data, expected, what);
            const gradients = layer.backward(ones);
            assert.deepEqual(gradients.weight.data, new Float32Array(w.data.length), what);
            assert.ok(gradients.input.data.every(Number.isFinite), what);
            if (eps === 0)
              assert.ok(
                layer.savedStats().invstd.every((invstd) => invstd === 0),
                what,
              );
            layer.dispose();
          }
        }
      }
      for (const eps of [null, 1e-5, 0]) {
        const layer = nl.rmsNorm([5, 1], { eps });
        const zeros = tensor(new Array(30).fill(0), ...shape);
        assert.deepEqual(layer.forward(zeros), zeros, `RMSNorm of zeros, eps ${eps}`);
        assert.ok(layer.backward(ones).input.data.every(Number.isFinite), `RMSNorm of zeros, eps ${eps}`);
        layer.dispose();
      }
    });

    test('a running variance of 0 with eps 0 is divided by as IEEE has it, in its channel alone', () => {
      const layer = nl.batchNorm1d(3, { eps: 0, affine: false });
      layer.loadStateDict({
        ...layer.stateDict(),
        running_var: tensor([4, 0, 1], 3),
        running_mean: tensor([1, 2, 3], 3),
      });
      const { data } = layer.eval().forward(tensor([1, 2, 3, 5, 3, 4, -3, 1, 2], 3, 3));
      assert.deepEqual([...data], [0, Number.NaN, 0, 2, Infinity, 1, -2, -Infinity, -1]);
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
      const instances = nl.instanceNorm1d(2, { trackRunningStats: true });
      const x = tensor([1, 1, 5, 5, 2, 4, 8, 0], 2, 2, 2);
      instances.forward(x);
      assert.deepEqual([...instances.savedStats().mean], [1, 5, 3, 4], 'one a sample and channel');
      instances.eval().forward(x);
      const { mean: kept } = instances.savedStats();
      assertWithin(kept, [0.1 * 2, 0.1 * 4.5], 1e-7, 'one a channel with running statistics');
      const squares = nl.rmsNorm(2, { eps: 0 });
      squares.forward(tensor([1, 7, 3, 3], 2, 2));
      assert.deepEqual(squares.savedStats(), { mean: new Float64Array(2), invstd: Float64Array.of(1 / 5, 1 / 3) });
    });

    test('NaN and infinity spoil what shares a mean with them, and nothing else', () => {
      for (const spec of LAYERS) {
        const { tensor: draw } = random(26);
        const [clean, dy] = [draw(spec.shape), draw(spec.shape)];
        const { group, param } = layout(spec, spec.shape, false);
        const at = Math.floor(clean.data.length / 2);
        const spoils = (i) => group(i) === group(at);
        const params = new Set(Array.from(clean.data.keys()).filter(spoils).map(param));
        for (const bad of [NaN, Infinity, -Infinity]) {
          const x = { data: clean.data.slice(), shape: clean.shape };
          x.data[at] = bad;
          const [one, other] = [spec.make(nl), spec.make(nl)];
          const [y, pure] = [one.forward(x).data, other.forward(clean).data];
          const [gradients, expected] = [one.backward(dy), other.backward(dy)];
          // RMSNorm divides by an infinite mean square: 0, but for infinity itself.
          const touched = forward(spec, x, 'train', null).y;
          const what = `${spec.name}, ${bad} at ${at}`;
          y.forEach((value, i) => {
            // Without the sign of a zero.
            assert.equal(value + 0, (spoils(i) ? touched[i] : pure[i]) + 0, `${what}: y[${i}]`);
            if (!spoils(i)) assert.equal(gradients.input.data[i], expected.input.data[i], `${what}: dx[${i}]`);
          });
          assert.ok(Number.isNaN(gradients.input.data[at]), `${what}: dx`);
          assert.deepEqual(gradients.bias, expected.bias, `${what}: dbias does not look at x`);
          gradients.weight?.data.forEach((value, p) => {
            if (!params.has(p)) assert.equal(value, expected.weight.data[p], `${what}: dweight[${p}]`);
          });
          const [state, known] = [one.stateDict(), other.stateDict()];
          for (const key of ['running_mean', 'running_var']) {
            state[key]?.data.forEach((value, channel) => {
              if (channel === param(at)) assert.ok(!Number.isFinite(value), `${what}: ${key}[${channel}]`);
              else assert.equal(value, known[key].data[channel], `${what}: ${key}[${channel}]`);
            });
          }
          one.dispose();
          other.dispose();
        }
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
      const untracked = [
        nl.batchNorm1d(6, { trackRunningStats: false }),
        nl.layerNorm(6),
        nl.groupNorm(3, 6),
        nl.rmsNorm(6),
        nl.instanceNorm1d(4, { affine: true }),
      ];
      for (const layer of untracked) {
        const [one, other] = both(layer);
        assert.deepEqual(one, other);
      }
      const [alone, tracked] = both(nl.instanceNorm1d(4, { trackRunningStats: true }));
      assert.notDeepEqual(alone, tracked);
    });

    test('weight 1 and bias 0 are as good as none', () => {
      const x = random(16).tensor([4, 6, 3]);
      const pairs = [
        [nl.batchNorm1d(6), nl.batchNorm1d(6, { affine: false })],
        [nl.layerNorm([6, 3]), nl.layerNorm([6, 3], { elementwiseAffine: false })],
        [nl.layerNorm([6, 3]), nl.layerNorm([6, 3], { bias: false })],
        [nl.groupNorm(2, 6), nl.groupNorm(2, 6, { affine: false })],
        [nl.groupNorm(2, 6), nl.groupNorm(2, 6, { bias: false })],
        [nl.batchNorm1d(6), nl.batchNorm1d(6, { bias: false })],
        [nl.instanceNorm1d(6, { affine: true }), nl.instanceNorm1d(6)],
        [nl.rmsNorm([6, 3]), nl.rmsNorm([6, 3], { elementwiseAffine: false })],
      ];
      for (const [withOnes, without] of pairs) {
        assertClose(withOnes.forward(x).data, without.forward(x).data, 1e-6, 'y');
        assertClose(withOnes.backward(x).input.data, without.backward(x).input.data, 1e-6, 'dx');
      }
    });

    test('an empty batch passes and teaches nothing', () => {
      for (const { type, make, shape, params, biased, tracks: keeps, unbatched } of LAYERS) {
        if (unbatched) continue;
        const layer = make(nl);
        const before = layer.stateDict();
        const empty = tensor([], 0, ...shape.slice(1));
        assert.deepEqual(layer.forward(empty), empty);
        const zeros = () => ({ data: new Float32Array(params.reduce((a, b) => a * b)), shape: params });
        const nothing = { input: empty, ...(params && { weight: zeros() }), ...(biased && { bias: zeros() }) };
        assert.deepEqual(layer.backward(empty), nothing);
        // As in PyTorch BatchNorm counts it; InstanceNorm counts nothing.
        const counted = type.startsWith('batchNorm') ? 1 : 0;
        assert.deepEqual(layer.stateDict(), { ...before, ...(keeps && { num_batches_tracked: counted }) });
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
      assert.deepEqual(keys(nl.groupNorm(1, 3, { bias: false })), ['weight']);
      assert.deepEqual(keys(nl.batchNorm3d(3, { bias: false, trackRunningStats: false })), ['weight']);
      assert.deepEqual(keys(nl.batchNorm3d(3, { affine: false, bias: true, trackRunningStats: false })), []);
      assert.deepEqual(keys(nl.instanceNorm1d(3)), []);
      assert.deepEqual(keys(nl.instanceNorm2d(3, { affine: true })), ['bias', 'weight']);
      assert.deepEqual(nl.instanceNorm3d(3, { affine: true, trackRunningStats: true }).stateDict(), full);
      assert.deepEqual(nl.rmsNorm([2, 3]).stateDict(), { weight: tensor([1, 1, 1, 1, 1, 1], 2, 3) });
      assert.deepEqual(keys(nl.rmsNorm(3, { elementwiseAffine: false })), []);
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
        for (const { data } of Object.values(first)) data.fill(NaN);
        assert.deepEqual(twin.backward(dy), kept.gradients, 'gradients are not accumulated');
        const spoil = (dict) => {
          for (const value of Object.values(dict)) value.data?.fill(NaN);
        };
        spoil(twin.stateDict());
        assert.deepEqual(twin.stateDict(), kept.state);
        const loaded = twin.stateDict();
        twin.loadStateDict(loaded);
        spoil(loaded);
        assert.deepEqual(twin.forward(input), kept.y);
      });
    }
  });

  describe('errors', () => {
    const MORE = 'Expected more than 1 value per channel when training, got input size';
    const SPATIAL = 'Expected more than 1 spatial element when training, got input size';
    /** What PyTorch says to the same mistake: [make, mode, shape, code, words]. */
    const MISTAKES = [
      [() => nl.batchNorm1d(10), 'train', [1, 10], 'shape', `${MORE} [1, 10]`],
      [() => nl.batchNorm1d(10), 'train', [1, 10, 1], 'shape', `${MORE} [1, 10, 1]`],
      [() => nl.batchNorm2d(3), 'train', [1, 3, 1, 1], 'shape', `${MORE} [1, 3, 1, 1]`],
      [() => nl.batchNorm2d(3, { trackRunningStats: false }), 'eval', [1, 3, 1, 1], 'shape', `${MORE} [1, 3, 1, 1]`],
      [() => nl.batchNorm3d(3), 'train', [1, 3, 1, 1, 1], 'shape', `${MORE} [1, 3, 1, 1, 1]`],
      [() => nl.batchNorm3d(3), 'train', [2, 3, 4, 5], 'shape', 'expected 5D input (got 4D input)'],
      [() => nl.batchNorm3d(3), 'eval', [2, 2, 2, 2, 2], 'shape', 'running_mean should contain 2 elements not 3'],
      [
        () => nl.batchNorm1d(3, { eps: 0 }),
        'train',
        [2, 3],
        'argument',
        'eps must be positive during training, but got 0',
      ],
      [() => nl.batchNorm1d(3, { eps: -1 }), 'eval', [2, 3], 'argument', 'eps must be non-negative, but got -1'],
      [
        () => nl.batchNorm1d(3, { eps: 0, trackRunningStats: false }),
        'eval',
        [2, 3],
        'argument',
        'eps must be positive during training, but got 0',
      ],
      [() => nl.instanceNorm1d(10), 'train', [1, 10, 1], 'shape', `${SPATIAL} [1, 10, 1]`],
      [() => nl.instanceNorm1d(10), 'eval', [10, 1], 'shape', `${SPATIAL} [1, 10, 1]`],
      [
        () => nl.instanceNorm2d(3, { trackRunningStats: true }),
        'train',
        [10, 3, 1, 1],
        'shape',
        `${SPATIAL} [10, 3, 1, 1]`,
      ],
      [() => nl.instanceNorm1d(3), 'train', [2, 3, 4, 5], 'shape', 'expected 2D or 3D input (got 4D input)'],
      [() => nl.instanceNorm2d(3), 'train', [2, 3], 'shape', 'expected 3D or 4D input (got 2D input)'],
      [() => nl.instanceNorm3d(3), 'eval', [2, 3, 4], 'shape', 'expected 4D or 5D input (got 3D input)'],
      [
        () => nl.instanceNorm2d(4, { affine: true }),
        'train',
        [3, 2, 2, 2],
        'shape',
        "expected input's size at dim=1 to match num_features (4), but got: 2.",
      ],
      [
        () => nl.instanceNorm2d(4, { trackRunningStats: true }),
        'eval',
        [2, 2, 2],
        'shape',
        "expected input's size at dim=0 to match num_features (4), but got: 2.",
      ],
      [
        () => nl.rmsNorm([2, 3]),
        'train',
        [3],
        'shape',
        'Given normalized_shape=[2, 3], expected input with shape [*, 2, 3], but got input of size[3]',
      ],
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
        // One dimension more than any of them takes, but for the layers over trailing ones, whose last is another.
        const wrong = [shape[0], 1, 1, 2, 7];
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
      passes(nl.batchNorm1d(2, { momentum: 2 }), 4, 2);
      passes(nl.batchNorm1d(2, { eps: 0 }).eval(), 4, 2);
      passes(nl.batchNorm3d(2), 1, 2, 1, 1, 2);
      passes(nl.instanceNorm1d(4), 2, 3, 5);
      passes(nl.instanceNorm1d(3), 3, 5);
      passes(nl.instanceNorm3d(3, { trackRunningStats: true }).eval(), 2, 3, 1, 1, 1);
      passes(nl.rmsNorm(1), 3, 1);
      passes(nl.rmsNorm([2, 3]), 2, 3);
      passes(nl.rmsNorm(0), 3, 0);
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
        [() => nl.layerNorm(3, { eps: -1 }), 'eps must be a finite number >= 0'],
        [() => nl.groupNorm(1, 3, { eps: -1 }), 'eps must be a finite number >= 0'],
        [() => nl.instanceNorm1d(3, { eps: -1 }), 'eps must be a finite number >= 0'],
        [() => nl.rmsNorm(3, { eps: -1 }), 'eps must be a finite number >= 0'],
        [() => nl.batchNorm2d(3, { eps: Infinity }), 'eps'],
        [() => nl.instanceNorm1d(3, { momentum: null }), 'momentum'],
        [() => nl.instanceNorm1d(3, { bias: false }), ['bias', 'affine']],
        [() => nl.rmsNorm(3, { bias: false }), ['bias', 'elementwiseAffine']],
        [() => nl.batchNorm3d(3, { bias: 0 }), 'bias'],
        [() => nl.instanceNorm3d(0), 'numFeatures'],
        [() => nl.rmsNorm([]), 'Expected normalized_shape to be at least 1-dimensional'],
        [() => nl.rmsNorm([2, 1.5]), 'normalizedShape'],
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
      for (const { type, make, shape } of LAYERS) {
        const layer = make(nl);
        const dy = random(23).tensor(shape);
        assert.throws(() => layer.backward(dy), failure('state', [`${type}.backward`, 'forward']));
        assert.throws(() => layer.savedStats(), failure('state', [`${type}.savedStats`, 'forward']));
        layer.forward(dy);
        assert.deepEqual(layer.backward(dy).input.shape, shape);
      }
    });

    test('a disposed layer says so; others go on', () => {
      for (const { type, make, shape } of LAYERS) {
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
          assert.throws(call, failure('state', [`${type}.${method}`, 'disposed']));
        }
        assert.deepEqual(other.forward(x).shape, shape);
      }
    });
  });
});
