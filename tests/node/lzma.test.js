import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { compress } from 'lzma1';
import { runnerImport } from 'vite';

const fileOf = (name) => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const pack = (bytes) => Uint8Array.from(compress(bytes, 9));

describe('.lzma files, as the element has its modules', () => {
  let unlzma;
  before(async () => {
    ({ unlzma } = (await runnerImport(fileOf('web/src/element/lzma.ts'))).module);
  });

  test('a packed module is the module', () => {
    for (const variant of ['relaxed', 'simd', 'scalar']) {
      const packed = readFileSync(fileOf(`dist/normlab-element/normlab.${variant}.wasm.lzma`));
      const module = readFileSync(fileOf(`wasm/modules/normlab.${variant}.wasm`));
      assert.equal(Buffer.compare(unlzma(packed), module), 0, variant);
    }
  });

  test('what lzma1 packs comes out as it was: of every length, repeated near and far, and random', () => {
    const repeated = fc
      .array(fc.tuple(fc.uint8Array({ maxLength: 40 }), fc.integer({ min: 1, max: 60 })), { maxLength: 30 })
      .map((parts) =>
        Uint8Array.from(
          parts.flatMap(([bytes, times]) =>
            Array(times)
              .fill([...bytes])
              .flat(),
          ),
        ),
      );
    fc.assert(
      fc.property(fc.oneof(repeated, fc.uint8Array({ maxLength: 3000 })), (bytes) => {
        fc.pre(bytes.length > 0);
        assert.deepEqual(unlzma(pack(bytes)), bytes);
      }),
      { numRuns: 40 },
    );
  });

  test('a file that is cut off, or none of these, is refused, and a damaged one comes to an end', () => {
    const module = readFileSync(fileOf('wasm/modules/normlab.simd.wasm')).subarray(0, 20_000);
    const packed = pack(module);
    for (const end of [0, 12, 18, 100, packed.length - 20]) assert.throws(() => unlzma(packed.subarray(0, end)));
    assert.throws(() => unlzma(new TextEncoder().encode('<!doctype html><title>Not found</title>')));
    for (let at = 18; at < packed.length; at += 211) {
      const damaged = packed.slice();
      damaged[at] ^= 0x55;
      let got = null;
      try {
        got = unlzma(damaged);
      } catch (error) {
        assert.match(String(error), /LZMA/);
      }
      assert.notDeepEqual(got, module);
    }
  });
});
