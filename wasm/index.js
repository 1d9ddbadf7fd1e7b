/**
 * Normlab: normalization layers as PyTorch computes them, and a small CNN trainer, in WebAssembly.
 *
 * Importing this module does nothing but define; it is safe without a DOM.
 *
 * @module normlab
 */
export { checkGradients } from './check/gradients.js';
export { makeDataset } from './data/dataset.js';
export { createEngine } from './engine.js';
export { NormlabError } from './errors.js';
export { presetSpec, presets } from './presets/index.js';

/**
 * @typedef {import('./engine.js').Engine} Engine
 * @typedef {import('./load.js').Variant} Variant
 * @typedef {import('./errors.js').ErrorCode} ErrorCode
 * @typedef {import('./data/dataset.js').Tensor} Tensor
 * @typedef {import('./data/dataset.js').Dataset} Dataset
 * @typedef {import('./data/synthetic.js').SyntheticOptions} SyntheticOptions
 * @typedef {import('./engine-dataset.js').Augment} Augment
 * @typedef {import('./check/gradients.js').GradientCheck} GradientCheck
 * @typedef {import('./check/gradients.js').TensorCheck} TensorCheck
 * @typedef {import('./layers.js').NormLayer} NormLayer
 * @typedef {import('./model.js').Model} Model
 * @typedef {import('./model.js').Comparison} Comparison
 * @typedef {import('./measure.js').LayerMeasurement} LayerMeasurement
 * @typedef {import('./measure.js').Moments} Moments
 * @typedef {import('./state-dict.js').StateDict} StateDict
 * @typedef {import('./spec.js').LayerEntry} LayerEntry
 * @typedef {import('./presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('./presets/index.js').LayerSpec} LayerSpec
 * @typedef {import('./presets/index.js').Preset} Preset
 * @typedef {import('./trainer.js').Trainer} Trainer
 * @typedef {import('./trainer.js').TrainingRun} TrainingRun
 * @typedef {import('./trainer.js').TrainerOptions} TrainerOptions
 * @typedef {import('./trainer.js').RunStep} RunStep
 * @typedef {import('./trainer.js').History} History
 * @typedef {import('./pytorch/index.js').PyTorchOptions} PyTorchOptions
 * @typedef {import('./sweep/settings.js').SweepOptions} SweepOptions
 * @typedef {import('./sweep/index.js').Sweep} Sweep
 * @typedef {import('./sweep/run.js').SweepRun} SweepRun
 * @typedef {import('./sweep/plan.js').PlannedRun} PlannedRun
 */
