import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import puppeteer from 'puppeteer-core';

const BROWSERS = {
  chromium: {
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
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
  firefox: { executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', debianPackage: 'firefox-esr', args: [] },
};

export const browserNames = Object.keys(BROWSERS);

/** @param {string} name @returns {string} what to install, empty where the browser is there */
export function missingBrowser(name) {
  const { executablePath, debianPackage } = BROWSERS[name];
  return existsSync(executablePath) ? '' : `${executablePath} is missing: apt-get install ${debianPackage}`;
}

/**
 * Starts a headless browser with an empty profile, which `close` removes.
 *
 * @param {string} name
 * @param {{ protocolTimeout?: number }} [options]
 */
export async function launchBrowser(name, options) {
  const { executablePath, args } = BROWSERS[name];
  const profile = await mkdtemp(join(tmpdir(), 'normlab-browser-'));
  const browser = await puppeteer.launch({
    browser: name === 'firefox' ? 'firefox' : 'chrome',
    executablePath,
    args,
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
