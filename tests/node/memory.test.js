import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createEngine, makeDataset } from 'normlab';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const ROUNDS = 1000;
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

/** What is made, used and disposed of, over and over. */
const OBJECTS = {
  layers(nl) {
    const made = [nl.batchNorm1d(64), nl.batchNorm2d(64), nl.layerNorm([64, 4, 4]), nl.groupNorm(8, 64)];
    const x = { data: new Float32Array(2 * 64 * 16).fill(1), shape: [2, 64, 4, 4] };
    const rows = { data: x.data, shape: [2, 64, 16] };
    for (const [index, layer] of made.entries()) {
      const input = index === 0 ? rows : x;
      layer.forward(input);
      layer.backward(input);
      layer.savedStats();
      layer.loadStateDict(layer.stateDict());
      layer.dispose();
    }
  },
  models(nl) {
    const model = nl.model(SPEC);
    model.gradients(X, LABELS);
    model.eval().forward(X);
    model.evaluate(DATA, { batchSize: 3, mode: 'train' });
    model.compareModes(X);
    model.loadStateDict(model.stateDict());
    model.dispose();
  },
  trainers(nl) {
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
    trainer.step(X, LABELS);
    trainer.start(DATA, { batchSize: 3 }).steps(2);
    const run = trainer.start(DATA, { batchSize: 4 });
    run.steps(2);
    run.dispose();
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

await forEachVariant((nl) => {
  for (const [name, use] of Object.entries(OBJECTS)) {
    test(`${ROUNDS} rounds of ${name} leave the memory where the first one did`, () => {
      use(nl);
      const before = room(nl);
      const page = room(nl) - before;
      const { bytes } = nl.memory;
      for (let i = 0; i < ROUNDS; i++) use(nl);
      assert.equal(nl.memory.bytes, bytes);
      // A leak of a few bytes a round, too small for a page, takes room from what fits in.
      const lost = before + 2 * page - room(nl);
      assert.ok(lost <= page / 20, `${lost} of ${page} small layers fit in no more`);
    });
  }

  test('training for long takes no more than for short', async () => {
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.001, momentum: 0.9 } });
    await trainer.fit(DATA, { epochs: 1, batchSize: 3 });
    trainer.step(X, LABELS);
    const { bytes } = nl.memory;
    await trainer.fit(DATA, { epochs: ROUNDS, batchSize: 3 });
    for (let i = 0; i < ROUNDS; i++) trainer.step(X, LABELS);
    assert.equal(nl.memory.bytes, bytes);
    trainer.dispose();
    model.dispose();
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
  const x = { data: new Float32Array(2 ** 16), shape: [2 ** 16] };
  const forget = () => {
    for (let i = 0; i < 4; i++) nl.layerNorm(2 ** 16).forward(x);
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
  // Of 52 layers of 1.75 MB each a few are there at a time.
  assert.ok(nl.memory.bytes < 48 * 2 ** 20, `${nl.memory.bytes}`);
  nl.dispose();
});
