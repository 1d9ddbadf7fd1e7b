import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { inEachBrowser, press, role, untilStatus, untilSteps } from './harness.js';

const MOST_GZIPPED = 150_000;
const FIRST_VIEW_MS = 1000;
const MOST_TASK_MS = 50;
const MOST_ANSWER_MS = 100;
const WATCHED_MS = 3000;
const FOUR_RUNS = '#view=train&arms=norm:group;norm:layer;norm:none,lr:0.01';
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

  test('while four runs train at full speed the page answers at once and keeps its frames', async () => {
    const page = await context.open(FOUR_RUNS);
    await untilStatus(page, /^Ready/);
    const atRest = await page.evaluate(countFrames, 1500);
    await press(page, 'Play');
    await untilSteps(page, 20);
    const slider = await role(page, 'slider', 'Learning rate slider');
    // What other programs take from the page is not its own: of a few looks the best one counts.
    const looks = [];
    // Only Chromium tells of long tasks; in Firefox delays of a timer stand for them, where a task may follow another.
    const most = context.browserName === 'chromium' ? MOST_TASK_MS : 2 * MOST_TASK_MS;
    const isSmooth = ({ frames, answer, task }) => frames > LEAST_FRAMES && answer < MOST_ANSWER_MS && task <= most;
    for (let i = 0; i < 4 && !looks.some(isSmooth); i++) {
      await page.evaluate(watchTasks);
      const frames = (await page.evaluate(countFrames, WATCHED_MS)) / atRest;
      const answers = await slider.evaluate(timeAnswers);
      const tasks = await page.evaluate(() => globalThis.tasks.splice(0));
      looks.push({ frames, answer: Math.max(...answers), task: Math.max(0, ...tasks) });
    }
    await press(page, 'Pause');
    assert.ok(looks.some(isSmooth), JSON.stringify(looks));
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
  if (globalThis.tasks) return;
  globalThis.tasks = [];
  if (PerformanceObserver.supportedEntryTypes.includes('longtask')) {
    const observer = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) globalThis.tasks.push(duration);
    });
    observer.observe({ type: 'longtask' });
    return;
  }
  let last = performance.now();
  setInterval(() => {
    const now = performance.now();
    globalThis.tasks.push(now - last - 5);
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
