import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const folder = fileURLToPath(new URL('../../examples/', import.meta.url));

/** What each example prints. */
const EXPECTED = {
  'check-gradients.mjs': [
    /^as it is: all right\n(\S+ +\d\.\de-\d+ *\n){9}one element flipped: WRONG\n/,
    /^3\.body\.0\.weight +\d\.\de[-+]\d+ at \[1,5,0,1\]: -?\d.*, expected -?\d/m,
  ],
  'layer.mjs': [
    /^y +-1\.3416 +-1\.3416 +-0\.4472 /m,
    /^running_mean +0\.2500? /m,
    /^gradient of x +/m,
    /Expected more than 1 value per channel when training, got input size/,
  ],
  'train-and-compare.mjs': [
    /^epoch 1: loss \d\.\d{3}, .*images\/s$/m,
    /^test accuracy: \d+\.\d % in eval mode, \d+\.\d % in train mode$/m,
    /^1 +batchNorm +rms difference 0\.[0-9]+/m,
    /^\d+ of 16 predictions change with the mode$/m,
  ],
};

test('every Node example is tested', async () => {
  const examples = (await readdir(folder)).filter((name) => name.endsWith('.mjs'));
  assert.deepEqual(examples.sort(), Object.keys(EXPECTED).sort());
});

for (const [name, expected] of Object.entries(EXPECTED)) {
  test(name, async () => {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, [folder + name]);
    assert.equal(stderr, '');
    for (const pattern of expected) assert.match(stdout, pattern);
  });
}
