import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { createEngine } from 'normlab';
import { batchFile, RECORD } from './fixtures/cifar.js';
import { noise } from './fixtures/idx.js';
import { failure } from './support/assertions.js';

const nl = await createEngine();

const first = batchFile([3, 9, 0]);
const second = batchFile([1, 1], 2);
const image = (batch, i) => [...batch.subarray(i * RECORD + 1, (i + 1) * RECORD)];

test('reads batches one after the other', () => {
  const set = nl.cifar10(first, second);
  assert.deepEqual([set.name, set.shape, set.length, set.classes], ['cifar10', [3, 32, 32], 5, 10]);
  assert.deepEqual(set.labels, Int32Array.of(3, 9, 0, 1, 1));
  assert.deepEqual(
    [...set.images],
    [0, 1, 2].flatMap((i) => image(first, i)).concat(image(second, 0), image(second, 1)),
  );
  assert.deepEqual([set.classNames[0], set.classNames[9]], ['airplane', 'truck']);
});

test('reads plain, gzip, ArrayBuffer and Buffer alike', () => {
  const expected = nl.cifar10(first);
  for (const bytes of [new Uint8Array(gzipSync(first)), gzipSync(first), first.buffer, Buffer.from(first)]) {
    const set = nl.cifar10(bytes);
    assert.deepEqual([...set.images], [...expected.images]);
    assert.deepEqual([set.labels, set.mean, set.std], [expected.labels, expected.mean, expected.std]);
  }
});

test('computes mean and standard deviation of each channel', () => {
  const set = nl.cifar10(first, second);
  for (let c = 0; c < 3; c++) {
    const values = [first, second].flatMap((batch) =>
      Array.from({ length: batch.length / RECORD }, (_, i) => image(batch, i).slice(c * 1024, (c + 1) * 1024)).flat(),
    );
    const mean = values.reduce((sum, value) => sum + value / 255, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value / 255 - mean) ** 2, 0) / values.length;
    assert.ok(Math.abs(set.mean[c] - mean) < 1e-12);
    assert.ok(Math.abs(set.std[c] - Math.sqrt(variance)) < 1e-12);
  }
});

test('takes names, classes and statistics that are given', () => {
  const stats = { mean: [0.1, 0.2, 0.3], std: [1, 2, 3] };
  const set = nl.cifar10(first, { name: 'mine', classes: 12, ...stats });
  assert.deepEqual(
    [set.name, set.classes, set.classNames, set.mean, set.std],
    ['mine', 12, undefined, ...Object.values(stats)],
  );
  const names = Array.from({ length: 11 }, (_, i) => `class ${i}`);
  assert.deepEqual(nl.cifar10(first, second, { classNames: names }).classes, 11);
  assert.equal(nl.cifar10(first, undefined).length, 3);
});

test('refuses labels beyond the classes', () => {
  const wrong = batchFile([0, 1, 10]);
  const message = /test\.bin: expected labels 0 to 9, got 10 for image 2 \(byte 6146\)/;
  assert.throws(() => nl.cifar10(first, wrong, { fileNames: ['a.bin', 'test.bin'] }), failure('format', message));
  assert.equal(nl.cifar10(wrong, { classes: 11 }).classes, 11);
  assert.throws(
    () => nl.cifar10(first, { classes: 9 }),
    failure('format', /labels 0 to 8, got 9 for image 1 \(byte 3073\)/),
  );
});

test('names the byte within what a gzip file has unpacked', () => {
  const message = /test\.bin\.gz, unpacked: expected labels 0 to 9, got 10 for image 1 \(byte 3073\)/;
  const packed = gzipSync(batchFile([1, 10]));
  assert.throws(() => nl.cifar10(packed, { fileNames: ['test.bin.gz'] }), failure('format', message));
});

test('refuses every length that is not that of records, and says where the file ends', () => {
  for (let length = 0; length < first.length; length++) {
    if (length > 0 && length % RECORD === 0) continue;
    const end = (Math.floor(length / RECORD) + 1) * RECORD;
    const message = new RegExp(`bytes\\[0\\]: expected records of 3073 bytes.* byte ${end}, got .* byte ${length} \\(`);
    assert.throws(() => nl.cifar10(first.subarray(0, length)), failure('format', message));
  }
  assert.throws(() => nl.cifar10(new Uint8Array(2 * 3074)), failure('format', /CIFAR-100, whose records have 3074/));
});

test('refuses every truncation of gzip', () => {
  const packed = new Uint8Array(gzipSync(first));
  for (let length = 0; length < packed.length; length += length < 40 || length > packed.length - 40 ? 1 : 97) {
    assert.throws(() => nl.cifar10(packed.subarray(0, length)), failure('format', /bytes\[0\]/), `${length}`);
  }
});

test('refuses what is no file', () => {
  assert.throws(() => nl.cifar10(), failure('argument', /at least one file, got none/));
  assert.throws(() => nl.cifar10('bytes'), failure('argument', /bytes\[0\].*string/));
  assert.throws(() => nl.cifar10({}), failure('argument', /bytes\[0\].*object/));
  assert.throws(() => nl.cifar10(first, 'bytes', first), failure('argument', /bytes\[1\].*string/));
  assert.throws(() => nl.cifar10(first, new Float32Array(3)), failure('argument', /bytes\[1\].*object/));
  assert.throws(() => nl.cifar10(first, [second]), failure('argument', /options: expected an object/));
  assert.throws(() => nl.cifar10(first, { clases: 3 }), failure('argument', /unknown option 'clases'/));
  assert.throws(
    () => nl.cifar10(first, { fileNames: [] }),
    failure('argument', /fileNames: expected 1 names, got \[\]/),
  );
  assert.throws(() => nl.cifar10(first, { fileNames: [4] }), failure('argument', /fileNames\[0\].*string, got 4/));
});

test('survives 3,000 files with random bytes changed, plain and gzip', () => {
  const wholes = [batchFile([7]), new Uint8Array(gzipSync(new Uint8Array(2 * RECORD)))];
  let noticed = 0;
  for (let seed = 1; seed <= 3000; seed++) {
    const damaged = wholes[seed % 2].slice();
    const random = noise(6, seed * 7919);
    for (let i = 0; i < 2; i++) damaged[(random[3 * i] * 256 + random[3 * i + 1]) % damaged.length] = random[3 * i + 2];
    try {
      const { images, labels, length } = nl.cifar10(damaged, { fileNames: ['damaged.bin'] });
      assert.deepEqual([images.length, labels.length], [length * 3072, length]);
    } catch (error) {
      failure('format', /damaged\.bin/)(error);
      noticed++;
    }
  }
  assert.ok(noticed > 1000, `${noticed}`);
});
