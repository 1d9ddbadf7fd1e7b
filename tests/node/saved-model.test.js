import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { createEngine, NormlabError } from 'normlab';
import { edited, file, headerOf, parts } from './fixtures/safetensors.js';
import { assertClose, failure } from './support/assertions.js';
import { fromRecipe } from './support/golden.js';
import { random } from './support/random.js';
import { forEachVariant } from './support/variants.js';

const conv = (outChannels, more = {}) => ({ type: 'conv2d', outChannels, kernelSize: 3, padding: 1, ...more });
const RESNET = {
  input: [2, 8, 8],
  seed: 4,
  layers: [
    conv(6, { bias: false }),
    { type: 'batchNorm', name: 'stem' },
    { type: 'relu' },
    {
      type: 'residual',
      body: [conv(8, { stride: 2 }), { type: 'batchNorm', momentum: 0.3 }],
      shortcut: [conv(8, { kernelSize: 1, padding: 0, stride: 2 }), { type: 'groupNorm', numGroups: 2 }],
    },
    { type: 'instanceNorm', affine: true, trackRunningStats: true },
    { type: 'gelu' },
    { type: 'globalAvgPool2d' },
    { type: 'flatten' },
    { type: 'linear', outFeatures: 5, name: 'head "ß"' },
  ],
};
const MLP = {
  input: [6],
  seed: 5,
  layers: [
    { type: 'linear', outFeatures: 8 },
    { type: 'batchNorm', momentum: null },
    { type: 'tanh' },
    { type: 'layerNorm' },
    { type: 'rmsNorm' },
    { type: 'linear', outFeatures: 3, bias: false },
  ],
};
const PLAIN = {
  input: [3],
  seed: 0,
  layers: [{ type: 'relu' }, { type: 'batchNorm', affine: false, trackRunningStats: false }],
};

/** A model whose every value has moved. @param {import('normlab').Engine} nl @param {any} spec */
function trained(nl, spec) {
  const { tensor, labels } = random(9);
  const model = nl.model(spec);
  const trainer = nl.trainer(model, { optimizer: { type: 'adam', lr: 0.02 } });
  for (let i = 0; i < 3; i++) trainer.step(tensor([6, ...spec.input], 1, 0.5), labels(6, model.classes));
  trainer.dispose();
  return model;
}

const bitsOf = ({ data, shape }) => ({ shape, bits: new Int32Array(data.buffer, data.byteOffset, data.length) });

await forEachVariant((nl) => {
  describe('model.save and nl.loadModel', () => {
    for (const [name, spec] of Object.entries({ RESNET, MLP, PLAIN })) {
      test(`${name}: the same logits in both modes, bit for bit`, () => {
        const x = random(3).tensor([5, ...spec.input]);
        for (const mode of [false, true]) {
          const model = trained(nl, spec).train(mode);
          const bytes = model.save();
          const loaded = nl.loadModel(mode ? bytes : bytes.buffer);
          assert.equal(loaded.training, mode, 'the mode is kept');
          assert.deepEqual(loaded.spec, model.spec);
          assert.deepEqual(loaded.stateDict(), model.stateDict());
          // In train mode the second pass is of running statistics that the first has moved.
          for (const training of [mode, true, true, false]) {
            const [one, other] = [model, loaded].map((each) => bitsOf(each.train(training).forward(x)));
            assert.deepEqual(other, one, `training ${training}`);
          }
          assert.deepEqual(loaded.save(), model.save());
          model.dispose();
          loaded.dispose();
        }
      });
    }

    test('frozen layers stay frozen', () => {
      const model = trained(nl, RESNET).freeze(['stem']);
      const loaded = nl.loadModel(model.save());
      assert.deepEqual(loaded.frozen, ['stem']);
      const x = random(3).tensor([5, ...RESNET.input]);
      const [one, other] = [model, loaded].map((each) => each.gradients(x, [0, 1, 2, 3, 4]));
      assert.deepEqual(other, one);
      assert.deepEqual(loaded.stateDict()['stem.running_mean'], model.stateDict()['stem.running_mean']);
      assert.deepEqual(nl.loadModel(trained(nl, RESNET).save()).frozen, []);
    });

    test('NaN, infinities, zeros of both signs and denormals come back as they were', () => {
      const model = nl.model(MLP);
      const state = model.stateDict();
      state['0.weight'].data.set([Number.NaN, Infinity, -Infinity, -0, 1e-45, 3.4028234e38]);
      model.loadStateDict(state);
      assert.deepEqual(bitsOf(nl.loadModel(model.save()).stateDict()['0.weight']), bitsOf(state['0.weight']));
    });

    test('another engine makes the same model of it', async () => {
      const other = await createEngine({ variant: 'scalar' });
      const model = trained(nl, RESNET);
      assert.deepEqual(other.loadModel(model.save()).stateDict(), model.stateDict());
      other.dispose();
    });
  });
});

const nl = await createEngine();
const saved = (spec = MLP) => trained(nl, spec).save();

describe('a file of model.save', () => {
  test('is what the page of the format says', () => {
    const model = trained(nl, RESNET);
    const bytes = model.save();
    const { header, text, values } = parts(bytes);
    const { __metadata__: metadata, ...tensors } = header;
    assert.ok(text.startsWith('{'));
    assert.equal((bytes.length - values.length) % 8, 0, 'values are aligned');
    assert.ok(Object.values(metadata).every((value) => typeof value === 'string'));
    assert.equal(metadata.version, nl.version);
    assert.deepEqual(JSON.parse(metadata.spec), model.spec);
    const state = model.stateDict();
    assert.deepEqual(Object.keys(tensors).sort(), Object.keys(state).sort());
    let at = 0;
    for (const [
      key,
      {
        dtype,
        shape,
        data_offsets: [begin, end],
      },
    ] of Object.entries(tensors)) {
      assert.equal(begin, at, `${key} stands right behind the one before`);
      at = end;
      const view = new DataView(values.buffer, begin, end - begin);
      if (key.endsWith('num_batches_tracked')) {
        assert.deepEqual([dtype, shape, view.getBigInt64(0, true)], ['I64', [], BigInt(state[key])], key);
        continue;
      }
      assert.deepEqual([dtype, shape], ['F32', state[key].shape], key);
      const read = Float32Array.from({ length: view.byteLength / 4 }, (_, i) => view.getFloat32(4 * i, true));
      assert.deepEqual(read, state[key].data, key);
    }
    assert.equal(at, values.length);
    const order = Object.entries(tensors).map(([key, { dtype }]) => `${dtype === 'I64' ? 0 : 1}${key}`);
    assert.deepEqual(order, [...order].sort(), 'wide types first, then by name');
  });

  const noTorch = spawnSync('/usr/bin/python3', ['-c', 'import torch']).status !== 0;
  test('gives the same logits in PyTorch', { skip: noTorch && 'install python3-torch' }, async () => {
    const directory = await mkdtemp(join(tmpdir(), 'normlab-saved-'));
    const script = fileURLToPath(new URL('../golden/saved.py', import.meta.url));
    const [path, seed, n] = [join(directory, 'model.safetensors'), 7, 6];
    try {
      // A named layer's key may hold anything but a dot there too; options of its norms are PyTorch's names in both.
      const spec = structuredClone(RESNET);
      spec.layers[8].name = 'head';
      spec.layers[4] = { type: 'layerNorm' };
      for (const one of [spec, MLP]) {
        const model = trained(nl, one);
        await writeFile(path, model.save());
        const { status, stdout, stderr } = spawnSync('/usr/bin/python3', [script, path, `${seed}`, `${n}`], {
          encoding: 'utf8',
        });
        assert.equal(status, 0, stderr);
        const logits = JSON.parse(stdout);
        const size = n * one.input.reduce((a, b) => a * b, 1);
        const x = { data: fromRecipe({ seed, scale: 1, shift: 0 }, size), shape: [n, ...one.input] };
        for (const mode of ['eval', 'train']) {
          assertClose(model.train(mode === 'train').forward(x).data, logits[mode], 2e-5, mode);
        }
      }
    } finally {
      await rm(directory, { recursive: true });
    }
  });
});

describe('nl.safetensors', () => {
  const tensor = (data, shape = [data.length]) => ({ data: Float32Array.from(data), shape });
  const bytesOf = (Type, values) => new Uint8Array(Type.from(values).buffer);

  test('reads what PyTorch users save, in every float type', () => {
    const halves = [0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x0400, 0x3555, 0x8000, 0x7c00, 0xfc00, 0x7e00];
    const brains = [0x3f80, 0xc000, 0x7f7f, 0x0080, 0x0001, 0x8000, 0x7f80, 0x7fc0];
    const { header } = headerOf({
      d: ['F64', [1, 2]],
      n: ['I64', []],
      f: ['F32', [3]],
      h: ['F16', [11]],
      b: ['BF16', [8]],
      e: ['F32', [0, 4]],
    });
    const values = Buffer.concat([
      bytesOf(Float64Array, [Math.PI, 1e300]),
      bytesOf(BigInt64Array, [12345678901n]),
      bytesOf(Float32Array, [1, -0, 1e-45]),
      bytesOf(Uint16Array, halves),
      bytesOf(Uint16Array, brains),
    ]);
    // A header whose length is odd: what follows it is not aligned.
    const bytes = file(`${JSON.stringify({ __metadata__: { format: 'pt' }, ...header })} `.padEnd(501), values);
    assert.deepEqual(nl.safetensors(bytes), {
      d: tensor([Math.PI, Infinity], [1, 2]),
      n: 12345678901,
      f: tensor([1, -0, 1e-45]),
      h: tensor([
        1,
        -2,
        65504,
        2 ** -24,
        1023 * 2 ** -24,
        2 ** -14,
        1365 * 2 ** -12,
        -0,
        Infinity,
        -Infinity,
        Number.NaN,
      ]),
      b: tensor([1, -2, 255 * 2 ** 120, 2 ** -126, 2 ** -133, -0, Infinity, Number.NaN]),
      e: tensor([], [0, 4]),
    });
  });

  test('gives what loadStateDict takes', () => {
    const model = trained(nl, RESNET);
    const { header, values } = parts(model.save());
    header.__metadata__ = { format: 'pt' };
    const bytes = file(header, values);
    const other = nl.model({ ...RESNET, seed: 77 });
    other.loadStateDict(nl.safetensors(bytes));
    assert.deepEqual(other.stateDict(), model.stateDict());
    assert.throws(
      () => nl.loadModel(bytes),
      failure('format', ['nl.loadModel', 'spec', 'model.loadStateDict(nl.safetensors(bytes))']),
    );
  });

  for (const [tensors, words] of [
    [{ i: ['I64', [2]] }, /tensor 'i': expected F32, .* got I64 \[2\]/],
    [{ i: ['U8', []] }, /tensor 'i': expected F32, .* got U8 \[\]/],
  ]) {
    test(`refuses ${JSON.stringify(tensors)}`, () => {
      const { header, bytes } = headerOf(tensors);
      assert.throws(() => nl.safetensors(file(header, bytes)), failure('format', words));
    });
  }

  test('refuses a count that is none', () => {
    for (const count of [-1n, 2n ** 53n, 2n ** 62n]) {
      const bytes = file(headerOf({ n: ['I64', []] }).header, bytesOf(BigInt64Array, [count]));
      assert.throws(
        () => nl.safetensors(bytes),
        failure('format', `tensor 'n': expected an integer in [0, 2^53), got ${count}`),
      );
    }
  });
});

describe('bytes that are no safetensors', () => {
  const one = (more = {}) => ({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8], ...more } });
  const second = (data_offsets, shape = [1]) => ({ b: { dtype: 'F32', shape, data_offsets } });
  const text = JSON.stringify(one());

  /** @type {[string, Uint8Array, RegExp][]} */
  const CASES = [
    ['nothing', new Uint8Array(), /length of the header: expected eight bytes.* an end at byte 0/],
    ['seven bytes', new Uint8Array(7), /an end at byte 7/],
    ['a header beyond the file', file(one(), 8, 70n), /length of the header: expected at most \d+ bytes.*, got 70$/],
    ['a header of 2^64 - 1 bytes', file(one(), 8, 2n ** 64n - 1n), /got 18446744073709551615$/],
    ['a header that ends in its midst', file(one(), 8, 20n), /header, character \d+: expected/],
    ['an empty header', file('', 8), /header, character 0: expected '\{', got its end/],
    ['a header of spaces', file('    ', 8), /expected '\{', got its end/],
    ['a list', file('[]'), /expected '\{', got "\[\]"/],
    ['a byte order mark', file('\ufeff{}'), /header, character 0: expected '\{'/],
    ['bytes that are no UTF-8', file('"\ud800"').fill(0xff, 9, 10), /header: expected UTF-8/],
    ['something behind the header', file(`${text} x`, 8), /expected nothing but spaces, got "x"/],
    ['a zero behind the header', file(`${text}\0`, 8), /expected nothing but spaces/],
    [
      'NaN',
      file('{"a":{"dtype":"F32","shape":[NaN],"data_offsets":[0,4]}}', 4),
      /character 29: expected an integer in \[0, 2\^53\), got "NaN/,
    ],
    ['a fraction', file(text.replace('[2]', '[2.0]'), 8), /expected an integer in .* got "2\.0\]/],
    ['an exponent', file(text.replace('[2]', '[2e0]'), 8), /got "2e0\]/],
    ['a negative size', file(text.replace('[2]', '[-2]'), 8), /got "-2\]/],
    ['a size of 2^53', file(text.replace('[2]', `[${2 ** 53}]`), 8), /expected an integer in \[0, 2\^53\)/],
    ['a number in the place of an object', file('{"a":1}'), /expected '\{', got "1\}"/],
    ['null', file('{"a":null}'), /expected '\{', got "null\}"/],
    ['metadata that are no strings', file('{"__metadata__":{"a":1}}'), /expected a string, got "1\}\}"/],
    [
      'a key twice',
      file(
        `{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}`,
        4,
      ),
      /character 53: expected each key once, got "\\"a\\"/,
    ],
    [
      'the same key in other letters',
      file(`{"a":{"dtype":"F32","shape":[],"data_offsets":[0,4]},"\\u0061":{}}`, 4),
      /expected each key once/,
    ],
    ['a type twice', file(text.replace('{"dtype"', '{"dtype":"F32","dtype"'), 8), /expected each key once/],
    ['metadata twice', file('{"__metadata__":{},"__metadata__":{}}'), /expected each key once/],
    [
      '__proto__',
      file('{"__proto__":{"dtype":"F32","shape":[],"data_offsets":[0,4]}}', 4),
      /expected another key, got "\\"__proto__/,
    ],
    ['__proto__ in metadata', file('{"__metadata__":{"__proto__":"x"}}'), /expected another key/],
    ['a comma too many', file(text.replace(']}}', ']},}'), 8), /expected a string/],
    ['no colon', file('{"a" 1}'), /expected ':'/],
    ['a string without end', file('{"a'), /expected a string that ends/],
    ['a string that ends in a backslash', file('{"a\\"'), /expected a string that ends/],
    ['a control character', file('{"a\nb":{}}'), /expected a string of JSON/],
    ['an escape that is none', file('{"\\x":{}}'), /expected a string of JSON/],
    [
      'no type',
      file({ a: { shape: [2], data_offsets: [0, 8] } }, 8),
      /tensor 'a': expected a dtype of BOOL, U8.*, got ''/,
    ],
    ['a type of its own', file(one({ dtype: 'F33' }), 8), /tensor 'a': expected a dtype of .* got 'F33'/],
    ['the type "constructor"', file(one({ dtype: 'constructor' }), 8), /got 'constructor'/],
    [
      'no shape',
      file({ a: { dtype: 'F32', data_offsets: [0, 8] } }, 8),
      /tensor 'a': expected a shape and two data_offsets/,
    ],
    ['no offsets', file({ a: { dtype: 'F32', shape: [2] } }, 8), /tensor 'a': expected a shape and two data_offsets/],
    ['one offset', file(one({ data_offsets: [0] }), 8), /tensor 'a': expected a shape and two/],
    ['three offsets', file(one({ data_offsets: [0, 8, 8] }), 8), /expected at most 2 integers/],
    [
      'an unknown key',
      file(one({ strides: [1] }), 8),
      /tensor 'a': expected dtype, shape and data_offsets, got 'strides'/,
    ],
    [
      'more bytes than the shape',
      file(one({ data_offsets: [0, 12] }), 12),
      /tensor 'a': expected 8 bytes for \[2\] of F32, got data_offsets \[0, 12\]/,
    ],
    ['fewer bytes than the shape', file(one({ data_offsets: [0, 4] }), 4), /tensor 'a': expected 8 bytes/],
    ['offsets the wrong way round', file(one({ data_offsets: [8, 0] }), 8), /tensor 'a': expected 8 bytes/],
    [
      'a product of sizes beyond 2^53',
      file(one({ shape: [2 ** 30, 2 ** 30] }), 8),
      /tensor 'a': expected \S+ bytes for \[1073741824,1073741824\]/,
    ],
    [
      'a product of sizes beyond float64',
      file(one({ shape: new Array(60).fill(2 ** 52) }), 8),
      /tensor 'a': expected Infinity bytes/,
    ],
    [
      'such a product times 0',
      file(one({ shape: [...new Array(60).fill(2 ** 52), 0] }), 8),
      /tensor 'a': expected NaN bytes/,
    ],
    ['a thousand dimensions', file(one({ shape: new Array(1000).fill(1) }), 8), /expected at most 64 integers/],
    ['values that are cut off', file(one(), 7), /tensor 'a': expected 8 bytes of values, got 7 \(truncated\)/],
    [
      'gigabytes that are not there',
      file(one({ shape: [2 ** 40], data_offsets: [0, 2 ** 42] }), 8),
      /tensor 'a': expected 4398046511104 bytes of values, got 8/,
    ],
    ['values of no tensor', file(one(), 9), /values: expected 8 bytes, got 9/],
    ['values without tensors', file('{}', 1), /values: expected 0 bytes, got 1/],
    [
      'a gap at the start',
      file(one({ data_offsets: [4, 12] }), 12),
      /tensor 'a': expected data_offsets from 0 on, got 4/,
    ],
    ['a gap', file({ ...one(), ...second([12, 16]) }, 16), /tensor 'b': expected data_offsets from 8 on, got 12/],
    ['an overlap', file({ ...one(), ...second([4, 8]) }, 8), /tensor 'b': expected data_offsets from 8 on, got 4/],
    [
      'two tensors on one place',
      file({ ...one(), ...second([0, 8], [2]) }, 8),
      /tensor 'b': expected data_offsets from 8 on, got 0/,
    ],
  ];
  for (const [name, bytes, words] of CASES) {
    test(`${name}: format, saying where`, () => {
      for (const call of ['loadModel', 'safetensors']) {
        assert.throws(() => nl[call](bytes), failure('format', [`nl.${call}: `, words]));
      }
    });
  }

  test('a million brackets: format', () => {
    for (const bracket of ['[', '{"a":', '{"a":{"shape":[']) {
      const bytes = file(bracket.repeat(1e6));
      assert.throws(() => nl.safetensors(bytes), failure('format', /nl\.safetensors: \S.*: expected/));
    }
  });

  test('spaces are legal wherever JSON has them', () => {
    const spaced = ' { "a" : { "dtype" : "F32" , "shape" : [ 1 ,\t2 ] ,\r\n "data_offsets" : [ 0 , 8 ] } } ';
    assert.deepEqual(nl.safetensors(file(spaced, 8)), { a: { data: new Float32Array(2), shape: [1, 2] } });
    assert.deepEqual(nl.safetensors(file('{}')), {});
  });

  for (const [value, words] of [
    ['{}', 'got string'],
    [undefined, 'got undefined'],
    [[1, 2], 'got object'],
    [new Float32Array(4), 'got object'],
  ]) {
    test(`${value === undefined ? value : value.constructor.name} is no argument`, () => {
      for (const call of ['loadModel', 'safetensors']) {
        assert.throws(
          () => nl[call](value),
          failure('argument', [`nl.${call}: bytes: expected a Uint8Array or ArrayBuffer`, words]),
        );
      }
    });
  }
});

describe('safetensors that are no model', () => {
  const good = saved();
  const change = (edit) => edited(good, edit);
  const metadata = (values) => change(({ __metadata__: all }) => Object.assign(all, values));
  const inSpec = (from, to) => metadata({ spec: parts(good).header.__metadata__.spec.replace(from, to) });
  const respelled = (edit) =>
    change(({ __metadata__: metadata }) => {
      const spec = JSON.parse(metadata.spec);
      metadata.spec = JSON.stringify(edit(spec) ?? spec);
    });
  const huge = (size) => (spec) => {
    spec.layers[0].outFeatures = size;
  };

  /** @type {[string, Uint8Array, RegExp][]} */
  const CASES = [
    [
      'no metadata',
      change((header) => delete header.__metadata__),
      /metadata: expected 'normlab' and the spec.* got none; load tensors/,
    ],
    [
      'metadata of others',
      change((header) => Object.assign(header, { __metadata__: { format: 'pt' } })),
      /nl\.safetensors\(bytes\)/,
    ],
    ['another kind', metadata({ normlab: 'optimizer' }), /metadata 'normlab': expected 'model', got 'optimizer'/],
    ['the kind "toString"', metadata({ normlab: 'toString' }), /expected 'model', got 'toString'/],
    ['no spec', change(({ __metadata__: m }) => void delete m.spec), /metadata: expected 'spec', got none/],
    ['no mode', change(({ __metadata__: m }) => void delete m.training), /metadata: expected 'training', got none/],
    ['a spec that is no JSON', metadata({ spec: '{"input":[NaN]}' }), /metadata 'spec': expected JSON, got '\{"input"/],
    ['a spec that is null', metadata({ spec: 'null' }), /spec: expected an object, got null/],
    [
      'a spec of another shape',
      metadata({ spec: '{"input":"x","layers":[]}' }),
      /input: expected the shape of one sample/,
    ],
    ['a spec with __proto__', inSpec('"seed"', '"__proto__":{},"seed"'), /unknown option '__proto__'/],
    ['a layer with __proto__', inSpec('"outFeatures"', '"__proto__":8,"outFeatures"'), /unknown option '__proto__'/],
    [
      'a layer that is not known',
      respelled((spec) => void Object.assign(spec.layers[2], { type: 'swish' })),
      /layers\[2\]: type: expected one of .* got 'swish'/,
    ],
    [
      'an option out of range',
      respelled((spec) => void Object.assign(spec.layers[1], { momentum: 'x' })),
      /layers\[1\].*momentum: expected a number, got 'x'/,
    ],
    ['a spec of other sizes', respelled(huge(9)), /tensor '0\.weight': expected F32 \[9,6\], got F32 \[8,6\]/],
    [
      'a spec of other layers',
      respelled((spec) => void spec.layers.splice(3, 1)),
      /tensor '3\.weight': expected F32 \[8\].*|tensor '4/,
    ],
    [
      'a weight of gigabytes',
      respelled(huge(2 ** 24)),
      /tensor '0\.weight': expected F32 \[16777216,6\], got F32 \[8,6\]/,
    ],
    ['a weight that memory cannot hold', respelled(huge(2 ** 31 - 1)), /too many/],
    ['a tensor less', change((header) => cut(header, '5.weight')), /values: expected \d+ bytes/],
    [
      'a tensor of another name',
      change((header) => rename(header, '5.weight', '5.gain')),
      /tensor '5\.weight': expected F32 \[3,8\], got none/,
    ],
    [
      'a count in float32',
      change((header) => void Object.assign(header['1.num_batches_tracked'], { dtype: 'F32', shape: [2] })),
      /tensor '1\.num_batches_tracked': expected I64 \[\], got F32 \[2\]/,
    ],
    [
      'a tensor turned around',
      change((header) => void Object.assign(header['0.weight'], { shape: [6, 8] })),
      /tensor '0\.weight': expected F32 \[8,6\], got F32 \[6,8\]/,
    ],
    ['a mode that is none', metadata({ training: '1' }), /training: expected true or false, got 1/],
    [
      'frozen layers that are none',
      metadata({ frozen: '["0"]' }),
      /keys: expected a batchNorm with running statistics \(one of 1\), got '0'/,
    ],
    ['frozen layers that are no list', metadata({ frozen: '"1"' }), /frozen: .*got '1'/],
  ];
  function cut(header, key) {
    delete header[key];
  }
  function rename(header, from, to) {
    header[to] = header[from];
    delete header[from];
  }
  for (const [name, bytes, words] of CASES) {
    test(`${name}: format, and nothing is made`, () => {
      const { bytes: before } = nl.memory;
      for (let i = 0; i < 3; i++)
        assert.throws(() => nl.loadModel(bytes), failure('format', ['nl.loadModel: ', words]));
      assert.equal(nl.memory.bytes, before);
    });
  }

  test("a trainer's state says whose it is", () => {
    const model = nl.model(MLP);
    assert.throws(
      () => nl.loadModel(nl.trainer(model).state()),
      failure('format', /of a trainer: trainer\.loadState\(\) reads them/),
    );
    assert.throws(
      () => nl.trainer(model).loadState(model.save()),
      failure('format', /of a model: nl\.loadModel\(\) reads them/),
    );
  });

  test('layers without parameters take no memory for what they claim', () => {
    const spec = {
      input: [2 ** 27],
      layers: new Array(8).fill({ type: 'batchNorm', affine: false, trackRunningStats: false }),
    };
    const { header } = parts(good);
    const bytes = file({ __metadata__: { ...header.__metadata__, spec: JSON.stringify(spec) } });
    const { bytes: before } = nl.memory;
    nl.loadModel(bytes).dispose();
    assert.equal(nl.memory.bytes, before);
  });
});

describe('damaged files', () => {
  const damage = fc.array(
    fc.record({ at: fc.nat(4000), value: fc.nat(255), what: fc.constantFrom('set', 'set', 'cut', 'insert', 'remove') }),
    { minLength: 1, maxLength: 4 },
  );

  /** @param {Uint8Array} good @param {{ at: number, value: number, what: string }[]} changes @param {number} within */
  function damaged(good, changes, within) {
    let bytes = [...good];
    for (const { at, value, what } of changes) {
      const place = at % Math.min(within, Math.max(bytes.length, 1));
      if (what === 'set') bytes[place] = value;
      else if (what === 'cut') bytes = bytes.slice(0, place);
      else bytes.splice(place, what === 'insert' ? 0 : 1, ...(what === 'insert' ? [value] : []));
    }
    return Uint8Array.from(bytes);
  }

  const small = { input: [2], seed: 1, layers: [{ type: 'linear', outFeatures: 3 }, { type: 'batchNorm' }] };
  const good = saved(small);
  const headerBytes = good.length - parts(good).values.length;

  for (const [name, within] of Object.entries({ anywhere: good.length, 'in the header': headerBytes })) {
    test(`${name}: a model or format`, () => {
      let models = 0;
      const { bytes: before } = nl.memory;
      fc.assert(
        fc.property(damage, (changes) => {
          try {
            const model = nl.loadModel(damaged(good, changes, within));
            models++;
            model.forward({ data: new Float32Array(8), shape: [4, 2] });
            model.dispose();
          } catch (error) {
            assert.ok(error instanceof NormlabError, error.stack);
            assert.equal(error.code, 'format', error.message);
            assert.match(error.message, /^nl\.loadModel: \S/);
          }
        }),
        { seed: 7, numRuns: 2000 },
      );
      assert.ok(models > 0, 'none of them was a model');
      assert.ok(nl.memory.bytes <= before + 2 ** 20, `${nl.memory.bytes - before} bytes more`);
    });
  }

  test('any header around it: tensors or format', () => {
    const { header, values } = parts(good);
    const json = fc.jsonValue({ maxDepth: 4 });
    fc.assert(
      fc.property(fc.constantFrom(...Object.keys(header)), json, fc.boolean(), (key, value, whole) => {
        const changed = whole ? value : { ...header, [key]: value };
        try {
          nl.safetensors(file(JSON.stringify(changed), values));
        } catch (error) {
          assert.ok(error instanceof NormlabError, error.stack);
          assert.equal(error.code, 'format', error.message);
        }
      }),
      { seed: 7, numRuns: 1000 },
    );
  });
});
