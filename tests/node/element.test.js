import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const SCRIPT = fileURLToPath(new URL('../../dist/normlab-element.js', import.meta.url));

const LOOK = `
  const before = Object.keys(globalThis);
  const { NormLabElement } = await import(process.argv[1]);
  console.log(JSON.stringify({
    type: typeof NormLabElement,
    attributes: NormLabElement.observedAttributes,
    added: Object.keys(globalThis).filter((name) => !before.includes(name)),
  }));
`;

test('the element’s script does nothing where there is no DOM: it throws nothing, and the process ends', () => {
  const args = ['--input-type=module', '--eval', LOOK, SCRIPT];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', timeout: 20_000 });
  assert.equal(stderr, '');
  assert.equal(signal, null);
  assert.equal(status, 0);
  const { type, attributes, added } = JSON.parse(stdout);
  assert.equal(type, 'function');
  assert.deepEqual(added, []);
  assert.deepEqual(
    [...attributes].sort(),
    ['batch-size', 'groups', 'loading', 'lr', 'norm', 'pitfall', 'seed', 'state', 'theme', 'view'].sort(),
  );
});
