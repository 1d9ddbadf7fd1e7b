import { describe } from './checks.js';
import { createCore } from './core.js';
import { cifar10 } from './data/cifar10.js';
import { loadDirectory } from './data/directory.js';
import { idx } from './data/idx.js';
import { loadDataset } from './data/load.js';
import { npz } from './data/npz.js';
import { synthetic } from './data/synthetic.js';
import { NormlabError } from './errors.js';
import { extras } from './extras.js';
import { normFactories } from './layers.js';
import { Model } from './model.js';
import { toPyTorch } from './pytorch/index.js';
import { Runtime } from './runtime.js';
import { readSafetensors } from './safetensors.js';
import { loadModel } from './saved-model.js';
import { dictFrom } from './stored.js';
import { sweep } from './sweep/index.js';
import { addTraining } from './training.js';

/**
 * @typedef {import('./load.js').Variant} Variant
 * @typedef {import('./data/dataset.js').Dataset} Dataset
 * @typedef {import('./sweep/settings.js').SweepOptions} SweepOptions
 * @typedef {ReturnType<typeof extendEngine>} Engine
 *
 * @typedef {object} EngineOptions
 * @property {'auto' | Variant} [variant] default `'auto'`: the fastest that this host can run
 * @property {URL | string | BufferSource | WebAssembly.Module} [wasm] a module in place of the package's own
 */

/**
 * Makes an engine: an instance of the WebAssembly module with memory of its own.
 *
 * @param {EngineOptions} [options]
 * @returns {Promise<Engine>}
 * @throws {import('./errors.js').NormlabError} `unsupported` where the variant cannot run here, `io` or `format` where the
 *   module cannot be had
 */
export async function createEngine(options) {
  return extendEngine(await createCore(options));
}

/**
 * Adds to an engine of `normlab/core` what it lacks, in place.
 *
 * @param {import('./core.js').Core} core
 * @throws {NormlabError} `argument` for what is none
 */
export function extendEngine(core) {
  if (!(core?.runtime instanceof Runtime)) {
    throw new NormlabError('argument', `extendEngine: core: expected an engine of normlab/core, got ${describe(core)}`);
  }
  const { runtime, module } = core;
  Object.assign(runtime.extras, extras);
  return Object.assign(addTraining(core), {
    ...normFactories(runtime),

    /**
     * The model that `model.save()` wrote: its parameters and running statistics bit for bit, in the mode that it was in.
     *
     * @param {Uint8Array | ArrayBuffer} bytes
     * @returns {Model}
     * @throws {import('./errors.js').NormlabError} `format` for bytes that are none such, saying where; nothing is made of a
     *   spec whose parameters are not there
     */
    loadModel: (bytes) => loadModel((...made) => new Model(runtime, made[0], made[1], made[2]), bytes),

    /**
     * The tensors of a safetensors file of anybody, such as PyTorch users save, for `model.loadStateDict`.
     *
     * @param {Uint8Array | ArrayBuffer} bytes
     * @returns {import('./state-dict.js').StateDict} F32, F64, F16 and BF16 as float32, an I64 without dimensions as a number
     * @throws {import('./errors.js').NormlabError} `format` for bytes that are none such, and for other types
     */
    safetensors: (bytes) => dictFrom('nl.safetensors', readSafetensors('nl.safetensors', bytes).tensors),

    /**
     * A model as a Python script for PyTorch 1.13 or newer, whose state dictionary has the model's keys; with `trainer` or
     * `distributed` a script that trains it, with `distributed` by torchrun in a process each device. Or a normalization layer
     * as a few lines that make it and run it forward and backward.
     *
     * @type {(subject: Model | import('./layers.js').NormLayer,
     *   options?: import('./pytorch/index.js').PyTorchOptions) => string}
     * @throws {NormlabError} `unsupported` for what cannot be said there, naming the layer or option
     */
    toPyTorch: (subject, options) => toPyTorch(runtime, subject, options),

    /**
     * Trains a model anew for each of norms × batch sizes × seeds, in worker threads. Equal settings give bit-equal results
     * with any number of workers. A run that fails becomes one with `error`, and the others go on.
     *
     * @param {SweepOptions} [sweepOptions]
     * @returns {Promise<import('./sweep/index.js').Sweep>}
     * @throws {import('./errors.js').NormlabError} `argument` for options that no run could be made with, `unsupported`
     *   where there are no workers, `internal` where one ended; or the reason of `signal`
     */
    sweep: (sweepOptions) => sweep(runtime, module, sweepOptions),

    /**
     * Loads or makes up a dataset by its name.
     *
     * @param {string} name `'fashion-mnist'`, which ships with the package, `'blobs'` or `'textures'`, which are made up
     * @param {import('./data/load.js').LoadOptions} [loadOptions]
     * @returns {Promise<{ train: Dataset, test: Dataset }>} mean and std are those of the training images in both
     * @throws {import('./errors.js').NormlabError} `argument` for an unknown name, `io` for a file that cannot be read,
     *   `format` for a corrupt one
     */
    loadDataset: (name, loadOptions) => loadDataset(name, loadOptions, runtime),
    loadDirectory,
    idx,
    cifar10,
    npz,

    /**
     * Gaussian clusters about a centre a class: floats, which any layer can be tried on without a file. Centres are about 1
     * from the origin and so about √2 from each other. Images have at most 4 × 4 values a channel, shown as patches, so that
     * convolutions find them. Equal options give equal bits in every variant; fewer samples are the first of more.
     *
     * @param {import('./data/synthetic.js').SyntheticOptions} [blobOptions] shape: `[C]`, `[C, L]` or `[C, H, W]`, default
     *   `[1, 28, 28]`; noise: standard deviation about the centre, in each direction, default 0.25
     * @returns {Dataset} standardized; classes are balanced: one of each in every `classes` samples
     */
    blobs: (blobOptions) => synthetic(runtime, 'blobs', blobOptions),

    /**
     * Coloured textures as bytes: waves (of even classes) and checks (of odd ones) whose orientation, frequency and colours are
     * those of the class, each within a range, with random phase and contrast about grey, so that it takes more than a mean
     * colour to tell them apart. Equal options give equal bits in every variant; fewer samples are the first of more.
     *
     * @param {import('./data/synthetic.js').SyntheticOptions} [textureOptions] shape: `[C, H, W]`, default `[3, 32, 32]`;
     *   noise: standard deviation of each value's, half the range of bytes being 1, default 0.5
     * @returns {Dataset} classes are balanced: one of each in every `classes` samples
     */
    textures: (textureOptions) => synthetic(runtime, 'textures', textureOptions),
  });
}
