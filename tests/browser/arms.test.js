import assert from 'node:assert/strict';
import { createEngine, presetSpec } from '../../wasm/index.js';
import {
  axeViolations,
  choose,
  inEachBrowser,
  legendValue,
  press,
  regionText,
  role,
  status,
  stepsMade,
  tick,
  type,
  untilMeasured,
  untilStatus,
  untilSteps,
} from './harness.js';

const hash = (page) => page.evaluate(() => location.hash);

/** What each arm of `four` is trained with. */
const ARMS = [
  { norm: 'batch', batchSize: 16, optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } },
  { norm: 'batch', batchSize: 16, optimizer: { type: 'adam', lr: 0.001 } },
  { norm: 'group', batchSize: 8, optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } },
  { norm: 'renorm', placement: 'after', batchSize: 16, optimizer: { type: 'sgd', lr: 0.02, momentum: 0.9 } },
];
const four =
  '#model=mlp&norm=batch&batch=16&lr=0.02&seed=3&arms=lr:0.001,optimizer:adam;norm:group,batch:8;renorm:1,placement:after';

/** The engine that the page has, as its foot says. */
async function engineOf(page) {
  const foot = await page.$eval('footer', (element) => element.textContent);
  const [, variant] = Object.entries({
    'relaxed SIMD': 'relaxed',
    '128-bit SIMD': 'simd',
    'without SIMD': 'scalar',
  }).find(([words]) => foot.includes(words));
  return createEngine({ variant });
}

/** An arm as Node trains it, `steps` long. */
function train(engine, data, { batchSize, optimizer, ...choice }, steps) {
  const model = engine.model(presetSpec('mlp', { seed: 3, ...choice }));
  const run = engine.trainer(model, { optimizer }).start(data.train, { batchSize, seed: 3 });
  const losses = [];
  while (losses.length < steps) losses.push(...run.steps(steps - losses.length).steps.map(({ loss }) => loss));
  const accuracy = (mode) => 100 * model.evaluate(data.test, { batchSize, mode }).accuracy;
  return { losses, eval: accuracy('eval'), train: accuracy('train') };
}

/** What the page shows of each arm. */
function shown(page) {
  return page.$$eval('.score', (items) =>
    items.map((item) => ({
      step: Number(/step ([\d,]+)/.exec(item.textContent)[1].replaceAll(',', '')),
      ...Object.fromEntries(
        [...item.querySelectorAll('section')].map((section) => [
          /(eval|train) mode/.exec(section.ariaLabel)[1],
          /([\d.]+) %/.exec(section.textContent)?.[1],
        ]),
      ),
    })),
  );
}

inEachBrowser('arms', ({ open }, test) => {
  test('four arms train in turns, and show what Node gives for the same runs', async () => {
    const page = await open(four);
    await untilMeasured(page);
    await press(page, 'Step');
    await untilStatus(page, /^Paused: A at step 1, B at step 1, C at step 1, D at step 1\./);
    const engine = await engineOf(page);
    const data = await engine.loadDataset('fashion-mnist');
    const first = [];
    for (const [i, letter] of ['A', 'B', 'C', 'D'].entries()) {
      const loss = await legendValue(page, 'Loss', `${letter}: batches, smoothed`);
      assert.equal(loss.toFixed(3), train(engine, data, ARMS[i], 1).losses[0].toFixed(3), letter);
      first.push(loss);
    }
    assert.equal(first[0], first[1], 'the same first weights, the same first batch');

    await press(page, 'Play');
    await untilSteps(page, 100);
    await press(page, 'Pause');
    await untilStatus(page, /^Paused/);
    await untilMeasured(page);
    const arms = await shown(page);
    const seen = arms.map(({ step }, i) => step * ARMS[i].batchSize);
    assert.ok(Math.max(...seen) - Math.min(...seen) <= 0.5 * Math.max(...seen), `images seen: ${seen}`);
    for (const [i, { step, ...accuracies }] of arms.entries()) {
      const node = train(engine, data, ARMS[i], step);
      for (const mode of ['eval', 'train'])
        assert.equal(Number(accuracies[mode]), Math.round(10 * node[mode]) / 10, `arm ${i}, ${mode}`);
    }
    assert.match(await regionText(page, 'Test accuracy, eval mode, arm C'), new RegExp(arms[2].eval));
    assert.match(await status(page), /^Paused: A at step/);
  });

  test('an arm that diverges says at which step and where, and the others go on', async () => {
    const page = await open('#model=mlp&norm=batch&batch=32&lr=0.02&seed=3&arms=norm:none,lr:0.7');
    await untilMeasured(page);
    await press(page, 'Play');
    const sentence = await untilStatus(page, /Arm B diverged at step \d+\./);
    const step = Number(/diverged at step (\d+)/.exec(sentence)[1]);
    await untilSteps(page, (await stepsMade(page)) + 20);
    assert.match(await status(page), /^Training 2 arms/);
    await press(page, 'Pause');
    await untilStatus(page, /^Paused/);
    await untilMeasured(page);
    const engine = await engineOf(page);
    const data = await engine.loadDataset('fashion-mnist');
    const arm = { norm: 'none', batchSize: 32, optimizer: { type: 'sgd', lr: 0.7, momentum: 0.9 } };
    const { losses } = train(engine, data, arm, step);
    assert.equal(losses.findIndex((loss) => !Number.isFinite(loss)) + 1, step);
    const said = await page.$eval('.score:nth-child(2)', (element) => element.textContent);
    assert.match(said, new RegExp(`Diverged: .* at step ${step}; the first value .* layer "\\d", linear`));
    assert.match(said, /The loss was .* at first, .* learning rate 0\.7 .* a normalization would/);
    const [a, b] = await shown(page);
    assert.ok(a.step > step && b.step === step);
  });

  test('arms are added, changed and removed; what is not concerned keeps its run', async () => {
    const page = await open('#model=mlp&norm=batch&batch=32');
    await untilMeasured(page);
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 1,/);
    await press(page, 'Add arm');
    await untilStatus(page, /^Paused: A at step 1, B at step 0\./);
    assert.match(await hash(page), /&arms=norm:group&arm=b$/);
    await type(page, 'Batch size', '8');
    assert.match(await hash(page), /&batch=32&.*&arms=norm:group,batch:8&arm=b$/);
    await untilStatus(page, /^Started over: arm B, Batch size is now 8\.|^Paused: A at step 1, B at step 0\./);
    await press(page, 'Step');
    await untilStatus(page, /^Paused: A at step 2, B at step 1\./);
    await press(page, 'Batch size as in arm A');
    assert.match(await hash(page), /&arms=norm:group&arm=b$/);

    await choose(page, 'Arm A: BatchNorm');
    await type(page, 'Batch size', '16');
    assert.match(await hash(page), /&batch=16&.*&arms=norm:group$/);
    await untilStatus(page, /^Started over: Batch size is now 16\. Ready: 2 arms/);
    await press(page, 'Step');
    await untilStatus(page, /^Paused: A at step 1, B at step 1\./);
    await press(page, 'Remove arm A');
    assert.match(await hash(page), /&norm=group&.*&batch=16&((?!arms).)*$/);
    await untilStatus(page, /^Paused at step 1,/);
    await untilMeasured(page);
    assert.equal(await stepsMade(page), 1, 'what was arm B has kept its run');
  });

  test('a link with nonsense for arms takes what it can and says the rest', async () => {
    const page = await open('#model=mlp&norm=batch&arms=norm:moon,batch:900;speed:9;same;norm:none&arm=q');
    await untilMeasured(page);
    assert.match(await hash(page), /&arms=norm:batch,batch:256;same;same$/);
    const notes = await regionText(page, 'Notes on this link');
    for (const words of ['room for 3', 'Arm B: Normalization "moon"', 'Batch size 900', 'Arm C: "speed"', 'Arm "q"']) {
      assert.ok(notes.includes(words), `${words} is missing in: ${notes}`);
    }
  });

  test('an arm that no network can be made of leaves the others alone', async () => {
    const page = await open('#model=mlp&norm=batch&arms=norm:instance');
    await untilMeasured(page);
    await press(page, 'Play');
    await untilSteps(page, 5);
    assert.match(await status(page), /^Training 2 arms: .* Arm B cannot start\./);
    assert.match(
      await page.$eval('.score:nth-child(2) > .refusal', (element) => element.textContent),
      /expected 3D to 5D input .* take the small CNN/,
    );
  });

  test('arms are worked by keyboard', async () => {
    const page = await open('#model=mlp&norm=batch');
    await untilMeasured(page);
    await (await role(page, 'button', 'Add arm')).focus();
    await page.keyboard.press('Enter');
    const radio = await role(page, 'radio', 'Arm B: GroupNorm');
    await radio.focus();
    await page.keyboard.press('ArrowUp');
    assert.equal(await (await role(page, 'radio', 'Arm A: BatchNorm')).evaluate((input) => input.checked), true);
    assert.match(await hash(page), /&arms=norm:group$/);
    await page.keyboard.press('ArrowDown');
    assert.match(await hash(page), /&arm=b$/);
  });

  test('axe finds nothing in four arms in either theme, and nothing sticks out at 360 pixels', async () => {
    const page = await open(`${four}&arm=c`, { width: 360, height: 740 });
    await untilMeasured(page);
    await tick(page, 'Watch inside');
    await press(page, 'Step');
    await untilStatus(page, /^Paused: A at step 1/);
    await untilMeasured(page);
    await page.waitForSelector('.looks');
    for (let i = 0; i < 2; i++) {
      const theme = await page.evaluate(() => document.documentElement.dataset.theme);
      assert.deepEqual(await axeViolations(page), [], theme);
      await press(page, 'Dark theme');
    }
    const { scrollWidth, clientWidth } = await page.$eval('html', (root) => ({
      scrollWidth: root.scrollWidth,
      clientWidth: root.clientWidth,
    }));
    assert.equal(scrollWidth, clientWidth);
  });
});
