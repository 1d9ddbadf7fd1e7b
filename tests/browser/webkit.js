/*
 * WebKit, by way of WebKitGTK's MiniBrowser. It speaks classic WebDriver alone, so Selenium drives it. What the tests see
 * bears the names of Puppeteer's browser, page and handles, and does that part of theirs that is used.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';

const POLLING_MS = 50;

/**
 * @typedef {object} Options
 * @property {string} driver @property {string} binary @property {string} display paths of WebKitWebDriver, MiniBrowser, Xvfb
 * @property {number} patience in milliseconds
 * @property {{ before: string[] }} [site] the server, which has to bring what is to run before a page's own scripts
 * @property {Record<string, string>} [env] of the browser
 */

/** @param {Options} options */
export async function launchWebKit({ driver: executable, binary, display, patience, site, env }) {
  const { Builder, Capabilities } = await import('selenium-webdriver');
  const { DriverService } = await import('selenium-webdriver/remote/index.js');
  // Xvfb finds a number that is free by itself; xvfb-run looks before it starts one, and several start at once.
  const screen = spawn(display, ['-displayfd', '3', '-screen', '0', '1600x1200x24', '-nolisten', 'tcp'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const service = new DriverService.Builder(executable).setLoopback(true);
  let running;
  const stop = async () => {
    await running?.kill();
    screen.kill();
  };
  try {
    const [number] = await once(screen.stdio[3], 'data');
    service.setEnvironment({
      ...process.env,
      ...env,
      DISPLAY: `:${String(number).trim()}`,
      GDK_BACKEND: 'x11',
      // Containers, where root runs the tests, allow no sandbox within.
      WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1',
    });
    running = service.build();
    const address = await running.start(patience);
    const driver = await new Builder()
      .usingServer(address)
      .withCapabilities(
        new Capabilities({
          browserName: 'MiniBrowser',
          'webkitgtk:browserOptions': { binary, args: ['--automation'] },
        }),
      )
      .build();
    await driver.manage().setTimeouts({ script: patience, pageLoad: patience });
    return { browser: new Browser(driver, { patience, site }), close: () => driver.quit().finally(stop) };
  } catch (error) {
    await stop();
    throw error;
  }
}

class Browser {
  constructor(driver, { patience, site }) {
    Object.assign(this, { driver, patience, site });
  }

  async version() {
    const capabilities = await this.driver.getCapabilities();
    return `webkit/${capabilities.getBrowserVersion()}`;
  }

  /** A window, for tabs are opened behind others, where nothing is drawn. What is done to a page is done to the last. */
  async newPage() {
    const { driver, site } = this;
    const [first] = await driver.getAllWindowHandles();
    await driver.switchTo().window(first);
    await driver.switchTo().newWindow('window');
    if (site) site.before = [];
    return new Page(this, await driver.getWindowHandle());
  }
}

class Page {
  constructor(browser, handle) {
    Object.assign(this, { driver: browser.driver, patience: browser.patience, of: browser, handle });
  }

  browser() {
    return this.of;
  }

  setDefaultTimeout(ms) {
    this.patience = ms;
  }

  setViewport({ width, height }) {
    return this.driver.manage().window().setRect({ width, height });
  }

  async goto(url) {
    await this.driver.get(url);
    if (!url.startsWith('file:')) return;
    // No server brings what is to run before the page's own scripts: what that stores is there when it is loaded again.
    await this.evaluate(this.of.site.before.join(' ') || '0');
    await this.driver.navigate().refresh();
  }

  async evaluateOnNewDocument(script, ...args) {
    this.of.site.before.push(`(${script}).apply(null, ${JSON.stringify(args)});`);
  }

  async evaluate(script, ...args) {
    // A test that has run out of time may still wait for something, in what is now another's window.
    if (this.closed) throw new Error('the page is closed');
    const body = typeof script === 'function' ? `(${script}).apply(null, arguments)` : script;
    const given = args.map((arg) => (arg instanceof Handle ? arg.element : arg));
    return this.driver.executeScript(`return ${body}`, ...given);
  }

  async waitForFunction(script, { timeout = this.patience, polling = POLLING_MS } = {}, ...args) {
    const found = await this.driver.wait(() => this.evaluate(script, ...args), timeout, undefined, polling);
    return new Handle(this, found);
  }

  waitForSelector(selector) {
    return this.waitForFunction((wanted) => document.querySelector(wanted), {}, selector);
  }

  async $(selector) {
    const found = await this.evaluate((wanted) => document.querySelector(wanted), selector);
    return found && new Handle(this, found);
  }

  async $eval(selector, script, ...args) {
    const found = await this.$(selector);
    if (!found) throw new Error(`no element is ${selector}`);
    return found.evaluate(script, ...args);
  }

  $$eval(selector, script, ...args) {
    const found = '[...document.querySelectorAll(arguments[0])], ...[...arguments].slice(1)';
    return this.driver.executeScript(`return (${script})(${found})`, selector, ...args);
  }

  /** Leaves the first window, which keeps the browser open. */
  async close() {
    this.closed = true;
    await this.driver.switchTo().window(this.handle);
    await this.driver.close();
    const [first] = await this.driver.getAllWindowHandles();
    await this.driver.switchTo().window(first);
  }
}

/** What a script in the page has come to: an element, or a value. */
class Handle {
  constructor(page, element) {
    Object.assign(this, { page, element });
  }

  asElement() {
    return this;
  }

  async jsonValue() {
    return this.element;
  }

  evaluate(script, ...args) {
    return this.page.evaluate(script, this, ...args);
  }

  click() {
    return this.element.click();
  }
}
