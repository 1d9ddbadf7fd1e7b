import { existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import puppeteer from 'puppeteer-core';
import { launchWebKit } from './webkit.js';

const BROWSERS = {
  chromium: {
    path: process.env.CHROMIUM ?? find('chromium', 'chromium-browser', 'google-chrome'),
    debianPackage: 'chromium',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  },
  firefox: { path: process.env.FIREFOX ?? find('firefox-esr', 'firefox'), debianPackage: 'firefox-esr', args: [] },
};

/** WebKitGTK's browser stands where no PATH leads; what drives it and what it shows itself on are other programs. */
const WEBKIT = {
  binary: readdirSync('/usr/lib')
    .map((folder) => `/usr/lib/${folder}/webkit2gtk-4.1/MiniBrowser`)
    .find(existsSync),
  driver: find('WebKitWebDriver'),
  display: find('Xvfb'),
};

/** Those that Puppeteer drives, and all. */
export const browserNames = Object.keys(BROWSERS);
export const withWebKit = [...browserNames, 'webkit'];

/** @param {...string} names @returns {string | undefined} the first that is on PATH */
function find(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file));
}

/** @param {string} name @returns {string} what to install, empty where the browser is there */
export function missingBrowser(name) {
  if (name === 'webkit') {
    const missing = Object.keys(WEBKIT).some((part) => !WEBKIT[part]);
    return missing ? 'webkit is missing: apt-get install webkit2gtk-driver xvfb' : '';
  }
  const { path, debianPackage } = BROWSERS[name];
  return path && existsSync(path) ? '' : `${name} is missing: apt-get install ${debianPackage}`;
}

/**
 * Starts a headless browser with an empty profile, which `close` removes.
 *
 * @param {string} name
 * @param {{ protocolTimeout?: number, site?: { before: string[] }, args?: string[], extraPrefsFirefox?: object, env?: object }}
 *   [options] `site` serves the pages; the last three are more for Chromium, Firefox and WebKit
 */
export async function launchBrowser(name, { site, args: more = [], env, ...options } = {}) {
  if (name === 'webkit') return launchWebKit({ ...WEBKIT, site, env, patience: options.protocolTimeout });
  const { path: executablePath, args } = BROWSERS[name];
  const profile = await mkdtemp(join(tmpdir(), 'normlab-browser-'));
  const browser = await puppeteer.launch({
    browser: name === 'firefox' ? 'firefox' : 'chrome',
    executablePath,
    args: [...args, ...more],
    userDataDir: profile,
    ...options,
  });
  return {
    browser,
    async close() {
      await browser.close();
      await rm(profile, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
