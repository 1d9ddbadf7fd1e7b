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
          const size = shape.reduce((a, b) => a * b, x.shape[0]);
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

  describe('measuring changes nothing', () => {
    const CASES = [
      ...golden.models.map(({ name }) => [name, {}]),
      ['resnet', { optimizer: { type: 'adamW', lr: 0.01 }, clipGradNorm: 0.1, labelSmoothing: 0.1 }],
      ...[{ replicas: 3 }, { replicas: 2, syncBatchNorm: true }, { accumulate: 3 }, { ghostBatch: 3 }].map((parts) => [
        'cnn batchNorm',
        parts,
      ]),
    ];
    for (const [name, options] of CASES) {
      test(`${name}, ${JSON.stringify(options)}`, () => {
        const models = [start(modelOf(name)), start(modelOf(name))];
        const [trainer, plain] = models.map((model) => nl.trainer(model, { ...SGD, ...options }));
        for (let step = 0; step < 5; step++) {
          const { x, labels } = batchOf(modelOf(name), step);
          const { layers, ...figures } = trainer.step(x, labels, { measure: step !== 3 });
          assert.equal(layers === undefined, step === 3);
          assert.deepEqual(figures, plain.step(x, labels));
        }
        assert.deepEqual(models[0].stateDict(), models[1].stateDict());
        // Nor does it leave anything behind for a backward pass that is not measured.
        const { x, labels } = batchOf(modelOf(name));
        trainer.dispose();
        assert.deepEqual(models[0].gradients(x, labels), models[1].gradients(x, labels));
      });
    }
  });

  test('histograms are those of the outputs and of their gradients', () => {
    const { spec, initial } = modelOf('cnn batchNorm');
    const model = start({ spec, initial });
    const { x, labels } = batchOf(modelOf('cnn batchNorm'));
    const { layers } = nl.trainer(model, SGD).step(x, labels, { measure: { bins: 7 } });
    const counted = (data, { low, high }) => {
      const counts = new Array(7).fill(0);
      for (const value of data) counts[Math.min(6, Math.floor(((value - low) * 7) / (high - low)))]++;
      return counts;
    };
    layers.forEach(({ key, activation }, index) => {
      const part = nl.model({ ...spec, layers: spec.layers.slice(0, index + 1) });
      part.loadStateDict(initial, { strict: false });
      const { data } = part.forward(x);
      assert.deepEqual([activation.min, activation.max], [Math.min(...data), Math.max(...data)], key);
      // A value at an edge may fall to either side.
      assertWithin(activation.histogram.counts, counted(data, activation.histogram), 1, key);
      assertWithin([activation.mean], [sum([...data]) / data.length], 1e-9, key);
    });
    // Of the logits the gradient is softmax minus target, by hand.
    const { data } = start({ spec, initial }).forward(x);
    const gradient = Array.from(data, (_, i) => {
      const row = Array.from(data.slice(10 * Math.floor(i / 10), 10 * Math.floor(i / 10) + 10), Math.exp);
      return (row[i % 10] / sum(row) - (labels[Math.floor(i / 10)] === i % 10 ? 1 : 0)) / 8;
    });
    const last = layers[layers.length - 1].gradient;
    assertWithin(last.histogram.counts, counted(gradient, last.histogram), 1, 'gradient of the logits');
    assertWithin([last.max, last.min], [Math.max(...gradient), Math.min(...gradient)], 1e-7, 'their range');
    assert.equal(nl.trainer(model).step(x, labels, { measure: true }).layers[0].gradient.histogram.counts.length, 32);
  });

  describe('a batch in parts', () => {
    for (const [options, n] of [
      [{ replicas: 3 }, 2],
      [{ replicas: 3, syncBatchNorm: true }, 8],
      [{ accumulate: 2 }, 4],
      [{ ghostBatch: 3 }, 2],
      [{ replicas: 2, accumulate: 2 }, 2],
    ]) {
      test(`${JSON.stringify(options)} shows the first ${n} samples, and norms of all`, () => {
        const batch = batchOf(modelOf('resnet'));
        const model = start(modelOf('resnet'));
        const { layers, gradNorm } = nl.trainer(model, options).step(batch.x, batch.labels, { measure: true });
        const first = head(batch, n);
        const alone = nl.trainer(start(modelOf('resnet'))).step(first.x, first.labels, { measure: true });
        layers.forEach(({ gradNorm: own, ...rest }, index) => {
          const { gradNorm: other, ...same } = alone.layers[index];
          assert.deepEqual(rest, same);
          assert.equal(own === null, other === null);
        });
        assertClose([Math.hypot(...layers.map((layer) => layer.gradNorm ?? 0))], [gradNorm], 1e-6, 'norm of all');
        assert.equal(layers[1].statistics.valuesPerStatistic, n * 12 * 12);
        assert.equal(model.valuesPerStatistic(n)[layers[1].key], n * 12 * 12);
      });
    }
  });

  test('distances are those of savedStats from the state before the step', () => {
    const { below, tensor } = random(3);
    for (const [type, factory, options] of [
      ['batchNorm', 'batchNorm2d', { eps: 1e-2, momentum: null }],
      ['batchNorm', 'batchNorm2d', { eps: 1e-4, momentum: 0.5, runningVar: 'biased', affine: false }],
      ['instanceNorm', 'instanceNorm2d', { eps: 1e-3, trackRunningStats: true }],
    ]) {
      const model = nl.model({
        input: [3, 4, 5],
        layers: [{ type, ...options }, { type: 'flatten' }, { type: 'linear', outFeatures: 2 }],
      });
      const trainer = nl.trainer(model, SGD);
      const layer = nl[factory](3, options);
      for (let step = 0; step < 3; step++) {
        const x = tensor([4, 3, 4, 5]);
        x.data.forEach((_, i) => {
          x.data[i] = 2 * x.data[i] + 1;
        });
        const before = model.stateDict();
        const { layers } = trainer.step(x, [0, 1, below(2), 1], { measure: true });
        layer.forward(x);
        const { mean, invstd } = layer.savedStats();
        const [runningMean, runningVar] = ['mean', 'var'].map((name) => before[`0.running_${name}`].data);
        const scale = Array.from(mean, (_, i) => Math.sqrt(runningVar[i % 3] + options.eps));
        const shifts = Array.from(mean, (value, i) => ((value - runningMean[i % 3]) / scale[i]) ** 2);
        const logs = Array.from(invstd, (value, i) => Math.abs(2 * Math.log(value * scale[i])));
        const { meanShift, varRatio, valuesPerStatistic } = layers[0].statistics;
        assertWithin([meanShift], [Math.sqrt(sum(shifts) / shifts.length)], 1e-9, 'meanShift');
        assertWithin([varRatio], [Math.exp(sum(logs) / logs.length)], 1e-9, 'varRatio');
        assert.equal(valuesPerStatistic, type === 'batchNorm' ? 80 : 20);
        assert.equal(layers[0].gradient === null, !(type === 'batchNorm' && options.affine !== false));
      }
    }
  });

  test('statistics of one batch are far from fresh running ones, and near after many', () => {
    const model = nl.model({
      input: [4],
      layers: [{ type: 'batchNorm' }, { type: 'linear', outFeatures: 2 }],
    });
    const trainer = nl.trainer(model, { optimizer: { lr: 0 } });
    const x = random(5).tensor([64, 4]);
    for (let i = 0; i < x.data.length; i++) x.data[i] = 3 * x.data[i] + 5;
    const step = (options) => trainer.step(x, new Int32Array(64), options).layers?.[0].statistics;
    const first = step({ measure: true });
    assert.ok(first.meanShift > 4 && first.varRatio > 5, `${first.meanShift}, ${first.varRatio}`);
    for (let i = 0; i < 200; i++) step();
    const { meanShift, varRatio } = step({ measure: true });
    // What stays is Bessel's correction, 64 / 63.
    assertWithin([meanShift, varRatio], [0, 64 / 63], 1e-4, 'at the end');
    model.freeze();
    assert.deepEqual(step({ measure: true }), { valuesPerStatistic: 64, meanShift: null, varRatio: null });
  });

  describe('values per statistic', () => {
    const at = (preset, norm, n, options = {}) => {
      const model = nl.model(presetSpec(preset, { norm, ...options }));
      const normal = model.layers.filter(({ type }) => type.endsWith('Norm'));
      const found = model.valuesPerStatistic(n);
      assert.deepEqual(
        Object.keys(found),
        normal.map(({ key }) => key),
      );
      model.dispose();
      return Object.values(found);
    };
    for (const [preset, sizes] of Object.entries({
      // Channels, and values of one of them in one sample, of each normalization.
      mlp: [
        [256, 1],
        [128, 1],
      ],
      smallcnn: [
        [16, 28 * 28],
        [32, 14 * 14],
      ],
      deepcnn: [
        [16, 14 * 14],
        [32, 7 * 7],
        [64, 4 * 4],
        [64, 2 * 2],
        [64, 1],
      ],
      convnet: [
        [64, 32 * 32],
        [128, 16 * 16],
        [256, 8 * 8],
        [512, 1],
      ],
      resnet: [
        ...new Array(3).fill([16, 28 * 28]),
        ...new Array(3).fill([32, 14 * 14]),
        ...new Array(3).fill([64, 7 * 7]),
      ],
    })) {
      test(preset, () => {
        for (const n of [1, 2, 32]) {
          assert.deepEqual(
            at(preset, 'batch', n),
            sizes.map(([, s]) => n * s),
          );
          assert.deepEqual(
            at(preset, 'group', n, { groups: 8 }),
            sizes.map(([c, s]) => (c / 8) * s),
          );
          for (const norm of ['layer', 'rms']) {
            assert.deepEqual(
              at(preset, norm, n),
              sizes.map(([c, s]) => c * s),
            );
          }
        }
        assert.deepEqual(at(preset, 'none', 4), []);
      });
    }

    test('of instances, in a model with residuals', () => {
      const { spec } = modelOf('cnn instanceNorm');
      assert.deepEqual(nl.model(spec).valuesPerStatistic(8), { 1: 144, 5: 36 });
      const resnet = nl.model(modelOf('resnet').spec);
      const expected = { 1: 144, '4.body.1': 9, '4.body.4': 9, '4.shortcut.1': 9, '6.body.1': 9 };
      assert.deepEqual(resnet.valuesPerStatistic(1), expected);
      assert.equal(resnet.valuesPerStatistic(2 ** 30)[1], 144 * 2 ** 30);
    });

    test('layerNorm over the last dimensions alone', () => {
      const layers = [
        { type: 'layerNorm', normalizedShape: [5] },
        { type: 'rmsNorm', normalizedShape: [4, 5], name: 'rms' },
      ];
      assert.deepEqual(nl.model({ input: [3, 4, 5], layers }).valuesPerStatistic(7), { 0: 5, rms: 20 });
    });

    test('a batch size that is none is refused', () => {
      const model = nl.model(presetSpec('mlp'));
      assert.throws(
        () => model.valuesPerStatistic(0),
        failure('argument', /model\.valuesPerStatistic: batchSize: expected an integer >= 1, got 0/),
      );
      model.dispose();
      assert.throws(() => model.valuesPerStatistic(1), failure('state', /model\.valuesPerStatistic: .*disposed/));
    });
  });

  describe('passes', () => {
    const data = () => {
      const { tensor, labels } = random(7);
      return makeDataset({
        shape: [19, 1, 1],
        images: tensor([11, 19, 1, 1]).data,
        labels: labels(11, 10),
        classes: 10,
      });
    };
    const mlp = () => start({ ...modelOf('mlp batchNorm') });

    test('measureEvery: the figures of every k-th step, of all epochs, and no others', async () => {
      const all = new Map();
      for (const every of [1, 2, 3, 5, 100, null]) {
        const model = mlp();
        const steps = [];
        const options = { epochs: 3, batchSize: 3, seed: 2, measureEvery: every, bins: 4 };
        const history = await nl.trainer(model, SGD).fit(data(), { ...options, onStep: (step) => steps.push(step) });
        assert.equal(history.loss.length, 12);
        assert.deepEqual(
          steps.flatMap(({ step, layers }) => (layers ? [step] : [])),
          steps.map(({ step }) => step).filter((step) => step % (every ?? 100) === 0),
        );
        for (const { layers, ...figures } of steps) {
          if (every === 1) all.set(figures.step, { layers, figures });
          const same = all.get(figures.step);
          assert.deepEqual(figures, same.figures);
          if (layers) assert.deepEqual(layers, same.layers);
        }
        assert.deepEqual(Object.keys(history).sort(), ['accuracy', 'epochs', 'loss']);
        assert.equal(all.get(1).layers[0].activation.histogram.counts.length, 4);
        if (every === 1) all.set('state', model.stateDict());
        assert.deepEqual(model.stateDict(), all.get('state'));
        model.dispose();
      }
      // The last of four batches has two samples.
      assert.equal(all.get(3).layers[1].statistics.valuesPerStatistic, 3);
      assert.equal(all.get(4).layers[1].statistics.valuesPerStatistic, 2);
    });

    test('steps(k) of a run measures in between, and ends with the epoch', () => {
      const run = nl.trainer(mlp(), SGD).start(data(), { batchSize: 3, measureEvery: 2 });
      const shown = (k) => {
        const { steps, epochEnded } = run.steps(k);
        return [steps.map(({ step, layers }) => (layers ? -step : step)), epochEnded];
      };
      assert.deepEqual(shown(3), [[1, -2, 3], false]);
      assert.deepEqual(shown(9), [[-4], true]);
      assert.deepEqual(shown(1), [[5], false]);
      assert.deepEqual(shown(100), [[-6, 7, -8], true]);
      assert.deepEqual(shown(4), [[9, -10, 11, -12], true]);
      assert.equal(run.step, 12);
      assert.equal(run.epoch, 3);
    });

    test('a step that fails is told by the next call, behind the steps that did not', () => {
      const short = data().slice(0, 7);
      // Two batches of three, and one of one sample, which has no variance.
      for (const measureEvery of [null, 1, 2, 3]) {
        const run = nl.trainer(mlp(), SGD).start(short, { batchSize: 3, measureEvery });
        assert.equal(run.steps(3).steps.length, 2);
        assert.throws(() => run.steps(3), failure('shape', /run\.steps: .*more than 1 value per channel/));
        assert.equal(run.step, 2);
      }
    });

    test('a run that diverges shows where: values that are not finite are counted', async () => {
      const model = mlp();
      const steps = [];
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 1e30 } });
      await assert.rejects(
        trainer.fit(data(), { epochs: 9, batchSize: 11, measureEvery: 1, onStep: (step) => steps.push(step) }),
        failure('diverged', /the first value that is not finite stood in the output of layer/),
      );
      const { loss, layers } = steps[steps.length - 1];
      assert.ok(!Number.isFinite(loss));
      for (const { key, shape, activation, gradient } of layers) {
        for (const { nonfinite, histogram, ...moments } of [activation, gradient]) {
          const size = 11 * shape[0];
          assert.equal(sum(histogram.counts), size - nonfinite, key);
          assert.ok(histogram.low < histogram.high || (nonfinite < size && moments.min < moments.max), key);
          for (const value of Object.values(moments)) assert.equal(Number.isFinite(value), nonfinite < size, key);
        }
      }
      assert.ok(layers.some(({ activation }) => activation.nonfinite > 0));
      assert.ok(layers.some(({ gradient }) => gradient.nonfinite > 0));
      assert.ok(layers.some(({ gradNorm }) => Number.isNaN(gradNorm)));
      assert.equal(steps[0].layers[0].activation.nonfinite, 0);
    });

    test('wrong options are refused, and nothing is trained', async () => {
      const model = mlp();
      const trainer = nl.trainer(model, SGD);
      const before = model.stateDict();
      const { x, labels } = batchOf(modelOf('mlp batchNorm'));
      for (const [options, words] of [
        [{ measure: 1 }, /trainer\.step: measure: expected an object, got 1/],
        [{ measure: null }, /trainer\.step: measure: expected an object, got null/],
        [{ measure: { bin: 2 } }, /trainer\.step: measure: unknown option 'bin'; expected one of bins/],
        [{ measure: { bins: 0 } }, /trainer\.step: bins: expected an integer from 1 to 4096, got 0/],
        [{ measure: { bins: 4097 } }, /trainer\.step: bins: expected an integer from 1 to 4096, got 4097/],
        [{ bins: 2 }, /trainer\.step: options: unknown option 'bins'; expected one of measure/],
      ]) {
        assert.throws(() => trainer.step(x, labels, options), failure('argument', words));
      }
      for (const [options, words] of [
        [{ measureEvery: 0 }, /measureEvery: expected an integer >= 1, got 0/],
        [{ measureEvery: '2' }, /measureEvery: expected an integer >= 1, got '2'/],
        [{ measureEvery: 1, bins: 0.5 }, /bins: expected an integer from 1 to 4096, got 0.5/],
      ]) {
        await assert.rejects(trainer.fit(data(), { epochs: 1, batchSize: 3, ...options }), failure('argument', words));
        assert.throws(() => trainer.start(data(), { batchSize: 3, ...options }), failure('argument', words));
      }
      assert.deepEqual(model.stateDict(), before);
      assert.equal(trainer.step(x, labels, { measure: false }).layers, undefined);
    });
  });
});
