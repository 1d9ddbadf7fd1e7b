import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { createEngine, makeDataset, NormlabError } from 'normlab';
import { edited, parts } from './fixtures/safetensors.js';
import { failure } from './support/assertions.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const SPEC = {
  input: [6],
  seed: 5,
  layers: [
    { type: 'linear', outFeatures: 9 },
    { type: 'batchNorm', momentum: null },
    { type: 'relu' },
    { type: 'residual', body: [{ type: 'linear', outFeatures: 9 }, { type: 'batchNorm' }], shortcut: [] },
    { type: 'dropout', p: 0.2 },
    { type: 'linear', outFeatures: 3 },
  ],
};

/** @param {number} count @param {number} seed */
function noise(count, seed) {
  const { tensor, labels } = random(seed);
  return makeDataset({ shape: [6, 1, 1], images: tensor([count, 6]).data, labels: labels(count, 3), classes: 3 });
}

const DATA = noise(38, 1);
const PASSES = { epochs: 3, batchSize: 8, seed: 2 };
/** Five steps an epoch, the last of six samples. */
const STEPS = 15;

/** What every one of these keeps is needed to go on. */
const TRAINERS = {
  'sgd with momentum': { optimizer: { lr: 0.1, momentum: 0.9, nesterov: true } },
  'sgd without momentum': { optimizer: { lr: 0.1 } },
  'sgd with dampening, whose first step is another': { optimizer: { lr: 0.1, momentum: 0.9, dampening: 0.5 } },
  'adam, its rate falling by steps': { optimizer: { type: 'adam', lr: 0.01 }, schedule: { type: 'step', stepSize: 4 } },
  'adamW with amsgrad, cosine and warm-up': {
    optimizer: { type: 'adamW', lr: 0.02, amsgrad: true },
    schedule: { type: 'cosine', warmup: 3 },
    clipGradNorm: 1,
  },
  'batches in parts': { optimizer: { lr: 0.1, momentum: 0.5 }, accumulate: 3, labelSmoothing: 0.1 },
};

/** A history without the times, which differ from run to run. */
const timeless = ({ epochs, ...rest }) => ({
  ...rest,
  epochs: epochs.map(({ epoch, steps, loss, accuracy }) => ({ epoch, steps, loss, accuracy })),
});

/** All of a state but times. @param {import('normlab').Engine} nl @param {Uint8Array} state */
function contents(nl, state) {
  const { 'figures.epochs': _, 'figures.epoch': __, ...tensors } = nl.safetensors(state);
  return { tensors, metadata: parts(state).header.__metadata__ };
}

await forEachVariant((nl) => {
  const make = (options, spec = SPEC) => {
    const model = nl.model(spec);
    return { model, trainer: nl.trainer(model, options) };
  };
  /** Another model and trainer of the same make, which have done something else before. */
  const other = (options) => {
    const made = make(options);
    const { tensor, labels } = random(33);
    for (let i = 0; i < 2; i++) {
      // A schedule may have to be told how long it is.
      made.trainer.start(noise(12, 7), { batchSize: 6, epochs: 1 }).steps(1);
      made.trainer.step(tensor([7, 6]), labels(7, 3));
    }
    return made;
  };

  describe('a fit that goes on where another was', () => {
    for (const [name, options] of Object.entries(TRAINERS)) {
      test(`ends bit for bit where that one ends: ${name}`, async () => {
        const whole = make(options);
        // Passes before, so that neither the schedule nor the optimizer's steps begin with these.
        await whole.trainer.fit(DATA, { epochs: 1, batchSize: 16, seed: 9 });
        const begun = whole.trainer.state();
        const states = new Map([['before', begun]]);
        const steps = [];
        const expected = await whole.trainer.fit(DATA, {
          ...PASSES,
          onStep: (step) => {
            steps.push(step);
            states.set(step.step, whole.trainer.state());
          },
          onEpoch: ({ epoch }) => states.set(`epoch ${epoch}`, whole.trainer.state()),
        });
        assert.equal(steps.length, STEPS);
        for (const at of ['before', 1, 2, 5, 'epoch 1', 6, 9, 14, STEPS, 'epoch 3']) {
          const rest = other(options);
          rest.trainer.loadState(states.get(at));
          assert.deepEqual(contents(nl, rest.trainer.state()), contents(nl, states.get(at)), `${at}: the same state`);
          const [seen, epochs] = [[], []];
          const history = await rest.trainer.fit(DATA, {
            ...PASSES,
            onStep: (step) => seen.push(step),
            onEpoch: ({ epoch }) => epochs.push(epoch),
          });
          const done = { before: 0, 'epoch 1': 5, 'epoch 3': STEPS }[at] ?? at;
          assert.deepEqual(seen, steps.slice(done), `${at}: the steps that are left`);
          const told = { 'epoch 1': 1, 'epoch 3': 3 }[at] ?? Math.max(0, Math.ceil(done / 5) - 1);
          assert.deepEqual(epochs, [1, 2, 3].slice(told), `${at}: the epochs that are left`);
          assert.deepEqual(timeless(history), timeless(expected), `${at}: the history of all`);
          assert.deepEqual(rest.model.stateDict(), whole.model.stateDict(), `${at}: the model`);
          assert.deepEqual(
            contents(nl, rest.trainer.state()),
            contents(nl, whole.trainer.state()),
            `${at}: the trainer`,
          );
          rest.trainer.dispose();
          rest.model.dispose();
        }
      });
    }

    test('shuffle and dropLast are kept; times add up', async () => {
      const options = { ...PASSES, shuffle: false, dropLast: true };
      const whole = make();
      let state;
      const expected = await whole.trainer.fit(DATA, {
        ...options,
        onStep: ({ step }) => {
          if (step === 6) state = whole.trainer.state();
        },
      });
      const rest = other();
      rest.trainer.loadState(state);
      const history = await rest.trainer.fit(DATA, options);
      assert.deepEqual(timeless(history), timeless(expected));
      assert.deepEqual(history.epochs[0], expected.epochs[0]);
      assert.ok(history.epochs[1].seconds > 0 && history.epochs[1].imagesPerSecond > 0);
    });

    test('in another engine, from a run that was aborted', async () => {
      const options = TRAINERS['adamW with amsgrad, cosine and warm-up'];
      const whole = make(options);
      const expected = await whole.trainer.fit(DATA, PASSES);
      const stopped = make(options);
      const controller = new AbortController();
      const fitting = stopped.trainer.fit(DATA, {
        ...PASSES,
        signal: controller.signal,
        onStep: ({ step }) => {
          if (step === 7) controller.abort();
        },
      });
      await assert.rejects(fitting, { name: 'AbortError' });
      const elsewhere = await createEngine({ variant: nl.variant });
      const model = elsewhere.model(SPEC);
      const trainer = elsewhere.trainer(model, options);
      trainer.loadState(stopped.trainer.state());
      assert.deepEqual(timeless(await trainer.fit(DATA, PASSES)), timeless(expected));
      assert.deepEqual(model.stateDict(), whole.model.stateDict());
      elsewhere.dispose();
    });

    test('a run driven by hand goes on too, as does one that a fit takes over', async () => {
      const options = TRAINERS['adamW with amsgrad, cosine and warm-up'];
      const whole = make(options);
      const run = whole.trainer.start(DATA, PASSES);
      run.steps(5);
      run.steps(2);
      const state = whole.trainer.state();
      const expected = [run.steps(9), run.steps(9)].flatMap(({ steps }) => steps);

      const rest = other(options);
      rest.trainer.loadState(state);
      const resumed = rest.trainer.start(DATA, PASSES);
      assert.deepEqual([resumed.step, resumed.epoch, resumed.stepsPerEpoch], [7, 2, 5]);
      const first = resumed.steps(9);
      assert.equal(first.epochEnded, true);
      assert.deepEqual([...first.steps, ...resumed.steps(9).steps], expected);
      assert.deepEqual(rest.model.stateDict(), whole.model.stateDict());

      const third = other(options);
      third.trainer.loadState(state);
      const { loss, epochs } = await third.trainer.fit(DATA, PASSES);
      assert.deepEqual(
        loss,
        expected.map((step) => step.loss),
      );
      assert.deepEqual(
        epochs.map(({ epoch }) => epoch),
        [2, 3],
      );
      assert.deepEqual(third.model.stateDict(), whole.model.stateDict());
    });

    test('steps by hand go on along a schedule whose passes have ended', async () => {
      const options = { optimizer: { type: 'adam', lr: 0.1 }, schedule: { type: 'linear', endFactor: 0.5 } };
      const whole = make(options);
      await whole.trainer.fit(DATA, PASSES);
      const rest = make(options);
      assert.ok(Number.isNaN(rest.trainer.currentLr));
      rest.trainer.loadState(whole.trainer.state());
      assert.equal(rest.trainer.currentLr, 0.05);
      const { tensor, labels } = random(4);
      const [x, y] = [tensor([7, 6]), labels(7, 3)];
      assert.deepEqual(rest.trainer.step(x, y), whole.trainer.step(x, y));
      assert.deepEqual(rest.model.stateDict(), whole.model.stateDict());
      // Nothing is left to go on with: the next fit is one of its own.
      const other = { ...PASSES, batchSize: 19 };
      assert.deepEqual(timeless(await rest.trainer.fit(DATA, other)), timeless(await whole.trainer.fit(DATA, other)));
    });

    test('a rate that was changed, and what was frozen, are kept', async () => {
      const whole = make(TRAINERS['sgd with momentum']);
      let state;
      const expected = await whole.trainer.fit(DATA, {
        ...PASSES,
        onStep: ({ step }) => {
          if (step === 3) whole.trainer.lr = 0.03;
          if (step === 4) whole.model.freeze(['1']);
          if (step === 8) state = whole.trainer.state();
        },
      });
      const rest = other(TRAINERS['sgd with momentum']);
      rest.model.freeze(['3.body.1']);
      rest.trainer.loadState(state);
      assert.deepEqual([rest.trainer.lr, rest.model.frozen], [0.03, ['1']]);
      assert.deepEqual(timeless(await rest.trainer.fit(DATA, PASSES)), timeless(expected));
      assert.deepEqual(rest.model.stateDict(), whole.model.stateDict());
    });

    test('more epochs may follow; fewer than there were may not', async () => {
      const whole = make();
      let state;
      await whole.trainer.fit(DATA, { ...PASSES, onEpoch: () => (state = whole.trainer.state()) });
      const longer = make();
      const expected = await longer.trainer.fit(DATA, { ...PASSES, epochs: 5 });
      const rest = make();
      rest.trainer.loadState(state);
      const words = ['trainer.fit: epochs: ', '15 steps are done, 5 an epoch', 'got 2'];
      await assert.rejects(rest.trainer.fit(DATA, { ...PASSES, epochs: 2 }), failure('state', words));
      assert.deepEqual(contents(nl, rest.trainer.state()), contents(nl, state), 'nothing has changed');
      assert.deepEqual(timeless(await rest.trainer.fit(DATA, { ...PASSES, epochs: 5 })), timeless(expected));
      assert.deepEqual(rest.model.stateDict(), longer.model.stateDict());
    });
  });
});

const nl = await createEngine();

describe('what a state holds', () => {
  test("are tensors with PyTorch's names, of what the optimizer keeps too", () => {
    for (const [optimizer, kept] of [
      [{ type: 'sgd' }, []],
      [{ type: 'sgd', momentum: 0.9 }, ['momentum_buffer']],
      [{ type: 'adam' }, ['exp_avg', 'exp_avg_sq']],
      [{ type: 'adamW', amsgrad: true }, ['exp_avg', 'exp_avg_sq', 'max_exp_avg_sq']],
    ]) {
      const model = nl.model(SPEC);
      const keys = Object.keys(nl.safetensors(nl.trainer(model, { optimizer }).state()));
      const parameters = model.parameters.map(({ key }) => key);
      assert.deepEqual(
        keys.sort(),
        [
          ...Object.keys(model.stateDict()).map((key) => `model.${key}`),
          ...kept.flatMap((name) => parameters.map((key) => `optimizer.${name}.${key}`)),
        ].sort(),
      );
    }
  });

  test('SGD keeps the first gradient as momentum, by its formula', () => {
    const model = nl.model(SPEC);
    const trainer = nl.trainer(model, { optimizer: { lr: 0.1, momentum: 0.9 } });
    const { tensor, labels } = random(3);
    const [x, y] = [tensor([4, 6]), labels(4, 3)];
    const { grads } = nl.model(SPEC).gradients(x, y);
    trainer.step(x, y);
    const state = nl.safetensors(trainer.state());
    for (const [key, grad] of Object.entries(grads))
      assert.deepEqual(state[`optimizer.momentum_buffer.${key}`], grad, key);
  });
});

describe('a state that does not fit', () => {
  const OPTIONS = { optimizer: { type: 'adamW', lr: 0.01 }, schedule: { type: 'cosine' } };
  const begun = (options = OPTIONS, spec = SPEC) => {
    const model = nl.model(spec);
    const trainer = nl.trainer(model, options);
    trainer.start(DATA, PASSES).steps(3);
    return trainer;
  };
  const good = begun().state();
  const withLayer = (index, layer) => ({ ...SPEC, layers: SPEC.layers.map((each, i) => (i === index ? layer : each)) });

  /** @param {Uint8Array} state @param {string} code @param {RegExp} words */
  function refused(state, code, words) {
    const trainer = begun();
    const before = trainer.state();
    assert.throws(() => trainer.loadState(state), failure(code, ['trainer.loadState: ', words]));
    assert.deepEqual(contents(nl, trainer.state()), contents(nl, before), 'the trainer stays as it was');
  }

  for (const [name, state, words] of [
    [
      'of sgd',
      begun({ optimizer: { momentum: 0.9 }, schedule: { type: 'cosine' } }).state(),
      /options\.optimizer\.type: the state is of 'sgd', this trainer has 'adamW'/,
    ],
    [
      'of other betas',
      begun({ ...OPTIONS, optimizer: { type: 'adamW', betas: [0.9, 0.9] } }).state(),
      /options\.optimizer\.betas\[1\]: the state is of 0\.9, this trainer has 0\.999/,
    ],
    [
      'of another schedule',
      begun({ ...OPTIONS, schedule: { type: 'linear' } }).state(),
      /options\.schedule\.type: the state is of 'linear'/,
    ],
    [
      'of another warm-up',
      begun({ ...OPTIONS, schedule: { type: 'cosine', warmup: 4 } }).state(),
      /options\.schedule\.warmup: the state is of 4, this trainer has 0/,
    ],
    [
      'of clipped gradients',
      begun({ ...OPTIONS, clipGradNorm: 1 }).state(),
      /options\.clipGradNorm: the state is of 1, this trainer has null/,
    ],
    [
      'of replicas',
      begun({ ...OPTIONS, replicas: 2 }).state(),
      /options\.replicas: the state is of 2, this trainer has 1/,
    ],
    [
      'of another width',
      begun(OPTIONS, withLayer(0, { type: 'linear', outFeatures: 9, bias: false })).state(),
      /spec\.layers\[0\]\.bias: the state is of false, this model has none/,
    ],
    [
      'of another layer',
      begun(OPTIONS, withLayer(2, { type: 'tanh' })).state(),
      /spec\.layers\[2\]\.type: the state is of 'tanh', this model has 'relu'/,
    ],
    [
      'of another seed',
      begun(OPTIONS, { ...SPEC, seed: 6 }).state(),
      /spec\.seed: the state is of 6, this model has 5/,
    ],
  ]) {
    test(`${name}: state, saying what differs`, () => refused(state, 'state', words));
  }

  const change = (values) => edited(good, ({ __metadata__: all }) => Object.assign(all, values));
  const progress = JSON.parse(parts(good).header.__metadata__.progress);
  const order = JSON.parse(parts(good).header.__metadata__.order);
  const json = (value) => JSON.stringify(value);
  for (const [name, state, words] of [
    ['nothing', new Uint8Array(), /length of the header/],
    ['a cut', good.slice(0, -1), /\(truncated\)/],
    ['a rate that is none', change({ lr: '-1' }), /lr: expected a number >= 0, got -1/],
    ['a rate beyond all numbers', change({ lr: '1e999' }), /lr: expected a number >= 0, got Infinity/],
    ['no progress', change({ progress: 'null' }), /progress: expected an object, got null/],
    [
      'progress of other names',
      change({ progress: '{"step":3}' }),
      /progress\.steps: expected an integer, got undefined/,
    ],
    [
      'negative steps',
      change({ progress: json({ ...progress, steps: -3 }) }),
      /progress 1 of .*must be an integer in \[0, 2\^53\), got -3/,
    ],
    [
      'passes before the first step',
      change({ progress: json({ ...progress, began: 9 }) }),
      /9 steps before the passes and 3 in them are more than the 3 taken/,
    ],
    [
      'more steps in passes than there were',
      change({ progress: json({ ...progress, done: 4 }) }),
      /0 steps before the passes and 4 in them are more than the 3 taken/,
    ],
    ['an order of nothing', change({ order: '{}' }), /batchSize: expected an integer >= 1, got undefined/],
    ['an order of other names', change({ order: json({ ...order, from: 3 }) }), /unknown option 'from'/],
    [
      'an order of a string',
      change({ order: json({ ...order, shuffle: 'no' }) }),
      /shuffle: expected true or false, got 'no'/,
    ],
    ['brackets', change({ order: '['.repeat(1e5) + ']'.repeat(1e5) }), /order: expected an object, got/],
    ['frozen layers that are none', change({ frozen: '["0"]' }), /keys: expected a batchNorm with running statistics/],
    [
      'no options',
      edited(good, ({ __metadata__: all }) => void delete all.options),
      /metadata: expected 'options', got none/,
    ],
    [
      'a moment of another name',
      edited(good, (header) => {
        header['optimizer.exp_avg.0.weights'] = header['optimizer.exp_avg.0.weight'];
        delete header['optimizer.exp_avg.0.weight'];
      }),
      /tensor 'optimizer\.exp_avg\.0\.weight': expected F32 \[9,6\], got none/,
    ],
    [
      'a moment turned around',
      edited(good, (header) => void Object.assign(header['optimizer.exp_avg.0.weight'], { shape: [6, 9] })),
      /tensor 'optimizer\.exp_avg\.0\.weight': expected F32 \[9,6\], got F32 \[6,9\]/,
    ],
    [
      'a parameter turned around',
      edited(good, (header) => void Object.assign(header['model.0.weight'], { shape: [6, 9] })),
      /tensor 'model\.0\.weight': expected F32/,
    ],
  ]) {
    test(`${name}: format, saying what`, () => refused(state, 'format', words));
  }

  test('figures of another width: format', async () => {
    const trainer = begun();
    let state;
    await trainer.fit(DATA, { ...PASSES, epochs: 1, onStep: () => (state ??= trainer.state()) });
    const wide = edited(state, (header) => void Object.assign(header['figures.steps'], { shape: [2, 1] }));
    refused(wide, 'format', /tensor 'figures\.steps': expected F64 \[any number, 2\], got F64 \[2,1\]/);
    const renamed = edited(state, (header) => {
      header['figures.more'] = header['figures.epochs'];
      delete header['figures.epochs'];
    });
    refused(renamed, 'format', /tensor 'figures\.epochs': expected F64 \[any number, 6\], got no \[tensor\]/);
  });

  for (const [name, data, options, words] of [
    ['batchSize', DATA, { batchSize: 9 }, /order\.batchSize: the state is of 8, this run has 9/],
    ['seed', DATA, { seed: 3 }, /order\.seed: the state is of 2, this run has 3/],
    ['shuffle', DATA, { shuffle: false }, /order\.shuffle: the state is of true, this run has false/],
    ['dropLast', DATA, { dropLast: true }, /order\.dropLast: the state is of false, this run has true/],
    ['length of the data', DATA.slice(0, 37), {}, /order\.length: the state is of 38, this run has 37/],
  ]) {
    test(`a run of another ${name}: state, and the right one still goes on`, async () => {
      const model = nl.model(SPEC);
      const trainer = nl.trainer(model, OPTIONS);
      trainer.loadState(good);
      const other = { ...PASSES, ...options };
      await assert.rejects(trainer.fit(data, other), failure('state', ['trainer.fit: ', words]));
      assert.throws(() => trainer.start(data, other), failure('state', ['trainer.start: ', words]));
      assert.deepEqual(contents(nl, trainer.state()), contents(nl, good));
      assert.equal(trainer.start(DATA, PASSES).step, 3);
    });
  }

  test('loading ends the run under way', async () => {
    const trainer = begun();
    const run = trainer.start(DATA, PASSES);
    trainer.loadState(good);
    assert.throws(() => run.steps(1), failure('state', 'run.steps: the run has ended'));
    const fitting = trainer.fit(DATA, { ...PASSES, onStep: () => trainer.loadState(good) });
    await assert.rejects(fitting, failure('state', 'run.steps: the run has ended'));
    assert.equal(trainer.start(DATA, PASSES).step, 3);
  });

  test('damaged bytes: loaded, format or state, and all or nothing', () => {
    const trainer = begun();
    const plain = begun().state();
    const header = plain.length - parts(plain).values.length;
    const place = fc.oneof(fc.nat(plain.length - 1), fc.nat(header - 1));
    let loaded = 0;
    fc.assert(
      fc.property(
        fc.array(fc.tuple(place, fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.boolean(),
        (changes, cut) => {
          const bytes = plain.slice(0, cut ? changes[0][0] : plain.length);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          const before = contents(nl, trainer.state());
          try {
            trainer.loadState(bytes);
            loaded++;
          } catch (error) {
            assert.ok(error instanceof NormlabError, error.stack);
            assert.ok(['format', 'state'].includes(error.code), error.message);
            assert.deepEqual(contents(nl, trainer.state()), before);
          }
        },
      ),
      { seed: 3, numRuns: 600 },
    );
    assert.ok(loaded > 20, `${loaded} were loaded`);
  });
});
