import { describe } from '../checks.js';

/*
 * Arrays as NumPy saves them, format 1.0, 2.0 and 3.0:
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const VERSION_AT = MAGIC.length;
const LENGTH_AT = 8;
/** NumPy writes 128 bytes; by default it reads no header of more than 10,000. */
const MAX_HEADER = 65_536;
const MAX_DIMENSIONS = 32;

/** How a value is read: in its place, so that gigabytes need no copy. */
const TYPES = {
  u1: DataView.prototype.getUint8,
  u2: DataView.prototype.getUint16,
  u4: DataView.prototype.getUint32,
  u8: DataView.prototype.getBigUint64,
  i1: DataView.prototype.getInt8,
  i2: DataView.prototype.getInt16,
  i4: DataView.prototype.getInt32,
  i8: DataView.prototype.getBigInt64,
  f4: DataView.prototype.getFloat32,
  f8: DataView.prototype.getFloat64,
};

const KEYS = ['descr', 'fortran_order', 'shape'];
/** An entry of the header's dictionary, which is all of Python that occurs in it. */
const ENTRY = /(?:'(\w+)'|"(\w+)") *: *(?:'([^']*)'|"([^"]*)"|(True|False)|\(([\d L,]*)\))/y;

/** @typedef {import('./inflate.js').Fail} Fail */
/** @typedef {keyof typeof TYPES} TypeName */

/**
 * @typedef {object} NpyHeader
 * @property {TypeName} type kind and bytes of a value, e.g. `'f4'`
 * @property {number} size bytes of a value
 * @property {boolean} little whether their bytes are in that order
 * @property {number[]} shape each size >= 1
 * @property {number} start byte of the first value
 */

/**
 * The header of a .npy file, checked against the number of bytes behind it.
 *
 * @param {Uint8Array} bytes
 * @param {readonly TypeName[]} types that are taken
 * @param {Fail} fail
 * @returns {NpyHeader}
 */
export function npyHeader(bytes, types, fail) {
  const { from, start } = headerBounds(bytes, fail);
  const { descr, fortran_order: fortran, shape, at } = dictionary(bytes, from, start, fail);
  const [, order, type] = /^([<>|])(\w+)$/.exec(descr) ?? [];
  const known = types.find((each) => each === type);
  if (known === undefined || (order === '|' && Number(known[1]) > 1)) {
    throw fail(`expected values of type ${types.join(', ')}, got ${describe(descr)} (byte ${at.descr})`);
  }
  if (fortran) throw fail(`expected values in C order, got fortran_order True (byte ${at.fortran_order})`);
  if (shape.length > MAX_DIMENSIONS || !shape.every((size) => size >= 1)) {
    throw fail(`expected a shape of sizes >= 1, got ${describe(shape)} (byte ${at.shape})`);
  }
  const end = start + shape.reduce((product, size) => product * size, Number(known[1]));
  if (bytes.length !== end) {
    const what = bytes.length < end ? 'truncated' : `${bytes.length - end} bytes too many`;
    const values = `${shape.join(' × ')} values of ${known[1]} bytes`;
    throw fail(`expected ${values} from byte ${start} to byte ${end}, got an end at byte ${bytes.length} (${what})`);
  }
  return { type: known, size: Number(known[1]), little: order === '<', shape, start };
}

/**
 * @param {Uint8Array} bytes
 * @param {Fail} fail
 * @returns {{ from: number, start: number }} first byte of the dictionary, and of the values
 */
function headerBounds(bytes, fail) {
  const wrong = MAGIC.findIndex((byte, i) => bytes[i] !== byte);
  if (wrong >= 0 && wrong < bytes.length) {
    throw fail(`expected '\\x93NUMPY' of a .npy array at byte 0, got another byte ${wrong}`);
  }
  if (bytes.length < LENGTH_AT + 2) throw cutHeader(bytes, LENGTH_AT + 2, fail);
  const [major, minor] = bytes.subarray(VERSION_AT);
  if (major < 1 || major > 3 || minor !== 0) {
    throw fail(`expected format 1.0, 2.0 or 3.0, got ${major}.${minor} (byte ${VERSION_AT})`);
  }
  const from = LENGTH_AT + (major === 1 ? 2 : 4);
  if (bytes.length < from) throw cutHeader(bytes, from, fail);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = major === 1 ? view.getUint16(LENGTH_AT, true) : view.getUint32(LENGTH_AT, true);
  if (length > MAX_HEADER) {
    throw fail(`expected a header of at most ${MAX_HEADER} bytes, got ${length} (byte ${LENGTH_AT})`);
  }
  if (bytes.length < from + length) throw cutHeader(bytes, from + length, fail);
  return { from, start: from + length };
}

/** @param {Uint8Array} bytes @param {number} end @param {Fail} fail */
const cutHeader = (bytes, end, fail) =>
  fail(`expected a header of ${end} bytes, got an end at byte ${bytes.length} (truncated)`);

/**
 * @typedef {object} Dictionary
 * @property {string} descr
 * @property {boolean} fortran_order
 * @property {number[]} shape NaN for what is no size
 * @property {Record<string, number>} at byte of each entry
 */

/**
 * @param {Uint8Array} bytes
 * @param {number} from
 * @param {number} to
 * @param {Fail} fail
 * @returns {Dictionary}
 */
function dictionary(bytes, from, to, fail) {
  const text = Array.from(bytes.subarray(from, to), (byte) => String.fromCharCode(byte)).join('');
  /** @type {Unexpected} */
  const unexpected = (at, expected) =>
    fail(`expected ${expected} at byte ${from + at}, got ${describe(text.slice(at, at + 20))}`);
  if (text[0] !== '{') throw unexpected(0, "the header's '{'");
  const { values, places, end } = entries(text, unexpected);
  const rest = text.slice(end).search(/\S/);
  if (rest >= 0) throw unexpected(end + rest, 'nothing but spaces');
  const { descr, fortran_order, shape } = values;
  if (typeof descr !== 'string' || typeof fortran_order !== 'boolean' || !Array.isArray(shape)) {
    throw unexpected(0, "{'descr': string, 'fortran_order': True or False, 'shape': tuple}");
  }
  const at = Object.fromEntries(Object.entries(places).map(([key, place]) => [key, from + place]));
  return { descr, fortran_order, shape, at };
}

/**
 * @typedef {(at: number, expected: string) => Error} Unexpected
 *
 * @param {string} text from the dictionary's brace on
 * @param {Unexpected} unexpected
 */
function entries(text, unexpected) {
  /** @type {Record<string, string | boolean | number[]>} */
  const values = {};
  /** @type {Record<string, number>} */
  const places = {};
  let at = skipSpaces(text, 1);
  while (text[at] !== '}') {
    ENTRY.lastIndex = at;
    const found = ENTRY.exec(text);
    if (!found) throw unexpected(at, "an entry such as 'shape': (60000, 28, 28)");
    const key = found[1] ?? found[2];
    if (!KEYS.includes(key) || key in places) throw unexpected(at, `${KEYS.join(', ')} once each`);
    values[key] = valueIn(found);
    places[key] = at;
    at = skipSpaces(text, ENTRY.lastIndex);
    if (text[at] === ',') at = skipSpaces(text, at + 1);
    else if (text[at] !== '}') throw unexpected(at, "',' or '}'");
  }
  return { values, places, end: at + 1 };
}

/** @param {string} text @param {number} from */
function skipSpaces(text, from) {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n') at++;
  return at;
}

/** @param {string[]} found by {@link ENTRY} */
function valueIn([, , , single, double, boolean, tuple]) {
  if (tuple !== undefined) return sizesIn(tuple);
  return boolean === undefined ? (single ?? double) : boolean === 'True';
}

/** @param {string} tuple what is between the parentheses */
function sizesIn(tuple) {
  const items = tuple.split(',').map((item) => item.trim());
  if (items.at(-1) === '') items.pop();
  return items.map((item) => (/^\d{1,15}L?$/.test(item) ? Number.parseInt(item, 10) : Number.NaN));
}

/**
 * The values of a .npy file, one by one.
 *
 * @param {Uint8Array} bytes
 * @param {NpyHeader} header
 * @returns {(i: number) => number | bigint}
 */
export function npyReader(bytes, { type, size, little, start }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + start, bytes.length - start);
  const get = /** @type {(this: DataView, at: number, little: boolean) => number | bigint} */ (TYPES[type]);
  return (i) => get.call(view, i * size, little);
}
