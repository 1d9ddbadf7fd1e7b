// Sets that are made up. What their samples look like is tested in tests/c/test_synthetic.c.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, test } from 'node:test';
import { createEngine } from 'normlab';
import { assertWithin, failure } from './support/assertions.js';
import { forEachVariant, runsHere, VARIANTS } from './support/variants.js';

const KINDS = /** @type {const} */ (['blobs', 'textures']);
const SMALL = { shape: [2, 6, 5], classes: 4, length: 30, seed: 3 };

/** @param {import('normlab').Dataset} set */
const digest = ({ images, labels }) => createHash('sha256').update(images).update(labels).digest('hex');

await forEachVariant((nl, variant) => {
  for (const kind of KINDS) {
    describe(kind, () => {
      const make = (options) => nl[kind](options);

      test('is a data set like any other', () => {
        const set = make(SMALL);
        assert.deepEqual([set.name, set.shape, set.length, set.classes], [kind, [2, 6, 5], 30, 4]);
        const counts = [0, 0, 0, 0];
        for (const label of set.labels.subarray(0, 28)) counts[label]++;
        assert.deepEqual(counts, [7, 7, 7, 7]);
        const { x, labels } = set.slice(10, 14).batch([3, 0]);
        assert.deepEqual(
          [x.shape, [...labels]],
          [
            [2, 2, 6, 5],
            [set.labels[13], set.labels[10]],
          ],
        );
        assert.deepEqual(x.data, set.batch([13, 10]).x.data);
      });

      test('is standardized', () => {
        const { x } = make(SMALL).batch(Array.from({ length: 30 }, (_, i) => i));
        for (const c of [0, 1]) {
          const values = Array.from(x.data).filter((_, i) => Math.floor(i / 30) % 2 === c);
          const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
          const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
          assertWithin([mean, variance], [0, 1], 1e-6, `channel ${c}`);
        }
      });

      test('every option has an effect, and equal ones give equal bits', () => {
        const set = make(SMALL);
        assert.equal(digest(make({ ...SMALL })), digest(set));
        for (const other of [{ seed: 4 }, { split: 'test' }, { noise: 0.1 }, { classes: 5 }, { shape: [2, 5, 6] }]) {
          assert.notEqual(digest(make({ ...SMALL, ...other })), digest(set), JSON.stringify(other));
        }
        assert.equal(digest(make({ ...SMALL, split: 'train' })), digest(set));
        const named = make({ ...SMALL, name: 'mine', classes: undefined, classNames: ['a', 'b', 'c', 'd'] });
        assert.deepEqual([named.name, named.classNames, digest(named)], ['mine', ['a', 'b', 'c', 'd'], digest(set)]);
      });

      test('fewer samples are the first of more, in pieces or not', () => {
        const stats = { mean: [0, 0], std: [1, 1] };
        const shape = [2, 64, 64];
        const many = make({ ...SMALL, ...stats, shape, length: 700 });
        assert.equal(digest(make({ ...SMALL, ...stats, shape, length: 9 })), digest(many.slice(0, 9)));
      });

      test('has defaults', () => {
        const set = make();
        const shape = { blobs: [1, 28, 28], textures: [3, 32, 32] }[kind];
        assert.deepEqual([set.shape, set.length, set.classes], [shape, 1000, 10]);
        const noise = { blobs: 0.25, textures: 0.5 }[kind];
        assert.equal(digest(make({ shape, length: 1000, classes: 10, seed: 0, noise, split: 'train' })), digest(set));
      });

      test('refuses what it cannot make', () => {
        /** @type {[object, string, string][]} */
        const wrong = [
          [{ length: 0 }, 'argument', 'length: expected an integer >= 1, got 0'],
          [{ length: 2 ** 31 - 1, shape: [3, 4000, 4000] }, 'memory', 'cannot get memory'],
          [{ classes: 0 }, 'argument', 'classes: expected an integer >= 1, got 0'],
          [{ shape: [] }, 'argument', 'of positive integers, got []'],
          [{ shape: [2, 3, 4, 5] }, 'argument', 'got [2, 3, 4, 5]'],
          [{ shape: [2, 0, 3] }, 'argument', 'shape'],
          [{ shape: 28 }, 'argument', 'shape'],
          [{ noise: -1 }, 'argument', 'noise must be from 0 to 1e6, got -1'],
          [{ noise: NaN }, 'argument', 'noise must be from 0 to 1e6'],
          [{ noise: '1' }, 'argument', "noise: expected a number, got '1'"],
          [{ seed: 0.5 }, 'argument', 'seed: must be an integer in [0, 2^53), got 0.5'],
          [{ split: 'validation' }, 'argument', "split: expected 'train' or 'test', got 'validation'"],
          [{ classNames: ['a'], classes: 2 }, 'argument', 'classNames'],
          [{ mean: [0] }, 'argument', 'mean: expected 2 finite numbers'],
          [{ size: 3 }, 'argument', "unknown option 'size'"],
        ];
        for (const [options, code, words] of wrong) {
          assert.throws(() => make({ ...SMALL, ...options }), failure(code, words), JSON.stringify(options));
        }
        assert.throws(() => make(3), failure('argument', `${kind}: options: expected an object, got 3`));
        assert.equal(make(SMALL).length, 30, 'and goes on');
      });

      test('loadDataset gives two parts, both standardized as the training part is', async () => {
        const progress = [];
        const { train, test: held } = await nl.loadDataset(kind, { onProgress: (state) => progress.push(state) });
        assert.deepEqual([train.length, held.length, train.classes, held.classes], [5000, 1000, 10, 10]);
        assert.equal(digest(train), digest(make({ length: 5000 })));
        const { mean, std } = train;
        assert.deepEqual([held.mean, held.std], [mean, std]);
        assert.equal(digest(held), digest(make({ length: 1000, split: 'test', mean, std })));
        assert.ok(
          progress.length > 3 && progress.every(({ loaded }, i) => i === 0 || loaded >= progress[i - 1].loaded),
        );
        const bytes = train.images.byteLength + held.images.byteLength;
        assert.deepEqual(
          [progress[0], progress.at(-1)].map(({ loaded, total }) => [loaded, total]),
          [
            [0, bytes],
            [bytes, bytes],
          ],
        );
      });
    });
  }

  test('blobs of any shape train a model of it', async () => {
    for (const shape of [[2], [6], [3, 7], [1, 2, 2]]) {
      const data = nl.blobs({ shape, classes: 3, length: 300, noise: 0.1, seed: 1 });
      assert.deepEqual(data.batch([0]).x.shape, [1, ...shape]);
      const layers = [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }];
      const model = nl.model({ input: shape, seed: 0, layers });
      await nl.trainer(model, { optimizer: { lr: 0.3 } }).fit(data, { epochs: 3, batchSize: 10 });
      const { mean, std } = data;
      const held = nl.blobs({ shape, classes: 3, length: 300, noise: 0.1, seed: 1, split: 'test', mean, std });
      assert.ok(model.evaluate(held).accuracy > 0.8, `[${shape}]: ${model.evaluate(held).accuracy}`);
    }
    assert.throws(
      () => nl.textures({ shape: [3, 32] }),
      failure('argument', 'expected [C, H, W] of positive integers'),
    );
  });

  // Not given away by a mean colour: a linear model has nothing to go by, convolutions have.
  test('textures take convolutions', async () => {
    const shape = [3, 16, 16];
    const data = nl.textures({ shape, length: 1500 });
    const { mean, std } = data;
    const held = nl.textures({ shape, length: 500, split: 'test', mean, std });
    const conv = (outChannels, kernelSize) => [
      { type: 'conv2d', outChannels, kernelSize, stride: 2, padding: 1 },
      { type: 'batchNorm' },
      { type: 'relu' },
    ];
    const accuracy = async (...layers) => {
      const rest = [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }];
      const model = nl.model({ input: shape, seed: 1, layers: [...layers, ...rest] });
      const trainer = nl.trainer(model, { optimizer: { lr: 0.02, momentum: 0.9 } });
      await trainer.fit(data, { epochs: 2, batchSize: 16, seed: 1 });
      return model.evaluate(held).accuracy;
    };
    const linear = await accuracy();
    const convolutions = await accuracy(...conv(16, 5), ...conv(32, 3), { type: 'globalAvgPool2d' });
    assert.ok(linear < 0.3, `linear ${linear}`);
    assert.ok(convolutions > 0.6 && convolutions < 0.999, `convolutions ${convolutions}`);
  });

  test('other variants make the same bits', async () => {
    for (const other of VARIANTS.filter((each) => each !== variant && runsHere(each))) {
      const engine = await createEngine({ variant: other });
      for (const kind of KINDS) assert.equal(digest(engine[kind](SMALL)), digest(nl[kind](SMALL)), `${kind}, ${other}`);
      engine.dispose();
    }
  });
});
