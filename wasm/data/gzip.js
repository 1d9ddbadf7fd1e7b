import { gunzipSync } from 'fflate';
import { NormlabError } from '../errors.js';

// RFC 1952: a header of at least 10 bytes, the deflate stream, CRC-32 and length of the content, 4 bytes each.
const HEADER = 10;
const TRAILER = 8;

// The most that deflate can expand: 258 bytes from 2 bits.
const MAX_EXPANSION = 1032;

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let c = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) c = CRC_TABLE[(c ^ bytes[i]) & 0xff] ^ (c >>> 8);
  return ~c >>> 0;
}

/**
 * Takes bytes out of gzip when they are in it (RFC 1952), and returns any other bytes as they are: a server may have
 * undone the compression on the way.
 *
 * @param {Uint8Array} bytes
 * @param {string} [name] what the error messages call the bytes
 * @returns {Uint8Array}
 * @throws {NormlabError} `format` for a truncated stream, wrong checksum or wrong length
 */
export function gunzip(bytes, name = 'gzip data') {
  if (bytes.length < 2 || bytes[0] !== 0x1f || bytes[1] !== 0x8b) return bytes;
  /** @param {string} what @param {unknown} [cause] */
  const corrupt = (what, cause) => new NormlabError('format', `gunzip: ${name}: ${what}`, { cause });
  if (bytes.length < HEADER + TRAILER) {
    throw corrupt(`expected a gzip file of at least ${HEADER + TRAILER} bytes, got ${bytes.length} (truncated?)`);
  }
  const trailer = bytes.length - TRAILER;
  const view = new DataView(bytes.buffer, bytes.byteOffset + trailer, TRAILER);
  const crc = view.getUint32(0, true);
  const length = view.getUint32(4, true);
  // fflate allocates what the trailer promises before it has read a byte: a damaged trailer must not take gigabytes.
  if (length > bytes.length * MAX_EXPANSION) {
    throw corrupt(`a content of ${length} bytes, said at byte ${trailer + 4}, cannot come from ${bytes.length} bytes`);
  }
  let content;
  try {
    content = gunzipSync(bytes);
  } catch (cause) {
    throw corrupt(`corrupt or truncated gzip data (${cause instanceof Error ? cause.message : cause})`, cause);
  }
  // fflate leaves length and checksum to its caller.
  if (content.length !== length) {
    throw corrupt(`expected ${length} bytes of content (said at byte ${trailer + 4}), got ${content.length}`);
  }
  const actual = crc32(content);
  if (actual !== crc) {
    throw corrupt(`expected checksum ${hex(crc)} (at byte ${trailer}), got ${hex(actual)}: the file is corrupt`);
  }
  return content;
}

/** @param {number} value */
const hex = (value) => `0x${value.toString(16).padStart(8, '0')}`;
