import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateSync } from 'node:zlib';
import { createEngine, presetSpec } from 'normlab';
import {
  axeViolations,
  choose,
  inEachBrowser,
  keepWorkers,
  legendValue,
  PATIENCE_MS,
  press,
  regionText,
  role,
  tick,
  type,
  untilMeasured,
  untilStatus,
} from './harness.js';

const READY = /^Ready-trained: .* after [\d,]+ steps?\./;

const engines = new Map();

/** Engine and images in Node, of the variant that the page says it runs on. */
async function inNode(page) {
  const colophon = await page.$eval('.colophon', (element) => element.textContent);
  const variant = /relaxed SIMD/.test(colophon) ? 'relaxed' : /128-bit SIMD/.test(colophon) ? 'simd' : 'scalar';
  if (!engines.has(variant)) {
    engines.set(
      variant,
      createEngine({ variant }).then(async (nl) => ({ nl, ...(await nl.loadDataset('fashion-mnist')) })),
    );
  }
  return engines.get(variant);
}

/** What the page calls ready-trained. */
function readyModel({ nl, train }, name, norm, steps) {
  const model = nl.model(presetSpec(name, { norm, groups: 8, seed: 1 }));
  const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } });
  if (steps > 0) trainer.start(train, { batchSize: 32, seed: 1 }).steps(steps);
  return model;
}

/** Waits until the text of a region matches. */
async function untilRegion(page, label, pattern) {
  const region = await role(page, 'region', label);
  await page.waitForFunction(
    (element, source) => new RegExp(source).test(element.textContent),
    { timeout: PATIENCE_MS, polling: 50 },
    region,
    pattern.source,
  );
  return region.evaluate((element) => element.textContent);
}

async function untilAccuracies(page, evalAccuracy, trainAccuracy) {
  for (const [mode, accuracy] of Object.entries({ eval: evalAccuracy, train: trainAccuracy })) {
    const shown = (100 * accuracy).toFixed(1).replace('.', '\\.');
    await untilRegion(page, `Accuracy, ${mode} mode`, new RegExp(`mode${shown} %`));
  }
}

/** Waits until the chart, which is drawn a frame after the status is told, shows the loss of the last step. */
async function untilLoss(page, loss) {
  const wanted = Number(loss.toPrecision(4));
  for (const until = Date.now() + PATIENCE_MS / 4; ; ) {
    const shown = await legendValue(page, 'Loss', 'each batch');
    if (Math.abs(shown - wanted) < 0.002) return;
    assert.ok(Date.now() < until, `the chart shows a loss of ${shown}, in Node it is ${loss}`);
  }
}

const number = (text) => Number(text.replace('−', '-'));

/** The chart's rows: difference, largest and cosine of each layer, and what the difference was. */
async function layerRows(page) {
  const rows = await page.$$eval('label.gap', (labels) =>
    labels.map((label) => [...label.querySelectorAll('output')].map((output) => output.textContent)),
  );
  return rows.map((outputs) =>
    Object.fromEntries(
      outputs.map((text) => {
        const [, name, value] = /^,? ?([a-z]+) (.*)$/.exec(text);
        return [name, number(value)];
      }),
    ),
  );
}

/** As far as two decimals, or one digit of what is very small, go. */
function assertShown(shown, value, what) {
  const unit = Math.abs(value) < 0.005 ? Math.abs(value) : 0.01;
  assert.ok(Math.abs(shown - value) <= 0.51 * unit + 1e-12, `${what}: shown ${shown}, in Node ${value}`);
}

function assertRows(rows, layers) {
  assert.equal(rows.length, layers.length);
  layers.forEach(({ key, diff, eval: output }, i) => {
    assertShown(rows[i].difference, diff.rms === 0 ? 0 : diff.rms / output.std, `difference of layer ${key}`);
    assertShown(rows[i].largest, diff.maxAbs, `largest of layer ${key}`);
    assert.equal(rows[i].cosine, Number(diff.cosine.toFixed(3)), `cosine of layer ${key}`);
  });
}

/** Label and confidence in per cent of a row of logits. */
function prediction({ data, shape: [, classes] }, row, names) {
  const logits = data.subarray(row * classes, (row + 1) * classes);
  const top = Math.max(...logits);
  const sum = logits.reduce((total, logit) => total + Math.exp(logit - top), 0);
  return `${names[logits.indexOf(top)]}${Math.round(100 / sum)} %`;
}

/** What is said of an image in either mode, within an element. */
const guesses = (page, selector) =>
  page.$$eval(selector, (items) =>
    items.map((item) =>
      [...item.querySelectorAll('.guess')].map((guess) =>
        guess.textContent
          .replace(/, (right|wrong)$/, '')
          .replace(/^(eval|train) mode: /, '')
          .replace('\u200a', ' '),
      ),
    ),
  );

const why = (page) => page.$eval('.readout .why', (element) => element.textContent);
const matesText = (page) => page.$eval('.mates .why', (element) => element.textContent);
const draws = async (page) => Number(/^(\d+) draws/.exec(await matesText(page))?.[1] ?? 0);

const untilDraws = (page, least) =>
  page.waitForFunction(
    (count) => Number(/^(\d+) draws/.exec(document.querySelector('.mates .why')?.textContent)?.[1]) >= count,
    { timeout: PATIENCE_MS, polling: 20 },
    least,
  );

/** Mean and standard deviation of each logit over the draws. */
const spreads = (page) =>
  page.$$eval('.strips tbody tr', (rows) =>
    rows.map((row) => [...row.querySelectorAll('td')].slice(1).map((cell) => cell.textContent.split('± ')[1])),
  );

inEachBrowser('train vs eval', ({ open }, test) => {
  test('what is shown of a batch is what the Node API gives for the same network', async () => {
    const page = await open('#view=modes&modesBatch=8');
    await untilStatus(page, READY);
    const node = await inNode(page);
    const { test: images } = node;
    const model = readyModel(node, 'mlp', 'batch', 200);
    const range = Array.from({ length: 8 }, (_, i) => i);
    const evalScore = model.evaluate(images);
    const trainScore = model.evaluate(images, { batchSize: 8, mode: 'train' });
    await untilAccuracies(page, evalScore.accuracy, trainScore.accuracy);

    const { x, labels } = images.batch(range);
    const compared = model.compareModes(x, { labels });
    assertRows(await layerRows(page), compared.layers);
    assert.match(await why(page), /begins at layer 2, the first BatchNorm.* 8 images, 8 values a channel/);
    assert.equal(compared.layers.find(({ diff }) => diff.rms > 0).key, '2');
    assert.equal(
      await (await role(page, 'radio', 'Layer 2, BatchNorm')).evaluate((input) => input.checked),
      true,
      'the layer where it begins is the one looked into',
    );
    const look = await role(page, 'region', 'Layer 2 in both modes');
    assert.deepEqual(
      await look.$$eval('svg[role="img"]', (plots) => plots.map((plot) => plot.getAttribute('aria-label'))),
      [
        'Histogram of the outputs of layer 2 in both modes',
        'Mean of the channels of layer 2, running and of this batch',
        'Standard deviation of the channels of layer 2, running and of this batch',
      ],
    );

    const cards = await guesses(page, '.card');
    for (const i of range) {
      const expected = ['eval', 'train'].map((mode) => prediction(compared.logits[mode], i, images.classNames));
      assert.deepEqual(cards[i], expected, `image ${i}`);
    }
    const marked = await page.$$eval('.card', (items) =>
      items.flatMap((item, i) => (item.textContent.includes('changed') ? [i] : [])),
    );
    assert.deepEqual(marked, compared.changed);

    await choose(page, 'sorted by class');
    const sorted = model.evaluate(images, { batchSize: 8, mode: 'train', sortByClass: true });
    await untilAccuracies(page, evalScore.accuracy, sorted.accuracy);
    assert.ok(sorted.accuracy < trainScore.accuracy - 0.3, 'one class a batch is where train mode fails');
    await page.waitForFunction(() => /are of class T-shirt/.test(document.querySelector('.why').textContent));
    assert.deepEqual(
      [...new Set(await page.$$eval('.card .truth', (all) => all.map((one) => one.textContent)))],
      [images.classNames[0]],
    );
    model.dispose();
  });

  test('an image among other companions: train mode moves, eval mode does not', async () => {
    const page = await open('#view=modes&modesBatch=4');
    await untilStatus(page, READY);
    await untilDraws(page, 8);
    const node = await inNode(page);
    const { test: images } = node;
    const model = readyModel(node, 'mlp', 'batch', 200);
    const sheets = new Set();
    for (let draw = 9; draw <= 11; draw++) {
      await press(page, 'Reshuffle companions');
      await untilDraws(page, draw);
      const sheet = await page.$eval('.companions .picture', (picture) => picture.getAttribute('aria-label'));
      sheets.add(sheet);
      const companions = sheet.match(/\d+/g).map(Number);
      assert.equal(companions.length, 3);
      const { logits } = model.compareModes(images.batch([0, ...companions]).x);
      const expected = ['eval', 'train'].map((mode) => prediction(logits[mode], 0, images.classNames));
      assert.deepEqual((await guesses(page, '.held'))[0], expected);
    }
    assert.equal(sheets.size, 3, 'each draw has companions of its own');
    for (const [evalSpread, trainSpread] of await spreads(page)) {
      assert.equal(evalSpread, '0');
      assert.ok(Number(trainSpread) > 0.05, `a logit in train mode moved by ${trainSpread}`);
    }
    await press(page, 'Keep reshuffling');
    await untilDraws(page, 16);
    await press(page, 'Keep reshuffling');
    assert.match(await matesText(page), /Eval mode gave the same ten logits each time, to the bit/);
    const stopped = await draws(page);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 700)));
    assert.ok((await draws(page)) <= stopped + 1, 'it stops when it is asked to');
    model.dispose();
  });

  test('Recalibrate closes the gap that few steps leave, Undo statistics opens it again, Reset statistics makes one', async () => {
    const page = await open('#view=modes&modesModel=smallcnn&modesSteps=10&modesBatch=64&modesBatches=4');
    await untilStatus(page, READY);
    const node = await inNode(page);
    const { test: images, train } = node;
    const model = readyModel(node, 'smallcnn', 'batch', 10);
    const { x } = images.batch(Array.from({ length: 64 }, (_, i) => i));
    const trainAccuracy = model.evaluate(images, { batchSize: 64, mode: 'train' }).accuracy;
    const before = { eval: model.evaluate(images).accuracy, layers: model.compareModes(x).layers };
    const state = model.stateDict();
    await untilAccuracies(page, before.eval, trainAccuracy);
    assertRows(await layerRows(page), before.layers);

    await press(page, 'Recalibrate');
    await untilStatus(page, /averages over 4 training batches/);
    model.recalibrate(train.slice(0, 256), { batchSize: 64 });
    const after = { eval: model.evaluate(images).accuracy, layers: model.compareModes(x).layers };
    assert.ok(after.eval > before.eval + 0.05, `eval mode from ${before.eval} to ${after.eval}`);
    await untilAccuracies(page, after.eval, trainAccuracy);
    await page.waitForFunction(() => /was/.test(document.querySelector('.gap.heads').textContent));
    const rows = await layerRows(page);
    assertRows(rows, after.layers);
    const was = before.layers.map(({ diff, eval: output }) => (diff.rms === 0 ? 0 : diff.rms / output.std));
    was.forEach((value, i) => {
      assertShown(rows[i].was, value, `former difference of layer ${i}`);
      assert.ok(value === 0 || rows[i].difference < rows[i].was, 'closer than before');
    });

    await press(page, 'Undo statistics');
    await untilStatus(page, /averages collected over 10 training steps/);
    await untilAccuracies(page, before.eval, trainAccuracy);
    await page.waitForFunction(() => !/was/.test(document.querySelector('.gap.heads').textContent));
    assertRows(await layerRows(page), before.layers);

    await press(page, 'Reset statistics');
    await untilStatus(page, /mean 0 and variance 1, as before the first step/);
    for (const [key, value] of Object.entries(state)) {
      if (/running_/.test(key)) value.data.fill(key.endsWith('var') ? 1 : 0);
    }
    model.loadStateDict(state);
    await untilAccuracies(page, model.evaluate(images).accuracy, trainAccuracy);
    model.dispose();
  });

  test('the network from Train is a copy: what is done to it leaves the training as it would be', async () => {
    const page = await open('#model=mlp&norm=batch&batch=16&lr=0.02&seed=3');
    await untilMeasured(page);
    for (let step = 1; step <= 3; step++) {
      await press(page, 'Step');
      await untilStatus(page, new RegExp(`^Paused at step ${step},`));
    }
    await (await role(page, 'tab', 'Train vs eval')).click();
    assert.match(await untilStatus(page, /^From Train/), /Multilayer perceptron with BatchNorm, after 3 steps/);
    const node = await inNode(page);
    const { nl, train, test: images } = node;
    const model = nl.model(presetSpec('mlp', { norm: 'batch', groups: 8, placement: 'before', seed: 3 }));
    const trainer = nl.trainer(model, { optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9, weightDecay: 0 } });
    const run = trainer.start(train, { batchSize: 16, seed: 3 });
    run.steps(3);
    const evaluated = (mode) => model.evaluate(images, { batchSize: 4, mode }).accuracy;
    await untilAccuracies(page, evaluated('eval'), evaluated('train'));
    await press(page, 'Reset statistics');
    await untilStatus(page, /mean 0 and variance 1/);
    await press(page, 'Recalibrate');
    await untilStatus(page, /averages over 16 training batches/);

    await (await role(page, 'tab', 'Train')).click();
    await untilStatus(page, /^Paused at step 3,/);
    for (let step = 4; step <= 5; step++) {
      await press(page, 'Step');
      await untilStatus(page, new RegExp(`^Paused at step ${step},`));
      const [{ loss }] = run.steps(1).steps;
      await untilLoss(page, loss);
    }
    await (await role(page, 'tab', 'Train vs eval')).click();
    await untilStatus(page, /^From Train: .* after 3 steps\. .*averages over 16 training batches/);
    await press(page, 'Take the model as it is now');
    await untilStatus(page, /^From Train: .* after 5 steps\. .*averages collected over 5 training steps/);
    await untilAccuracies(page, evaluated('eval'), evaluated('train'));
    model.dispose();
  });

  test('one image: an error in PyTorch’s words where a channel has one value, both modes where it has many', async () => {
    const page = await open('#view=modes&modesBatch=1');
    await untilStatus(page, READY);
    const message = /Expected more than 1 value per channel when training, got input size \[1, 256\]/;
    assert.match(await untilRegion(page, 'Accuracy, train mode', /Expected/), message);
    await untilRegion(page, 'Accuracy, eval mode', /\d %/);
    assert.match(await regionText(page, 'Layer by layer'), message);
    assert.match(await regionText(page, 'Batch mates'), message);
    assert.match(await why(page), /One value has no variance\. Take 2 or more images/);
    assert.match((await guesses(page, '.card'))[0].join(), /^\D+\d+ %,refused$/);
    await choose(page, 'Small CNN');
    await untilStatus(page, /^Ready-trained: Small CNN/);
    await page.waitForFunction(() => document.querySelectorAll('label.gap').length === 10, { polling: 50 });
    assert.match(await why(page), /1 image, 784 values a channel/);
  });

  test('what normalizes each image by itself has one mode, and the page says why', async () => {
    const page = await open('#view=modes&modesNorm=group&modesBatch=6&modesSteps=20');
    await untilStatus(page, /^Ready-trained: .* with GroupNorm, .* keeps no running statistics/);
    const [evalText, trainText] = [
      await untilRegion(page, 'Accuracy, eval mode', /\d %/),
      await untilRegion(page, 'Accuracy, train mode', /\d %/),
    ];
    assert.equal(/[\d.]+ %/.exec(evalText)[0], /[\d.]+ %/.exec(trainText)[0]);
    for (const row of await layerRows(page)) assert.deepEqual(row, { difference: 0, largest: 0, cosine: 1 });
    assert.match(await why(page), /the same in both modes, to the bit\.\s*GroupNorm takes mean and variance from one/);
    await untilDraws(page, 8);
    for (const both of await spreads(page)) assert.deepEqual(both, ['0', '0']);
    assert.match(await matesText(page), /So did train mode: each image is normalized by itself/);
    const recalibrate = await role(page, 'button', 'Recalibrate');
    assert.equal(await recalibrate.evaluate((button) => button.getAttribute('aria-disabled')), 'true');

    await choose(page, 'InstanceNorm');
    await page.waitForSelector('.trouble[role="alert"]');
    assert.match(
      await page.$eval('.trouble', (alert) => alert.textContent),
      /take the small CNN, the residual network/,
    );
    await choose(page, 'LayerNorm');
    await untilStatus(page, /with LayerNorm/);
    assert.equal(await page.$('.trouble'), null);
  });

  test('an image of one’s own: from a file, inverted, held fixed, drawn; garbage gets an answer', async () => {
    const page = await open('#view=modes&modesBatch=8');
    await untilStatus(page, READY);
    const node = await inNode(page);
    const { test: images } = node;
    const model = readyModel(node, 'mlp', 'batch', 200);
    const folder = await mkdtemp(join(tmpdir(), 'normlab-own-'));
    try {
      const file = await page.waitForSelector('.own input[type="file"]');
      const garbage = join(folder, 'garbage.png');
      await writeFile(garbage, 'no image at all');
      await file.uploadFile(garbage);
      await page.waitForSelector('.own [role="alert"]');
      const alert = await page.$eval('.own [role="alert"]', (element) => element.textContent);
      assert.match(alert, /^garbage\.png is no image that this browser can read\. Take a PNG/);

      // Inverted, so that inverting it again gives the test image.
      const grey = images.images.subarray(9 * 784, 10 * 784).map((value) => 255 - value);
      const picture = join(folder, 'picture.png');
      await writeFile(picture, png(grey));
      await file.uploadFile(picture);
      const answer = 'What the network says of your image';
      await untilRegion(page, answer, /first 7 images of the batch/);
      assert.equal(await page.$('.own [role="alert"]'), null);
      await tick(page, 'Invert the file');
      const { logits } = model.compareModes(images.batch([9, 0, 1, 2, 3, 4, 5, 6]).x);
      const expected = ['eval', 'train'].map((mode) => prediction(logits[mode], 0, images.classNames));
      await untilRegion(page, answer, new RegExp(expected[0].replace(/[/ ]/g, '.')));
      assert.deepEqual((await guesses(page, '.own-answer'))[0], expected);

      await press(page, 'Hold it fixed among batch mates');
      await page.waitForFunction(() => document.querySelector('.held .truth').textContent === 'your image');
      await untilDraws(page, 8);
      assert.ok((await spreads(page)).every(([evalSpread]) => evalSpread === '0'));

      await press(page, 'Clear');
      await page.waitForFunction(() => !document.querySelector('.own-answer'));
      const board = await page.$('.board');
      await board.scrollIntoView();
      const { x, y, width, height } = await board.boundingBox();
      await page.mouse.move(x + 0.3 * width, y + 0.2 * height);
      await page.mouse.down();
      await page.mouse.move(x + 0.3 * width, y + 0.8 * height, { steps: 4 });
      await page.mouse.up();
      await untilRegion(page, answer, /eval mode: .*\d+/);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
    model.dispose();
  });

  test('keyboard alone: batch size, layer, image and buttons', async () => {
    const page = await open('#view=modes&modesBatch=4');
    await untilStatus(page, READY);
    await untilDraws(page, 8);
    const hash = () => page.evaluate(() => location.hash);
    await (await role(page, 'slider', 'Batch size slider')).focus();
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => document.querySelectorAll('.card').length === 6, { polling: 50 });
    assert.match(await hash(), /&modesBatch=6/);
    await (await role(page, 'radio', 'Layer 2, BatchNorm')).focus();
    await page.keyboard.press('ArrowDown');
    await role(page, 'region', 'Layer 3 in both modes');
    assert.match(await hash(), /&modesLayer=3/);
    await page.focus('.card input:checked');
    await page.keyboard.press('ArrowRight');
    await page.waitForFunction(() => /&modesImage=1/.test(location.hash), { polling: 50 });
    await untilDraws(page, 8);
    await (await role(page, 'button', 'Reshuffle companions')).focus();
    await page.keyboard.press('Enter');
    await untilDraws(page, 9);
    await (await role(page, 'button', 'Reset statistics')).focus();
    await page.keyboard.press(' ');
    await untilStatus(page, /mean 0 and variance 1/);
    await type(page, 'Training steps', '3');
    await untilStatus(page, /after 3 steps\..*, of which 73 % is still their first value/);
  });

  test('after the worker has died the network is trained again, to the same figures', async () => {
    const page = await open('#view=modes&modesBatch=8', { beforeLoad: keepWorkers });
    await untilStatus(page, READY);
    const before = await untilRegion(page, 'Accuracy, eval mode', /\d %/);
    await untilRegion(page, 'Accuracy, train mode', /\d %/);
    await page.evaluate(() =>
      globalThis.workers.at(-1).dispatchEvent(new ErrorEvent('error', { message: 'out of luck' })),
    );
    assert.match(await untilStatus(page, /^The engine has stopped/), /out of luck/);
    await press(page, 'Restart engine');
    await page.waitForFunction(() => !document.querySelector('.readout'), { polling: 'mutation' });
    await untilStatus(page, READY);
    assert.equal(await untilRegion(page, 'Accuracy, eval mode', /\d %/), before);
    await untilDraws(page, 8);
  });

  test('axe finds nothing in either theme; a phone needs no sideways scrolling; motion can be refused', async () => {
    const page = await open('#view=modes&modesBatch=1', { width: 360, beforeLoad: refuseMotion });
    await untilStatus(page, READY);
    await page.evaluate(() => {
      for (const details of document.querySelectorAll('details')) details.open = true;
    });
    for (const situation of ['refused', 'recalibrated']) {
      if (situation === 'recalibrated') {
        await type(page, 'Batch size', '32');
        await untilDraws(page, 8);
        await press(page, 'Reshuffle 20 times');
        await untilDraws(page, 28);
        assert.equal(await page.$$eval('button', (all) => all.some((one) => /^Keep/.test(one.textContent))), false);
        await press(page, 'Recalibrate');
        await page.waitForFunction(() => /was/.test(document.querySelector('.gap.heads').textContent));
      }
      const { width, inner, ends } = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        // What is fixed to the window makes the page no wider.
        const keys = [...document.querySelectorAll('.transport .key')];
        return {
          width: scrollWidth,
          inner: clientWidth,
          ends: Math.max(...keys.map((key) => key.getBoundingClientRect().right)),
        };
      });
      assert.equal(width, inner, situation);
      assert.ok(ends <= inner, `a key ends at ${ends}`);
      for (let theme = 0; theme < 2; theme++) {
        assert.deepEqual(await axeViolations(page), [], situation);
        await press(page, 'Dark theme');
      }
    }
  });
});

/** Runs in the page, before its scripts: as if the system asked for no motion. */
function refuseMotion() {
  const ask = globalThis.matchMedia.bind(globalThis);
  globalThis.matchMedia = (query) => ask(query.includes('prefers-reduced-motion: reduce') ? 'all' : query);
}

/** 28 × 28 grey values as a PNG file. */
function png(grey) {
  const rows = Buffer.alloc(28 * 29);
  for (let row = 0; row < 28; row++) rows.set(grey.subarray(28 * row, 28 * row + 28), 29 * row + 1);
  const header = Buffer.from([0, 0, 0, 28, 0, 0, 0, 28, 8, 0, 0, 0, 0]);
  const chunk = (name, data) => {
    const body = Buffer.concat([Buffer.from(name), data]);
    const frame = Buffer.alloc(body.length + 8);
    frame.writeUInt32BE(data.length);
    body.copy(frame, 4);
    frame.writeUInt32BE(crc32(body) >>> 0, body.length + 4);
    return frame;
  };
  const signature = Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]);
  return Buffer.concat([
    signature,
    chunk('IHDR', header),
    chunk('IDAT', deflateSync(rows)),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}
