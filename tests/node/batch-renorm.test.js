import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeDataset, presetSpec } from 'normlab';
import { assertClose, failure } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const { cases } = readGolden('batchRenorm.json');

/** Of a tensor's largest value: some roundings of float32. */
const ROUNDINGS = 3e-6;

/** @param {object} [options] */
const cnn = (options, type = 'batchRenorm') => ({
  input: [1, 6, 6],
  seed: 4,
  layers: [
    { type: 'conv2d', outChannels: 4, kernelSize: 3 },
    { type, ...options },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 8 },
    { type, ...options },
    { type: 'linear', outFeatures: 3 },
  ],
});

/** @param {number} n @param {number} seed */
function batch(n, seed) {
  const { normal } = random(seed);
  const data = Float32Array.from({ length: n * 36 }, () => 1 + normal());
  return { x: { data, shape: [n, 1, 6, 6] }, labels: Int32Array.from({ length: n }, (_, i) => i % 3) };
}

/** @param {any} model @param {any} nl @param {object} [options] */
function train(model, nl, options, steps = 5) {
  const trainer = nl.trainer(model, { optimizer: { lr: 0.05, momentum: 0.9 }, ...options });
  for (let step = 0; step < steps; step++) {
    const { x, labels } = batch(9, step);
    trainer.step(x, labels);
  }
  return model;
}

await forEachVariant((nl) => {
  describe('batchRenorm is that of Algorithm 1 with r and d as constants', () => {
    for (const { name, type, arguments: args, options, state, runs } of cases) {
      test(name, () => {
        const layer = nl[type](...args, options);
        layer.loadStateDict(state, { strict: false });
        runs.forEach((/** @type {any} */ run, /** @type {number} */ index) => {
          const what = (/** @type {string} */ key) => `pass ${index + 1} (${run.mode}): ${key}`;
          const y = layer.train(run.mode === 'train').forward(run.x);
          assertClose(y.data, run.y.data, ROUNDINGS, what('y'));
          const saved = layer.savedStats();
          assertClose(saved.mean, run.mean.data, ROUNDINGS, what('mean'));
          assertClose(saved.invstd, run.invstd.data, ROUNDINGS, what('invstd'));
          const gradients = layer.backward(run.dy);
          assertClose(gradients.input.data, run.dx.data, ROUNDINGS, what('dx'));
          for (const key of ['weight', 'bias']) {
            assert.equal(key in gradients, `d${key}` in run, key);
            if (key in gradients) assertClose(gradients[key].data, run[`d${key}`].data, ROUNDINGS, what(`d${key}`));
          }
          const now = layer.stateDict();
          for (const key of ['running_mean', 'running_var']) {
            assertClose(now[key].data, run[key].data, ROUNDINGS, what(key));
          }
          assert.equal(now.num_batches_tracked, run.num_batches_tracked, what('num_batches_tracked'));
        });
        layer.dispose();
      });
    }
  });

  describe('batchRenorm', () => {
    test('with rMax 1 and dMax 0 is batchNorm, to the bit', () => {
      for (const options of [{}, { affine: false }, { bias: false, momentum: null, runningVar: 'biased' }]) {
        const renorm = train(nl.model(cnn({ ...options, rMax: 1, dMax: 0 })), nl);
        assert.deepEqual(renorm.stateDict(), train(nl.model(cnn(options, 'batchNorm')), nl).stateDict());
        // And with its own limits it is not.
        assert.notDeepEqual(renorm.stateDict(), train(nl.model(cnn(options)), nl).stateDict());
      }
    });

    test('within its limits gives in train mode what it gives in eval mode, from which batchNorm is far', () => {
      const { x } = batch(4, 9);
      const apart = (/** @type {any} */ model) => {
        const { logits } = train(model, nl).compareModes(x);
        return Math.max(...logits.train.data.map((value, i) => Math.abs(value - logits.eval.data[i])));
      };
      assert.ok(apart(nl.model(cnn({ rMax: 1e3, dMax: 1e3 }))) < 1e-5);
      assert.ok(apart(nl.model(cnn({}, 'batchNorm'))) > 0.1);
    });

    test('is frozen, folded and measured again as batchNorm is', () => {
      const model = train(nl.model(cnn()), nl);
      const { x, labels } = batch(6, 20);
      const logits = model.eval().forward(x).data;
      const folded = model.fold();
      assert.deepEqual(
        folded.layers.map(({ type }) => type),
        ['conv2d', 'identity', 'relu', 'flatten', 'linear', 'identity', 'linear'],
      );
      assertClose(folded.forward(x).data, logits, 1e-5, 'folded');

      assert.deepEqual(model.freeze().frozen, ['1', '5']);
      const before = model.stateDict();
      assertClose(model.train().forward(x).data, logits, 1e-5, 'frozen, in train mode');
      const { grads } = model.gradients(x, labels);
      assert.ok(grads['1.weight'].data.every((value) => value === 0));
      train(model, nl, {}, 1);
      const after = model.stateDict();
      for (const key of ['1.weight', '1.bias', '1.running_mean', '1.running_var']) {
        assert.deepEqual(after[key], before[key], key);
      }
      assert.notDeepEqual(after['0.weight'], before['0.weight']);

      // As batchNorm: no batch is renormalized by what is being measured.
      model.unfreeze();
      const twin = nl.model(cnn({}, 'batchNorm'));
      twin.loadStateDict(model.stateDict());
      const data = makeDataset({
        shape: [1, 6, 6],
        images: batch(20, 30).x.data,
        labels: new Int32Array(20),
        classes: 3,
      });
      model.recalibrate(data, { batchSize: 5 });
      assert.deepEqual(model.stateDict(), twin.recalibrate(data, { batchSize: 5 }).stateDict());
      // And its limits are what they were.
      assert.notDeepEqual(train(model, nl).stateDict(), train(twin, nl).stateDict());
    });

    test('a step that is measured is the step that is not, to the bit', () => {
      const states = [undefined, { measure: { bins: 4 } }].map((options) => {
        const model = nl.model(cnn({ rMax: 1.2, dMax: 0.5 }));
        const trainer = nl.trainer(model, { optimizer: { lr: 0.05, momentum: 0.9 }, accumulate: 2 });
        for (let step = 0; step < 4; step++) {
          const { x, labels } = batch(10, step);
          trainer.step(x, labels, options);
        }
        return model.stateDict();
      });
      assert.deepEqual(states[1], states[0]);
    });

    test('weight decay spares it where it spares normalizations', () => {
      const decayed = (/** @type {boolean} */ decayNorms) => {
        const optimizer = { lr: 0, weightDecay: 0.5, type: 'adamW' };
        const model = nl.model(cnn());
        const trainer = nl.trainer(model, { optimizer: { ...optimizer, lr: 0.1 }, decayNorms });
        const { x, labels } = batch(9, 1);
        trainer.step(x, labels);
        return model.stateDict()['1.weight'].data;
      };
      const [spared, shrunk] = [decayed(false), decayed(true)];
      spared.forEach((value, i) => {
        assertClose([shrunk[i]], [value - 0.05], 1e-5, 'weight');
      });
    });

    test('is a norm of the presets', () => {
      const { layers } = presetSpec('mlp', { norm: 'renorm', normOptions: { rMax: 2 } });
      assert.deepEqual(layers[2], { type: 'batchRenorm', rMax: 2 });
    });

    test('refuses limits that are none, and to keep no running statistics', () => {
      for (const [options, words] of [
        [{ rMax: 0.5 }, /batchRenorm: rMax must be a finite number >= 1, got 0\.5/],
        [{ dMax: -1 }, /batchRenorm: dMax must be a finite number >= 0, got -1/],
        [{ rMax: '2' }, /rMax: expected a number, got '2'/],
        [{ trackRunningStats: false }, /batchRenorm: trackRunningStats must be true/],
        [{ rmax: 2 }, /unknown option 'rmax'; expected one of .*rMax, dMax/],
      ]) {
        assert.throws(() => nl.model(cnn(options)), failure('argument', [/layers\[1\]/, words]));
        assert.throws(() => nl.batchRenorm2d(3, options), failure('argument', words));
      }
      assert.throws(() => nl.batchNorm2d(3, { rMax: 2 }), failure('argument', /unknown option 'rMax'/));
      const one = { data: new Float32Array(3), shape: [1, 3] };
      assert.throws(
        () => nl.batchRenorm1d(3).forward(one),
        failure('shape', /Expected more than 1 value per channel when training, got input size \[1, 3\]/),
      );
    });
  });
});
