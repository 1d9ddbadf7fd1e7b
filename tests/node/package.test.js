import assert from 'node:assert/strict';
import { mkdir, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { checkPackage, createPackageFromTarballData } from '@arethetypeswrong/core';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { digestOf, installPackage } from './support/installed.js';

const MODULES = fileURLToPath(new URL('../../node_modules/', import.meta.url));
const MEGABYTE = 1e6;

describe('the package, installed from its tarball', () => {
  /** @type {Awaited<ReturnType<typeof installPackage>>} */
  let project;
  /** @type {Buffer} */
  let tarball;
  before(async () => {
    project = await installPackage(new URL('./installed/', import.meta.url));
    tarball = await readFile(project.tarball);
  });
  after(() => project?.remove());

  test('holds what is used, and nothing twice', async () => {
    const { files, size } = project.packed;
    const folders = new Set(files.map(({ path }) => path.replace(/^((?:dist\/)?[^/]+).*/, '$1')));
    assert.deepEqual(
      [...folders].sort(),
      ['LICENSE', 'README.md', 'dist/element', 'dist/normlab-element.inline.js', 'package.json', 'wasm'].sort(),
    );
    const strangers = files.filter(({ path }) => !/(\.js|\.d\.ts|\.wasm|\.gz|\.md|LICENSE|package\.json)$/.test(path));
    assert.deepEqual(strangers, []);
    const large = files.filter((file) => file.size > 1000).map(({ path }) => path);
    const installed = join(project.folder, 'node_modules/normlab');
    const digests = await Promise.all(large.map((path) => digestOf(join(installed, path))));
    assert.equal(new Set(digests).size, large.length, 'a file is there twice');
    // Of which Fashion-MNIST is 5.3.
    assert.ok(size < 7 * MEGABYTE, `${size} bytes`);
  });

  test('publint finds nothing in it', async () => {
    const { messages, pkg } = await publint({ pack: { tarball: new Uint8Array(tarball).buffer }, strict: true });
    assert.deepEqual(
      messages.map((message) => formatMessage(message, pkg, { color: false })),
      [],
    );
  });

  test('its types are those of its modules, however they are resolved', async () => {
    const { problems, entrypoints } = /** @type {any} */ (
      await checkPackage(createPackageFromTarballData(tarball), { excludeEntrypoints: [/\.wasm$/] })
    );
    for (const name of ['.', './core', './element', './element/inline']) assert.ok(name in entrypoints, name);
    // It is made of ES modules alone, which resolutions older than `exports`, and those of CommonJS, do not take.
    const left = problems.filter(
      (/** @type {any} */ { kind, resolutionKind }) =>
        resolutionKind !== 'node10' && !(kind === 'CJSResolvesToESM' && resolutionKind === 'node16-cjs'),
    );
    assert.deepEqual(left, []);
  });

  test('runs in Node: the engine, each module by its name, and an element that does nothing', () => {
    const { status, stdout, stderr } = project.run(process.execPath, 'program.js');
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.deepEqual(JSON.parse(stdout), {
      variant: 'scalar',
      steps: 10,
      elements: ['function', 'function'],
      added: [],
    });
  });

  test('has a command', () => {
    const args = ['check', '--preset', 'mlp', '--norm', 'rms', '--json'];
    const { status, stdout, stderr } = project.run('npx', '--offline', 'normlab', ...args);
    assert.equal(status, 0, stderr);
    assert.equal(JSON.parse(stdout).passed, true);
  });

  test('is typed, in TypeScript and in the JSX of Preact and React', async () => {
    const modules = join(project.folder, 'node_modules');
    await mkdir(join(modules, '@types'), { recursive: true });
    for (const name of ['preact', '@types/react']) await symlink(join(MODULES, name), join(modules, name));
    const { status, stdout } = project.run(process.execPath, join(MODULES, 'typescript/bin/tsc'));
    assert.equal(stdout, '');
    assert.equal(status, 0);
  });
});
