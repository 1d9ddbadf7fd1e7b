import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { createEngine, makeDataset } from 'normlab';
import { batchFile } from './fixtures/cifar.js';
import { folder, noise } from './fixtures/idx.js';
import { npy, zip } from './fixtures/npz.js';
import { GOLDEN, noTorch, PYTHON, runExported } from './support/python.js';

const nl = await createEngine();
const RUN = { batchSize: 8, epochs: 2, shuffle: false };

const classes = (n) => Array.from({ length: n }, (_, i) => i % 3);
const npz = (shape, n, seed) =>
  zip({
    'images.npy': npy('|u1', [n, ...shape], noise(n * 60, seed)),
    'labels.npy': npy('<i8', [n], classes(n)),
  });
const gzipped = (files) =>
  Object.fromEntries(Object.entries(files).map(([name, data]) => [`${name}.gz`, gzipSync(data)]));

const FOLDERS = {
  'plain IDX': { input: [1, 8, 8], files: folder(27) },
  'gzipped IDX': { input: [1, 8, 8], files: gzipped(folder(27)) },
  'CIFAR-10': {
    input: [3, 32, 32],
    files: {
      'data_batch_1.bin': batchFile(classes(15), 1),
      'data_batch_2.bin': batchFile(classes(6), 2),
      'test_batch.bin': batchFile(classes(9), 3),
    },
  },
  npz: { input: [2, 5, 6], files: { 'train.npz': npz([2, 5, 6], 20, 1), 'test.npz': npz([2, 5, 6], 14, 2) } },
  'npz, channels last': {
    input: [3, 5, 4],
    files: { 'train.npz': npz([5, 4, 3], 20, 1), 'test.npz': npz([5, 4, 3], 14, 2) },
  },
};

const TRAINERS = [
  { optimizer: { lr: 0.02, momentum: 0.9 }, schedule: { type: 'cosine', warmup: 2 } },
  { optimizer: { type: 'adamW', eps: 1e-3 }, schedule: { type: 'linear' }, accumulate: 2 },
  { optimizer: { lr: 0.02 }, schedule: { type: 'step', stepSize: 2 } },
  {},
  {},
];

const spec = (input, norm = { type: 'batchNorm' }) => ({
  input,
  seed: 2,
  layers: [
    ...[{ type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1 }, { ...norm, name: 'norm' }, { type: 'relu' }],
    ...[{ type: 'flatten' }, { type: 'linear', outFeatures: 10 }],
  ],
});

/** Epochs as the scripts print them. @param {string} output */
const printed = (output) =>
  [...output.matchAll(/^epoch (\d+): test loss (\S+), accuracy (\S+)$/gm)].map((match) => match.slice(1).map(Number));

/** The same from here. */
async function trained(model, data, test, options, run) {
  const trainer = nl.trainer(model, options);
  const figures = [];
  await trainer.fit(data, {
    ...run,
    onEpoch: ({ epoch }) => {
      const { loss, accuracy } = model.evaluate(test);
      figures.push([epoch, loss, accuracy]);
    },
  });
  return figures;
}

/** Figures were printed with four digits. */
function assertPrinted(output, expected) {
  const found = printed(output);
  assert.equal(found.length, expected.length, output);
  expected.forEach((figures, i) => {
    figures.forEach((figure, j) => {
      assert.ok(Math.abs(found[i][j] - figure) < 2e-4, `${found[i]}, expected ${figures}`);
    });
  });
}

/**
 * What torchrun does, which in Debian's Python 3.11 does not get as far.
 *
 * @param {number} count
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<string>} what the first has printed
 */
async function inProcesses(count, args, env) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  const common = {
    MASTER_ADDR: '127.0.0.1',
    MASTER_PORT: `${port}`,
    WORLD_SIZE: `${count}`,
    OMP_NUM_THREADS: '1',
    ...env,
  };
  const outputs = await Promise.all(
    Array.from({ length: count }, async (_, i) => {
      const rank = { RANK: `${i}`, LOCAL_RANK: `${i}` };
      const { stdout } = await promisify(execFile)(PYTHON, args, { env: { ...process.env, ...common, ...rank } });
      return stdout;
    }),
  );
  return outputs[0];
}

describe('the programs of nl.toPyTorch', { skip: noTorch }, () => {
  /** @type {string} */
  let path;
  before(async () => {
    path = await mkdtemp(join(tmpdir(), 'normlab-program-'));
  });
  after(() => rm(path, { recursive: true }));

  async function write(files) {
    const directory = await mkdtemp(join(path, 'set-'));
    await Promise.all(Object.entries(files).map(([name, bytes]) => writeFile(join(directory, name), bytes)));
    return directory;
  }

  test('read a folder, train, and print what Normlab comes to', async () => {
    const cases = await Promise.all(
      Object.values(FOLDERS).map(async ({ input, files }, i) => {
        const directory = await write(files);
        const model = nl.model(spec(input));
        if (i === 1) model.freeze();
        const run = { ...RUN, dropLast: i === 2 };
        const weights = join(directory, 'model.safetensors');
        await writeFile(weights, model.save());
        const script = nl.toPyTorch(model, { trainer: nl.trainer(model, TRAINERS[i]), run });
        return { script, model, run, options: TRAINERS[i], arguments: [directory, weights] };
      }),
    );
    const results = await runExported(cases.map(({ script, arguments: list }) => ({ script, arguments: list })));
    for (const [i, { model, run, options, arguments: list }] of cases.entries()) {
      assert.equal(results[i].error, undefined);
      const { train, test: held } = nl.loadDirectory(list[0]);
      assertPrinted(results[i].output, await trained(model, train, held, options, run));
    }
  });

  test('in processes as torchrun starts them, each is a replica', async () => {
    const count = 32;
    const directory = await write(folder(count));
    const model = nl.model(spec([1, 8, 8]));
    const weights = join(directory, 'model.safetensors');
    await writeFile(weights, model.save());
    // The package safetensors, as far as the script uses it.
    await mkdir(join(path, 'safetensors'));
    await writeFile(
      join(path, 'safetensors/torch.py'),
      `import sys\nsys.dont_write_bytecode = True\nsys.path.append(${JSON.stringify(GOLDEN)})\nimport saved\nload_file = lambda path: saved.read(path)[0]\n`,
    );
    const options = { optimizer: { lr: 0.02, momentum: 0.9 }, replicas: 2, accumulate: 2 };
    const script = join(path, 'train.py');
    await writeFile(script, nl.toPyTorch(model, { trainer: options, distributed: true, run: RUN }));
    const stdout = await inProcesses(2, [script, directory, weights], { PYTHONPATH: path });
    // The sampler deals them out in turns, where Normlab cuts a batch in two.
    const { train, test: held } = nl.loadDirectory(directory);
    const { batchSize } = RUN;
    const order = Array.from({ length: count }, (_, i) => {
      const [start, at] = [i - (i % batchSize), i % batchSize];
      return start + (at < batchSize / 2 ? 2 * at : 2 * at - batchSize + 1);
    });
    const { x, labels } = train.batch(order);
    const dealt = makeDataset({ shape: train.shape, images: x.data, labels, classes: train.classes });
    assertPrinted(stdout, await trained(model, dealt, held, options, RUN));
  });
});
