import assert from 'node:assert/strict';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { createEngine, presetSpec } from 'normlab';
import { choose, inEachBrowser, keepFiles, press, untilMeasured, untilStatus } from './harness.js';
import { walk } from './walk.js';

const FILE = fileURLToPath(new URL('../../dist/normlab.html', import.meta.url));
const STATE = '#v=1&view=train&norm=group&groups=4&placement=before&model=mlp&batch=16&lr=0.03&seed=4';

inEachBrowser('the page as one file, opened from disk', (context, test) => {
  let folder;
  before(async () => {
    // Nothing stands beside it that it could find.
    folder = await mkdtemp(join(tmpdir(), 'normlab-file-'));
    const copy = join(folder, 'a copy.html');
    await copyFile(FILE, copy);
    context.site.url = pathToFileURL(copy).href;
  });
  after(() => rm(folder, { recursive: true }));

  test('it trains to what Node comes to; every tab works, and a sweep; nothing is fetched', async () => {
    const page = await context.open(STATE);
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', ({ message }) => errors.push(message));
    await page.evaluate(keepFiles);
    await untilMeasured(page);
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 1,/);
    await untilMeasured(page);
    await saved(page, 'Everything (JSON)');
    const { variant, arms } = JSON.parse(await page.evaluate(() => globalThis.files.at(-1).text()));
    const [{ history, evaluations }] = arms;
    assert.deepEqual([history[0].loss, evaluations.at(-1).eval.accuracy], await figuresInNode(variant));
    await walk(page);
    const asked = await page.evaluate(() => performance.getEntriesByType('resource').map(({ name }) => name));
    assert.deepEqual(
      asked.filter((url) => !/^(?:data|blob):/.test(url)),
      [],
    );
    assert.deepEqual(errors, []);
  });

  test('its links and frames are of the file, and say so; what is changed is undone; files are opened', async () => {
    const page = await context.open(STATE);
    await page.evaluate(keepFiles);
    await page.evaluate(keepCopies);
    await untilMeasured(page);
    await press(page, 'Copy link');
    assert.equal(await copied(page, /^Copied: link\. It works on this computer/), `${context.site.url}${STATE}`);
    await press(page, 'Copy embed code');
    const code = await copied(page, /^Copied: embed code\. It wants this file beside the page/);
    assert.match(code, /<iframe src="a%20copy\.html#v=1&amp;view=train&amp;.*&amp;embed=1"/);
    await choose(page, 'LayerNorm');
    await press(page, 'Undo');
    assert.equal(await page.evaluate(() => location.hash), STATE);
    await untilMeasured(page);
    await saved(page, 'Model file (safetensors)');
    await page.evaluate(dropSaved, 'mine.safetensors');
    await page.waitForFunction(() => /weights=mine/.test(location.hash), { polling: 50 });
    await untilMeasured(page);
  });
});

/** Has the page save something, whose content stays in the page. */
async function saved(page, label) {
  const before = await page.evaluate(() => globalThis.files.length);
  await press(page, 'Export');
  await press(page, label);
  await page.waitForFunction((count) => globalThis.files.length > count, { polling: 50 }, before);
}

/** The loss of the first step, and the accuracy after it. */
async function figuresInNode(variant) {
  const nl = await createEngine({ variant });
  const { train, test } = await nl.loadDataset('fashion-mnist');
  const model = nl.model(presetSpec('mlp', { norm: 'group', groups: 4, seed: 4 }));
  const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.03, momentum: 0.9 } });
  const [{ loss }] = trainer.start(train, { batchSize: 16, seed: 4 }).steps(1).steps;
  const figures = [Math.fround(loss), model.evaluate(test, { batchSize: 100, mode: 'eval' }).accuracy];
  nl.dispose();
  return figures;
}

/** Runs in the page. */
function keepCopies() {
  const writeText = async (text) => {
    globalThis.copy = text;
  };
  Object.defineProperty(navigator, 'clipboard', { value: { writeText } });
}

/** Runs in the page: drops on it what it has saved last. */
function dropSaved(name) {
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([globalThis.files.at(-1)], name));
  const main = document.querySelector('main');
  main.dispatchEvent(new DragEvent('drop', { dataTransfer, bubbles: true, cancelable: true }));
}

/** What was copied, once the page has said so. */
async function copied(page, says) {
  await page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector('.said').textContent),
    { polling: 50 },
    says.source,
  );
  return page.evaluate(() => globalThis.copy);
}
