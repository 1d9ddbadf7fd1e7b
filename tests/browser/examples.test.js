import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { launchBrowser, missingBrowser } from './browsers.js';
import { PATIENCE_MS, serveSite } from './harness.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SERVE = /^python3 -m http\.server -d (.*)$/m;

/** The views of the figures on the first page of each example, and on the one that its link leads to in place. */
const FIGURES = {
  html: [['lens', 'train', 'modes']],
  sphinx: [['train']],
  mkdocs: [['lens'], ['train']],
  vitepress: [['lens'], ['train']],
  jupyter: [['train']],
  'my-page': [['lens', 'train']],
};

const onPath = (name) => process.env.PATH.split(delimiter).some((folder) => existsSync(join(folder, name)));
const commands = ['sphinx-build', 'mkdocs', 'jupyter-nbconvert', 'markdown_py'].filter((name) => !onPath(name));
const missing = missingBrowser('chromium') || (commands.length > 0 && `${commands} missing: make setup-examples`);

/** Does in `work` what the READMEs say of pages, but for `make build`. Gives the folders of the sites by their names. */
async function followReadme(work) {
  // What somebody has pasted before is not taken along.
  const filter = (path) => basename(path) !== 'normlab';
  await cp(join(ROOT, 'examples'), join(work, 'examples'), { recursive: true, filter });
  for (const name of ['dist', 'node_modules']) await symlink(join(ROOT, name), join(work, name));
  const readmes = await Promise.all(
    ['README.md', 'examples/README.md'].map((name) => readFile(join(ROOT, name), 'utf8')),
  );
  const pastes = [...readmes.join('\n').matchAll(/^```sh\n(.*?)^```/gms)]
    .map(([, paste]) => paste.replace(/^make build$/m, ''))
    .filter((paste) => SERVE.test(paste));
  const sites = pastes.map(async (paste) => {
    const [, folder] = paste.match(SERVE);
    await promisify(execFile)('bash', ['-euc', paste.replace(SERVE, '')], { cwd: work });
    return [basename(folder), join(work, folder, '/')];
  });
  return Object.fromEntries(await Promise.all(sites));
}

/** Runs in the page, before its scripts: keeps what elements tell. */
function listen() {
  globalThis.told = [];
  for (const type of ['norm-lab-ready', 'norm-lab-step', 'norm-lab-error']) {
    addEventListener(type, ({ target, detail }) => globalThis.told.push({ type, element: target, detail }));
  }
}

async function untilTold(page, type, element) {
  await page.waitForFunction(
    (wanted, from) => globalThis.told.some((one) => one.element === from && one.type === wanted),
    { polling: 50 },
    type,
    element,
  );
}

/** Scrolls to each figure of a page and waits until it is ready; those that train make a step. */
async function see(page, views) {
  await page.waitForSelector(`norm-lab[view="${views[0]}"]`);
  const figures = await page.$$('norm-lab');
  assert.equal(figures.length, views.length);
  for (const [i, figure] of figures.entries()) {
    await figure.scrollIntoView();
    await untilTold(page, 'norm-lab-ready', figure);
    if (views[i] !== 'train') continue;
    await figure.evaluate((element) => element.step());
    await untilTold(page, 'norm-lab-step', figure);
  }
}

const skip = process.env.CI !== 'true' && missing;
describe('the examples, built as the READMEs say', { skip, timeout: 10 * PATIENCE_MS }, () => {
  let work;
  let sites;
  let launched;

  before(async () => {
    work = await mkdtemp(join(tmpdir(), 'normlab-examples-'));
    launched = await launchBrowser('chromium', { protocolTimeout: PATIENCE_MS });
    sites = await followReadme(work);
  });
  after(async () => {
    await launched?.close();
    await rm(work, { recursive: true, force: true });
  });

  /** Opens an example; nothing is to be complained of there, and nobody else asked for anything. */
  async function inExample(name, waitUntil, run) {
    const site = await serveSite({ root: sites[name] });
    site.pages.set('favicon.ico', '');
    const page = await launched.browser.newPage();
    const complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== new URL(site.url).origin) complaints.push(request.url());
    });
    try {
      page.setDefaultTimeout(PATIENCE_MS);
      await page.evaluateOnNewDocument(listen);
      await page.goto(site.url, { waitUntil });
      await run(page);
      assert.deepEqual(complaints, []);
    } finally {
      await page.close();
      site.close();
    }
  }

  test('are tested, each of them', () => {
    assert.deepEqual(Object.keys(sites).sort(), [...Object.keys(FIGURES), 'iframe'].sort());
  });

  for (const [name, [first, second]] of Object.entries(FIGURES)) {
    // Links are followed in place once all that does so has been fetched.
    const waitUntil = second ? 'networkidle0' : 'load';
    test(name, () =>
      inExample(name, waitUntil, async (page) => {
        await see(page, first);
        if (second) {
          await page.$eval('p a[href*="training"]', (link) => link.click());
          await see(page, second);
          await page.evaluate(() => history.back());
          await see(page, first);
        }
        const told = await page.evaluate(() => globalThis.told.map(({ type, detail }) => ({ type, ...detail })));
        const ready = told.filter(({ type }) => type === 'norm-lab-ready').map(({ view }) => view);
        assert.deepEqual(ready.sort(), [...first, ...(second ? [...second, ...first] : [])].sort());
        assert.deepEqual(
          told.filter(({ type }) => type === 'norm-lab-error'),
          [],
        );
      }),
    );
  }

  test('iframe', () =>
    inExample('iframe', 'load', async (page) => {
      const frame = await (await page.waitForSelector('iframe')).contentFrame();
      await frame.waitForFunction(() => /^Ready/.test(document.querySelector('[role="status"]')?.textContent));
      const step = await frame.waitForSelector('button ::-p-text(Step)');
      await step.click();
      await frame.waitForFunction(() => /step\s*1/.test(document.querySelector('dl').textContent));
    }));
});
