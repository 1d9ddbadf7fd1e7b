import { checkBoolean, checkNumber, checkOptions, describe } from './checks.js';
import { NormlabError } from './errors.js';

/**
 * @typedef {import('./runtime.js').SettingsTable} SettingsTable
 * @typedef {import('./runtime.js').Setting} Setting
 */

/**
 * A layer's options as the engine takes them: float64 values in the order of the type's settings. Kinds are checked here,
 * where JavaScript's types are known; ranges by the engine.
 *
 * @param {string} call
 * @param {SettingsTable} type
 * @param {unknown} options
 * @param {number} maxDims
 * @param {readonly string[]} [also] keys that are not settings, such as `type`
 * @param {string} [name] of the options, where they are one argument of several
 * @returns {number[]}
 */
export function encodeSettings(call, type, options, maxDims, also = [], name = '') {
  const known = [...also, ...type.settings.map((setting) => setting.name)];
  const given = checkOptions(call, name || 'options', options, known);
  const prefix = name && `${name}.`;
  return type.settings.flatMap((setting) =>
    encode(call, { ...setting, name: `${prefix}${setting.name}` }, given[setting.name], maxDims),
  );
}

/**
 * Options in full from what {@link encodeSettings} made of them.
 *
 * @param {SettingsTable} type whose settings have one value each, or two
 * @param {number[]} args
 * @returns {Record<string, unknown>}
 */
export function decodeSettings(type, args) {
  let at = 0;
  const entries = type.settings.map(({ name, kind, choices }) => {
    if (kind === 'two' || kind === 'pair') return [name, [args[at++], args[at++]]];
    const value = args[at++];
    if (kind === 'bool') return [name, value !== 0];
    if (kind === 'choice') return [name, choices?.split(',')[value]];
    return [name, Number.isNaN(value) ? null : value];
  });
  return Object.fromEntries(entries);
}

/**
 * @param {string} call
 * @param {Setting} setting
 * @param {unknown} value
 * @param {number} maxDims
 * @returns {number[]}
 */
function encode(call, setting, value, maxDims) {
  const { name, kind } = setting;
  if (value === undefined) {
    if (setting.required) throw new NormlabError('argument', `${call}: ${name}: is required`);
    if (kind === 'two') return /** @type {number[]} */ (setting.default);
    const standard = /** @type {number | null} */ (setting.default) ?? Number.NaN;
    if (kind === 'dims') return [standard, ...new Array(maxDims).fill(0)];
    return kind === 'pair' ? [standard, standard] : [standard];
  }
  if (value === null && setting.nullable)
    return encode(call, { ...setting, default: null, required: false }, undefined, maxDims);
  switch (kind) {
    case 'bool':
      return [Number(checkBoolean(call, name, value))];
    case 'choice': {
      const choices = /** @type {string} */ (setting.choices).split(',');
      const index = choices.indexOf(/** @type {string} */ (value));
      if (index >= 0) return [index];
      const list = choices.map((choice) => `'${choice}'`).join(' or ');
      throw new NormlabError('argument', `${call}: ${name}: expected ${list}, got ${describe(value)}`);
    }
    case 'pair': {
      const [height, width] = Array.isArray(value) && value.length === 2 ? value : [value, value];
      return [number(call, setting, height), number(call, setting, width)];
    }
    case 'two': {
      if (!Array.isArray(value) || value.length !== 2) {
        throw new NormlabError('argument', `${call}: ${name}: expected two numbers, got ${describe(value)}`);
      }
      return value.map((one) => number(call, setting, one));
    }
    case 'dims': {
      const dims = Array.isArray(value) ? value : [value];
      if (dims.length > maxDims) {
        throw new NormlabError(
          'argument',
          `${call}: ${name}: expected at most ${maxDims} dimensions, got ${dims.length}`,
        );
      }
      const sizes = dims.map((size) => number(call, setting, size));
      return [sizes.length, ...sizes, ...new Array(maxDims - sizes.length).fill(0)];
    }
    default:
      return [number(call, setting, value)];
  }
}

/**
 * @param {string} call
 * @param {Setting} setting
 * @param {unknown} value
 */
function number(call, setting, value) {
  const checked = checkNumber(call, setting.name, value);
  // NaN is how null travels, so it must not come from outside.
  if (!Number.isNaN(checked)) return checked;
  throw new NormlabError('argument', `${call}: ${setting.name}: expected a number, got NaN`);
}
