import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createEngine } from 'normlab';
import { folder } from './fixtures/idx.js';
import { edited, parts } from './fixtures/safetensors.js';

const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
const main = fileURLToPath(new URL(`../../${manifest.bin.normlab}`, import.meta.url));

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param {string[]} args */
function start(...args) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.on('exit', () => running.delete(child));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => ({ code, signal, ...output }));
  return { child, ended };
}

/** @param {string[]} args */
const normlab = (...args) => start(...args).ended;

/** The document of a run that did what it should. @param {string[]} args */
async function json(...args) {
  const { code, stdout, stderr } = await normlab(...args, '--json');
  assert.deepEqual([code, stderr], [0, '']);
  return JSON.parse(stdout);
}

/** @type {string} */
let directory;
/** @type {string} a folder of 24 + 24 images of 8×8 in three classes */
let tiny;
const path = (/** @type {string} */ name) => join(directory, name);
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'normlab-checkpoint-'));
  tiny = path('tiny');
  await mkdir(tiny);
  for (const [name, bytes] of Object.entries(folder())) await writeFile(join(tiny, name), bytes);
});
after(() => rm(directory, { recursive: true }));

/** Twelve steps an epoch. @param {number} epochs */
const training = (epochs) => [
  'train',
  '--data',
  tiny,
  '--batch-size',
  '2',
  '--epochs',
  `${epochs}`,
  '--optimizer',
  'adamW',
  '--schedule',
  'cosine',
  '--warmup',
  '9',
  '--seed',
  '3',
];

/** What a checkpoint says of its run; it must be whole whenever it is looked at. @param {string} name */
async function runIn(name) {
  const bytes = await readFile(path(name)).catch(() => null);
  return bytes && JSON.parse(parts(bytes).header.__metadata__.run);
}

/**
 * @param {ReturnType<typeof start>} run
 * @param {string} name
 * @param {number} steps that the checkpoint is to have, before the run ends
 */
async function reached({ ended }, name, steps) {
  let over = null;
  ended.then((how) => {
    over = how;
  });
  for (;;) {
    const run = await runIn(name);
    if (run?.progress.steps >= steps) return;
    assert.equal(over, null, `ended before step ${steps}: ${JSON.stringify(over)}`);
    await delay(2);
  }
}

/** A document without times. @param {any} document */
const timeless = ({ epochs, imagesPerSecond: _, ...rest }) => ({
  ...rest,
  epochs: epochs.map(({ seconds: __, imagesPerSecond: ___, ...epoch }) => epoch),
});

describe('a checkpoint', { timeout: 120_000 }, () => {
  test('of a process that is killed: the run goes on and ends bit for bit as one that was not', async () => {
    const args = training(120);
    const whole = await json(...args, '--save', path('whole.safetensors'));
    const kept = ['--checkpoint', path('killed.safetensors'), '--checkpoint-every', '5', '--resume'];
    let last = 0;
    for (const steps of [35, 200]) {
      const run = start(...args, ...kept, '--save', path('killed-model.safetensors'));
      await reached(run, 'killed.safetensors', steps);
      run.child.kill('SIGKILL');
      assert.equal((await run.ended).signal, 'SIGKILL');
      const { progress } = await runIn('killed.safetensors');
      assert.ok(progress.steps >= steps && progress.steps > last && progress.steps < 1440, `${progress.steps} steps`);
      last = progress.steps;
    }
    assert.ok(!(await readdir(directory)).includes('killed-model.safetensors'));
    // Where a process was killed while it wrote, its file is half there.
    await writeFile(path('killed.safetensors.part'), 'half');
    const rest = await json(...args, ...kept, '--save', path('rest.safetensors'));
    assert.deepEqual(timeless(rest), timeless(whole));
    assert.equal(rest.steps, 1440);
    assert.deepEqual(await readFile(path('rest.safetensors')), await readFile(path('whole.safetensors')));
    assert.deepEqual(
      (await readdir(directory)).filter((name) => name.endsWith('.part')),
      [],
    );
  });

  test('is kept on Ctrl-C, and shows the epochs that were', async () => {
    const args = training(200_000);
    const run = start(...args, '--checkpoint', path('stopped.safetensors'), '--json');
    await reached(run, 'stopped.safetensors', 24);
    run.child.kill('SIGINT');
    const { code, stdout } = await run.ended;
    assert.equal(code, 130);
    const { steps, epochs } = JSON.parse(stdout);
    const { progress } = await runIn('stopped.safetensors');
    assert.deepEqual([progress.steps, progress.epochs], [steps, epochs]);
    const again = start(...args, '--checkpoint', path('stopped.safetensors'), '--resume');
    await reached(again, 'stopped.safetensors', steps + 24);
    again.child.kill('SIGINT');
    const shown = await again.ended;
    assert.equal(shown.code, 130);
    assert.match(shown.stdout, new RegExp(`\nresumed after ${steps} steps\n`));
    const rows = shown.stdout.match(/^ +\d+ +\d\.\d{4} /gm).length;
    assert.equal(rows, (await runIn('stopped.safetensors')).progress.epochs.length);
  });

  test('begins anew without --resume; without a file --resume begins', async () => {
    const args = [...training(2), '--checkpoint', path('twice.safetensors')];
    const first = await json(...args, '--resume');
    const { steps } = (await runIn('twice.safetensors')).progress;
    assert.equal(steps, 24);
    assert.deepEqual(timeless(await json(...args)), timeless(first));
    // What is finished stays as it is.
    assert.deepEqual(await json(...args, '--resume'), await json(...args, '--resume'));
    const longer = await json(...training(3), '--checkpoint', path('twice.safetensors'), '--resume');
    assert.equal(longer.epochs.length, 3);
    assert.deepEqual(timeless(longer).epochs.slice(0, 2), timeless(first).epochs);
  });

  test('is not what a run that diverges leaves', async () => {
    const args = [
      'train',
      '--data',
      tiny,
      '--epochs',
      '9',
      '--lr',
      '1e30',
      '--checkpoint',
      path('diverged.safetensors'),
      '--checkpoint-every',
      '1',
    ];
    const { code, stderr } = await normlab(...args);
    assert.equal(code, 1);
    assert.match(stderr, /^normlab train: [^\n]*the loss is [^\n]*\n$/);
    const values = (await createEngine()).safetensors(await readFile(path('diverged.safetensors')));
    const losses = values['figures.steps'].data.filter((_, i) => i % 2 === 0);
    assert.ok(losses.length > 0 && losses.every(Number.isFinite), `${losses}`);
  });

  describe('that cannot be', () => {
    const kept = (name) => ['--checkpoint', path(name)];
    before(async () => {
      await json(...training(1), ...kept('good.safetensors'), '--save', path('model.safetensors'));
      const good = await readFile(path('good.safetensors'));
      await writeFile(path('cut.safetensors'), good.subarray(0, good.length - 9));
      await writeFile(path('empty.safetensors'), '');
      await writeFile(path('garbage.safetensors'), 'garbage '.repeat(20));
      await writeFile(
        path('bent.safetensors'),
        edited(good, ({ __metadata__: all }) => Object.assign(all, { lr: '-1' })),
      );
      await writeFile(
        path('runless.safetensors'),
        edited(good, ({ __metadata__: all }) => Object.assign(all, { run: '{"progress":1}' })),
      );
      await copyFile(path('model.safetensors'), path('a-model.safetensors'));
    });

    for (const [args, words] of [
      [['--resume'], /--resume: there is no --checkpoint FILE/],
      [['--checkpoint-every', '5'], /--checkpoint-every: there is no --checkpoint FILE/],
      [['--checkpoint-every', '0', '--checkpoint', 'good.safetensors'], /--checkpoint-every .*'0' is invalid/],
      [['--checkpoint', 'nowhere/run.safetensors'], /--checkpoint \S+run\.safetensors: cannot write it: ENOENT$/],
      [['--save', 'nowhere/model.safetensors'], /--save \S+model\.safetensors: cannot write it: ENOENT$/],
      [['--save', 'tiny'], /--save \S+tiny: cannot write it: it is no file$/],
      [['--checkpoint', 'tiny'], /--checkpoint \S+tiny: cannot write it: it is no file$/],
      [['--resume', '--checkpoint', 'cut.safetensors'], /--checkpoint \S+cut\.safetensors: .*\(truncated\)$/],
      [['--resume', '--checkpoint', 'empty.safetensors'], /--checkpoint \S+: .*an end at byte 0$/],
      [['--resume', '--checkpoint', 'garbage.safetensors'], /--checkpoint \S+: .*length of the header/],
      [['--resume', '--checkpoint', 'a-model.safetensors'], /not written by normlab train --checkpoint$/],
      [['--resume', '--checkpoint', 'runless.safetensors'], /not written by normlab train --checkpoint$/],
      [['--resume', '--checkpoint', 'bent.safetensors'], /trainer\.loadState: lr: expected a number >= 0, got -1$/],
      [
        ['--resume', '--checkpoint', 'good.safetensors', '--lr', '0.5'],
        /it is of another run: lr 0\.001 and not 0\.5$/,
      ],
      [
        ['--resume', '--checkpoint', 'good.safetensors', '--limit', '20'],
        /it is of another run: data\.train 24 and not 20$/,
      ],
      [
        ['--resume', '--checkpoint', 'good.safetensors', '--optimizer', 'adam'],
        /it is of another run: optimizer "adamW" and not "adam"$/,
      ],
      [
        ['--resume', '--checkpoint', 'good.safetensors', '--norm', 'layer'],
        /it is of another run: norm "batch" and not "layer"$/,
      ],
      [
        ['--resume', '--checkpoint', 'good.safetensors', '--batch-size', '3'],
        /it is of another run: batchSize 2 and not 3$/,
      ],
      [
        ['--resume', '--checkpoint', 'good.safetensors', '--data', 'other'],
        /it is of another run: data\.digest "\w+" and not "\w+"$/,
      ],
    ]) {
      test(`${args.join(' ')}: one line, exit status 2, nothing left`, async () => {
        if (args.includes('other')) {
          await mkdir(path('other'));
          const files = Object.entries(folder());
          // The test images in the place of the training images.
          for (const [i, [name]] of files.entries()) await writeFile(path(join('other', name)), files[(i + 2) % 4][1]);
        }
        const present = await readdir(directory);
        const placed = args.map((arg) => (/\.safetensors$|^tiny$|^other$/.test(arg) ? path(arg) : arg));
        const { code, stdout, stderr } = await normlab(...training(1), ...placed);
        assert.match(stderr, /^normlab train: [^\n]*\n$/);
        assert.match(stderr.trimEnd(), words);
        assert.deepEqual([code, stdout], [2, '']);
        assert.deepEqual(await readdir(directory), present);
      });
    }

    test('where its folder goes away: one line, exit status 1', async () => {
      await mkdir(path('short-lived'));
      const name = join('short-lived', 'run.safetensors');
      const run = start(...training(200_000), ...kept(name), '--checkpoint-every', '1');
      await reached(run, name, 3);
      await rm(path('short-lived'), { recursive: true, maxRetries: 50, retryDelay: 1 });
      const { code, stderr } = await run.ended;
      assert.match(stderr, /^normlab train: --checkpoint \S+run\.safetensors: cannot write it: ENOENT\n$/);
      assert.equal(code, 1);
    });
  });
});

describe('a saved model', { timeout: 120_000 }, () => {
  const saved = () => path('trained.safetensors');
  /** @type {any} */
  let trained;
  before(async () => {
    trained = await json(...training(4), '--save', saved());
  });

  test('is in eval mode and has the test accuracy that was printed', async () => {
    const nl = await createEngine();
    const model = nl.loadModel(await readFile(saved()));
    assert.equal(model.training, false);
    const { test: images } = await nl.loadDirectory(tiny);
    assert.equal(model.evaluate(images).accuracy, trained.testAccuracy);
    nl.dispose();
  });

  test('is what --model takes: compared, checked and trained on', async () => {
    const args = ['--model', saved(), '--data', tiny, '--batch-size', '2'];
    const compared = await json('compare', ...args, '--epochs', '0');
    assert.deepEqual(
      [compared.testAccuracy, compared.testAccuracyTrainMode],
      [trained.testAccuracy, trained.testAccuracyTrainMode],
    );
    assert.deepEqual([compared.preset, compared.norm, compared.seed], [null, null, 3]);
    const further = await json('train', ...args, '--epochs', '1', '--optimizer', 'adamW');
    assert.ok(further.epochs[0].loss < trained.epochs[0].loss);
    const { passed } = await json('check', '--model', saved());
    assert.equal(passed, true);
  });

  for (const [command, content, words] of [
    ['sweep', null, /--model \S+: expected JSON: a sweep trains from new weights/],
    [
      'compare',
      (good) => good.subarray(0, 900),
      /--model \S+: nl\.loadModel: .*\(truncated\)|--model \S+: nl\.loadModel: length of the header/,
    ],
    [
      'compare',
      (good) => edited(good, (header) => delete header.__metadata__),
      /--model \S+: nl\.loadModel: metadata: expected 'normlab'/,
    ],
    [
      'compare',
      (good) => edited(good, ({ __metadata__: all }) => Object.assign(all, { spec: '{"layers":1}' })),
      /--model \S+: expected \{ "layers"/,
    ],
    [
      'compare',
      (good) => edited(good, ({ __metadata__: all }) => Object.assign(all, { training: '1' })),
      /--model \S+: nl\.loadModel: training: expected true or false/,
    ],
    [
      'train',
      (good) => edited(good, ({ __metadata__: all }) => Object.assign(all, { normlab: 'trainer' })),
      /--model \S+: nl\.loadModel: these bytes are of a trainer/,
    ],
  ]) {
    test(`${command}: ${words}: exit status 2`, async () => {
      const name = content ? path('damaged.safetensors') : saved();
      if (content) await writeFile(name, content(await readFile(saved())));
      const { code, stdout, stderr } = await normlab(command, '--model', name, '--data', tiny);
      assert.match(stderr, /^normlab \w+: [^\n]*\n$/);
      assert.match(stderr, words);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }

  test('has its own normalizations', async () => {
    const { code, stderr } = await normlab('compare', '--model', saved(), '--norm', 'group', '--data', tiny);
    assert.match(stderr, /^normlab compare: --norm: \S+ has no \{ "type": "norm" \}/);
    assert.equal(code, 2);
  });
});
