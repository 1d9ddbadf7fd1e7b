import assert from 'node:assert/strict';
import { before } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createEngine, presetSpec } from 'normlab';
import { runnerImport } from 'vite';
import { choose, inEachBrowser, legendValue, press, role, untilMeasured, untilStatus } from './harness.js';

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));

/** The pages that have the whole playground, and where each is opened. */
const PAGES = {
  'the page': (site) => site.url,
  'the page as one file, opened from disk': () => pathToFileURL(path('../../dist/normlab.html')).href,
};

/** The views: their tabs, and what there is when they have been opened, with figures that the engine has computed. */
const VIEWS = {
  lens: { tab: 'Lens', sight: '.lens-table td' },
  train: { tab: 'Train', sight: '.table-box td' },
  modes: { tab: 'Train vs eval', sight: '.readout' },
  batches: { tab: 'Small batches', sight: '.figures td' },
  pitfall: { tab: 'Pitfalls', sight: '.comparison td' },
};

/** The lens's settings as they are at first. */
const INPUT = {
  ...{ source: 'drawn', shape: [4, 6, 4, 4], mean: 1, scale: 1 },
  ...{ spread: 1, alike: 0, outlier: 0, drift: 0, seed: 1 },
};

const fiveDigits = (value) => value.toPrecision(5).replace('-', '−');

/** Runs in the page: keeps what goes wrong, what elements tell, and the workers that are started. */
function keep() {
  globalThis.errors = [];
  addEventListener('error', ({ message }) => globalThis.errors.push(message));
  addEventListener('unhandledrejection', ({ reason }) => globalThis.errors.push(String(reason)));
  addEventListener('norm-lab-error', ({ detail }) => globalThis.errors.push(detail.message));
  globalThis.ready = {};
  addEventListener('norm-lab-ready', ({ detail: { view, variant } }) => {
    globalThis.ready[view] = variant;
  });
  globalThis.workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      globalThis.workers.push(this);
    }
  };
}

/** Runs in the page: what is fetched when it comes into sight is brought there. */
function isSeen(selector, view) {
  const root = view ? document.querySelector(`norm-lab[view=${view}]`).shadowRoot : document;
  const found = root.querySelector(selector);
  if (!found) for (const section of root.querySelectorAll('section')) section.scrollIntoView();
  return found !== null;
}

for (const [title, address] of Object.entries(PAGES)) {
  inEachBrowser(
    title,
    ({ open }, test) => {
      let nl;
      let lens;
      before(async () => {
        nl = await createEngine({ variant: 'simd' });
        lens = (await runnerImport(path('../../web/src/worker/lens-input.ts'))).module;
      });

      test('each tab opens without an error', async () => {
        const page = await open('#v=1&model=mlp');
        // Not before it is loaded: from disk nothing else is.
        await page.evaluate(keep);
        for (const { tab, sight } of Object.values(VIEWS)) {
          await (await role(page, 'tab', tab)).click();
          await page.waitForFunction(isSeen, { polling: 50 }, sight);
          const status = await page.$eval('[role="status"]', (element) => element.textContent);
          assert.doesNotMatch(status, /^(Stopped|Cannot)/, tab);
        }
        assert.deepEqual(await page.evaluate(() => globalThis.errors), []);
      });

      test('what it trains and what the lens shows are what Node computes', async () => {
        const page = await open('#v=1&view=train&norm=batch&model=mlp&batch=8&lr=0.05&seed=7');
        await untilMeasured(page);
        for (let step = 1; step <= 3; step++) {
          await press(page, 'Step');
          await untilStatus(page, new RegExp(`^Paused at step ${step},`));
        }
        const { train } = await nl.loadDataset('fashion-mnist');
        const spec = presetSpec('mlp', { norm: 'batch', seed: 7, input: [1, 28, 28], classes: 10 });
        const model = nl.model(spec);
        const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.05, momentum: 0.9 } });
        const { loss } = trainer.start(train, { batchSize: 8, seed: 7 }).steps(3).steps[2];
        assert.equal(await legendValue(page, 'Loss', 'each batch'), Number(loss.toPrecision(4)));

        for (const one of [trainer, model]) one.dispose();

        await (await role(page, 'tab', 'Lens')).click();
        const x = { data: lens.drawBatch(INPUT, 0), shape: INPUT.shape };
        for (const [label, layer, cells] of [
          ['BatchNorm', nl.batchNorm2d(6), 64],
          ['LayerNorm', nl.layerNorm([6, 4, 4]), 96],
        ]) {
          await choose(page, label);
          const region = `section[aria-label="Statistics and sums of each set of ${cells} cells"]`;
          await page.waitForSelector(region);
          const shown = await page.$$eval(`${region} tbody tr`, (rows) =>
            rows.map(({ cells: [, mean, variance] }) => [mean.textContent, variance.textContent]),
          );
          layer.forward(x);
          const { mean, invstd } = layer.savedStats();
          assert.deepEqual(
            shown,
            Array.from(mean, (mu, k) => [fiveDigits(mu), fiveDigits(1 / invstd[k] ** 2 - 1e-5)]),
          );
        }
      });
    },
    { browsers: ['webkit'], address },
  );
}

inEachBrowser(
  'any view in another page',
  (context, test) => {
    test('the five share one worker, and none tells of an error', async () => {
      const figures = Object.keys(VIEWS).map((view) => `<norm-lab view="${view}" state="model=mlp"></norm-lab>`);
      const script = '<script type="module" src="normlab-element.js"></script>';
      context.site.pages.set('page.html', `<!doctype html><title>Page</title>${figures.join('')}${script}`);
      const page = await context.open('page.html', { beforeLoad: keep });
      for (const [view, { sight }] of Object.entries(VIEWS)) {
        await page.evaluate((which) => document.querySelector(`norm-lab[view=${which}]`).scrollIntoView(), view);
        await page.waitForFunction(isSeen, { polling: 50 }, sight, view);
      }
      const { errors, ready, workers } = await page.evaluate(() => ({
        ...{ errors: globalThis.errors, ready: globalThis.ready, workers: globalThis.workers.length },
      }));
      assert.deepEqual(errors, []);
      assert.deepEqual(ready, Object.fromEntries(Object.keys(VIEWS).map((view) => [view, 'simd'])));
      assert.equal(workers, 1);
    });
  },
  {
    browsers: ['webkit'],
    build: async () => ({ folder: path('../../dist/') }),
    ready: (page) => page.waitForFunction(() => customElements.get('norm-lab') !== undefined),
  },
);
