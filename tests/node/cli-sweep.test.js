import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { appendFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { folder } from './fixtures/idx.js';

const main = fileURLToPath(new URL('../../wasm/cli/main.js', import.meta.url));

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param {string[]} args */
function start(...args) {
  const child = spawn(process.execPath, [main, 'sweep', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.on('exit', () => running.delete(child));
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code]) => ({ code, ...output }));
  return { child, output, ended };
}

const sweep = (...args) => start(...args).ended;

/** The one document that `--json` prints; nothing else may be on stdout or stderr. */
async function json(...args) {
  const { code, stdout, stderr } = await sweep(...args, '--json');
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return JSON.parse(stdout);
}

/** @type {string} */
let directory;
/** @type {string[]} options of a sweep over four runs of a moment */
let tiny;
const path = (name) => join(directory, name);
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'normlab-sweep-'));
  for (const name of ['images', 'elsewhere', 'other']) {
    const files = folder();
    if (name === 'other') files['train-images-idx3-ubyte'][100] ^= 1;
    await mkdir(path(name));
    for (const [file, bytes] of Object.entries(files)) await writeFile(join(path(name), file), bytes);
  }
  tiny = ['--data', path('images'), '--norm', 'batch,group', '--batch-size', '4,12', '--epochs', '1', '--workers', '1'];
});
after(() => rm(directory, { recursive: true }));

/** Without what depends on the clock. */
const figures = (runs) =>
  runs.map(({ seconds: _, imagesPerSecond: __, history, ...run }) => ({
    ...run,
    loss: history.epochs.map((e) => e.loss),
  }));

const linesOf = async (name) => (await readFile(path(name), 'utf8')).split('\n').slice(0, -1);

describe('sweep', { timeout: 60_000 }, () => {
  test('--json prints one document', async () => {
    const { runs, means, seconds, variant, version, ...rest } = await json(...tiny, '--seed', '0,3', '--groups', '4');
    assert.match(rest.data.digest, /^[0-9a-f]{16}$/);
    assert.deepEqual(rest, {
      command: 'sweep',
      preset: 'mlp',
      model: null,
      modelDigest: null,
      groups: 4,
      placement: 'before',
      epochs: 1,
      dropLast: false,
      optimizer: 'sgd',
      lr: 0.02,
      momentum: 0.9,
      weightDecay: 0,
      schedule: 'linear',
      scaleLr: true,
      data: { name: path('images'), train: 24, test: 24, digest: rest.data.digest },
      norms: ['batch', 'group'],
      batchSizes: [4, 12],
      seeds: [0, 3],
      shard: null,
      workers: 1,
      interrupted: false,
      notes: [],
    });
    assert.ok(seconds > 0 && variant && version);
    assert.deepEqual(
      runs.map(({ norm, batchSize, seed, lr }) => [norm, batchSize, seed, lr]),
      ['batch', 'group'].flatMap((norm) =>
        [4, 12].flatMap((n) => [0, 3].map((seed) => [norm, n, seed, (0.02 * n) / 32])),
      ),
    );
    for (const { history, testError } of runs) {
      assert.deepEqual(Object.keys(history), ['epochs']);
      assert.ok(testError >= 0 && testError <= 1);
    }
    assert.equal(means.length, 4);
    const [{ testError }] = means;
    assert.ok(Math.abs(testError - (runs[0].testError + runs[1].testError) / 2) < 1e-12);
    assert.deepEqual([means[0].runs, means[0].failed], [2, 0]);
  });

  test('prints a table without --json', async () => {
    const { code, stdout, stderr } = await sweep(...tiny);
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    assert.match(
      lines[0],
      /^mlp; 1 epochs, lr 0\.02, momentum 0\.9, linear schedule \(the rate for batches of 32, .*\), seed 0$/,
    );
    assert.match(lines[1], /^.*images: 24 training and 24 test images; (scalar|simd|relaxed) module$/);
    assert.match(lines[3], /^test error at batch size +4 +12$/);
    assert.match(lines[4], /^BatchNorm +(\d+\.\d\d %\s*){2}$/);
    assert.match(lines[5], /^ {2}in train mode +(\d+\.\d\d %\s*){2}$/);
    assert.match(lines[6], /^GroupNorm +(\d+\.\d\d %\s*){2}$/);
    assert.match(lines.at(-1), /^4 of 4 runs in \d+\.\d s$/);
  });

  test('takes the options of train', async () => {
    const args = [
      '--optimizer',
      'adamW',
      '--lr',
      '0.01',
      '--schedule',
      'cosine',
      '--placement',
      'after',
      '--limit',
      '12',
    ];
    const { runs, ...rest } = await json(...tiny, ...args, '--drop-last', '--preset', 'smallcnn');
    assert.deepEqual(
      [rest.optimizer, rest.lr, rest.schedule, rest.scaleLr, rest.placement, rest.data.train, rest.preset],
      ['adamW', 0.01, 'cosine', false, 'after', 12, 'smallcnn'],
    );
    assert.deepEqual(new Set(runs.map(({ lr }) => lr)), new Set([0.01]));
    const sampling = ['--sort-by-class', '--sort-test-by-class', '--crop', '2', '--flip'];
    const { sortByClass, sortTestByClass, crop, flip } = await json(...tiny, '--epochs', '0', ...sampling);
    assert.deepEqual([sortByClass, sortTestByClass, crop, flip], [true, true, 2, true]);
    const scaled = await json(...tiny, '--lr', '0.32', '--scale-lr');
    assert.deepEqual(new Set(scaled.runs.map(({ lr }) => lr)), new Set([0.04, 0.12]));
  });

  test('takes a model file, with or without a place for the normalization', async () => {
    const head = [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }];
    await writeFile(path('open.json'), JSON.stringify({ layers: [{ type: 'norm' }, ...head] }));
    const open = await json(...tiny, '--model', path('open.json'), '--groups', '1');
    assert.deepEqual([open.preset, open.model, open.runs.length], [null, path('open.json'), 4]);
    await writeFile(path('closed.json'), JSON.stringify({ layers: head }));
    const data = ['--data', path('images'), '--epochs', '1'];
    const closed = await json('--model', path('closed.json'), ...data, '--batch-size', '4,8');
    assert.deepEqual(
      closed.runs.map(({ norm, batchSize }) => [norm, batchSize]),
      [
        [null, 4],
        [null, 8],
      ],
    );
    const { code, stderr } = await sweep('--model', path('closed.json'), ...data, '--norm', 'layer');
    assert.match(stderr, /^normlab sweep: --norm: .*closed\.json has no \{ "type": "norm" \}/);
    assert.equal(code, 2);
  });

  test('runs that fail are said, and the status is 1 where all do', async () => {
    const { code, stdout } = await sweep(...tiny, '--groups', '7');
    assert.equal(code, 0);
    assert.match(stdout, /GroupNorm +– +–\n/);
    assert.match(stdout, /\nnote: group at batch size 4, seed 0; group at batch size 12, seed 0 failed: .*7/);
    const diverged = await sweep(...tiny, '--lr', '1e30', '--norm', 'none', '--json');
    assert.deepEqual([diverged.code, diverged.stderr], [1, '']);
    const { runs, means } = JSON.parse(diverged.stdout);
    assert.deepEqual(
      runs.map(({ error, testError }) => [error.code, testError]),
      [
        ['diverged', null],
        ['diverged', null],
      ],
    );
    assert.deepEqual([means[0].testError, means[0].failed], [null, 1]);
  });

  test('Ctrl-C prints what is finished and leaves it in the file', async () => {
    const args = ['--data', path('images'), '--norm', 'none', '--batch-size', '24,1,2', '--epochs', '5000', '--json'];
    const { child, ended } = start(...args, '--out', path('stopped.jsonl'), '--workers', '2');
    setTimeout(() => child.kill('SIGINT'), 2500);
    const { code, stdout, stderr } = await ended;
    assert.deepEqual([code, stderr], [130, '']);
    const { runs, interrupted } = JSON.parse(stdout);
    assert.equal(interrupted, true);
    assert.equal((await linesOf('stopped.jsonl')).length, runs.length);
  });

  const { error: noTerminal } = spawnSync('script', ['--version']);
  const skip = noTerminal && !process.env.CI && 'install bsdutils, whose script(1) gives a terminal';
  test('shows a bar on a terminal, unless --quiet', { skip }, () => {
    const onTerminal = (...args) => {
      const command = [process.execPath, main, 'sweep', ...args].map((arg) => `'${arg}'`).join(' ');
      return spawnSync('script', ['-qec', command, '/dev/null'], { encoding: 'utf8' }).stdout;
    };
    assert.match(onTerminal(...tiny), /run \d\/4 \[.*\d% · .* left/);
    assert.doesNotMatch(onTerminal(...tiny, '--quiet'), /run \d\/4/);
  });

  const wrong = [
    [['--norm', 'batch,spectral'], /--norm .*'batch,spectral' is invalid. Expected a list of batch, layer/],
    [['--norm', 'batch,batch'], /--norm .*Expected each value once/],
    [['--batch-size', '2,,4'], /--batch-size .*'2,,4' is invalid. Expected an integer from 1/],
    [['--seed', '0,-1'], /--seed .*is invalid/],
    [['--shard', '0/4'], /--shard .*'0\/4' is invalid. Expected i\/n/],
    [['--shard', '5/4'], /--shard .*'5\/4' is invalid/],
    [['--crop', '28', '--limit', '10'], /--crop 28: nl\.sweep: augment: crop must be less than/],
    [['--workers', '-1'], /--workers .*is invalid/],
    [['--merge', '/nowhere'], /--merge \/nowhere: cannot read it: ENOENT/],
    [['--merge', '/nowhere', '--epochs', '3'], /--epochs: --merge trains nothing/],
    [['--out', '/nowhere/x.jsonl', '--limit', '10'], /--out \/nowhere\/x\.jsonl: cannot write it: ENOENT/],
    [['--optimizer', 'adam', '--momentum', '0.5'], /--momentum: adam has none/],
  ];
  for (const [args, message] of wrong) {
    test(`${args.join(' ')} exits with 2`, async () => {
      const { code, stdout, stderr } = await sweep(...args);
      assert.match(stderr, /^normlab sweep: [^\n]+\n$/);
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }
});

describe('a file of runs', { timeout: 60_000 }, () => {
  test('is resumed, whatever its last line has lost', async () => {
    const whole = await json(...tiny, '--out', path('whole.jsonl'));
    const lines = await linesOf('whole.jsonl');
    assert.equal(lines.length, 4);
    const first = JSON.parse(lines[0]);
    assert.deepEqual(Object.keys(first), ['settings', 'sweep', 'run']);
    // Runs that were not trained again are known by their times.
    for (const [cut, kept] of [
      [lines[1].length + 1, 2],
      [lines[1].length, 2],
      [lines[1].length - 1, 1],
      [9, 1],
      [1, 1],
      [0, 1],
    ]) {
      await writeFile(path('torn.jsonl'), `${lines[0]}\n${`${lines[1]}\n`.slice(0, cut)}`);
      const resumed = await json(...tiny, '--out', path('torn.jsonl'));
      assert.deepEqual(figures(resumed.runs), figures(whole.runs));
      const after = await linesOf('torn.jsonl');
      assert.deepEqual(after.slice(0, kept), lines.slice(0, kept), `cut at ${cut}`);
      assert.equal(after.length, 4);
      assert.deepEqual(
        figures(after.map((line) => JSON.parse(line).run)),
        figures(lines.map((line) => JSON.parse(line).run)),
      );
    }
    const text = await readFile(path('whole.jsonl'), 'utf8');
    const again = await json(...tiny, '--out', path('whole.jsonl'));
    assert.deepEqual(again.runs, whole.runs);
    assert.equal(await readFile(path('whole.jsonl'), 'utf8'), text);
    // More of the same settings is added.
    const more = await json(...tiny, '--seed', '0,1', '--out', path('whole.jsonl'));
    assert.equal(more.runs.length, 8);
    assert.equal((await linesOf('whole.jsonl')).length, 8);
  });

  test('of other settings is refused and left as it is', async () => {
    await json(...tiny, '--out', path('settings.jsonl'));
    const text = await readFile(path('settings.jsonl'), 'utf8');
    for (const [args, message] of [
      [['--epochs', '2'], /its runs are of other settings: epochs 1 and not 2; give another file/],
      [['--lr', '0.02', '--schedule', 'linear'], /scaleLr true and not false/],
      [['--schedule', 'constant'], /schedule "linear" and not none/],
      [['--preset', 'smallcnn'], /preset "mlp" and not "smallcnn"/],
      [['--data', path('other')], /data\.digest "[0-9a-f]+" and not "[0-9a-f]+"/],
      [['--variant', 'scalar'], /variant "(simd|relaxed)" and not "scalar"/],
    ]) {
      const { code, stdout, stderr } = await sweep(...tiny, ...args, '--out', path('settings.jsonl'));
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, '']);
    }
    await json(...tiny, '--data', path('elsewhere'), '--out', path('settings.jsonl'));
    assert.equal(await readFile(path('settings.jsonl'), 'utf8'), text);
  });

  test('that is none of a sweep is refused and left as it is', async () => {
    for (const content of ['hello', 'hello\n', '{"settings":{}}\n', `${'x'.repeat(50)}\n{"sett`]) {
      await writeFile(path('none.jsonl'), content);
      const { code, stderr } = await sweep(...tiny, '--out', path('none.jsonl'));
      assert.match(stderr, /--out .*none\.jsonl: line 1 is not a finished run of a sweep/);
      assert.equal(code, 2);
      assert.equal(await readFile(path('none.jsonl'), 'utf8'), content);
    }
  });
});

describe('shards', { timeout: 60_000 }, () => {
  test('merged are the whole, and what is missing or twice there is said', async () => {
    const whole = await json(...tiny, '--seed', '0,1');
    const files = [1, 2, 3].map((i) => path(`shard-${i}.jsonl`));
    const shards = await Promise.all(
      files.map((file, i) => json(...tiny, '--seed', '0,1', '--shard', `${i + 1}/3`, '--out', file)),
    );
    assert.deepEqual(shards.map(({ runs, shard }) => [runs.length, shard.index, shard.count]).sort(), [
      [2, 3, 3],
      [3, 1, 3],
      [3, 2, 3],
    ]);
    const merged = await json('--merge', ...files);
    assert.deepEqual(figures(merged.runs), figures(whole.runs));
    assert.deepEqual(merged.means, whole.means);
    assert.deepEqual([merged.missing, merged.duplicates, merged.notes], [[], [], []]);
    assert.deepEqual([merged.norms, merged.batchSizes, merged.seeds], [whole.norms, whole.batchSizes, whole.seeds]);

    const part = await json('--merge', files[2], files[1], files[1]);
    assert.equal(part.runs.length, 5);
    assert.deepEqual([part.missing.length, part.duplicates.length], [3, 3]);
    const { code, stdout } = await sweep('--merge', files[2], files[1], files[1]);
    assert.equal(code, 0);
    assert.match(stdout, /\nnote: 3 of 8 runs are missing: batch at batch size/);
    assert.match(stdout, /\nnote: 3 runs are there twice: /);
  });

  test('of different settings are not merged, and a torn line is left out', async () => {
    const [one, other] = [path('one.jsonl'), path('another.jsonl')];
    await json(...tiny, '--norm', 'none', '--out', one);
    await json(...tiny, '--norm', 'none', '--weight-decay', '0.1', '--out', other);
    const { code, stderr } = await sweep('--merge', one, other);
    assert.match(
      stderr,
      /--merge .*another\.jsonl: .*of other settings than .*one\.jsonl's: weightDecay 0\.1 and not 0\n$/,
    );
    assert.equal(code, 2);
    await appendFile(one, '{"settings":{"pre');
    assert.equal((await json('--merge', one)).runs.length, 2);
    await writeFile(path('empty.jsonl'), '');
    assert.match((await sweep('--merge', path('empty.jsonl'))).stderr, /there is no finished run/);
  });

  test('a run with two results is said', async () => {
    const file = path('twice.jsonl');
    await json(...tiny, '--norm', 'none', '--batch-size', '4', '--out', file);
    const line = JSON.parse((await linesOf('twice.jsonl'))[0]);
    line.run.testError = 0.125;
    await appendFile(file, `${JSON.stringify(line)}\n`);
    const { notes, runs } = await json('--merge', file);
    assert.equal(runs.length, 1);
    assert.notEqual(runs[0].testError, 0.125);
    assert.match(notes[1], /^none at batch size 4, seed 0 has two different results/);
  });
});
