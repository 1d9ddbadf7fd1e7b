import assert from 'node:assert/strict';
import { createEngine } from 'normlab';
import {
  axeViolations,
  choose,
  inEachBrowser,
  keepFiles,
  keepWorkers,
  press,
  role,
  status,
  tick,
  type,
  untilStatus,
} from './harness.js';

/** Eight runs of a few hundred steps at most. */
const SMALL =
  '#view=batches&sweepNorms=batch,group&sweepBatches=2,64&sweepSeeds=2&sweepImages=1000&sweepEpochs=1&sweepModel=mlp';
/** Sixteen that take long enough to be interrupted. */
const LONGER = SMALL.replace('sweepSeeds=2', 'sweepSeeds=4').replace('sweepImages=1000', 'sweepImages=4000');
const PLAN = { model: 'mlp', norms: ['batch', 'group'], batchSizes: [2, 64], seeds: [0, 1], epochs: 1, limit: 1000 };

const LABELS = { batch: 'BatchNorm', group: 'GroupNorm' };

const hash = (page) => page.evaluate(() => location.hash);

inEachBrowser('small batches', ({ open }, test) => {
  test('a sweep comes to what it comes to in Node; chart, table and files say the same', async () => {
    const page = await open(SMALL, { beforeLoad: keepFiles });
    assert.match(
      await untilStatus(page, /^Ready/),
      /^Ready: 8 runs of one epoch on 1,000 images, Multilayer perceptron/,
    );
    await press(page, 'Run');
    assert.equal(await untilStatus(page, /^Done/), 'Done: 8 runs finished.');

    const { settings, variant, runs } = JSON.parse(await savedText(page, 'JSON'));
    assert.deepEqual(settings, PLAN);
    const node = await sweepInNode(variant, PLAN);
    assert.deepEqual(runs.map(figures), node.map(figures));
    for (const { history } of runs) assert.equal(history.epochs.length, 1);

    const [head, ...lines] = (await savedText(page, 'CSV')).trimEnd().split('\r\n');
    assert.equal(head, 'norm,batchSize,seed,lr,testError,testErrorTrainMode,seconds,error');
    assert.deepEqual(
      lines.map((line) => line.split(',').slice(0, 6)),
      node.map((run) => Object.values(figures(run)).map(String)),
    );

    const cells = await table(page, 'Figures of the sweep');
    assert.deepEqual(cells['batch size'], ['2', '64']);
    for (const norm of PLAN.norms) {
      for (const [mode, key] of [
        ['eval', 'testError'],
        ['train', 'testErrorTrainMode'],
      ]) {
        const expected = PLAN.batchSizes.map((size) => {
          const [a, b] = node.filter((run) => run.norm === norm && run.batchSize === size).map((run) => run[key]);
          const ends = `${percent(Math.min(a, b))}–${percent(Math.max(a, b))}`;
          return `${percent((a + b) / 2)}${a === b ? '' : ` ${ends}`}`;
        });
        assert.deepEqual(cells[`${LABELS[norm]}, ${mode}`], expected);
      }
    }
    // One value of the pair of two is about +1, the other about −1: what Wu and He saw at 2 images a GPU.
    const errorAt = (norm, size) => Number.parseFloat(cells[`${LABELS[norm]}, train`][PLAN.batchSizes.indexOf(size)]);
    assert.ok(errorAt('batch', 2) > errorAt('group', 2) + 5);
    assert.ok(errorAt('batch', 2) > errorAt('batch', 64) + 5);

    // Under the pointer at the left end of the axis the legend has the figures of the smallest batches.
    const over = await page.$('.chart canvas');
    const { x, y, height } = await over.boundingBox();
    await page.mouse.move(x + 4, y + height / 2);
    const legend = await legendOf(page);
    assert.deepEqual(
      legend.map(({ label, value }) => `${label} ${value}`),
      ['batch', 'group'].flatMap((norm) =>
        ['eval', 'train'].map(
          (mode) => `${LABELS[norm]}, ${mode} mode ${cells[`${LABELS[norm]}, ${mode}`][0].split(' ')[0]} %`,
        ),
      ),
    );
    assert.deepEqual(
      legend.map(({ stroke, dashed }) => `${stroke} ${dashed}`),
      ['var(--batch) false', 'var(--batch) true', 'var(--group) false', 'var(--group) true'],
    );
  });

  test('what was cancelled keeps its finished runs, and Resume makes the others alone', async () => {
    const page = await open(LONGER, { beforeLoad: keepFiles });
    await press(page, 'Run');
    await untilStatus(page, /^Running: [1-9]\d* of 16 runs finished/);
    await press(page, 'Cancel');
    const sentence = await untilStatus(page, /^Cancelled/);
    const kept = Number(/^Cancelled: (\d+) of 16 runs finished and kept\. Resume makes the rest\.$/.exec(sentence)[1]);
    const before = JSON.parse(await savedText(page, 'JSON')).runs;
    assert.equal(before.length, kept);
    assert.ok(kept >= 1 && kept < 16, `${kept} runs`);
    await press(page, 'Resume');
    assert.equal(await untilStatus(page, /^Done/), 'Done: 16 runs finished.');
    const { runs } = JSON.parse(await savedText(page, 'JSON'));
    assert.equal(runs.length, 16);
    // The seconds that a run took are those of one making of it.
    for (const run of before) assert.ok(runs.some((other) => JSON.stringify(other) === JSON.stringify(run)));
  });

  test('a run that fails is said where it failed, and the others go on', async () => {
    const page = await open(SMALL.replace('Images=1000', 'Images=1001'), { beforeLoad: keepFiles });
    await press(page, 'Run');
    assert.equal(await untilStatus(page, /^Done/), 'Done: 8 runs finished, 2 of them failed.');
    const failures = await role(page, 'region', 'Failed runs');
    const said = await failures.evaluate((element) => element.textContent);
    assert.match(said, /BatchNorm at batch size 2 \(2 runs\): Expected more than 1 value .* 1001 = 500 × 2 \+ 1/);
    assert.doesNotMatch(said, /64|GroupNorm/);
    const cells = await table(page, 'Figures of the sweep');
    assert.equal(cells['BatchNorm, eval'][0], 'failed');
    assert.match(cells['BatchNorm, eval'][1], /^\d/);
    assert.match(cells['GroupNorm, eval'][0], /^\d/);
    assert.match(await savedText(page, 'CSV'), /^batch,2,0,[\d.e-]+,,,[\d.]+,"?[^\r\n]*Expected more than 1 value/m);
  });

  test('m is said for each batch size, and whether BatchNorm fails by it', async () => {
    const page = await open('#view=batches&sweepBatches=2,16');
    await untilStatus(page, /^Ready/);
    const why = () => page.$eval('[aria-labelledby="values-title"] .note', (element) => element.textContent);
    // H · W of the outputs that are normalized, times the images: 1; 14², 7², 4², 2², 1; 28², 14².
    for (const [title, least, most, sentence] of [
      ['Multilayer perceptron', 1, 1, /^BatchNorm fails at small m: at batch size 2 it has only 2 values/],
      ['Deep CNN', 1, 196, /^BatchNorm fails at small m/],
      ['Small CNN', 196, 784, /^BatchNorm does not fail here: even at batch size 2 .* 392 values or more/],
    ]) {
      await choose(page, title);
      await page.waitForFunction(
        (text) => document.querySelector('[role="status"]').textContent.includes(text),
        {},
        title,
      );
      const cells = await table(page, 'Values per statistic');
      const counts = (perImage) => [2, 16].map((size) => new Intl.NumberFormat('en').format(perImage * size));
      assert.deepEqual(cells['smallest m'], counts(least));
      assert.deepEqual(cells['largest m'], counts(most));
      assert.match(await why(), sentence);
    }
  });

  test('the settings are in the hash, and a sweep under way goes on with what they now ask for', async () => {
    const page = await open(SMALL.replace('sweepSeeds=2', 'sweepSeeds=1').replace('Images=1000', 'Images=8000'));
    await untilStatus(page, /^Ready: 4 runs/);
    await press(page, 'Run');
    await untilStatus(page, /^Running: .* left\.$/);
    await tick(page, 'RMSNorm');
    assert.match(await hash(page), /&sweepNorms=batch,group,rms&sweepBatches=2,64&/);
    assert.match(await untilStatus(page, /^Normalizations changed to/), /BatchNorm, GroupNorm, RMSNorm\. Running/);
    await untilStatus(page, /^Done: 6 runs finished/);
    await tick(page, 'GroupNorm');
    assert.equal(await untilStatus(page, /^Done: 4/), 'Done: 4 runs finished.');
    await tick(page, 'GroupNorm');
    assert.equal(await untilStatus(page, /^Done: 6/), 'Done: 6 runs finished.');
    await type(page, 'Epochs', '2');
    assert.match(await untilStatus(page, /^Ready/), /^Ready: 6 runs of 2 epochs/);
    await type(page, 'Training images', '20');
    const field = await role(page, 'spinbutton', 'Training images');
    assert.equal(await field.evaluate((input) => input.value), '1000');
    await tick(page, '2');
    await tick(page, '64');
    const last = await role(page, 'checkbox', '64');
    assert.equal(await last.evaluate((input) => input.checked), true, 'the last one stays');
    assert.match(await hash(page), /&sweepBatches=64&/);
  });

  test('nonsense in the hash is brought into range and said', async () => {
    const page = await open('#view=batches&sweepNorms=group,moon,batch&sweepBatches=3&sweepSeeds=9&sweepModel=resnet');
    await untilStatus(page, /^Ready: 24 runs of 2 epochs on 3,000 images, Multilayer perceptron/);
    assert.match(await hash(page), /&sweepNorms=batch,group$/);
    const notes = await (await role(page, 'region', 'Notes on this link')).evaluate((element) => element.textContent);
    for (const text of ['Normalizations "moon"', 'Batch sizes "3"', 'Seeds "9"', 'Network "resnet"']) {
      assert.ok(notes.includes(text), `${text} is missing in: ${notes}`);
    }
  });

  test('the published figures stand beside ours when asked for, marked as theirs', async () => {
    const page = await open(SMALL);
    await untilStatus(page, /^Ready/);
    const theirs = async () => (await legendOf(page)).filter(({ label }) => label.includes('published'));
    assert.deepEqual(await theirs(), []);
    await tick(page, 'Published figures');
    assert.match(await hash(page), /&sweepPaper=1$/);
    assert.deepEqual(
      (await theirs()).map(({ label }) => label),
      ['BatchNorm, published', 'GroupNorm, published'],
    );
    const { x, y, height } = await (await page.$('.chart canvas')).boundingBox();
    await page.mouse.move(x + 4, y + height / 2);
    // The legend is drawn with the next frame.
    await page.waitForFunction(() => document.body.textContent.includes('34.7 %'), { polling: 50 });
    assert.deepEqual(
      (await theirs()).map(({ value }) => value),
      ['34.7 %', '24.1 %'],
    );
  });

  test('the chart is saved as an image, in the size that it has', async () => {
    const page = await open(`${SMALL}&sweepPaper=1`, { beforeLoad: keepFiles });
    await press(page, 'Run');
    await untilStatus(page, /^Done/);
    await press(page, 'Save PNG');
    await page.waitForFunction(() => globalThis.files.length > 0);
    const image = await page.evaluate(async () => {
      const { type: kind, size } = globalThis.files[0];
      const { width, height } = await createImageBitmap(globalThis.files[0]);
      return { kind, size, width, height };
    });
    const plot = await page.$eval('.chart canvas', ({ width, height }) => ({ width, height }));
    assert.equal(image.kind, 'image/png');
    assert.ok(image.width > plot.width && image.height > plot.height);
  });

  test('a sweep goes on when the worker that trains has died, and is resumed when one of its own has', async () => {
    const page = await open(LONGER, { beforeLoad: keepWorkers });
    const kill = (at) =>
      page.evaluate(
        (index) => globalThis.workers[index].dispatchEvent(new ErrorEvent('error', { message: 'out of luck' })),
        at,
      );
    await press(page, 'Run');
    await untilStatus(page, /^Running: [1-9]\d* of 16 runs/);
    await kill(0);
    await role(page, 'button', 'Restart engine');
    assert.match(await status(page), /^Running/);
    await press(page, 'Restart engine');
    await kill(1);
    await untilStatus(page, /^Stopped: out of luck\.? [1-9]\d* of 16 runs finished/);
    await press(page, 'Resume');
    assert.equal(await untilStatus(page, /^Done/), 'Done: 16 runs finished.');
  });

  test('axe finds nothing, in either theme', async () => {
    const page = await open(SMALL.replace('Images=1000', 'Images=1001'));
    for (const situation of ['ready', 'done']) {
      if (situation === 'done') {
        await press(page, 'Run');
        await untilStatus(page, /^Done/);
      }
      for (let i = 0; i < 2; i++) {
        const theme = await page.evaluate(() => document.documentElement.dataset.theme);
        assert.deepEqual(await axeViolations(page), [], `${theme}, ${situation}`);
        await press(page, 'Dark theme');
      }
    }
  });

  test('nothing sticks out at 360 pixels', async () => {
    const page = await open(SMALL.replace('Images=1000', 'Images=1001'), { width: 360, height: 740 });
    await press(page, 'Run');
    await untilStatus(page, /^Done/);
    for (const folded of [true, false]) {
      if (!folded) await page.$eval('details', (details) => details.setAttribute('open', ''));
      const excess = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      );
      assert.equal(excess, 0);
    }
  });

  test('the tab is reached and the sweep run by keyboard', async () => {
    const page = await open(SMALL.replace('view=batches', 'view=modes'));
    const tab = await role(page, 'tab', 'Train vs eval');
    await tab.focus();
    await page.keyboard.press('ArrowRight');
    const names = await page.$$eval('[role="tab"]', (tabs) => tabs.map((element) => element.textContent));
    assert.deepEqual(names, ['Lens', 'Train', 'Train vs eval', 'Small batches', 'Pitfalls']);
    const chosen = await role(page, 'tab', 'Small batches');
    assert.equal(await chosen.evaluate((element) => element.getAttribute('aria-selected')), 'true');
    assert.match(await hash(page), /^#v=1&view=batches&/);
    await untilStatus(page, /^Ready/);
    const tabTo = async (selector) => {
      for (let i = 0; i < 40; i++) {
        await page.keyboard.press('Tab');
        if (await page.evaluate((wanted) => document.activeElement.matches(wanted), selector)) return;
      }
      assert.fail(`Tab never came to ${selector}`);
    };
    await tabTo('[name="sweepNorms"][value="rms"]');
    await page.keyboard.press(' ');
    assert.match(await hash(page), /&sweepNorms=batch,group,rms/);
    await page.keyboard.press(' ');
    await tabTo('.transport .key');
    await page.keyboard.press('Enter');
    await untilStatus(page, /^(Running|Done)/);
    assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Run', 'the focus stays');
    await untilStatus(page, /^Done/);
    assert.doesNotMatch(await status(page), /failed/);
  });
});

/** What of a run does not depend on the machine. */
function figures({ norm, batchSize, seed, lr, testError, testErrorTrainMode }) {
  return { norm, batchSize, seed, lr, testError, testErrorTrainMode };
}

async function sweepInNode(variant, plan) {
  const nl = await createEngine({ variant });
  try {
    return (await nl.sweep(plan)).runs;
  } finally {
    nl.dispose();
  }
}

function percent(share) {
  return (100 * share).toFixed(1);
}

/** The table with this label: the cells of each row by the row's title. */
async function table(page, label) {
  const region = await role(page, 'region', label);
  const rows = await region.$$eval('tr', (lines) =>
    lines.map((line) => [...line.children].map((cell) => cell.textContent.replace(/\s+/g, ' ').trim())),
  );
  return Object.fromEntries(rows.map(([title, ...cells]) => [title, cells]));
}

function legendOf(page) {
  return page.$$eval('.legend button', (buttons) =>
    buttons.map((button) => {
      const { stroke, strokeDasharray } = button.querySelector('line').style;
      const value = button.querySelector('output').textContent;
      const label = button.textContent.slice(0, button.textContent.length - value.length);
      return { label, value, stroke, dashed: strokeDasharray !== '' };
    }),
  );
}

/** What is in the file that the page saves in this format. */
async function savedText(page, format) {
  const count = await page.evaluate(() => globalThis.files.length);
  await press(page, `Save ${format}`);
  await page.waitForFunction((before) => globalThis.files.length > before, {}, count);
  return page.evaluate(() => globalThis.files.at(-1).text());
}
