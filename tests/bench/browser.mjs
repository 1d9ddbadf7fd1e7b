// Measures the engine in a browser: make bench-browser ARGS='"train smallcnn" --browser chromium'
import { createReadStream, existsSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Option } from 'commander';
import { browserNames, launchBrowser } from '../browser/browsers.js';
import { benchCommand } from './options.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TYPES = { '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
/** The sources run as they are; bare names are for the browser to be told. */
const IMPORTS = {
  normlab: '/wasm/index.js',
  fflate: '/node_modules/fflate/esm/browser.js',
  'wasm-feature-detect': '/node_modules/wasm-feature-detect/dist/esm/index.js',
};
const PAGE = `<!doctype html><script type="importmap">${JSON.stringify({ imports: IMPORTS })}</script>
<script type="module">
import { createEngine } from 'normlab';
import { measureAll } from '/tests/bench/measure.js';
window.bench = async (variant, words) => {
  const lines = [];
  const engine = await createEngine({ variant });
  await measureAll(engine, words, (figures) => lines.push(figures));
  engine.dispose();
  return lines;
};
</script>`;

const command = benchCommand('bench-browser', 'Measures the engine in headless browsers.')
  .addOption(new Option('--browser <browser...>').choices(browserNames).default(browserNames))
  .parse();
const { browser: browsers, variant: variants } = command.opts();

const server = createServer((request, response) => {
  const path = normalize(new URL(request.url, 'http://localhost').pathname);
  if (path === '/') {
    response.writeHead(200, { 'content-type': 'text/html' }).end(PAGE);
    return;
  }
  const file = join(ROOT, path);
  if (!existsSync(file)) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, { 'content-type': TYPES[extname(file)] ?? 'application/octet-stream' });
  createReadStream(file).pipe(response);
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

for (const name of browsers) {
  const { browser, close } = await launchBrowser(name, { protocolTimeout: 0 });
  const page = await browser.newPage();
  page.setDefaultTimeout(0);
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction('window.bench');
  for (const variant of variants) {
    const lines = await page.evaluate((which, words) => window.bench(which, words), variant, command.args);
    for (const line of lines) console.log(JSON.stringify({ browser: name, ...line }));
  }
  await close();
}
server.close();
