import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { createEngine, presetSpec } from 'normlab';
import { withWebKit } from './browsers.js';
import { inEachBrowser, serveSite } from './harness.js';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const SCRIPT = '<script type="module" src="normlab-element.js"></script>';

const isDefined = (page) => page.waitForFunction(() => customElements.get('norm-lab') !== undefined);
const options = { build: async () => ({ folder: DIST }), ready: isDefined, browsers: withWebKit };

const figure = (id, rest = 'state="model=mlp&seed=7"') => `<norm-lab id="${id}" loading="eager" ${rest}></norm-lab>`;
const html = (body, head = '') => `<!doctype html><html><head><title>Page</title>${head}</head>${body}</html>`;

/** Runs in the page, before its scripts: keeps what elements tell, and the workers that are started. */
function listen() {
  globalThis.told = [];
  for (const type of ['norm-lab-ready', 'norm-lab-step', 'norm-lab-error']) {
    addEventListener(type, ({ target, detail }) => globalThis.told.push({ type, id: target.id, detail }));
  }
  globalThis.running = new Set();
  const { Worker } = globalThis;
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      globalThis.running.add(this);
    }
    terminate() {
      globalThis.running.delete(this);
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

const call = (page, id, method) => page.evaluate((name, what) => document.getElementById(name)[what](), id, method);
const workers = (page) => page.evaluate(() => globalThis.running.size);

const untilTheme = (page, id, theme) =>
  page.waitForFunction(
    (name, wanted) => document.getElementById(name).shadowRoot.querySelector('[data-theme]').dataset.theme === wanted,
    { polling: 50 },
    id,
    theme,
  );

/** The losses of the first steps of the figures in these tests, in Node, as pages have them. */
async function lossesInNode(variant, steps) {
  const nl = await createEngine({ variant });
  const { train } = await nl.loadDataset('fashion-mnist');
  const model = nl.model(presetSpec('mlp', { norm: 'batch', seed: 7, input: [1, 28, 28], classes: 10 }));
  const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } });
  const losses = trainer
    .start(train, { batchSize: 32, seed: 7 })
    .steps(steps)
    .steps.map(({ loss }) => Math.fround(loss));
  nl.dispose();
  return losses;
}

/** Runs in the page: what sites do that load the next page in place. */
function swap(way, text) {
  const next = new DOMParser().parseFromString(text, 'text/html');
  if (way === 'body') {
    document.body.replaceWith(document.adoptNode(next.body));
    for (const script of document.body.querySelectorAll('script')) {
      const again = document.createElement('script');
      for (const { name, value } of script.attributes) again.setAttribute(name, value);
      script.replaceWith(again);
    }
  } else {
    document.querySelector('main').innerHTML = next.querySelector('main').innerHTML;
  }
}

inEachBrowser(
  'the element and its hosts',
  (context, test) => {
    const show = (text, { headers = {} } = {}) => {
      context.site.headers = headers;
      context.site.pages.set('page.html', text);
      return context.open('page.html', { beforeLoad: listen });
    };

    test('where another page is put in place of the one that is shown, its figures work and the old give up all', async () => {
      const page = await show(html(`<body><main>${figure('first')}${SCRIPT}</main></body>`));
      await untilTold(page, 'norm-lab-ready', 'first');
      await page.evaluate(() => {
        globalThis.kept = { body: document.body };
      });
      for (const [way, from, to] of [
        ['body', 'first', 'second'],
        ['container', 'second', 'third'],
      ]) {
        await call(page, from, 'play');
        await untilTold(page, 'norm-lab-step', from, 2);
        await page.evaluate((id) => {
          const old = document.getElementById(id);
          globalThis.kept.old = old;
          globalThis.kept.later = 0;
          old.addEventListener('norm-lab-step', () => old.isConnected || globalThis.kept.later++);
        }, from);
        const script = SCRIPT.replace('.js', `.js?${way}`);
        await page.evaluate(swap, way, html(`<body><main>${figure(to)}${script}</main></body>`));
        await untilTold(page, 'norm-lab-ready', to);
        await call(page, to, 'step');
        const [first] = await untilTold(page, 'norm-lab-step', to);
        assert.equal(first.detail.step, 1);
        const left = await page.evaluate(() => ({
          steps: globalThis.kept.later,
          shown: globalThis.kept.old.shadowRoot.querySelector('[part]') !== null,
        }));
        assert.deepEqual(left, { steps: 0, shown: false });
        assert.equal(await workers(page), 1);
      }
      await page.evaluate(swap, 'container', html('<body><main>Nothing</main></body>'));
      await page.waitForFunction(() => globalThis.running.size === 0, { polling: 50 });
      // Back: what a site has kept it puts in again.
      await page.evaluate(() => {
        globalThis.told = [];
        document.body.replaceWith(globalThis.kept.body);
      });
      await untilTold(page, 'norm-lab-ready', 'first');
      await call(page, 'first', 'step');
      await untilTold(page, 'norm-lab-step', 'first');
    });

    test('a figure that is carried over to the next body follows that one’s theme', async () => {
      const style = '<style>body { background: #fff } body.dark { background: #111 }</style>';
      const page = await show(html(`<body>${figure('kept', 'view="lens"')}${SCRIPT}</body>`, style));
      await untilTold(page, 'norm-lab-ready', 'kept');
      for (const theme of ['dark', 'light']) {
        await page.evaluate((className) => {
          const body = document.createElement('body');
          body.className = className;
          body.append(document.getElementById('kept'));
          document.body.replaceWith(body);
        }, theme);
        await untilTheme(page, 'kept', theme);
      }
      await page.evaluate(() => document.body.classList.add('dark'));
      await untilTheme(page, 'kept', 'dark');
    });

    test('in frames of another origin, and of none, figures and the playground train', async () => {
      const other = await serveSite({ root: DIST });
      other.headers = { 'access-control-allow-origin': '*' };
      const relay = `<script>
        addEventListener('norm-lab-ready', ({ target }) => target.step());
        for (const type of ['norm-lab-step', 'norm-lab-error'])
          addEventListener(type, ({ detail }) => parent.postMessage({ frame: name, detail }, '*'));
      </script>`;
      other.pages.set('frame.html', html(`<body>${figure('one')}${relay}${SCRIPT}</body>`));
      // The playground says itself what it does; a button is pressed by its label.
      const report = `<script>
        addEventListener('message', ({ data }) => {
          [...document.querySelectorAll('button')].find((one) => one.textContent === data).click();
        });
        setInterval(() => {
          const status = document.querySelector('[role="status"]')?.textContent ?? '';
          parent.postMessage({ frame: name, status }, '*');
        }, 50);
      </script>`;
      other.change = (name, file) =>
        name === '/site/index.html' ? `${file}`.replace('<head>', `<head>${report}`) : file;
      try {
        const frame = (name, address, sandbox = '') =>
          `<iframe name="${name}" src="${other.url}${address}" ${sandbox}></iframe>`;
        const alone = 'sandbox="allow-scripts"';
        const site = 'site/index.html#v=1&view=train&model=mlp&seed=7&embed=1';
        const page = await show(
          html(`<body>
            <script>
              frameSays = {};
              addEventListener('message', ({ data }) => { frameSays[data.frame] = data; });
            </script>
            ${frame('figure', 'frame.html')}${frame('figure alone', 'frame.html', alone)}
            ${frame('site', site)}${frame('site alone', site, alone)}${SCRIPT}</body>`),
        );
        const says = async (name, pattern) => {
          const found = await page.waitForFunction(
            (which, source) => {
              const text = JSON.stringify(globalThis.frameSays[which] ?? null);
              return new RegExp(source).test(text) && text;
            },
            { polling: 50 },
            name,
            pattern,
          );
          return JSON.parse(await found.jsonValue());
        };
        const [loss] = await lossesInNode('auto', 1);
        for (const name of ['figure', 'figure alone']) {
          const { detail } = await says(name, 'detail');
          assert.ok(Math.abs(detail.loss - loss) < 1e-5, `${name}: ${JSON.stringify(detail)}`);
        }
        for (const name of ['site', 'site alone']) {
          await says(name, '"Ready');
          await page.evaluate((which) => frames[which].postMessage('Step', '*'), name);
          await says(name, '"Paused at step 1,');
        }
      } finally {
        other.close();
      }
    });

    const ISOLATION = {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    };
    test('in an isolated page it trains, its script being the page’s own or of another host', async () => {
      const other = await serveSite({ root: DIST });
      other.headers = { 'access-control-allow-origin': '*', 'cross-origin-resource-policy': 'cross-origin' };
      try {
        for (const url of ['', other.url]) {
          const script = `<script type="module" src="${url}normlab-element.js"></script>`;
          const page = await show(html(`<body>${figure('one')}${script}</body>`), { headers: ISOLATION });
          assert.equal(await page.evaluate(() => crossOriginIsolated), true);
          await untilTold(page, 'norm-lab-ready', 'one');
          // Where the other host does not isolate its own pages, WebKit imports nothing of it into a worker of such a page:
          // there the page's own thread works.
          if (url === '' || context.browserName !== 'webkit') assert.equal(await workers(page), 1);
          await call(page, 'one', 'step');
          await untilTold(page, 'norm-lab-step', 'one');
        }
      } finally {
        other.close();
      }
    });

    test('offline: what has begun goes on; what comes later does so with what is there, or says what is missing', async () => {
      const page = await show(html(`<body>${figure('one')}${SCRIPT}</body>`));
      await untilTold(page, 'norm-lab-ready', 'one');
      context.site.offline = true;
      try {
        await call(page, 'one', 'play');
        await untilTold(page, 'norm-lab-step', 'one', 3);
        const later = figure('two') + figure('three', 'view="lens"') + figure('four', 'view="modes"');
        await page.evaluate((markup) => document.body.insertAdjacentHTML('beforeend', markup), later);
        await untilTold(page, 'norm-lab-ready', 'three');
        await untilTold(page, 'norm-lab-ready', 'two');
        await call(page, 'two', 'step');
        await untilTold(page, 'norm-lab-step', 'two');
        const [{ detail }] = await untilTold(page, 'norm-lab-error', 'four');
        assert.equal(detail.code, 'io');
        const said = await page.evaluate(
          () => document.getElementById('four').shadowRoot.querySelector('[role="alert"]').textContent,
        );
        assert.match(said, /could not be fetched/);
      } finally {
        context.site.offline = false;
      }
    });
  },
  options,
);

/** What browsers are told to do without, and the module that they then have to take. */
const MASKED = [
  ['chromium', 'no SIMD, as on processors without SSE4.1', { args: ['--js-flags=--no-enable-sse4-1'] }, 'scalar'],
  ['firefox', 'no relaxed SIMD', { extraPrefsFirefox: { 'javascript.options.wasm_relaxed_simd': false } }, 'simd'],
  ['webkit', 'no SIMD', { env: { JSC_useWasmSIMD: '0' } }, 'scalar'],
];
for (const [browser, what, launch, variant] of MASKED) {
  inEachBrowser(
    `with ${what}`,
    (context, test) => {
      test(`the ${variant} module is taken, and trains as in Node to the bit`, async () => {
        context.site.pages.set('page.html', html(`<body>${figure('one')}${SCRIPT}</body>`));
        const page = await context.open('page.html', { beforeLoad: listen });
        const [ready] = await untilTold(page, 'norm-lab-ready', 'one');
        assert.equal(ready.detail.variant, variant);
        for (let step = 1; step <= 3; step++) {
          await call(page, 'one', 'step');
          await untilTold(page, 'norm-lab-step', 'one', step);
        }
        const losses = await page.evaluate(() =>
          globalThis.told.filter(({ type }) => type === 'norm-lab-step').map(({ detail }) => detail.loss),
        );
        assert.deepEqual(losses, await lossesInNode(variant, 3));
      });
    },
    { ...options, browsers: [browser], launch },
  );
}
