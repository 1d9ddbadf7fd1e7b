import { Model } from './model.js';
import { Trainer } from './trainer.js';

export { makeDataset } from './data/dataset.js';
export { loadFashionMnist } from './data/fashion-mnist.js';
/** @internal for a page without images */
export { synthetic } from './data/synthetic.js';
export { presetSpec, presets } from './presets/index.js';

/**
 * @typedef {import('./runtime.js').Runtime} Runtime
 * @typedef {import('./presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('./trainer.js').TrainerOptions} TrainerOptions
 */

/**
 * Adds what trains to an engine of `normlab/core`, in place: all but file formats (and so `model.save`, `model.fold`,
 * `trainer.fit` and the states of trainers), made-up data and sweeps, which `extendEngine` adds too; and what looks into
 * models, which `addProbing` does.
 *
 * @template {{ runtime: Runtime }} C
 * @param {C} core
 */
export function addTraining(core) {
  const { runtime } = core;
  return Object.assign(core, {
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
  });
}
