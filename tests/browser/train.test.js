import assert from 'node:assert/strict';
import {
  choose,
  inEachBrowser,
  legendValue,
  press,
  regionText,
  role,
  status,
  stepsMade,
  testAccuracy,
  type,
  untilMeasured,
  untilStatus,
  untilSteps,
} from './harness.js';

const PAUSE_MS = 100;

inEachBrowser('training', ({ open }, test) => {
  test('100 steps bring the loss down and both accuracies up', async () => {
    const page = await open('#seed=1');
    await untilMeasured(page);
    const untrained = await testAccuracy(page, 'eval');
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 1,/);
    const firstLoss = await legendValue(page, 'Loss', 'each batch');
    await press(page, 'Play');
    await untilSteps(page, 100);
    await press(page, 'Pause');
    assert.match(await untilStatus(page, /^Paused/), /^Paused at step [\d,]+, epoch \d+\./);
    await untilMeasured(page);
    const loss = await legendValue(page, 'Loss', 'batches, smoothed');
    assert.ok(loss < 0.7 * firstLoss, `the loss went from ${firstLoss} to ${loss}`);
    for (const mode of ['eval', 'train']) {
      const accuracy = await testAccuracy(page, mode);
      assert.ok(accuracy > 60 && accuracy <= 100, `${mode} mode: ${accuracy} %, ${untrained} % before training`);
    }
  });

  test('images, their labels in either mode and the statistics of a layer are shown', async () => {
    const page = await open('#batch=8');
    await untilMeasured(page);
    await press(page, 'Step');
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 2,/);
    await untilMeasured(page);
    const cards = await page.$$eval('.card', (items) =>
      items.map((item) => ({
        guesses: [...item.querySelectorAll('.guess')].map((guess) => guess.textContent),
        marked: item.textContent.includes('differs'),
      })),
    );
    assert.equal(cards.length, 24);
    const label = (guess) => /^(?:eval|train) mode: (.*?)\d/.exec(guess)[1];
    for (const { guesses, marked } of cards) assert.equal(marked, label(guesses[0]) !== label(guesses[1]));
    const differing = cards.filter(({ marked }) => marked).length;
    assert.equal(await tally(page), `${differing} of 24 differ`);

    const region = await role(page, 'region', 'Values of layer 1');
    const rows = await region.$$eval('tbody tr', (lines) => lines.map((line) => line.textContent.replaceAll('−', '-')));
    assert.equal(rows.length, 16);
    const heads = await region.$$eval('thead th', (cells) => cells.map((cell) => cell.textContent));
    assert.deepEqual(heads, ['channel', 'running_mean', 'running_var', 'weight', 'bias']);
    // After two steps 0.9² of the first values is left in the averages, whatever the batches held.
    const variances = await region.$$eval('tbody td:nth-child(3)', (cells) => cells.map((cell) => +cell.textContent));
    for (const variance of variances) assert.ok(variance >= 0.81, `running_var ${variance}`);
    assert.ok(
      variances.some((variance) => variance !== 1),
      'the running variances have moved',
    );
    await choose(page, 'BatchNorm 32×14×14');
    await role(page, 'region', 'Values of layer 5');
  });

  test('Pause answers within 100 ms', async () => {
    const page = await open('#batch=32');
    await untilMeasured(page);
    const answers = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      await press(page, 'Play');
      await untilStatus(page, /^Training/);
      await untilSteps(page, (await stepsMade(page)) + 10);
      answers.push(await page.evaluate(pauseAndTime));
    }
    // The median: another process may take the processor away for a moment, but not three times out of five.
    const median = answers.sort((a, b) => a - b)[2];
    assert.ok(median <= PAUSE_MS, `Pause was answered after ${answers.map((ms) => ms.toFixed(0)).join(', ')} ms`);
  });

  test('Step makes exactly one step, Reset goes back to the same beginning', async () => {
    const page = await open('#batch=16&seed=7');
    await untilMeasured(page);
    const losses = [];
    for (let round = 0; round < 2; round++) {
      assert.equal(await stepsMade(page), 0);
      for (let step = 1; step <= 3; step++) {
        await press(page, 'Step');
        await untilStatus(page, new RegExp(`^Paused at step ${step}, epoch 1`));
        assert.equal(await stepsMade(page), step);
      }
      losses.push(await legendValue(page, 'Loss', 'each batch'));
      await press(page, 'Reset');
      await untilStatus(page, /^Ready/);
    }
    assert.equal(losses[0], losses[1], 'equal seeds give equal losses');
    await press(page, 'Play');
    await untilSteps(page, 20);
    await press(page, 'Step');
    const before = await untilStatus(page, /^Paused/);
    await untilMeasured(page);
    assert.match(await status(page), new RegExp(`^${before.split('.')[0]}`), 'nothing goes on after Step');
  });

  test('one value per channel gives the error of PyTorch, and the page goes on', async () => {
    const page = await open('#model=mlp&norm=batch&batch=32');
    await untilMeasured(page);
    await type(page, 'Batch size', '1');
    await press(page, 'Play');
    const message = /Expected more than 1 value per channel when training, got input size \[1, 256\]/;
    assert.match(await untilStatus(page, /^Stopped/), message);
    const field = await role(page, 'spinbutton', 'Batch size');
    const described = await field.evaluate((input) =>
      input
        .getAttribute('aria-describedby')
        .split(' ')
        .map((id) => document.getElementById(id).textContent)
        .join(' '),
    );
    assert.match(described, message);
    assert.equal(await field.evaluate((input) => input.getAttribute('aria-invalid')), 'true');

    await type(page, 'Batch size', '2');
    await untilStatus(page, /^(Started over: Batch size is now 2|Ready)/);
    await press(page, 'Play');
    await untilSteps(page, 30);
    await press(page, 'Pause');
    await untilMeasured(page);
    assert.equal(await field.evaluate((input) => input.getAttribute('aria-invalid')), null);
    assert.notEqual(await testAccuracy(page, 'train'), null);
  });

  test('a refused train mode is said where its accuracy would be', async () => {
    const page = await open('#model=mlp&norm=batch&batch=1');
    await untilMeasured(page);
    assert.match(await regionText(page, 'Test accuracy, train mode'), /Expected more than 1 value per channel/);
    assert.notEqual(await testAccuracy(page, 'eval'), null);
  });

  test('what normalizes each image by itself gives the same accuracy in both modes, BatchNorm does not', async () => {
    const page = await open('#norm=batch&batch=64');
    for (const norm of ['BatchNorm', 'GroupNorm', 'InstanceNorm', 'RMSNorm', 'LayerNorm']) {
      await choose(page, norm);
      await untilStatus(page, new RegExp(`Ready: .* with ${norm}`));
      await untilMeasured(page);
      await press(page, 'Step');
      await untilStatus(page, /^Paused at step 1,/);
      await press(page, 'Step');
      await untilStatus(page, /^Paused at step 2,/);
      await untilMeasured(page);
      const [evalAccuracy, trainAccuracy] = [await testAccuracy(page, 'eval'), await testAccuracy(page, 'train')];
      if (norm === 'BatchNorm') assert.notEqual(evalAccuracy, trainAccuracy);
      else assert.equal(evalAccuracy, trainAccuracy, norm);
    }
    assert.equal(await tally(page), '0 of 24 differ');
  });

  test('a network that InstanceNorm does not fit in says so, and another one goes on', async () => {
    const page = await open('#model=mlp&norm=batch');
    await untilMeasured(page);
    await choose(page, 'InstanceNorm');
    const message = /^Cannot start: layers\[2\] \(instanceNorm\): expected 3D to 5D input \(got 2D input\)$/;
    await untilStatus(page, message);
    const alert = () => page.$eval('.norm-picker [role="alert"]', (element) => element.textContent);
    assert.match(await alert(), /needs several values there\. .* take the small CNN, the residual network/);
    assert.equal(await testAccuracy(page, 'eval'), null);
    assert.equal(await page.$('.link'), null, 'no layers of the network before');
    await press(page, 'Play');
    await untilStatus(page, message);
    await choose(page, 'Deep CNN');
    await untilStatus(page, /^Cannot start: .*Expected more than 1 spatial element when training/);
    await choose(page, 'Small CNN');
    await untilStatus(page, /Ready: Small CNN with InstanceNorm/);
    assert.equal(await page.$('.norm-picker [role="alert"]'), null);
    await press(page, 'Step');
    await untilStatus(page, /^Paused at step 1,/);
  });

  test('the learning rate changes without a new start, the batch size with one', async () => {
    const page = await open('#lr=0.01');
    await untilMeasured(page);
    await press(page, 'Play');
    await untilSteps(page, 10);
    await type(page, 'Learning rate', '0.05');
    await untilSteps(page, 15);
    assert.match(await page.evaluate(() => location.hash), /&lr=0\.05&/);
    await type(page, 'Batch size', '8');
    assert.match(await untilStatus(page, /Started over/), /^Started over: Batch size is now 8\. Training/);
    await untilSteps(page, 3);
  });

  test('a run that diverges stops and says at which step', async () => {
    const page = await open('#norm=none&model=mlp&batch=32&lr=0.3');
    await untilMeasured(page);
    await press(page, 'Play');
    const sentence = await untilStatus(page, /^Diverged/);
    const step = Number(/at step ([\d,]+)/.exec(sentence)[1].replaceAll(',', ''));
    assert.ok(step >= 1);
    assert.equal(await stepsMade(page), step);
  });
});

function tally(page) {
  return page.$eval('.tally', (element) => element.textContent);
}

/** Runs in the page: presses Pause and gives the milliseconds until the worker's answer is on the status line. */
function pauseAndTime() {
  const line = document.querySelector('[role="status"]');
  const pause = [...document.querySelectorAll('button')].find((button) => button.textContent === 'Pause');
  return new Promise((resolve) => {
    const pressed = performance.now();
    new MutationObserver((_, observer) => {
      if (!line.textContent.startsWith('Paused')) return;
      observer.disconnect();
      resolve(performance.now() - pressed);
    }).observe(line, { characterData: true, childList: true, subtree: true });
    pause.click();
  });
}
