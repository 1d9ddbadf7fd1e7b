import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { runnerImport } from 'vite';

const source = (path) => fileURLToPath(new URL(`../../web/src/${path}`, import.meta.url));
const configFile = fileURLToPath(new URL('../../web/vite.config.ts', import.meta.url));

/** Loads a module of the page in Node: those that do not touch the document. */
async function load(path) {
  const { module } = await runnerImport(source(path), { configFile });
  return module;
}

describe('the table of settings and the hash', () => {
  let table;
  let arms;
  let hash;
  before(async () => {
    arms = await load('app/settings/arms.ts');
    table = await load('app/settings/index.ts');
    hash = await load('app/hash.ts');
  });

  /** Any value that a setting's entry allows. */
  function allowedBy(setting) {
    switch (setting.kind) {
      case 'choice':
        return fc.constantFrom(...setting.choices.map(({ value }) => value));
      case 'number':
        return setting.integer
          ? fc.integer({ min: setting.min, max: setting.max })
          : fc.double({ min: setting.min, max: setting.max, noNaN: true }).map((value) => value + 0);
      case 'list':
        return fc.subarray(
          setting.choices.map(({ value }) => value),
          { minLength: 1 },
        );
      case 'text':
        return fc.stringMatching(setting.pattern);
      case 'custom': {
        const own = Object.fromEntries(arms.ARM_KEYS.map((key) => [key, allowedBy(table.settings[key])]));
        return fc.array(fc.record(own, { requiredKeys: [], noNullPrototype: true }), {
          maxLength: arms.ARM_IDS.length - 1,
        });
      }
      default:
        return fc.boolean();
    }
  }

  function assertWithin(key, value) {
    const setting = table.settings[key];
    if (setting.kind === 'number') {
      assert.ok(value >= setting.min && value <= setting.max, `${key} is ${value}`);
      if (setting.integer) assert.ok(Number.isInteger(value), `${key} is ${value}`);
    } else if (setting.kind === 'choice') {
      assert.ok(setting.choices.some((choice) => choice.value === value));
    } else if (setting.kind === 'list') {
      assert.ok(value.length > 0);
      assert.deepEqual(
        value,
        setting.choices.map((choice) => choice.value).filter((one) => value.includes(one)),
        `${key} is ${value}`,
      );
    } else if (setting.kind === 'text') {
      assert.match(value, setting.pattern);
    } else if (setting.kind === 'custom') {
      assert.ok(value.length < arms.ARM_IDS.length);
      for (const change of value) {
        for (const [own, its] of Object.entries(change)) {
          assert.ok(arms.ARM_KEYS.includes(own), own);
          assertWithin(own, its);
        }
      }
    } else assert.equal(typeof value, 'boolean');
  }

  test('every configuration comes back from its hash', () => {
    const configs = fc.record(
      Object.fromEntries(table.settingKeys.map((key) => [key, allowedBy(table.settings[key])])),
    );
    fc.assert(
      fc.property(configs, (config) => {
        const reading = hash.readHash(hash.writeHash(config));
        assert.deepEqual(reading.config, { ...config });
        assert.deepEqual(reading.problems, []);
      }),
    );
  });

  test('whatever stands in a hash, the configuration is within range', () => {
    const text = fc.oneof(
      fc.string(),
      fc.double().map(String),
      fc.constantFrom('', 'NaN', '1e999', '-0', '0x10', 'norm:group,batch:900;lr:-1,x:y;same;;', 'norm:toString,batch'),
    );
    const hashes = fc.dictionary(fc.constantFrom('v', ...table.settingKeys), text);
    fc.assert(
      fc.property(hashes, (values) => {
        const { config } = hash.readHash(`#${new URLSearchParams(values)}`);
        for (const key of table.settingKeys) assertWithin(key, config[key]);
      }),
    );
  });

  test('every entry has a label, an explanation, and a default and stops within its range', () => {
    for (const key of table.settingKeys) {
      const setting = table.settings[key];
      assert.ok(setting.label && setting.help, key);
      assert.deepEqual(table.parse(setting, table.format(setting, setting.default)), { value: setting.default }, key);
      for (const stop of setting.stops ?? []) assert.deepEqual(table.parse(setting, String(stop)), { value: stop });
      for (const tick of setting.ticks ?? []) assert.ok(setting.stops.includes(tick), `${key}: ${tick} is no stop`);
    }
  });
});

describe('curves of long runs', () => {
  let StepCurve;
  before(async () => {
    ({ StepCurve } = await load('app/state/history.ts'));
  });

  test('short runs are kept step by step', () => {
    const curve = new StepCurve(32);
    for (let step = 1; step <= 1000; step++) curve.push(step, step % 7);
    assert.equal(curve.length, 1000);
    assert.deepEqual([...curve.steps.subarray(0, 3)], [1, 2, 3]);
    assert.deepEqual([...curve.mean.subarray(0, 3)], [1, 2, 3]);
  });

  test('long runs are averaged, none of their steps lost', () => {
    const curve = new StepCurve(32);
    const count = 100_000;
    for (let step = 1; step <= count; step++) curve.push(step, step);
    assert.ok(curve.length <= 1024);
    for (let i = 0; i < curve.length; i++) {
      assert.equal(curve.steps[i], (i + 1) * curve.stride);
      // The mean of the steps of one point, which are consecutive.
      assert.equal(curve.mean[i], curve.steps[i] - (curve.stride - 1) / 2);
    }
    assert.ok(count - curve.steps[curve.length - 1] < curve.stride);
  });

  test('the smoothed curve of a constant is that constant from the first step', () => {
    const curve = new StepCurve(32);
    for (let step = 1; step <= 10; step++) curve.push(step, 2.5);
    for (const value of curve.smooth.subarray(0, 10)) assert.ok(Math.abs(value - 2.5) < 1e-12);
  });
});

describe('what the worker plans', () => {
  test('images are spread over batches evenly, as few as there can be', async () => {
    const { evenParts } = await load('worker/probes.ts');
    for (let batch = 1; batch <= 30; batch++) {
      const parts = evenParts(24, batch);
      assert.equal(
        parts.reduce((sum, part) => sum + part, 0),
        24,
      );
      assert.equal(parts.length, Math.ceil(24 / batch));
      assert.ok(Math.max(...parts) <= batch);
      assert.ok(batch === 1 || Math.min(...parts) >= 2, `a batch of one out of ${batch}`);
    }
  });

  test('evaluations become rarer, so that their number stays small', async () => {
    const { nextEvaluation } = await load('worker/evaluation.ts');
    let count = 0;
    for (let seen = 0; seen < 1e7; seen = nextEvaluation(seen)) count++;
    assert.ok(count > 50 && count < 250, `${count} evaluations in ten million images`);
  });
});

describe('what the page says', () => {
  let explain;
  before(async () => {
    explain = await load('app/state/explain.ts');
  });

  test('how much of their first values is still in the running statistics', () => {
    const config = { norm: 'batch', batch: 32, groups: 8 };
    assert.match(explain.explainModes(config, 0), /still hold their first values/);
    // 0.9 to the power of the steps.
    assert.match(explain.explainModes(config, 1), /After 1 step 90 %/);
    assert.match(explain.explainModes(config, 5), /After 5 steps 59 %/);
    assert.match(explain.explainModes(config, 100), /have forgotten/);
    for (const [norm, words] of [
      ['layer', /LayerNorm takes mean and variance from one image/],
      ['group', /GroupNorm .* each of 8 groups/],
      ['instance', /InstanceNorm takes mean and variance from one channel of one image/],
      ['rms', /RMSNorm .* root mean square, .* no mean/],
    ]) {
      assert.match(explain.explainModes({ ...config, norm }, 5), words);
      assert.match(explain.explainModes({ ...config, norm }, 5), /cannot differ/);
      assert.deepEqual(
        Object.values(explain.modeSources({ ...config, norm })),
        Array(2).fill('statistics of each image'),
      );
    }
  });

  test('which network has no place for InstanceNorm', () => {
    for (const reason of [
      'expected 3D to 5D input (got 2D input)',
      'Expected more than 1 spatial element when training',
    ]) {
      const failure = { name: 'NormlabError', code: 'shape', message: `nl.model: layers[2] (instanceNorm): ${reason}` };
      assert.equal(explain.isAboutNorm(failure), true);
      assert.equal(explain.isAboutBatchSize(failure), false);
      assert.match(explain.remedy(failure, 32, 10_000), /take the small CNN/);
    }
    const other = { name: 'NormlabError', code: 'shape', message: 'nl.model: layers[2] (linear): expected [N, C]' };
    assert.equal(explain.isAboutNorm(other), false);
  });

  test('which batch has the one value per channel that PyTorch refuses', () => {
    const message = 'run.steps: Expected more than 1 value per channel when training, got input size [1, 256]';
    const failure = { name: 'NormlabError', code: 'shape', message };
    assert.match(explain.remedy(failure, 1, 10_000), /Take 2 or more images/);
    assert.match(explain.remedy(failure, 9, 10_000), /last batch of an epoch .* 10000 = 1111 × 9 \+ 1/);
    assert.equal(explain.remedy({ ...failure, message: 'out of memory' }, 1, 10_000), '');
    assert.equal(explain.plainMessage(failure), message.slice('run.steps: '.length));
    assert.equal(explain.plainMessage({ ...failure, message: 'Out of luck: no' }), 'Out of luck: no');
  });
});
