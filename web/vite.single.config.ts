import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';
import { formulas } from './formulas.ts';
import { instead } from './instead.ts';
import { images, modules } from './src/single/files.ts';
import { normlab } from './vite.config.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));
const base64 = (file: string) => readFileSync(path(file), 'base64');

/** The page with all that it needs in it, by itself: its own policy lets it ask nobody for anything. */
function page(script: string, style: string): string {
  const hash = (text: string) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = [
    "default-src 'none'",
    `script-src ${hash(script)} 'wasm-unsafe-eval'`,
    `style-src ${hash(style)}`,
    'worker-src blob:',
    'img-src data: blob:',
  ].join('; ');
  const files = [
    ...Object.values(modules).map((name) => [name, base64(`../build/packed/${name}`)]),
    ...images.map((name) => [name, base64(`../wasm/data/fashion-mnist/${name}`)]),
  ];
  const parts: [from: string, to: string][] = [
    [
      '<meta name="viewport"',
      `<meta http-equiv="Content-Security-Policy" content="${policy}">\n    <meta name="viewport"`,
    ],
    ['href="./src/icon.svg"', `href="data:image/svg+xml;base64,${base64('src/icon.svg')}"`],
    ['</head>', `<style>${style}</style>\n  </head>`],
    [
      '<script type="module" src="./src/app/main.tsx"></script>',
      [
        ...files.map(([name, text]) => `<script type="text/plain" id="${name}">${text}</script>`),
        `<script id="script">${script}</script>`,
      ].join('\n    '),
    ],
  ];
  let html = readFileSync(path('index.html'), 'utf8');
  for (const [from, to] of parts) {
    if (html.split(from).length !== 2) throw new Error(`web/index.html: expected one ${from}`);
    // By a function: in a text $ would mean something.
    html = html.replace(from, () => to);
  }
  return html;
}

/** Puts what the build has made into a file of HTML. */
function oneFile(name: string): Plugin {
  return {
    name: 'normlab-one-file',
    enforce: 'post',
    generateBundle(_, bundle) {
      let [script, style] = ['', ''];
      for (const [fileName, part] of Object.entries(bundle)) {
        if (part.type === 'chunk') script += part.code;
        else if (fileName.endsWith('.css')) style += part.source;
        else throw new Error(`${fileName}: no place for it in ${name}`);
        delete bundle[fileName];
      }
      // What would end the element, or begin a comment in it, is only ever within strings.
      const safe = script.replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
      this.emitFile({ type: 'asset', fileName: name, source: page(safe, style) });
    },
  };
}

export default defineConfig({
  root: path('.'),
  resolve: { alias: normlab },
  plugins: [
    instead({
      '../wasm/addresses.js': 'src/single/addresses.ts',
      '../wasm/data/fetch.js': 'src/single/read-all.ts',
      '../wasm/sweep/threads.js': 'src/element/no-threads.ts',
      'src/app/state/links.ts': 'src/single/links.ts',
      'src/app/state/start-worker.ts': 'src/single/start-worker.ts',
    }),
    preact(),
    formulas(),
    oneFile('normlab.html'),
  ],
  build: {
    outDir: path('../dist'),
    emptyOutDir: false,
    target: 'es2022',
    // Not of modules: browsers refuse those in workers of a page from disk.
    lib: { entry: path('src/single/index.ts'), formats: ['iife'], name: 'normlab', fileName: 'normlab' },
    // Nobody waits for these seconds.
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
