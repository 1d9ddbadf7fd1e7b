import { Inflate } from 'fflate';
import { NormlabError } from '../errors.js';
import { allocate } from './reading.js';

/** The most that deflate can expand: 258 bytes from 2 bits. */
export const MAX_EXPANSION = 1032;

/** fflate inflates 16 KiB to 17 MB at the most: what is made of a member beyond its declared size stays small. */
const CHUNK = 16_384;

/** @typedef {(message: string, cause?: unknown) => NormlabError} Fail makes an error of code `format` */

/** @typedef {(bytes: number) => void} Tick told of work that is done */

/** What 0 to 3 zero bytes behind a byte make of its checksum: four bytes are one step. */
const CRC_TABLES = Array.from({ length: 4 }, () => new Uint32Array(256));
for (let n = 0; n < 256; n++) {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  CRC_TABLES[0][n] = c;
}
for (let k = 1; k < 4; k++) {
  for (let n = 0; n < 256; n++) {
    const before = CRC_TABLES[k - 1][n];
    CRC_TABLES[k][n] = CRC_TABLES[0][before & 0xff] ^ (before >>> 8);
  }
}

/**
 * The checksum of gzip and zip.
 *
 * @param {Uint8Array} bytes
 * @param {number} [crc] of the bytes before these
 */
export function crc32(bytes, crc = 0) {
  const [one, two, three, four] = CRC_TABLES;
  let c = ~crc;
  let i = 0;
  for (; i + 3 < bytes.length; i += 4) {
    c ^= bytes[i] | (bytes[i + 1] << 8) | (bytes[i + 2] << 16) | (bytes[i + 3] << 24);
    c = four[c & 0xff] ^ three[(c >>> 8) & 0xff] ^ two[(c >>> 16) & 0xff] ^ one[c >>> 24];
  }
  for (; i < bytes.length; i++) c = one[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

/**
 * Inflates to as many bytes as were promised and a few more at the most, in memory that grows with what comes.
 *
 * @param {Uint8Array} data
 * @param {number} size promised
 * @param {number} start byte of the data in the file
 * @param {Fail} fail
 * @param {Tick} [tick]
 * @returns {{ content: Uint8Array, crc: number }}
 */
export function inflate(data, size, start, fail, tick) {
  /** @type {Uint8Array} */
  let content = allocate('inflate', Uint8Array, Math.min(size, 4 * data.length));
  let length = 0;
  let crc = 0;
  const stream = new Inflate((part) => {
    if (length + part.length > size) {
      throw fail(`expected ${size} bytes of content, got more from the data at byte ${start}`);
    }
    content = withRoom(content, length, length + part.length, size);
    content.set(part, length);
    length += part.length;
    crc = crc32(part, crc);
    tick?.(part.length);
  });
  for (let at = 0; at < data.length; at += CHUNK) {
    try {
      // A copy: the stream keeps what it has not used.
      stream.push(data.slice(at, at + CHUNK), at + CHUNK >= data.length);
    } catch (cause) {
      if (cause instanceof NormlabError) throw cause;
      const why = cause instanceof Error ? cause.message : cause;
      const where = firstWrong(data, at);
      const what = where < data.length ? `something else (${why})` : 'its end (truncated)';
      throw fail(`expected deflate data at byte ${start + where}, got ${what}`, cause);
    }
  }
  return { content: content.subarray(0, length), crc };
}

/**
 * The byte that cannot follow those before it; where any could, that behind the last.
 *
 * @param {Uint8Array} data
 * @param {number} chunk the byte from which on it is in the next chunk
 */
function firstWrong(data, chunk) {
  const stream = new Inflate(() => {});
  for (let at = 0; at < chunk; at += CHUNK) stream.push(data.slice(at, at + CHUNK));
  for (let at = chunk; at < data.length; at++) {
    try {
      stream.push(data.slice(at, at + 1));
    } catch {
      return at;
    }
  }
  return data.length;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} used
 * @param {number} needed
 * @param {number} most
 */
function withRoom(bytes, used, needed, most) {
  if (needed <= bytes.length) return bytes;
  const larger = allocate('inflate', Uint8Array, Math.min(most, Math.max(needed, 2 * bytes.length)));
  larger.set(bytes.subarray(0, used));
  return larger;
}
