// Inputs for the fuzz targets to begin with: bytes of every length up to a few calls, the same on every machine.
// usage: seeds.mjs FOLDER TARGET...

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const COUNT = 60;

/** xorshift32 (Marsaglia 2003). @param {number} state */
function* bytes(state) {
  for (let x = state; ; ) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    yield (x >>> 8) & 255;
  }
}

const [folder, ...targets] = process.argv.slice(2);
for (const [place, target] of targets.entries()) {
  mkdirSync(join(folder, target), { recursive: true });
  for (let i = 0; i < COUNT; i++) {
    const source = bytes(1 + i + COUNT * place);
    const seed = Uint8Array.from({ length: 8 + 4 * i }, () => source.next().value ?? 0);
    writeFileSync(join(folder, target, `${i}`), seed);
  }
}
