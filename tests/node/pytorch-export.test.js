import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createEngine, NormlabError, presetSpec, presets } from 'normlab';
import { createCore } from 'normlab/core';
import { extendEngine } from 'normlab/extend';
import { addTraining } from 'normlab/training';
import { norms } from '../../wasm/presets/fill.js';
import { assertClose, assertWithin, failure } from './support/assertions.js';
import { fromRecipe } from './support/golden.js';
import { namesOfSequential, noTorch, runExported } from './support/python.js';
import { random } from './support/random.js';
import { specs as anySpec } from './support/specs.js';

const nl = await createEngine();
const STEPS = 10;

/** @param {object} options as a trainer has them; a schedule is of ten steps */
const scheduled = ({ schedule = {}, ...rest }) => ({ ...rest, schedule: { steps: STEPS, ...schedule } });
const sgd = (more = {}) => ({ type: 'sgd', lr: 0.01, momentum: 0.9, ...more });
// A bias before BatchNorm has no gradient but rounding, which Adam would bring to full size: eps keeps it small.
const adam = (more = {}) => ({ type: 'adam', lr: 2e-3, eps: 1e-3, ...more });
const TRAINERS = [
  { optimizer: sgd() },
  { optimizer: sgd({ nesterov: true, weightDecay: 0.1 }), decayNorms: false },
  { optimizer: sgd({ dampening: 0.3 }), schedule: { type: 'step', stepSize: 3, gamma: 0.5 } },
  { optimizer: adam({ weightDecay: 0.1 }), decayBiases: false },
  { optimizer: adam({ type: 'adamW', betas: [0.8, 0.99] }), schedule: { type: 'cosine', etaMin: 1e-4, warmup: 3 } },
  { optimizer: adam({ amsgrad: true }), labelSmoothing: 0.1, schedule: { type: 'linear', endFactor: 0.1 } },
  { optimizer: sgd({ lr: 0.05 }), clipGradNorm: 0.5, accumulate: 3 },
  { optimizer: sgd(), ghostBatch: 3, schedule: { type: 'linear', warmup: 2 } },
  { optimizer: sgd({ weightDecay: 0.1 }), decayNorms: false, decayBiases: false, schedule: { warmup: 4 } },
  { optimizer: sgd(), replicas: 2, syncBatchNorm: true, schedule: { type: 'cosine', steps: 6 } },
  {},
].map(scheduled);

const conv = { type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1 };
const HEAD = [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }];
const withLayers = (...layers) => ({ input: [2, 8, 8], seed: 3, layers: [...layers, ...HEAD] });

/** What the presets do not have. */
const OTHERS = {
  'momentum null': withLayers(conv, { type: 'batchNorm', momentum: null }, { type: 'gelu' }),
  'momentum 0.3, eps 0.1, no bias': withLayers(conv, { type: 'batchNorm', momentum: 0.3, eps: 0.1, bias: false }),
  'no running statistics': withLayers(conv, { type: 'batchNorm', trackRunningStats: false, runningVar: 'biased' }),
  'biased running_var': withLayers(conv, { type: 'batchNorm', runningVar: 'biased', momentum: 0.5 }, { type: 'tanh' }),
  'biased running_var, momentum null': withLayers(
    ...[conv, { type: 'batchNorm', runningVar: 'biased', momentum: null, affine: false }],
    ...[{ type: 'flatten' }, { type: 'batchNorm', runningVar: 'biased', bias: false }],
  ),
  'limited batchRenorm': withLayers(conv, { type: 'batchRenorm', rMax: 1.1, dMax: 0.1, momentum: 0.2 }),
  'biased batchRenorm': withLayers(
    ...[conv, { type: 'batchRenorm', runningVar: 'biased', momentum: null, bias: false }],
    ...[{ type: 'flatten' }, { type: 'batchRenorm', affine: false }],
  ),
  'standardized weights': withLayers(
    { ...conv, weightStandardization: true, bias: false, stride: [2, 1] },
    ...[{ type: 'groupNorm', numGroups: 3, affine: false }, { type: 'relu' }],
    { ...conv, weightStandardization: true, kernelSize: [3, 1], padding: [1, 0] },
    { type: 'groupNorm', numGroups: 2, bias: false, eps: 0.01 },
  ),
  'layerNorm over less': withLayers(
    ...[conv, { type: 'layerNorm', normalizedShape: 8, bias: false }],
    ...[{ type: 'layerNorm', normalizedShape: [8, 8], elementwiseAffine: false }, { type: 'sigmoid' }],
    ...[
      { type: 'rmsNorm', normalizedShape: 8, eps: 0.01 },
      { type: 'rmsNorm', elementwiseAffine: false },
    ],
  ),
  'tracking instanceNorm': withLayers(conv, {
    ...{ type: 'instanceNorm', affine: true, trackRunningStats: true, momentum: 0.4 },
  }),
  'pools, identity, no dropout': withLayers(
    ...[conv, { type: 'maxPool2d', kernelSize: 3, stride: 2, padding: 1 }, { type: 'identity' }],
    ...[
      { type: 'avgPool2d', kernelSize: [2, 1], stride: [1, 1] },
      { type: 'dropout', p: 0 },
    ],
  ),
  'names and nested residuals': withLayers(
    { ...conv, name: 'stem "ß"\n' },
    {
      type: 'residual',
      name: 'block',
      body: [
        { type: 'batchNorm', name: 'first' },
        { type: 'residual', body: [{ ...conv, name: 'in' }], shortcut: [{ type: 'batchNorm' }, conv] },
      ],
    },
    { type: 'residual', body: [{ type: 'relu' }], shortcut: [conv] },
  ),
  '1d': {
    input: [5, 7],
    seed: 1,
    layers: [
      ...[{ type: 'batchNorm' }, { type: 'batchRenorm' }, { type: 'instanceNorm', affine: true }],
      ...[{ type: 'groupNorm', numGroups: 5 }, { type: 'layerNorm' }, ...HEAD],
    ],
  },
  '3d': { input: [3, 2, 3, 4], seed: 1, layers: [{ type: 'batchNorm' }, { type: 'instanceNorm' }, ...HEAD] },
};

const specs = Object.entries(OTHERS);
const refused = [];
for (const preset of Object.keys(presets)) {
  for (const norm of norms) {
    // Small images for what is large, and a large eps for what is deep: many normalizations make much of rounding.
    const change = { convnet: { input: [3, 8, 8] }, plain: { normOptions: { eps: 0.1 } } }[preset];
    const spec = presetSpec(preset, { norm, seed: 1, ...change });
    try {
      nl.model(spec).dispose();
      specs.push([`${preset} ${norm}`, spec]);
    } catch (error) {
      assert.ok(error instanceof NormlabError);
      refused.push(`${preset} ${norm}`);
    }
  }
}

const sizeOf = (shape) => shape.reduce((a, b) => a * b, 1);
const labels = (n, classes) => Array.from({ length: n }, (_, i) => (i * 7) % classes);

/** The batches of tests/golden/exported.py. @param {{ input: number[], seed: number, n: number, steps: number }} of */
function batches({ input, seed, n, steps }) {
  const size = n * sizeOf(input);
  const data = fromRecipe({ seed, scale: 1, shift: 0 }, steps * size);
  return Array.from({ length: steps }, (_, i) => ({
    data: data.slice(i * size, (i + 1) * size),
    shape: [n, ...input],
  }));
}

/** A model whose statistics and weights are not those it started with. */
function moved(spec) {
  const model = nl.model(spec);
  const trainer = nl.trainer(model, { optimizer: adam() });
  for (const x of batches({ input: spec.input, seed: 99, n: N, steps: 2 })) trainer.step(x, labels(N, model.classes));
  trainer.dispose();
  return model;
}

const N = 8;
const CASES = specs.map(([name, spec], index) => ({
  name,
  spec,
  trainer: TRAINERS[index % TRAINERS.length],
  seed: index,
}));

describe('nl.toPyTorch(model)', { skip: noTorch }, async () => {
  const models = CASES.map(({ spec }) => moved(spec));
  const common = ({ spec, seed }, model) => ({
    ...{ weights: model.save(), seed, n: N, input: spec.input, classes: model.classes },
  });
  const plain = CASES.map((one, i) => ({ script: nl.toPyTorch(models[i]), ...common(one, models[i]) }));
  const training = CASES.map((one, i) => ({
    script: nl.toPyTorch(models[i], { trainer: one.trainer }),
    ...common(one, models[i]),
    steps: STEPS,
    scheduled: one.trainer.schedule.steps,
  }));
  const results = await runExported([...plain, ...training]);

  CASES.forEach(({ name, spec, trainer: options, seed }, index) => {
    const { input } = spec;
    const model = models[index];
    const [one, trained] = [results[index], results[CASES.length + index]];

    test(`${name}: the same state dictionary and logits`, () => {
      assert.equal(one.error, undefined);
      assert.deepEqual([...one.keys].sort(), Object.keys(model.stateDict()).sort());
      assert.deepEqual([...one.parameters].sort(), model.parameters.map(({ key }) => key).sort());
      const [x] = batches({ input, seed, n: N, steps: 1 });
      assertClose(model.eval().forward(x).data, one.eval, 1e-5, 'eval');
      const other = nl.loadModel(model.save());
      assertClose(other.train().forward(x).data, one.train, 2e-5, 'train');
      other.dispose();
    });

    test(`${name}: the same ten losses with ${JSON.stringify(options)}`, () => {
      assert.equal(trained.error, undefined);
      const xs = batches({ input, seed, n: N, steps: STEPS });
      const other = nl.loadModel(model.save());
      const trainer = nl.trainer(other, options);
      const [losses, rates] = [[], []];
      for (const x of xs) {
        rates.push(trainer.currentLr);
        losses.push(trainer.step(x, labels(N, other.classes)).loss);
      }
      assertClose(rates, trained.rates, 1e-7, 'learning rate');
      assertWithin(losses, trained.losses, 1e-4, 'loss');
      assertClose(other.eval().forward(xs[0]).data, trained.trained, 1e-3, 'logits after training');
      other.dispose();
    });
  });

  test('presets that are refused are those without room for InstanceNorm', () => {
    for (const name of refused) assert.match(name, / instance$/);
  });
});

describe('nl.toPyTorch of random models', { skip: noTorch }, async () => {
  const found = fc.sample(anySpec, { numRuns: 80, seed: 6 });
  const models = found.map(({ spec }) => nl.model(spec));
  const results = await runExported(
    models.map((model, i) => ({
      ...{ script: nl.toPyTorch(model), weights: model.save() },
      ...{ seed: i, n: found[i].batchSize, input: model.input, classes: model.classes },
    })),
  );
  models.forEach((model, i) => {
    const { spec, batchSize } = found[i];
    test(`${i}: ${spec.layers.map(({ type }) => type).join(' ')}`, () => {
      assert.equal(results[i].error, undefined, nl.toPyTorch(model));
      const [x] = batches({ input: spec.input, seed: i, n: batchSize, steps: 1 });
      assertClose(model.eval().forward(x).data, results[i].eval, 1e-4, 'eval');
      // What a dropout drops is another in PyTorch.
      const drops = model.layers.some(({ type, options }) => type === 'dropout' && options.p !== 0);
      if (!drops) assertClose(model.train().forward(x).data, results[i].train, 1e-4, 'train');
    });
  });
});

const { tensor } = random(5);
/** Factories with their arguments, and the shape of an input. */
const LAYERS = [
  ['batchNorm1d', [3], [4, 3]],
  ['batchNorm1d', [3, { momentum: null }], [4, 3, 5]],
  ['batchNorm2d', [3, { momentum: 0.01, eps: 0.1 }], [4, 3, 2, 2]],
  ['batchNorm2d', [3, { affine: false, runningVar: 'biased' }], [4, 3, 2, 2]],
  ['batchNorm2d', [3, { trackRunningStats: false, bias: false }], [4, 3, 2, 2]],
  ['batchNorm3d', [2], [2, 2, 3, 2, 2]],
  ['batchRenorm2d', [3, { rMax: 1.2, dMax: 0.1 }], [4, 3, 2, 2]],
  ['layerNorm', [5], [4, 5]],
  ['layerNorm', [[3, 2], { bias: false }], [4, 3, 2]],
  ['layerNorm', [[3, 2], { elementwiseAffine: false }], [4, 3, 2]],
  ['groupNorm', [2, 4], [3, 4, 3]],
  ['instanceNorm1d', [3, { affine: true, trackRunningStats: true }], [3, 6]],
  ['instanceNorm2d', [3], [2, 3, 3, 3]],
  ['rmsNorm', [[2, 3], { eps: 0.1 }], [4, 2, 3]],
  ['rmsNorm', [6], [6]],
];

describe('nl.toPyTorch(layer)', { skip: noTorch }, async () => {
  const made = LAYERS.flatMap(([factory, args, shape]) =>
    ['new', 'moved', 'moved, in eval mode', 'of equal values'].map((state) => {
      const layer = nl[factory](...args);
      if (state !== 'new') {
        const dict = layer.stateDict();
        for (const { data } of Object.values(dict)) {
          // Positive, as variances are.
          data?.set(state === 'of equal values' ? data.map(() => 1.1) : tensor([data.length], 0.1, 1.5).data);
        }
        if ('num_batches_tracked' in dict) dict.num_batches_tracked = 7;
        layer.loadStateDict(dict);
      }
      layer.train(state !== 'moved, in eval mode');
      return { layer, name: `${factory}(${JSON.stringify(args).slice(1, -1)}), ${state}`, shape };
    }),
  );
  const results = await runExported(made.map(({ layer, shape }) => ({ script: nl.toPyTorch(layer, { shape }) })));
  made.forEach(({ layer, name, shape }, i) => {
    test(name, () => {
      const { error, training, state, x, dy, y, grads } = results[i];
      assert.equal(error, undefined);
      assert.deepEqual([x.shape, training], [shape, layer.training]);
      assertClose(layer.forward({ data: Float32Array.from(x.data), shape }).data, y, 1e-5, 'y');
      const { input, ...own } = layer.backward({ data: Float32Array.from(dy), shape });
      assertWithin(input.data, x.grad, 2e-5, 'dx');
      assert.deepEqual(Object.keys(own).sort(), Object.keys(grads).sort());
      for (const [key, { data }] of Object.entries(own)) assertWithin(data, grads[key], 2e-5, key);
      const after = layer.stateDict();
      assert.deepEqual(Object.keys(after).sort(), Object.keys(state).sort());
      for (const [key, value] of Object.entries(after)) assertClose(value.data ?? [value], state[key], 1e-6, key);
    });
  });
});

describe('nl.toPyTorch', () => {
  const one = () => nl.model(withLayers(conv, { type: 'batchNorm', name: 'norm' }));

  test('takes a trainer as it takes its options', () => {
    const model = one();
    const trainer = nl.trainer(model, TRAINERS[4]);
    assert.equal(nl.toPyTorch(model, { trainer }), nl.toPyTorch(model, { trainer: TRAINERS[4] }));
    trainer.lr = 0.5;
    assert.match(nl.toPyTorch(model, { trainer }), /AdamW\(model\.parameters\(\), lr=0\.5,/);
    assert.equal(nl.toPyTorch(model, { distributed: true }), nl.toPyTorch(model, { distributed: true, trainer: {} }));
  });

  test('leaves the model and its trainer as they were', () => {
    const [model, other] = [one(), one()];
    const [x] = batches({ input: model.input, seed: 1, n: N, steps: 1 });
    const losses = [model, other].map((each) => {
      const trainer = nl.trainer(each, { optimizer: sgd() });
      return Array.from({ length: 3 }, () => {
        if (each === model) nl.toPyTorch(model, { trainer: { optimizer: adam() } });
        return trainer.step(x, labels(N, 10)).loss;
      });
    });
    assert.deepEqual(losses[0], losses[1]);
  });

  test('converts to SyncBatchNorm where statistics are shared', () => {
    const options = { replicas: 4, syncBatchNorm: true };
    const script = nl.toPyTorch(one(), { trainer: options, distributed: true });
    assert.match(script, /model = nn\.SyncBatchNorm\.convert_sync_batchnorm\(model\)\n.*model\.to\(device\)/);
    assert.match(script, /--nproc_per_node=4/);
    assert.doesNotMatch(nl.toPyTorch(one(), { trainer: { replicas: 4 }, distributed: true }), /SyncBatchNorm/);
  });

  test('keeps frozen layers frozen', () => {
    const model = one().freeze();
    assert.match(nl.toPyTorch(model), /for key in \["norm"\]:\n +model\.get_submodule\(key\)\.eval\(\)/);
    assert.match(nl.toPyTorch(model, { trainer: {} }), /for epoch in range\(1\):\n +train_mode\(model\)/);
  });

  test('says what PyTorch has no word for', () => {
    const [renorm, biased] = [{ type: 'batchRenorm' }, { type: 'batchNorm', runningVar: 'biased' }].map((norm) =>
      nl.model(withLayers({ type: 'residual', body: [norm] })),
    );
    const shared = { trainer: { replicas: 2, syncBatchNorm: true }, distributed: true };
    /** @type {[any, any, RegExp][]} */
    const cases = [
      [renorm, shared, /layer "0\.body\.0" \(batchRenorm\): nn\.SyncBatchNorm/],
      [biased, shared, /layer "0\.body\.0" \(batchNorm\): nn\.SyncBatchNorm/],
      [one(), { trainer: { replicas: 2 } }, /trainer\.replicas: .*distributed: true/],
      [one(), { trainer: {}, run: { sortByClass: true } }, /run\.sortByClass/],
      [one(), { trainer: {}, run: { augment: { flip: true } } }, /run\.augment/],
      [one(), { trainer: { optimizer: { lr: 0 }, schedule: { type: 'cosine', etaMin: 1 } } }, /schedule\.etaMin/],
    ];
    for (const [model, options, words] of cases) {
      assert.throws(() => nl.toPyTorch(model, options), failure('unsupported', ['nl.toPyTorch', words]));
    }
  });

  test('refuses names that nn.Sequential has for itself', { skip: noTorch }, () => {
    const names = namesOfSequential();
    assert.ok(names.includes('state_dict'));
    for (const name of names) {
      const model = nl.model(withLayers({ type: 'relu', name }));
      assert.throws(() => nl.toPyTorch(model), failure('unsupported', `layer "${name}" (relu)`));
    }
  });

  test('says what is wrong with its arguments', () => {
    const model = one();
    const layer = nl.batchNorm2d(3);
    const image = nl.model({ input: [3, 4, 4], seed: 0, layers: [conv] });
    /** @type {[any, any, string, RegExp][]} */
    const cases = [
      [undefined, {}, 'argument', /model: expected a model or a layer of this engine, got undefined/],
      [model.spec, {}, 'argument', /got an object|got Object/],
      [model, { trainr: {} }, 'argument', /unknown option 'trainr'/],
      [model, { shape: [1] }, 'argument', /unknown option 'shape'/],
      [model, { distributed: 1 }, 'argument', /distributed: expected true or false, got 1/],
      [model, { trainer: { optimizer: { lr: -1 } } }, 'argument', /Invalid learning rate: -1/],
      [model, { trainer: nl.trainer(one()) }, 'argument', /trainer: expected one of this model/],
      [model, { trainer: {}, run: { epochs: -1 } }, 'argument', /epochs/],
      [model, { trainer: {}, run: { batchSize: 0 } }, 'argument', /batchSize/],
      [image, { trainer: {} }, 'shape', /logits of shape \[N, K\].*\[6, 4, 4\]/],
      [layer, { trainer: {} }, 'argument', /unknown option 'trainer'/],
      [layer, { shape: [0] }, 'argument', /shape: expected positive integers, got \[0\]/],
    ];
    for (const [subject, options, code, words] of cases) {
      assert.throws(() => nl.toPyTorch(subject, options), failure(code, ['nl.toPyTorch', words]));
    }
    model.dispose();
    layer.dispose();
    for (const gone of [model, layer]) assert.throws(() => nl.toPyTorch(gone), failure('state', 'disposed of'));
  });

  test('is of one engine, and comes to normlab/core by extendEngine', async () => {
    const core = addTraining(await createCore());
    const model = core.model(withLayers(conv));
    assert.equal('toPyTorch' in core, false);
    assert.throws(() => nl.toPyTorch(model), failure('argument', 'got one of another'));
    assert.equal(extendEngine(core).toPyTorch(model), nl.toPyTorch(nl.model(withLayers(conv))));
    core.dispose();
  });
});
