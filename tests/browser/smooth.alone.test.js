import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { inEachBrowser, press, role, untilStatus, untilSteps } from './harness.js';

const MOST_GZIPPED = 150_000;
const FIRST_VIEW_MS = 1000;
const MOST_TASK_MS = 50;
const MOST_ANSWER_MS = 100;
const WATCHED_MS = 4000;
/** Of the frames that the page has at rest. */
const LEAST_FRAMES = 0.8;

const siteFile = (name) => fileURLToPath(new URL(`../../dist/site/${name}`, import.meta.url));

inEachBrowser('weight and smoothness of the page', (context, test) => {
  test(`what a visitor fetches to train is at most ${MOST_GZIPPED / 1000} KB gzipped, the images apart`, async () => {
    context.site.served.clear();
    const page = await context.open();
    await press(page, 'Play');
    await untilSteps(page, 50);
    const names = [...context.site.served].filter((name) => !/-ubyte-/.test(name));
    const sizes = await Promise.all(
      names.map(async (name) => [name, gzipSync(await readFile(siteFile(name)), { level: 9 }).length]),
    );
    for (const kind of ['.html', '.css', '.wasm'])
      assert.ok(
        names.some((name) => name.endsWith(kind)),
        kind,
      );
    const sum = sizes.reduce((total, [, size]) => total + size, 0);
    assert.ok(sum <= MOST_GZIPPED, `${sum}: ${sizes.map(([name, size]) => `${name} ${size}`).join(', ')}`);
  });

  test(`the first view can be used within ${FIRST_VIEW_MS} ms`, async () => {
    const times = [];
    for (let i = 0; i < 3; i++) {
      const page = await context.open('', { beforeLoad: timeFirstView });
      await role(page, 'button', 'Play');
      times.push(await page.evaluate(() => globalThis.firstView));
    }
    assert.ok(Math.min(...times) < FIRST_VIEW_MS, `${times.map(Math.round)} ms`);
  });

  test('while it trains at full speed the page answers at once and keeps its frames', async () => {
    const page = await context.open();
    await untilStatus(page, /^Ready/);
    const atRest = await page.evaluate(countFrames, 1500);
    await page.evaluate(watchTasks);
    await press(page, 'Play');
    await untilSteps(page, 20);
    const training = await page.evaluate(countFrames, WATCHED_MS);
    const answers = await (await role(page, 'slider', 'Learning rate slider')).evaluate(timeAnswers);
    const tasks = await page.evaluate(() => globalThis.longTasks);
    await press(page, 'Pause');
    // Only Chromium tells of long tasks; in Firefox delays of a timer stand for them.
    assert.deepEqual(
      tasks.filter((ms) => ms > MOST_TASK_MS),
      [],
    );
    assert.ok(Math.max(...answers) < MOST_ANSWER_MS, `answers after ${answers.map(Math.round)} ms`);
    assert.ok(training > LEAST_FRAMES * atRest, `${training} frames a second, ${atRest} at rest`);
  });
});

/** Runs in the page, before its scripts. */
function timeFirstView() {
  const look = () => {
    const play = [...document.querySelectorAll('button')].find((button) => button.textContent.trim() === 'Play');
    if (play && play.getAttribute('aria-disabled') !== 'true') globalThis.firstView = performance.now();
    else requestAnimationFrame(look);
  };
  look();
}

/** Frames a second. */
function countFrames(ms) {
  return new Promise((resolve) => {
    let frames = 0;
    const begun = performance.now();
    const next = (now) => {
      frames++;
      if (now - begun < ms) requestAnimationFrame(next);
      else resolve((1000 * frames) / (now - begun));
    };
    requestAnimationFrame(next);
  });
}

function watchTasks() {
  globalThis.longTasks = [];
  if (PerformanceObserver.supportedEntryTypes.includes('longtask')) {
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.longTasks.push(duration);
    });
    observer.observe({ type: 'longtask' });
    return;
  }
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    globalThis.longTasks.push(now - last - 5);
    last = now;
  }, 5);
}

/** From the change of a slider to the frame that shows its value, some times. */
async function timeAnswers(slider) {
  const field = [...document.querySelectorAll('input[type="number"]')].find(({ labels }) =>
    labels[0]?.textContent.startsWith('Learning rate'),
  );
  const times = [];
  for (let i = 0; i < 8; i++) {
    const [begun, before] = [performance.now(), field.value];
    slider.stepUp(i % 2 ? -1 : 1);
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    while (field.value === before) await new Promise(requestAnimationFrame);
    times.push(performance.now() - begun);
    await new Promise((resolve) => setTimeout(resolve, 120));
  }
  return times;
}
