#!/usr/bin/env node
// Runs the tests and fails if one fails, after all have run. usage: test.mjs SUITE..., of c, mutants, node, browser
// C programs: the list in C_TESTS, and build/fuzz/fuzz_TARGET for the list in FUZZ_TARGETS; run behind NATIVE_RUN.
// Under CI=true a skipped test is a failure.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const TIMEOUT_MS = 20 * 60 * 1000;
/** Some seconds for each target; `make fuzz` is for more. */
const FUZZ_RUNS = 15_000;

/** @param {string} command @param {string[]} args */
function succeeds(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  if (signal) console.error(`${command}: ended by ${signal}`);
  return status === 0;
}

/** @param {string} text */
const words = (text) => text.split(/\s+/).filter(Boolean);

/** @typedef {{ name: string, args: string[] }} Program */

/** @returns {Program[]} */
function fuzzPrograms() {
  return words(process.env.FUZZ_TARGETS ?? '').map((target) => {
    // What it finds goes here, so that each run begins with the seeds alone.
    const scratch = `build/fuzz/scratch/${target}`;
    rmSync(join(ROOT, scratch), { recursive: true, force: true });
    mkdirSync(join(ROOT, scratch), { recursive: true });
    // Nothing learned from addresses or other runs: they differ from machine to machine.
    const repeatable = ['-seed=1', '-use_cmp=0', '-use_memmem=0', '-reload=0'];
    const options = [`-runs=${FUZZ_RUNS}`, ...repeatable, '-max_len=512', '-timeout=20', '-verbosity=0'];
    const args = [...options, `-artifact_prefix=build/fuzz/${target}-`, scratch, `build/fuzz/seeds/${target}`];
    return { name: `build/fuzz/fuzz_${target}`, args };
  });
}

/** Its output is shown when it has ended: others run beside it. @param {Program} program @returns {Promise<boolean>} */
function passes({ name, args }) {
  const [command, ...rest] = [...words(process.env.NATIVE_RUN ?? ''), join(ROOT, name), ...args];
  return new Promise((resolve) => {
    const child = spawn(command, rest, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    let output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        output += text;
      });
    }
    child.on('error', (error) => {
      output += `${error.message}\n`;
    });
    child.on('close', (code, signal) => {
      console.log(`\n# ${[name, ...args].join(' ')}\n${output.trimEnd()}`);
      if (signal) console.log(`ended by ${signal}`);
      resolve(code === 0);
    });
  });
}

/** @returns {Promise<string[]>} what failed */
async function runC() {
  const tests = words(process.env.C_TESTS ?? '').map((name) => ({ name, args: [] }));
  if (tests.length === 0) return ['c: there is no test program'];
  const all = [...fuzzPrograms(), ...tests];
  const missing = all.filter(({ name }) => !existsSync(join(ROOT, name))).map(({ name }) => name);
  for (const name of missing) console.log(`\n*** SKIPPED: ${name}, which could not be built here ***`);
  const left = all.filter(({ name }) => !missing.includes(name));
  /** @type {string[]} */
  const failed = process.env.CI === 'true' ? missing.map((name) => `nothing may be skipped here: ${name}`) : [];
  const worker = async () => {
    for (let next = left.shift(); next; next = left.shift()) if (!(await passes(next))) failed.push(next.name);
  };
  await Promise.all(Array.from({ length: availableParallelism() }, worker));
  return failed;
}

/** @param {string} suite */
function testFiles(suite) {
  const folder = join(ROOT, 'tests', suite);
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  return entries
    .filter((entry) => entry.endsWith('.test.js'))
    .map((entry) => relative(ROOT, join(folder, entry)))
    .sort();
}

/** Files of tests that measure time, which nothing else may take from them. */
const ALONE = /\balone\.test\.js$/;

/**
 * Runs of Node's test runner over all suites: what measures time by itself, then the others beside each other.
 * @param {string[]} suites
 * @returns {string[]} what failed
 */
function runNode(suites) {
  const found = suites.map((suite) => ({ suite, files: testFiles(suite) }));
  const empty = found.filter(({ files }) => files.length === 0).map(({ suite }) => `${suite}: there is no test file`);
  const files = found.flatMap((entry) => entry.files);
  for (const entry of found) console.log(`# tests/${entry.suite}: ${entry.files.length} files`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const failed = [
    ...runFiles(
      files.filter((file) => ALONE.test(file)),
      1,
      'test-alone.tap',
    ),
    ...runFiles(
      files.filter((file) => !ALONE.test(file)),
      availableParallelism(),
      'test.tap',
    ),
  ];
  return [...empty, ...failed];
}

/** @param {string[]} files @param {number} together how many at a time @param {string} report */
function runFiles(files, together, report) {
  if (files.length === 0) return [];
  const path = join(ROOT, 'build', report);
  console.log(`\n# node --test ${process.execArgv.join(' ')} --test-concurrency=${together}: ${files.length} files`);
  const passed = succeeds(process.execPath, [
    ...process.execArgv,
    '--test',
    `--test-concurrency=${together}`,
    `--test-timeout=${TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${path}`,
    ...files,
  ]);
  return [...(passed ? [] : ['node --test']), ...skippedUnderCI(path)];
}

/** @param {string} report @returns {string[]} */
function skippedUnderCI(report) {
  if (process.env.CI !== 'true') return [];
  const lines = readFileSync(report, 'utf8').split('\n');
  return lines
    .filter((line) => / # (SKIP|TODO)\b/.test(line))
    .map((line) => `nothing may be skipped here: ${line.trim()}`);
}

const suites = process.argv.slice(2);
const failures = suites.includes('c') ? await runC() : [];
const scripts = suites.filter((suite) => suite !== 'c');
if (scripts.length > 0) failures.push(...runNode(scripts));
if (failures.length > 0) {
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = 1;
}
