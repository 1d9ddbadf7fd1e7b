import { datasetNames } from '../data/load.js';
import { createEngine, presetSpec } from '../index.js';
import { fillNorms, hasNormPlace } from '../presets/fill.js';
import { blame, UsageError } from './failure.js';
import { readModelFile } from './model-file.js';
import { allowRelaxedSimd } from './relaxed.js';

/**
 * @typedef {import('./options.js').Options} Options
 * @typedef {import('../presets/index.js').ModelSpec} ModelSpec
 * @typedef {import('../data/dataset.js').Dataset} Dataset
 */

/**
 * What was asked for, as far as it has an effect: what goes into the JSON documents.
 *
 * @typedef {object} Settings
 * @property {string | null} preset
 * @property {string | null} model the file
 * @property {string | null} norm null for a model that has its own normalizations
 * @property {number | null} groups null where norm is not group
 * @property {string | null} placement
 * @property {number} batchSize
 * @property {boolean} dropLast
 * @property {number} lr
 * @property {number} momentum
 * @property {number} weightDecay
 * @property {number} seed
 * @property {{ name: string, train: number, test: number }} data numbers of images
 * @property {string} variant the module in use
 */

/**
 * Makes all that a command needs, checking every option before any work is done.
 *
 * @param {Options} options
 * @param {(name: keyof Options) => boolean} given whether an option was typed
 */
export async function prepare(options, given) {
  const file = options.model === undefined ? null : await readModelFile(options.model);
  const open = !file || hasNormPlace(file.layers);
  for (const name of /** @type {const} */ (['norm', 'groups', 'placement'])) {
    if (!open && given(name)) {
      throw new UsageError(`--${name}: ${options.model} has no { "type": "norm" } layer that it could apply to`);
    }
  }
  await allowRelaxedSimd();
  const engine = await createEngine({ variant: options.variant });
  const { train, test } = await blame(`--data ${options.data}`, () =>
    datasetNames.includes(options.data) ? engine.loadDataset(options.data) : engine.loadDirectory(options.data),
  );
  const data = { train: train.slice(0, options.limit), test };

  const { norm, groups, placement } = options;
  const source = file ? `--model ${options.model}` : `--preset ${options.preset}`;
  const blamed = open && norm === 'group' ? `${source} --norm group --groups ${groups}` : source;
  const seed = given('seed') ? options.seed : (file?.seed ?? options.seed);
  /** @type {ModelSpec} */
  const spec = file
    ? { input: train.shape, ...file, seed, layers: open ? fillNorms(file.layers, options) : file.layers }
    : presetSpec(options.preset, { norm, groups, placement, seed, input: train.shape, classes: train.classes });
  const model = await blame(blamed, () => engine.model(spec));
  checkFit(source, spec, model.layers, train);

  const { lr, momentum, weightDecay, batchSize, dropLast = false } = options;
  const trainer = engine.trainer(model, { optimizer: { type: 'sgd', lr, momentum, weightDecay } });
  /** @type {Settings} */
  const settings = {
    preset: file ? null : options.preset,
    model: options.model ?? null,
    norm: open ? norm : null,
    groups: open && norm === 'group' ? groups : null,
    placement: open && norm !== 'none' ? placement : null,
    batchSize,
    dropLast,
    lr,
    momentum,
    weightDecay,
    seed,
    data: { name: train.name, train: data.train.length, test: test.length },
    variant: engine.variant,
  };
  return { engine, model, trainer, data, settings };
}

/** @typedef {Awaited<ReturnType<typeof prepare>>} Experiment */

/**
 * @param {string} source
 * @param {ModelSpec} spec
 * @param {{ shape: number[] }[]} layers
 * @param {Dataset} data
 */
function checkFit(source, { input }, layers, { name, shape, classes }) {
  if (`${input}` !== `${shape}`) {
    throw new UsageError(`${source}: expected input [${shape}], the images of ${name}, got [${input}]`);
  }
  const output = layers.at(-1)?.shape ?? input;
  if (output.length !== 1 || output[0] < classes) {
    throw new UsageError(`${source}: expected ${classes} outputs, the classes of ${name}, got [${output}]`);
  }
}
