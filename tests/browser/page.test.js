import assert from 'node:assert/strict';
import {
  axeViolations,
  choose,
  inEachBrowser,
  keepWorkers,
  press,
  regionText,
  role,
  serveSite,
  stepsMade,
  testAccuracy,
  type,
  untilMeasured,
  untilStatus,
  untilSteps,
} from './harness.js';

const hash = (page) => page.evaluate(() => location.hash);

/** What is there when a tab has been opened, its tables too. */
const SIGHTS = {
  lens: ['.lens-table td', '.stream td'],
  train: ['.score', '.table-box td'],
  modes: ['.strips td', '.readout'],
  batches: ['.figures td'],
  pitfall: ['.comparison td'],
};

/** Runs in the page. */
function wereSeen(selectors) {
  return selectors.every((selector) => {
    const found = document.querySelector(selector);
    if (!found) for (const section of document.querySelectorAll('section')) section.scrollIntoView();
    return found;
  });
}

/** Runs in the page: how the elements in the panel are set, by tag, classes and surroundings. */
function looks() {
  const kinds = {};
  const name = (element) => [element.localName, ...element.classList].join('.');
  for (const element of document.querySelectorAll('#panel *')) {
    if (!element.checkVisibility() || element.closest('svg, math, [aria-busy="true"]')) continue;
    const kind = `${name(element.parentElement.parentElement)} > ${name(element.parentElement)} > ${name(element)}`;
    const style = getComputedStyle(element);
    const { display, position, padding, margin, fontFamily, fontSize, fontWeight, textAlign, borderWidth } = style;
    kinds[kind] ??= [display, position, padding, margin, fontFamily, fontSize, fontWeight, textAlign, borderWidth].join(
      '; ',
    );
  }
  return kinds;
}

inEachBrowser('the page', ({ open }, test) => {
  test('the hash carries the state: written on change, read on load and when it changes', async () => {
    const page = await open('#v=1&view=train&norm=group&groups=4&placement=after&model=mlp&batch=12&lr=0.003&seed=42');
    await untilMeasured(page);
    assert.equal(
      await hash(page),
      '#v=1&view=train&norm=group&groups=4&placement=after&model=mlp&batch=12&lr=0.003&seed=42',
    );
    assert.equal(await (await role(page, 'radio', 'GroupNorm')).evaluate((input) => input.checked), true);
    assert.equal(await (await role(page, 'spinbutton', 'Seed')).evaluate((input) => input.value), '42');
    const entries = await page.evaluate(() => history.length);
    await choose(page, 'LayerNorm');
    await type(page, 'Batch size', '48');
    assert.match(await hash(page), /&norm=layer&.*&batch=48&/);
    assert.equal(await page.evaluate(() => history.length), entries, 'changes replace the entry, they add none');
    for (const norm of ['instance', 'rms']) {
      await page.evaluate((value) => {
        location.hash = `#norm=${value}`;
      }, norm);
      await untilStatus(page, /Ready: Small CNN with (InstanceNorm|RMSNorm)/);
      assert.match(await hash(page), new RegExp(`&norm=${norm}&`));
    }
    await page.evaluate(() => {
      location.hash = '#norm=none&batch=7';
    });
    await untilStatus(page, /Ready: .* with no normalization/);
    assert.equal(await (await role(page, 'spinbutton', 'Batch size')).evaluate((input) => input.value), '7');
    assert.match(
      await hash(page),
      /^#v=1&view=train&norm=none&placement=before&model=smallcnn&batch=7&lr=0\.02&seed=1$/,
    );
  });

  test('nonsense in the hash is brought into range and said', async () => {
    const page = await open('#v=9&view=moon&norm=%3Cb%3E&batch=9999&lr=-1&seed=abc&groups=3&layer=%22%3E&unknown=1');
    await untilMeasured(page);
    assert.match(
      await hash(page),
      /^#v=1&view=train&norm=batch&placement=before&model=smallcnn&batch=256&lr=0\.0001&seed=1$/,
    );
    const notes = await regionText(page, 'Notes on this link');
    for (const label of [
      'version 9',
      'View',
      'Normalization',
      'Batch size',
      'Learning rate',
      'Seed',
      'Groups',
      'Layer',
    ]) {
      assert.ok(notes.includes(label), `${label} is missing in: ${notes}`);
    }
    await press(page, 'Dismiss');
    assert.equal(await page.$('[aria-label="Notes on this link"]'), null);
  });

  test('a number out of range is mended at its field', async () => {
    const page = await open();
    await untilMeasured(page);
    await type(page, 'Batch size', '900');
    const field = await role(page, 'spinbutton', 'Batch size');
    assert.equal(await field.evaluate((input) => input.value), '256');
    const message = await page.$eval('#error-batch', (element) => element.textContent);
    assert.equal(message, 'Batch size 900 is outside 1 to 256; 256 is used.');
  });

  test('the theme is switched and stays', async () => {
    const page = await open();
    const theme = () => page.evaluate(() => document.documentElement.dataset.theme);
    const first = await theme();
    await press(page, 'Dark theme');
    const second = await theme();
    assert.deepEqual([first, second].sort(), ['dark', 'light']);
    await page.reload();
    await role(page, 'tab', 'Train');
    assert.equal(await theme(), second);
    await press(page, 'Dark theme');
    assert.equal(await theme(), first);
  });

  test('a tab that is opened first looks as it does after all others', async () => {
    const tabs = {
      lens: 'Lens',
      train: 'Train',
      modes: 'Train vs eval',
      batches: 'Small batches',
      pitfall: 'Pitfalls',
    };
    for (const [view, label] of Object.entries(tabs)) {
      const page = await open(`#view=${view}&model=mlp&arms=norm:group`);
      const settled = () => page.waitForFunction(wereSeen, { polling: 100 }, SIGHTS[view]);
      await settled();
      const first = await page.evaluate(looks);
      for (const other of [...Object.values(tabs).filter((name) => name !== label), label]) {
        const tab = await role(page, 'tab', other);
        await tab.evaluate((button) => button.click());
        await page.waitForFunction(
          wereSeen,
          { polling: 100 },
          SIGHTS[Object.keys(tabs).find((id) => tabs[id] === other)],
        );
      }
      await settled();
      const last = await page.evaluate(looks);
      const both = Object.keys(first).filter((name) => name in last);
      assert.ok(both.length > 30, `${view}: ${both.length} kinds of elements`);
      const changed = both.filter((name) => last[name] !== first[name]);
      assert.deepEqual(
        changed.map((name) => `${name}: ${first[name]} -> ${last[name]}`),
        [],
        view,
      );
    }
  });

  test('axe finds nothing in either theme', async () => {
    const page = await open('#model=mlp&norm=batch&batch=1');
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    await untilMeasured(page);
    for (const situation of ['refused', 'trained', 'without a place', 'hollow']) {
      if (situation === 'without a place') {
        await choose(page, 'InstanceNorm');
        await untilStatus(page, /^Cannot start/);
      }
      if (situation === 'hollow') {
        await choose(page, 'RMSNorm');
        await untilMeasured(page);
      }
      if (situation === 'trained') {
        await type(page, 'Batch size', '4');
        await press(page, 'Step');
        await untilStatus(page, /^Paused at step 1,/);
        await untilMeasured(page);
      }
      for (let i = 0; i < 2; i++) {
        const theme = await page.evaluate(() => document.documentElement.dataset.theme);
        const found = await axeViolations(page);
        assert.deepEqual(found, [], `${theme}, ${situation}`);
        await press(page, 'Dark theme');
      }
    }
  });

  test('nothing sticks out at 360 pixels', async () => {
    const page = await open('#norm=batch&model=mlp&batch=1', { width: 360, height: 740 });
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    await untilMeasured(page);
    await press(page, 'Play');
    await untilStatus(page, /^Stopped/);
    const excess = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(await excess(), 0);
    for (const norm of ['GroupNorm', 'InstanceNorm', 'RMSNorm']) {
      await choose(page, norm);
      await untilMeasured(page);
      assert.equal(await excess(), 0, norm);
    }
  });

  test('everything is reached and worked by keyboard', async () => {
    const page = await open();
    await untilMeasured(page);
    const focused = () =>
      page.evaluate(() => {
        const element = document.activeElement;
        return element.getAttribute('aria-label') ?? element.labels?.[0]?.innerText ?? element.innerText;
      });
    const tabTo = async (pattern) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press('Tab');
        if (pattern.test(await focused())) return;
      }
      assert.fail(`Tab never came to ${pattern}`);
    };
    await tabTo(/^BatchNorm/);
    await page.keyboard.press('ArrowDown');
    assert.match(await hash(page), /norm=layer/);
    await tabTo(/^Batch size slider/);
    await page.keyboard.press('ArrowRight');
    assert.match(await hash(page), /batch=48/);
    await untilStatus(page, /Ready/);
    await tabTo(/^Play/);
    await page.keyboard.press('Enter');
    await untilSteps(page, 3);
    await page.keyboard.press('Tab');
    assert.match(await focused(), /^Pause/);
    await page.keyboard.press(' ');
    await untilStatus(page, /^Paused/);
  });

  test('embed=1 leaves header and footer out', async () => {
    const page = await open('#embed=1');
    assert.equal(await page.$('header h1'), null);
    assert.equal(await page.$('footer'), null);
    await untilMeasured(page);
    assert.match(await hash(page), /&embed=1$/);
  });

  test('the site works in a folder, from a server that sends .gz as gzip-encoded', async () => {
    const other = await serveSite({ folder: '/docs/normlab/', encodeGzip: true });
    try {
      const page = await open();
      await page.goto(other.url);
      await untilMeasured(page);
      await press(page, 'Step');
      await untilStatus(page, /^Paused at step 1,/);
    } finally {
      other.close();
    }
  });
});

inEachBrowser('trouble', (context, test) => {
  test('an engine that cannot be loaded is said, and loaded on demand', async () => {
    context.site.broken = /\.wasm$/;
    const page = await context.open('#seed=3');
    await role(page, 'button', 'Restart engine');
    await untilStatus(page, /^The engine has stopped/);
    context.site.broken = null;
    await press(page, 'Restart engine');
    await untilStatus(page, /^Ready/);
    await untilMeasured(page);
    assert.match(await hash(page), /seed=3/);
    assert.notEqual(await testAccuracy(page, 'eval'), null);
  });

  test('images that cannot be loaded are said by their address', async () => {
    context.site.broken = /t10k-images/;
    try {
      const page = await context.open();
      assert.match(await untilStatus(page, /^The engine has stopped/), /t10k-images/);
    } finally {
      context.site.broken = null;
    }
  });

  test('after the worker has died training can begin anew', async () => {
    const page = await context.open('', { beforeLoad: keepWorkers });
    await untilMeasured(page);
    await press(page, 'Play');
    await untilSteps(page, 3);
    await page.evaluate(() =>
      globalThis.workers.at(-1).dispatchEvent(new ErrorEvent('error', { message: 'out of luck' })),
    );
    assert.match(await untilStatus(page, /^The engine has stopped/), /out of luck/);
    await press(page, 'Restart engine');
    await untilStatus(page, /^Ready/);
    assert.equal(await stepsMade(page), 0);
    await press(page, 'Play');
    await untilSteps(page, 3);
  });

  for (const [how, forbid] of Object.entries({ 'no workers': noWorkers, 'workers that fail': failingWorkers })) {
    test(`where there are ${how}, the page computes on its own thread, and answers meanwhile`, async () => {
      const page = await context.open('#model=smallcnn&batch=8', { beforeLoad: forbid });
      await untilMeasured(page);
      await press(page, 'Play');
      await untilSteps(page, 20);
      await press(page, 'Pause');
      await untilStatus(page, /^Paused/);
      const tab = await role(page, 'tab', 'Lens');
      await tab.evaluate((button) => button.click());
      await page.waitForFunction(() => /m = 64 cells/.test(document.querySelector('.sharing')?.textContent), {});
    });
  }
});

/** Runs in the page, before its scripts. */
function noWorkers() {
  delete globalThis.Worker;
}

/** Runs in the page, before its scripts: as a policy does it, by an event and without a word. */
function failingWorkers() {
  globalThis.Worker = class extends EventTarget {
    constructor() {
      super();
      setTimeout(() => this.dispatchEvent(new ErrorEvent('error')), 10);
    }
    postMessage() {}
    terminate() {}
  };
}
