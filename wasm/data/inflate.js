import { Inflate } from 'fflate';
import { NormlabError } from '../errors.js';
import { allocate } from './reading.js';

/** The most that deflate can expand: 258 bytes from 2 bits. */
export const MAX_EXPANSION = 1032;

/** fflate inflates 16 KiB to 17 MB at the most: what is made of a member beyond its declared size stays small. */
const CHUNK = 16_384;

/** @typedef {(message: string, cause?: unknown) => NormlabError} Fail makes an error of code `format` */

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** @param {Uint8Array} bytes @returns {number} the checksum of gzip and zip */
export function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC_TABLE[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

/** @param {number} value a 32-bit one */
export const hex = (value) => `0x${value.toString(16).padStart(8, '0')}`;

/**
 * Inflates to as many bytes as were promised and a few more at the most, in memory that grows with what comes.
 *
 * @param {Uint8Array} data
 * @param {number} size promised
 * @param {number} start byte of the data in the file
 * @param {Fail} fail
 */
export function inflate(data, size, start, fail) {
  /** @type {Uint8Array} */
  let content = allocate('inflate', Uint8Array, Math.min(size, 4 * data.length));
  let length = 0;
  const stream = new Inflate((part) => {
    if (length + part.length > size) {
      throw fail(`expected ${size} bytes of content, got more from the data at byte ${start}`);
    }
    content = withRoom(content, length, length + part.length, size);
    content.set(part, length);
    length += part.length;
  });
  for (let at = 0; at < data.length; at += CHUNK) {
    try {
      // A copy: the stream keeps what it has not used.
      stream.push(data.slice(at, at + CHUNK), at + CHUNK >= data.length);
    } catch (cause) {
      if (cause instanceof NormlabError) throw cause;
      const why = cause instanceof Error ? cause.message : cause;
      throw fail(`corrupt or truncated deflate data in the ${CHUNK} bytes from byte ${start + at} (${why})`, cause);
    }
  }
  return content.subarray(0, length);
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
