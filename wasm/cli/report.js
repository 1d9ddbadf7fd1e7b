import { optimizerTitle } from './optimizer.js';
import { samplingTitle } from './sampling.js';

/** @typedef {import('./experiment.js').Settings} Settings */

/**
 * One column of a table of text.
 *
 * @template T
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: T) => string} cell
 * @property {number} [width] at least, default that of the title
 * @property {boolean} [left] aligned left
 */

/**
 * A table whose lines are made one by one, as the rows come.
 *
 * @template T
 * @param {Column<T>[]} columns
 */
export function table(columns) {
  /** @param {(column: Column<T>) => string} cell */
  const line = (cell) =>
    columns
      .map((column) => {
        const width = Math.max(column.title.length, column.width ?? 0);
        return column.left ? cell(column).padEnd(width) : cell(column).padStart(width);
      })
      .join('  ')
      .trimEnd();
  return {
    header: line(({ title }) => title),
    /** @param {T} row */
    row: (row) => line(({ cell }) => cell(row)),
  };
}

/** @param {number | null} fraction */
export const percent = (fraction) => (fraction === null ? '–' : `${(100 * fraction).toFixed(2)} %`);

/** @param {number} value @returns {string} to three digits */
export const short = (value) => {
  if (value === 0) return '0';
  return Math.abs(value) < 1e-3 ? value.toExponential(2) : value.toPrecision(3);
};

/** @param {number | null} count */
export const whole = (count) => (count === null ? '–' : Math.round(count).toLocaleString('en'));

/**
 * @param {import('./model.js').ModelSettings} settings
 * @returns {string} the model and its normalization
 */
export function modelTitle({ preset, model, norm, groups, placement, weightStandardization }) {
  const norms = {
    batch: 'BatchNorm',
    renorm: 'BatchRenorm',
    layer: 'LayerNorm',
    group: `GroupNorm of ${groups} groups`,
    instance: 'InstanceNorm',
    rms: 'RMSNorm',
    none: 'no normalization',
  };
  const normed = norm && norms[/** @type {keyof typeof norms} */ (norm)];
  const where = placement && `${placement} the activation`;
  const standard = weightStandardization && 'weight standardization';
  return [preset ?? model, [normed, where].filter(Boolean).join(' '), standard].filter(Boolean).join(', ');
}

/** @param {Settings} settings @returns {string} what is about to be trained, in two lines, and a third for a note */
export function heading({ data, variant, ...rest }) {
  const { batchSize, seed } = rest;
  return (
    `${modelTitle(rest)}; batch size ${batchSize}, ${optimizerTitle(rest)}, seed ${seed}\n` +
    `${dataTitle(data, rest)}; ${variant} module` +
    (data.note ? `\nnote: ${data.note}` : '')
  );
}

/**
 * @param {Settings['data']} data
 * @param {import('./sampling.js').SamplingSettings} sampling
 */
export const dataTitle = ({ name, train, test }, sampling) =>
  [`${name}: ${whole(train)} training and ${whole(test)} test images`, samplingTitle(sampling)]
    .filter(Boolean)
    .join(', ');

/** @param {string} text */
export const print = (text) => process.stdout.write(`${text}\n`);

/** @param {object} document Numbers that are not finite become null, as JSON has none. */
export const printJson = (document) => print(JSON.stringify(document, null, 2));
