import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { type BuildEnvironmentOptions, defineConfig, type Plugin } from 'vite';
import { elementStyles } from './element-styles.ts';
import { elementTypes } from './element-types.ts';
import { formulas } from './formulas.ts';
import { instead } from './instead.ts';
import { normlab } from './vite.config.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** What this build is to leave alone is for that of the application to see. */
const forBundlers: Plugin = {
  name: 'normlab-for-bundlers',
  renderChunk: (code) => code.replaceAll('/* @vite-ignore */', ''),
};

/** What several views share is one file, but for what only computes, which a page fetches where it can have no worker. */
const split = { groups: [{ name: 'parts', minShareCount: 3, test: /\/web\/src\/app\/|\/node_modules\// }] };

function build(
  entry: string,
  name: string,
  codeSplitting: typeof split | false,
  license: BuildEnvironmentOptions['license'] = false,
): { build: BuildEnvironmentOptions } {
  return {
    build: {
      outDir: path('../dist/element'),
      emptyOutDir: false,
      target: 'es2022',
      minify: false,
      license,
      lib: { entry: path(entry), formats: ['es'], fileName: () => `${name}.js` },
      rolldownOptions: { checks: { pluginTimings: false }, output: { codeSplitting, chunkFileNames: '[name].js' } },
    },
  };
}

/** The element for bundlers: several files in `dist/element`, and addresses that they recognize. */
export default defineConfig({
  root: path('.'),
  resolve: { alias: normlab },
  plugins: [
    instead({
      '../wasm/addresses.js': 'src/element/package-addresses.ts',
      '../wasm/sweep/threads.js': 'src/element/no-threads.ts',
      'src/app/state/room.ts': 'src/element/room.ts',
      'src/app/state/start-worker.ts': 'src/element/package-workers.ts',
    }),
    elementStyles(),
    preact(),
    formulas(),
    forBundlers,
    elementTypes(normlab),
  ],
  builder: {},
  environments: {
    client: build('src/element/package.ts', 'index', split, { fileName: 'LICENSES.md' }),
    // Of one file each: bundlers whose workers are no modules cannot split them.
    worker: { consumer: 'client', ...build('src/worker/worker.ts', 'worker', false) },
    sweeper: { consumer: 'client', ...build('src/worker/sweep-lane.ts', 'sweep-lane', false) },
  },
});
