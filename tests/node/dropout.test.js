import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkGradients, makeDataset } from 'normlab';
import { assertClose, assertWithin, failure } from './support/assertions.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const CNN = {
  input: [2, 6, 6],
  seed: 3,
  layers: [
    { type: 'dropout', p: 0.1 },
    { type: 'conv2d', outChannels: 4, kernelSize: 3 },
    { type: 'batchNorm' },
    { type: 'relu' },
    {
      type: 'residual',
      body: [
        { type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 },
        { type: 'dropout', p: 0.3, name: 'drop' },
      ],
    },
    { type: 'flatten' },
    { type: 'dropout' },
    { type: 'linear', outFeatures: 3 },
  ],
};

/** @param {number[]} shape @param {number} seed */
function noise(shape, seed) {
  const { normal } = random(seed);
  return { data: Float32Array.from({ length: shape.reduce((a, b) => a * b) }, normal), shape };
}

/** @param {number} count */
function dataset(count) {
  const { data } = noise([count, 2, 6, 6], 5);
  const labels = Int32Array.from({ length: count }, (_, i) => i % 3);
  return makeDataset({ shape: [2, 6, 6], images: data, labels, classes: 3 });
}

/** What a dropout alone makes of ones in training mode: its mask. */
const ones = (/** @type {number} */ n) => ({ data: new Float32Array(n * 500).fill(1), shape: [n, 500] });
const alone = (/** @type {object} */ options, seed = 0) => ({
  input: [500],
  seed,
  layers: [{ type: 'dropout', ...options }],
});

/** By variant: all must be equal. @type {Record<string, unknown>} */
const seen = {};

await forEachVariant((nl, variant) => {
  describe('dropout', () => {
    test('in training mode drops the share p and keeps the mean; in eval mode it does nothing', () => {
      for (const p of [0.1, 0.5, 0.8]) {
        const model = nl.model(alone({ p }));
        const { data } = model.forward(ones(100));
        const dropped = data.filter((value) => value === 0).length / data.length;
        assertWithin([dropped], [p], 5 * Math.sqrt((p * (1 - p)) / data.length), 'share');
        for (const value of data) assert.ok(value === 0 || value === Math.fround(1 / (1 - p)), `${value}`);
        const x = noise([3, 500], 1);
        assert.deepEqual(model.eval().forward(x).data, x.data);
        model.dispose();
      }
      assert.deepEqual(nl.model(alone({ p: 0 })).forward(ones(1)).data, ones(1).data);
      assert.ok(
        nl
          .model(alone({ p: 1 }))
          .forward(ones(1))
          .data.every((value) => value === 0),
      );
      const half = nl.model(alone({})).forward(ones(100)).data;
      assert.ok(half.every((value) => value === 0 || value === 2));
    });

    test('draws from the seed and the number of the pass, in every module the same', () => {
      const model = nl.model(alone({ p: 0.4 }, 9));
      const passes = Array.from({ length: 3 }, () => model.forward(ones(2)).data);
      assert.equal(model.passes, 3);
      assert.notDeepEqual(passes[0], passes[1]);
      assert.notDeepEqual(passes[1], passes[2]);
      const again = nl.model(alone({ p: 0.4 }, 9));
      again.passes = 2;
      assert.deepEqual(again.forward(ones(2)).data, passes[2]);
      assert.notDeepEqual(nl.model(alone({ p: 0.4 }, 10)).forward(ones(2)).data, passes[0]);
      seen[variant] = passes;
      for (const other of Object.values(seen)) assert.deepEqual(passes, other);
    });

    test('has the gradients that a float64 network with the same mask has', () => {
      for (const mode of /** @type {const} */ (['train', 'eval'])) {
        const model = nl.model(CNN);
        model.passes = 5;
        const { passed, parameters } = checkGradients(model, { mode, samples: 8 });
        assert.ok(passed, JSON.stringify(parameters));
        assert.equal(model.passes, 5);
        model.dispose();
      }
    });

    test('gradients in training mode is a training forward; what updates nothing is not counted', () => {
      const model = nl.model(CNN);
      const x = noise([4, 2, 6, 6], 2);
      const labels = [0, 1, 2, 0];
      model.gradients(x, labels);
      assert.equal(model.passes, 1);
      const data = dataset(10);
      const { accuracy, loss } = model.evaluate(data, { mode: 'train', batchSize: 4 });
      assert.deepEqual(model.evaluate(data, { mode: 'train', batchSize: 4 }), { accuracy, loss });
      assert.notEqual(model.evaluate(data).loss, loss);
      const { layers } = model.compareModes(x);
      assert.ok(layers.find(({ key }) => key === '0').diff.maxAbs > 0.1);
      model.eval();
      model.forward(x);
      model.gradients(x, labels);
      assert.equal(model.passes, 1);
      model.dispose();
    });

    test('a run goes on where it was resumed, to the bit', () => {
      const train = (/** @type {any} */ model, from = 0, to = 6) => {
        const trainer = nl.trainer(model, { optimizer: { lr: 0.1 }, accumulate: 2 });
        const losses = [];
        for (let step = from; step < to; step++) {
          losses.push(trainer.step(noise([6, 2, 6, 6], 10 + step), [0, 1, 2, 0, 1, 2]).loss);
        }
        return losses;
      };
      const whole = nl.model(CNN);
      const losses = train(whole);
      assert.equal(whole.passes, 12);
      const first = nl.model(CNN);
      train(first, 0, 3);
      const second = nl.model(CNN);
      second.loadStateDict(first.stateDict());
      const { passes } = first;
      second.passes = passes;
      assert.deepEqual(train(second, 3), losses.slice(3));
      assert.deepEqual(second.stateDict(), whole.stateDict());
      // Without the count others are dropped.
      const third = nl.model(CNN);
      third.loadStateDict(first.stateDict());
      assert.notDeepEqual(train(third, 3), losses.slice(3));
    });

    test('what is saved goes on with what would have been dropped next', () => {
      const [x, labels] = [noise([6, 2, 6, 6], 7), [0, 1, 2, 0, 1, 2]];
      const model = nl.model(CNN);
      const trainer = nl.trainer(model, { optimizer: { lr: 0.1 } });
      for (let step = 0; step < 3; step++) trainer.step(x, labels);
      const loaded = nl.loadModel(model.save());
      assert.equal(loaded.passes, 3);
      const other = nl.model(CNN);
      const resumed = nl.trainer(other, { optimizer: { lr: 0.1 } });
      resumed.loadState(trainer.state());
      assert.equal(other.passes, 3);
      const next = trainer.step(x, labels);
      assert.deepEqual(resumed.step(x, labels), next);
      assert.equal(loaded.gradients(x, labels).loss, next.loss);
    });

    test('survives folding', () => {
      const model = nl.model(CNN);
      model.forward(noise([8, 2, 6, 6], 3));
      const folded = model.fold();
      const x = noise([5, 2, 6, 6], 4);
      assertClose(folded.forward(x).data, model.eval().forward(x).data, 1e-5, 'logits');
      assert.deepEqual(folded.layers.filter(({ type }) => type === 'dropout').length, 3);
    });

    test('refuses what is no probability, and a count that is none', () => {
      for (const p of [-0.1, 1.5, Infinity]) {
        assert.throws(
          () => nl.model(alone({ p })),
          failure('argument', [/layers\[0\] \(dropout\)/, /dropout probability has to be between 0 and 1, but got/]),
        );
      }
      assert.throws(() => nl.model(alone({ p: null })), failure('argument', /p: expected a number, got null/));
      const model = nl.model(alone({}));
      for (const bad of [-1, 0.5, 2 ** 53, '1']) {
        assert.throws(
          () => {
            model.passes = bad;
          },
          failure('argument', /model\.passes: passes/),
        );
      }
      assert.equal(model.passes, 0);
    });
  });
});
