import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEngine, presetSpec } from 'normlab';

const CLI = fileURLToPath(new URL('../../wasm/cli/main.js', import.meta.url));
const nl = await createEngine();
const directory = mkdtempSync(join(tmpdir(), 'normlab-export-'));
after(() => rmSync(directory, { recursive: true }));

/** @param {string[]} args */
function normlab(...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, CLI, 'export', ...args], {
    cwd: directory,
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

const model = nl.model(presetSpec('smallcnn', { norm: 'batch', seed: 3 }));
const saved = model.save();
writeFileSync(join(directory, 'model.safetensors'), saved);
const layers = [{ type: 'flatten' }, { type: 'linear', outFeatures: 8 }, { type: 'norm' }];
writeFileSync(join(directory, 'model.json'), JSON.stringify({ input: [1, 2, 2], seed: 4, layers }));
const open = (norm, seed = 4) => nl.model({ input: [1, 2, 2], seed, layers: [...layers.slice(0, 2), norm] });

test('export --to pytorch writes what nl.toPyTorch gives', () => {
  const { status, stdout, stderr } = normlab('model.safetensors', '--to', 'pytorch');
  assert.deepEqual([status, stdout, stderr], [0, nl.toPyTorch(model), '']);
  const grouped = normlab('model.json', '--norm', 'group', '--groups', '4', '--to', 'pytorch');
  assert.equal(grouped.stdout, nl.toPyTorch(open({ type: 'groupNorm', numGroups: 4 })));
});

test('export --train and --distributed take the options of train', () => {
  const options = ['--optimizer', 'adamW', '--lr', '0.01', '--schedule', 'cosine', '--warmup', '5', '--epochs', '4'];
  const run = { epochs: 4, batchSize: 32, seed: 0 };
  const trainer = { optimizer: { type: 'adamW', lr: 0.01 }, schedule: { type: 'cosine', warmup: 5 } };
  const one = normlab('model.safetensors', '--to', 'pytorch', '--train', ...options);
  assert.deepEqual([one.status, one.stdout], [0, nl.toPyTorch(model, { trainer, run })]);
  const many = normlab('model.safetensors', '--to', 'pytorch', '--distributed', '--replicas', '4', ...options);
  const distributed = nl.toPyTorch(model, { trainer: { ...trainer, replicas: 4 }, distributed: true, run });
  assert.deepEqual([many.status, many.stdout], [0, distributed]);
});

test('export --out writes files', () => {
  const read = (name) => readFileSync(join(directory, name));
  const script = normlab('model.safetensors', '--to', 'pytorch', '--out', 'model.py');
  assert.deepEqual([script.status, script.stdout, read('model.py').toString()], [0, '', nl.toPyTorch(model)]);
  assert.equal(normlab('model.safetensors', '--to', 'safetensors', '--out', 'copy.safetensors').status, 0);
  assert.deepEqual(new Uint8Array(read('copy.safetensors')), saved);
  normlab('model.json', '--norm', 'layer', '--seed', '9', '--to', 'safetensors', '--out', 'new.safetensors');
  assert.deepEqual(new Uint8Array(read('new.safetensors')), open({ type: 'layerNorm' }, 9).save());
});

test('export says what it was asked wrongly, and leaves no file', () => {
  const before = readdirSync(directory);
  for (const [args, status, words] of [
    [['--to', 'pytorch'], 2, /missing required argument 'file'/],
    [['model.safetensors'], 2, /required option '--to <format>' not specified/],
    [['model.safetensors', '--to', 'tensorflow'], 2, /Allowed choices are pytorch, safetensors/],
    [['model.safetensors', '--to', 'safetensors'], 2, /--to safetensors: .*needs --out FILE/],
    [['model.safetensors', 'b', '--to', 'pytorch'], 2, /too many arguments/],
    [['nothing.json', '--to', 'pytorch', '--out', 'a.py'], 2, /nothing\.json: cannot read it/],
    [['model.safetensors', '--norm', 'batch', '--to', 'pytorch'], 2, /--norm: model\.safetensors has no/],
    [['model.safetensors', '--to', 'pytorch', '--train', '--replicas', '2'], 1, /replicas: .*distributed/],
  ]) {
    const { stdout, stderr, ...found } = normlab(...args);
    assert.deepEqual([found.status, stdout], [status, ''], stderr);
    assert.match(stderr, words);
    assert.match(stderr, /^normlab export: .*\n$/);
  }
  assert.deepEqual(readdirSync(directory), before);
});
