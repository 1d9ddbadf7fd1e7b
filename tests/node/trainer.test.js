import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createEngine, makeDataset } from 'normlab';
import { assertClose, assertWithin, failure } from './support/assertions.js';
import { readGolden } from './support/golden.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const golden = readGolden('traces.json');

const MLP = {
  input: [6],
  seed: 5,
  layers: [
    { type: 'linear', outFeatures: 8 },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'linear', outFeatures: 3 },
  ],
};
const WITHOUT_NORM = { ...MLP, layers: MLP.layers.filter(({ type }) => type !== 'batchNorm') };

/** Three classes, each around a centre of its own. */
function clusters(count, seed) {
  const { normal, below } = random(seed);
  const centres = Array.from({ length: 3 }, () => Array.from({ length: 6 }, () => 2 * normal()));
  const labels = Int32Array.from({ length: count }, () => below(3));
  const images = Float32Array.from(
    { length: count * 6 },
    (_, i) => centres[labels[Math.floor(i / 6)]][i % 6] + normal(),
  );
  return makeDataset({ shape: [6, 1, 1], images, labels, classes: 3 });
}

/** Samples `from` … `to - 1`, as the model takes them. */
function batchOf(data, from, to) {
  const { x, labels } = data.batch(Array.from({ length: to - from }, (_, i) => from + i));
  return { x: { data: x.data, shape: [to - from, 6] }, labels };
}

await forEachVariant((nl, variant) => {
  describe('ten steps, as in PyTorch', () => {
    for (const { model: name, optimizer, options, losses, hits, final, evalLogits } of golden.traces) {
      test(`${name}, ${JSON.stringify(optimizer)}, ${JSON.stringify(options)}`, () => {
        const { spec, initial, batches } = golden.models.find((model) => model.name === name);
        const { x, labels } = golden.batches[batches];
        const [steps, n] = labels.shape;
        const size = x.data.length / steps;
        const batch = (step) => ({ data: x.data.slice(step * size, (step + 1) * size), shape: [n, ...spec.input] });

        const model = nl.model(spec);
        model.loadStateDict(initial);
        const trainer = nl.trainer(model, { optimizer: { type: 'sgd', ...optimizer }, ...options });
        losses.forEach((expected, step) => {
          const { loss, accuracy } = trainer.step(batch(step), labels.data.slice(step * n, (step + 1) * n));
          assertWithin([loss], [expected], 1e-5, `loss of step ${step + 1}`);
          assert.equal(accuracy, hits[step] / n, `accuracy of step ${step + 1}`);
        });
        const state = model.stateDict();
        for (const [key, expected] of Object.entries(final)) {
          if (typeof expected === 'number') assert.equal(state[key], expected, key);
          else assertClose(state[key].data, expected.data, 2e-5, key);
        }
        assertClose(model.eval().forward(batch(0)).data, evalLogits.data, 5e-5, 'eval logits');
        trainer.dispose();
        model.dispose();
      });
    }
  });

  describe('options', () => {
    const trainerOf = (options) => nl.trainer(nl.model(MLP), options);
    const { x, labels } = batchOf(clusters(8, 6), 0, 8);

    for (const [options, words] of [
      [{ optimizer: { type: 'rmsprop' } }, /optimizer\.type: expected 'sgd' or 'adam' or 'adamW', got 'rmsprop'/],
      [
        { optimizer: { type: 'adam', momentum: 0.9 } },
        /optimizer: unknown option 'momentum'; expected one of type, lr/,
      ],
      [{ optimizer: { type: 'adam', betas: [0.9, 1] } }, /Invalid beta parameter at index 1: 1/],
      [{ optimizer: { type: 'adam', betas: 0.9 } }, /optimizer\.betas: expected two numbers, got 0\.9/],
      [{ optimizer: { type: 'adamW', eps: -1 } }, /Invalid epsilon value: -1/],
      [{ optimizer: { type: 'adamW', weightDecay: -1 } }, /Invalid weight_decay value: -1/],
      [{ optimizer: { lr: '0.1' } }, /optimizer\.lr: expected a number, got '0\.1'/],
      [{ schedule: { type: 'step' } }, /schedule\.stepSize: is required/],
      [{ schedule: { type: 'cosine', steps: 0 } }, /cosine: steps must be an integer >= 1, got 0/],
      [{ schedule: { type: 'linear', warmup: 1.5 } }, /linear: warmup must be an integer >= 0, got 1\.5/],
      [{ clipGradNorm: -1 }, /trainer: clipGradNorm must be a finite number >= 0, got -1/],
      [{ labelSmoothing: 1 }, /label_smoothing must be at least 0\.0 and less than 1\.0\. Got: 1/],
      [{ decayNorms: 1 }, /decayNorms: expected true or false, got 1/],
      [{ clipNorm: 1 }, /options: unknown option 'clipNorm'; expected one of optimizer, schedule, clipGradNorm/],
    ]) {
      test(`${JSON.stringify(options)} is refused`, () => {
        assert.throws(() => trainerOf(options), failure('argument', words));
      });
    }

    test('a schedule spans the epochs of fit and of start, anew for each', async () => {
      const trainer = trainerOf({ optimizer: { lr: 1 }, schedule: { type: 'linear', endFactor: 0.2 } });
      assert.ok(Number.isNaN(trainer.currentLr));
      assert.throws(
        () => trainer.step(x, labels),
        failure('state', /the linear schedule needs to know of how many steps it is/),
      );
      const data = clusters(16, 7);
      const rates = [];
      await trainer.fit(data, { epochs: 2, batchSize: 8, onEpoch: () => rates.push(trainer.currentLr) });
      assertWithin(rates, [0.6, 0.2], 1e-12, 'after each epoch');
      const run = trainer.start(data, { batchSize: 8, epochs: 4 });
      run.steps(2);
      assertWithin([trainer.currentLr], [0.8], 1e-12, 'after two of eight steps');
      assert.equal(trainer.lr, 1);
    });

    test('the loss that is reported is the smoothed one', () => {
      const plain = trainerOf({}).step(x, labels).loss;
      const smoothed = trainerOf({ labelSmoothing: 0.5 }).step(x, labels).loss;
      const { logits } = nl.model(MLP).gradients(x, labels);
      let apart = 0;
      for (let i = 0; i < 8; i++) {
        const row = [...logits.data.subarray(3 * i, 3 * i + 3)];
        const total = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
        apart += row.reduce((sum, value) => sum + (total - value) / 3, 0) / 8;
      }
      assertWithin([smoothed], [0.5 * plain + 0.5 * apart], 1e-6, 'loss');
    });
  });

  describe('step', () => {
    test('gives loss, accuracy and gradient norm from before the update', () => {
      const { x, labels } = batchOf(clusters(16, 1), 0, 16);
      const [model, twin] = [nl.model(MLP), nl.model(MLP)];
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.1, momentum: 0.9, weightDecay: 0.1 } });
      const before = twin.stateDict();
      const { loss, grads } = twin.gradients(x, labels);
      const step = trainer.step(x, labels);
      assert.deepEqual(Object.keys(step).sort(), ['accuracy', 'gradNorm', 'loss']);
      assertWithin([step.loss], [loss], 1e-12, 'loss');
      const norm = Math.hypot(...Object.values(grads).flatMap(({ data }) => [...data]));
      assertClose([step.gradNorm], [norm], 1e-6, 'gradNorm');
      const after = model.stateDict();
      for (const [key, { data }] of Object.entries(grads)) {
        const expected = data.map((g, i) => before[key].data[i] - 0.1 * (g + 0.1 * before[key].data[i]));
        assertClose(after[key].data, expected, 1e-6, key);
      }
      for (const key of ['1.running_mean', '1.running_var']) assert.deepEqual(after[key], twin.stateDict()[key]);
    });

    test('trains whatever the mode of the model is, and leaves the mode', () => {
      const { x, labels } = batchOf(clusters(8, 2), 0, 8);
      const run = (training) => {
        const model = nl.model(MLP).train(training);
        const step = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.1 } }).step(x, labels);
        assert.equal(model.training, training);
        return { step, state: model.stateDict() };
      };
      assert.deepEqual(run(false), run(true));
    });

    test('lr may be changed between steps', () => {
      const { x, labels } = batchOf(clusters(8, 3), 0, 8);
      const model = nl.model(WITHOUT_NORM);
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.5 } });
      assert.equal(trainer.lr, 0.5);
      trainer.lr = 0;
      const before = model.stateDict();
      trainer.step(x, labels);
      assert.deepEqual(model.stateDict(), before);
      trainer.lr = 0.25;
      assert.equal(trainer.lr, 0.25);
      const { grads } = model.gradients(x, labels);
      trainer.step(x, labels);
      for (const [key, { data }] of Object.entries(grads)) {
        const expected = data.map((g, i) => before[key].data[i] - 0.25 * g);
        assertClose(model.stateDict()[key].data, expected, 1e-6, key);
      }
      for (const bad of [NaN, -1, Infinity, '0.1', null]) {
        assert.throws(
          () => {
            trainer.lr = bad;
          },
          failure('argument', /lr/),
        );
        assert.equal(trainer.lr, 0.25);
      }
    });

    test('takes labels of any kind of array', () => {
      const { x, labels } = batchOf(clusters(8, 4), 0, 8);
      const first = (values) => nl.trainer(nl.model(MLP), { optimizer: { type: 'sgd', lr: 0.1 } }).step(x, values);
      assert.deepEqual(first([...labels]), first(labels));
      assert.deepEqual(first(Uint8Array.from(labels)), first(labels));
    });

    test('batches may grow and shrink', () => {
      const data = clusters(64, 5);
      const trainer = nl.trainer(nl.model(MLP), { optimizer: { type: 'sgd', lr: 0.01 } });
      for (const n of [2, 64, 3, 17]) {
        const { x, labels } = batchOf(data, 0, n);
        assert.ok(Number.isFinite(trainer.step(x, labels).loss));
      }
    });
  });

  describe('start', () => {
    const begin = (data, options, spec = MLP, lr = 0.05) => {
      const model = nl.model(spec);
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr, momentum: 0.9 } });
      return { model, trainer, run: trainer.start(data, options) };
    };
    const lossesOf = (run, count, chunk) => {
      const losses = [];
      while (losses.length < count) losses.push(...run.steps(chunk).steps.map(({ loss }) => loss));
      return losses;
    };

    test('without shuffling it is trainer.step on one batch after the other', () => {
      const data = clusters(22, 6);
      const { model, run } = begin(data, { batchSize: 5, shuffle: false });
      const twin = nl.model(MLP);
      const trainer = nl.trainer(twin, { optimizer: { type: 'sgd', lr: 0.05, momentum: 0.9 } });
      assert.equal(run.stepsPerEpoch, 5);
      assert.deepEqual([run.step, run.epoch], [0, 0]);
      for (let epoch = 1; epoch <= 2; epoch++) {
        for (let i = 0; i < 5; i++) {
          const { steps, epochEnded } = run.steps(1);
          const { x, labels } = batchOf(data, 5 * i, Math.min(5 * i + 5, 22));
          const step = 5 * (epoch - 1) + i + 1;
          assert.deepEqual(steps, [{ step, epoch, ...trainer.step(x, labels) }]);
          assert.equal(epochEnded, i === 4);
          assert.deepEqual([run.step, run.epoch], [step, epoch]);
        }
      }
      assert.deepEqual(model.stateDict(), twin.stateDict());
    });

    test('steps stop at the end of an epoch, however many are asked for', () => {
      const { run } = begin(clusters(20, 7), { batchSize: 4 });
      const ran = [2, 99, 5, 1, 3, 7].map((k) => {
        const { steps, epochEnded } = run.steps(k);
        return [steps.length, epochEnded];
      });
      assert.deepEqual(ran, [
        [2, false],
        [3, true],
        [5, true],
        [1, false],
        [3, false],
        [1, true],
      ]);
      assert.deepEqual([run.step, run.epoch], [15, 3]);
    });

    test('how the steps are asked for does not matter', () => {
      const data = clusters(22, 8);
      const [one, other] = [1, 4].map((chunk) => {
        const { model, run } = begin(data, { batchSize: 5, seed: 3 });
        return { losses: lossesOf(run, 10, chunk), state: model.stateDict() };
      });
      assert.deepEqual(one, other);
    });

    test('dropLast leaves out what does not fill a batch', () => {
      const count = (length, batchSize, dropLast) =>
        begin(clusters(length, 9), { batchSize, dropLast }).run.stepsPerEpoch;
      assert.equal(count(10, 4, false), 3);
      assert.equal(count(10, 4, true), 2);
      assert.equal(count(12, 4, false), 3);
      assert.equal(count(12, 4, true), 3);
      assert.equal(count(10, 10, true), 1);
      assert.equal(count(10, 1, true), 10);
      assert.equal(count(10, 400, false), 1);
    });

    test('each epoch visits every sample once, in an order drawn from the seed', () => {
      const data = clusters(12, 10);
      // With lr 0 a sample is known by its loss.
      const epochs = (seed, shuffle = true) => {
        const { run } = begin(data, { batchSize: 1, seed, shuffle }, WITHOUT_NORM, 0);
        return [lossesOf(run, 12, 12), lossesOf(run, 12, 12)];
      };
      const inOrder = epochs(0, false)[0];
      assert.equal(new Set(inOrder).size, 12);
      assert.deepEqual(epochs(0, false), [inOrder, inOrder]);
      const [first, second] = epochs(1);
      const sorted = (losses) => [...losses].sort((a, b) => a - b);
      for (const epoch of [first, second]) assert.deepEqual(sorted(epoch), sorted(inOrder));
      assert.notDeepEqual(first, inOrder);
      assert.notDeepEqual(second, first);
      assert.deepEqual(epochs(1), [first, second]);
      assert.notDeepEqual(epochs(2)[0], first);
      const standard = begin(data, { batchSize: 1 }, WITHOUT_NORM, 0).run;
      assert.deepEqual(lossesOf(standard, 12, 12), epochs(0)[0], 'shuffle and seed 0 are the defaults');
    });

    test('images of bytes are standardized on the way', () => {
      const { below } = random(11);
      const images = Uint8Array.from({ length: 66 }, () => below(256));
      const bytes = makeDataset({ shape: [6, 1, 1], images, labels: random(12).labels(11, 3), classes: 3 });
      const { x, labels } = bytes.batch(Array.from({ length: 11 }, (_, i) => i));
      const floats = makeDataset({ shape: [6, 1, 1], images: x.data, labels, classes: 3 });
      const [one, other] = [bytes, floats].map((data) => lossesOf(begin(data, { batchSize: 3 }).run, 8, 4));
      assert.deepEqual(one, other);
    });

    test('a new run of the same trainer ends the one before; momentum goes on', () => {
      const data = clusters(16, 13);
      const { trainer, run } = begin(data, { batchSize: 4 });
      run.steps(2);
      const next = trainer.start(data, { batchSize: 8 });
      assert.throws(() => run.steps(1), failure('state', 'run.steps'));
      assert.equal(next.stepsPerEpoch, 2);
      assert.deepEqual(
        next.steps(9).steps.map(({ step, epoch }) => [step, epoch]),
        [
          [1, 1],
          [2, 1],
        ],
      );
      next.dispose();
      next.dispose();
      assert.throws(() => next.steps(1), failure('state', 'run.steps'));
    });

    test('the steps before one that fails are told; the next call is its error', () => {
      // The third batch is one sample, which BatchNorm cannot train on.
      const { run, model } = begin(clusters(9, 14), { batchSize: 4 });
      const { steps, epochEnded } = run.steps(3);
      assert.deepEqual(
        steps.map(({ step }) => step),
        [1, 2],
      );
      assert.equal(epochEnded, false);
      const after = model.stateDict();
      assert.equal(after['1.num_batches_tracked'], 2);
      for (let i = 0; i < 2; i++) {
        assert.throws(() => run.steps(3), failure('shape', 'Expected more than 1 value per channel when training'));
        assert.deepEqual([run.step, run.epoch], [2, 1]);
      }
      assert.deepEqual(model.stateDict(), after);
    });
  });

  describe('fit', () => {
    const data = clusters(50, 20);
    const OPTIONS = { epochs: 3, batchSize: 8, seed: 2 };
    const make = (spec = MLP, optimizer = { lr: 0.05, momentum: 0.9 }) => {
      const model = nl.model(spec);
      return { model, trainer: nl.trainer(model, { optimizer: { type: 'sgd', ...optimizer } }) };
    };

    test('learns', async () => {
      const { model, trainer } = make();
      const { epochs } = await trainer.fit(data, { ...OPTIONS, epochs: 20 });
      assert.ok(epochs[19].loss < epochs[0].loss / 3, `${epochs[0].loss}, then ${epochs[19].loss}`);
      assert.ok(model.evaluate(data).accuracy > 0.95);
    });

    test('gives the history that its callbacks saw', async () => {
      const { model, trainer } = make();
      const events = [];
      const history = await trainer.fit(data, {
        ...OPTIONS,
        onStep: (step) => events.push(step),
        onEpoch: async (epoch) => {
          events.push({ began: epoch.epoch });
          await new Promise((resolve) => setTimeout(resolve, 5));
          events.push(epoch);
        },
      });
      const steps = events.filter((event) => 'step' in event);
      assert.deepEqual(
        events.map((event) => ('step' in event ? 's' : 'began' in event ? 'b' : 'e')).join(''),
        'sssssssbe'.repeat(3),
        'onEpoch stands behind the steps of its epoch and is awaited',
      );
      assert.deepEqual(
        steps.map(({ step }) => step),
        Array.from({ length: 21 }, (_, i) => i + 1),
      );
      assert.deepEqual(
        steps.map(({ epoch }) => epoch),
        [1, 2, 3].flatMap((epoch) => new Array(7).fill(epoch)),
      );
      assert.deepEqual(Object.keys(steps[0]).sort(), [
        'accuracy',
        'epoch',
        'gradNorm',
        'loss',
        'step',
        'stepsPerEpoch',
      ]);
      assert.ok(steps.every(({ stepsPerEpoch }) => stepsPerEpoch === 7));
      assert.deepEqual(
        history.loss,
        steps.map(({ loss }) => loss),
      );
      assert.deepEqual(
        history.accuracy,
        steps.map(({ accuracy }) => accuracy),
      );
      assert.deepEqual(
        history.epochs,
        events.filter((event) => 'steps' in event),
      );
      history.epochs.forEach(({ epoch, steps: count, loss, accuracy, seconds, imagesPerSecond }, i) => {
        assert.deepEqual([epoch, count], [i + 1, 7]);
        // Six batches of 8 and one of 2.
        const weighted = (values) => values.reduce((sum, value, j) => sum + value * (j < 6 ? 8 : 2), 0) / 50;
        const own = steps.slice(7 * i, 7 * i + 7);
        assertWithin([loss], [weighted(own.map((step) => step.loss))], 1e-12, 'loss');
        assertWithin([accuracy], [weighted(own.map((step) => step.accuracy))], 1e-12, 'accuracy');
        assert.ok(seconds > 0 && seconds < 60);
        assertClose([imagesPerSecond], [50 / seconds], 1e-9, 'imagesPerSecond');
      });
      assert.equal(model.stateDict()['1.num_batches_tracked'], 21);
    });

    test('is start and steps, and equal seeds give equal bits, also in another engine', async () => {
      const { model, trainer } = make();
      const history = await trainer.fit(data, OPTIONS);

      const driven = make();
      const run = driven.trainer.start(data, { batchSize: 8, seed: 2 });
      const losses = [1, 2, 3].flatMap(() => run.steps(99).steps.map(({ loss }) => loss));
      assert.deepEqual(losses, history.loss);
      assert.deepEqual(driven.model.stateDict(), model.stateDict());

      const other = await createEngine({ variant });
      try {
        const elsewhere = other.model(MLP);
        const again = other.trainer(elsewhere, { optimizer: { type: 'sgd', lr: 0.05, momentum: 0.9 } });
        assert.deepEqual((await again.fit(data, OPTIONS)).loss, history.loss);
        assert.deepEqual(elsewhere.stateDict(), model.stateDict());
      } finally {
        other.dispose();
      }

      const third = make();
      const { loss } = await third.trainer.fit(data, { ...OPTIONS, seed: 3 });
      assert.notDeepEqual(loss, history.loss);
    });

    test('shuffle and dropLast are as in start', async () => {
      const { model, trainer } = make();
      const { epochs, loss } = await trainer.fit(data, { ...OPTIONS, shuffle: false, dropLast: true });
      assert.deepEqual(
        epochs.map(({ steps }) => steps),
        [6, 6, 6],
      );
      const driven = make();
      const run = driven.trainer.start(data, { batchSize: 8, shuffle: false, dropLast: true });
      assert.deepEqual(
        [1, 2, 3].flatMap(() => run.steps(9).steps.map((step) => step.loss)),
        loss,
      );
      assert.deepEqual(driven.model.stateDict(), model.stateDict());
    });

    test('no epochs, no steps', async () => {
      const { model, trainer } = make();
      const before = model.stateDict();
      assert.deepEqual(await trainer.fit(data, { ...OPTIONS, epochs: 0 }), { epochs: [], loss: [], accuracy: [] });
      assert.deepEqual(model.stateDict(), before);
    });

    test('an aborted signal stops it at a step boundary and rejects with its reason', async () => {
      for (const last of [1, 4, 7]) {
        const { model, trainer } = make();
        const controller = new AbortController();
        const reason = new Error('enough');
        const losses = [];
        const fitting = trainer.fit(data, {
          ...OPTIONS,
          epochs: 1000,
          signal: controller.signal,
          onStep: ({ step, loss }) => {
            losses.push(loss);
            if (step === last) controller.abort(reason);
          },
        });
        await assert.rejects(fitting, (error) => error === reason);
        assert.ok(losses.length >= last && losses.length <= 7, `${losses.length} steps`);
        const driven = make();
        const run = driven.trainer.start(data, { batchSize: 8, seed: 2 });
        assert.deepEqual(
          run.steps(losses.length).steps.map(({ loss }) => loss),
          losses,
        );
        assert.deepEqual(model.stateDict(), driven.model.stateDict(), 'as after that many steps');
        assert.equal((await trainer.fit(data, OPTIONS)).epochs.length, 3, 'and it can go on');
      }
    });

    test('a signal from a timer reaches it while it works', async () => {
      const { trainer } = make();
      const signal = AbortSignal.timeout(30);
      await assert.rejects(trainer.fit(data, { ...OPTIONS, epochs: 1e6, signal }), { name: 'TimeoutError' });
    });

    test('a signal that is aborted already lets nothing begin', async () => {
      const { model, trainer } = make();
      const before = model.stateDict();
      const reason = { any: 'value' };
      const fitting = trainer.fit(data, { ...OPTIONS, signal: AbortSignal.abort(reason) });
      await assert.rejects(fitting, (error) => error === reason);
      assert.deepEqual(model.stateDict(), before);
    });

    test('what a callback throws comes out, and the trainer goes on', async () => {
      const { trainer } = make();
      const fail = () => {
        throw new RangeError('from the callback');
      };
      for (const name of ['onStep', 'onEpoch']) {
        await assert.rejects(trainer.fit(data, { ...OPTIONS, [name]: fail }), /from the callback/);
        assert.equal((await trainer.fit(data, OPTIONS)).epochs.length, 3);
      }
    });

    for (const [key, layer] of [
      ['0.weight', '"0", linear'],
      ['1.bias', '"1", batchNorm'],
      ['3.weight', '"3", linear'],
    ]) {
      test(`a value that is not finite is found where it first stood: ${layer}`, async () => {
        const model = nl.model(MLP);
        const state = model.stateDict();
        state[key].data[0] = Infinity;
        model.loadStateDict(state);
        const words = [`at step 1 (epoch 1); the first value that is not finite stood in the output of layer ${layer}`];
        const fitted = nl.trainer(model).fit(clusters(16, 8), { epochs: 2, batchSize: 8 });
        await assert.rejects(fitted, failure('diverged', words));
      });
    }

    test('a loss that is no number ends it with a word on the learning rate', async () => {
      const { trainer } = make(WITHOUT_NORM, { lr: 1e20 });
      await assert.rejects(trainer.fit(data, OPTIONS), failure('diverged', ['trainer.fit', 'lr']));
      assert.equal((await make().trainer.fit(data, OPTIONS)).epochs.length, 3);
    });

    test("a last batch of one sample is PyTorch's error under BatchNorm, and no error without", async () => {
      const odd = clusters(17, 21);
      const words = 'Expected more than 1 value per channel when training, got input size [1, 8]';
      const { trainer } = make();
      await assert.rejects(trainer.fit(odd, OPTIONS), failure('shape', words));
      assert.equal((await trainer.fit(odd, { ...OPTIONS, dropLast: true })).loss.length, 6);
      assert.equal((await make(WITHOUT_NORM).trainer.fit(odd, OPTIONS)).loss.length, 9);
    });
  });
});
