#!/usr/bin/env node
// Runs the tests and fails if one fails, after all have run. usage: test.mjs SUITE..., of c, node, browser
// C programs: the list in C_TESTS, run behind NATIVE_RUN. Under CI=true a skipped test is a failure.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const REPORT = join(ROOT, 'build/test.tap');
const TIMEOUT_MS = 20 * 60 * 1000;

/** @param {string} command @param {string[]} args */
function succeeds(command, args) {
  const { status, signal, error } = spawnSync(command, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) console.error(`${command}: ${error.message}`);
  if (signal) console.error(`${command}: ended by ${signal}`);
  return status === 0;
}

/** @param {string} text */
const words = (text) => text.split(/\s+/).filter(Boolean);

/** @returns {string[]} what failed */
function runC() {
  const programs = words(process.env.C_TESTS ?? '');
  if (programs.length === 0) return ['c: there is no test program'];
  const [runner, ...options] = [...words(process.env.NATIVE_RUN ?? ''), ''];
  return programs.filter((program) => {
    console.log(`\n# ${program}`);
    const path = join(ROOT, program);
    return !(runner ? succeeds(runner, [...options.filter(Boolean), path]) : succeeds(path, []));
  });
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

/**
 * One run of Node's test runner over all suites, one file at a time: some tests measure time.
 * @param {string[]} suites
 * @returns {string[]} what failed
 */
function runNode(suites) {
  const found = suites.map((suite) => ({ suite, files: testFiles(suite) }));
  const empty = found.filter(({ files }) => files.length === 0).map(({ suite }) => `${suite}: there is no test file`);
  const files = found.flatMap((entry) => entry.files);
  if (files.length === 0) return empty;
  console.log(`\n# node --test ${process.execArgv.join(' ')}`);
  for (const entry of found) console.log(`# tests/${entry.suite}: ${entry.files.length} files`);
  mkdirSync(join(ROOT, 'build'), { recursive: true });
  const passed = succeeds(process.execPath, [
    ...process.execArgv,
    '--test',
    '--test-concurrency=1',
    `--test-timeout=${TIMEOUT_MS}`,
    '--test-reporter=spec',
    '--test-reporter-destination=stdout',
    '--test-reporter=tap',
    `--test-reporter-destination=${REPORT}`,
    ...files,
  ]);
  return [...empty, ...(passed ? [] : ['node --test']), ...skippedUnderCI()];
}

/** @returns {string[]} */
function skippedUnderCI() {
  if (process.env.CI !== 'true') return [];
  const lines = readFileSync(REPORT, 'utf8').split('\n');
  return lines
    .filter((line) => / # (SKIP|TODO)\b/.test(line))
    .map((line) => `nothing may be skipped here: ${line.trim()}`);
}

const suites = process.argv.slice(2);
const failures = suites.includes('c') ? runC() : [];
const scripts = suites.filter((suite) => suite !== 'c');
if (scripts.length > 0) failures.push(...runNode(scripts));
if (failures.length > 0) {
  for (const failure of failures) console.error(`FAILED: ${failure}`);
  process.exitCode = 1;
}
