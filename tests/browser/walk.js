import { press, role, untilMeasured, untilStatus, untilSteps } from './harness.js';

/** What every tab says when it has computed what it shows first. */
const TABS = { Lens: /^Cell n/, 'Train vs eval': /^From Train: .* after \d+ steps/, Pitfalls: /^\d+ of \d+ images/ };
const SWEEP = '#v=1&view=batches&sweepNorms=batch&sweepBatches=32,64&sweepSeeds=1&sweepImages=1000&sweepEpochs=1';

/** Trains in a page that shows the tab Train, opens every other one, and makes a sweep, which starts workers of its own. */
export async function walk(page) {
  await untilMeasured(page);
  await press(page, 'Play');
  await untilSteps(page, 20);
  await press(page, 'Pause');
  await untilMeasured(page);
  for (const [tab, says] of Object.entries(TABS)) {
    const button = await role(page, 'tab', tab);
    await button.evaluate((element) => element.click());
    await untilStatus(page, says);
  }
  await page.evaluate((hash) => {
    location.hash = hash;
  }, SWEEP);
  await untilStatus(page, /^Ready: 2 runs/);
  await press(page, 'Run');
  await untilStatus(page, /^Done: 2 runs finished\.$/);
}
