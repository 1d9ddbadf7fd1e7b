import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { createEngine } from 'normlab';
import { batchFile } from './fixtures/cifar.js';
import { folder, noise } from './fixtures/idx.js';
import { npy, zip } from './fixtures/npz.js';
import { failure } from './support/assertions.js';

const nl = await createEngine();

/** @type {string} */
let path;
before(async () => {
  path = await mkdtemp(join(tmpdir(), 'normlab-directory-'));
});
after(() => rm(path, { recursive: true }));

async function write(files) {
  const directory = await mkdtemp(join(path, 'set-'));
  await Promise.all(Object.entries(files).map(([name, bytes]) => writeFile(join(directory, name), bytes)));
  return directory;
}

const digits = (n) => Array.from({ length: n }, (_, i) => i % 10);
const NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];
const cifar = () => ({
  'data_batch_1.bin': batchFile([1, 2], 1),
  'data_batch_2.bin': batchFile([3], 2),
  'data_batch_10.bin': batchFile([9], 3),
  'test_batch.bin': batchFile([4, 5], 4),
});

/** An npz file of n images of 8 × 8 in the given classes, bytes or floats of 0…1. */
function npz(n, { type = '|u1', classes = 3, seed = 1, size = 8 } = {}) {
  const values = noise(n * size * size, seed);
  const images = npy(type, [n, size, size], type === '|u1' ? values : Array.from(values, (value) => value / 255));
  const labels = npy(
    '<i8',
    [n],
    Array.from({ length: n }, (_, i) => i % classes),
  );
  return zip({ 'images.npy': images, 'labels.npy': labels }, { deflate: true });
}

describe('loadDirectory reads CIFAR-10', () => {
  test('batches in the order of their numbers, plain and gzip', async () => {
    const files = cifar();
    const packed = Object.fromEntries(
      Object.entries(files).map(([name, bytes], i) => (i % 2 ? [name, bytes] : [`${name}.gz`, gzipSync(bytes)])),
    );
    for (const directory of [await write(files), await write(packed)]) {
      const { train, test: held, note } = nl.loadDirectory(directory);
      assert.deepEqual([train.labels, held.labels], [Int32Array.of(1, 2, 3, 9), Int32Array.of(4, 5)]);
      assert.deepEqual([train.shape, train.classes, held.classes], [[3, 32, 32], 10, 10]);
      assert.deepEqual([train.classNames, train.name, note], [NAMES, directory, undefined]);
      assert.deepEqual([held.mean, held.std], [train.mean, train.std]);
      const whole = nl.cifar10(files['data_batch_1.bin'], files['data_batch_2.bin'], files['data_batch_10.bin']);
      assert.deepEqual([train.mean, [...train.images]], [whole.mean, [...whole.images]]);
    }
  });

  test('names of classes, which say how many there are', async () => {
    const names = 'a b c d e f g h i j k'.split(' ');
    const meta = `${names.join('\r\n')}\r\n\r\n`;
    const { train, test: held } = nl.loadDirectory(await write({ ...cifar(), 'batches.meta.txt': meta }));
    assert.deepEqual([train.classNames, train.classes, held.classNames], [names, 11, names]);
    for (const [wrong, message] of [
      ['', /batches\.meta\.txt: expected 1 to 256 names.*got 0 in 0 bytes/],
      ['a\n\nb', /batches\.meta\.txt.*an empty line 2/],
      ['a\n'.repeat(257), /got 257 in/],
      ['a'.repeat(100_000), /got 0 in 100000 bytes/],
      ['a\nb\nc', /data_batch_2\.bin: expected labels 0 to 2, got 3 for image 0 \(byte 0\)/],
    ]) {
      const directory = await write({ ...cifar(), 'batches.meta.txt': wrong });
      assert.throws(() => nl.loadDirectory(directory), failure('format', message));
    }
  });

  test('and names what is missing or damaged', async () => {
    const { 'test_batch.bin': _, ...untested } = cifar();
    const { 'test_batch.bin': alone } = cifar();
    const short = { ...cifar(), 'data_batch_2.bin': batchFile([3]).subarray(0, 100) };
    assert.throws(() => nl.loadDirectory(path), failure('io', /has no data set: expected train-images.*\.npz/));
    for (const [files, code, message] of [
      [untested, 'io', /has no test_batch\.bin \(nor with \.gz\)/],
      [{ 'test_batch.bin': alone }, 'io', /has no data_batch_1\.bin \(nor with \.gz\)/],
      [short, 'format', /cifar10: .*data_batch_2\.bin: .*byte 100 \(truncated\)/],
    ]) {
      const directory = await write(files);
      assert.throws(() => nl.loadDirectory(directory), failure(code, message));
    }
    const folders = await write(untested);
    await mkdir(join(folders, 'test_batch.bin'));
    assert.throws(() => nl.loadDirectory(folders), failure('io', /test_batch\.bin: it is no file/));
  });
});

describe('loadDirectory reads npz', () => {
  test('train.npz and test.npz, and gives both the statistics and classes of either', async () => {
    for (const type of ['|u1', '<f4']) {
      const files = { 'train.npz': npz(6, { type }), 'test.npz': npz(9, { type, classes: 8, seed: 2 }) };
      const { train, test: held, note } = nl.loadDirectory(await write({ ...files, 'other.npz': 'not read' }));
      assert.deepEqual([train.length, held.length, train.classes, held.classes, note], [6, 9, 8, 8, undefined]);
      assert.deepEqual([held.mean, held.std], [train.mean, train.std]);
      const { mean, std } = nl.npz(files['train.npz']);
      assert.deepEqual([train.mean, train.std], [mean, std]);
      assert.deepEqual(held.batch([4]).x, nl.npz(files['test.npz'], { mean, std }).batch([4]).x);
    }
  });

  test('one file, whose last sixth is the test part', async () => {
    const directory = await write({ 'everything.npz': npz(20, { type: '<f8' }) });
    for (const source of [directory, `${directory}/`, join(directory, 'everything.npz')]) {
      const { train, test: held, note } = nl.loadDirectory(source);
      assert.deepEqual([train.length, held.length, train.name], [17, 3, source]);
      assert.match(note, /everything\.npz has no test part: the last 3 of its 20 images are taken for it$/);
      assert.deepEqual([...held.labels], [17 % 3, 18 % 3, 19 % 3]);
      const mean = noise(17 * 64).reduce((sum, value) => sum + value / 255, 0) / (17 * 64);
      assert.ok(Math.abs(train.mean[0] - mean) < 1e-7, 'of the training part alone');
      const sum = train.images.reduce((total, value) => total + value, 0);
      assert.ok(Math.abs(sum / train.images.length) < 1e-6);
      assert.deepEqual([held.mean, held.std], [train.mean, train.std]);
    }
    const two = await write({ 'two.npz': npz(2) });
    assert.deepEqual([nl.loadDirectory(two).train.length, nl.loadDirectory(two).test.length], [1, 1]);
    const one = await write({ 'one.npz': npz(1) });
    assert.throws(() => nl.loadDirectory(one), failure('format', /one\.npz: expected images for training and test/));
  });

  test('and names what is missing, damaged or does not fit', async () => {
    const train = npz(6);
    for (const [files, code, message] of [
      [{ 'train.npz': train, 'b.npz': train }, 'io', /has no test\.npz, but more than one/],
      [{ 'a.npz': train, 'b.npz': train }, 'io', /has no train\.npz, test\.npz/],
      [
        { 'train.npz': train, 'test.npz': train.subarray(0, 90) },
        'format',
        /test\.npz: .*ends at byte 90 \(truncated\)/,
      ],
      [
        { 'train.npz': train, 'test.npz': npz(6, { size: 4 }) },
        'format',
        /test\.npz: images\.npy: expected bytes \[1,8,8\].*got bytes \[1,4,4\]/,
      ],
      [{ 'train.npz': train, 'test.npz': npz(6, { type: '<f4' }) }, 'format', /expected bytes .* got floats \[1,8,8\]/],
    ]) {
      const directory = await write(files);
      assert.throws(() => nl.loadDirectory(directory), failure(code, message));
    }
    const file = join(await write({ 'train.npz': train }), 'train.npz');
    assert.throws(() => nl.loadDirectory(file, { maxBytes: 10 }), failure('format', /at most 10 bytes/));
  });
});

describe('loadDirectory', () => {
  test('reports progress chunk by chunk', async () => {
    const labels = digits(2000);
    const directory = await write({ 'data_batch_1.bin': batchFile(labels), 'test_batch.bin': batchFile([1]) });
    const progress = [];
    nl.loadDirectory(directory, { onProgress: (state) => progress.push(state) });
    const total = 2001 * 3073;
    assert.deepEqual(
      [progress[0], progress.at(-1)],
      [
        { loaded: 0, total, phase: 'read', file: join(directory, 'data_batch_1.bin') },
        { loaded: total, total, phase: 'read', file: join(directory, 'test_batch.bin') },
      ],
    );
    assert.ok(progress.length >= 4, `${progress.length} reports of 6 MB`);
    assert.ok(progress.every(({ loaded }, i) => i === 0 || loaded > progress[i - 1].loaded));
    const idx = [];
    nl.loadDirectory(await write(folder()), { onProgress: (state) => idx.push(state) });
    assert.equal(idx.length, 5);
  });

  test('reports what it unpacks and standardizes', async () => {
    const phases = async (files) => {
      const directory = await write(files);
      /** @type {Record<string, { loaded: number, total: number }>} */
      const last = {};
      nl.loadDirectory(directory, {
        onProgress({ loaded, total, phase, file }) {
          const key = `${phase} ${file.replace(directory, '.')}`;
          assert.ok(loaded >= (last[key]?.loaded ?? 0) && loaded <= total, key);
          last[key] = { loaded, total };
        },
      });
      for (const [key, { loaded, total }] of Object.entries(last)) {
        assert.ok(loaded === total || key.startsWith('read'), `${key} ends at ${loaded} of ${total}`);
      }
      return Object.fromEntries(Object.entries(last).map(([key, { total }]) => [key, total]));
    };
    const { 'test_batch.bin': held, ...rest } = cifar();
    const packed = await phases({ ...rest, 'test_batch.bin.gz': gzipSync(held) });
    assert.equal(packed['unpack ./test_batch.bin.gz'], held.length);
    const floats = await phases({ 'train.npz': npz(6, { type: '<f4' }), 'test.npz': npz(6, { type: '<f4', seed: 2 }) });
    assert.equal(floats['unpack ./train.npz: images.npy'], 128 + 6 * 64 * 4);
    // Mean, spread and values; values alone where mean and spread are those of the training part.
    assert.equal(floats['standardize ./train.npz'], 3 * 6 * 64 * 4);
    assert.equal(floats['standardize ./test.npz'], 6 * 64 * 4);
  });

  test('standardizes the test part as the training part, channel by channel', async () => {
    const dark = (bytes, from = 0) => bytes.map((byte, i) => (i < from ? byte : byte >> 2));
    const labels = npy('|u1', [6], [0, 1, 2, 0, 1, 2]);
    const channels = (values, type = '|u1') => npy(type, [6, 2, 5, 5], values);
    const file = (values, type) => zip({ 'images.npy': channels(values, type), 'labels.npy': labels });
    const [light, low] = [noise(6 * 50, 5), dark(noise(6 * 50, 6))];
    const idx = folder();
    const sets = {
      idx: { ...idx, 't10k-images-idx3-ubyte': dark(idx['t10k-images-idx3-ubyte'], 16) },
      cifar: { ...cifar(), 'test_batch.bin': dark(batchFile([1, 2], 9)) },
      bytes: { 'train.npz': file(light), 'test.npz': file(low) },
      floats: { 'train.npz': file(light, '<f4'), 'test.npz': file(low, '<f8') },
    };
    for (const [kind, files] of Object.entries(sets)) {
      const { train, test: held } = nl.loadDirectory(await write(files));
      const [channelCount, height, width] = train.shape;
      const valuesOf = (set) => {
        const { data } = set.batch(Array.from({ length: set.length }, (_, i) => i)).x;
        return Array.from({ length: channelCount }, (_, c) =>
          Array.from(data).filter((_, i) => Math.floor(i / (height * width)) % channelCount === c),
        );
      };
      const moments = (values) => {
        const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
        return [mean, Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length)];
      };
      const [training, test] = [valuesOf(train), valuesOf(held)];
      for (let c = 0; c < channelCount; c++) {
        const [mean, std] = moments(training[c]);
        assert.ok(Math.abs(mean) < 1e-5 && Math.abs(std - 1) < 1e-5, `${kind}, channel ${c}: ${mean}, ${std}`);
        const [darker, flatter] = moments(test[c]);
        assert.ok(darker < -1 && flatter < 0.4, `${kind}, channel ${c} of the test part: ${darker}, ${flatter}`);
      }
      assert.deepEqual([held.mean, held.std], [train.mean, train.std], kind);
    }
  });

  test('lets through what onProgress throws', async () => {
    const own = new Error('enough');
    const directory = await write(folder());
    const onProgress = ({ loaded }) => {
      if (loaded > 0) throw own;
    };
    assert.throws(
      () => nl.loadDirectory(directory, { onProgress }),
      (error) => error === own,
    );
  });

  test('refuses options that it does not know', () => {
    assert.throws(() => nl.loadDirectory(path, { progress: 1 }), failure('argument', /unknown option 'progress'/));
    assert.throws(
      () => nl.loadDirectory(path, { onProgress: 1 }),
      failure('argument', /onProgress: expected a function/),
    );
    assert.throws(() => nl.loadDirectory('a\0b'), failure('io', /cannot read/));
  });
});

describe('normlab train --data', () => {
  const main = fileURLToPath(new URL('../../wasm/cli/main.js', import.meta.url));
  const train = (data, ...args) =>
    spawnSync(process.execPath, [main, 'train', '--data', data, '--epochs', '1', '--preset', 'mlp', ...args], {
      encoding: 'utf8',
    });

  test('takes a file, and says what its test part is', async () => {
    const file = join(await write({ 'set.npz': npz(60) }), 'set.npz');
    const note = `${file} has no test part: the last 10 of its 60 images are taken for it`;
    const { status, stdout, stderr } = train(file, '--json');
    assert.deepEqual([status, stderr], [0, '']);
    assert.deepEqual(JSON.parse(stdout).data, { name: file, train: 50, test: 10, note });
    assert.match(train(file).stdout, new RegExp(`50 training and 10 test images; .*\nnote: ${note}\n`));
  });

  test('takes folders of CIFAR-10 and npz', async () => {
    const folders = [await write({ 'train.npz': npz(12), 'test.npz': npz(6) }), await write(cifar())];
    const counts = folders.map((directory) => JSON.parse(train(directory, '--json').stdout).data);
    assert.deepEqual(counts, [
      { name: folders[0], train: 12, test: 6 },
      { name: folders[1], train: 4, test: 2 },
    ]);
  });

  test('names a damaged file', async () => {
    const { status, stderr } = train(join(await write({ 'set.npz': npz(60).subarray(0, 99) }), 'set.npz'));
    assert.equal(status, 2);
    assert.match(stderr, /^normlab train: --data .*set\.npz: npz: .*set\.npz: .*ends at byte 99 \(truncated\)\n$/);
  });
});
