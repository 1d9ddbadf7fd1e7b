import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { checkGradients, createEngine, presetSpec, presets } from 'normlab';
import { assertWithin, failure, largest } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { crossEntropy } from './support/loss.js';
import { random } from './support/random.js';
import { specs } from './support/specs.js';
import { forEachVariant } from './support/variants.js';

/** @typedef {import('normlab').Model} Model */

const golden = readGolden('traces.json');
/** Traces whose first loss is that of the batch as it is. */
const plain = (name) => (trace) => trace.model === name && Object.keys(trace.options).length === 0;

const nl = await createEngine();

const NORMED = {
  input: [2, 8, 8],
  seed: 3,
  layers: [
    { type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1 },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'maxPool2d', kernelSize: 2 },
    { type: 'conv2d', outChannels: 4, kernelSize: 3, name: 'second' },
    { type: 'batchNorm' },
    { type: 'gelu' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 5 },
  ],
};

/**
 * Moves what starts at 0 or 1, so that no factor and no term is idle, and gives running statistics values of their own.
 *
 * @param {Model} model
 * @param {number} seed
 */
function spread(model, seed) {
  const { normal, uniform } = random(seed);
  const state = model.stateDict();
  for (const [key, tensor] of Object.entries(state)) {
    if (typeof tensor === 'number') continue;
    const { data } = tensor;
    if (key.endsWith('running_var')) data.set(data.map(() => 0.5 + uniform()));
    else if (data.every((value) => value === data[0])) data.set(data.map((value) => value + 0.4 * normal()));
  }
  model.loadStateDict(state);
  return model;
}

/** What failed, for a message. */
const failures = ({ parameters, input, loss, logits }) =>
  JSON.stringify([...parameters, input].filter(({ passed }) => !passed).concat(loss, logits));

describe('the float64 network is that of PyTorch', () => {
  for (const { name, spec, initial, batches } of golden.models) {
    test(name, () => {
      const { x, labels } = golden.batches[batches];
      const [steps, n] = labels.shape;
      const size = x.data.length / steps;
      const batch = { x: { data: x.data.slice(0, size), shape: [n, ...spec.input] }, labels: labels.data.slice(0, n) };
      for (const { losses, final, evalLogits } of golden.traces.filter(plain(name))) {
        const model = nl.model(spec);
        model.loadStateDict(initial);
        const first = checkGradients(model, { ...batch, samples: 2 });
        assertWithin([first.loss.expected], [losses[0]], 2e-6, 'loss of the first step');
        assert.ok(first.passed, failures(first));

        model.loadStateDict(final);
        const trained = checkGradients(model, { ...batch, samples: 2, mode: 'eval' });
        const { loss } = crossEntropy({ data: evalLogits.data, shape: [n, model.classes] }, batch.labels);
        assertWithin([trained.loss.expected], [loss], 1e-4, 'loss in eval mode after ten steps');
        assert.ok(trained.passed, failures(trained));
        model.dispose();
      }
    });
  }
});

describe('what is expected is the difference quotient of the expected loss', () => {
  const smooth = (/** @type {object} */ norm) => ({
    ...NORMED,
    layers: NORMED.layers
      .map((layer) => (layer.type === 'relu' ? { type: 'tanh' } : layer))
      .map((layer) => (layer.type === 'maxPool2d' ? { ...layer, type: 'avgPool2d' } : layer))
      .map((layer) => (layer.type === 'batchNorm' ? norm : layer)),
  });
  for (const norm of [
    { type: 'batchNorm' },
    { type: 'batchNorm', trackRunningStats: false },
    { type: 'layerNorm' },
    { type: 'groupNorm', numGroups: 2 },
    { type: 'instanceNorm', affine: true },
    { type: 'rmsNorm' },
    { type: 'sigmoid' },
  ]) {
    for (const mode of /** @type {const} */ (['train', 'eval'])) {
      test(`${JSON.stringify(norm)}, ${mode} mode`, () => {
        const model = spread(nl.model(smooth(norm)), 4);
        const { tensor, labels } = random(5);
        const batch = { x: tensor([3, 2, 8, 8]), labels: labels(3, 5), mode, samples: 1 };
        const { parameters } = checkGradients(model, batch);
        const state = model.stateDict();
        const scale = largest(parameters.map(({ expected }) => expected));
        for (const { key, at, shape, expected } of parameters) {
          const { data } = state[key];
          const place = at.reduce((flat, index, dim) => flat * shape[dim] + index, 0);
          const value = data[place];
          const [ahead, behind] = [2 ** -10, -(2 ** -10)].map((step) => {
            data[place] = value + step;
            model.loadStateDict(state);
            return { value: data[place], loss: checkGradients(model, batch).loss.expected };
          });
          data[place] = value;
          const quotient = (ahead.loss - behind.loss) / (ahead.value - behind.value);
          assertWithin([expected], [quotient], 1e-4 * scale, key);
        }
        model.dispose();
      });
    }
  }
});

describe('presets pass', () => {
  // Small images, but the layers and channels of the presets.
  const inputs = { smallcnn: [1, 12, 12], resnet: [1, 12, 12], convnet: [3, 8, 8] };
  const impossible = (/** @type {string} */ name, /** @type {string} */ norm) =>
    norm === 'instance' && ['mlp', 'deepcnn', 'convnet', 'plain'].includes(name);
  for (const name of Object.keys(presets)) {
    for (const norm of ['batch', 'layer', 'group', 'instance', 'rms', 'none']) {
      if (impossible(name, norm)) continue;
      test(`${name} with ${norm}`, () => {
        for (const [mode, placement] of /** @type {const} */ ([
          ['train', 'before'],
          ['train', 'after'],
          ['eval', 'before'],
        ])) {
          const model = spread(nl.model(presetSpec(name, { norm, placement, input: inputs[name] })), 6);
          const seed = 10 * Object.keys(presets).indexOf(name) + norm.length;
          // By 16 BatchNorms one after the other, of four images each, float32's own rounding grows to 1e-3.
          const batchSize = name === 'plain' ? 16 : 4;
          const result = checkGradients(model, { mode, seed, batchSize, samples: inputs[name] ? 1 : 4 });
          assert.deepEqual([result.undecided, result.passed], [0, true], failures(result));
          assert.deepEqual(
            result.parameters.map(({ key, shape }) => ({ key, shape })),
            model.parameters.map(({ key, shape }) => ({ key, shape })),
          );
          model.dispose();
        }
      });
    }
  }
});

await forEachVariant((engine) => {
  test('every layer’s backward is the derivative of its forward, in models of any layers', () => {
    const property = fc.property(specs, fc.constantFrom('train', 'eval'), ({ spec, batchSize }, mode) => {
      const model = spread(engine.model(spec), spec.seed);
      try {
        const result = checkGradients(model, { mode, batchSize, samples: 4, seed: spec.seed });
        assert.ok(result.passed, failures(result));
      } finally {
        model.dispose();
      }
    });
    // The same cases in each run, and an end to them on a slow machine.
    fc.assert(property, { seed: 2024, numRuns: 800, interruptAfterTimeLimit: 10_000 });
  });
});

describe('a wrong backward is found', () => {
  /**
   * A model whose gradients are tampered with.
   *
   * @param {(gradients: import('normlab').Gradients, model: Model) => void} tamper
   */
  function wrong(tamper) {
    const model = spread(nl.model(NORMED), 7);
    const right = model.gradients.bind(model);
    model.gradients = (x, labels) => {
      const gradients = right(x, labels);
      tamper(gradients, model);
      return gradients;
    };
    return model;
  }

  /** The keys of what did not pass. */
  const found = ({ parameters, input }) => [...parameters, input].filter(({ passed }) => !passed).map(({ key }) => key);

  test('while the right one passes', () => {
    const model = wrong(() => {});
    assert.ok(checkGradients(model).passed);
    assert.deepEqual(found(checkGradients(model)), []);
    model.dispose();
  });

  for (const { key } of [
    { key: '0.weight' },
    { key: '1.weight' },
    { key: '1.bias' },
    { key: 'second.weight' },
    { key: '5.weight' },
    { key: '8.bias' },
    { key: 'input' },
  ]) {
    /** @type {[string, (data: Float32Array) => void][]} */
    const mistakes = [
      ['flipped', (data) => data.set(data.map((value) => -value))],
      ['scaled by 1.05', (data) => data.set(data.map((value) => 1.05 * value))],
      ['zero', (data) => data.fill(0)],
      ['not a number in one place', (data) => data.fill(Number.NaN, 1, 2)],
    ];
    for (const [name, spoil] of mistakes) {
      test(`the gradient of ${key} ${name}`, () => {
        const model = wrong(({ grads, input }) => spoil(key === 'input' ? input.data : grads[key].data));
        const result = checkGradients(model);
        assert.equal(result.passed, false);
        assert.deepEqual(found(result), [key]);
        model.dispose();
      });
    }
  }

  test('in a single element that is not among those looked at, and that element is named', () => {
    for (const at of [
      [0, 0, 0, 0],
      [3, 5, 2, 2],
      [1, 2, 0, 1],
    ]) {
      const place = at.reduce((flat, index, dim) => flat * [4, 6, 3, 3][dim] + index, 0);
      const model = wrong(({ grads }) => {
        const { data } = grads['second.weight'];
        data[place] += 0.3 * largest(data);
      });
      const result = checkGradients(model, { samples: 1 });
      assert.deepEqual(found(result), ['second.weight']);
      const check = result.parameters.find(({ key }) => key === 'second.weight');
      assert.deepEqual(check.at, at);
      assert.ok(check.worst > 0.1 && check.direction > 1e-3, JSON.stringify(check));
      model.dispose();
    }
  });

  test('that leaves out that the statistics depend on the batch', () => {
    // Eval mode with the batch's own statistics: the same output, but a backward pass without the terms of the mean.
    const model = spread(nl.model({ ...NORMED, layers: NORMED.layers.filter(({ type }) => type !== 'relu') }), 8);
    const twin = nl.model({
      ...model.spec,
      layers: model.spec.layers.map((layer) =>
        layer.type === 'batchNorm' ? { ...layer, momentum: 1, runningVar: 'biased' } : layer,
      ),
    });
    twin.loadStateDict(model.stateDict());
    model.gradients = (x, labels) => {
      twin.train().forward(x);
      return twin.eval().gradients(x, labels);
    };
    const result = checkGradients(model);
    assert.ok(result.loss.error < 1e-6 && result.logits.error < 1e-5, JSON.stringify(result.loss));
    assert.equal(result.passed, false);
    // Behind the last BatchNorm nothing is wrong.
    const keys = found(result);
    for (const key of ['0.weight', '0.bias', 'input']) assert.ok(keys.includes(key), `${key} in ${keys}`);
    assert.ok(!keys.some((key) => /^[67]\./.test(key)), `${keys}`);
    for (const each of [model, twin]) each.dispose();
  });

  test('and so are a wrong loss and wrong logits', () => {
    for (const [tamper, part] of /** @type {const} */ ([
      [(gradients) => Object.assign(gradients, { loss: gradients.loss + 0.01 }), 'loss'],
      [({ logits }) => logits.data.fill(logits.data[3] + 0.1, 3, 4), 'logits'],
    ])) {
      const model = wrong(tamper);
      const result = checkGradients(model);
      assert.equal(result.passed, false);
      assert.deepEqual(found(result), []);
      assert.ok(result[part].error > 1e-3);
      if (part === 'logits') assert.deepEqual(result.logits.at, [0, 3]);
      model.dispose();
    }
  });
});

describe('the model', () => {
  test('is left as it was', () => {
    const model = spread(nl.model(NORMED), 9);
    const { tensor } = random(1);
    model.forward(tensor([3, 2, 8, 8]));
    const state = model.stateDict();
    for (const training of [true, false]) {
      for (const mode of /** @type {const} */ (['train', 'eval'])) {
        model.train(training);
        assert.ok(checkGradients(model, { mode }).passed);
        assert.deepEqual(model.stateDict(), state);
        assert.equal(model.training, training);
      }
    }
    assert.equal(state['1.num_batches_tracked'], 1);
    model.dispose();
  });

  test('is left as it was where the check cannot be made', () => {
    const model = nl.model({
      input: [4],
      layers: [{ type: 'linear', outFeatures: 3 }, { type: 'batchNorm' }, { type: 'linear', outFeatures: 3 }],
    });
    const state = model.stateDict();
    model.eval();
    assert.throws(
      () => checkGradients(model, { batchSize: 1 }),
      failure('shape', 'Expected more than 1 value per channel when training, got input size [1, 3]'),
    );
    assert.deepEqual(model.stateDict(), state);
    assert.equal(model.training, false);
    assert.ok(checkGradients(model, { batchSize: 1, mode: 'eval' }).passed);
    model.dispose();
  });

  test('tells its spec, of which the same model can be made', () => {
    const model = nl.model(presetSpec('resnet', { norm: 'group', groups: 4, seed: 5, input: [1, 8, 8] }));
    const { spec } = model;
    assert.deepEqual(spec, presetSpec('resnet', { norm: 'group', groups: 4, seed: 5, input: [1, 8, 8] }));
    const twin = nl.model(spec);
    assert.deepEqual(twin.stateDict(), model.stateDict());
    spec.layers.pop();
    assert.notDeepEqual(model.spec, spec);
    for (const each of [model, twin]) each.dispose();
  });
});

describe('options', () => {
  test('samples bounds the elements that are compared, all of small tensors', () => {
    const model = nl.model(NORMED);
    const counts = ({ parameters, input }) => [...parameters, input].map(({ checked }) => checked);
    assert.deepEqual(counts(checkGradients(model, { samples: 5 })), [5, 5, 5, 5, 5, 4, 4, 4, 5, 5, 5]);
    const { parameters } = checkGradients(model, { samples: 6 });
    assert.deepEqual(
      parameters.map(({ direction }) => direction === null),
      [false, true, true, true, false, true, true, true, false, true],
    );
    model.dispose();
  });

  test('the seed decides what is drawn', () => {
    const model = spread(nl.model(NORMED), 2);
    const first = checkGradients(model, { seed: 1 });
    assert.deepEqual(checkGradients(model, { seed: 1 }), first);
    const other = checkGradients(model, { seed: 2 });
    assert.notEqual(other.loss.expected, first.loss.expected);
    assert.ok(first.passed && other.passed);
    model.dispose();
  });

  test('the largest gradient is always among them', () => {
    const model = spread(nl.model(NORMED), 2);
    const { tensor, labels } = random(3);
    const batch = { x: tensor([4, 2, 8, 8]), labels: labels(4, 5) };
    const { grads } = model.gradients(batch.x, batch.labels);
    for (const { key, engine, at } of checkGradients(model, { ...batch, samples: 1 }).parameters) {
      assert.equal(Math.abs(engine), largest(grads[key].data), `${key} at ${at}`);
    }
    model.dispose();
  });

  test('tolerance decides what passes', () => {
    const model = spread(nl.model(NORMED), 2);
    const { worst } = checkGradients(model).parameters.reduce((a, b) => (b.worst > a.worst ? b : a));
    assert.ok(worst > 0 && worst < 1e-4, `${worst}`);
    assert.equal(checkGradients(model, { tolerance: worst / 2 }).passed, false);
    assert.equal(checkGradients(model, { tolerance: 0 }).passed, false);
    model.dispose();
  });

  test('a branch that hangs on a rounding is counted, one at exactly zero is not', () => {
    const model = nl.model({ input: [4], layers: [{ type: 'relu' }, { type: 'linear', outFeatures: 2 }] });
    const undecided = (/** @type {number[]} */ ...values) =>
      checkGradients(model, { x: { data: Float32Array.from(values), shape: [1, 4] } }).undecided;
    assert.equal(undecided(1, -1, 0.5, 2), 0);
    assert.equal(undecided(1, -1, 1e-7, -1e-7), 2);
    assert.equal(undecided(1, -1, 0, 0), 0);
    model.dispose();
    const pooled = nl.model({
      input: [1, 2, 2],
      layers: [{ type: 'maxPool2d', kernelSize: 2 }, { type: 'flatten' }, { type: 'linear', outFeatures: 2 }],
    });
    const ties = (/** @type {number} */ rival) =>
      checkGradients(pooled, { x: { data: Float32Array.of(rival, 1, 0.5, 0), shape: [1, 1, 2, 2] } });
    assert.equal(ties(1 - 2 ** -23).undecided, 1);
    // Equal values: the first one wins, in the engine as in PyTorch.
    assert.deepEqual([ties(1).undecided, ties(1).passed], [0, true]);
    pooled.dispose();
  });

  test('what cannot be meant is refused', () => {
    const model = nl.model(NORMED);
    const { tensor } = random(3);
    const x = tensor([2, 2, 8, 8]);
    for (const [options, code, words] of /** @type {const} */ ([
      [{ mode: 'test' }, 'argument', "mode: expected 'train' or 'eval', got 'test'"],
      [{ samples: 0 }, 'argument', 'samples: expected an integer >= 1, got 0'],
      [{ batchSize: 0 }, 'argument', 'batchSize: expected an integer >= 1'],
      [{ batchSize: 2 ** 31 - 1 }, 'memory', 'a batch of 2147483647 holds'],
      [{ seed: -1 }, 'argument', 'seed: expected an integer'],
      [{ tolerance: -1 }, 'argument', 'tolerance: expected a number >= 0, got -1'],
      [{ tolerance: Number.NaN }, 'argument', 'tolerance'],
      [{ sample: 3 }, 'argument', "unknown option 'sample'"],
      [{ x: [1] }, 'argument', 'x: expected a tensor'],
      [{ x: tensor([2, 2, 8, 7]) }, 'shape', 'x: expected shape [N, 2, 8, 8]'],
      [{ x, labels: [1] }, 'shape', 'labels: expected 2'],
      [{ x, labels: [1, 5] }, 'argument', 'Target 5 is out of bounds'],
    ])) {
      assert.throws(
        () => checkGradients(model, /** @type {any} */ (options)),
        failure(code, ['checkGradients', words]),
      );
    }
    for (const value of [undefined, null, {}, NORMED]) {
      assert.throws(
        () => checkGradients(/** @type {any} */ (value)),
        failure('argument', 'model: expected what nl.model()'),
      );
    }
    model.dispose();
    assert.throws(() => checkGradients(model), failure('state', 'disposed'));
  });
});

test('what does not check does not load it', () => {
  const seen = new Set();
  const walk = (/** @type {URL} */ url) => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    const code = readFileSync(url, 'utf8').replace(/\/\*.*?\*\//gs, '');
    for (const [, from] of code.matchAll(/^(?:import|export)\s[^;]*?from '(\.[^']+)'/gm)) walk(new URL(from, url));
  };
  const engine = new URL('./engine.js', import.meta.resolve('normlab'));
  walk(engine);
  assert.ok(seen.size > 10, `${seen.size} modules`);
  const checks = new URL('./check/', engine).href;
  assert.deepEqual(
    [...seen].filter((href) => href.startsWith(checks)),
    [],
  );
});
