import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { budgets } from '../../wasm/tools/budgets.mjs';

const fileOf = (name) => new URL(`../../${name}`, import.meta.url);

for (const { what, files, most } of budgets) {
  test(`${what} is at most ${most} bytes, gzipped`, () => {
    const sizes = files.map((name) => gzipSync(readFileSync(fileOf(name)), { level: 9 }).length);
    const sum = sizes.reduce((a, b) => a + b, 0);
    assert.ok(sum <= most, `${sum} bytes: ${files.map((name, i) => `${name} ${sizes[i]}`).join(', ')}`);
  });
}
