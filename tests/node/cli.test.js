import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { folder } from './fixtures/idx.js';

const manifest = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
const main = fileURLToPath(new URL(`../../${manifest.bin.normlab}`, import.meta.url));

/** @type {Set<import('node:child_process').ChildProcess>} */
const running = new Set();
after(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** @param {string[]} args */
function start(args) {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  child.on('exit', () => running.delete(child));
  return child;
}

/** Runs the command line to its end. */
async function normlab(...args) {
  const child = start(args);
  const output = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
    });
  }
  const [code, signal] = await once(child, 'close');
  return { code, signal, ...output };
}

/** The one document that `--json` prints; nothing else may be on stdout or stderr. */
async function json(...args) {
  const { code, stdout, stderr } = await normlab(...args, '--json');
  assert.equal(stderr, '');
  assert.equal(code, 0);
  return JSON.parse(stdout);
}

/** @type {string} */
let directory;
/** @type {string} a folder of 24 + 24 images of 8×8 in three classes */
let tiny;
before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'normlab-cli-'));
  tiny = join(directory, 'tiny');
  await write(folder(), 'tiny');
});
after(() => rm(directory, { recursive: true }));

async function write(files, name) {
  const path = join(directory, name);
  await mkdir(path);
  for (const [file, bytes] of Object.entries(files)) await writeFile(join(path, file), bytes);
  return path;
}

async function modelFile(name, content) {
  const path = join(directory, name);
  await writeFile(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

const { error: noTerminal } = spawnSync('script', ['--version']);
const withoutTerminal = noTerminal && !process.env.CI && 'install bsdutils, whose script(1) gives a terminal';

/** What is on the screen after a run on a terminal. */
async function onTerminal(...args) {
  const command = [process.execPath, main, ...args].map((arg) => `'${arg}'`).join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  for await (const text of child.stdout.setEncoding('utf8')) output += text;
  return output;
}

const MEASURED = {
  layers: [
    { type: 'conv2d', outChannels: 4, kernelSize: 3 },
    { type: 'batchNorm' },
    { type: 'relu' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 3 },
  ],
};

describe('help', () => {
  test('goes to stdout when it is asked for', async () => {
    for (const [args, expected] of [
      [['--help'], /train.*compare.*check.*Examples:/s],
      [['train', '--help'], /--batch-size <n>.*Presets:\n {2}mlp .*Examples:\n {2}\$ normlab train/s],
      [['check', '--help'], /--tolerance <error>.*Exit status 1.*Presets:.*\n {2}\$ normlab check/s],
      [['help', 'compare'], /--epochs <n> [^\n]*\(default: 1\).*Examples:\n {2}\$ normlab compare/s],
      [['--version'], new RegExp(`^${manifest.version}\n$`)],
    ]) {
      const { code, stdout, stderr } = await normlab(...args);
      assert.match(stdout, expected);
      assert.deepEqual([code, stderr], [0, '']);
    }
  });

  test('goes to stderr where a command is missing', async () => {
    const { code, stdout, stderr } = await normlab();
    assert.match(stderr, /^Usage: normlab/);
    assert.deepEqual([code, stdout], [2, '']);
  });
});

describe('wrong usage', () => {
  /** @type {[string[], RegExp][]} */
  const cases = [
    [['frobnicate'], /^normlab: unknown command 'frobnicate'$/],
    [['train', '--frobnicate'], /^normlab train: unknown option '--frobnicate'$/],
    [['compare', '--bach-size', '3'], /^normlab compare: unknown option '--bach-size' .*--batch-size/],
    [['train', 'surplus'], /^normlab train: too many arguments/],
    [['train', '--lr'], /^normlab train: option '--lr <rate>' argument missing$/],
    [['train', '--lr', 'nan'], /--lr .*'nan' is invalid.*finite number >= 0/],
    [['train', '--lr', '-0.1'], /--lr .*'-0\.1' is invalid/],
    [['train', '--lr', 'Infinity'], /--lr .*'Infinity' is invalid/],
    [['train', '--lr', ''], /--lr .*'' is invalid/],
    [['train', '--momentum', '-1'], /--momentum .*'-1' is invalid/],
    [['train', '--optimizer', 'adam', '--momentum', '0.5'], /--momentum: adam has none/],
    [['train', '--label-smoothing', '1'], /'1' is invalid. Expected a number from 0 to below 1/],
    [['train', '--weight-decay', 'x'], /--weight-decay .*'x' is invalid/],
    [['train', '--batch-size', '0'], /--batch-size .*'0' is invalid. Expected an integer from 1/],
    [['train', '--batch-size', '2.5'], /--batch-size .*'2\.5' is invalid/],
    [['train', '--epochs', '-1'], /--epochs .*'-1' is invalid. Expected an integer from 0/],
    [['train', '--limit', '0'], /--limit .*'0' is invalid/],
    [['train', '--crop', '0'], /--crop .*'0' is invalid. Expected an integer from 1/],
    [['train', '--crop', '28'], /--crop 28: .*less than the smaller side of images of 28 x 28, got 28/],
    [['train', '--seed', '1e99'], /--seed .*'1e99' is invalid/],
    [['train', '--groups', '0'], /--groups .*'0' is invalid/],
    [['train', '--norm', 'spectral'], /--norm .*'spectral' is invalid.*batch, layer, group, instance, rms, none/],
    [
      ['train', '--preset', 'mlp', '--weight-standardization'],
      /--weight-standardization: mlp has no conv2d that it could apply to/,
    ],
    [['train', '--placement', 'around'], /--placement .*'around' is invalid.*before, after/],
    [['train', '--preset', 'vgg'], /--preset .*'vgg' is invalid.*mlp, smallcnn/],
    [['train', '--measure-every', '0'], /--measure-every .*'0' is invalid. Expected an integer from 1/],
    [['train', '--measure-every', '1', '--measure-bins', '4097'], /--measure-bins .*'4097' is invalid/],
    [['train', '--measure-bins', '8'], /--measure-bins: needs --measure-every/],
    [['compare', '--measure-every', '1'], /unknown option '--measure-every'/],
    [['train', '--variant', 'avx'], /--variant .*'avx' is invalid.*scalar/],
    [['train', '--preset', 'mlp', '--model', 'x.json'], /--model .*cannot be used with option '--preset/],
    [['train', '--norm', 'group', '--groups', '5'], /--groups 5: .*5/],
    [['train', '--data', '/nowhere'], /--data \/nowhere: .*ENOENT/],
    [['train', '--model', '/nowhere.json'], /--model \/nowhere\.json: cannot read it: ENOENT/],
    [['train', '--preset', 'mlp', '--norm', 'instance'], /--preset mlp --norm instance: .*got 2D input.*smallcnn/],
    [['check', '--preset', 'deepcnn', '--norm', 'instance'], /--norm instance: .*Expected more than 1 spatial element/],
    [['check', '--mode', 'both'], /--mode .*'both' is invalid.*train, eval/],
    [['check', '--samples', '0'], /--samples .*'0' is invalid. Expected an integer from 1/],
    [['check', '--tolerance', '-1'], /--tolerance .*'-1' is invalid.*finite number >= 0/],
    [['check', '--batch-size', '0'], /--batch-size .*'0' is invalid/],
    [['check', '--epochs', '1'], /unknown option '--epochs'/],
    [['check', '--norm', 'group', '--groups', '5'], /--groups 5: .*5/],
    [['check', '--model', '/nowhere.json'], /--model \/nowhere\.json: cannot read it: ENOENT/],
  ];
  for (const [args, message] of cases) {
    test(`normlab ${args.join(' ')} exits with 2`, async () => {
      const { code, stdout, stderr } = await normlab(...args);
      assert.match(stderr, /^[^\n]+\n$/, 'one line');
      assert.match(stderr.trimEnd(), message);
      assert.deepEqual([code, stdout], [2, '']);
    });
  }

  test('a model file that is not one exits with 2', async () => {
    const input = [1, 28, 28];
    for (const [content, message] of [
      ['{ "layers": [', /m\.json: expected JSON: /],
      ['null', /m\.json: expected \{ "layers"/],
      [{ layers: [{ kind: 'relu' }] }, /m\.json: expected \{ "layers"/],
      [{ layers: [{ type: 'residual', body: 7 }] }, /m\.json: expected \{ "layers"/],
      [{ layers: [{ type: 'convolution' }] }, /m\.json: .*convolution/],
      [
        { input: [3, 32, 32], layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }] },
        /input \[1,28,28\].*got/,
      ],
      [{ input, layers: [{ type: 'flatten' }, { type: 'linear', outFeatures: 4 }] }, /expected 10 outputs.*got \[4\]/],
      [{ input, layers: [{ type: 'relu' }] }, /expected 10 outputs.*got \[1,28,28\]/],
    ]) {
      const { code, stdout, stderr } = await normlab('train', '--model', await modelFile('m.json', content));
      assert.match(stderr, /^normlab train: --model [^\n]+\n$/);
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, '']);
    }
  });

  test('a truncated data file exits with 2 and is named', async () => {
    const files = folder();
    files['train-images-idx3-ubyte'] = files['train-images-idx3-ubyte'].subarray(0, 50);
    const { code, stdout, stderr } = await normlab('train', '--data', await write(files, 'short'));
    assert.match(stderr, /^normlab train: --data .*short: idx: .*train-images-idx3-ubyte: .*truncated\)\n$/);
    assert.deepEqual([code, stdout], [2, '']);
  });
});

describe('train', { timeout: 120_000 }, () => {
  const quick = ['train', '--preset', 'mlp', '--limit', '256'];

  test('--json prints one document', async () => {
    const result = await json(...quick, '--epochs', '2', '--norm', 'group', '--groups', '4', '--seed', '7');
    const { epochs, testAccuracy, testAccuracyTrainMode, imagesPerSecond, variant, ...rest } = result;
    assert.deepEqual(rest, {
      command: 'train',
      preset: 'mlp',
      model: null,
      norm: 'group',
      groups: 4,
      placement: 'before',
      batchSize: 32,
      dropLast: false,
      optimizer: 'sgd',
      lr: 0.01,
      momentum: 0.9,
      weightDecay: 0,
      seed: 7,
      data: { name: 'fashion-mnist', train: 256, test: 2000 },
      steps: 16,
      interrupted: false,
      notes: [],
    });
    assert.ok(['scalar', 'simd', 'relaxed'].includes(variant));
    assert.deepEqual(
      epochs.map(({ epoch }) => epoch),
      [1, 2],
    );
    for (const epoch of epochs) {
      assert.ok(epoch.loss > 0 && epoch.seconds > 0 && epoch.imagesPerSecond > 0);
      assert.ok(epoch.accuracy >= 0 && epoch.accuracy <= 1);
    }
    assert.ok(epochs[1].loss < epochs[0].loss);
    assert.ok(imagesPerSecond > 0);
    assert.deepEqual([testAccuracy, testAccuracyTrainMode], [epochs[1].testAccuracy, epochs[1].testAccuracyTrainMode]);
    // Groups belong to one image: the mode makes no difference. After 16 steps the network is far from chance.
    assert.equal(testAccuracyTrainMode, testAccuracy);
    assert.ok(testAccuracy > 0.4 && testAccuracy <= 1, `${testAccuracy}`);
  });

  test('the seed decides the result, and nothing else does', async () => {
    const figures = async (seed) => {
      const { epochs } = await json(...quick, '--epochs', '1', '--seed', seed);
      return epochs.map(({ loss, testAccuracy, testAccuracyTrainMode }) => [loss, testAccuracy, testAccuracyTrainMode]);
    };
    const [first, again, other] = await Promise.all([figures('1'), figures('1'), figures('2')]);
    assert.deepEqual(first, again);
    assert.notDeepEqual(first, other);
  });

  test('the options reach the training', async () => {
    const loss = async (...args) => (await json(...quick, '--limit', '128', '--epochs', '1', ...args)).epochs[0].loss;
    const plain = await loss();
    for (const args of [
      ['--lr', '0.2'],
      ['--momentum', '0'],
      ['--weight-decay', '0.5'],
      ['--optimizer', 'adam'],
      ['--schedule', 'cosine'],
      ['--schedule', 'linear'],
      ['--warmup', '3'],
      ['--clip-grad-norm', '0.01'],
      ['--label-smoothing', '0.3'],
      ['--replicas', '4'],
      ['--accumulate', '4'],
      ['--ghost-batch', '8'],
      ['--sort-by-class'],
      ['--crop', '3'],
      ['--flip'],
      ['--data', 'blobs'],
      ['--data', 'textures'],
      ['--placement', 'after'],
      ['--norm', 'none'],
      ['--norm', 'renorm'],
      ['--batch-size', '16'],
      ['--limit', '96'],
      ['--preset', 'deepcnn'],
    ]) {
      assert.notEqual(await loss(...args), plain, args.join(' '));
    }
    const cnn = ['--preset', 'deepcnn', '--norm', 'group'];
    assert.notEqual(await loss(...cnn, '--weight-standardization'), await loss(...cnn));
  });

  test('replicas normalize on their own, or together', async () => {
    const step = ['--limit', '32', '--epochs', '1'];
    const [one, apart, together] = await Promise.all([
      json(...quick, ...step),
      json(...quick, ...step, '--replicas', '4'),
      json(...quick, ...step, '--replicas', '4', '--sync-batch-norm'),
    ]);
    const [loss, lossApart, lossTogether] = [one, apart, together].map(({ epochs }) => epochs[0].loss);
    assert.ok(Math.abs(lossTogether - loss) < 1e-5, `${lossTogether} is the loss of one device, ${loss}`);
    assert.ok(Math.abs(lossApart - loss) > 1e-3, `${lossApart} is not`);
    assert.deepEqual([apart.replicas, apart.syncBatchNorm, together.syncBatchNorm], [4, undefined, true]);
    const { stdout } = await normlab(...quick, '--epochs', '0', '--replicas', '2', '--ghost-batch', '8');
    assert.ok(stdout.includes('2 replicas, ghost batches of 8, seed 0'), stdout);
  });

  test('batches of one class are what BatchNorm fails on in train mode', async () => {
    const run = ['train', '--preset', 'mlp', '--limit', '1000', '--epochs', '1'];
    const [mixed, sorted] = await Promise.all([json(...run), json(...run, '--sort-test-by-class')]);
    assert.equal(sorted.testAccuracy, mixed.testAccuracy);
    assert.ok(mixed.testAccuracyTrainMode > 0.6, `${mixed.testAccuracyTrainMode}`);
    assert.ok(sorted.testAccuracyTrainMode < 0.4, `${sorted.testAccuracyTrainMode}`);
    assert.deepEqual([mixed.sortTestByClass, sorted.sortTestByClass, sorted.sortByClass], [undefined, true, undefined]);
    const compare = ['compare', '--epochs', '0', '--batch-size', '4'];
    const [first, ofOneClass] = await Promise.all([json(...compare), json(...compare, '--sort-test-by-class')]);
    assert.notDeepEqual(ofOneClass.layers, first.layers);
  });

  test('says how images are read', async () => {
    const args = ['--data', 'textures', '--epochs', '0', '--sort-by-class', '--crop', '4', '--flip'];
    const { stdout } = await normlab('train', '--preset', 'mlp', ...args);
    const words = 'trained on class after class, random crops of 4 pixels, random mirroring';
    assert.match(stdout, new RegExp(`\ntextures: 5,000 training and 1,000 test images, ${words}; `));
    const { data, sortByClass, crop, flip } = await json('train', '--preset', 'mlp', ...args);
    assert.deepEqual([data, sortByClass, crop, flip], [{ name: 'textures', train: 5000, test: 1000 }, true, 4, true]);
  });

  test('says how it trains, and weight decay may spare what is no weight', async () => {
    const decayed = ['--weight-decay', '0.5', '--epochs', '1', '--limit', '128'];
    const [all, weights] = await Promise.all([
      json(...quick, ...decayed),
      json(...quick, ...decayed, '--decay', 'weights'),
    ]);
    assert.notEqual(all.epochs[0].loss, weights.epochs[0].loss);
    assert.deepEqual([all.decay, weights.decay], [undefined, 'weights']);
    const adam = ['--optimizer', 'adamW', '--schedule', 'cosine', '--warmup', '2', '--clip-grad-norm', '1'];
    const { stdout } = await normlab(...quick, '--epochs', '0', ...adam, '--label-smoothing', '0.1');
    const words = 'adamW, lr 0.001, weight decay 0.01, cosine schedule, warm-up of 2 steps, gradient norm at most 1';
    assert.ok(stdout.includes(`batch size 32, ${words}, label smoothing 0.1, seed 0`), stdout);
  });

  test('prints a table without --json', async () => {
    const { code, stdout, stderr } = await normlab(...quick, '--epochs', '2');
    assert.deepEqual([code, stderr], [0, '']);
    const lines = stdout.trimEnd().split('\n');
    assert.match(lines[0], /^mlp, BatchNorm before the activation; batch size 32, lr 0\.01, momentum 0\.9, seed 0$/);
    assert.match(lines[1], /^fashion-mnist: 256 training and 2,000 test images; (scalar|simd|relaxed) module$/);
    assert.match(lines[3], /^epoch +loss +accuracy +test \(eval mode\) +test \(train mode\) +images\/s$/);
    assert.match(lines[4], /^ +1 +\d\.\d{4}( +\d+\.\d\d %){3} +[\d,]+$/);
    assert.match(lines[5], /^ +2 /);
    assert.match(lines.at(-1), /^test accuracy \d+\.\d\d % in eval mode, \d+\.\d\d % in train mode$/);
  });

  test('--measure-every puts a series for each layer into the document, and changes nothing else', async () => {
    const args = ['train', '--data', tiny, '--model', await modelFile('measured.json', MEASURED), '--batch-size', '10'];
    const [plain, measured, binned] = await Promise.all(
      [[], ['--measure-every', '2'], ['--measure-every', '2', '--measure-bins', '5']].map((more) =>
        json(...args, '--epochs', '2', ...more),
      ),
    );
    const { layers, ...rest } = measured;
    const lasting = ({ epochs, imagesPerSecond, ...others }) => ({
      ...others,
      epochs: epochs.map(({ seconds, imagesPerSecond: rate, ...figures }) => figures),
    });
    assert.deepEqual(lasting(rest), lasting(plain));
    assert.deepEqual(
      layers.map(({ key, type, shape }) => [key, type, ...shape]),
      [
        ['0', 'conv2d', 4, 6, 6],
        ['1', 'batchNorm', 4, 6, 6],
        ['2', 'relu', 4, 6, 6],
        ['3', 'flatten', 144],
        ['4', 'linear', 3],
      ],
    );
    for (const { type, series } of layers) {
      assert.deepEqual(
        series.map(({ step }) => step),
        [2, 4, 6],
      );
      for (const { activation, gradient, gradNorm, ...statistics } of series) {
        assert.deepEqual([activation, gradient].map(Object.keys), [
          ['mean', 'std'],
          ['mean', 'std'],
        ]);
        assert.ok(activation.std > 0 && gradient.std > 0);
        assert.equal(gradNorm > 0, ['conv2d', 'batchNorm', 'linear'].includes(type));
        const { meanShift, varRatio, valuesPerStatistic } = statistics;
        if (type === 'batchNorm') assert.ok(meanShift > 0 && varRatio > 1);
        else assert.deepEqual([meanShift, varRatio, valuesPerStatistic], [null, null, null]);
      }
    }
    // Of 24 images in batches of 10 the third is one of 4.
    assert.deepEqual(
      layers[1].series.map(({ valuesPerStatistic }) => valuesPerStatistic),
      [360, 360, 144],
    );
    for (const [index, { series }] of binned.layers.entries()) {
      for (const [at, { activation, gradient }] of series.entries()) {
        for (const { histogram, mean } of [activation, gradient]) {
          assert.equal(histogram.counts.length, 5);
          assert.ok(histogram.low <= mean && mean <= histogram.high);
        }
        assert.equal(activation.mean, layers[index].series[at].activation.mean);
      }
    }
  });

  test('--measure-every prints a table of the last step that was measured', async () => {
    const args = ['train', '--data', tiny, '--model', await modelFile('shown.json', MEASURED), '--batch-size', '12'];
    const shown = await normlab(...args, '--epochs', '1', '--measure-every', '2');
    assert.deepEqual([shown.code, shown.stderr], [0, '']);
    const lines = shown.stdout.split('\n');
    const first = lines.indexOf('Outputs and gradients of step 2:');
    assert.match(
      lines[first + 1],
      /^layer +type +mean +std +gradient std +gradient norm +values +mean shift +var ratio$/,
    );
    assert.match(lines[first + 2], /^0 +conv2d( +-?\d[\d.e+-]*){4}$/);
    assert.match(lines[first + 3], /^1 +batchNorm( +-?\d[\d.e+-]*){4} +432( +\d[\d.e+-]*){2}$/);
    assert.match(lines[first + 4], /^2 +relu( +-?\d[\d.e+-]*){3}$/);
    const { stdout } = await normlab(...args, '--epochs', '1', '--measure-every', '3');
    assert.match(stdout, /^note: there were fewer than 3 steps: none was measured$/m);
  });

  test('reads a folder, and cuts or drops the last batch', async () => {
    const whole = await json('train', '--data', tiny, '--batch-size', '7', '--epochs', '1');
    assert.deepEqual(whole.data, { name: tiny, train: 24, test: 24 });
    assert.equal(whole.steps, 4);
    const dropped = await json('train', '--data', tiny, '--batch-size', '7', '--epochs', '1', '--drop-last');
    assert.deepEqual([dropped.steps, dropped.dropLast], [3, true]);
  });

  test('takes a model file, with or without a place for the normalization', async () => {
    const linear = [{ type: 'flatten' }, { type: 'linear', outFeatures: 3 }];
    const open = await modelFile('open.json', {
      layers: [{ type: 'conv2d', outChannels: 4, kernelSize: 3 }, { type: 'norm' }, { type: 'relu' }, ...linear],
    });
    const args = ['--data', tiny, '--epochs', '1'];
    const made = await json('train', '--model', open, '--norm', 'group', '--groups', '2', ...args);
    assert.deepEqual([made.preset, made.model, made.norm, made.groups], [null, open, 'group', 2]);
    assert.equal(made.epochs.length, 1);

    const closed = await modelFile('closed.json', { seed: 5, input: [1, 8, 8], layers: linear });
    const own = await json('train', '--model', closed, ...args);
    assert.deepEqual([own.norm, own.groups, own.placement, own.seed], [null, null, null, 5]);
    assert.equal((await json('train', '--model', closed, '--seed', '6', ...args)).seed, 6);
    const { code, stderr } = await normlab('train', '--model', closed, '--norm', 'layer', ...args);
    assert.match(stderr, /^normlab train: --norm: .*closed\.json has no \{ "type": "norm" \}/);
    assert.equal(code, 2);
  });

  test('every normalization can be asked for', async () => {
    const losses = [];
    for (const norm of ['batch', 'layer', 'group', 'instance', 'rms', 'none']) {
      const result = await json('train', '--data', tiny, '--epochs', '1', '--norm', norm);
      assert.equal(result.norm, norm);
      losses.push(result.epochs[0].loss);
    }
    assert.equal(new Set(losses).size, 6, `${losses}`);
    const { stdout } = await normlab('train', '--data', tiny, '--epochs', '0', '--norm', 'rms');
    assert.match(stdout, /^smallcnn, RMSNorm before the activation; /);
  });

  test('every variant can be asked for', async () => {
    for (const variant of ['scalar', 'simd', 'relaxed']) {
      const result = await json('train', '--data', tiny, '--preset', 'mlp', '--epochs', '1', '--variant', variant);
      assert.equal(result.variant, variant);
    }
  });

  test('says why there is no accuracy in train mode', async () => {
    const args = ['train', '--preset', 'mlp', '--data', tiny, '--epochs', '0', '--batch-size', '1'];
    const result = await json(...args);
    assert.equal(result.testAccuracyTrainMode, null);
    assert.ok(result.testAccuracy >= 0);
    assert.deepEqual([result.epochs, result.steps, result.imagesPerSecond], [[], 0, null]);
    assert.match(result.notes.join(), /^no accuracy in train mode: .*Expected more than 1 value per channel/);
    const { code, stdout } = await normlab(...args);
    assert.match(stdout, / – in train mode\nnote: no accuracy in train mode: .*Expected more than 1 value/);
    assert.equal(code, 0);
  });

  test('a training that fails exits with 1 and the reason', async () => {
    const args = ['--preset', 'mlp', '--data', tiny, '--batch-size', '1', '--json'];
    const { code, stdout, stderr } = await normlab('train', ...args);
    assert.match(stderr, /^normlab train: [^\n]*Expected more than 1 value per channel when training[^\n]*\n$/);
    assert.deepEqual([code, stdout], [1, '']);
  });

  test('a training that diverges exits with 1 and says so', async () => {
    const { code, stdout, stderr } = await normlab('train', '--data', tiny, '--lr', '1e30', '--json');
    assert.match(stderr, /^normlab train: [^\n]*the loss is [^\n]*smaller lr\n$/);
    assert.deepEqual([code, stdout], [1, '']);
  });

  test('Ctrl-C stops at a step and prints what is finished', async () => {
    const child = start(['train', '--data', tiny, '--preset', 'mlp', '--epochs', '1000000']);
    let stdout = '';
    child.stdout.setEncoding('utf8');
    for await (const text of child.stdout) {
      const started = /\n +1 /.test(stdout);
      stdout += text;
      if (!started && /\n +1 /.test(stdout)) child.kill('SIGINT');
    }
    if (child.exitCode === null) await once(child, 'exit');
    assert.equal(child.exitCode, 130);
    const rows = stdout.match(/^ +\d+ +\d\.\d{4} /gm).length;
    assert.match(stdout, new RegExp(`\ninterrupted: ${rows} epochs finished\ntest accuracy \\d`));
  });

  test('Ctrl-C leaves one JSON document with what is finished', async () => {
    const child = start(['train', '--data', tiny, '--preset', 'mlp', '--epochs', '1000000', '--json']);
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text) => {
      stdout += text;
    });
    await delay(3000);
    child.kill('SIGINT');
    const [code] = await once(child, 'close');
    assert.equal(code, 130);
    const { interrupted, epochs, testAccuracy } = JSON.parse(stdout);
    assert.equal(interrupted, true);
    assert.ok(epochs.length > 0);
    assert.equal(testAccuracy, epochs.at(-1).testAccuracy);
  });

  test('a reader that goes away leaves no stack trace', async () => {
    const child = start(['train', '--data', tiny, '--preset', 'mlp', '--epochs', '20000']);
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text) => {
      stderr += text;
    });
    child.stdout.destroy();
    const [code] = await once(child, 'close');
    assert.deepEqual([code, stderr], [1, '']);
  });

  test('shows a bar on a terminal, unless --quiet', { skip: withoutTerminal }, async () => {
    const run = ['train', '--data', tiny, '--epochs', '3'];
    assert.match(await onTerminal(...run), /epoch 1\/3 \[.*\d% · loss \d\.\d{4} · .* images\/s · .* left/);
    assert.doesNotMatch(await onTerminal(...run, '--quiet'), /epoch 1\/3|left/);
  });

  test('shows a bar while it reads large files', { skip: withoutTerminal }, async () => {
    const folder = join(directory, 'large');
    await mkdir(folder);
    const records = new Uint8Array(600 * 3073);
    await writeFile(join(folder, 'data_batch_1.bin.gz'), gzipSync(records));
    await writeFile(join(folder, 'test_batch.bin'), records);
    const run = ['train', '--data', folder, '--epochs', '0', '--preset', 'mlp'];
    const screen = await onTerminal(...run);
    assert.match(screen, /reading data_batch_1\.bin\.gz \[.*%/);
    assert.match(screen, /unpacking data_batch_1\.bin\.gz \[.*%/);
    assert.doesNotMatch(await onTerminal(...run, '--quiet'), /reading|unpacking/);
  });
});

describe('compare', { timeout: 120_000 }, () => {
  test('--json tells the layers whose output depends on the mode', async () => {
    const args = ['compare', '--limit', '256', '--batch-size', '8', '--epochs', '1'];
    const { layers, changed, images, ...rest } = await json(...args);
    assert.deepEqual([rest.command, rest.preset, rest.norm, rest.epochs.length], ['compare', 'smallcnn', 'batch', 1]);
    assert.equal(images, 8);
    assert.ok(changed.length <= 8 && changed.every((i) => i >= 0 && i < 8));
    assert.deepEqual(
      layers.map(({ key }) => key),
      ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    );
    const [conv, norm, relu] = layers;
    assert.deepEqual([conv.type, norm.shape, relu.type], ['conv2d', [16, 28, 28], 'relu']);
    assert.deepEqual([conv.diff.maxAbs, conv.diff.rms], [0, 0]);
    for (const { key, diff } of layers.slice(1)) {
      assert.ok(0 < diff.meanAbs && diff.meanAbs <= diff.rms && diff.rms <= diff.maxAbs, key);
      assert.ok(diff.cosine > 0 && diff.cosine < 1, key);
    }
  });

  test('GroupNorm makes no difference between the modes', async () => {
    const { layers, changed, ...rest } = await json('compare', '--data', tiny, '--norm', 'group', '--epochs', '0');
    assert.ok(layers.every(({ diff }) => diff.maxAbs === 0 && diff.rms === 0));
    assert.deepEqual(changed, []);
    assert.equal(rest.testAccuracy, rest.testAccuracyTrainMode);
  });

  test('prints a table without --json', async () => {
    const { code, stdout, stderr } = await normlab('compare', '--data', tiny, '--batch-size', '6');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /\nlayer +type +shape +max +mean +rms +cosine\n0 +conv2d +16×8×8 +0 +0 +0 +1\.00000\n1 +batchNorm /,
    );
    assert.match(
      stdout,
      /\n[0-6] of 6 predicted labels change with the mode\ntest accuracy \d+\.\d\d % in eval mode, /,
    );
  });

  test('one image with one value per channel cannot be compared', async () => {
    const args = ['--preset', 'mlp', '--data', tiny, '--epochs', '0', '--batch-size', '1', '--json'];
    const { code, stdout, stderr } = await normlab('compare', ...args);
    assert.match(stderr, /^normlab compare: [^\n]*Expected more than 1 value per channel when training[^\n]*\n$/);
    assert.deepEqual([code, stdout], [1, '']);
  });
});

describe('check', { timeout: 120_000 }, () => {
  const quick = ['check', '--preset', 'mlp', '--samples', '3'];

  test('--json prints one document', async () => {
    const { parameters, input, loss, logits, variant, ...rest } = await json(
      ...quick,
      '--norm',
      'group',
      '--groups',
      '4',
    );
    assert.deepEqual(rest, {
      command: 'check',
      preset: 'mlp',
      model: null,
      norm: 'group',
      groups: 4,
      placement: 'before',
      seed: 0,
      batchSize: 4,
      mode: 'train',
      samples: 3,
      tolerance: 1e-3,
      undecided: 0,
      passed: true,
      interrupted: false,
    });
    assert.ok(['scalar', 'simd', 'relaxed'].includes(variant));
    assert.deepEqual(
      parameters.map(({ key, shape }) => [key, ...shape]),
      [
        ['1.weight', 256, 784],
        ['1.bias', 256],
        ['2.weight', 256],
        ['2.bias', 256],
        ['4.weight', 128, 256],
        ['4.bias', 128],
        ['5.weight', 128],
        ['5.bias', 128],
        ['7.weight', 10, 128],
        ['7.bias', 10],
      ],
    );
    assert.deepEqual(input.shape, [4, 1, 28, 28]);
    for (const { key, checked, worst, at, engine, expected, shape } of [...parameters, input]) {
      assert.equal(checked, 3, key);
      assert.ok(worst >= 0 && worst < 1e-4, `${key}: ${worst}`);
      assert.ok(at.every((index, dim) => index >= 0 && index < shape[dim]));
      assert.ok(Math.abs(engine - expected) < 1e-4);
    }
    assert.ok(Math.abs(loss.engine - loss.expected) < 1e-5 && loss.engine > 0);
    assert.ok(logits.error < 1e-5);
  });

  test('prints a table, with a verdict in the last line', async () => {
    const { code, stdout, stderr } = await normlab(...quick);
    const lines = stdout.trimEnd().split('\n');
    assert.match(
      lines[0],
      /^mlp, BatchNorm before the activation; batch size 4, train mode, seed 0; (scalar|simd|relaxed) module$/,
    );
    assert.match(lines[2], /^parameter +shape +error +at +engine +expected$/);
    assert.match(
      lines[3],
      /^1\.weight +256×784 +\d\.\de-\d+ +\[\d+, \d+\] +-?\d\.\d{4}e[+-]\d+ +-?\d\.\d{4}e[+-]\d+ +ok$/,
    );
    assert.equal(lines.filter((line) => line.endsWith(' ok')).length, 11);
    assert.match(lines[13], /^input +4×1×28×28 /);
    assert.equal(lines.at(-1), 'ok: every error is within 0.001');
    assert.deepEqual([code, stderr], [0, '']);
  });

  test('an error above the tolerance exits with 1 and names the parameters', async () => {
    const { code, stdout, stderr } = await normlab(...quick, '--tolerance', '1e-12');
    assert.match(stdout, /\n1\.weight .* WRONG\n/);
    assert.match(stdout, /\nWRONG by more than 1e-12: 1\.weight, .*logits\n$/);
    assert.deepEqual([code, stderr], [1, '']);
    const document = await normlab(...quick, '--tolerance', '1e-12', '--json');
    assert.equal(JSON.parse(document.stdout).passed, false);
    assert.deepEqual([document.code, document.stderr], [1, '']);
  });

  test('the options reach the check', async () => {
    const figures = async (...args) => {
      const { parameters, loss, passed } = await json(...quick, ...args);
      assert.ok(passed, args.join(' '));
      return JSON.stringify([parameters, loss]);
    };
    const plain = await figures();
    assert.equal(await figures(), plain);
    for (const args of [
      ['--mode', 'eval'],
      ['--norm', 'rms'],
      ['--placement', 'after'],
      ['--norm', 'renorm'],
      ['--batch-size', '6'],
      ['--samples', '5'],
      ['--seed', '3'],
      ['--variant', 'scalar'],
    ]) {
      assert.notEqual(await figures(...args), plain, args.join(' '));
    }
    const cnn = ['--preset', 'smallcnn', '--norm', 'group'];
    assert.notEqual(await figures(...cnn, '--weight-standardization'), await figures(...cnn));
  });

  test('takes a model file, which must say what its input is', async () => {
    const layers = [
      { type: 'conv2d', outChannels: 4, kernelSize: 3 },
      { type: 'norm' },
      { type: 'gelu' },
      { type: 'residual', body: [{ type: 'norm' }, { type: 'tanh' }] },
      { type: 'globalAvgPool2d' },
    ];
    const input = [2, 7, 5];
    const file = await modelFile('check.json', { input, seed: 3, layers: [...layers, { type: 'flatten' }] });
    const result = await json('check', '--model', file, '--norm', 'instance');
    assert.deepEqual([result.model, result.norm, result.seed, result.passed], [file, 'instance', 3, true]);
    assert.deepEqual(result.input.shape, [4, 2, 7, 5]);

    for (const [content, message] of [
      [{ layers }, /expected "input", .*, got none$/],
      [{ input, layers }, /expected an output a class, .* got \[4,1,1\]$/],
      [{ input, layers, sede: 1 }, /unknown option 'sede'/],
    ]) {
      const { code, stdout, stderr } = await normlab('check', '--model', await modelFile('wrong.json', content));
      assert.match(stderr, /^normlab check: --model .*wrong\.json[^\n]*\n$/);
      assert.match(stderr.trimEnd(), message);
      assert.deepEqual([code, stdout], [2, '']);
    }
  });

  test('a batch that cannot be normalized exits with 1 and the reason', async () => {
    const { code, stdout, stderr } = await normlab(...quick, '--batch-size', '1', '--json');
    assert.match(stderr, /^normlab check: [^\n]*Expected more than 1 value per channel when training[^\n]*\n$/);
    assert.deepEqual([code, stdout], [1, '']);
    assert.equal((await json(...quick, '--batch-size', '1', '--mode', 'eval')).passed, true);
  });

  test('Ctrl-C stops it and leaves what is finished', async () => {
    const interrupted = async (...args) => {
      const child = start(['check', '--preset', 'convnet', '--samples', '1000', ...args]);
      let stdout = '';
      child.stdout.setEncoding('utf8').on('data', (text) => {
        stdout += text;
      });
      // Time enough to load, not enough to finish.
      await delay(2500);
      child.kill('SIGINT');
      const [code] = await once(child, 'close');
      assert.equal(code, 130);
      return stdout;
    };
    const [text, document] = await Promise.all([interrupted(), interrupted('--json')]);
    assert.match(text, /^convnet, .*\n\nparameter .*\n(.* ok\n)*\ninterrupted: \d+ parameters checked\n$/);
    const { parameters, passed, interrupted: stopped } = JSON.parse(document);
    assert.deepEqual([Array.isArray(parameters), passed, stopped], [true, null, true]);
  });

  test('shows a bar on a terminal, unless --quiet', { skip: withoutTerminal }, async () => {
    assert.match(await onTerminal('check', '--samples', '40'), /checking \d\.(weight|bias) \[.*\d% · .* left/);
    assert.doesNotMatch(await onTerminal(...quick, '--quiet'), /checking/);
  });
});
