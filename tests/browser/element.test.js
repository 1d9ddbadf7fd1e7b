import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEngine, presetSpec } from 'normlab';
import { withWebKit } from './browsers.js';
import { inEachBrowser, serveSite } from './harness.js';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const SCRIPT = '<script type="module" src="normlab-element.js"></script>';

const isDefined = (page) => page.waitForFunction(() => customElements.get('norm-lab') !== undefined);
const options = { build: async () => ({ folder: DIST }), ready: isDefined, browsers: withWebKit };

/** Runs in the page, before its scripts: keeps what elements tell, and the workers that are started. */
function listen() {
  globalThis.told = [];
  for (const type of ['norm-lab-ready', 'norm-lab-step', 'norm-lab-error']) {
    addEventListener(type, ({ target, detail, composed }) => {
      globalThis.told.push({ type, id: target.id, detail, composed });
    });
  }
  globalThis.workers = [];
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      globalThis.workers.push(this);
      this.ended = false;
    }
    terminate() {
      this.ended = true;
      super.terminate();
    }
  };
}

const untilTold = async (page, type, id, count = 1) => {
  const handle = await page.waitForFunction(
    (kind, name, least) => {
      const found = globalThis.told.filter((one) => one.type === kind && one.id === name);
      return found.length >= least && found;
    },
    { polling: 50 },
    type,
    id,
    count,
  );
  return handle.jsonValue();
};

const state = (page, id) => page.evaluate((name) => document.getElementById(name).getState(), id);
const shadowText = (page, id, selector) =>
  page.evaluate(
    (name, what) => document.getElementById(name).shadowRoot.querySelector(what)?.textContent,
    id,
    selector,
  );

inEachBrowser(
  'the element',
  (context, test) => {
    let nl;
    before(async () => {
      nl = await createEngine();
    });

    const show = (html, { headers = {}, ...rest } = {}) => {
      context.site.headers = headers;
      context.site.pages.set('page.html', `<!doctype html><meta charset="utf-8"><title>Page</title>${html}`);
      return context.open('page.html', { beforeLoad: listen, ...rest });
    };

    test('attributes are settings of the view; what it computes is what Node computes', async () => {
      const page = await show(
        `<norm-lab id="lens" view="lens" norm="group" groups="3" seed="5"></norm-lab>
         <norm-lab id="train" loading="eager" norm="layer" batch-size="8" lr="0.01" seed="7"
           state="#v=1&model=mlp&norm=rms&placement=after"></norm-lab>${SCRIPT}`,
      );
      const [{ detail, composed }] = await untilTold(page, 'norm-lab-ready', 'lens');
      assert.equal(detail.view, 'lens');
      assert.equal(composed, true);
      assert.match(await state(page, 'lens'), /view=lens.*lensNorm=group.*lensGroups=3.*lensSeed=5/);
      assert.equal(
        await state(page, 'train'),
        '#v=1&view=train&norm=layer&placement=after&model=mlp&batch=8&lr=0.01&seed=7',
      );
      await untilTold(page, 'norm-lab-ready', 'train');
      await page.evaluate(() => document.getElementById('train').step());
      const [first] = await untilTold(page, 'norm-lab-step', 'train');
      assert.equal(first.detail.step, 1);
      const data = await nl.loadDataset('fashion-mnist');
      const spec = presetSpec('mlp', { norm: 'layer', placement: 'after', seed: 7, input: [1, 28, 28], classes: 10 });
      const model = nl.model(spec);
      const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
      const run = trainer.start(data.train, { batchSize: 8, seed: 7 });
      const [{ loss, accuracy }] = run.steps(1).steps;
      assert.ok(Math.abs(first.detail.loss - loss) < 1e-5, `${first.detail.loss} is not ${loss}`);
      assert.ok(Math.abs(first.detail.accuracy - accuracy) < 1e-6);
      for (const one of [run, trainer, model]) one.dispose();
    });

    test('one script is enough for Lens and Train: with nothing beside it, it trains on drawn images and says so', async () => {
      const name = 'normlab-element.inline.js';
      context.site.pages.set(`alone/${name}`, await readFile(`${DIST}${name}`, 'utf8'));
      context.site.served.clear();
      const page = await show(
        `<norm-lab id="lens" view="lens" loading="eager" seed="5"></norm-lab>
         <norm-lab id="train" loading="eager" norm="group" groups="4" batch-size="8" lr="0.01" seed="7" state="model=mlp">
         </norm-lab>
         <norm-lab id="modes" loading="eager" view="modes"></norm-lab>
         <script type="module" src="alone/${name}"></script>`,
      );
      const [lens] = await untilTold(page, 'norm-lab-ready', 'lens');
      assert.equal(lens.detail.variant, 'simd');
      await untilTold(page, 'norm-lab-ready', 'train');
      assert.match(await shadowText(page, 'train', '.stage > .note'), /does not stand beside the script.*textures/);
      await page.evaluate(() => document.getElementById('train').step());
      const [{ detail }] = await untilTold(page, 'norm-lab-step', 'train');
      const simd = await createEngine({ variant: 'simd' });
      const train = simd.textures({ shape: [1, 28, 28], length: 5000, split: 'train' });
      const model = simd.model(presetSpec('mlp', { norm: 'group', groups: 4, seed: 7 }));
      const trainer = simd.trainer(model, { optimizer: { type: 'sgd', lr: 0.01, momentum: 0.9 } });
      const [{ loss }] = trainer.start(train, { batchSize: 8, seed: 7 }).steps(1).steps;
      simd.dispose();
      assert.ok(Math.abs(detail.loss - loss) < 1e-5, `${detail.loss} is not ${loss}`);
      await page.waitForFunction(() =>
        /not part of normlab-element.inline.js/.test(document.getElementById('modes').shadowRoot.textContent),
      );
      assert.deepEqual([...context.site.served].sort(), [`alone/${name}`, 'page.html']);
    });

    test('what is far outside the window is not loaded before it comes near', async () => {
      context.site.served.clear();
      const page = await show(
        `<div style="height: 4000px"></div><norm-lab id="far" view="lens"><p>Poster</p></norm-lab>${SCRIPT}`,
      );
      await new Promise((resolve) => setTimeout(resolve, 300));
      assert.deepEqual(
        [...context.site.served].filter((name) => name.endsWith('.lzma')),
        [],
      );
      assert.equal(await page.evaluate(() => globalThis.workers.length), 0);
      await page.evaluate(() => document.getElementById('far').scrollIntoView());
      await untilTold(page, 'norm-lab-ready', 'far');
      const hidden = await page.evaluate(() => document.getElementById('far').shadowRoot.querySelector('slot').hidden);
      assert.equal(hidden, true, 'the poster gives way');
      assert.deepEqual(
        [...context.site.served].filter((name) => name.endsWith('.gz')),
        [],
        'a lens without images fetches none',
      );
    });

    test('it is played, paused, stepped, reset, and its state read and set', async () => {
      const page = await show(`<norm-lab id="one" state="model=mlp"></norm-lab>${SCRIPT}`);
      const call = (method, ...args) =>
        page.evaluate((name, given) => document.getElementById('one')[name](...given), method, args);
      await call('play');
      await untilTold(page, 'norm-lab-step', 'one', 5);
      await call('pause');
      await page.waitForFunction(
        () => /^Paused/.test(document.getElementById('one').shadowRoot.querySelector('[role=status]').textContent),
        { polling: 50 },
      );
      await call('reset');
      await page.waitForFunction(
        () => /^Ready/.test(document.getElementById('one').shadowRoot.querySelector('[role=status]').textContent),
        { polling: 50 },
      );
      for (const again of [false, true]) {
        const before = await page.evaluate(() => globalThis.told.filter(({ type }) => type === 'norm-lab-step').length);
        if (again) await call('reset');
        await call('step');
        const told = await untilTold(page, 'norm-lab-step', 'one', before + 1);
        assert.equal(told.at(-1).detail.step, 1, again ? 'the first step is told again after a reset' : 'a first step');
      }
      assert.equal(await page.evaluate(() => document.getElementById('one').shadowRoot.querySelector('main')), null);
      await call('setState', '#v=1&view=lens&lensNorm=rms');
      await page.waitForFunction(() => document.getElementById('one').shadowRoot.querySelector('.lens'), {
        polling: 50,
      });
      assert.match(await call('getState'), /^#v=1&view=lens.*lensNorm=rms/);
      await call('setState', '#v=1&view=train&batch=9999');
      const [problem] = await untilTold(page, 'norm-lab-error', 'one');
      assert.match(problem.detail.message, /Batch size/);
      await page.evaluate(() => document.getElementById('one').setAttribute('batch-size', '16'));
      assert.match(await call('getState'), /batch=16/);
      const refused = await page.evaluate(() => {
        try {
          document.getElementById('one').setState(7);
        } catch (error) {
          return `${error.name}: ${error.message}`;
        }
      });
      assert.equal(refused, 'TypeError: norm-lab: setState: expected a string, got number');
    });

    test('it makes the runs of a sweep, be they no more than there are processors', async () => {
      const sweep = 'sweepModel=mlp&sweepNorms=layer&sweepBatches=64&sweepSeeds=1&sweepImages=1000&sweepEpochs=1';
      const page = await show(`<norm-lab id="one" view="batches" state="${sweep}"></norm-lab>${SCRIPT}`);
      await untilTold(page, 'norm-lab-ready', 'one');
      await page.evaluate(() => document.getElementById('one').play());
      const done = await page.waitForFunction(
        () =>
          /^(Done|Stopped).*/.exec(
            document.getElementById('one').shadowRoot.querySelector('[role=status]').textContent,
          ),
        { polling: 50 },
      );
      assert.equal(await done.evaluate(([sentence]) => sentence), 'Done: 1 run finished.');
    });

    test('several share one worker; one that is moved goes on; what is removed is ended', async () => {
      const page = await show(
        `<div id="left"></div><div id="right"></div>
         ${[1, 2, 3].map((i) => `<norm-lab id="n${i}" loading="eager" state="model=mlp"></norm-lab>`).join('')}${SCRIPT}`,
      );
      for (const id of ['n1', 'n2', 'n3']) await untilTold(page, 'norm-lab-ready', id);
      assert.equal(await page.evaluate(() => globalThis.workers.length), 1);
      await page.evaluate(() => document.getElementById('n1').play());
      const [{ detail }] = (await untilTold(page, 'norm-lab-step', 'n1', 3)).slice(-1);
      await page.evaluate(() => document.getElementById('right').append(document.getElementById('n1')));
      const later = await untilTold(page, 'norm-lab-step', 'n1', 6);
      assert.ok(later.at(-1).detail.step > detail.step, 'its training goes on');
      assert.equal(new Set(later.map((one) => one.detail.step)).size, later.length, 'it has not begun anew');
      await page.evaluate(() => {
        for (const id of ['n1', 'n2', 'n3']) document.getElementById(id).remove();
      });
      await page.waitForFunction(() => globalThis.workers.every((worker) => worker.ended), { polling: 100 });
    });

    test('it follows the theme of the page, or has its own', async () => {
      const page = await show(
        `<style>body { background: #fff } body.dark { background: #1b1b1b }</style>
         <norm-lab id="auto" view="lens"></norm-lab><norm-lab id="dark" view="lens" theme="dark"></norm-lab>${SCRIPT}`,
      );
      await untilTold(page, 'norm-lab-ready', 'auto');
      await untilTold(page, 'norm-lab-ready', 'dark');
      const theme = (id) =>
        page.evaluate((name) => document.getElementById(name).shadowRoot.querySelector('.framed').dataset.theme, id);
      assert.equal(await theme('auto'), 'light');
      assert.equal(await theme('dark'), 'dark');
      await page.evaluate(() => document.body.classList.add('dark'));
      await page.waitForFunction(
        () => document.getElementById('auto').shadowRoot.querySelector('.framed').dataset.theme === 'dark',
        { polling: 50 },
      );
    });

    const POLICIES = {
      "script-src 'self' 'wasm-unsafe-eval'; worker-src 'self' blob:": true,
      "script-src 'self' 'wasm-unsafe-eval'": true,
      "script-src 'self' 'wasm-unsafe-eval'; worker-src 'none'; style-src 'self'": true,
      "script-src 'self'; worker-src 'self'": false,
    };
    for (const [policy, works] of Object.entries(POLICIES)) {
      test(`under the policy ${policy} it ${works ? 'trains' : 'says why it does not, and shows its poster'}`, async () => {
        const page = await show(
          `<norm-lab id="one" loading="eager" state="model=mlp"><p id="poster">Poster</p></norm-lab>${SCRIPT}`,
          { headers: { 'content-security-policy': policy } },
        );
        if (works) {
          await untilTold(page, 'norm-lab-ready', 'one');
          await page.evaluate(() => document.getElementById('one').play());
          await untilTold(page, 'norm-lab-step', 'one', 3);
          return;
        }
        const [{ detail }] = await untilTold(page, 'norm-lab-error', 'one');
        assert.equal(detail.code, 'format');
        assert.match(await shadowText(page, 'one', '[role="alert"]'), /does not compile/);
        assert.equal(await page.$eval('#poster', (poster) => poster.checkVisibility()), true);
      });
    }

    test('its script may be sent with a sandbox, as Jupyter sends files, which leaves its worker without an origin', async () => {
      context.site.change = (pathname, body) => {
        const headers = { 'content-security-policy': 'sandbox allow-scripts' };
        context.site.headers = pathname.endsWith('.html') ? {} : headers;
        return body;
      };
      try {
        const page = await show(`<norm-lab id="one" loading="eager" state="model=mlp"></norm-lab>${SCRIPT}`);
        await untilTold(page, 'norm-lab-ready', 'one');
      } finally {
        context.site.change = null;
      }
    });

    test('its script may come from another host, and is its worker there too', async () => {
      const other = await serveSite({ root: DIST });
      other.headers = { 'access-control-allow-origin': '*' };
      try {
        const script = `<script type="module" src="${other.url}normlab-element.js"></script>`;
        const page = await show(`<norm-lab id="one" loading="eager" state="model=mlp"></norm-lab>${script}`);
        await untilTold(page, 'norm-lab-ready', 'one');
        assert.equal(await page.evaluate(() => globalThis.workers.length), 1);
        await page.evaluate(() => document.getElementById('one').step());
        await untilTold(page, 'norm-lab-step', 'one');
      } finally {
        other.close();
      }
    });
  },
  options,
);
