#!/usr/bin/env node
// Packs the head of Fashion-MNIST (or of any data set in the same IDX files) into the copy that ships with the package.
// usage: pack-data.mjs [folder with the four IDX files, gzip or plain]
// The deflate is fflate's and the header carries neither time nor name: equal input gives equal bytes on every machine.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { gzipSync } from 'fflate';

const TARGET = fileURLToPath(new URL('../data/fashion-mnist/', import.meta.url));
const SPLITS = [
  { name: 'train', keep: 10_000 },
  { name: 't10k', keep: 2_000 },
];
const CLASSES = 10;

/**
 * @param {string} folder
 * @param {string} name without .gz
 * @returns {{ path: string, bytes: Uint8Array }}
 */
function readMaybeGzip(folder, name) {
  const path = [`${name}.gz`, name].map((file) => join(folder, file)).find(existsSync);
  if (!path) throw new Error(`${folder} holds neither ${name}.gz nor ${name}`);
  const raw = readFileSync(path);
  if (raw[0] !== 0x1f || raw[1] !== 0x8b) return { path, bytes: raw };
  try {
    return { path, bytes: gunzipSync(raw) };
  } catch (error) {
    throw new Error(`${path}: ${error instanceof Error ? error.message : error}`);
  }
}

/**
 * Reads an IDX file of unsigned bytes: 0x0000 08 <rank>, one big-endian uint32 a dimension, then the values.
 * @param {string} folder
 * @param {string} name
 * @param {number} rank
 */
function readIdx(folder, name, rank) {
  const { path, bytes } = readMaybeGzip(folder, name);
  const header = 4 + 4 * rank;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < header || view.getUint32(0) !== 0x0800 + rank) {
    throw new Error(`${path}: not an IDX file of unsigned bytes with ${rank} dimension(s)`);
  }
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== header + size) {
    throw new Error(`${path}: [${shape}] needs ${header + size} bytes, the file has ${bytes.length}`);
  }
  return { path, shape, values: bytes.subarray(header) };
}

/**
 * @param {string} name
 * @param {number[]} shape
 * @param {Uint8Array} values
 */
function writeIdx(name, shape, values) {
  const header = 4 + 4 * shape.length;
  const bytes = new Uint8Array(header + values.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x0800 + shape.length);
  shape.forEach((length, i) => {
    view.setUint32(4 + 4 * i, length);
  });
  bytes.set(values, header);
  const packed = gzipSync(bytes, { level: 9, mtime: 0 });
  writeFileSync(join(TARGET, `${name}.gz`), packed);
  console.log(`${name}.gz  [${shape}]  ${bytes.length} -> ${packed.length} bytes`);
}

/** @param {string} folder */
function pack(folder) {
  const splits = SPLITS.map(({ name, keep }) => {
    const images = readIdx(folder, `${name}-images-idx3-ubyte`, 3);
    const labels = readIdx(folder, `${name}-labels-idx1-ubyte`, 1);
    const [count, height, width] = images.shape;
    if (labels.shape[0] !== count) throw new Error(`${labels.path}: ${labels.shape[0]} labels for ${count} images`);
    if (count < keep) throw new Error(`${images.path}: ${keep} images are wanted, the file has ${count}`);
    const wrong = labels.values.findIndex((label) => label >= CLASSES);
    if (wrong >= 0) throw new Error(`${labels.path}: label ${labels.values[wrong]} at ${wrong}, expected 0 to 9`);
    return { name, keep, height, width, images: images.values, labels: labels.values };
  });
  mkdirSync(TARGET, { recursive: true });
  for (const { name, keep, height, width, images, labels } of splits) {
    writeIdx(`${name}-images-idx3-ubyte`, [keep, height, width], images.subarray(0, keep * height * width));
    writeIdx(`${name}-labels-idx1-ubyte`, [keep], labels.subarray(0, keep));
  }
}

const folder = process.argv[2] ?? '/usr/share/datasets/fashion-mnist';
try {
  if (!existsSync(folder)) throw new Error(`no folder ${folder}`);
  pack(folder);
  if (!existsSync(join(TARGET, 'LICENSE')))
    console.log(`a licence belongs beside the data: ${dirname(TARGET)}/LICENSE`);
} catch (error) {
  console.error(`pack-data: ${error instanceof Error ? error.message : error}`);
  process.exitCode = 1;
}
