import { describe } from '../checks.js';
import { NormlabError } from '../errors.js';

/** An object may contain itself, and shared parts may double at each level. */
const MOST_NESTED = 200;
const MOST_PARTS = 100_000;

/**
 * A copy of nothing but arrays, plain objects, numbers, strings, booleans and null: what other threads can be given.
 *
 * @param {string} call
 * @param {string} name of the argument
 * @param {unknown} value
 * @returns {any}
 * @throws {NormlabError} `argument`
 */
export function plainCopy(call, name, value) {
  let parts = 0;
  /** @param {string} where @param {string} what */
  const wrong = (where, what) =>
    new NormlabError('argument', `${call}: ${where}: expected plain data, which a worker can be given, got ${what}`);

  /** @param {string} where @param {unknown} part @param {number} depth @returns {unknown} */
  const copy = (where, part, depth) => {
    if (part === null || ['undefined', 'number', 'string', 'boolean'].includes(typeof part)) return part;
    if (typeof part !== 'object') throw wrong(where, describe(part));
    parts += Array.isArray(part) ? part.length : 1;
    if (depth > MOST_NESTED || parts > MOST_PARTS) throw wrong(name, 'too much of it, or what contains itself');
    if (Array.isArray(part)) return Array.from(part, (item, i) => copy(`${where}[${i}]`, item, depth + 1));
    const prototype = Object.getPrototypeOf(part);
    if (prototype !== Object.prototype && prototype !== null) throw wrong(where, describe(part));
    const entries = Object.entries(part);
    parts += entries.length;
    return Object.fromEntries(entries.map(([key, item]) => [key, copy(`${where}.${key}`, item, depth + 1)]));
  };
  return copy(name, value, 0);
}
