import assert from 'node:assert/strict';
import { NormlabError } from 'normlab';

/**
 * What `assert.throws` and `assert.rejects` take: a NormlabError with this code and these words.
 *
 * @param {string} code
 * @param {RegExp | string | (RegExp | string)[]} words each must be in the message
 */
export const failure = (code, words) => (/** @type {unknown} */ error) => {
  assert.ok(error instanceof NormlabError, `expected a NormlabError, got ${error?.stack ?? error}`);
  assert.equal(error.name, 'NormlabError');
  for (const word of [words].flat()) {
    const found = typeof word === 'string' ? error.message.includes(word) : word.test(error.message);
    assert.ok(found, `expected ${word} in "${error.message}"`);
  }
  assert.equal(error.code, code, error.message);
  return true;
};

/**
 * Each value within its bound; NaN or infinite where that is expected.
 *
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 * @param {number | ArrayLike<number>} bound one, or one a value
 * @param {string} what
 */
export function assertWithin(actual, expected, bound, what) {
  assert.equal(actual.length, expected.length, `${what}: number of values`);
  for (let i = 0; i < expected.length; i++) {
    const allowed = typeof bound === 'number' ? bound : bound[i];
    if (Object.is(actual[i], expected[i])) continue;
    const error = Math.abs(actual[i] - expected[i]);
    // Written so that NaN fails.
    if (!(error <= allowed)) {
      assert.fail(`${what}[${i}]: ${actual[i]}, expected ${expected[i]}: off by ${error}, allowed ${allowed}`);
    }
  }
}

/** @param {ArrayLike<number>} values */
export const largest = (values) =>
  Array.prototype.reduce.call(values, (most, value) => Math.max(most, Math.abs(value)), 0);

/**
 * Each value within `relative` of the expected tensor's largest one.
 *
 * @param {ArrayLike<number>} actual
 * @param {ArrayLike<number>} expected
 * @param {number} relative
 * @param {string} what
 */
export const assertClose = (actual, expected, relative, what) =>
  assertWithin(actual, expected, relative * /** @type {number} */ (largest(expected)), what);
