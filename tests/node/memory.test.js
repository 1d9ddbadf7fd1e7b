import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEngine, makeDataset } from 'normlab';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const ROUNDS = 1000;
const LAYER_ROUNDS = 10_000;
const { tensor, labels } = random(1);

const SPEC = {
  input: [1, 8, 8],
  layers: [
    { type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'residual', body: [{ type: 'conv2d', outChannels: 4, kernelSize: 3, padding: 1 }, { type: 'layerNorm' }] },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'groupNorm', numGroups: 2 },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 3 },
  ],
};
const X = tensor([8, 1, 8, 8]);
const LABELS = labels(8, 3);
const DATA = makeDataset({ shape: [1, 8, 8], images: X.data, labels: LABELS, classes: 3 });

/** Every layer, with an input that it takes and one of another shape that it refuses. */
const LAYERS = Object.entries({
  batchNorm1d: [[8], [4, 8, 3]],
  batchNorm2d: [[8], [2, 8, 2, 3]],
  batchNorm3d: [[8], [2, 8, 2, 1, 3]],
  layerNorm: [[[8, 3]], [4, 8, 3]],
  groupNorm: [
    [2, 8],
    [4, 8, 3],
  ],
  instanceNorm1d: [
    [8, { affine: true, trackRunningStats: true }],
    [4, 8, 3],
  ],
  instanceNorm2d: [
    [8, { affine: true }],
    [2, 8, 2, 3],
  ],
  instanceNorm3d: [[8], [2, 8, 2, 1, 3]],
  rmsNorm: [[[8, 3]], [4, 8, 3]],
}).map(([factory, [args, shape]]) => ({ factory, args, x: tensor(shape), wrong: tensor([...shape, 1, 1, 1]) }));

/** What is made, used and disposed of, over and over. */
const OBJECTS = {
  models(nl) {
    const model = nl.model(SPEC);
    model.gradients(X, LABELS);
    model.eval().forward(X);
    model.evaluate(DATA, { batchSize: 3, mode: 'train' });
    model.compareModes(X);
    model.loadStateDict(model.stateDict());
    const loaded = nl.loadModel(model.save());
    loaded.forward(X);
    assert.throws(() => nl.loadModel(model.save().slice(0, -4)));
    loaded.dispose();
    model.dispose();
  },
  trainers(nl) {
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
    trainer.step(X, LABELS);
    trainer.start(DATA, { batchSize: 3 }).steps(2);
    const run = trainer.start(DATA, { batchSize: 4 });
    run.steps(2);
    trainer.loadState(trainer.state());
    trainer.start(DATA, { batchSize: 4 }).dispose();
    run.dispose();
    trainer.start(DATA, { batchSize: 4, sortByClass: true, augment: { crop: 2, flip: true } }).steps(2);
    model.evaluate(DATA, { sortByClass: true });
    trainer.dispose();
    model.dispose();
  },
  'trainers that measure'(nl) {
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.01 }, accumulate: 2 });
    trainer.step(X, LABELS, { measure: { bins: 4 } });
    trainer.step(X, LABELS, { measure: true });
    trainer.start(DATA, { batchSize: 4, measureEvery: 1 }).steps(2);
    assert.throws(() => trainer.step(X, [...LABELS.slice(1), 3], { measure: true }));
    trainer.dispose();
    model.dispose();
  },
  mistakes(nl) {
    const layer = nl.batchNorm1d(64);
    assert.throws(() => layer.forward({ data: new Float32Array(64), shape: [1, 64] }));
    assert.throws(() => layer.loadStateDict({}));
    layer.dispose();
    assert.throws(() => nl.groupNorm(3, 64));
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.01 } });
    assert.throws(() => nl.model({ ...SPEC, layers: [...SPEC.layers, { type: 'groupNorm', numGroups: 2 }] }));
    assert.throws(() => nl.trainer(model, { optimizer: { type: 'sgd', lr: -1 } }));
    assert.throws(() => model.gradients(X, [...LABELS.slice(1), 3]));
    assert.throws(() => model.evaluate({ ...DATA, classes: 2, labels: LABELS.map(() => 2) }));
    assert.throws(() => trainer.start({ ...DATA, classes: 9 }, { batchSize: 4 }));
    assert.throws(() => trainer.start(DATA, { batchSize: 9, dropLast: true }));
    assert.throws(() => trainer.start(DATA, { batchSize: 4, sortByClass: true, augment: { crop: 9 } }));
    assert.throws(() => nl.blobs({ noise: -1 }));
    trainer.dispose();
    model.dispose();
  },
};

/** How many small layers fit in before the memory grows by another page; it has grown afterwards. */
function room(nl) {
  const { bytes } = nl.memory;
  const made = [];
  while (nl.memory.bytes === bytes) made.push(nl.layerNorm(1));
  for (const layer of made) layer.dispose();
  return made.length;
}

/**
 * Uses over and over what leaves nothing behind.
 *
 * @param {import('normlab').Engine} nl
 * @param {number} rounds
 * @param {() => void} use
 */
function leavesNothing(nl, rounds, use) {
  use();
  const before = room(nl);
  const page = room(nl) - before;
  const { bytes } = nl.memory;
  for (let i = 0; i < rounds; i++) use();
  assert.equal(nl.memory.bytes, bytes);
  // A leak of a few bytes a round, too small for a page, takes room from what fits in.
  const lost = before + 2 * page - room(nl);
  assert.ok(lost <= page / 20, `${lost} of ${page} small layers fit in no more`);
}

await forEachVariant((nl) => {
  test('every layer is listed', () => {
    const factories = Object.keys(nl).filter((name) => /Norm(\dd)?$/.test(name));
    assert.deepEqual(LAYERS.map(({ factory }) => factory).sort(), factories.sort());
  });

  for (const { factory, args, x, wrong } of LAYERS) {
    test(`${LAYER_ROUNDS} times ${factory} leave the memory where the first one did`, () =>
      leavesNothing(nl, LAYER_ROUNDS, () => {
        const layer = nl[factory](...args);
        layer.forward(x);
        layer.backward(x);
        layer.dispose();
      }));

    test(`${ROUNDS / 2} times all that ${factory} can do`, () =>
      leavesNothing(nl, ROUNDS / 2, () => {
        const layer = nl[factory](...args);
        assert.throws(() => layer.backward(x));
        layer.forward(x);
        assert.throws(() => layer.forward(wrong));
        layer.savedStats();
        layer.eval().forward(x);
        layer.backward(x);
        layer.loadStateDict(layer.stateDict());
        layer.resetRunningStats();
        layer.dispose();
      }));
  }

  for (const [name, use] of Object.entries(OBJECTS)) {
    test(`${ROUNDS} rounds of ${name} leave the memory where the first one did`, () =>
      leavesNothing(nl, ROUNDS, () => use(nl)));
  }

  test('training for long takes no more than for short', async () => {
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.001, momentum: 0.9 } });
    await trainer.fit(DATA, { epochs: 1, batchSize: 3, measureEvery: 3 });
    trainer.step(X, LABELS, { measure: true });
    const { bytes } = nl.memory;
    await trainer.fit(DATA, { epochs: ROUNDS, batchSize: 3 });
    await trainer.fit(DATA, { epochs: ROUNDS, batchSize: 3, measureEvery: 2 });
    for (let i = 0; i < ROUNDS; i++) trainer.step(X, LABELS);
    for (let i = 0; i < ROUNDS; i++) trainer.step(X, LABELS, { measure: true });
    assert.equal(nl.memory.bytes, bytes);
    trainer.dispose();
    model.dispose();
  });

  test('of the images, training holds those of its next steps alone, however many are asked for', async () => {
    // A memory of its own, which nothing has grown yet.
    const own = await createEngine({ variant: nl.variant });
    const images = new Uint8Array(8000 * 1024).map((_, i) => (i * i) >> 9);
    const targets = new Int32Array(8000).map((_, i) => i % 3);
    const data = makeDataset({ shape: [1, 32, 32], images, labels: targets, mean: [0.5], std: [0.25] });
    const spec = { input: [1, 32, 32], layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }] };
    const [one, many] = [1, 40].map((k) => {
      const trainer = own.trainer(own.model(spec), { optimizer: { type: 'sgd', lr: 0.001 } });
      const run = trainer.start(data, { batchSize: 100, seed: 3, augment: { flip: true } });
      return Array.from({ length: 40 / k }, () => run.steps(k).steps).flat();
    });
    assert.deepEqual(many, one);
    assert.ok(own.memory.bytes < images.length / 2, `${own.memory.bytes} of ${images.length}`);
    own.dispose();
  });

  test('one layer keeps room for its largest input alone', () => {
    const layer = nl.layerNorm(16);
    for (const rows of [1000, 1, 10]) layer.forward(tensor([rows, 16]));
    const { bytes } = nl.memory;
    for (let i = 0; i < ROUNDS; i++) layer.forward(tensor([1 + (i % 50), 16]));
    assert.equal(nl.memory.bytes, bytes);
    layer.dispose();
  });
});

test('what is forgotten without dispose is freed when it is collected', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  const nl = await createEngine();
  const forget = () => {
    for (const { factory, args, x } of LAYERS) {
      const [, ...sample] = x.shape;
      const shape = [8192, ...sample];
      nl[factory](...args).forward({ data: new Float32Array(shape.reduce((a, b) => a * b)), shape });
    }
    const model = nl.model(SPEC);
    nl.trainer(model).start(DATA, { batchSize: 4 }).steps(1);
  };
  forget();
  for (let i = 0; i < 12; i++) {
    collect();
    // Finalizers have a task of their own.
    await new Promise((resolve) => setTimeout(resolve, 5));
    forget();
  }
  // Of 117 layers of 0.8 to 1.8 MB each a few are there at a time.
  assert.ok(nl.memory.bytes < 48 * 2 ** 20, `${nl.memory.bytes}`);
  nl.dispose();
});
