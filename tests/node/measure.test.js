import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { makeDataset, presetSpec } from 'normlab';
import { assertClose, assertWithin, failure, largest } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const golden = readGolden('traces.json');
const measured = readGolden('measured.json');
const SGD = { optimizer: { type: 'sgd', lr: 0.05, momentum: 0.9 } };

/** Batch `step` of a model of traces.json. */
function batchOf({ spec, batches }, step = 0) {
  const { x, labels } = golden.batches[batches];
  const [steps, n] = labels.shape;
  const size = x.data.length / steps;
  return {
    x: { data: x.data.slice(step * size, (step + 1) * size), shape: [n, ...spec.input] },
    labels: labels.data.slice(step * n, (step + 1) * n),
  };
}

const head = ({ x, labels }, n) => ({
  x: { data: x.data.slice(0, (x.data.length / labels.length) * n), shape: [n, ...x.shape.slice(1)] },
  labels: labels.slice(0, n),
});

const modelOf = (name) => golden.models.find((model) => model.name === name);
const values = ({ mean, std, min, max }) => [mean, std, min, max];
const sum = (list) => list.reduce((a, b) => a + b, 0);

await forEachVariant((nl) => {
  /** A model of traces.json in its first state. */
  const start = ({ spec, initial }) => {
    const model = nl.model(spec);
    model.loadStateDict(initial);
    return model;
  };

  describe('a step, as PyTorch has it', () => {
    for (const { name, layers: expected } of measured.models) {
      test(name, () => {
        const model = start(modelOf(name));
        const { x, labels } = batchOf(modelOf(name));
        const { layers } = nl.trainer(model, SGD).step(x, labels, { measure: { bins: 16 } });
        assert.deepEqual(
          layers.map(({ key, type, shape }) => ({ key, type, shape })),
          model.layers.map(({ key, type, shape }) => ({ key, type, shape })),
        );
        assert.deepEqual(layers.map(({ key }) => key).sort(), Object.keys(expected).sort());
        // Gradients that cancel, such as those of a bias before BatchNorm, are off by as much as what they cancel from.
        const scale = largest(Object.values(expected).map(({ gradNorm }) => gradNorm ?? 0));
        for (const { key, shape, activation, gradient, gradNorm, weightNorm, statistics } of layers) {
          const want = expected[key];
          const size = sum([1, ...shape].slice(0, 1)) * x.shape[0] * shape.reduce((a, b) => a * b, 1);
          for (const [what, got, by] of [
            ['activation', activation, want.activation],
            ['gradient', gradient, want.gradient],
          ]) {
            assert.equal(got === null, by === null, `${key}: ${what}`);
            if (got === null) continue;
            assertClose(values(got), by.moments.data, 1e-5, `${key}: ${what}`);
            const { low, high, counts } = got.histogram;
            assert.deepEqual([low, high, got.nonfinite], [got.min, got.max, 0]);
            assert.equal(sum(counts), size);
            // A value near an edge may fall to either side of it.
            const moved = sum(counts.map((count, bin) => Math.abs(count - by.counts[bin])));
            assert.ok(moved <= 4, `${key}: ${what}: ${counts}, expected ${by.counts}`);
          }
          assertWithin([gradNorm], [want.gradNorm], 1e-5 * scale, `${key}: gradNorm`);
          assertWithin([weightNorm], [want.weightNorm], 1e-6 * (want.weightNorm ?? 0), `${key}: weightNorm`);
          assert.equal(statistics?.valuesPerStatistic, want.statistics?.valuesPerStatistic, key);
          for (const distance of ['meanShift', 'varRatio']) {
            const by = want.statistics?.[distance];
            assertWithin([statistics?.[distance]], [by], 1e-5 * (by ?? 0), `${key}: ${distance}`);
          }
        }
      });
    }
  });
});
