import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { browserNames, launchBrowser, missingBrowser } from './browsers.js';

const SITE = fileURLToPath(new URL('../../dist/site/', import.meta.url));

/** Training on a loaded machine takes its time; a test that is still running after this hangs. */
export const PATIENCE_MS = 120_000;

const TYPES = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
  '.gz': 'application/gzip',
};

/** What runs before a page's own scripts is a file: policies may forbid other scripts. */
const BEFORE = '/before.js';

/**
 * Serves the built site, or what else stands in `root`, on a free port of 127.0.0.1.
 *
 * `broken`: addresses that match are answered 404, until it is set to null; `served`: the files that have been asked for; `folder`: where the site stands;
 * `encodeGzip`: `.gz` files are sent as some servers do, as gzip-encoded content that the browser unpacks. `pages` are HTML by
 * their names, beside what stands in `root`; `headers` are sent with everything, or what they give for a file. `before`:
 * scripts that every page runs before its own, for browsers that cannot be told to. `offline`: nothing is answered.
 */
export async function serveSite({ folder = '/', encodeGzip = false, root = SITE } = {}) {
  const site = {
    url: '',
    broken: null,
    offline: false,
    served: new Set(),
    pages: new Map(),
    headers: {},
    before: [],
    close: null,
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const name = pathname.slice(folder.length).replace(/(^|\/)$/, '$1index.html');
    const inside = pathname.startsWith(folder) && !name.includes('..');
    try {
      if (site.offline) return request.destroy();
      if (pathname === BEFORE) {
        response.writeHead(200, { 'content-type': TYPES['.js'] }).end(site.before.join('\n'));
        return;
      }
      if (!inside || site.broken?.test(pathname)) throw new Error('no such file');
      const file = site.pages.get(name) ?? (await readFile(join(root, name)));
      const changed = site.change?.(pathname, file) ?? file;
      const begins = site.before.length > 0 && name.endsWith('.html');
      const body = begins ? `${changed}`.replace('>', `><script src="${BEFORE}"></script>`) : changed;
      site.served.add(name);
      const type = TYPES[extname(name)] ?? 'application/octet-stream';
      response.writeHead(200, {
        'content-type': type,
        ...(typeof site.headers === 'function' ? site.headers(name) : site.headers),
        ...(encodeGzip && name.endsWith('.gz') && { 'content-encoding': 'gzip' }),
      });
      response.end(body);
    } catch {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('not found');
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  site.url = `http://127.0.0.1:${server.address().port}${folder}`;
  site.close = () => {
    server.closeAllConnections();
    server.close();
  };
  return site;
}

/**
 * Declares the same tests for each of `browsers`. `body` gets `open(hash, options)`, which opens the page in a tab of its
 * own (`firstVisit`: as somebody who has never been here), and `site`, the server. `build` makes another site than the
 * page: its folder, and how to remove it; `ready` awaits its first view; `address` is where it is opened, if not at the
 * server; `launch`: what else the browsers are started with.
 */
export function inEachBrowser(
  title,
  body,
  { build = builtPage, ready = hasTabs, browsers = browserNames, address = ({ url }) => url, launch } = {},
) {
  for (const browserName of browsers) {
    const missing = missingBrowser(browserName);
    // An empty reason would be one all the same.
    const skip = process.env.CI !== 'true' && missing !== '' && missing;
    describe(`${title}, in ${browserName}`, { skip, timeout: 10 * PATIENCE_MS }, () => {
      const context = { browserName, site: null, browser: null, open: null };
      const pages = [];
      let launched;
      let built;

      before(async () => {
        assert.equal(missing, '');
        built = await build();
        context.site = await serveSite({ root: built.folder });
        launched = await launchBrowser(browserName, { protocolTimeout: PATIENCE_MS, site: context.site, ...launch });
        context.browser = launched.browser;
      });

      context.open = async (hash = '', options = {}) => {
        const page = await openPage(context.browser, address(context.site) + hash, { ...options, ready });
        pages.push(page);
        return page;
      };

      after(async () => {
        await launched?.close();
        context.site?.close();
        await built?.remove?.();
      });

      body(context, (name, run) =>
        test(name, { timeout: PATIENCE_MS }, async () => {
          try {
            await run();
          } finally {
            for (const page of pages.splice(0)) await page.close();
          }
        }),
      );
    });
  }
}

async function builtPage() {
  assert.ok(existsSync(join(SITE, 'index.html')), 'dist/site is missing: make build');
  return { folder: SITE };
}

const hasTabs = (page) => role(page, 'tab', 'Train');

async function openPage(browser, url, { width = 1280, height = 900, beforeLoad, ready, firstVisit = false }) {
  const page = await browser.newPage();
  await page.evaluateOnNewDocument(arrive, firstVisit);
  page.setDefaultTimeout(PATIENCE_MS);
  await page.setViewport({ width, height });
  if (beforeLoad) await page.evaluateOnNewDocument(beforeLoad);
  await page.goto(url);
  await ready(page);
  return page;
}

/**
 * Runs in the page, before its scripts: what tests before this one have left in the browser is forgotten, once, so that
 * reloading the page finds what it has stored itself. But on a first visit the page has been seen before.
 */
function arrive(firstVisit) {
  if (sessionStorage.getItem('arrived')) return;
  sessionStorage.setItem('arrived', 'yes');
  localStorage.clear();
  if (!firstVisit) localStorage.setItem('normlab-tour', 'seen');
}

/** The elements that can have a role, for those roles that the tests ask for. */
const ROLES = {
  button: 'button',
  tab: '[role="tab"]',
  radio: 'input[type="radio"]',
  spinbutton: 'input[type="number"]',
  slider: 'input[type="range"]',
  checkbox: 'input[type="checkbox"]',
  region: 'section[aria-label], section[aria-labelledby]',
};

/**
 * The element with this role and accessible name, once it is there. Chromium computes role and name as it does for
 * screen readers. Firefox, asked for the same, takes seconds for each, and WebKit is not asked; there a few lines find the same
 * elements.
 */
export async function role(page, name, label) {
  const inChromium = (await page.browser().version()).toLowerCase().includes('chrome');
  if (inChromium) return page.waitForSelector(`::-p-aria([name="${label}"][role="${name}"])`);
  const found = await page.waitForFunction(findNamed, { polling: 50 }, ROLES[name], label);
  return found.asElement();
}

/** Runs in the page. */
function findNamed(selector, label) {
  const textOf = (element) => {
    const copy = element.cloneNode(true);
    for (const hidden of copy.querySelectorAll('[aria-hidden="true"]')) hidden.remove();
    return copy.textContent.replace(/\s+/g, ' ').trim();
  };
  const nameOf = (element) => {
    const labelledBy = document.getElementById(element.getAttribute('aria-labelledby'));
    const labelling = labelledBy ?? element.labels?.[0] ?? element;
    return element.getAttribute('aria-label') ?? textOf(labelling);
  };
  return [...document.querySelectorAll(selector)].find((element) => nameOf(element) === label);
}

/** Clicks the button with this label; again where parts of the page that came just then moved it from under the pointer. */
export async function press(page, label) {
  for (let tries = 0; tries < 5; tries++) {
    const button = await role(page, 'button', label);
    await button.evaluate(standStill);
    await button.click();
    if (await button.evaluate((element) => element.hit)) return;
  }
  assert.fail(`the button ${label} is moved away whenever it is clicked`);
}

/**
 * Runs in the page. Nobody hits what is still being scrolled or moved, as by parts of the page that are fetched when they come
 * into sight: shows the element, waits until it has stood for three frames, and takes note of a click.
 */
async function standStill(element) {
  element.hit = false;
  element.addEventListener('click', () => {
    element.hit = true;
  });
  const { top, bottom } = element.getBoundingClientRect();
  if (top < 0 || bottom > innerHeight) element.scrollIntoView({ block: 'center', behavior: 'instant' });
  const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
  const place = () => {
    const { left, top } = element.getBoundingClientRect();
    return `${Math.round(left)} ${Math.round(top)}`;
  };
  for (let before = '', stood = 0, frames = 0; stood < 3 && frames < 120; frames++) {
    const now = place();
    stood = now === before ? stood + 1 : 0;
    before = now;
    await frame();
  }
}

export async function choose(page, label) {
  const radio = await role(page, 'radio', label);
  await radio.evaluate((input) => input.click());
}

/** Ticks the box with this label, or takes the tick away. */
export async function tick(page, label) {
  const box = await role(page, 'checkbox', label);
  await box.evaluate((input) => input.click());
}

/** Types a number in the field with this label, as a person does: over what is there, then on to the next field. */
export async function type(page, label, text) {
  const field = await role(page, 'spinbutton', label);
  await field.evaluate((input) => {
    input.focus();
    input.select();
  });
  await page.keyboard.type(text);
  await page.keyboard.press('Tab');
}

export function status(page) {
  return page.$eval('[role="status"]', (element) => element.textContent.trim());
}

/** Waits until the status line matches, and gives it. */
export async function untilStatus(page, pattern) {
  await page.waitForFunction(
    (source) => new RegExp(source).test(document.querySelector('[role="status"]')?.textContent ?? ''),
    { timeout: PATIENCE_MS, polling: 50 },
    pattern.source,
  );
  return status(page);
}

/** Steps made, as the page's counter shows them. */
export function stepsMade(page) {
  return page.$$eval('dl dt', (terms) => {
    const term = terms.find((element) => element.textContent === 'step');
    return Number(term.nextElementSibling.textContent.replaceAll(',', ''));
  });
}

export async function untilSteps(page, least) {
  await page.waitForFunction(
    (count) => {
      const term = [...document.querySelectorAll('dl dt')].find((element) => element.textContent === 'step');
      return Number(term.nextElementSibling.textContent.replaceAll(',', '')) >= count;
    },
    { timeout: PATIENCE_MS, polling: 50 },
    least,
  );
}

/** Waits until the page has stopped and finished its evaluation. */
export async function untilMeasured(page) {
  await page.waitForFunction(
    () => {
      const text = document.querySelector('[role="status"]')?.textContent ?? '';
      return (
        /^(Paused|Ready|Started over|Diverged|Stopped|Cannot start)/.test(text) && !/Measuring|preparing/.test(text)
      );
    },
    { timeout: PATIENCE_MS, polling: 50 },
  );
}

/** The text of what has this label: the figures of one mode, for example. */
export async function regionText(page, label) {
  const region = await role(page, 'region', label);
  return region.evaluate((element) => element.textContent);
}

/** Test accuracy in per cent; null where a message stands in its place, or nothing yet. */
export async function testAccuracy(page, mode) {
  const match = /([\d.]+) %/.exec(await regionText(page, `Test accuracy, ${mode} mode`));
  return match && Number(match[1]);
}

/** The latest value of a curve, from the legend of the chart with this title. */
export async function legendValue(page, chart, curve) {
  const text = await page.$$eval(
    'figure',
    (figures, title, label) => {
      const figure = figures.find((element) => element.querySelector('h2')?.textContent === title);
      const button = [...figure.querySelectorAll('button')].find((element) => element.textContent.startsWith(label));
      return button.querySelector('output').textContent;
    },
    chart,
    curve,
  );
  return Number(text.replace(/ %$/, ''));
}

/** What axe-core finds in the page as it stands, a line each. */
export async function axeViolations(page) {
  await page.addScriptTag({ path: createRequire(import.meta.url).resolve('axe-core/axe.min.js') });
  const violations = await page.evaluate(async () => (await globalThis.axe.run()).violations);
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' | ')}`);
}

/** Runs in the page, before its scripts: keeps the workers that it starts. */
export function keepWorkers() {
  globalThis.workers = [];
  globalThis.Worker = class extends Worker {
    constructor(...args) {
      super(...args);
      globalThis.workers.push(this);
    }
  };
}

/** Runs in the page, before its scripts: keeps the files that it saves. */
export function keepFiles() {
  globalThis.files = [];
  const address = URL.createObjectURL;
  URL.createObjectURL = (blob) => {
    globalThis.files.push(blob);
    return address.call(URL, blob);
  };
  // Browsers without a screen ask nobody where to put it.
  HTMLAnchorElement.prototype.click = () => {};
}
