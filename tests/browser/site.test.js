import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { inEachBrowser, serveSite, untilStatus } from './harness.js';
import { walk } from './walk.js';

const SITE = fileURLToPath(new URL('../../dist/site/', import.meta.url));
const README = fileURLToPath(new URL('../../README.md', import.meta.url));

/** The rules of `dist/site/_headers`: a path, and beneath it, indented, what is sent with it. */
const rules = [];
for (const line of readFileSync(`${SITE}_headers`, 'utf8').split('\n')) {
  const [, name, value] = /^\s+([\w-]+): (.*)$/.exec(line) ?? [];
  if (name) rules.at(-1).headers.push([name.toLowerCase(), value]);
  else if (line.startsWith('/')) rules.push({ path: line.trim(), headers: [] });
}

/** What the hosts that read the file send with one of the site's. */
function headersOf(name) {
  const matches = ({ path }) =>
    path.endsWith('*') ? `/${name}`.startsWith(path.slice(0, -1)) : path.replace(/\/$/, '/index.html') === `/${name}`;
  return rules.filter((rule) => rule.path !== '/' && matches(rule)).flatMap(({ headers }) => headers);
}

test('what has a hash in its name is kept for good, the pages are asked for anew, and the README says the same', () => {
  const names = readdirSync(SITE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '_headers')
    .map((entry) => `${entry.parentPath}/${entry.name}`.replaceAll('//', '/').slice(SITE.length));
  for (const name of names) {
    const headers = headersOf(name);
    const sent = Object.fromEntries(headers);
    assert.equal(Object.keys(sent).length, headers.length, `${name}: hosts would join what two rules say`);
    if (name.endsWith('.html')) assert.equal(sent['cache-control'], 'no-cache', name);
    else {
      assert.match(name, /^assets\/.*-[\w-]{8}\.\w+$/);
      assert.match(sent['cache-control'], /immutable/);
    }
  }
  const readme = readFileSync(README, 'utf8');
  for (const [, value] of rules.flatMap(({ headers }) => headers)) assert.ok(readme.includes(value), value);
});

/** Runs in the page, before its scripts. */
function listen() {
  globalThis.broken = [];
  addEventListener('securitypolicyviolation', ({ violatedDirective, blockedURI, sourceFile, lineNumber }) => {
    globalThis.broken.push(`${violatedDirective} ${blockedURI} (${sourceFile}:${lineNumber})`);
  });
}

inEachBrowser('the site below a folder, with the headers that it recommends', (context, test) => {
  before(async () => {
    context.site.close();
    context.site = await serveSite({ folder: '/a/b/' });
    context.site.headers = (name) => Object.fromEntries(headersOf(name));
  });

  test('every tab works, and nothing is against the policy', async () => {
    const page = await context.open('#v=1&view=train&model=mlp', { beforeLoad: listen });
    const errors = [];
    page.on('console', (message) => message.type() === 'error' && errors.push(message.text()));
    page.on('pageerror', ({ message }) => errors.push(message));
    await walk(page);
    assert.deepEqual(await page.evaluate(() => globalThis.broken), []);
    assert.deepEqual(errors, []);
  });

  test('a page of another host that is cross-origin isolated frames embed.html', async () => {
    const host = await serveSite({ root: SITE });
    host.headers = {
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-embedder-policy': 'require-corp',
    };
    const source = `${context.site.url}embed.html#v=1&view=train&model=mlp`;
    host.pages.set('page.html', `<!doctype html><title>Page</title><iframe src="${source}"></iframe>`);
    const page = await context.browser.newPage();
    try {
      await page.goto(`${host.url}page.html`);
      assert.equal(await page.evaluate(() => crossOriginIsolated), true);
      const [frame] = page.mainFrame().childFrames();
      await untilStatus(frame, /^Ready/);
      await frame.evaluate(() => {
        [...document.querySelectorAll('button')].find(({ textContent }) => textContent === 'Step').click();
      });
      await untilStatus(frame, /^Paused at step 1,/);
      assert.equal(await frame.$('footer'), null);
    } finally {
      await page.close();
      host.close();
    }
  });
});
