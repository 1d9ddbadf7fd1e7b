import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NotExpressible } from './conformance/operator.js';
import { compute, difference, readSuites } from './conformance/suites.js';
import { forEachVariant } from './support/variants.js';

// The ONNX project's own tests of the operators that the engine has, see conformance/operator.js for what counts as
// expressed.

const suites = readSuites();
/** Suites none of whose cases may be out of reach. */
const COMPLETE = [
  ...['batchnorm', 'layernorm', 'rmsnorm', 'groupnorm', 'instancenorm', 'mvn'],
  ...['conv', 'gemm', 'maxpool', 'avgpool', 'flatten', 'relu', 'softmax', 'pytorch_converted'],
];

/** @type {string[]} */
const variants = [];
/** @type {Map<string, { suite: string, outcome: string }>} the worst outcome of each case on all variants, by name */
const outcomes = new Map();
/** @type {Map<string, Set<string>>} names by reason */
const reasons = new Map();
/** @type {Map<string, Set<string>>} names by the way in which a case was put */
const ways = new Map();

/** @param {Map<string, Set<string>>} map @param {string} key @param {string} name */
const note = (map, key, name) => map.set(key, (map.get(key) ?? new Set()).add(name));

/** @param {Map<string, Set<string>>} map @param {(names: Set<string>) => string} text */
const lines = (map, text) => [...map].sort().map(([key, names]) => `  ${key}: ${text(names)}`);

function report() {
  const columns = ['passed', 'failed', 'not expressible'];
  const row = (/** @type {string} */ name, /** @type {string} */ of) => {
    const found = [...outcomes.values()].filter(({ suite }) => of === '' || suite === of);
    const counts = columns.map((column) => found.filter(({ outcome }) => outcome === column).length);
    return [name.padEnd(20), ...counts.map((count, i) => String(count).padStart(columns[i].length + 2))].join('');
  };
  console.log(
    [
      `ONNX operator tests, each on ${variants.join(', ')}`,
      [''.padEnd(20), ...columns.map((column) => `  ${column}`)].join(''),
      ...(suites ?? []).map(({ suite }) => row(suite, suite)),
      row('all', ''),
      'Not expressible, by reason:',
      ...lines(reasons, (names) => [...names].join(', ')),
      'Put in other words of the engine, by the way taken (cases):',
      ...lines(ways, (names) => String(names.size)),
    ].join('\n'),
  );
}

if (suites === null) {
  console.log('The ONNX operator tests are absent (../shared/conformance/onnx beside this repository): none were run.');
  test('the ONNX operator tests are absent', () => assert.equal(readSuites(), null));
} else {
  await forEachVariant((nl, variant) => {
    variants.push(variant);
    for (const { suite, cases } of suites) {
      test(`${suite}: ${cases.length} cases of ONNX`, () => {
        assert.ok(cases.length > 0);
        const failures = [];
        for (const given of cases) {
          const name = given.name.replace(/^test_/, '');
          const key = `${suite} ${name}`;
          try {
            const { outputs, rewrites } = compute(nl, given);
            const wrong = difference(given, outputs);
            if (wrong) failures.push(`${name}: ${wrong}`);
            if (wrong || !outcomes.has(key)) outcomes.set(key, { suite, outcome: wrong ? 'failed' : 'passed' });
            for (const way of rewrites) note(ways, way, key);
          } catch (error) {
            const reason = error instanceof NotExpressible ? error.message : null;
            if (reason === null) failures.push(`${name}: ${/** @type {Error} */ (error).stack}`);
            else if (COMPLETE.includes(suite)) failures.push(`${name}: not expressible: ${reason}`);
            else note(reasons, reason, name);
            outcomes.set(key, { suite, outcome: reason === null ? 'failed' : 'not expressible' });
          }
        }
        assert.deepEqual(failures, []);
      });
    }
  });

  test('every case has come to something', () => {
    report();
    const count = suites.reduce((sum, { cases }) => sum + cases.length, 0);
    assert.equal(outcomes.size, count);
  });
}
