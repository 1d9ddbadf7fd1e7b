import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';
import { elementStyles } from './element-styles.ts';
import { formulas } from './formulas.ts';
import { late } from './late.ts';
import { scriptParts } from './script-parts.ts';
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
      'src/app/state/room.ts': 'src/element/room.ts',
      'src/app/state/start-worker.ts': 'src/element/start-worker.ts',
    }),
    late({
      'src/app/views/lens/CellFormula.tsx': 'CellFormula',
      'src/app/views/lens/LensFields.tsx': 'LensFields',
      'src/app/views/lens/LensMore.tsx': 'LensMore',
      'src/app/views/train/RunFields.tsx': 'RunFields',
      'src/app/views/train/TrainMore.tsx': 'TrainMore',
      'src/app/views/train/Experiments.tsx': 'Experiments',
      'src/app/components/NumberField.tsx': 'NumberField',
    }),
    elementStyles(),
    preact(),
    formulas(),
    scriptParts(),
  ],
  build: {
    outDir: path('../dist'),
    emptyOutDir: false,
    target: 'es2022',
    lib: { entry: path('src/element/index.ts'), formats: ['es'], fileName: () => 'normlab-element.js' },
    rolldownOptions: {
      preserveEntrySignatures: 'allow-extension',
      output: {
        minify: true,
        chunkFileNames: 'normlab-element/[name].js',
        codeSplitting: { groups: [{ name: 'normlab-element', tags: ['$initial' as const] }] },
      },
      // What is at hand is imported as what may have to be fetched too, by code that the page shares.
      onLog: (level, log, handle) => log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT' && handle(level, log),
    },
  },
});
