import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEngine } from 'normlab';
import { loadConfigFromFile, runnerImport } from 'vite';
import { axeViolations, inEachBrowser, keepWorkers, press, role, status, untilStatus } from './harness.js';

const source = (path) => fileURLToPath(new URL(`../../web/src/${path}`, import.meta.url));
const configFile = fileURLToPath(new URL('../../web/vite.config.ts', import.meta.url));
// The page's formulas are made by a plugin, and runnerImport reads no configuration by itself.
const { plugins, resolve } = (await loadConfigFromFile({ command: 'serve', mode: 'test' }, configFile)).config;
const load = async (path) => (await runnerImport(source(path), { plugins, resolve })).module;

const { pitfallSettings } = await load('app/settings/pitfall.ts');
const { scenarios } = await load('app/views/pitfall/scenarios.ts');
const titles = Object.fromEntries(pitfallSettings.pitfall.choices.map(({ value, label }) => [value, label]));
const ids = Object.keys(titles);

const hash = (page) => page.evaluate(() => location.hash);
const heading = (page) => page.$eval('.scenario-head h2', (element) => element.textContent);

inEachBrowser('pitfalls', ({ open, browserName }, test) => {
  let nl;
  let inNode;
  before(async () => {
    const [{ pitfalls }, { Bench }, { shown }] = await Promise.all([
      load('worker/pitfalls/table.ts'),
      load('worker/pitfalls/bench.ts'),
      load('app/views/pitfall/FigureTable.tsx'),
    ]);
    // In the variant that the page takes: rounding differs between them.
    const page = await open('#view=pitfall&pitfall=unbiased');
    await page.waitForFunction(() => /SIMD/.test(document.querySelector('footer').textContent));
    const said = await page.$eval('footer', (footer) => /(relaxed|128-bit|without) SIMD/.exec(footer.textContent)[1]);
    nl = await createEngine({ variant: { relaxed: 'relaxed', '128-bit': 'simd', without: 'scalar' }[said] });
    const data = await nl.loadDataset('fashion-mnist');
    /** What the same calls of the Node API come to: the cells of the table, and the verdict. */
    inNode = async (id, fixed) => {
      const bench = new Bench({ nl, images: async () => data, giveWay: async () => {}, onShare: () => {} });
      const { figures, verdict, message } = await pitfalls[id](bench, fixed);
      bench.dispose();
      return {
        verdict,
        message,
        cells: Object.fromEntries(
          figures.map(({ label, value, unit, expected, fine }) => [
            label,
            `${fine === undefined ? '' : fine ? '✓' : '✗'}${shown(value, unit)}${expected === undefined ? '' : `in theory ${shown(expected, unit)}`}`,
          ]),
        ),
      };
    };
  });
  after(() => nl?.dispose());

  // All of them in one browser, some in the other: what is computed is the engine's, which has tests of its own in both.
  const shownIds =
    browserName === 'chromium' ? ids : ['forgot-eval', 'one-value', 'unbiased', 'cancellation', 'dropout'];

  test('each scenario is opened by its link, shows what the Node API computes, and is fixed and unfixed', async () => {
    const page = await open(`#view=pitfall&pitfall=${shownIds[0]}`);
    for (const id of shownIds) {
      await page.evaluate((value) => {
        location.hash = `#view=pitfall&pitfall=${value}`;
      }, id);
      await page.waitForFunction(
        (title) => document.querySelector('.scenario-head h2')?.textContent === title,
        {},
        titles[id],
      );
      const broken = await inNode(id, false);
      await untilVerdict(page, broken.verdict);
      assert.equal(
        await role(page, 'button', 'Apply the fix').then((key) => key.evaluate((element) => element.ariaDisabled)),
        'false',
      );
      const beside = (cells) => Object.fromEntries(Object.entries(cells).map(([label, cell]) => [label, [cell, '–']]));
      assert.deepEqual(await figures(page), beside(broken.cells), id);
      assert.equal(await said(page), broken.message ?? '', id);
      await press(page, 'Apply the fix');
      const fixed = await inNode(id, true);
      await untilVerdict(page, fixed.verdict);
      const labels = [...new Set([...Object.keys(broken.cells), ...Object.keys(fixed.cells)])];
      assert.deepEqual(
        await figures(page),
        Object.fromEntries(labels.map((label) => [label, [broken.cells[label] ?? '–', fixed.cells[label] ?? '–']])),
        `${id}, fixed`,
      );
      assert.match(await hash(page), /&pitfallFixed=1$/);
    }
    await press(page, 'Undo the fix');
    await untilVerdict(page, (await inNode(shownIds.at(-1), false)).verdict);
    assert.doesNotMatch(await hash(page), /pitfallFixed/);
  });

  test('a link carries the scenario and its fix; one to no scenario comes to the first, and says so', async () => {
    const page = await open('#view=pitfall&pitfall=unbiased&pitfallFixed=1');
    await untilVerdict(page, (await inNode('unbiased', true)).verdict);
    await role(page, 'button', 'Undo the fix');
    assert.equal((await figures(page))['computed by hand'].length, 2);
    await page.evaluate(() => {
      location.hash = '#view=pitfall&pitfall=moon';
    });
    await page.waitForFunction(
      (title) => document.querySelector('.scenario-head h2').textContent === title,
      {},
      titles[ids[0]],
    );
    const notes = await role(page, 'region', 'Notes on this link');
    assert.match(await notes.evaluate((element) => element.textContent), /Scenario "moon" is none of/);
  });

  test('words typed find a scenario; the list, Previous and Next lead through them by keyboard', async () => {
    const page = await open('#view=pitfall&pitfall=unbiased');
    await untilStatus(page, /1\.15/);
    await page.focus('input[type="search"]');
    await page.keyboard.type('half nan');
    const listed = () => page.$$eval('.scenarios a', (links) => links.map((link) => link.textContent));
    await page.waitForFunction(() => document.querySelectorAll('.scenarios a').length === 1);
    assert.deepEqual(await listed(), [titles.half]);
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await untilStatus(page, /becomes 0/);
    assert.match(await hash(page), /&pitfall=half$/);
    assert.equal(await page.$eval('.scenarios [aria-current]', (link) => link.textContent), titles.half);
    await page.focus('input[type="search"]');
    for (let i = 0; i < 'half nan'.length; i++) await page.keyboard.press('Backspace');
    await page.waitForFunction((count) => document.querySelectorAll('.scenarios a').length === count, {}, ids.length);
    assert.deepEqual(await listed(), Object.values(titles));
    await page.keyboard.type('quaternion');
    await page.waitForFunction(() => /No scenario/.test(document.querySelector('[aria-live]').textContent));
    const follow = async (label, id) => {
      await page.evaluate(
        (text) => [...document.querySelectorAll('.pager a')].find((link) => link.textContent === text).focus(),
        label,
      );
      await page.keyboard.press('Enter');
      await page.waitForFunction(
        (title) => document.querySelector('.scenario-head h2').textContent === title,
        {},
        titles[id],
      );
    };
    await follow('Next', ids[ids.indexOf('half') + 1]);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Next', 'the focus stays');
    await follow('Previous', 'half');
    await follow('Previous', ids[ids.indexOf('half') - 1]);
    await page.focus('.fix .key');
    await untilStatus(page, /difference is/);
    await page.keyboard.press('Enter');
    await untilStatus(page, /Taking the mean away first/);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Undo the fix');
  });

  test('why, threads and code are those of the scenario, and the code is copied', async () => {
    const page = await open('#view=pitfall&pitfall=folding', { beforeLoad: keepCopied });
    const { cause, links, wrong, right } = scenarios.find(({ id }) => id === 'folding');
    const why = await role(page, 'region', 'Why');
    assert.ok((await why.evaluate((element) => element.textContent)).includes(cause));
    assert.deepEqual(
      await why.$$eval('a', (anchors) => anchors.map(({ href, rel }) => [href, rel])),
      links.map(({ href }) => [href, 'noopener']),
    );
    for (const [name, text] of [
      ['wrong', wrong],
      ['right', right],
    ]) {
      await press(page, `Copy ${name} code`);
      await page.waitForFunction(
        (said) => document.querySelector('.said').textContent === said,
        {},
        `Copied: ${name} code.`,
      );
      assert.equal(await page.evaluate(() => globalThis.copied.at(-1)), text);
    }
  });

  test('the training of the tab Train goes on beside; another scenario gives the run up', async () => {
    const page = await open('#view=train&model=mlp');
    await untilStatus(page, /^Ready/);
    await press(page, 'Play');
    await untilStatus(page, /^Training/);
    const tab = await role(page, 'tab', 'Pitfalls');
    await tab.click();
    await page.waitForSelector('.scenarios');
    for (const id of ['averaged', 'last-batch', 'learning-rate', 'unbiased']) {
      await page.evaluate((value) => {
        location.hash = location.hash.replace(/&pitfall=[^&]*|$/, `&pitfall=${value}`);
      }, id);
      await page.waitForFunction(
        (title) => document.querySelector('.scenario-head h2').textContent === title,
        {},
        titles[id],
      );
    }
    await untilStatus(page, /1\.15/);
    const back = await role(page, 'tab', 'Train');
    await back.click();
    await untilStatus(page, /^Training: step [1-9].*images\/s/);
  });

  test('a worker that dies is said and restarted, and the scenario runs again', async () => {
    const page = await open('#view=pitfall&pitfall=unbiased', { beforeLoad: keepWorkers });
    await untilStatus(page, /1\.15/);
    await page.evaluate(() => globalThis.workers[0].dispatchEvent(new ErrorEvent('error', { message: 'out of luck' })));
    await role(page, 'button', 'Restart engine');
    await press(page, 'Apply the fix');
    await untilStatus(page, /^Stopped: .*worker/);
    await press(page, 'Restart engine');
    await untilStatus(page, /^Times m/);
  });

  test('axe finds nothing, in either theme', async () => {
    const page = await open('#view=pitfall&pitfall=one-value');
    for (const [id, verdict] of [
      ['one-value', /training stops/],
      ['cancellation', /difference is/],
      ['momentum', /90 %/],
    ]) {
      await page.evaluate((value) => {
        location.hash = `#view=pitfall&pitfall=${value}`;
      }, id);
      await untilStatus(page, verdict);
      if (id === 'momentum') {
        await press(page, 'Apply the fix');
        await untilStatus(page, /^With PyTorch/);
      }
      for (let i = 0; i < 2; i++) {
        const theme = await page.evaluate(() => document.documentElement.dataset.theme);
        assert.deepEqual(await axeViolations(page), [], `${id}, ${theme}`);
        await press(page, 'Dark theme');
      }
    }
  });

  test('at 360 pixels nothing sticks out, and the list folds when a scenario is chosen', async () => {
    const page = await open('#view=pitfall&pitfall=pooled', { width: 360, height: 740 });
    await untilStatus(page, /Pooled to 1/);
    const excess = () =>
      page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(await excess(), 0);
    const unfolded = () => page.$eval('.side details', (details) => details.open);
    assert.equal(await unfolded(), false);
    await page.click('.side summary');
    assert.equal(await unfolded(), true);
    assert.equal(await excess(), 0);
    await page.$$eval(
      '.scenarios a',
      (links, title) => links.find((link) => link.textContent === title).click(),
      titles.half,
    );
    await untilStatus(page, /becomes 0/);
    assert.equal(await unfolded(), false);
    assert.equal(await heading(page), titles.half);
    assert.equal(await excess(), 0);
  });
});

async function untilVerdict(page, verdict) {
  try {
    await page.waitForFunction((text) => document.querySelector('[role="status"]')?.textContent === text, {}, verdict);
  } catch (error) {
    assert.equal(await status(page), verdict, error.message);
  }
}

/** The cells of the table of figures by their row's title. */
function figures(page) {
  return page.$$eval('.comparison tbody tr', (rows) =>
    Object.fromEntries(
      rows.map((row) => [row.cells[0].textContent, [row.cells[1].textContent, row.cells[2].textContent]]),
    ),
  );
}

function said(page) {
  return page.$$eval('.verbatim', ([box]) => box?.textContent ?? '');
}

/** Runs in the page, before its scripts. */
function keepCopied() {
  globalThis.copied = [];
  Object.defineProperty(navigator, 'clipboard', {
    value: {
      async writeText(text) {
        globalThis.copied.push(text);
      },
    },
  });
}
