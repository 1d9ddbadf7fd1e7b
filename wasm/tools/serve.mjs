#!/usr/bin/env node
// Serves the page: serve.mjs preview PORT gives the built one in dist/site; serve.mjs dev PORT gives the sources, and
// makes the modules anew when something in src/ changes.

import { spawn } from 'node:child_process';
import { watch } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createServer, preview } from 'vite';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const HOST = '127.0.0.1';
const SETTLE_MS = 100;

/**
 * Runs `make modules` after a change has settled, one run at a time, then tells the pages to reload.
 * @param {() => void} reload
 */
function rebuildOnChange(reload) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  let running = false;
  let again = false;
  const rebuild = () => {
    if (running) {
      again = true;
      return;
    }
    running = true;
    again = false;
    spawn('make', ['modules'], { cwd: ROOT, stdio: 'inherit' }).on('exit', (status) => {
      running = false;
      if (again) rebuild();
      else if (status === 0) reload();
    });
  };
  watch(`${ROOT}src`, { recursive: true }, () => {
    clearTimeout(timer);
    timer = setTimeout(rebuild, SETTLE_MS);
  });
}

const [mode, portText = '8123'] = process.argv.slice(2);
const port = Number(portText);
try {
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    throw new Error(`PORT must be 1 to 65535, got '${portText}'`);
  const address = { host: HOST, port, strictPort: true };
  if (mode === 'preview') {
    await preview({ root: `${ROOT}web`, build: { outDir: '../dist/site' }, preview: address });
  } else if (mode === 'dev') {
    const server = await createServer({ root: `${ROOT}web`, server: address });
    await server.listen();
    rebuildOnChange(() => server.ws.send({ type: 'full-reload' }));
  } else throw new Error("expected 'preview' or 'dev'");
  console.log(`\nNormlab is at http://${HOST}:${port}/ (Ctrl+C ends it)`);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  const taken = /in use|EADDRINUSE/.test(message);
  console.error(`normlab: ${taken ? `port ${port} is taken; choose another: make start PORT=${port + 1}` : message}`);
  process.exit(1);
}
