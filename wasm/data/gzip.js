import { NormlabError } from '../errors.js';
import { inflate, MAX_EXPANSION } from './inflate.js';
import { hex, reporter } from './reading.js';

// RFC 1952: a header of at least 10 bytes, the deflate stream, CRC-32 and length of the content, 4 bytes each.
const HEADER = 10;
const TRAILER = 8;

/** The most that a file may hold: half of the engine's memory. */
const MAX_CONTENT = 2 ** 31;

/** Bits of the flags: what stands between the header's ten bytes and the data. */
const HEADER_CHECKSUM = 2;
const EXTRA = 4;
const NAME = 8;
const COMMENT = 16;

/**
 * Takes bytes out of gzip when they are in it (RFC 1952), and returns any other bytes as they are: a server may have
 * undone the compression on the way.
 *
 * @param {Uint8Array} bytes
 * @param {string} [name] what the error messages call the bytes
 * @param {number} [limit] the most bytes of content that are taken, default 2^31
 * @param {import('./reading.js').OnProgress} [onProgress]
 * @returns {Uint8Array}
 * @throws {NormlabError} `format` for a truncated stream, wrong checksum or wrong length, or for more content than the limit
 */
export function gunzip(bytes, name = 'gzip data', limit = MAX_CONTENT, onProgress = undefined) {
  if (bytes.length < 2 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  /** @type {import('./inflate.js').Fail} */
  const corrupt = (what, cause) => new NormlabError('format', `gunzip: ${name}: ${what}`, { cause });
  if (bytes.length < HEADER + TRAILER) {
    throw corrupt(`expected a gzip file of at least ${HEADER + TRAILER} bytes, got ${bytes.length} (truncated?)`);
  }
  const trailer = bytes.length - TRAILER;
  const view = new DataView(bytes.buffer, bytes.byteOffset + trailer, TRAILER);
  const crc = view.getUint32(0, true);
  const length = view.getUint32(4, true);
  if (length > limit)
    throw corrupt(`expected at most ${limit} bytes of content, got ${length}, said at byte ${trailer + 4}`);
  if (length > bytes.length * MAX_EXPANSION) {
    throw corrupt(`a content of ${length} bytes, said at byte ${trailer + 4}, cannot come from ${bytes.length} bytes`);
  }
  const start = dataStart(bytes, trailer, corrupt);
  const tick = reporter(onProgress, 'unpack', name, length);
  const { content, crc: actual } = inflate(bytes.subarray(start, trailer), length, start, corrupt, tick);
  if (content.length !== length) {
    throw corrupt(`expected ${length} bytes of content (said at byte ${trailer + 4}), got ${content.length}`);
  }
  if (actual !== crc) {
    throw corrupt(`expected checksum ${hex(crc)} (at byte ${trailer}), got ${hex(actual)}: the file is corrupt`);
  }
  return content;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} end of the data
 * @param {import('./inflate.js').Fail} corrupt
 */
function dataStart(bytes, end, corrupt) {
  const [, , method, flags] = bytes;
  if (method !== 8) throw corrupt(`expected method 8 (deflate) at byte 2, got ${method}`);
  let at = HEADER;
  if (flags & EXTRA) at += 2 + (bytes[at] | (bytes[at + 1] << 8));
  for (const text of [NAME, COMMENT]) {
    if (!(flags & text)) continue;
    const zero = bytes.indexOf(0, at);
    at = zero < 0 ? end : zero + 1;
  }
  if (flags & HEADER_CHECKSUM) at += 2;
  if (at >= end) throw corrupt(`expected a header before byte ${end}, got none that ends there (corrupt or truncated)`);
  return at;
}
