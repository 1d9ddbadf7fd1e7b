import { describe } from './checks.js';
import { allocate, checkBytes } from './data/reading.js';
import { NormlabError } from './errors.js';

/*
 * safetensors: https://huggingface.co/docs/safetensors/index#format. Eight bytes that hold the length of a JSON header, the
 * header, and the values, row-major and little-endian, one tensor behind the other without a gap.
 */

/** Bytes of a value, by the names that the format has for types. */
const SIZES = Object.freeze({
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1 },
  ...{ I16: 2, U16: 2, F16: 2, BF16: 2 },
  ...{ I32: 4, U32: 4, F32: 4 },
  ...{ I64: 8, U64: 8, F64: 8 },
});

/** What the format's own reader takes at most. */
const MOST_HEADER = 100_000_000;
const ALIGNMENT = 8;
const METADATA = '__metadata__';

/**
 * @typedef {keyof typeof SIZES} DType
 *
 * @typedef {object} Stored a tensor as its file has it
 * @property {DType} dtype
 * @property {number[]} shape
 * @property {Uint8Array} bytes little-endian
 *
 * @typedef {object} Safetensors
 * @property {Map<string, Stored>} tensors in the order of their bytes
 * @property {Map<string, string>} metadata
 *
 * @typedef {(where: string, expected: string, came: string) => NormlabError} Fail
 */

/**
 * The bytes of a file that any reader of safetensors takes: wide types first, so that every value is aligned, by name within
 * them, and a header of whole words.
 *
 * @param {Map<string, Stored>} tensors
 * @param {Record<string, string>} metadata
 */
export function writeSafetensors(tensors, metadata) {
  const sorted = [...tensors].sort(([a, one], [b, other]) => SIZES[other.dtype] - SIZES[one.dtype] || (a < b ? -1 : 1));
  let end = 0;
  const entries = sorted.map(([key, { dtype, shape, bytes }]) => {
    const begin = end;
    end += bytes.length;
    return [key, { dtype, shape, data_offsets: [begin, end] }];
  });
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries([[METADATA, metadata], ...entries])));
  const length = Math.ceil(json.length / ALIGNMENT) * ALIGNMENT;
  const file = allocate('safetensors', Uint8Array, 8 + length + end);
  new DataView(file.buffer).setBigUint64(0, BigInt(length), true);
  file.fill(0x20, 8, 8 + length).set(json, 8);
  let at = 8 + length;
  for (const [, { bytes }] of sorted) {
    file.set(bytes, at);
    at += bytes.length;
  }
  return file;
}

/**
 * Reads such bytes. Nothing is believed that the bytes do not bear out: the tensors fill the file from the header to its
 * end, each as long as its shape and type say.
 *
 * @param {string} call
 * @param {unknown} input a Uint8Array or ArrayBuffer
 * @returns {Safetensors} whose tensors share the memory of `input`
 * @throws {NormlabError} `format`, saying where; `argument` for something that is not bytes
 */
export function readSafetensors(call, input) {
  const bytes = checkBytes(call, 'bytes', input);
  /** @type {Fail} */
  const fail = (where, expected, came) =>
    new NormlabError('format', `${call}: ${where}: expected ${expected}, got ${came}`);
  const start = headerEnd(bytes, fail);
  const text = headerText(bytes.subarray(8, start), fail);
  const { entries, metadata } = readHeader(new Scanner(text, fail), fail);
  return { tensors: place(entries, bytes.subarray(start), fail), metadata };
}

/** @param {Uint8Array} bytes @param {Fail} fail @returns {number} the byte at which values begin */
function headerEnd(bytes, fail) {
  if (bytes.length < 8) {
    throw fail('length of the header', 'eight bytes of safetensors', `an end at byte ${bytes.length}`);
  }
  const length = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0, true);
  const most = Math.min(bytes.length - 8, MOST_HEADER);
  if (length > most) {
    throw fail('length of the header', `at most ${most} bytes, in a file of ${bytes.length}`, String(length));
  }
  return 8 + Number(length);
}

/** @param {Uint8Array} bytes @param {Fail} fail */
function headerText(bytes, fail) {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw fail('header', 'UTF-8', 'bytes that are not');
  }
}

/** The JSON that a header is made of, and no more: what it may hold is known, so that nothing nests. */
class Scanner {
  #at = 0;

  /** @param {string} text @param {Fail} fail */
  constructor(text, fail) {
    this.text = text;
    this.fail = fail;
  }

  /** @param {string} expected */
  unexpected(expected) {
    const rest = this.text.slice(this.#at, this.#at + 20);
    return this.fail(`header, character ${this.#at}`, expected, rest === '' ? 'its end' : JSON.stringify(rest));
  }

  /** The next character that is no space, '' at the end. */
  peek() {
    while (' \n\r\t'.includes(this.text[this.#at] ?? '.')) this.#at++;
    return this.text[this.#at] ?? '';
  }

  /** @param {string} character */
  take(character) {
    if (this.peek() !== character) throw this.unexpected(`'${character}'`);
    this.#at++;
  }

  /** @returns {string} */
  string() {
    if (this.peek() !== '"') throw this.unexpected('a string');
    let end = this.#at;
    do {
      end = this.text.indexOf('"', end + 1);
    } while (end > 0 && this.#isEscaped(end));
    if (end < 0) throw this.unexpected('a string that ends');
    try {
      const value = JSON.parse(this.text.slice(this.#at, end + 1));
      this.#at = end + 1;
      return value;
    } catch {
      throw this.unexpected('a string of JSON');
    }
  }

  /** @param {number} quote */
  #isEscaped(quote) {
    let first = quote;
    while (this.text[first - 1] === '\\') first--;
    return (quote - first) % 2 === 1;
  }

  /** @returns {number} */
  integer() {
    this.peek();
    const pattern = /(?:0|[1-9]\d*)(?![\d.eE])/y;
    pattern.lastIndex = this.#at;
    const value = Number(pattern.exec(this.text)?.[0]);
    if (!Number.isSafeInteger(value)) throw this.unexpected('an integer in [0, 2^53)');
    this.#at = pattern.lastIndex;
    return value;
  }

  /** @param {number} most @returns {number[]} */
  integers(most) {
    /** @type {number[]} */
    const values = [];
    this.#list('[', ']', () => {
      if (values.length === most) throw this.unexpected(`at most ${most} integers`);
      values.push(this.integer());
    });
    return values;
  }

  /** @param {(key: string) => void} member reads the value of a key; none comes twice */
  object(member) {
    /** @type {Set<string>} */
    const keys = new Set();
    this.#list('{', '}', () => {
      this.peek();
      const before = this.#at;
      const key = this.string();
      if (keys.has(key) || key === '__proto__') {
        this.#at = before;
        throw this.unexpected(keys.has(key) ? 'each key once' : 'another key');
      }
      keys.add(key);
      this.take(':');
      member(key);
    });
  }

  /** @param {string} open @param {string} close @param {() => void} item */
  #list(open, close, item) {
    this.take(open);
    if (this.peek() !== close) {
      item();
      while (this.peek() === ',') {
        this.take(',');
        item();
      }
    }
    if (this.peek() !== close) throw this.unexpected(`',' or '${close}'`);
    this.take(close);
  }
}

/** @typedef {{ key: string, dtype: DType, shape: number[], begin: number, end: number }} Entry */

/** @param {Scanner} scanner @param {Fail} fail */
function readHeader(scanner, fail) {
  /** @type {Entry[]} */
  const entries = [];
  /** @type {Map<string, string>} */
  const metadata = new Map();
  scanner.object((key) => {
    if (key === METADATA) scanner.object((name) => metadata.set(name, scanner.string()));
    else entries.push(readEntry(scanner, key, fail));
  });
  if (scanner.peek() !== '') throw scanner.unexpected('nothing but spaces');
  return { entries, metadata };
}

/** @param {Scanner} scanner @param {string} key @param {Fail} fail @returns {Entry} */
function readEntry(scanner, key, fail) {
  const where = `tensor ${describe(key)}`;
  let dtype = '';
  /** @type {number[] | undefined} */
  let shape;
  /** @type {number[]} */
  let offsets = [];
  scanner.object((name) => {
    if (name === 'dtype') dtype = scanner.string();
    else if (name === 'shape') shape = scanner.integers(64);
    else if (name === 'data_offsets') offsets = scanner.integers(2);
    else throw fail(where, 'dtype, shape and data_offsets', describe(name));
  });
  if (!Object.hasOwn(SIZES, dtype)) throw fail(where, `a dtype of ${Object.keys(SIZES).join(', ')}`, describe(dtype));
  const [begin, end] = offsets;
  if (!shape || end === undefined) throw fail(where, 'a shape and two data_offsets', 'less');
  const known = /** @type {DType} */ (dtype);
  const size = shape.reduce((product, length) => product * length, SIZES[known]);
  // A product that overflows is no safe integer, and stays none but for a zero.
  if (!Number.isSafeInteger(size) || begin + size !== end) {
    const bytes = `${size} bytes for [${shape}] of ${dtype}`;
    throw fail(where, bytes, `data_offsets [${begin}, ${end}]`);
  }
  return { key, dtype: known, shape, begin, end };
}

/**
 * @param {Entry[]} entries
 * @param {Uint8Array} values
 * @param {Fail} fail
 * @returns {Map<string, Stored>}
 */
function place(entries, values, fail) {
  const sorted = entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  /** @type {Map<string, Stored>} */
  const tensors = new Map();
  let at = 0;
  for (const { key, dtype, shape, begin, end } of sorted) {
    const where = `tensor ${describe(key)}`;
    if (begin !== at) throw fail(where, `data_offsets from ${at} on`, `${begin} (a gap, or two tensors on one place)`);
    if (end > values.length) throw fail(where, `${end} bytes of values`, `${values.length} (truncated)`);
    tensors.set(key, { dtype, shape, bytes: values.subarray(begin, end) });
    at = end;
  }
  if (at !== values.length) throw fail('values', `${at} bytes`, `${values.length}, of which the rest is no tensor's`);
  return tensors;
}
