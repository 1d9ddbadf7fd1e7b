import assert from 'node:assert/strict';
import { before } from 'node:test';
import { fileURLToPath } from 'node:url';
import { createEngine } from 'normlab';
import { runnerImport } from 'vite';
import { axeViolations, choose, inEachBrowser, press, regionText, role, status, type } from './harness.js';

const INPUT = { source: 'drawn', mean: 1, scale: 1, spread: 1, alike: 0, outlier: 0, drift: 0, seed: 1 };
const NORMS = { batch: 'BatchNorm', layer: 'LayerNorm', group: 'GroupNorm', instance: 'InstanceNorm', rms: 'RMSNorm' };

/** Which cells share statistics with those of channel c of image n, from the definition of each layer. */
const SHARES = {
  batch:
    ([, c]) =>
    (_, channel) =>
      channel === c,
  layer:
    ([n]) =>
    (image) =>
      image === n,
  rms:
    ([n]) =>
    (image) =>
      image === n,
  group:
    ([n, c], size) =>
    (image, channel) =>
      image === n && Math.floor(channel / size) === Math.floor(c / size),
  instance:
    ([n, c]) =>
    (image, channel) =>
      image === n && channel === c,
};

const number = (text) => Number(text.replaceAll('−', '-').replaceAll(',', ''));

function close(actual, expected, digits, what) {
  const room = 10 ** -digits * Math.max(1e-12, Math.abs(expected)) + 1e-7;
  assert.ok(Math.abs(actual - expected) <= room, `${what}: ${actual} is not ${expected}`);
}

/** The sentence on the cell that is looked at, in parts. */
function parts(sentence) {
  const match = /^Cell n (\d+), c (\d+), h (\d+), w (\d+): x = (\S+?)(?:, y = (\S+?))?\. (.*)$/.exec(sentence);
  assert.ok(match, sentence);
  return { cell: match.slice(1, 5).map(Number), x: number(match[5]), y: match[6] && number(match[6]), rest: match[7] };
}

const shownSentence = (page) => page.$eval('.sharing p:last-child', (element) => element.textContent);

async function untilSentence(page, start) {
  await page.waitForFunction(
    (text) => document.querySelector('.sharing p:last-child')?.textContent.startsWith(text),
    { polling: 50 },
    start,
  );
  return parts(await shownSentence(page));
}

/** Waits until what is said to screen readers has caught up with what is shown. */
async function untilSaid(page) {
  await page.waitForFunction(
    () =>
      document.querySelector('[role="status"]').textContent ===
      document.querySelector('.sharing p:last-child').textContent,
    { polling: 50 },
  );
  return status(page);
}

/** A table's rows by their titles. */
async function table(page, label) {
  const region = await page.waitForSelector(`section[aria-label="${label}"]`);
  const rows = await region.$$eval('tbody tr', (lines) =>
    lines.map((line) => [...line.children].map((cell) => cell.textContent)),
  );
  return Object.fromEntries(rows.map(([title, ...cells]) => [title, cells.map(number)]));
}

inEachBrowser('the lens', ({ open, browserName }, test) => {
  let lens;
  let variances;
  let cells;
  let nl;
  before(async () => {
    const load = async (path) =>
      (await runnerImport(fileURLToPath(new URL(`../../web/src/${path}`, import.meta.url)))).module;
    [lens, variances, cells, nl] = [
      await load('worker/lens-input.ts'),
      await load('worker/variances.ts'),
      await load('app/views/lens/cells.ts'),
      await createEngine(),
    ];
  });

  /** The layer and its output in Node. */
  function inNode({
    norm,
    shape,
    groups = 2,
    eps = 1e-5,
    gamma = 1,
    beta = 0,
    ramp = false,
    x,
    dy,
    mode = 'train',
    kept,
  }) {
    const [, C, H, W] = shape;
    const layer = {
      batch: () => nl.batchNorm2d(C, { eps }),
      layer: () => nl.layerNorm([C, H, W], { eps }),
      group: () => nl.groupNorm(groups, C, { eps }),
      instance: () => nl.instanceNorm2d(C, { eps, affine: true }),
      rms: () => nl.rmsNorm([C, H, W], { eps }),
    }[norm]();
    const state = { ...layer.stateDict(), ...kept };
    const rise = (c) => (ramp ? (2 * c) / (C - 1) - 1 : 0);
    const fill = (entry, value) => {
      for (let i = 0; i < (entry?.data.length ?? 0); i++)
        entry.data[i] = value(Math.floor((i * C) / entry.data.length));
    };
    fill(state.weight, (c) => gamma * (1 + rise(c) / 2));
    fill(state.bias, (c) => beta + rise(c));
    layer.loadStateDict(state);
    layer.train(mode === 'train');
    const y = layer.forward({ data: x, shape }).data;
    const { mean, invstd } = layer.savedStats();
    return { y, mean, invstd, back: dy && layer.backward({ data: dy, shape }) };
  }

  test('cells, statistics, formula and gradients are those of the API in Node, for each layer', async () => {
    const settings = {
      lensN: 3,
      lensH: 2,
      lensOutlier: 10,
      lensAlike: 0.5,
      lensGamma: 1.5,
      lensBeta: -0.5,
      lensEps: 0.01,
    };
    const page = await open(`#view=lens&lensCell=1,4,1,2&lensRamp=1&${new URLSearchParams(settings)}`);
    for (const norm of Object.keys(NORMS)) {
      await choose(page, NORMS[norm]);
      await page.waitForSelector(`.lens-tensors[data-norm="${norm}"]`);
      const shape = [3, 6, 2, 4];
      const cell = [1, 4, 1, 2];
      const found = await untilSentence(page, 'Cell n 1, c 4, h 1, w 2:');
      const input = { ...INPUT, shape, outlier: 10, alike: 0.5 };
      const x = lens.drawBatch(input, 0);
      const draw = lens.normals(1, -2);
      const dy = Float32Array.from(x, draw);
      const spec = { norm, shape, eps: 0.01, gamma: 1.5, beta: -0.5, ramp: true, x, dy };
      const { y, mean, invstd, back } = inNode(spec);

      const at = lens.indexOf(shape, cell);
      close(found.x, x[at], 4, 'x');
      close(found.y, y[at], 4, 'y');

      const lit = SHARES[norm](cell, 3);
      const isLit = (i) => lit(Math.floor(i / 48), Math.floor(i / 8) % 6);
      const shared = [...x.keys()].filter(isLit);
      assert.equal(await page.$eval('.m output', (element) => Number(element.textContent)), shared.length);
      assert.match(found.rest, new RegExp(`^m = ${shared.length} cells share its (mean|root mean square)`));

      // The formula's own numbers come to what is shown.
      const numbers = await page.$$eval('[aria-label="The formula in numbers"] .formula', (formulas) =>
        formulas.map((formula) =>
          [...formula.querySelectorAll('mn')].map((digits) => {
            const sign = digits.previousElementSibling?.getAttribute('form') === 'prefix' ? -1 : 1;
            return sign * Number(digits.textContent);
          }),
        ),
      );
      const [, given, [normalized], , , [result]] = numbers;
      const [value, mu, variance, eps] = norm === 'rms' ? [given[0], 0, ...given.slice(1)] : given;
      assert.equal(eps, 0.01);
      close((value - mu) / Math.sqrt(variance + eps), normalized, 3, 'the normalized value');
      close(result, y[at], 3, 'the result');
      const average = norm === 'rms' ? 0 : shared.reduce((sum, i) => sum + x[i], 0) / shared.length;
      const moment = shared.reduce((sum, i) => sum + (x[i] - average) ** 2, 0) / shared.length;
      close(mu, average, 3, 'the mean');
      close(variance, moment, 4, 'the variance');

      // Statistics and sums of each set of cells.
      const sums = Object.values(await table(page, `Statistics and sums of each set of ${shared.length} cells`));
      assert.equal(sums.length, mean.length);
      sums.forEach(([shownMean, shownVar], k) => {
        close(shownMean, mean[k], 4, `mean ${k}`);
        close(shownVar, 1 / invstd[k] ** 2 - eps, 4, `variance ${k}`);
      });
      const here = sums[norm === 'batch' ? 4 : norm === 'group' ? 3 : norm === 'instance' ? 10 : 1];
      const dx = back.input.data;
      const total = shared.reduce((sum, i) => sum + dx[i], 0);
      const size = shared.reduce((sum, i) => sum + Math.abs(dx[i]), 0);
      close(here[4], size, 2, 'Σ|dx|');
      if (norm === 'rms') close(here[2], total, 2, 'Σdx');
      else assert.ok(Math.abs(here[2]) < 1e-5 * size, `Σdx is ${here[2]}`);
      const along = shared.reduce((sum, i) => sum + (dx[i] * (x[i] - average)) / Math.sqrt(moment + eps), 0);
      assert.ok(Math.abs(here[3] - along) < 0.01 * Math.abs(along) + 1e-5, `Σdx·x̂ is ${here[3]}, not ${along}`);
      assert.ok(Math.abs(here[3]) < 0.02 * size, 'what ε leaves is small');

      const gradients = await table(page, 'Gradients of weight and bias');
      const ofChannel = ({ data }, c) =>
        data.filter((_, i) => Math.floor((i * 6) / data.length) === c).reduce((sum, one) => sum + one, 0);
      for (let c = 0; c < 6; c++) {
        close(gradients[c][1], ofChannel(back.weight, c), 3, `dγ ${c}`);
        if (back.bias) close(gradients[c][3], ofChannel(back.bias, c), 3, `dβ ${c}`);
      }

      const channels = await table(page, 'Mean and standard deviation of each channel');
      for (const [values, column] of [
        [x, 0],
        [y, 2],
      ]) {
        for (let c = 0; c < 6; c++) {
          const [shownMean, shownStd] = channels[c].slice(column);
          const own = [...values].filter((_, i) => Math.floor(i / 8) % 6 === c);
          const [m, v] = lens.moments(own);
          assert.ok(Math.abs(shownMean - m) < 1e-4 && Math.abs(shownStd - Math.sqrt(v)) < 1e-3, `channel ${c}`);
        }
      }
      assert.deepEqual(await litSlices(page, shape), allSlices(shape, lit));
    }
  });

  /** Which slices of the drawn input have the frame of those that are lit. */
  async function litSlices(page, shape) {
    const layout = await page.$eval('.tensor canvas', (canvas) => [
      canvas.clientWidth,
      canvas.parentElement.clientWidth,
    ]);
    const { size, gap } = cells.layoutOf(shape, layout[1]);
    return page.$eval(
      '.tensor canvas',
      (canvas, [N, C, H, W], cellSize, between) => {
        const hex = getComputedStyle(canvas).getPropertyValue('--norm').trim();
        const colour = [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16));
        const pen = canvas.getContext('2d');
        const ratio = devicePixelRatio;
        const found = [];
        for (let n = 0; n < N; n++) {
          for (let c = 0; c < C; c++) {
            const left = 19 + c * (W * cellSize + between);
            const top = 17 + n * (H * cellSize + between) + (H * cellSize) / 2 - 3;
            const pixel = pen.getImageData(Math.round((left - 1) * ratio), Math.round(top * ratio), 1, 1).data;
            if (colour.every((part, i) => Math.abs(part - pixel[i]) < 8)) found.push(`${n} ${c}`);
          }
        }
        return found;
      },
      shape,
      size,
      gap,
    );
  }

  const allSlices = ([N, C], lit) =>
    Array.from({ length: N * C }, (_, i) => [Math.floor(i / C), i % C])
      .filter(([n, c]) => lit(n, c))
      .map((pair) => pair.join(' '));

  test('a cell is found by keyboard, pointer and link, and its m is said', async () => {
    const page = await open('#view=lens&lensNorm=group');
    await untilSentence(page, 'Cell n 0, c 0, h 1, w 1:');
    const box = await page.waitForSelector('[role="application"]');
    assert.equal(await box.evaluate((element) => element.querySelectorAll('[tabindex], button, input, a').length), 0);
    await box.focus();
    const walk = async (keys, cell) => {
      for (const key of keys.split(' ')) {
        const [last, shift] = key.split('+').reverse();
        if (shift) await page.keyboard.down('Shift');
        await page.keyboard.press(last);
        if (shift) await page.keyboard.up('Shift');
      }
      const [n, c, h, w] = cell;
      return untilSentence(page, `Cell n ${n}, c ${c}, h ${h}, w ${w}:`);
    };
    await walk('ArrowRight ArrowRight ArrowRight', [0, 1, 1, 0]);
    await walk('ArrowUp ArrowLeft', [0, 0, 0, 3]);
    await walk('PageDown Shift+ArrowRight', [1, 1, 0, 3]);
    await walk('Shift+ArrowDown ArrowUp', [1, 1, 3, 3]);
    const { rest } = await walk('End', [1, 5, 3, 3]);
    assert.equal(rest, 'm = 48 cells share its mean and variance: channels 3 to 5 of image 1, 4 × 4 positions.');
    assert.match(await untilSaid(page), /m = 48 cells share/);
    await page.waitForFunction(() => /lensCell=1,5,3,3/.test(location.hash), { polling: 50 });

    // The pointer shows another cell for as long as it is there, and takes it with a click.
    const canvas = await page.$('.tensor canvas');
    const place = await canvas.boundingBox();
    const { size } = cells.layoutOf([4, 6, 4, 4], await canvas.evaluate((one) => one.parentElement.clientWidth));
    const over = (across, down) => page.mouse.move(place.x + 19 + across * size, place.y + 17 + down * size);
    await over(2.5, 0.5);
    await untilSentence(page, 'Cell n 0, c 0, h 0, w 2:');
    assert.match(await status(page), /^Cell n 1, c 5/);
    await page.mouse.move(2, 2);
    await untilSentence(page, 'Cell n 1, c 5, h 3, w 3:');
    await over(0.5, 3.5);
    await page.mouse.down();
    await page.mouse.up();
    await page.mouse.move(2, 2);
    await untilSentence(page, 'Cell n 0, c 0, h 3, w 0:');
    // Headless Firefox makes no clicks of touches.
    if (browserName === 'chromium') {
      await page.touchscreen.tap(place.x + 19 + 1.5 * size, place.y + 17 + 2.5 * size);
      await untilSentence(page, 'Cell n 0, c 0, h 2, w 1:');
    }
    await page.evaluate(() => {
      location.hash = '#view=lens&lensNorm=group&lensCell=3,2,1,0';
    });
    await untilSentence(page, 'Cell n 3, c 2, h 1, w 0:');
    // A cell that a smaller tensor does not have gives way to the nearest.
    await type(page, 'N', '2');
    await untilSentence(page, 'Cell n 1, c 2, h 1, w 0:');
  });

  test('batches that stream move the running statistics as in Node, and eval mode uses them', async () => {
    const page = await open('#view=lens&lensDrift=0.2&lensAlike=0.6&lensCell=2,3,0,0');
    await untilSentence(page, 'Cell n 2, c 3');
    const shape = [4, 6, 4, 4];
    const input = { ...INPUT, shape, drift: 0.2, alike: 0.6 };
    const compare = async (count, momentum, runningVar = 'unbiased') => {
      const running = await table(page, `Running statistics of channel 3 after ${count} batches`);
      const layer = nl.batchNorm2d(6, { momentum, runningVar });
      let own;
      for (let k = 0; k < count; k++) {
        layer.forward({ data: lens.drawBatch(input, k), shape });
        own = layer.savedStats();
      }
      const { running_mean, running_var } = layer.stateDict();
      close(running.mean[1], running_mean.data[3], 4, 'running mean');
      close(running.variance[1], running_var.data[3], 4, 'running variance');
      if (own) close(running.mean[0], own.mean[3], 4, "the batch's mean");
      if (own) close(running.variance[0], 1 / own.invstd[3] ** 2 - 1e-5, 4, "the batch's variance");
      const x = lens.drawBatch(input, count);
      const train = inNode({ norm: 'batch', shape, x }).y;
      const kept = { running_mean, running_var };
      const evaluated = inNode({ norm: 'batch', shape, x, mode: 'eval', kept }).y;
      const difference = train.reduce((most, value, i) => Math.max(most, Math.abs(value - evaluated[i])), 0);
      const shown = await regionText(page, 'Greatest difference between the modes');
      close(number(/eval\|([\d.e−]+)/.exec(shown)[1]), difference, 2, 'max |train − eval|');
      return evaluated;
    };
    await compare(0, 0.1);
    for (let i = 0; i < 3; i++) await press(page, 'Next batch');
    await role(page, 'region', 'Running statistics of channel 3 after 3 batches');
    await compare(3, 0.1);
    await press(page, 'Stream');
    const field = await role(page, 'spinbutton', 'Batches seen');
    await page.waitForFunction((input) => Number(input.value) >= 6, { polling: 50 }, field);
    await press(page, 'Stop');
    const seen = await field.evaluate((input) => Number(input.value));
    await role(page, 'region', `Running statistics of channel 3 after ${seen} batches`);
    await compare(seen, 0.1);

    await choose(page, 'Keras');
    const momentum = await role(page, 'spinbutton', 'Momentum');
    assert.equal(await momentum.evaluate((input) => input.value), '0.9');
    await type(page, 'Momentum', '0.7');
    await choose(page, 'PyTorch');
    assert.equal(await momentum.evaluate((input) => input.value), '0.3');
    assert.match(await page.evaluate(() => location.hash), /lensMomentum=0\.3/);
    await choose(page, 'm');
    await page.waitForFunction(() => /lensRunningVar=biased/.test(location.hash), { polling: 50 });
    await choose(page, 'eval');
    const { rest } = await untilSentence(page, 'Cell n 2, c 3');
    assert.match(rest, /running mean and variance|share its mean/);
    await page.waitForFunction(
      () => /running mean and variance/.test(document.querySelector('.sharing p:last-child').textContent),
      { polling: 50 },
    );
    const evaluated = await compare(seen, 0.3, 'biased');
    const { y } = parts(await shownSentence(page));
    close(y, evaluated[lens.indexOf(shape, [2, 3, 0, 0])], 4, 'y in eval mode');
    await press(page, 'Start over');
    await role(page, 'region', 'Running statistics of channel 3 after 0 batches');
    assert.equal(await field.evaluate((input) => input.value), '0');
  });

  test('one value per statistic is refused in the words of PyTorch, with a way on', async () => {
    const page = await open('#view=lens&lensN=1&lensH=1&lensW=1');
    const refused = (pattern) =>
      page.waitForFunction(
        (source) => new RegExp(source).test(document.querySelector('.lens [role="alert"]')?.textContent),
        { polling: 50 },
        pattern.source,
      );
    await refused(
      /^Expected more than 1 value per channel when training, got input size \[1, 6, 1, 1\]\. One value has no variance\. Take a larger N/,
    );
    await choose(page, 'eval');
    await page.waitForFunction(() => !document.querySelector('.lens [role="alert"]'), { polling: 50 });
    const { y } = parts(await shownSentence(page));
    assert.ok(Number.isFinite(y));
    await choose(page, 'GroupNorm');
    await type(page, 'Groups of channels', '4');
    await refused(/num_channels must be divisible by num_groups.*6 channels can be split into 1, 2, 3 or 6 groups/);
    await type(page, 'Groups of channels', '3');
    await page.waitForFunction(() => !document.querySelector('.lens [role="alert"]'), { polling: 50 });
    assert.match(await shownSentence(page), /m = 2 cells share/);
  });

  test('the variance in three ways, beside that of the engine', async () => {
    const page = await open('#view=lens&lensFar=1000000');
    for (const mean of [1e6, 1]) {
      await type(page, 'Mean of the data', String(mean));
      const values = variances.farValues(mean, 4096, 1);
      const exact = variances.variance64(values);
      await page.waitForFunction(
        (text) => document.querySelector('.variances tbody tr:last-child td')?.textContent === text,
        { polling: 50 },
        exact.toPrecision(6),
      );
      const shown = await table(page, 'Variance of 4,096 values');
      const expected = variances.variances32(values);
      close(shown['naive: E[x²] − E[x]²'][0], expected.naive, 4, 'naive');
      close(shown['two passes'][0], expected.twoPass, 4, 'two passes');
      close(shown.Welford[0], expected.welford, 4, 'Welford');
      const layer = nl.batchNorm1d(1, { eps: 1e-12 });
      layer.forward({ data: values, shape: [4096, 1] });
      const engine = 1 / layer.savedStats().invstd[0] ** 2 - 1e-12;
      close(shown['this engine'][0], engine, 4, 'engine');
      assert.ok(shown['this engine'][1] < 1e-9, 'the engine is exact');
      const error = Math.abs(expected.naive - exact) / exact;
      close(shown['naive: E[x²] − E[x]²'][1], error, 1, 'error of the naive way');
      assert.ok(mean === 1 ? error < 1e-4 : error > 100, `the naive variance is off by ${error}`);
    }
  });

  test('real images go through the convolution that Node makes of the same seed', async () => {
    const page = await open('#view=lens&lensSource=images&lensCell=1,2,3,0&lensSeed=7&lensAt=1');
    const found = await untilSentence(page, 'Cell n 1, c 2, h 3, w 0:');
    const { test: images } = await nl.loadDataset('fashion-mnist');
    const layers = [{ type: 'conv2d', outChannels: 6, kernelSize: 3, padding: 1, bias: false }];
    const model = nl.model({ input: [1, 28, 28], seed: 7, layers });
    const out = model.forward(images.batch([4, 5, 6, 7]).x);
    // The window of rows 21 to 27 and columns 0 to 6, of image 1 and channel 2.
    let sum = 0;
    for (let r = 21; r < 28; r++) for (let c = 0; c < 7; c++) sum += out.data[((1 * 6 + 2) * 28 + r) * 28 + c];
    close(found.x, 1 + sum / 49, 4, 'x');
  });

  test('axe finds nothing in either theme, and nothing sticks out at 360 pixels', async () => {
    for (const hash of [
      '#view=lens&lensAt=3',
      '#view=lens&lensN=1&lensH=1&lensW=1&lensNorm=rms',
      '#view=lens&lensN=1&lensH=1&lensW=1',
    ]) {
      const page = await open(hash, { width: 360, height: 740 });
      await page.evaluate(() => {
        for (const details of document.querySelectorAll('details')) details.open = true;
      });
      await untilSentence(page, 'Cell');
      await role(page, 'region', 'Variance of 4,096 values');
      const excess = await page.evaluate(() => {
        const { scrollWidth, clientWidth } = document.documentElement;
        return scrollWidth - clientWidth;
      });
      assert.equal(excess, 0);
      for (let i = 0; i < 2; i++) {
        assert.deepEqual(await axeViolations(page), [], hash);
        await press(page, 'Dark theme');
      }
    }
  });
});
