#!/usr/bin/env node
// A table of what is downloaded, in bytes: as it is and after gzip. usage: size.mjs FILE_OR_FOLDER...

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

/** @param {string} path @returns {string[]} */
function filesOf(path) {
  if (!statSync(path).isDirectory()) return [path];
  const entries = readdirSync(path, { recursive: true, encoding: 'utf8' }).map((entry) => join(path, entry));
  return entries.filter((entry) => statSync(entry).isFile()).sort();
}

const rows = process.argv.slice(2).flatMap((path) =>
  filesOf(path).map((file) => {
    const bytes = readFileSync(file);
    return { file, raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length };
  }),
);
const width = Math.max(4, ...rows.map(({ file }) => file.length));
/** @param {string} file @param {string | number} raw @param {string | number} gzip */
const print = (file, raw, gzip) =>
  console.log(`${file.padEnd(width)} ${String(raw).padStart(10)} ${String(gzip).padStart(10)}`);
print('file', 'raw', 'gzip');
for (const { file, raw, gzip } of rows) print(file, raw, gzip);
