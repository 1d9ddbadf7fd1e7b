import { checkOptions } from './checks.js';
import { compileEngine, instantiate } from './load.js';
import { Model } from './model.js';
import { Runtime } from './runtime.js';
import { Trainer } from './trainer.js';

export { NormlabError } from './errors.js';
export { presetSpec, presets } from './presets/index.js';

/**
 * @typedef {import('./load.js').Variant} Variant
 * @typedef {import('./presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('./trainer.js').TrainerOptions} TrainerOptions
 * @typedef {Awaited<ReturnType<typeof createCore>>} Core
 */

/**
 * The part of an engine that trains, for pages that have to be small: without layers by themselves, file formats (and so
 * `model.save`, `model.fold`, `trainer.fit` and the states of trainers), made-up data and sweeps, which `extendEngine` of `normlab/extend` adds.
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

    /**
     * A model from its description.
     *
     * @param {ModelSpec} spec
     * @throws {import('./errors.js').NormlabError} `argument` or `shape`, naming the layer
     */
    model: (spec) => new Model(runtime, spec),

    /**
     * An optimizer for a model of this engine.
     *
     * @param {Model} model
     * @param {TrainerOptions} [trainerOptions]
     */
    trainer: (model, trainerOptions) => new Trainer(runtime, model, trainerOptions),

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
