import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { inEachBrowser, PATIENCE_MS } from './harness.js';

/* What the figures of a page take, and that nothing is left of those that are removed. */

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const SCRIPT = '<script type="module" src="normlab-element.js"></script>';
const MB = 2 ** 20;

/** With these, a page may ask what it and its workers take. */
const ISOLATED = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
};

const isDefined = (page) => page.waitForFunction(() => customElements.get('norm-lab') !== undefined);
const options = { build: async () => ({ folder: DIST }), ready: isDefined };

/** Runs in the page, before its scripts: keeps what elements tell, and the workers that have not been ended. */
function listen() {
  globalThis.told = [];
  for (const type of ['norm-lab-ready', 'norm-lab-step', 'norm-lab-error']) {
    addEventListener(type, ({ target, detail }) => globalThis.told.push({ type, id: target.id, detail }));
  }
  globalThis.workers = new Set();
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      globalThis.workers.add(this);
    }
    terminate() {
      globalThis.workers.delete(this);
      super.terminate();
    }
  };
}

/** Stands before the element's script: in the worker it counts what is compiled, keeps sight of the engines' memories, and tells. */
function watchEngines() {
  if (!('WorkerGlobalScope' in globalThis)) return;
  const { compile, instantiate } = WebAssembly;
  let compiled = 0;
  const memories = [];
  WebAssembly.compile = (...args) => {
    compiled++;
    return compile(...args);
  };
  WebAssembly.instantiate = async (...args) => {
    const instance = await instantiate(...args);
    memories.push(new WeakRef(instance.exports.memory));
    return instance;
  };
  const asked = new BroadcastChannel('engines');
  asked.onmessage = () =>
    asked.postMessage({ compiled, bytes: memories.flatMap((memory) => memory.deref()?.buffer.byteLength ?? []) });
}

/** Of the worker: how many modules it has compiled, and the bytes of each engine that is there. */
const engines = (page) =>
  page.evaluate(async () => {
    const channel = new BroadcastChannel('engines');
    const answer = new Promise((resolve) => {
      channel.onmessage = ({ data }) => resolve(data);
    });
    channel.postMessage('');
    await answer;
    channel.close();
    return answer;
  });

const untilTold = (page, type, ids, count = 1) =>
  page.waitForFunction(
    (kind, names, least) =>
      names.every((name) => globalThis.told.filter((one) => one.type === kind && one.id === name).length >= least),
    { polling: 50 },
    type,
    ids,
    count,
  );

/** Waits until the legend of the first chart begins with this value. */
const untilLegend = (page, id, value) =>
  page.waitForFunction(
    (name, text) => document.getElementById(name).shadowRoot.querySelector('.legend output')?.textContent === text,
    { polling: 50 },
    id,
    value,
  );

const sum = (values) => values.reduce((total, value) => total + value, 0);

/** Attaches and removes elements of all views: before anything has come, amid it, and when it plays. Runs in the page. */
async function attachAndRemove(count) {
  const views = ['lens', 'train', 'modes', 'batches', 'pitfall'];
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  for (let i = 0; i < count; i++) {
    const element = document.createElement('norm-lab');
    const once = (type) => new Promise((resolve) => element.addEventListener(type, resolve, { once: true }));
    const view = views[i % views.length];
    element.setAttribute('view', view);
    element.setAttribute('loading', 'eager');
    const ready = once('norm-lab-ready');
    document.body.append(element);
    const frames = Math.floor(i / views.length) % 4;
    if (frames === 0) {
      await ready;
      const step = once('norm-lab-step');
      element.play();
      if (view === 'train') await step;
      await frame();
    }
    for (let f = 0; f < frames; f++) await frame();
    element.remove();
    await frame();
  }
}

async function collect(client) {
  await client.send('HeapProfiler.collectGarbage');
}

/** What a thread's heap holds, with what it holds of the browser's and outside of heaps. */
async function heapOf(client) {
  const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = await client.send('Runtime.getHeapUsage');
  return usedSize + embedderHeapUsedSize + backingStorageSize;
}

/** What the page and its worker hold after the garbage is collected; Chromium alone tells. */
async function figuresOf(page, client) {
  const [worker] = page.workers();
  // What one collection frees in one thread lets another free more in the other.
  for (let i = 0; i < 3; i++) for (const thread of [client, worker.client]) await collect(thread);
  const { metrics } = await client.send('Performance.getMetrics');
  const metric = (name) => metrics.find((one) => one.name === name).value;
  return {
    workers: page.workers().length,
    listeners: metric('JSEventListeners'),
    nodes: metric('Nodes'),
    engines: sum((await engines(page)).bytes),
    page: await heapOf(client),
    worker: await heapOf(worker.client),
  };
}

inEachBrowser(
  'the figures of a page',
  (context, test) => {
    const show = async (html) => {
      const { site } = context;
      site.headers = ISOLATED;
      site.change = (path, file) => (path.endsWith('/normlab-element.js') ? `(${watchEngines})();${file}` : file);
      site.pages.set('page.html', `<!doctype html><meta charset="utf-8"><title>Page</title>${html}${SCRIPT}`);
      return context.open('page.html', { beforeLoad: listen });
    };
    const inChromium = () => context.browserName === 'chromium';

    test('five share one worker and one compiled module, and take less than 64 MB', async () => {
      const views = ['lens', 'train', 'train', 'modes', 'batches'];
      const ids = views.map((_, i) => `n${i}`);
      const page = await show(
        views.map((view, i) => `<norm-lab id="n${i}" view="${view}" loading="eager"></norm-lab>`).join(''),
      );
      await untilTold(page, 'norm-lab-ready', ids);
      await page.evaluate(() => {
        for (const id of ['n1', 'n2']) document.getElementById(id).step();
      });
      await untilTold(page, 'norm-lab-step', ['n1', 'n2']);
      await page.waitForFunction(
        () =>
          ['n1', 'n2'].every((id) =>
            /^Paused(?!.*Measuring)/.test(
              document.getElementById(id).shadowRoot.querySelector('[role=status]').textContent,
            ),
          ),
        { polling: 50 },
      );
      assert.equal(await page.evaluate(() => globalThis.workers.size), 1);
      assert.equal(page.workers().length, 1);
      const [worker] = page.workers();
      const { compiled, bytes } = await engines(page);
      assert.equal(compiled, 1);
      assert.equal(bytes.length, views.length, 'each has a memory of its own');
      // Memories of WebAssembly are in no heap.
      let all = sum(bytes);
      if (inChromium()) {
        const asked = page.evaluate(async () => (await performance.measureUserAgentSpecificMemory()).bytes);
        let answered = false;
        asked.finally(() => {
          answered = true;
        });
        // It answers when garbage has been collected in all threads, which may take its time.
        const client = await page.createCDPSession();
        while (!answered) {
          for (const thread of [client, worker.client]) await collect(thread);
          await new Promise((resolve) => setTimeout(resolve, 50));
        }
        all += await asked;
      }
      assert.ok(
        all < 64 * MB,
        `${(all / MB).toFixed(1)} MB, of which engines have ${bytes.map((one) => (one / MB).toFixed(1))}`,
      );
      assert.deepEqual(await page.evaluate(() => globalThis.told.filter(({ type }) => type === 'norm-lab-error')), []);
    });

    test('the pointer in the charts of one moves in those of no other', async () => {
      const page = await show(
        [1, 2].map((i) => `<norm-lab id="n${i}" loading="eager" state="model=mlp"></norm-lab>`).join(''),
      );
      for (const step of [1, 2]) {
        await page.evaluate(() => {
          for (const id of ['n1', 'n2']) document.getElementById(id).step();
        });
        await untilTold(page, 'norm-lab-step', ['n1', 'n2'], step);
      }
      const legend = (id) =>
        page.evaluate(
          (name) => document.getElementById(name).shadowRoot.querySelector('.legend output')?.textContent,
          id,
        );
      const losses = await page.evaluate(() =>
        globalThis.told.filter(({ type }) => type === 'norm-lab-step').map(({ detail }) => detail.loss),
      );
      const [first, last] = [losses[0], losses.at(-1)].map((loss) => loss.toFixed(3));
      for (const id of ['n1', 'n2']) await untilLegend(page, id, last);
      const canvas = await page.evaluateHandle(() =>
        document.getElementById('n1').shadowRoot.querySelector('.chart-canvas canvas'),
      );
      await canvas.evaluate((element) => element.scrollIntoView({ block: 'center', behavior: 'instant' }));
      const { x, y } = await canvas.boundingBox();
      await page.mouse.move(x + 47, y + 60);
      await untilLegend(page, 'n1', first);
      assert.equal(await legend('n2'), last);
    });

    test('100 that are attached and removed leave workers, listeners and heap where they were', async () => {
      const page = await show('<norm-lab id="stays" view="lens" loading="eager"></norm-lab>');
      await untilTold(page, 'norm-lab-ready', ['stays']);
      const workers = () => page.evaluate(() => globalThis.workers.size);
      if (!inChromium()) {
        await page.evaluate(attachAndRemove, 20);
        assert.equal(await workers(), 1);
        return;
      }
      // What is fetched with the first of a kind stays.
      await page.evaluate(attachAndRemove, 20);
      const client = await page.createCDPSession();
      await client.send('Performance.enable');
      const before = await figuresOf(page, client);
      await page.evaluate(attachAndRemove, 100);
      assert.equal(await workers(), 1);
      let after;
      const counted = ['workers', 'listeners', 'nodes', 'engines'];
      const isBack = () => counted.every((name) => after[name] <= before[name]);
      // What has just been removed may still be on its way out.
      const end = Date.now() + PATIENCE_MS / 4;
      do after = await figuresOf(page, client);
      while (!isBack() && Date.now() < end);
      assert.ok(isBack(), `${JSON.stringify(before)} has become ${JSON.stringify(after)}`);
      // One figure has 0.15 MB and more: of ten that stay one would be seen. Compiled code and the browser's caches grow by less.
      for (const thread of ['page', 'worker']) {
        const grown = (after[thread] - before[thread]) / MB;
        assert.ok(grown < 1, `the heap of the ${thread} has grown by ${grown.toFixed(2)} MB`);
      }
    });
  },
  options,
);
