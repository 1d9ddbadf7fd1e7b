import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngine, makeDataset } from 'normlab';
import { failure } from './support/assertions.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const SPEC = {
  input: [4],
  seed: 1,
  layers: [{ type: 'linear', outFeatures: 3 }, { type: 'batchNorm' }],
};
const IMAGES = { input: [1, 6, 6], layers: [{ type: 'conv2d', outChannels: 2, kernelSize: 3 }] };
const MORE = 'Expected more than 1 value per channel when training, got input size';

const tensor = (...shape) => random(1).tensor(shape);
const X = tensor(6, 4);
const LABELS = Int32Array.of(0, 1, 2, 0, 1, 2);
const DATA = makeDataset({ shape: [4, 1, 1], images: X.data, labels: LABELS, classes: 3 });

const NO_TENSORS = [
  undefined,
  null,
  'x',
  3,
  X.data,
  { data: [...X.data], shape: [6, 4] },
  { data: X.data },
  { shape: [6, 4] },
];
const NORMS = [
  { type: 'batchNorm' },
  { type: 'layerNorm' },
  { type: 'groupNorm', numGroups: 1 },
  { type: 'instanceNorm' },
  { type: 'rmsNorm' },
];
const NO_INTEGERS = [0, -1, 1.5, NaN, Infinity, '4', null, 2 ** 32 + 4];

/** Fails with a word on `words`, and the same engine does its work right after. */
function refuses(call, code, words, works) {
  assert.throws(call, failure(code, words), String(call));
  works();
}

await forEachVariant((nl, variant) => {
  /** One step on a model of its own, whose result is known. */
  const first = nl.trainer(nl.model(SPEC), { optimizer: { type: 'sgd', lr: 0.1 } }).step(X, LABELS);
  const works = (trainer = nl.trainer(nl.model(SPEC), { optimizer: { type: 'sgd', lr: 0.1 } })) =>
    assert.deepEqual(trainer.step(X, LABELS), first);
  const fresh = () => {
    const model = nl.model(SPEC);
    return { model, trainer: nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.1 } }) };
  };

  describe('nl.model', () => {
    const layers = (...list) => ({ input: [1, 6, 6], layers: list });
    const conv = (options) => layers({ type: 'conv2d', outChannels: 2, kernelSize: 3, ...options });
    const REFUSED = [
      [undefined, 'argument', 'spec'],
      [null, 'argument', 'spec'],
      ['mlp', 'argument', 'spec'],
      [[], 'argument', 'spec'],
      [{ ...SPEC, input: undefined }, 'argument', 'input'],
      [{ ...SPEC, input: 4 }, 'argument', 'input'],
      [{ ...SPEC, input: [] }, 'argument', 'input'],
      [{ ...SPEC, input: [0] }, 'argument', 'input'],
      [{ ...SPEC, input: [2.5] }, 'argument', 'input'],
      [{ ...SPEC, input: ['4'] }, 'argument', 'input'],
      [{ ...SPEC, input: [1, 1, 1, 1, 4] }, 'argument', 'input'],
      [{ ...SPEC, input: [2 ** 32 + 4] }, 'argument', 'input'],
      [{ ...SPEC, seed: -1 }, 'argument', 'seed'],
      [{ ...SPEC, seed: 0.5 }, 'argument', 'seed'],
      [{ ...SPEC, seed: NaN }, 'argument', 'seed'],
      [{ ...SPEC, seed: 2 ** 53 }, 'argument', 'seed'],
      [{ ...SPEC, seed: '1' }, 'argument', 'seed'],
      [{ ...SPEC, seeds: 1 }, 'argument', ['seeds', 'input, layers, seed']],
      [{ input: [4] }, 'argument', 'layers'],
      [{ input: [4], layers: {} }, 'argument', 'layers'],
      [{ input: [4], layers: [] }, 'argument', 'layers'],
      [{ input: [4], layers: [null] }, 'argument', 'layers[0]'],
      [{ input: [4], layers: ['relu'] }, 'argument', 'layers[0]'],
      [{ input: [4], layers: [{ type: 'relu' }, {}] }, 'argument', 'layers[1]'],
      [
        { input: [4], layers: [{ type: 'batchnorm' }] },
        'argument',
        ['layers[0]', "'batchnorm'", 'conv2d, linear, relu', ...NORMS.map(({ type }) => type), 'residual'],
      ],
      [{ input: [4], layers: [{ type: 'add' }] }, 'argument', ['layers[0]', 'type']],
      [{ input: [4], layers: [{ type: 'toString' }] }, 'argument', ['layers[0]', 'type']],
      [{ input: [4], layers: [{ type: 'relu', name: '' }] }, 'argument', ['layers[0]', 'name']],
      [{ input: [4], layers: [{ type: 'relu', name: 'a.b' }] }, 'argument', ['layers[0]', 'name']],
      [{ input: [4], layers: [{ type: 'relu', name: 7 }] }, 'argument', ['layers[0]', 'name']],
      [
        {
          input: [4],
          layers: [
            { type: 'relu', name: 'a' },
            { type: 'tanh', name: 'a' },
          ],
        },
        'argument',
        ['layers[1]', "'a'"],
      ],
      [{ input: [4], layers: [{ type: 'relu', name: '1' }, { type: 'tanh' }] }, 'argument', ['layers[1]', "'1'"]],
      [{ input: [4], layers: [{ type: 'relu', inplace: true }] }, 'argument', ['layers[0]', 'inplace']],
      [{ input: [4], layers: [{ type: 'linear' }] }, 'argument', ['layers[0]', 'outFeatures']],
      ...NO_INTEGERS.map((outFeatures) => [
        { input: [4], layers: [{ type: 'linear', outFeatures }] },
        'argument',
        ['layers[0]', 'outFeatures'],
      ]),
      [{ input: [4], layers: [{ type: 'linear', outFeatures: 3, bias: 0 }] }, 'argument', ['layers[0]', 'bias']],
      ...[NaN, Infinity, -1, '1', [1e-5]].flatMap((eps) =>
        NORMS.map((norm) => [layers({ ...norm, eps }), 'argument', ['layers[0]', 'eps']]),
      ),
      [layers({ type: 'batchNorm', eps: -1 }), 'argument', 'batch_norm eps must be non-negative, but got -1'],
      [
        { input: [4], layers: [{ type: 'batchNorm', epsilon: 1e-3 }] },
        'argument',
        ['layers[0]', 'epsilon', 'eps, momentum, affine, trackRunningStats, runningVar, bias'],
      ],
      [{ input: [4], layers: [{ type: 'groupNorm' }] }, 'argument', ['layers[0]', 'numGroups']],
      [
        { input: [4], layers: [{ type: 'groupNorm', numGroups: 3 }] },
        'argument',
        ['layers[0]', 'num_channels must be divisible by num_groups'],
      ],
      [
        { input: [4], layers: [{ type: 'layerNorm', normalizedShape: [5] }] },
        'shape',
        ['layers[0]', 'normalized_shape=[5]'],
      ],
      [
        { input: [4], layers: [{ type: 'rmsNorm', normalizedShape: [5] }] },
        'shape',
        ['layers[0]', 'Given normalized_shape=[5], expected input with shape [*, 5]'],
      ],
      ...['layerNorm', 'rmsNorm'].map((type) => [
        layers({ type, normalizedShape: [] }),
        'argument',
        ['layers[0]', 'Expected normalized_shape to be at least 1-dimensional', 'normalized_shape = []'],
      ]),
      [layers({ type: 'rmsNorm', bias: true }), 'argument', ["'bias'", 'normalizedShape, eps, elementwiseAffine']],
      [layers({ type: 'groupNorm', numGroups: 1, bias: 1 }), 'argument', ['layers[0]', 'bias']],
      [
        { input: [4], layers: [{ type: 'instanceNorm' }] },
        'shape',
        ['layers[0]', 'expected 3D to 5D input (got 2D input)'],
      ],
      [
        { input: [4, 1, 1], layers: [{ type: 'instanceNorm' }] },
        'shape',
        ['layers[0]', 'Expected more than 1 spatial element when training, got input size [2, 4, 1, 1]'],
      ],
      [layers({ type: 'instanceNorm', momentum: null }), 'argument', ['layers[0]', 'momentum']],
      [
        layers({ type: 'instanceNorm', runningVar: 'biased' }),
        'argument',
        ["'runningVar'", 'eps, momentum, affine, trackRunningStats'],
      ],
      [layers({ type: 'linear', outFeatures: 3 }), 'shape', ['layers[0]', 'flatten']],
      [{ input: [36], layers: IMAGES.layers }, 'shape', ['layers[0]', 'conv2d', '[36]']],
      [conv({ outChannels: undefined }), 'argument', ['layers[0]', 'outChannels']],
      [conv({ kernelSize: 0 }), 'argument', ['layers[0]', 'kernelSize']],
      [conv({ kernelSize: [3, 3, 3] }), 'argument', ['layers[0]', 'kernelSize']],
      [conv({ stride: 0 }), 'argument', ['layers[0]', 'stride']],
      [conv({ padding: -1 }), 'argument', ['layers[0]', 'padding']],
      [conv({ padding: 'same' }), 'argument', ['layers[0]', 'padding']],
      [
        conv({ kernelSize: 7 }),
        'shape',
        [
          'layers[0]',
          "Calculated padded input size per channel: (6 x 6). Kernel size: (7 x 7). Kernel size can't be greater than " +
            'actual input size',
        ],
      ],
      [
        layers({ type: 'maxPool2d', kernelSize: 2, padding: 2 }),
        'argument',
        ['layers[0]', 'pad should be at most half of kernel size'],
      ],
      [layers({ type: 'residual' }), 'argument', ['layers[0]', 'body']],
      [layers({ type: 'residual', body: [] }), 'argument', ['layers[0]', 'body']],
      [layers({ type: 'residual', body: [{ type: 'relu' }], shortcut: 'none' }), 'argument', ['layers[0]', 'shortcut']],
      [layers({ type: 'residual', body: [{ type: 'relu' }], skip: [] }), 'argument', ['layers[0]', 'skip']],
      [
        layers({ type: 'residual', body: [{ type: 'relu' }, { type: 'swish' }] }),
        'argument',
        ['layers[0].body[1]', "'swish'"],
      ],
      [
        layers({ type: 'residual', body: [{ type: 'conv2d', outChannels: 2, kernelSize: 3 }], shortcut: [] }),
        'shape',
        ['layers[0]', '[2, 4, 4]', '[1, 6, 6]'],
      ],
    ];
    for (const [spec, code, words] of REFUSED) {
      test(`refuses ${JSON.stringify(spec)}`, () => {
        refuses(() => nl.model(spec), code, ['nl.model', words].flat(), works);
      });
    }

    test('refuses windows that no image has', () => {
      for (const options of [
        { padding: 2 ** 31 - 1 },
        { padding: 2 ** 30 },
        { kernelSize: 2 ** 31 - 1, padding: 2 ** 30 },
      ]) {
        assert.throws(() => nl.model(conv(options)), { name: 'NormlabError' }, JSON.stringify(options));
        works();
      }
    });
  });

  describe('model', () => {
    test('x must be a tensor of the input shape', () => {
      const { model } = fresh();
      const calls = {
        forward: (x) => model.forward(x),
        gradients: (x) => model.gradients(x, LABELS),
        compareModes: (x) => model.compareModes(x),
      };
      for (const [name, call] of Object.entries(calls)) {
        const good = () => call(X);
        for (const x of NO_TENSORS) refuses(() => call(x), 'argument', `model.${name}: x`, good);
        for (const shape of [[6, 5], [4], [6, 2, 2], [0, 4], [24], []]) {
          refuses(() => call(tensor(...shape)), 'shape', [`model.${name}: x`, '[N, 4]', `[${shape.join(', ')}]`], good);
        }
        refuses(() => call({ data: X.data, shape: [5, 4] }), 'shape', [`model.${name}: x`, '20', '24'], good);
      }
    });

    test('labels must be classes, one a sample', () => {
      const { model } = fresh();
      const calls = {
        gradients: (labels) => model.gradients(X, labels),
        compareModes: (labels) => model.compareModes(X, { labels }),
      };
      for (const [name, call] of Object.entries(calls)) {
        const good = () => call(LABELS);
        for (const labels of [null, 3, 'labels', {}]) refuses(() => call(labels), 'argument', [name, 'labels'], good);
        refuses(() => call([0, 1]), 'shape', [name, 'labels', '6', '2'], good);
        refuses(() => call([0, 1, 2, 3, 0, 0]), 'argument', [name, 'labels[3]', 'Target 3 is out of bounds'], good);
        refuses(() => call([0, -1, 2, 0, 0, 0]), 'argument', [name, 'labels[1]', 'Target -1 is out of bounds'], good);
        for (const bad of [1.5, NaN, '1', undefined, 2 ** 32]) {
          refuses(() => call([0, 0, bad, 0, 0, 0]), 'argument', [name, 'labels[2]'], good);
        }
      }
      refuses(
        () => model.gradients(X),
        'argument',
        ['gradients', 'labels'],
        () => model.gradients(X, LABELS),
      );
    });

    test('one value per channel is no batch to train on', () => {
      const { model, trainer } = fresh();
      const one = { data: X.data.slice(0, 4), shape: [1, 4] };
      const before = model.stateDict();
      const words = [`${MORE} [1, 3]`, '"1"', 'batchNorm'];
      refuses(
        () => model.forward(one),
        'shape',
        words,
        () => nl.model(SPEC).forward(X),
      );
      refuses(
        () => model.gradients(one, [0]),
        'shape',
        words,
        () => nl.model(SPEC).forward(X),
      );
      refuses(
        () => model.compareModes(one),
        'shape',
        words,
        () => nl.model(SPEC).forward(X),
      );
      refuses(
        () => trainer.step(one, [0]),
        'shape',
        words,
        () => nl.model(SPEC).forward(X),
      );
      assert.deepEqual(model.stateDict(), before, 'failed calls change nothing');
      works(trainer);
      assert.deepEqual(model.eval().forward(one).shape, [1, 3]);
    });

    test('an eps of 0 is none to train with', () => {
      const model = nl.model({
        input: [4],
        layers: [
          { type: 'linear', outFeatures: 3 },
          { type: 'batchNorm', eps: 0 },
        ],
      });
      const before = model.stateDict();
      const words = ['batch_norm eps must be positive during training, but got 0', '"1"', 'batchNorm'];
      const trainer = nl.trainer(model);
      for (const call of [
        () => model.forward(X),
        () => model.gradients(X, LABELS),
        () => model.compareModes(X),
        () => model.evaluate(DATA, { mode: 'train' }),
        () => trainer.step(X, LABELS),
      ]) {
        refuses(call, 'argument', words, works);
      }
      assert.deepEqual(model.stateDict(), before, 'failed calls change nothing');
      assert.deepEqual(model.eval().forward(X).shape, [6, 3]);
    });

    test('an error that no layer made names none', () => {
      const { model } = fresh();
      assert.throws(() => model.forward({ data: X.data.slice(0, 4), shape: [1, 4] }), failure('shape', '"1"'));
      const wide = makeDataset({ shape: [9, 1, 1], images: new Float32Array(18), labels: [0, 1], classes: 3 });
      assert.throws(
        () => model.evaluate(wide),
        (error) => failure('shape', ['evaluate', '[4]'])(error) && !/layer "1"/.test(error.message),
      );
    });

    test('options have names and ranges', () => {
      const { model } = fresh();
      const evaluate = () => model.evaluate(DATA);
      const compare = () => model.compareModes(X);
      for (const batchSize of NO_INTEGERS) {
        refuses(() => model.evaluate(DATA, { batchSize }), 'argument', ['evaluate', 'batchSize'], evaluate);
      }
      for (const mode of ['training', null, 1]) {
        refuses(() => model.evaluate(DATA, { mode }), 'argument', ['evaluate', 'mode', "'eval'", "'train'"], evaluate);
      }
      refuses(() => model.evaluate(DATA, { batch: 4 }), 'argument', ["'batch'", 'batchSize, mode'], evaluate);
      refuses(() => model.evaluate(DATA, 64), 'argument', 'options', evaluate);
      refuses(() => model.evaluate(DATA, null), 'argument', 'options', evaluate);
      for (const bins of [...NO_INTEGERS, 1e6]) {
        refuses(() => model.compareModes(X, { bins }), 'argument', ['compareModes', 'bins'], compare);
      }
      refuses(() => model.compareModes(X, { label: LABELS }), 'argument', ["'label'", 'labels, bins'], compare);
      refuses(() => model.train('on'), 'argument', 'model.train', compare);
      const load = (dict, options) => () => model.loadStateDict(dict, options);
      for (const dict of [undefined, null, 'state', [X]])
        refuses(load(dict), 'argument', ['loadStateDict', 'dict'], compare);
      refuses(load(model.stateDict(), { strict: 'no' }), 'argument', ['loadStateDict', 'strict'], compare);
      refuses(
        load(model.stateDict(), { strickt: false }),
        'argument',
        ['loadStateDict', "'strickt'", 'strict'],
        compare,
      );
      const bias = { data: [0, 0, 0], shape: [3] };
      refuses(load({ ...model.stateDict(), '0.bias': bias }), 'argument', ['loadStateDict', '0.bias'], compare);
      refuses(load({ ...model.stateDict(), '0.bias': null }), 'argument', ['loadStateDict', '0.bias'], compare);
      const batches = '1.num_batches_tracked';
      refuses(load({ ...model.stateDict(), [batches]: 0.5 }), 'argument', ['loadStateDict', batches], compare);
    });
  });

  describe('data', () => {
    const plain = { shape: [4, 1, 1], images: X.data, labels: LABELS, classes: 3, mean: [], std: [], length: 6 };
    const bytes = { ...plain, images: new Uint8Array(24), mean: [0, 0, 0, 0], std: [1, 1, 1, 1] };
    const REFUSED = [
      [undefined, 'argument', 'data'],
      [null, 'argument', 'data'],
      ['fashion-mnist', 'argument', 'data'],
      [{ ...plain, images: undefined }, 'argument', 'images'],
      [{ ...plain, images: [...X.data] }, 'argument', 'images'],
      [{ ...plain, labels: undefined }, 'argument', 'labels'],
      [{ ...plain, labels: [...LABELS] }, 'argument', 'labels'],
      [{ ...plain, shape: undefined }, 'argument', 'shape'],
      [{ ...plain, shape: [3, 1, 1] }, 'argument', ['24', '[3, 1, 1]']],
      [{ ...plain, images: new Float32Array(0), labels: new Int32Array(0) }, 'argument', 'empty'],
      [{ ...bytes, mean: undefined }, 'argument', 'mean'],
      [{ ...bytes, std: [1] }, 'argument', 'std'],
      [{ ...bytes, std: [1, 1, 0, 1] }, 'argument', 'std'],
      [{ ...bytes, mean: [0, 0, 0, NaN] }, 'argument', 'mean'],
      [{ ...plain, labels: Int32Array.of(0, 1, 2, 3, 0, 0) }, 'argument', ['labels[3]', 'Target 3 is out of bounds']],
      [{ ...plain, labels: Int32Array.of(0, 1, 2, 0, 0, -1) }, 'argument', ['labels[5]', 'Target -1 is out of bounds']],
      [{ ...plain, classes: 4 }, 'shape', '4 classes'],
      [
        makeDataset({ shape: [5, 1, 1], images: new Float32Array(30), labels: LABELS, classes: 3 }),
        'shape',
        ['5 channels', '[4]'],
      ],
    ];
    for (const [index, [data, code, words]] of REFUSED.entries()) {
      test(`is refused by evaluate, start and fit: ${[words].flat().join(', ')} (${index + 1})`, async () => {
        const { model, trainer } = fresh();
        refuses(
          () => model.evaluate(data),
          code,
          words,
          () => model.evaluate(DATA),
        );
        refuses(
          () => trainer.start(data, { batchSize: 3 }),
          code,
          words,
          () => trainer.start(DATA, { batchSize: 3 }),
        );
        await assert.rejects(trainer.fit(data, { epochs: 1, batchSize: 3 }), failure(code, words));
        works(trainer);
      });
    }
  });

  describe('trainer', () => {
    test('the optimizer has names and ranges', () => {
      const make = (optimizer) => nl.trainer(nl.model(SPEC), { optimizer });
      const REFUSED = [
        ...[NaN, -0.1, Infinity, '0.1', null].map((lr) => [{ lr }, 'lr']),
        ...[NaN, -0.1, Infinity, '0.9', null].map((momentum) => [{ lr: 0.1, momentum }, 'momentum']),
        ...[NaN, -1e-4, '1e-4'].map((weightDecay) => [{ lr: 0.1, weightDecay }, 'weightDecay']),
        ...[NaN, '0'].map((dampening) => [{ lr: 0.1, dampening }, 'dampening']),
        [{ lr: 0.1, nesterov: 1 }, 'nesterov'],
        [{ lr: 0.1, nesterov: true }, 'Nesterov momentum requires a momentum and zero dampening'],
        [{ lr: 0.1, nesterov: true, momentum: 0.9, dampening: 0.1 }, 'Nesterov momentum requires'],
        [{ type: 'lion', lr: 0.1 }, ['type', "'lion'", "'sgd'"]],
        [{ lr: 0.1, weight_decay: 1e-4 }, ["'weight_decay'", 'weightDecay']],
        ['sgd', 'optimizer'],
        [null, 'optimizer'],
      ];
      for (const [optimizer, words] of REFUSED) {
        refuses(() => make(optimizer), 'argument', ['nl.trainer', words].flat(), works);
      }
      refuses(() => nl.trainer(nl.model(SPEC), { optimiser: {} }), 'argument', ["'optimiser'", 'optimizer'], works);
      refuses(() => nl.trainer(nl.model(SPEC), null), 'argument', 'options', works);
      for (const model of [undefined, null, SPEC, nl]) refuses(() => nl.trainer(model), 'argument', 'model', works);
    });

    test('a model of another engine is refused', async () => {
      const other = await createEngine({ variant });
      try {
        refuses(() => nl.trainer(other.model(SPEC)), 'argument', ['nl.trainer', 'model', 'engine'], works);
      } finally {
        other.dispose();
      }
    });

    test('step takes a batch and its labels', () => {
      const { model, trainer } = fresh();
      const before = model.stateDict();
      const refused = (call, code, words) => assert.throws(call, failure(code, ['trainer.step', words].flat()));
      for (const x of NO_TENSORS) refused(() => trainer.step(x, LABELS), 'argument', 'x');
      refused(() => trainer.step(tensor(6, 5), LABELS), 'shape', ['x', '[N, 4]', '[6, 5]']);
      refused(() => trainer.step(tensor(0, 4), []), 'shape', 'x');
      refused(() => trainer.step(X), 'argument', 'labels');
      refused(() => trainer.step(X, [0, 1, 2]), 'shape', 'labels');
      refused(() => trainer.step(X, [0, 1, 2, 3, 1, 1]), 'argument', ['labels[3]', 'Target 3 is out of bounds']);
      refused(() => trainer.step(X, [0, 1, 2, 0, 1, 0.5]), 'argument', 'labels[5]');
      assert.deepEqual(model.stateDict(), before, 'failed calls change nothing');
      works(trainer);
    });

    test('a model that does not end in classes cannot be trained', () => {
      const model = nl.model(IMAGES);
      const x = tensor(2, 1, 6, 6);
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.1 } });
      const before = model.stateDict();
      const words = ['logits', '[2, 4, 4]'];
      refuses(() => trainer.step(x, [0, 1]), 'shape', words, works);
      refuses(() => model.gradients(x, [0, 1]), 'shape', words, works);
      assert.deepEqual(model.stateDict(), before);
      assert.deepEqual(model.forward(x).shape, [2, 2, 4, 4]);
    });

    test('start and fit have names and ranges', async () => {
      const { model, trainer } = fresh();
      const before = model.stateDict();
      const REFUSED = [
        ...NO_INTEGERS.map((batchSize) => [{ batchSize }, 'batchSize']),
        [undefined, 'batchSize'],
        [{}, 'batchSize'],
        [{ batchSize: 3, shuffle: 'yes' }, 'shuffle'],
        [{ batchSize: 3, dropLast: 1 }, 'dropLast'],
        [{ batchSize: 7, dropLast: true }, 'batchSize'],
        ...[-1, 0.5, NaN, '1', null, 2 ** 53].map((seed) => [{ batchSize: 3, seed }, 'seed']),
        [{ batchSize: 3, batch: 3 }, ["'batch'", 'batchSize']],
        [null, 'options'],
        [3, 'options'],
      ];
      for (const [options, words] of REFUSED) {
        refuses(
          () => trainer.start(DATA, options),
          'argument',
          ['trainer.start', words].flat(),
          () => trainer.start(DATA, { batchSize: 3 }),
        );
        const whole = options && typeof options === 'object' ? { epochs: 1, ...options } : options;
        await assert.rejects(trainer.fit(DATA, whole), failure('argument', ['trainer.fit']), JSON.stringify(options));
      }
      const FIT = [
        ...[-1, 1.5, NaN, '3', null, undefined].map((epochs) => [{ epochs, batchSize: 3 }, 'epochs']),
        [{ epochs: 1, batchSize: 3, signal: {} }, 'signal'],
        [{ epochs: 1, batchSize: 3, onStep: 'log' }, 'onStep'],
        [{ epochs: 1, batchSize: 3, onEpoch: 1 }, 'onEpoch'],
        [{ epochs: 1, batchSize: 3, onBatch() {} }, ["'onBatch'", 'onStep']],
      ];
      for (const [options, words] of FIT) {
        await assert.rejects(trainer.fit(DATA, options), failure('argument', ['trainer.fit', words].flat()));
      }
      const run = trainer.start(DATA, { batchSize: 3 });
      for (const k of NO_INTEGERS) {
        assert.throws(() => run.steps(k), failure('argument', ['run.steps', 'k']), String(k));
      }
      assert.deepEqual(model.stateDict(), before);
      works(trainer);
    });
  });

  describe('after dispose', () => {
    test('a model and what trains it say so', async () => {
      const { model, trainer } = fresh();
      const run = trainer.start(DATA, { batchSize: 3 });
      const state = model.stateDict();
      model.dispose();
      model.dispose();
      const calls = {
        'model.forward': () => model.forward(X),
        'model.gradients': () => model.gradients(X, LABELS),
        'model.evaluate': () => model.evaluate(DATA),
        'model.compareModes': () => model.compareModes(X),
        'model.stateDict': () => model.stateDict(),
        'model.loadStateDict': () => model.loadStateDict(state),
        'nl.trainer': () => nl.trainer(model),
        'trainer.step': () => trainer.step(X, LABELS),
        'trainer.start': () => trainer.start(DATA, { batchSize: 3 }),
        'run.steps': () => run.steps(1),
      };
      for (const [name, call] of Object.entries(calls)) refuses(call, 'state', [name, 'disposed'], works);
      await assert.rejects(
        trainer.fit(DATA, { epochs: 1, batchSize: 3 }),
        failure('state', ['trainer.fit', 'disposed']),
      );
      run.dispose();
      trainer.dispose();
      works();
    });

    test('a trainer says so, its model goes on', async () => {
      const { model, trainer } = fresh();
      const run = trainer.start(DATA, { batchSize: 3 });
      trainer.dispose();
      trainer.dispose();
      const calls = {
        'trainer.step': () => trainer.step(X, LABELS),
        'trainer.start': () => trainer.start(DATA, { batchSize: 3 }),
        'trainer.lr': () => {
          trainer.lr = 1;
        },
        'run.steps': () => run.steps(1),
      };
      const goesOn = () => assert.deepEqual(model.forward(X).shape, [6, 3]);
      for (const [name, call] of Object.entries(calls)) refuses(call, 'state', name, goesOn);
      await assert.rejects(
        trainer.fit(DATA, { epochs: 1, batchSize: 3 }),
        failure('state', ['trainer.fit', 'disposed']),
      );
      works();
    });

    test('an engine says so, with all that it made, and others go on', async () => {
      const other = await createEngine({ variant });
      const model = other.model(SPEC);
      const trainer = other.trainer(model, { optimizer: { type: 'sgd', lr: 0.1 } });
      const run = trainer.start(DATA, { batchSize: 3 });
      const layer = other.batchNorm1d(4);
      layer.forward(X);
      other.dispose();
      other.dispose();
      const calls = [
        () => other.batchNorm1d(4),
        () => other.batchNorm2d(4),
        () => other.batchNorm3d(4),
        () => other.layerNorm(4),
        () => other.groupNorm(2, 4),
        () => other.instanceNorm1d(4),
        () => other.instanceNorm2d(4),
        () => other.instanceNorm3d(4),
        () => other.rmsNorm(4),
        () => other.model(SPEC),
        () => other.trainer(model),
        () => layer.forward(X),
        () => layer.backward(X),
        () => layer.savedStats(),
        () => layer.stateDict(),
        () => layer.resetRunningStats(),
        () => model.forward(X),
        () => model.gradients(X, LABELS),
        () => model.evaluate(DATA),
        () => model.compareModes(X),
        () => model.stateDict(),
        () => trainer.step(X, LABELS),
        () => trainer.start(DATA, { batchSize: 3 }),
        () => {
          trainer.lr = 1;
        },
        () => run.steps(1),
      ];
      for (const call of calls) refuses(call, 'state', 'disposed', works);
      await assert.rejects(trainer.fit(DATA, { epochs: 1, batchSize: 3 }), failure('state', 'disposed'));
      for (const owned of [run, trainer, layer, model]) owned.dispose();
    });

    test('an engine that is disposed of while it trains ends the training', async () => {
      const other = await createEngine({ variant });
      const trainer = other.trainer(other.model(SPEC), { optimizer: { type: 'sgd', lr: 0.01 } });
      const fitting = trainer.fit(DATA, {
        epochs: 1000,
        batchSize: 3,
        onEpoch: ({ epoch }) => {
          if (epoch === 3) other.dispose();
        },
      });
      await assert.rejects(fitting, failure('state', 'disposed'));
      works();
    });
  });

  describe('memory that cannot be had', () => {
    /** In an engine of its own, which must live on. */
    const inEngine = async (body) => {
      const own = await createEngine({ variant });
      try {
        body(own);
        const trainer = own.trainer(own.model(SPEC), { optimizer: { type: 'sgd', lr: 0.1 } });
        works(trainer);
      } finally {
        own.dispose();
      }
    };
    const linear = (outFeatures) => ({ type: 'linear', outFeatures, bias: false });
    const MODELS = {
      'a weight of 2^38 values': { input: [2 ** 19], layers: [linear(2 ** 19)] },
      'a weight of 2^30 values': { input: [2 ** 15], layers: [linear(2 ** 15)] },
      // 2^32 values: nothing, counted in 32 bits.
      'four weights of 2^30 values': { input: [2 ** 15], layers: new Array(4).fill(linear(2 ** 15)) },
      'a LayerNorm of 2^30 values': { input: [2 ** 30], layers: [{ type: 'layerNorm' }] },
    };
    for (const [name, spec] of Object.entries(MODELS)) {
      test(name, () => inEngine((own) => assert.throws(() => own.model(spec), failure('memory', 'nl.model'))));
    }

    test('layers', () =>
      inEngine((own) => {
        assert.throws(() => own.batchNorm1d(2 ** 31 - 1), failure('memory', 'batchNorm1d'));
        assert.throws(() => own.batchNorm2d(2 ** 29, { affine: false }), failure('memory', 'batchNorm2d'));
        assert.throws(() => own.batchNorm3d(2 ** 31 - 1), failure('memory', 'batchNorm3d'));
        assert.throws(() => own.instanceNorm1d(2 ** 31 - 1), failure('memory', 'instanceNorm1d'));
        assert.throws(() => own.instanceNorm2d(2 ** 29, { affine: true }), failure('memory', 'instanceNorm2d'));
        assert.throws(() => own.instanceNorm3d(2 ** 29), failure('memory', 'instanceNorm3d'));
        assert.throws(() => own.layerNorm([2 ** 15, 2 ** 15]), failure('memory', 'layerNorm'));
        assert.throws(() => own.rmsNorm([2 ** 15, 2 ** 15]), failure('memory', 'rmsNorm'));
        assert.throws(() => own.rmsNorm([2 ** 16, 2 ** 16]), failure('argument', 'rmsNorm'));
        assert.throws(() => own.groupNorm(1, 2 ** 30), failure('memory', 'groupNorm'));
      }));

    // Each of these needs 2^32 bytes or more for one batch, whose size in 32 bits is small or nothing.
    const BATCHES = {
      'the values between two layers': [{ input: [1], layers: [linear(2 ** 14), linear(2)] }, 2 ** 16],
      'the values of all layers together': [
        { input: [1], layers: [linear(2 ** 12), { type: 'tanh' }, { type: 'tanh' }, { type: 'tanh' }, linear(2)] },
        2 ** 16,
      ],
      'the columns of a convolution': [
        {
          input: [4, 256, 256],
          layers: [
            { type: 'conv2d', outChannels: 1, kernelSize: 64, padding: 32, stride: [1, 1] },
            { type: 'globalAvgPool2d' },
            { type: 'flatten' },
            linear(2),
          ],
        },
        1,
      ],
    };
    for (const [name, [spec, n]] of Object.entries(BATCHES)) {
      test(name, () =>
        inEngine((own) => {
          let model;
          const x = { data: new Float32Array(n * spec.input.reduce((a, b) => a * b, 1)), shape: [n, ...spec.input] };
          // It may be refused when the model is made, or when the batch is there.
          const pass = () => {
            model ??= own.model(spec);
            return model.gradients(x, new Int32Array(n));
          };
          assert.throws(pass, failure('memory', /^(nl\.model|model\.gradients)/));
          if (model) assert.deepEqual(model.stateDict(), own.model(spec).stateDict());
        }),
      );
    }

    test('a batch of 2^29 values', () =>
      inEngine((own) => {
        const layer = own.layerNorm(1024);
        const x = { data: new Float32Array(2 ** 29), shape: [2 ** 19, 1024] };
        assert.throws(() => layer.forward(x), failure('memory', 'out of memory'));
        assert.deepEqual(layer.forward(tensor(2, 1024)).shape, [2, 1024]);
      }));
  });
});
