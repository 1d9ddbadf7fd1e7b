import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const README = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** @param {string} language @returns {string[]} the README's code blocks in it */
const blocks = (language) =>
  [...README.matchAll(new RegExp(`^\`\`\`${language}\\n([^]*?)^\`\`\``, 'gm'))].map((m) => m[1]);

/** @param {string[]} args @param {string} [input] */
function run(args, input) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...process.execArgv, ...args], {
    cwd: ROOT,
    input,
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return stdout;
}

test('the programs of the README work as pasted', () => {
  const programs = blocks('js');
  assert.equal(programs.length, 6);
  const [training, layer, check, options, checkpoint, measuring] = programs.map((code) =>
    run(['--input-type=module', '-'], code),
  );
  const accuracies = [...training.matchAll(/accuracy: (0\.\d+)/g)].map(([, value]) => Number(value));
  assert.equal(accuracies.length, 2);
  assert.ok(accuracies[0] > 0.7, `eval mode: ${accuracies[0]}`);
  assert.ok(accuracies[1] < accuracies[0], 'batches of two are worse off');
  assert.match(layer, /Float32Array\(8\)/);
  assert.match(check, /^0\.weight \d.*\n9\.bias .*\nall right\n$/s);
  assert.match(
    options,
    /^running averages 0\.[6-9]\d*\nmeasured again {3}0\.[6-9]\d*\nfolding is off by \d\.\d+e-[6-9]\n$/,
  );
  assert.equal(checkpoint, 'the same to the last bit: true\n');
  assert.match(measuring, /^0 conv2d 0\.\d+ 0\.\d+ undefined undefined\n1 batchNorm 0\.9\d+ 0\.\d+ 392 0\.\d+$/m);
  assert.match(measuring, /^13 batchNorm 0\.\d+ 0\.\d+ 2 0\.\d+$/m);
});

test('the commands of the README work as pasted', () => {
  const commands = blocks('sh')
    .flatMap((block) => block.trim().split('\n'))
    .filter((line) => line.startsWith('node '));
  assert.equal(commands.length, 4);
  for (const command of commands) {
    const args = command.split(' ').slice(1);
    const trains = args[1] !== 'check';
    const expected = { check: /\nok: every error is within 0\.001\n$/, sweep: /\n36 of 36 runs in / };
    // A tenth of the data: what is tested is the command, not the patience.
    const output = run([...args, ...(trains ? ['--limit', '1000'] : []), '--quiet']);
    assert.match(output, expected[args[1]] ?? /test accuracy/);
  }
});
