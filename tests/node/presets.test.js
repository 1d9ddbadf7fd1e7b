import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { createEngine, NormlabError, presetSpec, presets } from 'normlab';
import { failure } from './support/assertions.js';

/** @type {Awaited<ReturnType<typeof createEngine>>} */
let nl;
before(async () => {
  nl = await createEngine();
});
after(() => nl.dispose());

/** All layers of a spec, those of residual branches in the place of their residual. */
const flat = (layers) =>
  layers.flatMap((layer) => (layer.body ? [...flat(layer.body), ...flat(layer.shortcut)] : [layer]));
const types = (spec) => flat(spec.layers).map(({ type }) => type);

const TYPES = {
  batch: 'batchNorm',
  renorm: 'batchRenorm',
  layer: 'layerNorm',
  group: 'groupNorm',
  instance: 'instanceNorm',
  rms: 'rmsNorm',
};
const NORMS_IN = { mlp: 2, smallcnn: 2, deepcnn: 5, convnet: 4, resnet: 9, plain: 16 };
/** InstanceNorm needs several values in each channel of an image: these have a place without. */
const WITHOUT_INSTANCES = {
  mlp: /layers\[[23]\] \(instanceNorm\): expected 3D to 5D input \(got 2D input\)/,
  plain: /layers\[[23]\] \(instanceNorm\): expected 3D to 5D input \(got 2D input\)/,
  convnet: /layers\[1[34]\] \(instanceNorm\): expected 3D to 5D input \(got 2D input\)/,
  deepcnn: /layers\[1[34]\] \(instanceNorm\): Expected more than 1 spatial element .* got input size \[2, 64, 1, 1\]/,
};

describe('presets', () => {
  test('are those of the documentation', () => {
    assert.deepEqual(Object.keys(presets).sort(), Object.keys(NORMS_IN).sort());
    for (const { title, description, input, classes } of Object.values(presets)) {
      assert.ok(title && description);
      assert.equal(input.length, 3);
      assert.equal(classes, 10);
    }
  });

  test('cannot be changed, while their specs can', () => {
    assert.throws(() => {
      presets.mlp.layers[1].outFeatures = 1;
    }, TypeError);
    const spec = presetSpec('resnet');
    spec.layers[3].body[0].outChannels = 99;
    spec.input[0] = 7;
    assert.notDeepEqual(presetSpec('resnet'), spec);
    assert.deepEqual(presetSpec('resnet').input, [1, 28, 28]);
  });

  for (const name of Object.keys(NORMS_IN)) {
    for (const norm of ['batch', 'renorm', 'layer', 'group', 'instance', 'rms', 'none']) {
      if (norm === 'instance' && WITHOUT_INSTANCES[name]) continue;
      for (const placement of ['before', 'after']) {
        test(`${name} with ${norm} ${placement} the activation makes a model`, () => {
          const spec = presetSpec(name, { norm, placement, seed: 3 });
          assert.deepEqual(JSON.parse(JSON.stringify(spec)), spec);
          const made = types(spec);
          assert.ok(!made.includes('norm'));
          const count = made.filter((type) => Object.values(TYPES).includes(type)).length;
          assert.equal(count, norm === 'none' ? 0 : NORMS_IN[name]);
          assert.equal(made.filter((type) => type === TYPES[norm]).length, count);

          const model = nl.model(spec);
          const size = spec.input[0] * spec.input[1] * spec.input[2];
          const x = { data: Float32Array.from({ length: 2 * size }, (_, i) => Math.sin(i)), shape: [2, ...spec.input] };
          const logits = model.forward(x);
          assert.deepEqual(logits.shape, [2, 10]);
          assert.ok(logits.data.every(Number.isFinite));
          assert.notDeepEqual([...logits.data.subarray(0, 10)], [...logits.data.subarray(10)]);
          model.dispose();
        });
      }
    }
  }

  for (const [name, message] of Object.entries(WITHOUT_INSTANCES)) {
    test(`${name} has a place that InstanceNorm cannot take`, () => {
      for (const placement of ['before', 'after']) {
        const spec = presetSpec(name, { norm: 'instance', placement });
        assert.throws(() => nl.model(spec), failure('shape', message));
      }
    });
  }

  test('smallcnn is the network of the benchmarks', () => {
    assert.deepEqual(presetSpec('smallcnn', { norm: 'group' }), {
      input: [1, 28, 28],
      seed: 0,
      layers: [
        { type: 'conv2d', outChannels: 16, kernelSize: 3, padding: 1 },
        { type: 'groupNorm', numGroups: 8 },
        { type: 'relu' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'conv2d', outChannels: 32, kernelSize: 3, padding: 1 },
        { type: 'groupNorm', numGroups: 8 },
        { type: 'relu' },
        { type: 'maxPool2d', kernelSize: 2 },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 10 },
      ],
    });
  });

  test('have the layers that they are described by', () => {
    const shapes = (/** @type {string} */ name, /** @type {object} */ options = {}) => {
      const model = nl.model(presetSpec(name, options));
      const found = model.layers.map(({ key, type, shape }) => `${key} ${type} ${shape.join('×')}`);
      model.dispose();
      return found;
    };
    const weights = (/** @type {string[]} */ layers) => layers.filter((layer) => /linear|conv2d/.test(layer));
    for (const norm of ['batch', 'none']) {
      assert.deepEqual(
        shapes('mlp', { norm }).map((layer) => layer.replace(/^\d+ /, '')),
        [
          'flatten 784',
          ...[256, 128].flatMap((n) => [`linear ${n}`, ...(norm === 'batch' ? [`batchNorm ${n}`] : []), `relu ${n}`]),
          'linear 10',
        ],
      );
    }
    assert.deepEqual(weights(shapes('deepcnn')), [
      '0 conv2d 16×14×14',
      '3 conv2d 32×7×7',
      '6 conv2d 64×4×4',
      '9 conv2d 64×2×2',
      '12 conv2d 64×1×1',
      '16 linear 10',
    ]);
    const convnet = shapes('convnet');
    assert.deepEqual(weights(convnet), [
      '0 conv2d 64×32×32',
      '4 conv2d 128×16×16',
      '8 conv2d 256×8×8',
      '12 linear 512',
      '15 linear 10',
    ]);
    assert.ok(convnet.includes('13 batchNorm 512'));
    assert.deepEqual(shapes('resnet').slice(3, 10), [
      '3.body.0 conv2d 16×28×28',
      '3.body.1 batchNorm 16×28×28',
      '3.body.2 relu 16×28×28',
      '3.body.3 conv2d 16×28×28',
      '3.body.4 batchNorm 16×28×28',
      '3 residual 16×28×28',
      '4 relu 16×28×28',
    ]);
    // Where stride and width change, the shortcut is a 1×1 convolution and a normalization of its own.
    const shortcuts = shapes('resnet').filter((layer) => layer.includes('shortcut'));
    assert.deepEqual(shortcuts, [
      '5.shortcut.0 conv2d 32×14×14',
      '5.shortcut.1 batchNorm 32×14×14',
      '7.shortcut.0 conv2d 64×7×7',
      '7.shortcut.1 batchNorm 64×7×7',
    ]);
    const [conv] = presetSpec('resnet').layers[5].shortcut;
    assert.deepEqual([conv.kernelSize, conv.stride], [1, 2]);
    assert.equal(weights(shapes('plain')).length, 17);
  });

  test('plain is too deep to learn without normalization, and learns with BatchNorm', async () => {
    const { train, test: held } = await nl.loadDataset('fashion-mnist');
    const accuracy = async (/** @type {object} */ choice) => {
      const model = nl.model(presetSpec('plain', { seed: 1, ...choice }));
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
      await trainer.fit(train.slice(0, 1000), { epochs: 2, batchSize: 32, seed: 1 });
      const figures = model.evaluate(held.slice(0, 1000));
      trainer.dispose();
      model.dispose();
      return figures.accuracy;
    };
    // Chance is 0.1.
    const dead = await accuracy({ norm: 'none' });
    assert.ok(dead < 0.15, `${dead} without normalization`);
    for (const placement of ['before', 'after']) {
      const alive = await accuracy({ norm: 'batch', placement });
      assert.ok(alive > 0.4, `${alive} with BatchNorm ${placement} the activation`);
    }
  });

  test('Weight Standardization is an option of every convolution, and of a model that has one', () => {
    const spec = presetSpec('resnet', { norm: 'group', weightStandardization: true });
    const convolutions = flat(spec.layers).filter(({ type }) => type === 'conv2d');
    assert.equal(convolutions.length, 9);
    assert.ok(convolutions.every(({ weightStandardization }) => weightStandardization === true));
    assert.deepEqual(presetSpec('smallcnn', { weightStandardization: false }), presetSpec('smallcnn'));
    assert.throws(
      () => presetSpec('mlp', { weightStandardization: true }),
      failure('argument', /weightStandardization: expected a model with a conv2d/),
    );
    assert.throws(
      () => presetSpec('smallcnn', { weightStandardization: 1 }),
      failure('argument', /weightStandardization: expected true or false, got 1/),
    );
  });

  test('placement after swaps each normalization with its activation', () => {
    assert.deepEqual(types(presetSpec('mlp', { placement: 'after' })), [
      'flatten',
      'linear',
      'relu',
      'batchNorm',
      'linear',
      'relu',
      'batchNorm',
      'linear',
    ]);
    // At the end of a residual branch no activation stands beside it.
    const { body, shortcut } = presetSpec('resnet', { placement: 'after' }).layers[5];
    assert.deepEqual(
      body.map(({ type }) => type),
      ['conv2d', 'relu', 'batchNorm', 'conv2d', 'batchNorm'],
    );
    assert.deepEqual(
      shortcut.map(({ type }) => type),
      ['conv2d', 'batchNorm'],
    );
  });

  test('take groups, options of the normalization, input and classes', () => {
    const spec = presetSpec('smallcnn', {
      norm: 'group',
      groups: 4,
      normOptions: { eps: 1e-3 },
      input: [3, 8, 8],
      classes: 5,
    });
    assert.deepEqual(spec.layers[1], { type: 'groupNorm', numGroups: 4, eps: 1e-3 });
    assert.deepEqual(spec.input, [3, 8, 8]);
    const model = nl.model(spec);
    assert.deepEqual(model.forward({ data: new Float32Array(192), shape: [1, 3, 8, 8] }).shape, [1, 5]);
    model.dispose();
  });

  test('refuse what they do not know', () => {
    assert.throws(() => presetSpec('vgg'), failure('argument', /name: expected one of mlp, .*, got 'vgg'/));
    assert.throws(() => presetSpec(), failure('argument', /name.*got undefined/));
    assert.throws(
      () => presetSpec('mlp', { norm: 'batchNorm' }),
      failure('argument', /norm: .*batch.*got 'batchNorm'/),
    );
    assert.throws(() => presetSpec('mlp', { placement: 'around' }), failure('argument', /placement: .*got 'around'/));
    for (const groups of [0, -1, 1.5, Number.NaN]) {
      assert.throws(() => presetSpec('mlp', { norm: 'group', groups }), failure('argument', /groups: .*>= 1, got/));
    }
  });

  test('leave groups that do not divide the channels to the engine', () => {
    const spec = presetSpec('smallcnn', { norm: 'group', groups: 5 });
    assert.throws(
      () => nl.model(spec),
      (error) => error instanceof NormlabError && /5/.test(error.message),
    );
  });

  test('deepcnn has one value per channel and image: PyTorch refuses to train it on one image', () => {
    const model = nl.model(presetSpec('deepcnn'));
    const one = { data: new Float32Array(784), shape: [1, 1, 28, 28] };
    assert.throws(() => model.forward(one), failure('shape', /Expected more than 1 value per channel when training/));
    model.eval();
    assert.deepEqual(model.forward(one).shape, [1, 10]);
    model.dispose();
  });
});
