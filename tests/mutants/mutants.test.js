// Each mutant of the engine is built natively and must fail the C tests that it names: by an assertion, since a mutant that
// does not compile, crashes or hangs proves nothing about formulas. The same build of unchanged sources must pass.
//
// From the Makefile: NATIVE_CC; MUTANT_CFLAGS and MUTANT_LINK (flags of compiler and linker); MUTANT_OBJECTS, which a test
// program is linked from beside its own; NATIVE_RUN, what programs are run behind. Where there is tcc, which compiles in a
// hundredth of the time, it makes what it can.

import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { mutants } from './mutants.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const OBJECTS = 'build/native/scalar';
const OUTPUT = 'build/mutants';
const TIMEOUT_MS = 60_000;
/** Built and run at a time. */
const CONCURRENCY = 2;

/** @param {string} name */
function words(name) {
  const value = process.env[name];
  assert.ok(value !== undefined, `${name} is not set: run \`make test-mutants\``);
  return value.split(/\s+/).filter(Boolean);
}

/**
 * @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number | null, output: string }>} code: null where a signal or the time limit ended it
 */
function run(command, args, env = process.env) {
  return new Promise((resolve) => {
    execFile(command, args, { cwd: ROOT, env, timeout: TIMEOUT_MS, maxBuffer: 1 << 24 }, (error, stdout, stderr) => {
      const code = error ? (typeof error.code === 'number' ? error.code : null) : 0;
      resolve({ code, output: `${stdout}\n${stderr}` });
    });
  });
}

/** @param {string} command @param {string[]} args */
async function build(command, args) {
  const { code, output } = await run(command, args);
  assert.equal(code, 0, `${command} ${args.join(' ')}\n${output}`);
}

/** The sources that `file` is compiled into, as their dependency files have it. @param {string} file */
function sourcesOf(file) {
  if (file.endsWith('.c')) return [file];
  const lists = readdirSync(join(ROOT, OBJECTS, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((entry) => entry.endsWith('.d'))
    .map((entry) => join('src', entry));
  return lists
    .filter((list) =>
      readFileSync(join(ROOT, OBJECTS, list), 'utf8')
        .split(/\s+/)
        .includes(file),
    )
    .map((list) => list.replace(/\.d$/, '.c'));
}

/** @param {string} caught */
const parts = (caught) => {
  const [program, test] = caught.split(' ');
  return { program, test };
};

/**
 * The test programs over unchanged objects, but for the sources that `file` is part of: these are compiled from `text`.
 * @param {string} folder @param {string} file @param {string} text @param {string[]} programs
 */
async function link(folder, file, text, programs) {
  const copy = join(folder, file);
  mkdirSync(join(ROOT, dirname(copy)), { recursive: true });
  writeFileSync(join(ROOT, copy), text);
  const sources = sourcesOf(file);
  assert.ok(sources.length > 0, `${file} is part of no source`);
  try {
    await linkBy(['tcc'], folder, file, sources, programs);
  } catch {
    await linkBy(words('NATIVE_CC'), folder, file, sources, programs);
  }
}

/** @param {string[]} compiler @param {string} folder @param {string} file @param {string[]} sources @param {string[]} programs */
async function linkBy([compiler, ...own], folder, file, sources, programs) {
  let objects = words('MUTANT_OBJECTS');
  for (const source of sources) {
    const object = join(folder, source.replaceAll('/', '-').replace(/c$/, 'o'));
    const from = source === file ? join(folder, file) : source;
    await build(compiler, [...own, `-I${folder}/src`, ...words('MUTANT_CFLAGS'), '-c', from, '-o', object]);
    const replaced = `${OBJECTS}/${source.replace(/c$/, 'o')}`;
    assert.ok(objects.includes(replaced), `${replaced} is not among MUTANT_OBJECTS`);
    objects = objects.map((other) => (other === replaced ? object : other));
  }
  const [linker, ...options] = words('NATIVE_CC');
  for (const program of programs) {
    const main = `${OBJECTS}/tests/c/${program}.o`;
    await build(linker, [...options, main, ...objects, ...words('MUTANT_LINK'), '-o', join(folder, program)]);
  }
}

/** One test of a program. What a failing test leaves unfreed is no finding. @param {string} folder @param {string} caught */
function runTest(folder, caught) {
  const { program, test } = parts(caught);
  const [command, ...args] = [...words('NATIVE_RUN'), join(ROOT, folder, program)];
  const options = [process.env.ASAN_OPTIONS, 'detect_leaks=0'].filter(Boolean).join(':');
  return run(command, args, { ...process.env, ONLY: test, ASAN_OPTIONS: options });
}

describe('mutants', { concurrency: CONCURRENCY }, () => {
  before(() => rmSync(join(ROOT, OUTPUT), { recursive: true, force: true }));
  after(() => rmSync(join(ROOT, OUTPUT), { recursive: true, force: true }));

  it('have names of their own', () => {
    const names = mutants.map(({ file, name }) => `${file}: ${name}`);
    assert.deepEqual([...new Set(names)], names);
  });

  const files = [...new Set(mutants.map(({ file }) => file))];
  for (const file of files) {
    it(`${file} as it is passes`, async () => {
      const tests = [...new Set(mutants.filter((mutant) => mutant.file === file).flatMap(({ caught }) => caught))];
      const folder = join(OUTPUT, `unchanged-${files.indexOf(file)}`);
      const programs = [...new Set(tests.map((test) => parts(test).program))];
      await link(folder, file, readFileSync(join(ROOT, file), 'utf8'), programs);
      for (const test of tests) {
        const { code, output } = await runTest(folder, test);
        assert.equal(code, 0, `${test}\n${output}`);
        assert.match(output, /Running 1 test\(s\)/, `there is no test ${test}`);
      }
    });
  }

  for (const [index, { name, file, from, to, caught }] of mutants.entries()) {
    it(`${file}: ${name}`, async () => {
      const text = readFileSync(join(ROOT, file), 'utf8');
      assert.equal(text.split(from).length - 1, 1, `must stand exactly once in ${file}: ${from}`);
      assert.ok(caught.length > 0);
      const folder = join(OUTPUT, `${index}`);
      const programs = [...new Set(caught.map((test) => parts(test).program))];
      await link(
        folder,
        file,
        text.replace(from, () => to),
        programs,
      );
      for (const test of caught) {
        const { code, output } = await runTest(folder, test);
        assert.notEqual(code, 0, `survives ${test}`);
        assert.ok(code !== null && code > 0, `${test} did not come to its end\n${output}`);
        assert.match(output, /error: Failure!/, `${test}: no assertion failed\n${output}`);
        assert.doesNotMatch(output, /Sanitizer|runtime error|with exception/, `${test}: not by an assertion alone`);
      }
      rmSync(join(ROOT, folder), { recursive: true });
    });
  }
});
