import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build as bundle } from 'vite';
import { withWebKit } from './browsers.js';
import { sweep, train } from './bundled/scenarios.js';
import { inEachBrowser } from './harness.js';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
/** WebKitGTK has no relaxed SIMD. */
const variantsIn = (browserName) => [...(browserName === 'webkit' ? [] : ['relaxed']), 'simd', 'scalar'];

/** The module as an application would have it: bundled, its worker and its modules files beside it. */
async function build() {
  const outDir = await mkdtemp(join(tmpdir(), 'normlab-bundled-'));
  await bundle({
    root: path('./bundled'),
    base: './',
    configFile: false,
    logLevel: 'warn',
    resolve: { alias: [{ find: /^normlab$/, replacement: path('../../wasm/index.js') }] },
    worker: { format: 'es' },
    build: { outDir, target: 'es2022', assetsInlineLimit: 0, emptyOutDir: true },
  });
  return { folder: outDir, remove: () => rm(outDir, { recursive: true, force: true }) };
}

inEachBrowser(
  'the module in a page',
  ({ open, browserName }, test) => {
    for (const variant of variantsIn(browserName)) {
      test(`${variant}: equal seeds give the weights that they give in Node, to the bit`, async () => {
        const page = await open();
        const there = await page.evaluate((which) => window.scenarios.train(which), variant);
        const here = await train(variant);
        assert.ok(there === here, 'the same losses, weights and running statistics');
      });
    }

    test('a sweep in Web Workers comes to what it comes to in Node', async () => {
      const page = await open();
      const run = (workers) => page.evaluate((count) => window.scenarios.sweep('simd', count), workers);
      const [alone, spread, node] = [await run(0), await run(2), await sweep('simd', 0)];
      assert.equal(spread.used, 2);
      assert.deepEqual(spread.figures, node.figures);
      assert.deepEqual(alone.figures, node.figures);
    });
  },
  { build, browsers: withWebKit, ready: (page) => page.waitForFunction('window.scenarios') },
);
