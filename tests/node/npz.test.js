import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { createEngine } from 'normlab';
import { noise } from './fixtures/idx.js';
import { arrays, npy, zip } from './fixtures/npz.js';
import { failure } from './support/assertions.js';

const nl = await createEngine();

const archive = (images, labels, options) => zip({ 'images.npy': images, 'labels.npy': labels }, options);
const labelsOf = (n) => npy('|u1', [n], Array(n).fill(0));
const IDENTITY = { mean: [0], std: [1] };

describe('npz reads', () => {
  test('stored, deflated, gzip and ArrayBuffer alike', () => {
    const stored = zip(arrays());
    const expected = nl.npz(stored);
    assert.deepEqual([expected.name, expected.shape, expected.length, expected.classes], ['npz', [1, 3, 2], 6, 3]);
    assert.deepEqual([...expected.images], [...noise(36)]);
    assert.deepEqual(expected.labels, Int32Array.of(0, 1, 2, 0, 1, 2));
    const deflated = zip(arrays(), { deflate: true, comment: 'PK\x05\x06 is no end' });
    for (const bytes of [deflated, gzipSync(stored), Buffer.from(deflated), stored.buffer]) {
      const set = nl.npz(bytes);
      assert.deepEqual([...set.images], [...expected.images]);
      assert.deepEqual([set.labels, set.mean, set.std], [expected.labels, expected.mean, expected.std]);
    }
  });

  test('members beside those that it wants, in any order, their local headers without sizes', () => {
    const { 'images.npy': images, 'labels.npy': labels } = arrays();
    const set = nl.npz(
      zip({
        'classes.npy': npy('|u1', [1], [3]),
        'labels.npy': { content: labels, localSize: 0xffffffff, extra: new Uint8Array(20) },
        'images.npy': { content: images, localSize: 0, flags: 8 },
      }),
    );
    assert.deepEqual([set.length, set.classes], [6, 3]);
  });

  test('formats 1.0, 2.0 and 3.0', () => {
    for (const version of [1, 2, 3]) {
      const images = npy('|u1', [2, 2, 2], noise(8), { version });
      assert.deepEqual([...nl.npz(archive(images, labelsOf(2))).images], [...noise(8)]);
    }
  });

  test('headers as other writers space and quote them', () => {
    for (const header of [
      `{"shape":(2,2,2),"fortran_order":False,"descr":"|u1"}`,
      `{ 'descr' : '<u1', 'shape' : ( 2L, 2L, 2L ) , 'fortran_order' : False }`,
    ]) {
      assert.deepEqual(nl.npz(archive(npy('|u1', [], noise(8), { header }), labelsOf(2))).shape, [1, 2, 2]);
    }
  });

  test('labels of every integer type and byte order', () => {
    for (const type of ['u1', 'u2', 'u4', 'u8', 'i1', 'i2', 'i4', 'i8']) {
      for (const order of type.endsWith('1') ? ['|', '<', '>'] : ['<', '>']) {
        const labels = npy(order + type, [3], [0, 100, 7]);
        const set = nl.npz(archive(npy('|u1', [3, 1, 2], noise(6)), labels));
        assert.deepEqual([set.labels, set.classes], [Int32Array.of(0, 100, 7), 101], order + type);
      }
    }
  });

  test('floats of either size and byte order, standardized', () => {
    const values = [...noise(24)].map((value) => value / 8 - 5);
    const mean = values.reduce((sum, value) => sum + value, 0) / 24;
    const std = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 24);
    for (const type of ['<f4', '>f4', '<f8', '>f8']) {
      const bytes = archive(npy(type, [4, 2, 3], values), labelsOf(4));
      const set = nl.npz(bytes);
      assert.ok(Math.abs(set.mean[0] - mean) < 1e-12 && Math.abs(set.std[0] - std) < 1e-12, type);
      const expected = values.map((value) => Math.fround((value - set.mean[0]) / set.std[0]));
      assert.deepEqual([...set.images], expected, type);
      assert.deepEqual([...set.batch([1]).x.data], expected.slice(6, 12));
      assert.deepEqual([...nl.npz(bytes, IDENTITY).images], values, type);
    }
  });

  test('constant float channels as zeros', () => {
    const set = nl.npz(archive(npy('<f8', [7, 3, 3], Array(63).fill(0.1)), labelsOf(7)));
    assert.deepEqual([set.std, set.mean], [[1], [Math.fround(0.1)]]);
    assert.ok(set.images.every((value) => value === 0));
  });

  test('channels first and last', () => {
    const at = (shape, last) =>
      Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
        const [, a, b, c] = shape;
        // The value says where it is: channel, row, column.
        const [k, row, column] = last
          ? [i % c, Math.floor(i / (b * c)) % a, Math.floor(i / c) % b]
          : [Math.floor(i / (b * c)) % a, Math.floor(i / c) % b, i % c];
        return 100 * k + 10 * row + column;
      }).map((value) => value % 256);
    for (const [shape, expected, last] of [
      [[2, 5, 6, 3], [3, 5, 6], true],
      [[2, 5, 6, 4], [4, 5, 6], true],
      [[2, 5, 6, 1], [1, 5, 6], true],
      [[2, 3, 5, 6], [3, 5, 6], false],
      [[2, 3, 5, 4], [3, 5, 4], false],
      [[2, 5, 3, 2], [5, 3, 2], false],
    ]) {
      for (const type of ['|u1', '<f4']) {
        const set = nl.npz(archive(npy(type, shape, at(shape, last)), labelsOf(2)), {
          mean: Array(expected[0]).fill(0),
          std: Array(expected[0]).fill(1),
        });
        assert.deepEqual(set.shape, expected);
        assert.deepEqual([...set.images], at([2, ...expected], false), `${shape}`);
      }
    }
  });

  test('names, classes and statistics that are given', () => {
    const given = { name: 'mine', mean: [0.5], std: [0.25], classNames: ['a', 'b', 'c', 'd'] };
    const set = nl.npz(zip(arrays()), given);
    assert.deepEqual([set.name, set.classes, set.mean, set.std], ['mine', 4, [0.5], [0.25]]);
    assert.throws(() => nl.npz(zip(arrays()), { classes: 2 }), failure('format', /labels 0 to 1, got 2 for image 2/));
  });

  const noNumpy = spawnSync('/usr/bin/python3', ['-c', 'import numpy']).status !== 0;
  test('what NumPy writes', { skip: noNumpy && 'install python3-numpy' }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'normlab-npz-'));
    const script = `
import numpy as np
x = np.arange(2 * 6 * 5 * 3).reshape(2, 6, 5, 3).astype(np.uint8)
np.savez('stored.npz', images=x, labels=np.array([4, 2]))
np.savez_compressed('deflated.npz', images=x.transpose(0, 3, 1, 2).copy().astype('>f8'), labels=np.array([4, 2], 'u2'))
np.savez('fortran.npz', images=np.asfortranarray(x), labels=np.array([4, 2]))
`;
    assert.equal(spawnSync('/usr/bin/python3', ['-c', script], { cwd: directory, stdio: 'inherit' }).status, 0);
    const [stored, deflated, fortran] = await Promise.all(
      ['stored', 'deflated', 'fortran'].map((name) => readFile(join(directory, `${name}.npz`))),
    );
    await rm(directory, { recursive: true });
    const given = { mean: [0, 0, 0], std: [1, 1, 1] };
    const bytes = nl.npz(stored, given);
    assert.deepEqual([bytes.shape, bytes.labels], [[3, 6, 5], Int32Array.of(4, 2)]);
    assert.deepEqual([...bytes.images.subarray(0, 3)], [0, 3, 6]);
    assert.deepEqual([...nl.npz(deflated, given).images], [...bytes.images]);
    assert.throws(() => nl.npz(fortran), failure('format', /images\.npy: expected values in C order/));
  });
});

describe('npz refuses', () => {
  const { 'images.npy': images, 'labels.npy': labels } = arrays();
  const member = (fields) => archive({ content: images, ...fields }, labels);
  const deflated = (fields) => member({ method: 8, ...fields });
  const header = (text) => archive(npy('|u1', [], noise(36), { header: text }), labels);
  const shaped = (shape, type = '|u1') => archive(npy(type, shape, noise(36)), labels);
  const dictionary = "{'descr': '|u1', 'fortran_order': False, 'shape': (6, 3, 2), }";
  const headerWith = (from, to) => header(dictionary.replace(from, to));

  /** @type {[string, Uint8Array, RegExp][]} */
  const corrupt = [
    ['nothing', new Uint8Array(), /expected an end record of 22 bytes, got .* byte 0 \(truncated\)/],
    ['text', new TextEncoder().encode('<!doctype html> and more'), /signature 0x04034b50.* byte 0, .*not a zip file/],
    ['a bare array', images, /byte 0.*a single \.npy array/],
    ['bytes behind the end', new Uint8Array([...zip(arrays()), 0]), /end record.*truncated/],
    ['no labels', zip({ 'images.npy': images }), /expected an array 'labels', got \['images\.npy'\]/],
    ['no images', zip({ 'labels.npy': labels }), /expected an array 'images', got \['labels\.npy'\]/],
    ['an empty zip file', zip({}), /expected an array 'labels', got \[\]/],
    [
      'a name twice',
      zip({ a: { content: labels, name: 'b' }, b: labels }),
      /expected one 'b', got another at byte \d+/,
    ],
    ['several disks', zip(arrays(), { end: { disk: 1 } }), /one disk, got disks 1 and 0 at byte \d+/],
    ['too many members', zip(arrays(), { end: { count: 3 } }), /directory entry of 46 bytes at byte \d+/],
    ['too few members', zip(arrays(), { end: { count: 1 } }), /directory of 1 members to end at byte \d+, got/],
    ['a directory elsewhere', zip(arrays(), { end: { at: 7 } }), /directory to end at byte \d+, .*from byte 7 /],
    ['zip64 sizes at the end', zip(arrays(), { end: { at: 0xffffffff } }), /zip64.*at byte/],
    ['zip64 counts', zip(arrays(), { end: { count: 0xffff } }), /zip64/],
    ['zip64 members', deflated({ size: 0xffffffff }), /images\.npy: .*without zip64.*byte \d+/],
    ['encryption', member({ flags: 1 }), /images\.npy: .*not encrypted, got flags 1 at byte \d+/],
    ['other methods', member({ method: 12, data: images }), /images\.npy: .*got method 12 at byte \d+/],
    ['a stored size that lies', member({ size: 10 }), /images\.npy: expected the 164 bytes .* got a size of 10/],
    ['data beyond the directory', deflated({ packed: 100_000 }), /before the directory at byte \d+.*truncated/],
    ['a local header beyond the directory', member({ at: 100_000 }), /local header before byte \d+, got byte 100000/],
    ['a local header that is none', member({ at: 1 }), /local header 0x04034b50 at byte 1/],
    [
      'a local header of another',
      member({ localName: 'labels.npy' }),
      /the name 'images\.npy' at byte 30, got 'labels\.npy'/,
    ],
    ['a wrong checksum', member({ crc: 1 }), /expected checksum 0x00000001 \(at byte \d+\), got 0x/],
    ['a wrong checksum, deflated', deflated({ crc: 1 }), /expected checksum 0x00000001/],
    [
      'a size that is too small',
      deflated({ size: 163 }),
      /images\.npy: expected 163 bytes of content, got more.* byte 40/,
    ],
    [
      'a size that is too large',
      deflated({ size: 165 }),
      /expected 165 bytes of content \(said at byte \d+\), got 164 from/,
    ],
    [
      'deflate data cut off',
      deflated({ data: deflateRawSync(images).subarray(0, 20) }),
      /expected deflate data at byte 60, got its end \(truncated\)/,
    ],
    [
      'deflate data that is none',
      deflated({ data: new Uint8Array(40).fill(255) }),
      /deflate data at byte 40, got something else/,
    ],
    ['no deflate data', deflated({ data: new Uint8Array() }), /cannot come from 0 bytes/],

    [
      'an empty member',
      member({ content: new Uint8Array() }),
      /images\.npy: expected a header of 10 bytes, got an end at byte 0/,
    ],
    ['a member that is no array', member({ content: noise(40) }), /images\.npy: expected '\\x93NUMPY'/],
    ['half a magic', member({ content: images.subarray(0, 4) }), /header of 10 bytes, got an end at byte 4/],
    ['half a header', member({ content: images.subarray(0, 60) }), /header of 128 bytes, got an end at byte 60/],
    ['format 4.0', member({ content: images.map((byte, i) => (i === 6 ? 4 : byte)) }), /got 4\.0 \(byte 6\)/],
    [
      'a header of gigabytes',
      archive(npy('|u1', [6, 3, 2], noise(36), { version: 2 }).fill(255, 8, 12), labels),
      /at most 65536 bytes, got 4294967295 \(byte 8\)/,
    ],
    ['no dictionary', header('[]'), /expected the header's '\{' at byte 10, got '\[\]/],
    ['an open dictionary', headerWith(' }', ''), /expected an entry.* at byte \d+/],
    ['missing keys', headerWith("'fortran_order': False, ", ''), /'fortran_order': True or False/],
    ['unknown keys', headerWith('descr', 'dtype'), /descr, fortran_order, shape once each at byte 11/],
    ['keys twice', headerWith("'descr': '|u1',", "'descr': '|u1', 'descr': '|u1',"), /once each at byte 27/],
    ['values of the wrong kind', headerWith('(6, 3, 2)', 'True'), /'shape': tuple/],
    ['code', headerWith('False', '__import__'), /expected an entry.* at byte 27/],
    ['more behind the dictionary', headerWith(', }', ', } 1'), /nothing but spaces at byte \d+, got '1/],
    ['structures', headerWith("'|u1'", "[('a', '|u1')]"), /expected an entry .* at byte 11/],
    ['objects', headerWith('|u1', '|O'), /type u1, f4, f8, got '\|O' \(byte 11\)/],
    ['integers that are no bytes', shaped([6, 3, 2], '<i2'), /images\.npy: .*got '<i2' \(byte 11\)/],
    ['floats without a byte order', headerWith('|u1', '|f4'), /got '\|f4'/],
    [
      'Fortran order',
      headerWith('False', 'True'),
      /images\.npy: expected values in C order, got fortran_order True \(byte 27\)/,
    ],
    ['sizes of 0', shaped([0, 3, 2]), /sizes >= 1, got \[0, 3, 2\] \(byte \d+\)/],
    ['negative sizes', shaped([-6, 3, 2]), /expected an entry/],
    ['sizes that are none', headerWith('6, 3', '6 3'), /sizes >= 1, got \[NaN/],
    [
      'sizes beyond any memory',
      shaped([999999999999999, 999999999999999, 999999999999999]),
      /got an end at byte 164 \(truncated\)/,
    ],
    [
      'sizes that are too large',
      shaped([7, 3, 2]),
      /7 × 3 × 2 values of 1 bytes from byte 128 to byte 170, got an end at byte 164/,
    ],
    ['sizes that are too small', shaped([5, 3, 2]), /byte 164 \(6 bytes too many\)/],
    ['a thousand dimensions', shaped(Array(1000).fill(1)), /sizes >= 1, got an array of 1000/],
    ['two dimensions', shaped([6, 6]), /\[N, H, W, C\], got \[6,6\]/],
    ['no dimensions', archive(npy('|u1', [], [1]), labels), /\[N, H, W, C\], got \[\]/],
    [
      'floats that are not finite',
      archive(npy('<f4', [6, 1, 1], [0, 1, NaN, 3, 4, 5]), labels),
      /finite.*got NaN \(byte 136\)/,
    ],
    [
      'doubles beyond float32',
      archive(npy('<f8', [6, 1, 1], [0, 1e300, 2, 3, 4, 5]), labels),
      /finite.*got 1e\+300 \(byte 136\)/,
    ],
    ['more labels than images', archive(images, labelsOf(7)), /labels\.npy: expected 6 labels.*shape \[7\]/],
    ['labels of two dimensions', archive(images, npy('|u1', [6, 1], Array(6).fill(0))), /labels\.npy: .*shape \[6,1\]/],
    [
      'labels that are floats',
      archive(images, npy('<f4', [6], Array(6).fill(0))),
      /labels\.npy: expected values of type u1,.*'<f4'/,
    ],
    ['negative labels', archive(images, npy('<i8', [6], [0, 0, -1, 0, 0, 0])), /got -1 for image 2 \(byte 144\)/],
    [
      'huge labels',
      archive(images, npy('<u8', [6], [0, 2 ** 63, 1, 0, 0, 0])),
      /labels 0 to 65535, got 9223372036854775808 for image 1 \(byte 136\)/,
    ],
  ];
  for (const [what, bytes, message] of corrupt) {
    test(what, () => {
      const named = new RegExp(`^npz: set\\.npz: .*${message.source}`);
      assert.throws(() => nl.npz(bytes, { fileName: 'set.npz' }), failure('format', named));
    });
  }

  test('what an array has wrong, and says where the array is', () => {
    const wrong = { 'labels.npy': labelsOf(7), 'images.npy': images };
    for (const [bytes, message] of [
      [zip(wrong), /expected 6 labels .* shape \[7\]; the array stands at byte 40 of the file$/],
      [zip(wrong, { deflate: true }), /shape \[7\]; the array is deflated at byte 40 of the file$/],
      [gzipSync(zip(wrong)), /npz: a, unpacked: labels\.npy: .* the array stands at byte 40 of the file$/],
    ]) {
      assert.throws(() => nl.npz(bytes, { fileName: 'a' }), failure('format', message));
    }
  });

  test('a zip bomb by its declared size', () => {
    const zeros = new Uint8Array(2 ** 20);
    const bomb = archive(npy('|u1', [2 ** 14, 8, 8], zeros), labelsOf(2 ** 14), { deflate: true });
    const declared = /images\.npy: expected at most 1000 bytes of content \(maxBytes\), got 1048704, said at byte \d+/;
    // The labels come first, and are larger than that too.
    const most = /labels\.npy: expected at most 1000 bytes/;
    assert.throws(() => nl.npz(bomb, { maxBytes: 1000 }), failure('format', most));
    const small = archive(npy('|u1', [2 ** 14, 8, 8], zeros), labelsOf(2), { deflate: true });
    assert.throws(() => nl.npz(small, { maxBytes: 1000 }), failure('format', declared));
    assert.equal(nl.npz(bomb, { maxBytes: 2 ** 21 }).length, 2 ** 14);
    const beyond = deflated({ size: 2 ** 30 + 1, data: deflateRawSync(new Uint8Array(2 ** 21)) });
    assert.throws(() => nl.npz(beyond), failure('format', /at most 1073741824 bytes .* got 1073741825/));
  });

  test('sizes that lie without getting memory for them', () => {
    const { arrayBuffers } = process.memoryUsage();
    // What a megabyte may inflate to, within the limit: it inflates to a megabyte.
    const data = deflateRawSync(noise(2 ** 20));
    for (const size of [2 ** 30, 1000]) {
      assert.throws(() => nl.npz(deflated({ size, data })), failure('format', /expected \d+ bytes of content/));
    }
    assert.ok(process.memoryUsage().arrayBuffers - arrayBuffers < 2 ** 26);
  });

  test('arguments that it does not take', () => {
    assert.throws(
      () => nl.npz('bytes'),
      failure('argument', /npz: bytes: expected a Uint8Array or ArrayBuffer, got string/),
    );
    assert.throws(
      () => nl.npz(zip(arrays()), { maxBytes: 0 }),
      failure('argument', /maxBytes: expected an integer from 1 to/),
    );
    assert.throws(
      () => nl.npz(zip(arrays()), { fileName: 4 }),
      failure('argument', /fileName: expected a string, got 4/),
    );
    assert.throws(() => nl.npz(zip(arrays()), { file: 'a' }), failure('argument', /unknown option 'file'/));
    assert.throws(() => nl.npz(zip(arrays()), { std: [0] }), failure('argument', /std.*positive/));
  });
});

/** Either nothing is noticed, and the dataset is whole, or a NormlabError says what is wrong. */
function readOrRefuse(bytes) {
  try {
    const { images, labels, shape, length } = nl.npz(bytes, { fileName: 'damaged.npz' });
    assert.equal(
      images.length,
      shape.reduce((a, b) => a * b, length),
    );
    assert.equal(labels.length, length);
    return true;
  } catch (error) {
    return !failure('format', /damaged\.npz/)(error);
  }
}

describe('npz survives', () => {
  const wholes = [zip(arrays()), zip(arrays(), { deflate: true }), new Uint8Array(gzipSync(zip(arrays())))];

  test('every truncation', () => {
    for (const whole of wholes) {
      for (let length = 0; length < whole.length; length++) {
        assert.throws(() => nl.npz(whole.subarray(0, length)), failure('format', /npz|gunzip/), `${length}`);
      }
    }
  });

  test('every truncation of an array in a sound zip file', () => {
    const { 'images.npy': images, 'labels.npy': labels } = arrays();
    for (let length = 0; length < images.length; length++) {
      assert.equal(readOrRefuse(archive(images.subarray(0, length), labels)), false, `images, ${length}`);
    }
    for (let length = 0; length < labels.length; length++) {
      assert.equal(readOrRefuse(archive(images, labels.subarray(0, length))), false, `labels, ${length}`);
    }
  });

  test('3,000 zip files with random bytes changed', () => {
    let noticed = 0;
    for (let seed = 1; seed <= 3000; seed++) {
      const damaged = wholes[seed % 3].slice();
      const random = noise(12, seed * 7919);
      for (let i = 0; i <= seed % 3; i++) {
        damaged[((random[4 * i] << 16) | (random[4 * i + 1] << 8) | random[4 * i + 2]) % damaged.length] =
          random[4 * i + 3];
      }
      if (!readOrRefuse(damaged)) noticed++;
    }
    assert.ok(noticed > 2000, `${noticed}`);
  });

  test('3,000 arrays with random bytes changed, in sound zip files', () => {
    let noticed = 0;
    for (let seed = 1; seed <= 3000; seed++) {
      const { 'images.npy': images, 'labels.npy': labels } = arrays();
      const damaged = seed % 2 ? images : labels;
      const random = noise(6, seed * 104729);
      for (let i = 0; i <= seed % 2; i++) damaged[random[3 * i] % damaged.length] = random[3 * i + 1];
      if (!readOrRefuse(archive(images, labels, { deflate: seed % 4 > 1 }))) noticed++;
    }
    assert.ok(noticed > 1000, `${noticed}`);
  });
});
