import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';
import { formulas } from './formulas.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** WebKit runs the script that a worker is started with again when another imports it: so none does. */
const STARTS_WORKER = /\/web\/src\/worker\/(worker|sweep-lane)\.ts$/;

/** What every visit needs is one file, and so is what several tabs share: many small ones compress worse. */
const rolldownOptions = {
  checks: { pluginTimings: false },
  output: {
    codeSplitting: {
      groups: [
        { name: 'base', tags: ['$initial' as const], test: (id: string) => !STARTS_WORKER.test(id) },
        // Not what only computes: the page fetches that where it can have no worker.
        { name: 'parts', minShareCount: 4, test: /\/web\/src\/app\/|\/node_modules\// },
      ],
    },
  },
};

/** The package by its name, as its users import it. */
export const normlab = [
  { find: /^normlab$/, replacement: path('../wasm/index.js') },
  { find: /^normlab\/core$/, replacement: path('../wasm/core.js') },
  { find: /^normlab\/training$/, replacement: path('../wasm/training.js') },
  { find: /^normlab\/layers$/, replacement: path('../wasm/layers.js') },
  { find: /^normlab\/probing$/, replacement: path('../wasm/probing.js') },
  { find: /^normlab\/extend$/, replacement: path('../wasm/engine.js') },
];

export default defineConfig({
  root: path('.'),
  // What hosts read beside the site.
  publicDir: path('site'),
  // Relative addresses let the built site stand under any path, in a documentation folder or on GitHub Pages.
  base: './',
  resolve: { alias: normlab },
  plugins: [preact(), formulas()],
  worker: { format: 'es', rolldownOptions },
  build: {
    outDir: path('../dist/site'),
    emptyOutDir: true,
    target: 'es2022',
    // The modules and the images are fetched as files: inlined they could be neither streamed nor cached apart.
    assetsInlineLimit: 0,
    // All browsers that run the engine preload modules by themselves.
    modulePreload: { polyfill: false },
    // The page, and the page for frames.
    rolldownOptions: { ...rolldownOptions, input: [path('index.html'), path('embed.html')] },
  },
});
