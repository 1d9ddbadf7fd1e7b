import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';
import { elementStyles } from './element-styles.ts';
import { formulas } from './formulas.ts';
import { instead } from './instead.ts';
import { late } from './late.ts';
import { scriptParts } from './script-parts.ts';
import { smaller } from './smaller.ts';
import { normlab } from './vite.config.ts';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** The module that a script carries along, packed, as a string. */
function packedModule(): Plugin {
  const id = 'virtual:packed-module';
  const packed = () => readFileSync(path('../build/packed/normlab.simd.wasm.lzma')).toString('base64');
  return {
    name: 'normlab-packed-module',
    resolveId: (source) => (source === id ? `\0${id}` : null),
    load: (found) => (found === `\0${id}` ? `export const packed = ${JSON.stringify(packed())};` : null),
  };
}

const both = {
  '../wasm/sweep/threads.js': 'src/element/no-threads.ts',
  'src/app/state/room.ts': 'src/element/room.ts',
  'src/app/state/start-worker.ts': 'src/element/start-worker.ts',
};

/** The script and its folder. What the page has at hand comes late here. */
const parted = {
  file: 'normlab-element.js',
  plugins: () => [
    instead({ ...both, '../wasm/addresses.js': 'src/element/addresses.ts' }),
    late({
      'src/app/views/lens/CellFormula.tsx': 'CellFormula',
      'src/app/views/lens/LensFields.tsx': 'LensFields',
      'src/app/views/lens/LensMore.tsx': 'LensMore',
      'src/app/views/train/ArmPicker.tsx': 'ArmPicker',
      'src/app/views/train/RunFields.tsx': 'RunFields',
      'src/app/views/train/TrainMore.tsx': 'TrainMore',
      'src/app/views/train/Experiments.tsx': 'Experiments',
      'src/app/components/NumberField.tsx': 'NumberField',
    }),
    scriptParts(),
  ],
  output: {
    chunkFileNames: 'normlab-element/[name].js',
    codeSplitting: { groups: [{ name: 'normlab-element', tags: ['$initial' as const] }] },
  },
  license: { fileName: 'normlab-element/LICENSES.md' },
  notice: '',
};

/** One script without a folder: Lens and Train, with all that they have, and the module that most browsers run. */
const inline = {
  file: 'normlab-element.inline.js',
  plugins: () => [
    instead({
      ...both,
      '../wasm/addresses.js': 'src/element/inline/addresses.ts',
      '../wasm/engine.js': 'src/element/inline/absent.ts',
      'src/app/views/batches/BatchesView.tsx': 'src/element/inline/AbsentView.tsx',
      'src/app/views/modes/ModesView.tsx': 'src/element/inline/AbsentView.tsx',
      'src/app/views/pitfall/PitfallView.tsx': 'src/element/inline/AbsentView.tsx',
      'src/worker/services/batches.ts': 'src/element/inline/absent.ts',
      'src/worker/services/modes.ts': 'src/element/inline/absent.ts',
      'src/worker/services/page.ts': 'src/element/inline/absent.ts',
      'src/app/state/open-files.ts': 'src/element/inline/absent.ts',
      'src/worker/services/pitfall.ts': 'src/element/inline/absent.ts',
      'src/worker/sweep-lane.ts': 'src/element/inline/absent.ts',
      'src/worker/training.ts': 'src/element/inline/training.ts',
    }),
    packedModule(),
  ],
  output: { codeSplitting: false as const },
  // It stands alone.
  license: false as const,
  notice:
    '/*! Normlab, MIT, with Preact and its signals, MIT, and Comlink, Apache-2.0: normlab/dist/element/LICENSES.md */\n',
};

export default defineConfig(({ mode }) => {
  const { file, plugins, output, license, notice } = mode === 'inline' ? inline : parted;
  return {
    root: path('.'),
    resolve: { alias: normlab },
    plugins: [smaller(notice), plugins(), elementStyles(), preact(), formulas()],
    build: {
      outDir: path('../dist'),
      emptyOutDir: false,
      target: 'es2022',
      license,
      lib: { entry: path('src/element/index.ts'), formats: ['es'], fileName: () => file },
      rolldownOptions: {
        checks: { pluginTimings: false },
        preserveEntrySignatures: 'allow-extension',
        output: { minify: true, ...output },
        // What is at hand is imported as what may have to be fetched too, by code that the page shares.
        onLog: (level, log, handle) => log.code !== 'INEFFECTIVE_DYNAMIC_IMPORT' && handle(level, log),
      },
    },
  };
});
