/*
 * What the page's tab Pitfalls computes, against what is known without it: figures that others have published, float64 written
 * out here, exact identities, and the package's own calls made in another way.
 */
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEngine, presetSpec } from 'normlab';
import { loadConfigFromFile, runnerImport } from 'vite';
import { assertWithin } from './support/assertions.js';

const source = (path) => fileURLToPath(new URL(`../../web/src/${path}`, import.meta.url));
const configFile = fileURLToPath(new URL('../../web/vite.config.ts', import.meta.url));

// The page's formulas are made by a plugin, and runnerImport reads no configuration by itself.
const { plugins, resolve } = (await loadConfigFromFile({ command: 'serve', mode: 'test' }, configFile)).config;
const load = async (path) => (await runnerImport(source(path), { plugins, resolve })).module;

const [{ pitfalls }, { Bench }, { toHalf }, { pitfallSettings }, { groups, scenarios }, { found }] = await Promise.all([
  load('worker/pitfalls/table.ts'),
  load('worker/pitfalls/bench.ts'),
  load('worker/pitfalls/half.ts'),
  load('app/settings/pitfall.ts'),
  load('app/views/pitfall/scenarios.ts'),
  load('app/views/pitfall/search.ts'),
]);
const ids = pitfallSettings.pitfall.choices.map(({ value }) => value);

let nl;
let data;
before(async () => {
  nl = await createEngine();
  data = await nl.loadDataset('fashion-mnist');
});
after(() => nl.dispose());

const outcomes = new Map();

/** The outcome of a scenario, computed once; figures by the beginning of their label. */
async function run(id, fixed) {
  const key = `${id} ${fixed}`;
  if (!outcomes.has(key)) outcomes.set(key, await compute(id, fixed));
  const outcome = outcomes.get(key);
  const figure = (start) => {
    const match = outcome.figures.find(({ label }) => label.startsWith(start));
    assert.ok(match, `${key} has no figure "${start}"`);
    return match.value;
  };
  return { ...outcome, figure };
}

async function compute(id, fixed, giveWay = () => new Promise(setImmediate), onShare = () => {}) {
  const bench = new Bench({ nl, images: async () => data, giveWay, onShare });
  try {
    return await pitfalls[id](bench, fixed);
  } finally {
    bench.dispose();
  }
}

const within = (actual, expected, bound, what) => assertWithin([actual], [expected], bound, what);

const mean = (values) => values.reduce((total, value) => total + value, 0) / values.length;
/** With divisor m. */
const variance = (values) => mean(values.map((value) => (value - mean(values)) ** 2));
/** What BatchNorm makes of one channel, in float64. */
const normalized = (values, eps = 1e-5) =>
  values.map((value) => (value - mean(values)) / Math.sqrt(variance(values) + eps));

/** A model trained as the scenarios say that theirs is, by calls of its own. */
function trained(spec, { lr = 0.05, batchSize = 32, steps }) {
  const model = nl.model(spec);
  const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr, momentum: 0.9 } });
  const passes = trainer.start(data.train, { batchSize });
  for (let step = 0; step < steps; step++) passes.steps(1);
  return model;
}

const mlp = (options) => presetSpec('mlp', { seed: 1, ...options });
const first = (set, n) => set.slice(0, n);

describe('the scenarios', () => {
  test('settings, texts and runs are of the same scenarios, in one order', () => {
    assert.ok(ids.length >= 18);
    assert.deepEqual(
      scenarios.map(({ id }) => id),
      ids,
    );
    assert.deepEqual(Object.keys(pitfalls), ids);
  });

  test('each says what is seen, why, what to do, where others have met it, and has code that differs', () => {
    for (const { id, symptom, cause, fix, links, wrong, right } of scenarios) {
      for (const text of [symptom, cause, fix, wrong, right]) assert.ok(text.length > 10, id);
      assert.notEqual(wrong, right, id);
      assert.ok(links.length > 0, id);
      for (const { href } of links) {
        assert.match(
          href,
          /^https:\/\/(github\.com\/[\w.-]+\/[\w.-]+\/(issues|pull)\/\d+|arxiv\.org\/abs\/[\d.]+|discuss\.pytorch\.org\/t\/\d+)$/,
        );
      }
    }
  });

  for (const id of ids) {
    test(`${id}: shows that something is wrong, and with the fix that nothing is`, async () => {
      const broken = await run(id, false);
      const fixed = await run(id, true);
      const wrong = ({ figures }) => figures.filter(({ fine }) => fine === false);
      assert.ok(wrong(broken).length > 0);
      assert.deepEqual(wrong(fixed), []);
      for (const { verdict } of [broken, fixed]) assert.doesNotMatch(verdict, /undefined|\[object/);
      assert.notEqual(broken.verdict, fixed.verdict);
    });
  }

  test('words find scenarios by what is seen, also in part and in any order', () => {
    const idsOf = (query) => found(query).flatMap((group) => group.scenarios.map(({ id }) => id));
    assert.deepEqual(idsOf(''), ids);
    assert.ok(idsOf('nan HALF').includes('half'));
    assert.ok(idsOf('Expected more than 1 value per channel').includes('one-value'));
    assert.ok(idsOf('eps').includes('half'), 'ε may be typed as eps');
    assert.ok(idsOf('syncbatch').includes('replicas'));
    assert.deepEqual(idsOf('quaternion'), []);
    assert.ok(found('keras').length < groups.length);
  });

  test('equal seeds give equal outcomes', async () => {
    for (const id of ['no-running-stats', 'dropout', 'averaged']) {
      assert.deepEqual(await compute(id, false), outcomes.get(`${id} false`) ?? (await compute(id, false)));
    }
  });

  test('what a run makes is freed, also of one that is given up', async () => {
    const stop = new Error('nobody waits');
    const memory = async () => {
      for (const id of ['accumulation', 'averaged', 'pooled']) {
        let turns = 0;
        await compute(id, false);
        const giveUp = async () => {
          if (++turns > 3) throw stop;
        };
        if (id !== 'pooled') await assert.rejects(compute(id, true, giveUp), stop);
      }
      return nl.memory.bytes;
    };
    const once = await memory();
    for (let i = 0; i < 3; i++) await memory();
    assert.equal(nl.memory.bytes, once);
  });

  test('the share that is done rises to 1', async () => {
    const shares = [];
    await compute('learning-rate', true, undefined, (share) => shares.push(share));
    assert.equal(shares.at(-1), 1);
    assert.deepEqual(
      shares,
      [...shares].sort((a, b) => a - b),
    );
  });
});

describe('training and evaluation differ', () => {
  test('forgot-eval: the accuracies are those of evaluate in one go; in eval mode nothing depends on the batch', async () => {
    const [broken, fixed] = [await run('forgot-eval', false), await run('forgot-eval', true)];
    const model = trained(mlp(), { steps: 120 });
    const accuracy = (mode) => model.evaluate(first(data.test, 1000), { batchSize: 4, mode }).accuracy;
    within(broken.figure('test accuracy'), accuracy('train'), 1e-9, 'train mode');
    within(fixed.figure('test accuracy'), accuracy('eval'), 1e-9, 'eval mode');
    const changed = broken.figure('of 32 images');
    assert.ok(changed > 16, `${changed} labels change`);
    assert.equal(fixed.figure('of 32 images'), 0);
    assert.ok(fixed.figure('largest change') < 1e-6);
    const shares = (mode) => {
      model.train(mode === 'train');
      return [0, 1].map((k) => {
        const others = [0, 1, 2].map((i) => 32 + 3 * k + i);
        const logits = model.forward(data.test.batch([0, ...others]).x).data.subarray(0, 10);
        const powers = Array.from(logits, (value) => Math.exp(value - Math.max(...logits)));
        return powers.map((value) => value / powers.reduce((a, b) => a + b));
      });
    };
    const [a, b] = shares('eval');
    assertWithin(a, b, 1e-6, 'one image among others, eval mode');
    const [c, d] = shares('train');
    assert.ok(c.some((value, i) => Math.abs(value - d[i]) > 0.01));
    model.dispose();
  });

  test('same-batch-twice: equal to the last bit; another batch differs as float64 has it', async () => {
    const [broken, fixed] = [await run('same-batch-twice', false), await run('same-batch-twice', true)];
    for (const { figure } of [broken, fixed]) assert.equal(figure('the same batch twice'), 0);
    assert.equal(fixed.figure('the same sample in another batch'), 0);
    assert.equal(fixed.figure('running_mean moved'), 0);
    const x = nl.blobs({ shape: [4], classes: 1, length: 8, noise: 1, seed: 1 }).images;
    const apart = [0, 1, 2, 3].map((c) => {
      const one = Array.from({ length: 8 }, (_, n) => x[4 * n + c]);
      const other = one.map((value, n) => (n === 0 ? value : 2 * value + 1));
      return Math.abs(normalized(one)[0] - normalized(other)[0]);
    });
    within(broken.figure('the same sample in another batch'), Math.max(...apart), 1e-5, 'largest difference');
    // 0.1 of the other batch's mean, the first two batches having mean 0.
    const moved = [0, 1, 2, 3].map((c) => 0.1 * Math.abs((7 - x[c]) / 8));
    within(broken.figure('running_mean moved'), Math.max(...moved), 1e-5, 'running_mean');
  });

  test('cold-statistics: (1 − momentum)ᵗ is left; accuracies are those of evaluate', async () => {
    const [broken, fixed] = [await run('cold-statistics', false), await run('cold-statistics', true)];
    within(broken.figure('of the first values'), 0.7397, 5e-5, '0.99 ** 30');
    within(fixed.figure('of the first values'), 0.0424, 5e-5, '0.9 ** 30');
    const layers = [{ type: 'flatten' }];
    for (let i = 0; i < 6; i++) {
      layers.push({ type: 'linear', outFeatures: 64 }, { type: 'batchNorm', momentum: 0.01 }, { type: 'relu' });
    }
    layers.push({ type: 'linear', outFeatures: 10 });
    const model = trained({ input: [1, 28, 28], seed: 1, layers }, { steps: 30, batchSize: 64 });
    const sample = first(data.test, 500);
    within(broken.figure('test accuracy in eval mode'), model.evaluate(sample).accuracy, 1e-9, 'eval');
    const { accuracy } = model.evaluate(sample, { mode: 'train', batchSize: 50 });
    within(broken.figure('the same in train mode'), accuracy, 1e-9, 'train');
    // Momentum changes what is kept, not what is learnt.
    within(fixed.figure('the same in train mode'), accuracy, 1e-9, 'train, with the fix');
    assert.ok(fixed.figure('test accuracy in eval mode') > broken.figure('test accuracy in eval mode') + 0.05);
    model.dispose();
  });

  test('no-running-stats: depends on the batch in eval mode, and one image is refused in PyTorch’s words', async () => {
    const [broken, fixed] = [await run('no-running-stats', false), await run('no-running-stats', true)];
    assert.match(broken.message, /^Expected more than 1 value per channel when training, got input size \[1, 256\]/);
    assert.equal(fixed.message, undefined);
    assert.equal(fixed.figure('of 32 images'), 0);
    // Without running statistics eval mode is train mode: the same labels change as where eval() was forgotten.
    assert.equal(broken.figure('of 32 images'), (await run('forgot-eval', false)).figure('of 32 images'));
  });

  test('thawed: 60 batches are counted, with the fix none, and nothing moves', async () => {
    const [broken, fixed] = [await run('thawed', false), await run('thawed', true)];
    assert.equal(broken.figure('num_batches_tracked'), 60);
    assert.ok(broken.figure('running_mean') > 0.1);
    for (const what of ['num_batches_tracked', 'running_mean', 'running_var']) assert.equal(fixed.figure(what), 0);
    const model = trained(mlp(), { steps: 150 });
    const { accuracy } = model.evaluate(first(data.test, 1000));
    for (const { figure } of [broken, fixed])
      within(figure('accuracy on the old task before'), accuracy, 1e-9, 'before');
    assert.ok(broken.figure('accuracy on the old task after') < accuracy - 0.05);
    model.dispose();
  });

  test('class-sorted: the accuracies are those of evaluate, which sorts by itself', async () => {
    const [broken, fixed] = [await run('class-sorted', false), await run('class-sorted', true)];
    const model = trained(mlp(), { steps: 150 });
    const accuracy = (mode, sortByClass) =>
      model.evaluate(first(data.test, 1000), { batchSize: 32, mode, sortByClass }).accuracy;
    within(broken.figure('accuracy, batches shuffled'), accuracy('train', false), 1e-9, 'shuffled');
    within(broken.figure('accuracy, the same images'), accuracy('train', true), 1e-9, 'sorted');
    assert.ok(accuracy('train', true) < accuracy('train', false) - 0.3);
    assert.equal(fixed.figure('accuracy, the same images'), fixed.figure('accuracy, batches shuffled'));
    within(fixed.figure('accuracy, batches shuffled'), accuracy('eval', true), 1e-9, 'eval mode');
    model.dispose();
  });
});

describe('small or odd batches', () => {
  test('one-value: 65 images in batches of 32 stop at the third, in PyTorch’s words', async () => {
    const [broken, fixed] = [await run('one-value', false), await run('one-value', true)];
    assert.equal(broken.figure('batches of the epoch'), '32 + 32 + 1');
    assert.match(broken.message, /^Expected more than 1 value per channel when training, got input size \[1, 256\]/);
    assert.equal(fixed.figure('batches of the epoch'), '32 + 32');
    assert.equal(fixed.message, undefined);
    for (const { figure } of [broken, fixed]) assert.equal(figure('steps made'), 2);
  });

  test('pooled: m is 1 and 14 · 14; the shapes are taken and refused as PyTorch 1.13 does', async () => {
    const [broken, fixed] = [await run('pooled', false), await run('pooled', true)];
    assert.equal(broken.figure('m, values'), 1);
    assert.equal(broken.figure('steps made'), 0);
    assert.match(
      broken.message,
      /^Expected more than 1 value per channel when training, got input size \[1, 16, 1, 1\]/,
    );
    assert.equal(fixed.figure('m, values'), 14 * 14);
    assert.equal(fixed.figure('steps made'), 20);
    assert.deepEqual(broken.table.rows, [
      ['[1, 16]', 1, 'refused', 'taken'],
      ['[1, 16, 1]', 1, 'refused', 'taken'],
      ['[1, 16, 2]', 2, 'taken', 'taken'],
      ['[1, 16, 1, 1]', 1, 'refused', 'taken'],
      ['[2, 16, 1, 1]', 2, 'taken', 'taken'],
      ['[1, 16, 7, 7]', 49, 'taken', 'taken'],
    ]);
  });

  test('last-batch: each of two images is 5 % of the statistics, each of 64 0.16 %', async () => {
    const [broken, fixed] = [await run('last-batch', false), await run('last-batch', true)];
    within(broken.figure('share of each'), 0.05, 1e-12, 'of 2');
    within(fixed.figure('share of each'), 0.0015625, 1e-12, 'of 64');
    // An average of 64 cannot change by more than a few per cent in a tenth of it; one of 2 does.
    assert.ok(broken.figure('running_var moved') > 4 * fixed.figure('running_var moved'));
    assert.ok(fixed.figure('running_var moved') < 0.05);
  });

  test('accumulation: the gradient is the mean of those of the micro-batches, which is that of the batch with GroupNorm', async () => {
    for (const fixed of [false, true]) {
      const { figure } = await run('accumulation', fixed);
      const model = nl.model(mlp({ norm: fixed ? 'group' : 'batch' }));
      const gradient = (indices) => {
        const { x, labels } = data.train.batch(indices);
        const { grads } = model.gradients(x, labels);
        return model.parameters.flatMap(({ key }) => [...grads[key].data]);
      };
      const all = Array.from({ length: 32 }, (_, i) => i);
      const whole = gradient(all);
      const split = new Float64Array(whole.length);
      for (let k = 0; k < 8; k++) {
        gradient(all.slice(4 * k, 4 * k + 4)).forEach((value, i) => {
          split[i] += value / 8;
        });
      }
      const length = (values) => Math.hypot(...[0, 1, 2, 3].map((part) => Math.sqrt(sumOfSquares(values, part, 4))));
      const expected = length(split.map((value, i) => value - whole[i])) / length(whole);
      within(figure('gradient of one batch'), expected, 1e-4, `fixed: ${fixed}`);
      if (fixed) assert.ok(figure('gradient of one batch') < 1e-5 && figure('training loss') < 1e-4);
      else assert.ok(figure('gradient of one batch') > 0.1 && figure('training loss') > 0.05);
      model.dispose();
    }
  });

  test('replicas: eight shards are eight micro-batches; synchronized they are one device', async () => {
    const [broken, fixed] = [await run('replicas', false), await run('replicas', true)];
    const accumulated = (await run('accumulation', false)).figure('gradient of one batch');
    within(broken.figure('gradient of one batch'), accumulated, 1e-4, 'as accumulated');
    assert.ok(fixed.figure('gradient of one batch') < 1e-5);
    assert.ok(fixed.figure('training loss') < 1e-4);
  });

  test('leak: the gradient in other samples is that of the formula; with LayerNorm it is exactly 0', async () => {
    const [broken, fixed] = [await run('leak', false), await run('leak', true)];
    for (const what of ['of the gradient', 'output of sample 0']) assert.equal(fixed.figure(what), 0);
    const [N, C] = [8, 16];
    const x = nl.blobs({ shape: [C], classes: 1, length: N, noise: 1, seed: 4 }).images;
    const dy = nl.blobs({ shape: [1], classes: 1, length: C, noise: 1, seed: 5 }).images;
    const squares = new Float64Array(N);
    for (let c = 0; c < C; c++) {
      const values = Array.from({ length: N }, (_, n) => x[C * n + c]);
      const [xhat, invstd] = [normalized(values), 1 / Math.sqrt(variance(values) + 1e-5)];
      for (let n = 0; n < N; n++) {
        const own = n === 0 ? dy[c] : 0;
        squares[n] += (invstd * (own - dy[c] / N - (xhat[n] * dy[c] * xhat[0]) / N)) ** 2;
      }
    }
    const sizes = Array.from(squares, Math.sqrt);
    const share = sizes.slice(1).reduce((a, b) => a + b) / sizes.reduce((a, b) => a + b);
    within(broken.figure('of the gradient'), share, 1e-5, 'share');
    assert.ok(broken.figure('output of sample 0') > 0.01);
  });
});

function sumOfSquares(values, part, parts) {
  let total = 0;
  for (let i = part; i < values.length; i += parts) total += values[i] ** 2;
  return total;
}

describe('statistics and momentum', () => {
  test('momentum: running_mean is off as σ/√N · √(momentum / (2 − momentum)) says', async () => {
    for (const [fixed, weight] of [
      [false, 0.9],
      [true, 0.1],
    ]) {
      const { figure, plot } = await run('momentum', fixed);
      assert.equal(figure('weight of the newest'), weight);
      const theory = (2 / Math.sqrt(8)) * Math.sqrt(weight / (2 - weight));
      // Of 240 batches, hence to some 10 %.
      within(figure('running_mean is off by') / theory, 1, 0.2, `momentum ${weight}`);
      const x = nl.blobs({ shape: [1], classes: 1, length: 2400, noise: 1, seed: 6 }).images;
      let running = 0;
      const expected = Array.from({ length: 100 }, (_, i) => {
        running += weight * (mean(Array.from(x.subarray(8 * i, 8 * i + 8), (value) => 5 + 2 * value)) - running);
        return running;
      });
      assertWithin(plot.curves.find(({ label }) => label === 'running_mean').y, expected, 1e-5, 'running_mean');
    }
  });

  test('cumulative: half of the statistics are of the first half of the training; eval mode is behind', async () => {
    const [broken, fixed] = [await run('cumulative', false), await run('cumulative', true)];
    assert.equal(broken.figure('of the statistics'), 0.5);
    within(fixed.figure('of the statistics'), 0.9 ** 100, 1e-12, 'momentum 0.1');
    // The weights are the same: what is kept for eval mode has no part in training.
    assert.equal(broken.figure('the same in train mode'), fixed.figure('the same in train mode'));
    assert.ok(broken.figure('test accuracy in eval mode') < fixed.figure('test accuracy in eval mode') - 0.03);
  });

  // https://github.com/pytorch/pytorch/issues/60528 and https://github.com/pytorch/pytorch/issues/19916
  test('unbiased: 1.1667 and 1.15, as pytorch 60528 has them, and the gap of pytorch 19916', async () => {
    const [broken, fixed] = [await run('unbiased', false), await run('unbiased', true)];
    within(broken.figure('running_var of the layer'), 1.1667, 5e-5, 'kept');
    within(broken.figure('computed by hand'), 1.15, 1e-12, 'biased');
    within(fixed.figure('computed by hand'), 1.1667, 5e-5, 'times m / (m − 1)');
    assert.equal(fixed.figure('apart'), 0);
    // 1, 3, 3 have the largest output, √2; in eval mode it is √(2/3) of that.
    within(broken.figure('after one batch'), Math.SQRT2 * (1 - Math.sqrt(2 / 3)), 1e-4, 'unbiased');
    assert.ok(fixed.figure('after one batch') < 1e-5);
  });

  test('averaged: weights that were never used have no statistics until they are measured', async () => {
    const [broken, fixed] = [await run('averaged', false), await run('averaged', true)];
    for (const what of ['last checkpoint', 'averaged weights, train mode']) {
      assert.equal(broken.figure(what), fixed.figure(what), what);
    }
    assert.ok(fixed.figure('averaged weights, eval') > broken.figure('averaged weights, eval') + 0.03);
    assert.ok(Math.abs(fixed.figure('averaged weights, eval') - fixed.figure('averaged weights, train')) < 0.05);
  });
});

describe('numerics', () => {
  // https://github.com/pytorch/pytorch/issues/40302
  test('cancellation: of pytorch 40302 the variance 1e-4 is a step of float32 or none', async () => {
    const [broken, fixed] = [await run('cancellation', false), await run('cancellation', true)];
    const naive = broken.figure('variance');
    assert.ok(Number.isInteger(naive * 1024), 'float32 has steps of 2^-10 about 10,000');
    assert.ok(Math.abs(naive - 1e-4) > 5e-5);
    within(fixed.figure('variance'), 1e-4, 2e-7, 'two passes');
    within(fixed.figure('standard deviation'), Math.sqrt(1e-4 / 1.1e-4), 1e-3, 'output');
    assert.ok(!(Math.abs(broken.figure('standard deviation') - 0.9535) < 0.5), 'NaN or far too large');
  });

  test('half: numbers round to those of IEEE binary16', () => {
    const cases = [
      [1e-8, 0],
      [2.98e-8, 0],
      [3e-8, 2 ** -24],
      [1e-7, 2 ** -23],
      [1e-5, 1.00135803222656e-5],
      [0.1, 0.0999755859375],
      [2049, 2048],
      [2051, 2052],
      [-1.0009765625, -1.0009765625],
      [65504, 65504],
      [65519, 65504],
      [65520, Infinity],
      [-1e6, -Infinity],
      [0, 0],
    ];
    for (const [value, expected] of cases) within(toHalf(value), expected, 1e-19, String(value));
    assert.ok(Number.isNaN(toHalf(Number.NaN)));
  });

  test('half: the two channels that do not vary are NaN with 1e-8, and float32 takes them', async () => {
    const [broken, fixed] = [await run('half', false), await run('half', true)];
    assert.equal(broken.figure('ε as half precision'), 0);
    assert.equal(broken.figure('outputs that are no number'), 16);
    within(fixed.figure('ε as half precision'), 1.00135803222656e-5, 1e-19, 'ε');
    assert.equal(fixed.figure('outputs that are no number'), 0);
    for (const { figure } of [broken, fixed]) assert.equal(figure('the same ε in float32'), 0);
  });

  test('backward: the whole formula agrees with finite differences, and its sums vanish', async () => {
    const [broken, fixed] = [await run('backward', false), await run('backward', true)];
    assert.ok(fixed.figure('dx against') < 1e-5);
    for (const what of ['sum of dx over', 'sum of dx · x̂']) within(fixed.figure(what), 0, 1e-5, what);
    // Without the two terms the sum is that of dy, over the deviation of 1: 8 · 0.25.
    within(broken.figure('sum of dx over'), 2, 1e-4, 'sum of dy');
    assert.ok(broken.figure('dx against') > 0.1);
  });

  test('learning-rate: at 0.3 without normalization it guesses, with BatchNorm it learns', async () => {
    const [broken, fixed] = [await run('learning-rate', false), await run('learning-rate', true)];
    assert.ok(broken.figure('the same at 0.3') < 0.25);
    const last = broken.figure('last training loss');
    assert.ok(Number.isNaN(last) || Math.abs(last - Math.log(10)) < 0.3, `${last}`);
    const model = trained(mlp(), { lr: 0.3, steps: 100 });
    within(fixed.figure('the same at 0.3'), model.evaluate(first(data.test, 1000)).accuracy, 1e-9, 'at 0.3');
    assert.ok(fixed.figure('the same at 0.3') > 0.5);
    model.dispose();
  });
});

describe('architecture and deployment', () => {
  test('one-group: one mean an image against one a position; GroupNorm(1, C) is LayerNorm([C, H, W])', async () => {
    const [broken, fixed] = [await run('one-group', false), await run('one-group', true)];
    assert.equal(broken.figure('means and variances'), 2);
    assert.equal(fixed.figure('means and variances'), 2 * 4 * 4);
    for (const { figure } of [broken, fixed]) assert.ok(figure('GroupNorm(1, C) against') < 1e-6);
    assert.ok(broken.figure('largest difference from') > 0.1);
    assert.ok(fixed.figure('largest difference from') < 1e-5);
  });

  // https://arxiv.org/abs/1801.05134
  test('dropout: the variances are as the share that is kept', async () => {
    const [broken, fixed] = [await run('dropout', false), await run('dropout', true)];
    within(broken.figure('running_var'), 1 / 0.7, 0.01, 'in training');
    within(broken.figure('variance in eval mode'), 0.7, 0.005, 'ratio');
    within(broken.figure('variance of the output'), 0.7, 0.005, 'output');
    within(fixed.figure('variance in eval mode'), 1, 0.001, 'ratio, dropout behind');
  });

  test('bias: its gradient is rounding, it moves nothing, and 16 of them are saved', async () => {
    const [broken, fixed] = [await run('bias', false), await run('bias', true)];
    assert.ok(
      broken.figure('largest gradient of its bias') < 1e-5 * broken.figure('largest gradient of the convolution'),
    );
    assert.ok(broken.figure('adding 10') < 1e-4);
    assert.equal(broken.figure('parameters'), 16 * 9 + 16 + 2 * 16 + 170);
    assert.equal(fixed.figure('parameters'), 16 * 9 + 2 * 16 + 170);
  });

  test('folding: the difference is that of compareModes; in eval mode it is rounding', async () => {
    const [broken, fixed] = [await run('folding', false), await run('folding', true)];
    const model = trained(mlp(), { steps: 100 });
    const { logits, changed } = model.compareModes(data.test.batch(Array.from({ length: 32 }, (_, i) => i)).x);
    const apart = Math.max(...logits.train.data.map((value, i) => Math.abs(value - logits.eval.data[i])));
    within(broken.figure('largest difference'), apart, 1e-3, 'train against eval');
    assert.equal(broken.figure('of 32 images'), changed.length);
    assert.ok(fixed.figure('largest difference') < 1e-4);
    assert.equal(fixed.figure('of 32 images'), 0);
    model.dispose();
  });
});
