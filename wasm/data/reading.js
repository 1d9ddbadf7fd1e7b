import { checkInteger, checkOptions, describe } from '../checks.js';
import { NormlabError } from '../errors.js';

/**
 * What every reader of files takes.
 *
 * @typedef {object} ReadOptions
 * @property {string} [name] of the dataset, default: the name of the reader
 * @property {number} [classes] default: the greatest label + 1
 * @property {string[]} [classNames] one a class
 * @property {number[]} [mean] per channel, as of the training images; default: computed from these images
 * @property {number[]} [std] per channel, as of the training images; default: computed from these images
 * @property {OnProgress} [onProgress] told of work on many bytes: at its beginning, every few megabytes, and at its end
 */

/**
 * @typedef {object} Progress
 * @property {number} loaded bytes done
 * @property {number} total bytes to do in this phase
 * @property {'read' | 'unpack' | 'standardize' | 'make'} phase
 * @property {string} file that it is about, as messages call it
 *
 * @typedef {(progress: Progress) => void} OnProgress
 */

/** @typedef {Uint8Array | ArrayBuffer} Bytes the content of a file */

const OPTIONS = ['name', 'classes', 'classNames', 'mean', 'std', 'onProgress'];

/** More classes than this must be asked for: a damaged label would otherwise make a model of gigabytes. */
const MOST_CLASSES = 65_536;

/**
 * The options of a reader, those that the images do not bear on checked.
 *
 * @template {ReadOptions} Options
 * @param {string} call
 * @param {unknown} value
 * @param {readonly string[]} own those that only this reader has
 * @returns {Options}
 * @throws {NormlabError} `argument`
 */
export function checkReadOptions(call, value, own) {
  const options = /** @type {Options} */ (checkOptions(call, 'options', value, [...OPTIONS, ...own]));
  if (options.name !== undefined) checkString(call, 'name', options.name);
  if (options.classes !== undefined) checkInteger(call, 'classes', options.classes, 1);
  if (options.onProgress !== undefined && typeof options.onProgress !== 'function') {
    const came = describe(options.onProgress);
    throw new NormlabError('argument', `${call}: onProgress: expected a function, got ${came}`);
  }
  return options;
}

const REPORT = 4 * 2 ** 20;

/**
 * Counts the bytes of a phase, and reports.
 *
 * @param {OnProgress | undefined} onProgress
 * @param {Progress['phase']} phase
 * @param {string} file
 * @param {number} total
 * @returns {import('./inflate.js').Tick}
 */
export function reporter(onProgress, phase, file, total) {
  let loaded = 0;
  let told = 0;
  onProgress?.({ loaded, total, phase, file });
  return (bytes) => {
    loaded += bytes;
    if (loaded < total && loaded - told < REPORT) return;
    told = loaded;
    onProgress?.({ loaded, total, phase, file });
  };
}

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} value
 */
export function checkString(call, name, value) {
  if (typeof value === 'string') return value;
  throw new NormlabError('argument', `${call}: ${name}: expected a string, got ${describe(value)}`);
}

/** @param {string} file whose content a message counts bytes of, and not its own */
export const unpacked = (file) => `${file}, unpacked`;

/** @param {unknown} value @returns {value is Bytes} proxies of bytes are not: nothing can be read through them */
export const isBytes = (value) =>
  (ArrayBuffer.isView(value) && value instanceof Uint8Array) || value instanceof ArrayBuffer;

/**
 * @param {string} call
 * @param {string} name
 * @param {unknown} input
 * @returns {Uint8Array} the same bytes; none where they were given away to another thread
 * @throws {NormlabError} `argument` for something that is not bytes
 */
export function checkBytes(call, name, input) {
  if (!isBytes(input)) {
    throw new NormlabError('argument', `${call}: ${name}: expected a Uint8Array or ArrayBuffer, got ${typeof input}`);
  }
  if (input.byteLength === 0) return new Uint8Array();
  // Not the view itself: Node's Buffer has methods of the same names that do something else.
  return input instanceof ArrayBuffer
    ? new Uint8Array(input)
    : new Uint8Array(input.buffer, input.byteOffset, input.length);
}

/**
 * @param {ReadOptions} options
 * @param {number} most that labels can be without an option that says so, + 1
 * @returns {number} what every label has to be below
 */
export const labelLimit = ({ classes, classNames }, most = MOST_CLASSES) =>
  classes ?? (Array.isArray(classNames) ? classNames.length : most);

/**
 * Memory whose size was checked against the bytes that are there.
 *
 * @template T
 * @param {string} call
 * @param {new (length: number) => T} Type
 * @param {number} length in elements
 * @returns {T}
 * @throws {NormlabError} `memory`
 */
export function allocate(call, Type, length) {
  try {
    return new Type(length);
  } catch (cause) {
    throw new NormlabError('memory', `${call}: cannot get memory for ${length} values`, { cause });
  }
}

/** @param {number} value a 32-bit one */
export const hex = (value) => `0x${value.toString(16).padStart(8, '0')}`;
