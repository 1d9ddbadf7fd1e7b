import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEngine, makeDataset } from 'normlab';
import { planRuns, shareOf } from '../../wasm/sweep/plan.js';
import { noise } from './fixtures/idx.js';

/** Images whose class is where they are bright. */
function split(count, seed) {
  const images = noise(count * 64, seed).map((value) => value >> 1);
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  labels.forEach((label, i) => {
    for (let at = label * 20; at < label * 20 + 12; at++) images[i * 64 + at] += 50;
  });
  return makeDataset({ shape: [1, 8, 8], images, labels, classes: 3 });
}

const data = { train: split(96, 1), test: split(48, 2) };
const MODEL = {
  layers: [
    { type: 'flatten' },
    { type: 'linear', outFeatures: 8 },
    { type: 'norm' },
    { type: 'relu' },
    { type: 'linear', outFeatures: 3 },
  ],
};
const SMALL = { data, model: MODEL, groups: 2, batchSizes: [4, 16], seeds: [0, 1], epochs: 2 };

/** Without what depends on the clock. */
const figures = ({ runs }) =>
  runs.map(({ seconds: _, imagesPerSecond: __, history, ...run }) => ({
    ...run,
    loss: history.loss,
    accuracy: history.accuracy,
    epochs: history.epochs.map(({ seconds: ___, imagesPerSecond: ____, ...epoch }) => epoch),
  }));

/** @type {import('normlab').Engine} */
let nl;
before(async () => {
  nl = await createEngine();
});
after(() => nl.dispose());

describe('a sweep', { timeout: 60_000 }, () => {
  test('has every run, in the order of the plan', async () => {
    const seen = [];
    const { runs, workers, seconds } = await nl.sweep({ ...SMALL, workers: 2, onRun: (run) => seen.push(run) });
    assert.equal(workers, 2);
    assert.ok(seconds > 0);
    assert.deepEqual(
      runs.map(({ norm, batchSize, seed, lr }) => [norm, batchSize, seed, lr]),
      ['batch', 'group', 'layer'].flatMap((norm) =>
        [4, 16].flatMap((size) => [0, 1].map((seed) => [norm, size, seed, (0.02 * size) / 32])),
      ),
    );
    assert.deepEqual(new Set(seen), new Set(runs));
    for (const { batchSize, history, testError, testErrorTrainMode, norm, ...run } of runs) {
      assert.equal(history.epochs.length, 2);
      assert.equal(history.loss.length, (2 * 96) / batchSize);
      assert.ok(testError >= 0 && testError <= 1, `${testError}`);
      assert.ok(run.seconds > 0 && run.imagesPerSecond > 0);
      assert.equal(run.error, undefined);
      if (norm !== 'batch') assert.equal(testErrorTrainMode, testError);
    }
    assert.ok(runs.some(({ testError, testErrorTrainMode }) => testError !== testErrorTrainMode));
    const mean = runs.reduce((sum, { testError }) => sum + testError, 0) / runs.length;
    assert.ok(mean < 0.5, `${mean}: of three classes, chance is wrong about two thirds`);
  });

  test('is bit-equal with any number of workers', async () => {
    const [here, one, two] = await Promise.all(
      [0, 1, 2].map(async (workers) => figures(await nl.sweep({ ...SMALL, workers }))),
    );
    assert.deepEqual(one, here);
    assert.deepEqual(two, here);
  });

  test('of fifty runs leaves the memory where the first one did', async (t) => {
    /** @type {WebAssembly.Memory[]} */
    const memories = [];
    const { instantiate } = WebAssembly;
    t.mock.method(WebAssembly, 'instantiate', async (...args) => {
      const instance = await instantiate(...args);
      memories.push(instance.exports.memory);
      return instance;
    });
    const sizes = [];
    await nl.sweep({
      ...SMALL,
      norms: ['batch'],
      batchSizes: [16],
      seeds: Array.from({ length: 50 }, (_, seed) => seed),
      workers: 0,
      onRun: () => sizes.push(memories[0].buffer.byteLength),
    });
    assert.equal(memories.length, 1);
    assert.equal(sizes.length, 50);
    assert.ok(sizes[0] > 0);
    assert.deepEqual(new Set(sizes), new Set([sizes[0]]));
  });

  test('does what a trainer of its settings does', async () => {
    const { runs } = await nl.sweep({ ...SMALL, norms: ['batch'], batchSizes: [16], seeds: [3], workers: 1 });
    const layers = MODEL.layers.map((layer) => (layer.type === 'norm' ? { type: 'batchNorm' } : layer));
    const model = nl.model({ input: [1, 8, 8], seed: 3, layers });
    const optimizer = { type: 'sgd', lr: 0.01, momentum: 0.9 };
    const trainer = nl.trainer(model, { optimizer, schedule: { type: 'linear' } });
    const history = await trainer.fit(data.train, { epochs: 2, batchSize: 16, seed: 3 });
    assert.deepEqual(runs[0].history.loss, history.loss);
    const close = (one, other) => assert.ok(Math.abs(one - other) < 1e-12, `${one} ${other}`);
    close(runs[0].testError, 1 - model.evaluate(data.test).accuracy);
    const inTrainMode = model.evaluate(data.test, { mode: 'train', batchSize: 16 }).accuracy;
    close(runs[0].testErrorTrainMode, 1 - inTrainMode);
    trainer.dispose();
    model.dispose();
  });

  test('keeps a learning rate or a schedule that is given as it is', async () => {
    const lossOf = async (trainer, scaleLr) => {
      const one = { ...SMALL, norms: ['batch'], batchSizes: [16], seeds: [3], workers: 0, trainer, scaleLr };
      return (await nl.sweep(one)).runs[0].history.loss;
    };
    const constant = await lossOf({ optimizer: { lr: 0.02 } }, true);
    assert.deepEqual(await lossOf({ schedule: { type: 'constant' } }), constant);
    assert.deepEqual(await lossOf({ optimizer: { lr: 0.02 }, schedule: { type: 'linear' } }, true), await lossOf());
    assert.notDeepEqual(await lossOf(), constant);
  });

  test('scales the learning rate where none is given, or where it is told to', async () => {
    const rates = async (trainer, scaleLr) => {
      const { runs } = await nl.sweep({
        ...SMALL,
        norms: ['none'],
        seeds: [0],
        epochs: 0,
        workers: 0,
        trainer,
        scaleLr,
      });
      return runs.map(({ lr }) => lr);
    };
    assert.deepEqual(await rates(), [0.0025, 0.01]);
    assert.deepEqual(await rates({ optimizer: { weightDecay: 0.1 } }), [0.0025, 0.01]);
    assert.deepEqual(await rates(undefined, false), [0.02, 0.02]);
    assert.deepEqual(await rates({ optimizer: { lr: 0.1 } }), [0.1, 0.1]);
    assert.deepEqual(await rates({ optimizer: { lr: 0.1 } }, true), [0.0125, 0.05]);
    assert.deepEqual(await rates({ optimizer: { type: 'adam' } }), [1e-3, 1e-3]);
    assert.deepEqual(await rates({ optimizer: { type: 'adam', lr: 0.032 } }, true), [0.004, 0.016]);
  });

  test('the error in train mode may be that of batches of one class', async () => {
    const one = { ...SMALL, norms: ['batch'], batchSizes: [8], seeds: [0], workers: 0 };
    const { runs: mixed } = await nl.sweep(one);
    const { runs: sorted } = await nl.sweep({ ...one, sortTestByClass: true });
    assert.deepEqual(sorted[0].history.loss, mixed[0].history.loss);
    assert.equal(sorted[0].testError, mixed[0].testError);
    assert.notEqual(sorted[0].testErrorTrainMode, mixed[0].testErrorTrainMode);
  });

  test('every option has an effect', async () => {
    const loss = async (options) => {
      const small = { ...SMALL, norms: ['batch'], batchSizes: [7], seeds: [0], workers: 0, ...options };
      const { runs } = await nl.sweep(small);
      assert.equal(runs[0].error, undefined, runs[0].error?.message);
      return runs[0].history.loss.join();
    };
    const plain = await loss({});
    assert.equal(await loss({}), plain);
    for (const options of [
      { norms: ['group'] },
      { batchSizes: [8] },
      { seeds: [1] },
      { limit: 49 },
      { epochs: 1 },
      { shuffle: false },
      { sortByClass: true },
      { augment: { crop: 2 } },
      { dropLast: true },
      { placement: 'after' },
      { norms: ['renorm'] },
      { normOptions: { eps: 0.5 } },
      { scaleLr: false },
      { trainer: { optimizer: { momentum: 0 } } },
      { trainer: { labelSmoothing: 0.1 } },
      { model: 'mlp' },
      { model: { preset: 'mlp', placement: 'after' } },
    ]) {
      assert.notEqual(await loss(options), plain, JSON.stringify(options));
    }
    const conv = { type: 'conv2d', outChannels: 2, kernelSize: 3, padding: 1 };
    const model = { ...MODEL, layers: [conv, ...MODEL.layers] };
    for (const options of [{ weightStandardization: true }, { placement: 'after' }]) {
      assert.notEqual(await loss({ model, ...options }), await loss({ model }), JSON.stringify(options));
    }
    const groups = (count) => loss({ norms: ['group'], groups: count });
    assert.notEqual(await groups(2), await groups(4));
  });

  test('reports progress up to the last step', async () => {
    const reports = [];
    await nl.sweep({ ...SMALL, workers: 1, limit: 90, onProgress: (progress) => reports.push(progress) });
    const totalSteps = 3 * 2 * 2 * (23 + 6);
    assert.deepEqual(reports.at(-1), { finished: 12, total: 12, steps: totalSteps, totalSteps });
    for (const [i, { steps, finished }] of reports.slice(1).entries()) {
      assert.ok(steps >= reports[i].steps && finished >= reports[i].finished);
    }
  });

  test('leaves out what is not wanted', async () => {
    const { runs } = await nl.sweep({ ...SMALL, only: ({ norm, seed }) => norm === 'layer' && seed === 1 });
    assert.deepEqual(
      runs.map(({ norm, batchSize, seed }) => [norm, batchSize, seed]),
      [
        ['layer', 4, 1],
        ['layer', 16, 1],
      ],
    );
    const { runs: none, workers } = await nl.sweep({ ...SMALL, only: () => false });
    assert.deepEqual([none, workers], [[], 0]);
  });

  test('a model that has its own normalizations is swept over batch sizes', async () => {
    const layers = MODEL.layers.map((layer) => (layer.type === 'norm' ? { type: 'rmsNorm' } : layer));
    const { runs } = await nl.sweep({ ...SMALL, model: { layers }, workers: 0 });
    assert.deepEqual(
      runs.map(({ norm, batchSize }) => [norm, batchSize]),
      [4, 4, 16, 16].map((size) => [null, size]),
    );
  });
});

describe('a run that fails', { timeout: 60_000 }, () => {
  for (const workers of [0, 2]) {
    test(`does not stop the others, with ${workers} workers`, async () => {
      const trainer = { optimizer: { lr: 1e30 } };
      const options = { ...SMALL, norms: ['none', 'group', 'instance'], seeds: [0], groups: 3, workers };
      const { runs } = await nl.sweep({ ...options, trainer });
      assert.deepEqual(
        runs.map(({ error }) => error.code),
        ['diverged', 'diverged', 'argument', 'argument', 'shape', 'shape'],
      );
      assert.match(runs[0].error.message, /loss is .* at step \d/);
      assert.match(runs[2].error.message, /3/);
      for (const { testError, testErrorTrainMode } of runs)
        assert.deepEqual([testError, testErrorTrainMode], [null, null]);
      assert.ok(runs[0].history.loss.length > 0);
      const { runs: mixed } = await nl.sweep({ ...options, norms: ['batch', 'group'], batchSizes: [1, 16] });
      assert.deepEqual(
        mixed.map(({ error, testError }) => [error?.code, testError !== null]),
        [
          ['shape', false],
          [undefined, true],
          ['argument', false],
          ['argument', false],
        ],
      );
    });
  }
});

describe('an abort', { timeout: 60_000 }, () => {
  for (const workers of [0, 2]) {
    test(`stops at once, with ${workers} workers`, async () => {
      const controller = new AbortController();
      const reason = new Error('enough');
      const finished = [];
      const sweep = nl.sweep({
        ...SMALL,
        norms: ['batch'],
        batchSizes: [96, 4],
        seeds: [0],
        epochs: 200_000,
        workers,
        signal: controller.signal,
        onRun: (run) => finished.push(run),
      });
      setTimeout(() => controller.abort(reason), 300);
      const began = performance.now();
      await assert.rejects(sweep, (error) => error === reason);
      assert.ok(performance.now() - began < 5000);
      assert.deepEqual(finished, []);
    });
  }

  test('before the start does nothing', async () => {
    const reason = new Error('never');
    await assert.rejects(nl.sweep({ ...SMALL, signal: AbortSignal.abort(reason) }), (error) => error === reason);
  });

  test('from within onRun keeps what was finished, and an error there ends the sweep', async () => {
    const controller = new AbortController();
    const finished = [];
    const onRun = (run) => {
      finished.push(run);
      controller.abort();
    };
    await assert.rejects(nl.sweep({ ...SMALL, workers: 1, signal: controller.signal, onRun }), { name: 'AbortError' });
    assert.equal(finished.length, 1);
    const thrown = new Error('disk full');
    const failing = async () => {
      throw thrown;
    };
    await assert.rejects(nl.sweep({ ...SMALL, workers: 2, onRun: failing }), (error) => error === thrown);
  });
});

describe('wrong options', () => {
  /** @type {[object, RegExp][]} */
  const cases = [
    [{ norm: ['batch'] }, /options: unknown option 'norm'/],
    [{ norms: [] }, /norms: expected an array that is not empty/],
    [{ norms: ['batch', 'spectral'] }, /norms\[1\]: expected one of batch, .*'spectral'/],
    [{ norms: ['batch', 'batch'] }, /norms\[1\]: 'batch' is there already/],
    [{ sortByClass: 1 }, /sortByClass: expected true or false, got 1/],
    [{ sortTestByClass: 1 }, /sortTestByClass: expected true or false, got 1/],
    [{ augment: { crop: 99 } }, /augment: crop must be less than the smaller side/],
    [{ augment: () => ({}) }, /augment: expected plain data, .*a function/],
    [{ batchSizes: 4 }, /batchSizes: expected an array/],
    [{ batchSizes: [0] }, /batchSizes\[0\]: expected an integer >= 1/],
    [{ seeds: [1, -1] }, /seeds\[1\]: expected an integer from 0/],
    [{ model: () => ({}) }, /model: expected .*got a function, which no worker can be given/],
    [{ model: 'vgg' }, /model: expected one of mlp, .*'vgg'/],
    [{ model: { preset: 'mlp', seed: 1 } }, /model: unknown option 'seed'/],
    [{ model: { layers: 7 } }, /model: layers: expected/],
    [
      { model: { layers: [{ type: 'norm', name: () => {} }] } },
      /model\.layers\[0\]\.name: expected plain data, .*a function/,
    ],
    [{ model: { layers: [{ type: 'relu' }] }, norms: ['batch'] }, /norms: the model has no \{ type: 'norm' \}/],
    [{ groups: 0 }, /groups: expected an integer >= 1/],
    [{ placement: 'around' }, /placement: expected before or after/],
    [{ trainer: { optimizer: { type: 'rprop' } } }, /optimizer\.type: expected 'sgd'/],
    [{ trainer: { optimiser: {} } }, /unknown option 'optimiser'/],
    [{ trainer: { optimizer: { lr: 'fast' } } }, /lr: expected a number/],
    [{ trainer: { optimizer: 'adam' } }, /trainer\.optimizer: expected an object/],
    [{ scaleLr: 1 }, /scaleLr: expected true or false/],
    [{ data: data.train }, /data\.train: expected a data set/],
    [{ data: { train: data.train } }, /data\.test: expected a data set/],
    [{ limit: 0 }, /limit: expected an integer >= 1/],
    [{ epochs: -1 }, /epochs: expected an integer >= 0/],
    [{ workers: -1 }, /workers: expected an integer >= 0/],
    [{ signal: {} }, /signal: expected an AbortSignal/],
    [{ onRun: 7 }, /onRun: expected a function/],
    [{ only: [] }, /only: expected a function/],
  ];
  for (const [options, message] of cases) {
    test(`${message}`, () =>
      assert.rejects(nl.sweep({ data, ...options }), { name: 'NormlabError', code: 'argument', message }));
  }

  test('an engine that was disposed of', async () => {
    const gone = await createEngine();
    gone.dispose();
    await assert.rejects(gone.sweep(SMALL), { code: 'state' });
  });
});

test('shards are disjoint, and together the whole', () => {
  const runs = planRuns({ norms: ['batch', 'group', 'layer'], batchSizes: [2, 4, 8, 16, 32], seeds: [0, 1, 2] });
  for (const count of [1, 2, 3, 7, 60]) {
    const shards = Array.from({ length: count }, (_, i) => shareOf(runs, { index: i + 1, count }));
    assert.deepEqual(new Set(shards.flat()), new Set(runs));
    assert.equal(shards.flat().length, runs.length);
    const sizes = shards.map(({ length }) => length);
    assert.ok(Math.max(...sizes) - Math.min(...sizes) <= 1);
  }
});

test('50 runs leave the memory where the first ones did', { timeout: 60_000 }, async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const used = () => {
    collect();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers + heapUsed;
  };
  const { bytes } = nl.memory;
  const run = async (workers, count) => {
    const seeds = Array.from({ length: count }, (_, seed) => seed);
    await nl.sweep({ ...SMALL, norms: ['batch'], batchSizes: [16], seeds, epochs: 1, workers });
  };
  for (const workers of [0, 2]) {
    await run(workers, 2);
    const before = used();
    await run(workers, 50);
    assert.ok(used() - before < 2 ** 20, `${workers} workers: ${used() - before} bytes more`);
  }
  assert.equal(nl.memory.bytes, bytes);
  assert.ok(!process.getActiveResourcesInfo().includes('MessagePort'), 'the workers have ended');
});
