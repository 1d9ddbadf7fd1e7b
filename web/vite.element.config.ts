import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';
import { elementStyles } from './element-styles.ts';
import { formulas } from './formulas.ts';
import { normlab } from './vite.config.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Modules that a build of one script has others for. */
function instead(others: Record<string, string>): Plugin {
  const known = new Map(Object.entries(others).map(([module, other]) => [path(module), path(other)]));
  return {
    name: 'normlab-instead',
    enforce: 'pre',
    async resolveId(source, importer, options) {
      const found = await this.resolve(source, importer, { ...options, skipSelf: true });
      return found && known.has(found.id) ? known.get(found.id) : null;
    },
  };
}

export default defineConfig({
  root: path('.'),
  resolve: { alias: normlab },
  plugins: [
    instead({
      '../wasm/addresses.js': 'src/element/addresses.ts',
      '../wasm/sweep/threads.js': 'src/element/no-threads.ts',
      'src/app/state/start-worker.ts': 'src/element/start-worker.ts',
    }),
    elementStyles(),
    preact(),
    formulas(),
  ],
  build: {
    outDir: path('../dist'),
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: path('src/element/index.ts'), formats: ['es'], fileName: () => 'normlab-element.js' },
    rolldownOptions: { output: { codeSplitting: false, minify: true } },
  },
});
