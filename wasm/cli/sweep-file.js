import { appendFileSync, readFileSync, truncateSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { reason } from '../data/node-fs.js';
import { NormlabError } from '../errors.js';
import { runKey } from '../sweep/plan.js';
import { UsageError } from './failure.js';

/**
 * @typedef {import('./sweep-settings.js').SweepSettings} SweepSettings
 * @typedef {import('../sweep/plan.js').Axes} Axes
 * @typedef {import('./sweep-report.js').ReportedRun} ReportedRun
 *
 * @typedef {object} Line one finished run, as a file has it
 * @property {SweepSettings} settings
 * @property {Axes} sweep all that the run is one of
 * @property {ReportedRun} run
 */

/** Failures that another attempt would only repeat; after any other the run is done again. */
const LASTING = ['diverged', 'argument', 'shape', 'state'];

/** @param {ReportedRun} run */
export const isFinal = ({ error }) => !error || LASTING.includes(error.code);

/**
 * Reads the lines of a file. What a writer that was stopped has left of its last line is not one.
 *
 * @param {string} option that names the file, for messages
 * @param {string} path
 * @returns {{ lines: Line[], bytes: number, ended: boolean }} bytes: of the whole lines; ended: the last has its newline
 * @throws {UsageError} for a file that is none of a sweep
 */
export function readLines(option, path) {
  const text = read(option, path);
  const rows = text.split('\n');
  const torn = rows.pop() ?? '';
  const last = parse(torn);
  const lines = rows.map((row, i) => {
    const line = parse(row);
    if (line) return line;
    throw new UsageError(`${option} ${path}: line ${i + 1} is not a finished run of a sweep`);
  });
  // A file of something else, not to be cut off.
  if (lines.length === 0 && !last && torn !== '' && !'{"settings":'.startsWith(torn.slice(0, 12))) {
    throw new UsageError(`${option} ${path}: line 1 is not a finished run of a sweep`);
  }
  const whole = last ? text : text.slice(0, text.length - torn.length);
  return { lines: last ? [...lines, last] : lines, bytes: Buffer.byteLength(whole), ended: !last };
}

/** @param {string} option @param {string} path */
function read(option, path) {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(`${option} ${path}: cannot read it: ${reason(error)}`, { cause: error });
  }
}

/** @param {string} row @returns {Line | null} */
function parse(row) {
  try {
    const line = JSON.parse(row);
    const { batchSize, seed } = line.run;
    const { norms, batchSizes, seeds } = line.sweep;
    const lists = [norms, batchSizes, seeds].every(Array.isArray);
    const whole = lists && Number.isInteger(batchSize) && Number.isInteger(seed) && typeof line.settings === 'object';
    return whole ? line : null;
  } catch {
    return null;
  }
}

/**
 * What is not equal: a machine's path of a model or a folder, of which the digests tell, does not count.
 *
 * @param {SweepSettings} a
 * @param {SweepSettings} b
 * @returns {string | null} in words, null where they agree
 */
export function difference(a, b) {
  const [one, other] = /** @type {Record<string, unknown>[]} */ ([a, b].map(comparable));
  for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
    if (!isDeepStrictEqual(one[key], other[key])) return `${key} ${show(one[key])} and not ${show(other[key])}`;
  }
  return null;
}

/** @param {SweepSettings} settings by way of JSON, as those of a file */
function comparable(settings) {
  const { model: _, data, ...rest } = JSON.parse(JSON.stringify(settings));
  const { name: __, note: ___, ...content } = data ?? {};
  return { ...rest, ...Object.fromEntries(Object.entries(content).map(([key, value]) => [`data.${key}`, value])) };
}

/** @param {unknown} value */
const show = (value) => (value === undefined ? 'none' : JSON.stringify(value));

/**
 * A file that finished runs are added to.
 *
 * @param {string} path made where it is not there
 * @param {SweepSettings} settings
 * @returns {{ finished: ReportedRun[], append: (sweep: Axes, run: ReportedRun) => void }}
 * @throws {UsageError} for a file of other settings, or none that can be written
 */
export function openRunFile(path, settings) {
  const write = (/** @type {string} */ text) => {
    try {
      appendFileSync(path, text);
    } catch (error) {
      throw new NormlabError('io', `--out ${path}: cannot write it: ${reason(error)}`, { cause: error });
    }
  };
  try {
    appendFileSync(path, '');
  } catch (error) {
    throw new UsageError(`--out ${path}: cannot write it: ${reason(error)}`, { cause: error });
  }
  const { lines, bytes, ended } = readLines('--out', path);
  for (const line of lines) {
    const what = difference(line.settings, settings);
    if (what) throw new UsageError(`--out ${path}: its runs are of other settings: ${what}; give another file`);
  }
  truncateSync(path, bytes);
  if (!ended) write('\n');
  /** @type {Map<string, ReportedRun>} */
  const finished = new Map(lines.filter(({ run }) => isFinal(run)).map(({ run }) => [runKey(run), run]));
  return {
    finished: [...finished.values()],
    append: (sweep, run) => write(`${JSON.stringify({ settings, sweep, run })}\n`),
  };
}
