#!/usr/bin/env node
// A table of what is downloaded, in bytes: as it is and after gzip, and of what is fetched together, with the most that it may be.
// usage: size.mjs FILE_OR_FOLDER...

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { budgets } from './budgets.mjs';

/** @param {string} path @returns {string[]} */
function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((entry) => join(path, entry));
  return entries.filter((entry) => statSync(entry).isFile()).sort();
}

/** @param {string} file */
const size = (file) => {
  const bytes = readFileSync(file);
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
};

const rows = process.argv.slice(2).flatMap((path) => filesOf(path).map((file) => ({ file, ...size(file) })));
const width = Math.max(4, ...rows.map(({ file }) => file.length));
/** @param {string} file @param {string | number} raw @param {string | number} gzip */
const print = (file, raw, gzip) =>
  console.log(`${file.padEnd(width)} ${String(raw).padStart(10)} ${String(gzip).padStart(10)}`);
print('file', 'raw', 'gzip');
for (const { file, raw, gzip } of rows) print(file, raw, gzip);

console.log();
print('fetched together', 'gzip', 'at most');
for (const { what, files, most } of budgets)
  print(
    what,
    files.map(size).reduce((sum, { gzip }) => sum + gzip, 0),
    most,
  );
