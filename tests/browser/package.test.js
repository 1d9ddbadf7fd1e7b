import assert from 'node:assert/strict';
import { join } from 'node:path';
import { build as bundle } from 'vite';
import { installPackage } from '../node/support/installed.js';
import { inEachBrowser } from './harness.js';

/** An application that has the package from npm, as Vite makes it where nobody tells it how. */
async function build() {
  const { folder, remove } = await installPackage(new URL('./application/', import.meta.url));
  const input = ['index.html', 'engine.html'].map((page) => join(folder, page));
  await bundle({
    root: folder,
    configFile: false,
    logLevel: 'warn',
    build: { target: 'es2022', rolldownOptions: { input } },
  });
  return { folder: join(folder, 'dist'), remove };
}

/** Runs in the page, before its scripts: keeps what elements tell. */
function listen() {
  window.told = [];
  for (const type of ['norm-lab-ready', 'norm-lab-step', 'norm-lab-error']) {
    addEventListener(type, ({ target, detail }) => window.told.push({ type, id: target.id, detail }));
  }
}

const untilTold = async (page, type, id) => {
  const found = await page.waitForFunction(
    (kind, name) => window.told.find((one) => one.type === kind && one.id === name),
    { polling: 50 },
    type,
    id,
  );
  return found.evaluate(({ detail }) => detail);
};

inEachBrowser(
  'the package in an application made by Vite',
  ({ open }, test) => {
    test('the element trains, in a worker, and makes the runs of a sweep in others', async () => {
      const page = await open('', { beforeLoad: listen });
      await untilTold(page, 'norm-lab-ready', 'train');
      await page.evaluate(() => document.getElementById('train').step());
      const { step, loss } = await untilTold(page, 'norm-lab-step', 'train');
      assert.equal(step, 1);
      assert.ok(loss > 0);
      assert.equal(page.workers().length, 1);
      await untilTold(page, 'norm-lab-ready', 'batches');
      await page.evaluate(() => document.getElementById('batches').play());
      const sentence = await page.waitForFunction(
        () => {
          const { shadowRoot } = document.getElementById('batches');
          return /^(Done|Stopped).*/.exec(shadowRoot.querySelector('[role=status]')?.textContent)?.[0];
        },
        { polling: 50 },
      );
      assert.equal(await sentence.jsonValue(), 'Done: 1 run finished.');
    });

    test('the engine trains, and sweeps in a worker', async () => {
      const page = await open('engine.html');
      const result = await page.waitForFunction(() => window.result);
      const { steps, runs } = await result.jsonValue();
      assert.equal(steps, 10);
      assert.deepEqual(
        runs.map(({ error, testError }) => [error, typeof testError]),
        [[undefined, 'number']],
      );
    });
  },
  { build, ready: async () => {}, browsers: ['chromium'] },
);
