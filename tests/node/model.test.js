import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { checkGradients, makeDataset } from 'normlab';
import { assertClose, assertWithin, failure, largest } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { crossEntropy, predictions } from './support/loss.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const golden = readGolden('traces.json');
const goldenModel = (name) => golden.models.find((model) => model.name === name);
const RESNET = goldenModel('resnet');
const CNN = goldenModel('cnn batchNorm');

/** A model whose layers are smooth, so that a difference quotient is near the derivative. */
const SMOOTH = {
  input: [2, 7, 6],
  seed: 3,
  layers: [
    { type: 'conv2d', outChannels: 4, kernelSize: [3, 2], stride: [1, 2], padding: 1 },
    { type: 'batchNorm' },
    { type: 'gelu' },
    { type: 'avgPool2d', kernelSize: 2, stride: 1 },
    { type: 'groupNorm', numGroups: 2 },
    { type: 'tanh' },
    {
      type: 'residual',
      body: [
        { type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1, bias: false },
        { type: 'layerNorm' },
        { type: 'sigmoid' },
        { type: 'identity' },
      ],
      shortcut: [{ type: 'conv2d', outChannels: 6, kernelSize: 1 }],
    },
    { type: 'globalAvgPool2d' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 9 },
    { type: 'batchNorm', momentum: null },
    { type: 'tanh' },
    { type: 'linear', outFeatures: 5 },
  ],
};

/** The same with ReLU and max pooling, whose kinks a small step seldom meets. */
const KINKED = {
  input: [1, 8, 8],
  seed: 4,
  layers: [
    { type: 'conv2d', outChannels: 3, kernelSize: 3, padding: 1 },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 3, stride: 2, padding: 1 },
    { type: 'residual', body: [{ type: 'conv2d', outChannels: 3, kernelSize: 3, padding: 1 }, { type: 'relu' }] },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 4 },
  ],
};

/** Running statistics and parameters other than the initial ones. */
function stir(model, seed) {
  const { uniform } = random(seed);
  const state = model.stateDict();
  for (const [key, value] of Object.entries(state)) {
    if (key.endsWith('running_mean')) value.data = value.data.map(() => 0.4 * uniform() - 0.2);
    if (key.endsWith('running_var')) value.data = value.data.map(() => 0.5 + uniform());
    const isVector = /(^|\.)(weight|bias)$/.test(key) && value.shape.length === 1;
    if (isVector) value.data = value.data.map((old) => old + 0.4 * uniform() - 0.2);
  }
  model.loadStateDict(state);
  return model;
}

/** @param {string} key of the state dictionary of such a model */
const isRunning = (key) => /running_(mean|var)$|num_batches_tracked$/.test(key);

await forEachVariant((nl) => {
  describe('structure', () => {
    test('keys and shapes are those of the nn.Sequential in PyTorch', () => {
      for (const { name, spec, initial } of golden.models) {
        const model = nl.model(spec);
        const state = model.stateDict();
        assert.deepEqual(Object.keys(state).sort(), Object.keys(initial).sort(), name);
        for (const [key, value] of Object.entries(initial)) {
          if (typeof value === 'number') assert.equal(state[key], 0, `${name} ${key}`);
          else assert.deepEqual(state[key].shape, value.shape, `${name} ${key}`);
        }
        model.dispose();
      }
      const keys = Object.keys(nl.model(RESNET.spec).stateDict());
      for (const key of ['4.body.0.weight', '4.shortcut.1.running_var', '4.body.1.num_batches_tracked']) {
        assert.ok(keys.includes(key), key);
      }
    });

    test('layers stand in the order of execution, a residual behind its branches', () => {
      const { layers } = nl.model(RESNET.spec);
      assert.deepEqual(
        layers.map(({ key, type, shape }) => [key, type, shape.join('×')]),
        [
          ['0', 'conv2d', '4×12×12'],
          ['1', 'batchNorm', '4×12×12'],
          ['2', 'relu', '4×12×12'],
          ['3', 'maxPool2d', '4×6×6'],
          ['4.body.0', 'conv2d', '8×3×3'],
          ['4.body.1', 'batchNorm', '8×3×3'],
          ['4.body.2', 'relu', '8×3×3'],
          ['4.body.3', 'conv2d', '8×3×3'],
          ['4.body.4', 'batchNorm', '8×3×3'],
          ['4.shortcut.0', 'conv2d', '8×3×3'],
          ['4.shortcut.1', 'batchNorm', '8×3×3'],
          ['4', 'residual', '8×3×3'],
          ['5', 'relu', '8×3×3'],
          ['6.body.0', 'conv2d', '8×3×3'],
          ['6.body.1', 'batchNorm', '8×3×3'],
          ['6', 'residual', '8×3×3'],
          ['7', 'relu', '8×3×3'],
          ['8', 'globalAvgPool2d', '8×1×1'],
          ['9', 'flatten', '8'],
          ['10', 'linear', '10'],
        ],
      );
      assert.equal(layers[0].options.outChannels, 4);
      layers[0].shape[0] = 99;
      layers[0].options.outChannels = 99;
      assert.deepEqual(nl.model(RESNET.spec).layers[0].shape, [4, 12, 12], 'a copy');
    });

    test('every layer may have a name, in residual branches too, and goes by it wherever it is spoken of', () => {
      const keeping = [
        ...[
          'relu',
          'gelu',
          'sigmoid',
          'tanh',
          'identity',
          'dropout',
          'batchNorm',
          'batchRenorm',
          'layerNorm',
          'rmsNorm',
        ],
      ].map((type) => ({ type, name: `my ${type}` }));
      const branch = () => [
        { type: 'conv2d', outChannels: 2, kernelSize: 3, padding: 1, name: 'conv' },
        ...keeping,
        { type: 'groupNorm', numGroups: 1, name: 'groups' },
        { type: 'instanceNorm', affine: true, name: 'instances' },
        { type: 'maxPool2d', kernelSize: 3, stride: 1, padding: 1, name: 'largest' },
        { type: 'avgPool2d', kernelSize: 3, stride: 1, padding: 1, name: 'mean' },
      ];
      const names = branch().map(({ name }) => name);
      const model = nl.model({
        input: [2, 4, 4],
        seed: 1,
        layers: [
          {
            type: 'residual',
            name: 'outer',
            body: [{ type: 'residual', name: 'inner', body: branch(), shortcut: branch().slice(0, 2) }],
          },
          { type: 'globalAvgPool2d', name: 'pool' },
          { type: 'flatten', name: 'flat' },
          { type: 'linear', outFeatures: 3, name: 'head' },
        ],
      });
      const expected = [
        ...names.map((name) => `outer.body.inner.body.${name}`),
        'outer.body.inner.shortcut.conv',
        'outer.body.inner.shortcut.my relu',
        ...['outer.body.inner', 'outer', 'pool', 'flat', 'head'],
      ];
      assert.deepEqual(
        model.layers.map(({ key }) => key),
        expected,
      );
      const x = random(3).tensor([3, 2, 4, 4]);
      assert.deepEqual(
        model.compareModes(x).layers.map(({ key }) => key),
        expected,
      );
      const parameters = model.parameters.map(({ key }) => key);
      assert.ok(parameters.includes('outer.body.inner.body.my batchRenorm.weight'));
      assert.ok(parameters.includes('outer.body.inner.shortcut.conv.bias'));
      assert.deepEqual(Object.keys(model.gradients(x, [0, 1, 2]).grads), parameters);
      const norms = ['batchNorm', 'batchRenorm'].map((type) => `outer.body.inner.body.my ${type}`);
      assert.deepEqual(model.freeze().frozen, norms);
      model.dispose();
    });

    test('names that are taken, hold a dot or are empty are refused, in residual branches too', () => {
      const named = (...names) => names.map((name) => ({ type: 'relu', name }));
      const [taken, refused] = ["name: 'a' is taken already", "name: expected a string without '.', got"];
      for (const [body, place, words] of [
        [named('a', 'b', 'a'), '[2]', taken],
        [named('a.b'), '[0]', `${refused} 'a.b'`],
        [named('a', ''), '[1]', refused],
        [named('1', undefined), '[1]', "name: '1' is taken already"],
      ]) {
        for (const [layers, where] of [
          [body, `layers${place}`],
          [[{ type: 'residual', body }], `layers[0].body${place}`],
          [[{ type: 'residual', body: named('x'), shortcut: body }], `layers[0].shortcut${place}`],
        ]) {
          assert.throws(() => nl.model({ input: [4], layers }), failure('argument', `nl.model: ${where}: ${words}`));
        }
      }
      // Branches are lists of their own, as modules are in PyTorch.
      const apart = [{ type: 'residual', name: 'a', body: named('a'), shortcut: named('a') }];
      assert.deepEqual(
        nl.model({ input: [4], layers: apart }).layers.map(({ key }) => key),
        ['a.body.a', 'a.shortcut.a', 'a'],
      );
    });

    test('a name takes the place of the number', () => {
      const model = nl.model({
        input: [1, 4, 4],
        layers: [
          { type: 'conv2d', outChannels: 2, kernelSize: 3, padding: 1, name: 'stem' },
          {
            type: 'residual',
            name: 'block',
            body: [{ type: 'conv2d', outChannels: 2, kernelSize: 1, name: 'one' }, { type: 'batchNorm' }],
            shortcut: [{ type: 'batchNorm', name: 'norm' }],
          },
          { type: 'flatten' },
          { type: 'linear', outFeatures: 3, name: 'head' },
        ],
      });
      assert.deepEqual(
        Object.keys(model.stateDict())
          .filter((key) => key.endsWith('weight'))
          .sort(),
        ['block.body.1.weight', 'block.body.one.weight', 'block.shortcut.norm.weight', 'head.weight', 'stem.weight'],
      );
      assert.ok(model.layers.some(({ key, type }) => key === 'block' && type === 'residual'));
    });

    test('parameters are what is trained, in order', () => {
      const model = nl.model(CNN.spec);
      const state = model.stateDict();
      const keys = model.parameters.map(({ key }) => key);
      assert.deepEqual(
        keys,
        Object.keys(CNN.initial).filter((key) => /\.(weight|bias)$/.test(key)),
      );
      for (const { key, shape, size } of model.parameters) {
        assert.deepEqual(shape, state[key].shape);
        assert.equal(size, state[key].data.length);
      }
    });

    test('batchNorm is 1d or 2d by the shape that reaches it, layerNorm takes all that follows N', () => {
      const model = nl.model({
        input: [2, 4, 3],
        layers: [
          { type: 'batchNorm' },
          { type: 'layerNorm' },
          { type: 'layerNorm', normalizedShape: [4, 3] },
          { type: 'layerNorm', normalizedShape: 3, bias: false },
          { type: 'groupNorm', numGroups: 1 },
          { type: 'flatten' },
          { type: 'batchNorm', affine: false },
          { type: 'layerNorm', elementwiseAffine: false },
          { type: 'groupNorm', numGroups: 4 },
        ],
      });
      const shapes = Object.entries(model.stateDict()).map(([key, value]) => [key, value.shape]);
      const expected = [
        ['0.weight', [2]],
        ['0.bias', [2]],
        ['0.running_mean', [2]],
        ['0.running_var', [2]],
        ['0.num_batches_tracked', undefined],
        ['1.weight', [2, 4, 3]],
        ['1.bias', [2, 4, 3]],
        ['2.weight', [4, 3]],
        ['2.bias', [4, 3]],
        ['3.weight', [3]],
        ['4.weight', [2]],
        ['4.bias', [2]],
        ['6.running_mean', [24]],
        ['6.running_var', [24]],
        ['6.num_batches_tracked', undefined],
        ['8.weight', [24]],
        ['8.bias', [24]],
      ];
      assert.deepEqual(Object.fromEntries(shapes), Object.fromEntries(expected));
      assert.deepEqual(model.forward(random(1).tensor([2, 2, 4, 3])).shape, [2, 24]);
      const sequence = nl.model({ input: [3, 5], layers: [{ type: 'batchNorm' }] });
      assert.deepEqual(sequence.forward(random(1).tensor([1, 3, 5])).shape, [1, 3, 5]);
    });
  });

  describe('initial weights', () => {
    const wide = (seed) => ({
      input: [3, 9, 9],
      seed,
      layers: [
        { type: 'conv2d', outChannels: 40, kernelSize: [3, 5] },
        { type: 'batchNorm' },
        { type: 'flatten' },
        { type: 'linear', outFeatures: 20 },
      ],
    });

    test('equal seeds give equal bits, others do not; the default is 0', () => {
      const state = nl.model(wide(7)).stateDict();
      assert.deepEqual(nl.model(wide(7)).stateDict(), state);
      assert.deepEqual(nl.model({ ...wide(), seed: undefined }).stateDict(), nl.model(wide(0)).stateDict());
      for (const seed of [0, 8, 2 ** 32 + 7, Number.MAX_SAFE_INTEGER]) {
        const other = nl.model(wide(seed)).stateDict();
        for (const key of ['0.weight', '0.bias', '3.weight', '3.bias']) assert.notDeepEqual(other[key], state[key]);
      }
    });

    test("are drawn as PyTorch's: uniform within 1 / sqrt(fan in)", () => {
      const state = nl.model(wide(1)).stateDict();
      const fans = { '0.weight': 45, '0.bias': 45, '3.weight': 1400, '3.bias': 1400 };
      for (const [key, fan] of Object.entries(fans)) {
        const { data } = state[key];
        const bound = 1 / Math.sqrt(fan);
        assert.ok(largest(data) <= Math.fround(bound), `${key}: ${largest(data)} > ${bound}`);
        assert.ok(largest(data) > 0.85 * bound, `${key}: ${largest(data)} leaves the range half empty`);
        if (data.length < 1000) continue;
        // Five standard errors of the mean, and of the second moment, of a uniform distribution.
        const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
        const second = data.reduce((sum, value) => sum + value * value, 0) / data.length;
        assertWithin([mean], [0], (5 * bound) / Math.sqrt(3 * data.length), `mean of ${key}`);
        assertWithin(
          [second],
          [bound ** 2 / 3],
          (5 * bound ** 2) / Math.sqrt(11.25 * data.length),
          `variance of ${key}`,
        );
      }
      assert.ok(state['1.weight'].data.every((value) => value === 1));
      assert.ok(state['1.bias'].data.every((value) => value === 0));
    });
  });

  describe('state', () => {
    test('goes through loadStateDict bit for bit, as copies', () => {
      for (const { spec, initial } of golden.models) {
        const model = nl.model(spec);
        model.loadStateDict(initial);
        const state = model.stateDict();
        assert.deepEqual(state, nl.model(spec).stateDict.call(model));
        for (const [key, value] of Object.entries(initial)) assert.deepEqual(state[key], value, key);
        for (const value of Object.values(state)) value.data?.fill(NaN);
        for (const [key, value] of Object.entries(initial)) assert.deepEqual(model.stateDict()[key], value, key);
        model.dispose();
      }
    });

    test('a load that does not fit names every mistake and changes nothing', () => {
      const model = nl.model(RESNET.spec);
      const before = model.stateDict();
      const { '0.weight': _, '4.body.1.running_mean': __, ...rest } = RESNET.initial;
      const wrong = {
        ...rest,
        '10.bias': { data: new Float32Array(3), shape: [3] },
        '10.weight': { data: rest['10.weight'].data, shape: [8, 10] },
        '4.body.1.running_average': rest['4.body.1.running_var'],
        extra: rest['10.bias'],
      };
      const words = [
        /missing.*0\.weight/is,
        /missing.*4\.body\.1\.running_mean/is,
        /unexpected.*4\.body\.1\.running_average/is,
        /unexpected.*extra/is,
        /10\.bias.*\[3\].*\[10\]/s,
        /10\.weight.*\[8, 10\].*\[10, 8\]/s,
      ];
      assert.throws(() => model.loadStateDict(wrong), failure('shape', words));
      assert.deepEqual(model.stateDict(), before);
      assert.throws(() => model.loadStateDict(wrong, { strict: false }), failure('shape', ['10.bias', '10.weight']));
      assert.deepEqual(model.stateDict(), before);
    });

    test('strict: false takes what is there', () => {
      const model = nl.model(RESNET.spec);
      const before = model.stateDict();
      model.loadStateDict(
        { '0.weight': RESNET.initial['0.weight'], other: RESNET.initial['10.bias'] },
        { strict: false },
      );
      assert.deepEqual(model.stateDict(), { ...before, '0.weight': RESNET.initial['0.weight'] });
    });
  });

  describe('passes', () => {
    test("loss, logits and gradients are PyTorch's in both modes", () => {
      for (const { name, spec, batches, initial, gradients } of golden.models) {
        const model = nl.model(spec);
        const { x, labels } = golden.batches[batches];
        const size = spec.input.reduce((a, b) => a * b, 1);
        const three = { data: x.data.slice(0, 3 * size), shape: [3, ...spec.input] };
        for (const [mode, expected] of Object.entries(gradients)) {
          model.loadStateDict(initial);
          model.train(mode === 'train');
          const actual = model.gradients(three, labels.data.slice(0, 3));
          const where = `${name}, ${mode}`;
          assertWithin([actual.loss], [expected.loss], 2e-6 * Math.max(1, expected.loss), `${where}: loss`);
          assertClose(actual.logits.data, expected.logits.data, 5e-6, `${where}: logits`);
          assert.deepEqual(actual.logits.shape, [3, 10]);
          assertClose(actual.input.data, expected.input.data, 1e-5, `${where}: input`);
          assert.deepEqual(actual.input.shape, three.shape);
          assert.deepEqual(Object.keys(actual.grads).sort(), Object.keys(expected.grads).sort());
          // The bias of a convolution whose mean is taken away at once has gradient zero, up to rounding.
          const scale = Math.max(...Object.values(expected.grads).map(({ data }) => largest(data)));
          for (const [key, { data, shape }] of Object.entries(expected.grads)) {
            assert.deepEqual(actual.grads[key].shape, shape, key);
            assertWithin(actual.grads[key].data, data, 1e-5 * largest(data) + 1e-6 * scale, `${where}: ${key}`);
          }
          model.loadStateDict(initial);
          assertClose(model.forward(three).data, expected.logits.data, 5e-6, `${where}: forward`);
        }
        model.dispose();
      }
    });

    for (const [name, spec, step, tolerance] of [
      ['smooth layers', SMOOTH, 1e-2, 0.002],
      ['relu and max pooling', KINKED, 2e-3, 0.02],
    ]) {
      test(`gradients agree with difference quotients: ${name}`, () => {
        const model = stir(nl.model(spec), 31);
        const { tensor: draw, labels: drawLabels } = random(32);
        const x = draw([4, ...spec.input]);
        const labels = drawLabels(4, model.forward(x).shape[1]);
        for (const mode of ['train', 'eval']) {
          model.train(mode === 'train');
          const state = model.stateDict();
          const { grads, input } = model.gradients(x, labels);
          const lossAt = (key, along, by) => {
            const moved = ({ data, shape }) => ({ data: data.map((value, i) => value + by * along[i]), shape });
            model.loadStateDict(key === 'input' ? state : { ...state, [key]: moved(state[key]) });
            return model.gradients(key === 'input' ? moved(x) : x, labels).loss;
          };
          for (const [key, { data, shape }] of Object.entries({ ...grads, input })) {
            const norm = Math.hypot(...data);
            const scale = Math.hypot(...(state[key] ?? x).data);
            // Along the gradient, where the loss changes most, and along any other direction.
            const other = draw(shape).data;
            const otherNorm = Math.hypot(...other);
            for (const along of [norm > 1e-4 ? data.map((v) => v / norm) : null, other.map((v) => v / otherNorm)]) {
              if (!along) continue;
              const by = step * Math.max(1, scale / 4);
              // The central difference of fourth order.
              const rise = (h) => lossAt(key, along, h) - lossAt(key, along, -h);
              const quotient = (8 * rise(by) - rise(2 * by)) / (12 * by);
              const slope = data.reduce((sum, value, i) => sum + value * along[i], 0);
              // Twice the rounding of a loss near 2, over the step, in the second term.
              assertWithin([slope], [quotient], tolerance * norm + 5e-7 / by, `${mode} ${key}`);
            }
          }
          model.loadStateDict(state);
        }
      });
    }

    test('train mode moves the running statistics, as gradients in it does; eval mode moves nothing', () => {
      const x = random(33).tensor([4, ...RESNET.spec.input]);
      const labels = [0, 1, 2, 3];
      const model = stir(nl.model(RESNET.spec), 34);
      assert.equal(model.training, true);
      const before = model.stateDict();
      model.eval();
      assert.equal(model.training, false);
      const inEval = model.forward(x);
      model.gradients(x, labels);
      assert.deepEqual(model.stateDict(), before);

      model.train();
      const inTrain = model.forward(x);
      assert.notDeepEqual(inTrain, inEval);
      const after = model.stateDict();
      for (const key of Object.keys(before)) {
        if (isRunning(key)) assert.notDeepEqual(after[key], before[key], key);
        else assert.deepEqual(after[key], before[key], key);
      }
      assert.equal(after['1.num_batches_tracked'], before['1.num_batches_tracked'] + 1);

      const twin = nl.model(RESNET.spec);
      twin.loadStateDict(before);
      const { logits } = twin.gradients(x, labels);
      assert.deepEqual(logits, inTrain);
      assert.deepEqual(twin.stateDict(), after);
    });

    test('in eval mode samples do not see each other, however many there are', () => {
      const model = stir(nl.model(CNN.spec), 35).eval();
      const size = CNN.spec.input.reduce((a, b) => a * b, 1);
      const x = random(36).tensor([203, ...CNN.spec.input]);
      const all = model.forward(x);
      assert.deepEqual(all.shape, [203, 10]);
      for (const [from, to] of [
        [0, 1],
        [63, 66],
        [202, 203],
      ]) {
        const part = { data: x.data.slice(from * size, to * size), shape: [to - from, ...CNN.spec.input] };
        assertClose(model.forward(part).data, all.data.slice(from * 10, to * 10), 2e-6, `samples ${from} to ${to}`);
      }
    });

    test('results belong to the caller', () => {
      const model = nl.model(CNN.spec);
      const { tensor: draw } = random(37);
      const [x, other] = [draw([3, 1, 12, 12]), draw([3, 1, 12, 12], 3)];
      const logits = model.eval().forward(x);
      const gradients = model.gradients(x, [1, 2, 3]);
      const kept = structuredClone({ logits, gradients });
      model.forward(other);
      model.gradients(other, [3, 2, 1]);
      assert.deepEqual({ logits, gradients }, kept);
      logits.data.fill(NaN);
      for (const { data } of Object.values(gradients.grads)) data.fill(NaN);
      assert.deepEqual(model.gradients(x, [1, 2, 3]), kept.gradients);
    });

    test('a model need not end in classes to be run', () => {
      const model = nl.model({ input: [2, 5, 4], layers: [{ type: 'maxPool2d', kernelSize: 2 }] });
      const x = random(38).tensor([3, 2, 5, 4]);
      const y = model.forward(x);
      assert.deepEqual(y.shape, [3, 2, 2, 2]);
      const at = (n, c, h, w) => x.data[((n * 2 + c) * 5 + h) * 4 + w];
      assert.equal(y.data[0], Math.max(at(0, 0, 0, 0), at(0, 0, 0, 1), at(0, 0, 1, 0), at(0, 0, 1, 1)));
      assert.equal(y.data[23], Math.max(at(2, 1, 2, 2), at(2, 1, 2, 3), at(2, 1, 3, 2), at(2, 1, 3, 3)));
    });
  });

  describe('evaluate', () => {
    const draw = random(41);
    const count = 21;
    const images = draw.tensor([count, 1, 12, 12], 1.5, 0.5);
    const data = makeDataset({ shape: [1, 12, 12], images: images.data, labels: draw.labels(count, 10), classes: 10 });

    test("mode 'eval' is the loss of the eval logits, whatever the batches", () => {
      const model = stir(nl.model(CNN.spec), 42);
      const before = model.stateDict();
      const expected = crossEntropy(model.eval().forward(images), data.labels);
      model.train();
      for (const options of [
        undefined,
        {},
        { batchSize: 1 },
        { batchSize: 4 },
        { batchSize: 21 },
        { batchSize: 999 },
      ]) {
        const { loss, accuracy } = model.evaluate(data, options);
        assertWithin([loss], [expected.loss], 1e-6, JSON.stringify(options));
        assert.equal(accuracy, expected.accuracy);
      }
      assert.deepEqual(model.stateDict(), before);
      assert.equal(model.training, true);
    });

    test("mode 'train' normalizes each batch by itself and updates nothing", () => {
      const model = stir(nl.model(CNN.spec), 42).eval();
      const before = model.stateDict();
      const twin = nl.model(CNN.spec).train();
      twin.loadStateDict(before);
      for (const [batchSize, ends] of [
        [4, [4, 8, 12, 16, 21]],
        [6, [6, 12, 18, 21]],
        [21, [21]],
        [256, [21]],
        [1, Array.from({ length: 21 }, (_, i) => i + 1)],
      ]) {
        let from = 0;
        let loss = 0;
        let hits = 0;
        for (const to of ends) {
          const shape = [to - from, 1, 12, 12];
          const logits = twin.forward({ data: images.data.slice(from * 144, to * 144), shape });
          const part = crossEntropy(logits, data.labels.slice(from, to));
          loss += part.loss * (to - from);
          hits += part.accuracy * (to - from);
          from = to;
        }
        const actual = model.evaluate(data, { mode: 'train', batchSize });
        assertWithin([actual.loss], [loss / count], 1e-6, `batchSize ${batchSize}`);
        assertWithin([actual.accuracy], [hits / count], 1e-12, `batchSize ${batchSize}`);
      }
      assert.deepEqual(model.stateDict(), before);
      assert.equal(model.training, false);
    });

    test('a slice of the data, and data of bytes, are read as their batches are', () => {
      const bytes = Uint8Array.from({ length: count * 144 }, () => draw.below(256));
      const set = makeDataset({ shape: [1, 12, 12], images: bytes, labels: data.labels, classes: 10 });
      const model = stir(nl.model(CNN.spec), 43).eval();
      const part = set.slice(5, 17);
      const { x, labels } = part.batch(Array.from({ length: 12 }, (_, i) => i));
      const expected = crossEntropy(model.forward(x), labels);
      const { loss, accuracy } = model.evaluate(part);
      assertWithin([loss], [expected.loss], 1e-6, 'loss');
      assert.equal(accuracy, expected.accuracy);
    });

    test('of equal logits the first is the prediction, as in PyTorch', () => {
      const model = nl.model({ input: [2], layers: [{ type: 'linear', outFeatures: 3, bias: false }] });
      model.loadStateDict({ '0.weight': { data: new Float32Array(6), shape: [3, 2] } });
      const ties = makeDataset({ shape: [2, 1, 1], images: new Float32Array(10), labels: [0, 0, 1, 2, 2], classes: 3 });
      assert.equal(model.evaluate(ties).accuracy, 2 / 5);
      const x = { data: ties.images, shape: [5, 2] };
      assert.equal(model.compareModes(x, { labels: ties.labels }).figures.eval.accuracy, 2 / 5);
      assert.equal(nl.trainer(model).step(x, ties.labels).accuracy, 2 / 5);
    });

    test('a plain object will do for data', () => {
      const { shape, images: values, labels, classes, mean, std, length } = data;
      const model = nl.model(CNN.spec);
      const plain = { shape, images: values, labels, classes, mean, std, length };
      assert.deepEqual(model.evaluate(plain), model.evaluate(data));
    });
  });

  describe('recalibrate', () => {
    /** All batches of a golden model as one data set. */
    const dataOf = ({ spec, batches }) => {
      const { x, labels } = golden.batches[batches];
      const shape = spec.input.length === 1 ? [spec.input[0], 1, 1] : spec.input;
      return makeDataset({ shape, images: x.data, labels: Int32Array.from(labels.data), classes: 10 });
    };

    for (const of of golden.models.filter(({ recalibrated }) => recalibrated)) {
      test(`${of.name}: running statistics are those of PyTorch's update_bn`, () => {
        const model = nl.model(of.spec);
        model.loadStateDict(of.initial);
        const before = model.stateDict();
        model.recalibrate(dataOf(of), { batchSize: 8 });
        const after = model.stateDict();
        for (const [key, value] of Object.entries(before)) {
          if (!(key in of.recalibrated)) assert.deepEqual(after[key], value, key);
        }
        for (const [key, expected] of Object.entries(of.recalibrated)) {
          if (typeof expected === 'number') assert.equal(after[key], expected, key);
          else assertClose(after[key].data, expected.data, 2e-6, key);
        }
      });
    }

    test('some batches are the first of them, and momentum is what it was', () => {
      const [model, twin] = [nl.model(CNN.spec), nl.model(CNN.spec)];
      const data = dataOf(CNN);
      model.recalibrate(data, { batchSize: 8, batches: 3 });
      twin.recalibrate(data.slice(0, 24), { batchSize: 8 });
      assert.deepEqual(model.stateDict(), twin.stateDict());
      assert.equal(model.stateDict()['1.num_batches_tracked'], 3);
      const { x } = data.batch([0, 1, 2, 3]);
      const before = model.stateDict()['1.running_mean'].data;
      model.train().forward(x);
      const after = model.stateDict()['1.running_mean'].data;
      twin.recalibrate(data.slice(0, 4), { batchSize: 4 });
      const batch = twin.stateDict()['1.running_mean'].data;
      assertClose(
        after,
        before.map((value, j) => 0.9 * value + 0.1 * batch[j]),
        1e-6,
        'running_mean',
      );
    });

    test('a last batch of one sample joins the one before; batches of one are refused, and nothing changes', () => {
      const spec = { input: [19], layers: [{ type: 'batchNorm' }, { type: 'linear', outFeatures: 10 }] };
      const [model, twin] = [nl.model(spec), nl.model(spec)];
      const data = dataOf(goldenModel('mlp batchNorm'));
      model.recalibrate(data.slice(0, 9), { batchSize: 8 });
      twin.recalibrate(data.slice(0, 9), { batchSize: 9 });
      assert.deepEqual(model.stateDict(), twin.stateDict());
      const refused = failure(
        'shape',
        /Expected more than 1 value per channel when training.*\(layer "0", batchNorm\)/,
      );
      assert.throws(() => model.recalibrate(data, { batchSize: 1 }), refused);
      assert.deepEqual(model.stateDict(), twin.stateDict());
      for (const options of [{ batchSize: 0 }, { batches: 0 }, { batches: 1.5 }]) {
        assert.throws(() => model.recalibrate(data, options), failure('argument', /expected an integer >= 1/));
      }
    });
  });

  describe('freeze', () => {
    const stirred = () => {
      const model = nl.model(CNN.spec);
      model.loadStateDict(CNN.initial);
      return model;
    };
    const norms = ['1', '5'];
    const own = norms.flatMap((key) =>
      ['weight', 'bias', 'running_mean', 'running_var'].map((role) => `${key}.${role}`),
    );
    const { x: all, labels: targets } = golden.batches[CNN.batches];
    const x = { data: all.data.slice(0, 8 * 144), shape: [8, 1, 12, 12] };
    const labels = targets.data.slice(0, 8);

    test('training mode is then eval mode, to the bit, and nothing moves', () => {
      const [model, twin] = [stirred().freeze(), stirred().eval()];
      assert.deepEqual(model.train().frozen, norms);
      const before = model.stateDict();
      const [got, expected] = [model.gradients(x, labels), twin.gradients(x, labels)];
      assert.deepEqual([got.loss, got.logits, got.input], [expected.loss, expected.logits, expected.input]);
      for (const [key, grad] of Object.entries(got.grads)) {
        if (own.includes(key)) assert.ok(grad.data.every((value) => value === 0));
        else assert.deepEqual(grad, expected.grads[key]);
      }
      model.forward(x);
      assert.deepEqual(model.stateDict(), before);
      const { layers } = model.compareModes(x);
      assert.ok(layers.every(({ diff }) => diff.maxAbs < 1e-4));
    });

    test('the rest trains, and weight decay and recalibration leave it alone; unfreezing thaws', () => {
      const model = stirred();
      const trainer = nl.trainer(model, { optimizer: { lr: 0.1, momentum: 0.9, weightDecay: 0.5 } });
      trainer.step(x, labels);
      model.freeze(['1']);
      const before = model.stateDict();
      trainer.step(x, labels);
      const data = makeDataset({ shape: [1, 12, 12], images: x.data, labels: Int32Array.from(labels), classes: 10 });
      model.train().recalibrate(data, { batchSize: 4 });
      const after = model.stateDict();
      for (const key of Object.keys(before)) {
        const frozen = key.startsWith('1.');
        assert[frozen ? 'deepEqual' : 'notDeepEqual'](after[key], before[key], key);
      }
      assert.deepEqual(model.unfreeze().frozen, []);
      trainer.step(x, labels);
      for (const key of own) assert.notDeepEqual(model.stateDict()[key], after[key], key);
    });

    test('gradients are right beside what is frozen', () => {
      const model = stirred().freeze(['5']);
      const { passed, parameters } = checkGradients(model, { mode: 'train', samples: 4 });
      assert.ok(passed);
      assert.ok(!parameters.some(({ key }) => key.startsWith('5.')));
    });

    test('what is no batchNorm with running statistics cannot be frozen', () => {
      const model = stirred();
      const refused = failure('argument', /expected a batchNorm with running statistics \(one of 1, 5\), got '0'/);
      assert.throws(() => model.freeze(['1', '0']), refused);
      assert.throws(() => model.freeze('1'), failure('argument', /expected an array of layer keys, got '1'/));
      assert.deepEqual(model.frozen, []);
    });
  });

  describe('fold', () => {
    for (const { name, spec, initial } of golden.models) {
      test(`${name}: the same logits without BatchNorm`, () => {
        const model = nl.model(spec);
        model.loadStateDict(initial);
        const { batches } = goldenModel(name);
        const size = spec.input.reduce((product, length) => product * length, 1);
        const x = { data: golden.batches[batches].x.data.slice(0, 8 * size), shape: [8, ...spec.input] };
        const before = model.stateDict();
        const folded = model.fold();
        assert.equal(model.training, true);
        assert.deepEqual(model.stateDict(), before);
        const { train, eval: evaluated } = model.compareModes(x).logits;
        assert.deepEqual(model.compareModes(x, { layers: false }), { ...model.compareModes(x), layers: [] });
        assertClose(folded.gradients(x, new Array(8).fill(0)).logits.data, evaluated.data, 1e-5, 'logits');
        assert.ok(folded.foldError < 1e-5, `${folded.foldError}`);
        const left = folded.layers.filter(({ type }) => type === 'batchNorm').length;
        const there = model.layers.filter(({ type }) => type === 'batchNorm').length;
        assert.equal(left, 0);
        if (there > 0) assert.notDeepEqual(train.data, evaluated.data);
        assert.deepEqual(
          folded.layers.map(({ key }) => key),
          model.layers.map(({ key }) => key),
        );
        folded.dispose();
      });
    }

    test('a BatchNorm that follows something else stays, and one without running statistics too', () => {
      const layers = [
        { type: 'batchNorm' },
        { type: 'linear', outFeatures: 4, bias: false, name: 'first' },
        { type: 'batchNorm', trackRunningStats: false },
        { type: 'linear', outFeatures: 4 },
        { type: 'batchNorm', affine: false, name: 'last' },
      ];
      const model = nl.model({ input: [3], seed: 1, layers });
      stir(model, 3);
      const folded = model.fold();
      assert.deepEqual(
        folded.layers.map(({ type }) => type),
        ['batchNorm', 'linear', 'batchNorm', 'linear', 'identity'],
      );
      assert.ok(folded.foldError < 1e-5);
    });

    test('the error of folding is measured', () => {
      const layers = [
        { type: 'linear', outFeatures: 4 },
        { type: 'batchNorm', eps: 1e-20 },
      ];
      const model = nl.model({ input: [3], seed: 1, layers });
      const state = model.stateDict();
      // The sum is large beside what is left of it.
      state['0.bias'].data.fill(1e6);
      state['1.running_mean'].data.fill(1e6);
      model.loadStateDict(state);
      assert.ok(model.fold().foldError > 1e-3);
    });
  });

  describe('compareModes', () => {
    const spec = RESNET.spec;
    const { x: stored } = golden.batches['12x12'];
    const x = { data: stored.data.slice(0, 40 * 144), shape: [40, 1, 12, 12] };
    const labels = golden.batches['12x12'].labels.data.slice(0, 40);

    test('has all layers and both logits, and updates nothing', () => {
      for (const training of [true, false]) {
        const model = nl.model(spec);
        model.loadStateDict(RESNET.initial);
        // Running statistics come near those of the batch, so that some predictions agree.
        for (let i = 0; i < 10; i++) model.forward(x);
        model.train(training);
        const before = model.stateDict();
        const { layers, logits, changed } = model.compareModes(x);
        assert.deepEqual(model.stateDict(), before);
        assert.equal(model.training, training);
        assert.deepEqual(
          layers.map(({ key, type, shape }) => ({ key, type, shape })),
          model.layers.map(({ key, type, shape }) => ({ key, type, shape })),
        );
        assert.deepEqual(logits.eval, model.eval().forward(x));
        assert.deepEqual(logits.train, model.train().forward(x));
        const [inTrain, inEval] = [predictions(logits.train), predictions(logits.eval)];
        assert.deepEqual(
          changed,
          inTrain.flatMap((guess, i) => (guess === inEval[i] ? [] : [i])),
        );
        assert.ok(changed.length > 0 && changed.length < 40, `the case at hand tells them apart: ${changed}`);
      }
    });

    test('figures of each layer are those of the layer run alone, in float64', () => {
      const model = nl.model(spec);
      model.loadStateDict(RESNET.initial);
      const { layers } = model.compareModes(x, { bins: 7 });
      spec.layers.forEach((_, index) => {
        const part = nl.model({ ...spec, layers: spec.layers.slice(0, index + 1) });
        part.loadStateDict(RESNET.initial, { strict: false });
        const outputs = { eval: part.eval().forward(x).data, train: part.train().forward(x).data };
        part.dispose();
        const layer = layers.find(({ key }) => key === String(index));
        const { diff } = layer;
        const count = outputs.eval.length;
        const sum = (value) => outputs.eval.reduce((total, _, i) => total + value(i), 0);
        for (const mode of ['train', 'eval']) {
          const values = outputs[mode];
          const { mean, std, min, max, histogram } = layer[mode];
          const expectedMean = sum((i) => values[i]) / count;
          const expectedStd = Math.sqrt(sum((i) => (values[i] - expectedMean) ** 2) / count);
          // Alone in eval mode, a BatchNorm is folded into the layer before it: a few roundings apart.
          const size = Math.max(...values.map(Math.abs));
          const apart = mode === 'eval' ? 16 * 2 ** -24 * size : 0;
          assertWithin([mean, std], [expectedMean, expectedStd], 1e-9 + apart, `${index} ${mode}`);
          assertWithin([min, max], [Math.min(...values), Math.max(...values)], apart, `${index} ${mode} range`);
          const { low, high, counts } = histogram;
          assert.equal(low, Math.min(layer.train.min, layer.eval.min));
          assert.equal(high, Math.max(layer.train.max, layer.eval.max));
          const expected = new Array(7).fill(0);
          for (const value of values) expected[Math.min(6, Math.floor(((value - low) * 7) / (high - low)))]++;
          // A value at an edge may fall to either side.
          assertWithin(counts, expected, 1, `${index} ${mode} histogram`);
          assert.equal(
            counts.reduce((a, b) => a + b),
            count,
          );
        }
        const { train, eval: evaluated } = outputs;
        const differences = train.map((value, i) => Math.abs(value - evaluated[i]));
        assertClose([diff.maxAbs], [Math.max(...differences)], 1e-5, `${index} maxAbs`);
        assertClose([diff.meanAbs], [sum((i) => differences[i]) / count], 1e-5, `${index} meanAbs`);
        assertClose([diff.rms], [Math.sqrt(sum((i) => differences[i] ** 2) / count)], 1e-5, `${index} rms`);
        const norms = Math.sqrt(sum((i) => train[i] ** 2)) * Math.sqrt(sum((i) => evaluated[i] ** 2));
        assertWithin([diff.cosine], [sum((i) => train[i] * evaluated[i]) / norms], 1e-6, `${index} cosine`);
      });
      assert.equal(layers[0].diff.maxAbs, 0, 'nothing differs before the first BatchNorm');
      assert.ok(layers[1].diff.maxAbs > 0.1);
    });

    test('without BatchNorm nothing differs', () => {
      const { spec: plain } = goldenModel('cnn groupNorm');
      const { layers, logits, changed } = nl.model(plain).compareModes(x);
      for (const { diff } of layers) {
        assert.deepEqual([diff.maxAbs, diff.meanAbs, diff.rms], [0, 0, 0]);
        assertWithin([diff.cosine], [1], 1e-12, 'cosine');
      }
      assert.deepEqual(logits.train, logits.eval);
      assert.deepEqual(changed, []);
    });

    test('labels add loss and accuracy of both modes', () => {
      const model = nl.model(spec);
      model.loadStateDict(RESNET.initial);
      const { logits, figures } = model.compareModes(x, { labels });
      for (const mode of ['train', 'eval']) {
        const { loss, accuracy } = crossEntropy(logits[mode], labels);
        assertWithin([figures[mode].loss, figures[mode].accuracy], [loss, accuracy], 1e-12, mode);
      }
      assert.equal(model.compareModes(x).figures, undefined);
    });

    test('histograms have 32 bins, or as many as wanted, also for a layer of one value', () => {
      const model = nl.model({ input: [1], layers: [{ type: 'linear', outFeatures: 1 }, { type: 'relu' }] });
      model.loadStateDict({ '0.weight': { data: Float32Array.of(0), shape: [1, 1] } }, { strict: false });
      for (const [options, bins] of [
        [undefined, 32],
        [{ bins: 5 }, 5],
        [{ bins: 1 }, 1],
      ]) {
        for (const { train, eval: evaluated } of model.compareModes(
          { data: Float32Array.of(1, 2), shape: [2, 1] },
          options,
        ).layers) {
          for (const { histogram, std } of [train, evaluated]) {
            assert.equal(histogram.counts.length, bins);
            assert.equal(
              histogram.counts.reduce((a, b) => a + b),
              2,
            );
            assert.ok(histogram.low < histogram.high);
            assert.equal(std, 0);
          }
        }
      }
    });

    test('NaN in one mode shows in the differences', () => {
      const model = nl.model({ input: [2], layers: [{ type: 'batchNorm' }] });
      const nan = { data: Float32Array.of(NaN, 1, 2, 3), shape: [2, 2] };
      const [{ diff }] = model.compareModes(nan).layers;
      assert.deepEqual([diff.maxAbs, diff.meanAbs, diff.rms], [NaN, NaN, NaN]);
    });
  });
});
