import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createEngine } from 'normlab';
import { folder, imageFile, labelFile, noise } from './fixtures/idx.js';
import { failure } from './support/assertions.js';

/** @type {Awaited<ReturnType<typeof createEngine>>} */
let nl;
before(async () => {
  nl = await createEngine();
});
after(() => nl.dispose());

/** What `assert.throws` and `assert.rejects` take: a NormlabError with this code and message. */
const images = imageFile(5, 3, 2, noise(30));
const labels = labelFile([0, 1, 2, 1, 0]);

describe('idx', () => {
  test('reads plain, gzip and ArrayBuffer alike', () => {
    const plain = nl.idx(images, labels);
    assert.deepEqual(plain.shape, [1, 3, 2]);
    assert.equal(plain.length, 5);
    assert.equal(plain.classes, 3);
    assert.deepEqual(plain.labels, Int32Array.of(0, 1, 2, 1, 0));
    assert.deepEqual([...plain.images], [...noise(30)]);
    for (const set of [nl.idx(gzipSync(images), gzipSync(labels)), nl.idx(images.buffer, labels.buffer)]) {
      assert.deepEqual([...set.images], [...plain.images]);
      assert.deepEqual(set.labels, plain.labels);
      assert.deepEqual(set.mean, plain.mean);
      assert.deepEqual(set.std, plain.std);
    }
  });

  test('computes mean and standard deviation exactly', () => {
    const values = [...noise(30)].map((value) => value / 255);
    const mean = values.reduce((sum, value) => sum + value, 0) / 30;
    const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 30);
    const set = nl.idx(images, labels);
    assert.ok(Math.abs(set.mean[0] - mean) <= 1e-15, `${set.mean[0]} against ${mean}`);
    assert.ok(Math.abs(set.std[0] - std) <= 1e-15, `${set.std[0]} against ${std}`);
  });

  test('keeps a spread that float64 sums of squares lose', () => {
    // One value of 2^20 is off by one: E[x²] - E[x]² would have to tell 6·10⁴ from 6·10⁴ + 10⁻⁶.
    const pixels = new Uint8Array(2 ** 20).fill(254);
    pixels[12345] = 255;
    const set = nl.idx(imageFile(1, 1024, 1024, pixels), labelFile([0]));
    const expected = Math.sqrt((2 ** 20 - 1) / 2 ** 40) / 255;
    assert.ok(Math.abs(set.std[0] / expected - 1) < 1e-14, `${set.std[0]} against ${expected}`);
  });

  test('standardizes a constant image to zeros', () => {
    const set = nl.idx(imageFile(1, 2, 2, [7, 7, 7, 7]), labelFile([0]));
    assert.deepEqual(set.std, [1]);
    assert.deepEqual(set.batch([0]).x.data, new Float32Array(4));
  });

  test('takes statistics, names and classes that are given', () => {
    const set = nl.idx(images, labels, { name: 'mine', mean: [0.5], std: [0.25], classNames: ['a', 'b', 'c', 'd'] });
    assert.equal(set.name, 'mine');
    assert.equal(set.classes, 4);
    assert.deepEqual([set.mean, set.std], [[0.5], [0.25]]);
    assert.throws(() => nl.idx(images, labels, { std: [0] }), failure('argument', /std.*positive.*\[0\]/));
    assert.throws(() => nl.idx(images, labels, { mean: [0, 0] }), failure('argument', /mean.*expected 1 /));
  });

  const patched = (bytes, at, ...values) => {
    const copy = bytes.slice();
    copy.set(values, at);
    return copy;
  };
  /** @type {[string, Uint8Array, Uint8Array, RegExp][]} */
  const corrupt = [
    ['the arguments swapped', labels, images, /imageBytes: expected magic 0x00000803 .*byte 0, got 0x00000801.*labels/],
    ['images for labels', images, images, /labelBytes: expected magic 0x00000801 .*byte 0, got 0x00000803.*images/],
    ['floats', patched(images, 2, 0x0d), labels, /imageBytes.*got 0x00000d03.*type 0x0d/],
    ['text', new TextEncoder().encode('<!doctype html>'), labels, /imageBytes.*not an IDX file/],
    ['nothing', new Uint8Array(), labels, /imageBytes.*header of 16 bytes.*ends at byte 0/],
    ['half a header', images.subarray(0, 11), labels, /imageBytes.*header of 16 bytes.*ends at byte 11/],
    ['missing images', images.subarray(0, -1), labels, /imageBytes.*5 × 3 × 2.*byte 46.*ends at byte 45 \(truncated\)/],
    ['missing labels', images, labels.subarray(0, -2), /labelBytes.*byte 13.*ends at byte 11 \(truncated\)/],
    ['trailing bytes', new Uint8Array([...images, 1, 2]), labels, /imageBytes.*byte 46.*byte 48 \(2 bytes too many\)/],
    ['no rows', patched(images, 8, 0, 0, 0, 0), labels, /imageBytes.*dimension 1, got 0 at byte 8/],
    ['sizes beyond any memory', patched(images, 4, ...Array(12).fill(255)), labels, /imageBytes.*truncated/],
    [
      'more labels than images',
      images,
      labelFile([0, 1, 2, 1, 0, 1]),
      /labelBytes: expected 5 labels.*got 6 \(byte 4\)/,
    ],
  ];
  for (const [what, imageBytes, labelBytes, message] of corrupt) {
    test(`refuses ${what}`, () => {
      assert.throws(() => nl.idx(imageBytes, labelBytes), failure('format', message));
    });
  }

  test('refuses labels beyond the classes', () => {
    const wrong = labelFile([0, 1, 10, 1, 0]);
    const message = /labels\.gz: expected labels 0 to 9, got 10 for image 2 \(byte 10\)/;
    assert.throws(() => nl.idx(images, wrong, { classes: 10, labelsName: 'labels.gz' }), failure('format', message));
  });

  test('refuses every truncation, plain and gzip', () => {
    for (const whole of [images, new Uint8Array(gzipSync(images))]) {
      for (let length = 0; length < whole.length; length++) {
        assert.throws(() => nl.idx(whole.subarray(0, length), labels), failure('format', /imageBytes/), `${length}`);
      }
    }
  });

  test('refuses what is not bytes', () => {
    assert.throws(() => nl.idx('images', labels), failure('argument', /imageBytes.*string/));
    assert.throws(() => nl.idx(images), failure('argument', /labelBytes.*undefined/));
  });

  test('leaves the engine working', () => {
    assert.throws(() => nl.idx(images.subarray(0, 20), labels), failure('format', /truncated/));
    const layer = nl.batchNorm1d(1);
    assert.deepEqual(layer.forward({ data: Float32Array.of(3, 3), shape: [2, 1] }).data, Float32Array.of(0, 0));
    layer.dispose();
  });
});

describe('gzip', () => {
  const packed = new Uint8Array(gzipSync(images));
  const withTrailer = (crc, length) => {
    const copy = packed.slice();
    const view = new DataView(copy.buffer, copy.length - 8);
    view.setUint32(0, crc ?? view.getUint32(0, true), true);
    view.setUint32(4, length ?? view.getUint32(4, true), true);
    return copy;
  };

  test('checks checksum and length', () => {
    assert.throws(() => nl.idx(withTrailer(1, null), labels), failure('format', /imageBytes: expected checksum 0x0+1/));
    const more = /imageBytes: expected 45 bytes of content, got more from the data at byte 10/;
    assert.throws(() => nl.idx(withTrailer(null, 45), labels), failure('format', more));
    assert.throws(
      () => nl.idx(withTrailer(null, 47), labels),
      failure('format', /imageBytes: expected 47 bytes.*got 46/),
    );
  });

  test('allocates no gigabytes because a damaged file says so', () => {
    assert.throws(
      () => nl.idx(withTrailer(null, 0xfffffff0), labels),
      failure('format', /at most 2147483648.*4294967280/),
    );
    assert.throws(() => nl.idx(withTrailer(null, 2e9), labels), failure('format', /2000000000 bytes.*cannot/));
  });

  // A block that is stored has 5 bytes before its content; the last two bits of 6, as those of a block's first byte, stand for
  // a type of block that there is not. https://www.rfc-editor.org/rfc/rfc1951#section-3.2.3
  test('names the byte where it stops to make sense', () => {
    const stored = (length) => {
      const block = new Uint8Array(5 + length);
      block.set([0, length & 255, length >> 8, ~length & 255, (~length >> 8) & 255]);
      return block;
    };
    for (const lengths of [[], [1], [100, 200], [40_000], [16_379], [16_378], [9_000, 60_000, 1]]) {
      const blocks = lengths.flatMap((length) => [...stored(length)]);
      const length = lengths.reduce((sum, each) => sum + each, 0);
      const trailer = [0, 0, 0, 0, ...[0, 8, 16, 24].map((bits) => ((length + 9) >> bits) & 255)];
      const file = (...rest) => Uint8Array.from([...packed.subarray(0, 10), ...blocks, ...rest, ...trailer]);
      const at = 10 + blocks.length;
      const wrong = `imageBytes: expected deflate data at byte ${at}, got something else (invalid block type)`;
      assert.throws(() => nl.idx(file(6, 1, 2, 3, 4, 5), labels), failure('format', wrong));
      const cut = `imageBytes: expected deflate data at byte ${at + 3}, got its end (truncated)`;
      assert.throws(() => nl.idx(file(0, 4, 0), labels), failure('format', cut));
    }
  });

  test('says so where it counts bytes of the content', () => {
    const wrong = gzipSync(labelFile([0, 1, 10, 1, 0]));
    const message = /labels\.gz, unpacked: expected labels 0 to 9, got 10 for image 2 \(byte 10\)/;
    assert.throws(() => nl.idx(images, wrong, { classes: 10, labelsName: 'labels.gz' }), failure('format', message));
    assert.throws(() => nl.idx(gzipSync(labels), labels), failure('format', /imageBytes, unpacked: expected magic/));
  });

  test('reports what it unpacks', () => {
    const pixels = noise(9 * 2 ** 20);
    const file = imageFile(9, 1024, 1024, pixels);
    const digits = labelFile(Array(9).fill(0));
    const reports = [];
    nl.idx(gzipSync(file, { level: 1 }), gzipSync(digits), {
      imagesName: 'i',
      onProgress: (each) => reports.push(each),
    });
    const [first] = reports;
    assert.deepEqual(first, { loaded: 0, total: file.length, phase: 'unpack', file: 'i' });
    const own = reports.filter((report) => report.file === 'i');
    assert.ok(own.length >= 4, `${own.length} reports of 9 MB`);
    assert.ok(own.every(({ loaded }, i) => i === 0 || loaded > own[i - 1].loaded));
    assert.equal(own.at(-1).loaded, file.length);
    const { length } = digits;
    const rest = { total: length, phase: 'unpack', file: 'labelBytes' };
    assert.deepEqual(reports.slice(own.length), [
      { loaded: 0, ...rest },
      { loaded: length, ...rest },
    ]);
    nl.idx(file, digits, { onProgress: () => assert.fail('nothing is packed') });
    assert.throws(
      () => nl.idx(file, digits, { onProgress: 1 }),
      failure('argument', /onProgress: expected a function/),
    );
  });

  test('reads past the optional parts of the header', () => {
    const header = [...packed.subarray(0, 3), 31, ...packed.subarray(4, 10)];
    const parts = [3, 0, 1, 0, 2, ...Buffer.from('name\0a comment\0'), 0xab, 0xcd];
    const whole = Uint8Array.from([...header, ...parts, ...packed.subarray(10)]);
    assert.deepEqual([...nl.idx(whole, labels).images], [...noise(30)]);
    for (let length = 0; length < whole.length; length++) {
      assert.throws(() => nl.idx(whole.subarray(0, length), labels), failure('format', /imageBytes/), `${length}`);
    }
    const unended = whole.map((byte, at) => (at > 14 && at < 40 && byte === 0 ? 1 : byte));
    assert.throws(() => nl.idx(unended, labels), failure('format', /imageBytes: (expected a header|corrupt)/));
    const method = packed.map((byte, at) => (at === 2 ? 7 : byte));
    assert.throws(() => nl.idx(method, labels), failure('format', /expected method 8 \(deflate\) at byte 2, got 7/));
  });

  test('notices any byte that is changed, or is not misled by it', () => {
    const expected = nl.idx(images, labels);
    let noticed = 0;
    for (let at = 0; at < packed.length; at++) {
      const damaged = packed.slice();
      damaged[at] ^= 0x55;
      try {
        // Some header bytes say nothing of the content: time, system, level.
        assert.deepEqual([...nl.idx(damaged, labels).images], [...expected.images], `byte ${at}`);
      } catch (error) {
        failure('format', /imageBytes/)(error);
        noticed++;
      }
    }
    assert.ok(noticed >= packed.length - 8, `${noticed} of ${packed.length}`);
  });
});

describe('dataset', () => {
  const set = () => nl.idx(images, labels, { mean: [0.25], std: [0.5] });

  test('batch standardizes the images of the indices, in their order', () => {
    const { x, labels: y } = set().batch([4, 0, 4]);
    assert.deepEqual(x.shape, [3, 1, 3, 2]);
    assert.deepEqual(y, Int32Array.of(0, 0, 0));
    const bytes = noise(30);
    const image = (i) => [...bytes.subarray(6 * i, 6 * i + 6)].map((value) => Math.fround((value / 255 - 0.25) / 0.5));
    assert.deepEqual([...x.data], [...image(4), ...image(0), ...image(4)]);
    assert.deepEqual(set().batch(Uint8Array.of(2)).labels, Int32Array.of(2));
    assert.deepEqual(set().batch([]).x.shape, [0, 1, 3, 2]);
  });

  test('batch refuses indices that are not those of images', () => {
    for (const wrong of [5, -1, 1.5, Number.NaN, '0']) {
      assert.throws(() => set().batch([0, wrong]), failure('argument', /indices\[1\].*from 0 to 4, got/), `${wrong}`);
    }
    assert.throws(() => set().batch(3), failure('argument', /indices: expected an array, got 3/));
  });

  test('slice shares memory, keeps the statistics, and takes bounds as arrays do', () => {
    const whole = set();
    const part = whole.slice(1, 3);
    assert.equal(part.length, 2);
    assert.deepEqual(part.labels, Int32Array.of(1, 2));
    assert.equal(part.images.buffer, whole.images.buffer);
    assert.deepEqual([part.mean, part.std, part.classes], [whole.mean, whole.std, whole.classes]);
    assert.deepEqual(part.batch([1]).x, whole.batch([2]).x);
    assert.deepEqual(part.slice(1).labels, Int32Array.of(2));
    const array = [...whole.labels];
    for (const [start, end] of [
      [0, 99],
      [-2, 5],
      [1, -1],
      [3, 2],
      [9, 12],
      [-9, 2],
    ]) {
      assert.deepEqual([...whole.slice(start, end).labels], array.slice(start, end), `${start}, ${end}`);
    }
    assert.equal(whole.slice().length, 5);
    assert.throws(() => part.batch([2]), failure('argument', /indices\[0\].*from 0 to 1, got 2/));
    assert.throws(() => whole.slice(0.5), failure('argument', /start.*0\.5/));
    assert.throws(() => whole.slice(0, Number.NaN), failure('argument', /end.*NaN/));
  });
});

describe('loadDataset', () => {
  test('reads the Fashion-MNIST that ships with the package', async () => {
    const progress = [];
    const { train, test: held } = await nl.loadDataset('fashion-mnist', {
      onProgress: (state) => progress.push(state),
    });
    assert.deepEqual([train.length, held.length], [10000, 2000]);
    assert.deepEqual(
      [train.shape, held.shape],
      [
        [1, 28, 28],
        [1, 28, 28],
      ],
    );
    assert.deepEqual([train.classes, held.classes], [10, 10]);
    assert.equal(train.classNames[9], 'Ankle boot');
    // The first training image is the ankle boot of Fashion-MNIST's README.
    assert.deepEqual([...train.labels.subarray(0, 4)], [9, 0, 0, 3]);
    assert.deepEqual([...held.labels.subarray(0, 4)], [9, 2, 1, 1]);
    // All 60,000 have 0.2860 and 0.3530.
    assert.ok(Math.abs(train.mean[0] - 0.286) < 0.002, `${train.mean}`);
    assert.ok(Math.abs(train.std[0] - 0.353) < 0.002, `${train.std}`);
    assert.deepEqual([held.mean, held.std], [train.mean, train.std]);
    const { x } = train.batch(Array.from({ length: 10000 }, (_, i) => i));
    const mean = x.data.reduce((sum, value) => sum + value, 0) / x.data.length;
    const variance = x.data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / x.data.length;
    assert.ok(Math.abs(mean) < 1e-6 && Math.abs(variance - 1) < 1e-6, `${mean}, ${variance}`);

    assert.ok(progress.length >= 2);
    assert.ok(progress.every(({ loaded }, i) => i === 0 || loaded >= progress[i - 1].loaded));
    const last = progress.at(-1);
    assert.ok(last.loaded > 0);
    assert.equal(last.loaded, last.total);
  });

  test('names what it knows', async () => {
    await assert.rejects(
      nl.loadDataset('mnist'),
      failure('argument', /fashion-mnist or blobs or textures, got 'mnist'/),
    );
    await assert.rejects(nl.loadDataset(), failure('argument', /fashion-mnist or blobs or textures, got undefined/));
    await assert.rejects(
      nl.loadDataset('toString'),
      failure('argument', /fashion-mnist or blobs or textures, got 'toString'/),
    );
  });
});

describe('loadDirectory', () => {
  /** @type {string} */
  let path;
  before(async () => {
    path = await mkdtemp(join(tmpdir(), 'normlab-data-'));
  });
  after(() => rm(path, { recursive: true }));
  const write = async (files) => {
    const directory = await mkdtemp(join(path, 'set-'));
    await Promise.all(Object.entries(files).map(([name, bytes]) => writeFile(join(directory, name), bytes)));
    return directory;
  };

  test('reads plain and gzip files in both spellings', async () => {
    const files = folder();
    const packed = (name) => gzipSync(files[name]);
    const directories = await Promise.all([
      write(files),
      write(Object.fromEntries(Object.keys(files).map((name) => [`${name}.gz`, packed(name)]))),
      write(
        Object.fromEntries(
          Object.keys(files).map((name, i) => [
            name.replace('-idx', '.idx') + (i % 2 ? '' : '.gz'),
            i % 2 ? files[name] : packed(name),
          ]),
        ),
      ),
    ]);
    for (const directory of directories) {
      const { train, test: held } = nl.loadDirectory(directory);
      assert.deepEqual([train.length, held.length, train.classes, held.classes], [24, 24, 3, 3]);
      assert.deepEqual([...train.images], [...noise(24 * 64)]);
      assert.deepEqual([...held.images], [...noise(24 * 64, 2)]);
      assert.deepEqual([held.mean, held.std], [train.mean, train.std]);
    }
  });

  test('gives both splits, and their slices, the classes of either', async () => {
    const files = { ...folder(), 't10k-labels-idx1-ubyte': labelFile(Array(24).fill(6)) };
    const { train, test: held } = nl.loadDirectory(await write(files));
    assert.deepEqual([train.classes, held.classes, train.slice(0, 4).classes], [7, 7, 7]);
  });

  test('names missing files, wrong files and missing folders', async () => {
    const { 'train-labels-idx1-ubyte': _, ...incomplete } = folder();
    const part = await write(incomplete);
    assert.throws(() => nl.loadDirectory(part), failure('io', /has no train-labels-idx1-ubyte \(nor with \.gz\)/));
    assert.throws(() => nl.loadDirectory(join(path, 'nowhere')), failure('io', /nowhere: ENOENT/));
    assert.throws(() => nl.loadDirectory(), failure('argument', /path: expected a string, got undefined/));
    const files = folder();
    const name = 't10k-images-idx3-ubyte';
    const short = await write({ ...files, [name]: files[name].subarray(0, 100) });
    assert.throws(() => nl.loadDirectory(short), failure('format', /t10k-images-idx3-ubyte: .*byte 100 \(truncated\)/));
    const other = await write({ ...files, [name]: imageFile(24, 4, 16, noise(24 * 64)) });
    assert.throws(() => nl.loadDirectory(other), failure('format', /t10k-images.*\[1,8,8\].*got \[1,4,16\]/));
  });

  const full = '/usr/share/datasets/fashion-mnist';
  const skip = !existsSync(full) && !process.env.CI && `install dataset-fashion-mnist, which puts it into ${full}`;
  test('reads all of Fashion-MNIST', { skip }, async () => {
    const { train, test: held } = nl.loadDirectory(full);
    assert.deepEqual([train.length, held.length, train.classes], [60000, 10000, 10]);
    // The figures that everybody normalizes it with.
    assert.equal(train.mean[0].toFixed(4), '0.2860');
    assert.equal(train.std[0].toFixed(4), '0.3530');
    const packed = await nl.loadDataset('fashion-mnist');
    assert.deepEqual(packed.train.labels, train.labels.slice(0, 10000));
    assert.deepEqual([...packed.train.slice(9999).images], [...train.slice(9999, 10000).images]);
  });
});
