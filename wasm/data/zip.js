import { describe } from '../checks.js';
import { crc32, inflate, MAX_EXPANSION } from './inflate.js';
import { hex } from './reading.js';

/*
 * Zip files as far as .npz needs them (https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT): one disk, members
 * stored or deflated, no encryption, no zip64. fflate inflates; the directory is walked here, as fflate's own walk neither
 * checks sizes and checksums nor says where it failed.
 */

const LOCAL = { signature: 0x04034b50, size: 30 };
const CENTRAL = { signature: 0x02014b50, size: 46 };
const END = { signature: 0x06054b50, size: 22 };
const ZIP64_LOCATOR = { signature: 0x07064b50, size: 20 };
const MAX_COMMENT = 0xffff;
const STORED = 0;
const DEFLATED = 8;
const ENCRYPTED = 1;
/** What 32-bit fields hold where the value is in a zip64 extension. */
const ELSEWHERE = 0xffffffff;

/**
 * A file in a zip file, as the central directory has it.
 *
 * @typedef {object} Member
 * @property {string} name its bytes as Latin-1
 * @property {number} entry byte of its entry in the central directory
 * @property {number} flags
 * @property {number} method
 * @property {number} crc of the content
 * @property {number} packed bytes in the zip file
 * @property {number} size bytes of the content
 * @property {number} local byte of its local header
 */

/** @typedef {import('./inflate.js').Fail} Fail */

/**
 * The members of a zip file by name.
 *
 * @param {Uint8Array} bytes
 * @param {Fail} fail
 * @returns {Map<string, Member>}
 */
export function membersOf(bytes, fail) {
  const view = viewOf(bytes);
  const end = endRecord(bytes, view, fail);
  /** @type {Map<string, Member>} */
  const members = new Map();
  let at = end.directory;
  for (let i = 0; i < end.count; i++) {
    const { member, next } = entryAt(bytes, view, at, end.at, fail);
    if (members.has(member.name)) throw fail(`expected one ${describe(member.name)}, got another at byte ${at}`);
    members.set(member.name, member);
    at = next;
  }
  if (at !== end.at) {
    throw fail(`expected the directory of ${end.count} members to end at byte ${end.at}, got its end at byte ${at}`);
  }
  return members;
}

/** @param {Uint8Array} bytes */
const viewOf = (bytes) => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @param {Fail} fail
 */
function endRecord(bytes, view, fail) {
  const at = findEnd(view);
  if (at < 0) throw fail(notZip(bytes, view));
  if (at >= ZIP64_LOCATOR.size && view.getUint32(at - ZIP64_LOCATOR.size, true) === ZIP64_LOCATOR.signature) {
    throw fail(`expected a zip file without zip64 extensions, got one with (byte ${at - ZIP64_LOCATOR.size})`);
  }
  const [disk, directoryDisk, here, count] = [4, 6, 8, 10].map((offset) => view.getUint16(at + offset, true));
  const size = view.getUint32(at + 12, true);
  const directory = view.getUint32(at + 16, true);
  if (count === 0xffff || size === ELSEWHERE || directory === ELSEWHERE) {
    throw fail(`expected a zip file without zip64 extensions, got fields of 0xffff… in the end record at byte ${at}`);
  }
  if (disk !== 0 || directoryDisk !== 0 || here !== count) {
    throw fail(`expected a zip file on one disk, got disks ${disk} and ${directoryDisk} at byte ${at + 4}`);
  }
  if (directory + size !== at) {
    const said = `${size} bytes from byte ${directory} (said at byte ${at + 12})`;
    throw fail(`expected the directory to end at byte ${at}, where the end record is, got ${said}`);
  }
  return { at, count, directory };
}

/** @param {DataView} view @returns {number} byte of the end record, whose comment ends the file; -1 without one */
function findEnd(view) {
  const last = view.byteLength - END.size;
  for (let at = last; at >= Math.max(0, last - MAX_COMMENT); at--) {
    if (view.getUint32(at, true) === END.signature && view.getUint16(at + 20, true) === last - at) return at;
  }
  return -1;
}

/** @param {Uint8Array} bytes @param {DataView} view */
function notZip(bytes, view) {
  if (bytes.length >= 4 && view.getUint32(0, true) !== LOCAL.signature) {
    const what = bytes[0] === 0x93 ? 'a single .npy array' : 'not a zip file';
    return `expected the signature ${hex(LOCAL.signature)} of a zip file at byte 0, got ${hex(view.getUint32(0, true))} (${what})`;
  }
  return `expected an end record of ${END.size} bytes, got a file that ends at byte ${bytes.length} (truncated)`;
}

/**
 * @param {Uint8Array} bytes
 * @param {DataView} view
 * @param {number} at
 * @param {number} end of the directory
 * @param {Fail} fail
 * @returns {{ member: Member, next: number }}
 */
function entryAt(bytes, view, at, end, fail) {
  if (at + CENTRAL.size > end) {
    throw fail(`expected a directory entry of ${CENTRAL.size} bytes at byte ${at}, got the directory's end at ${end}`);
  }
  if (view.getUint32(at, true) !== CENTRAL.signature) {
    throw fail(
      `expected a directory entry ${hex(CENTRAL.signature)} at byte ${at}, got ${hex(view.getUint32(at, true))}`,
    );
  }
  const [nameSize, extra, comment] = [28, 30, 32].map((offset) => view.getUint16(at + offset, true));
  const name = at + CENTRAL.size;
  const next = name + nameSize + extra + comment;
  if (next > end) {
    throw fail(`expected the directory entry at byte ${at} to end at byte ${next}, got the directory's end at ${end}`);
  }
  const [crc, packed, size] = [16, 20, 24].map((offset) => view.getUint32(at + offset, true));
  const local = view.getUint32(at + 42, true);
  const member = {
    name: latin1(bytes.subarray(name, name + nameSize)),
    entry: at,
    flags: view.getUint16(at + 8, true),
    method: view.getUint16(at + 10, true),
    crc,
    packed,
    size,
    local,
  };
  return { member, next };
}

/**
 * The content of a member, of a stored one the bytes in the zip file themselves, and the byte of the file at which its data
 * start.
 *
 * @param {Uint8Array} bytes
 * @param {Member} member
 * @param {number} limit the most bytes that a member may inflate to
 * @param {Fail} fail
 * @param {import('./inflate.js').Tick} tick
 * @returns {{ content: Uint8Array, start: number }}
 */
export function contentOf(bytes, member, limit, fail, tick) {
  const { entry, crc, packed, size } = member;
  checkMember(member, limit, fail);
  const start = dataStart(bytes, member, fail);
  if (start + packed > entry) {
    const from = `${packed} bytes from byte ${start} (said at byte ${entry + 20})`;
    throw fail(`expected its data before the directory at byte ${entry}, got ${from} (truncated)`);
  }
  const data = bytes.subarray(start, start + packed);
  const { content, crc: actual } =
    member.method === STORED ? { content: data, crc: checksum(data, tick) } : inflate(data, size, start, fail, tick);
  if (content.length !== size) {
    const came = `${content.length} from the data at byte ${start}`;
    throw fail(`expected ${size} bytes of content (said at byte ${entry + 24}), got ${came}`);
  }
  if (actual !== crc) {
    throw fail(`expected checksum ${hex(crc)} (at byte ${entry + 16}), got ${hex(actual)}: the file is corrupt`);
  }
  return { content, start };
}

const PIECE = 2 ** 20;

/** @param {Uint8Array} bytes @param {import('./inflate.js').Tick} tick */
function checksum(bytes, tick) {
  let crc = 0;
  for (let at = 0; at < bytes.length; at += PIECE) {
    const piece = bytes.subarray(at, at + PIECE);
    crc = crc32(piece, crc);
    tick(piece.length);
  }
  return crc;
}

/**
 * @param {Member} member
 * @param {number} limit
 * @param {Fail} fail
 */
function checkMember({ entry, flags, method, packed, size, local }, limit, fail) {
  if (flags & ENCRYPTED) throw fail(`expected a member that is not encrypted, got flags ${flags} at byte ${entry + 8}`);
  if (packed === ELSEWHERE || size === ELSEWHERE || local === ELSEWHERE) {
    throw fail(`expected a member without zip64 extensions, got fields of 0xffffffff in its entry at byte ${entry}`);
  }
  if (method !== STORED && method !== DEFLATED) {
    throw fail(`expected it stored (0) or deflated (8), got method ${method} at byte ${entry + 10}`);
  }
  if (method === STORED && packed !== size) {
    throw fail(`expected the ${packed} bytes that are stored, got a size of ${size} at byte ${entry + 24}`);
  }
  if (method === DEFLATED && size > limit) {
    throw fail(`expected at most ${limit} bytes of content (maxBytes), got ${size}, said at byte ${entry + 24}`);
  }
  if (method === DEFLATED && size > packed * MAX_EXPANSION) {
    throw fail(`a content of ${size} bytes, said at byte ${entry + 24}, cannot come from ${packed} bytes`);
  }
}

/**
 * Where a member's data starts. The sizes in its local header are not read: they may be 0 (a data descriptor follows) or
 * 0xffffffff (NumPy reserves a zip64 field there), and the directory has them.
 *
 * @param {Uint8Array} bytes
 * @param {Member} member
 * @param {Fail} fail
 */
function dataStart(bytes, { name, entry, local }, fail) {
  const view = viewOf(bytes);
  if (local + LOCAL.size > entry) {
    throw fail(`expected a local header before byte ${entry}, got byte ${local} for it (said at byte ${entry + 42})`);
  }
  if (view.getUint32(local, true) !== LOCAL.signature) {
    const came = hex(view.getUint32(local, true));
    throw fail(`expected a local header ${hex(LOCAL.signature)} at byte ${local}, got ${came}`);
  }
  const nameAt = local + LOCAL.size;
  const nameEnd = nameAt + view.getUint16(local + 26, true);
  const own = latin1(bytes.subarray(nameAt, Math.min(nameEnd, nameAt + name.length + 1)));
  if (own !== name) throw fail(`expected the name ${describe(name)} at byte ${nameAt}, got ${describe(own)}`);
  return nameEnd + view.getUint16(local + 28, true);
}

/** @param {Uint8Array} bytes */
const latin1 = (bytes) => Array.from(bytes, (byte) => String.fromCharCode(byte)).join('');
