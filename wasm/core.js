import { checkOptions } from './checks.js';
import { compileEngine, instantiate } from './load.js';
import { Runtime } from './runtime.js';

export { NormlabError } from './errors.js';
export { about as presetHeads } from './presets/about.js';

/**
 * @typedef {import('./load.js').Variant} Variant
 * @typedef {Awaited<ReturnType<typeof createCore>>} Core
 */

/**
 * What all else of an engine is added to, for pages that have it fetched part by part: `addLayers` of `normlab/layers`,
 * `addTraining` of `normlab/training`, `addProbing` of `normlab/probing`, or all by `extendEngine` of `normlab/extend`.
 *
 * @param {import('./engine.js').EngineOptions} [options] as those of `createEngine`
 * @throws {import('./errors.js').NormlabError} as `createEngine`
 */
export async function createCore(options) {
  const given = checkOptions('createEngine', 'options', options, ['variant', 'wasm']);
  const { variant = 'auto', wasm } = /** @type {NonNullable<typeof options>} */ (given);
  const module = await compileEngine(variant, wasm);
  const runtime = new Runtime(await instantiate(module));
  return {
    /** Which module it runs on: `'scalar'`, `'simd'` or `'relaxed'`. */
    variant: runtime.abi.variant,
    /** The engine's version. */
    version: runtime.abi.version,

    /** @returns {{ bytes: number }} size of the engine's memory, which grows on demand and never shrinks */
    get memory() {
      return { bytes: runtime.buffer.byteLength };
    },

    /** Gives up everything that the engine owns; using it or what it made throws from here on. */
    dispose: () => runtime.dispose(),

    /** @internal for the benchmark, which times the engine without copies */
    runtime,
    /** @internal what sweeps give to their threads */
    module,
  };
}
