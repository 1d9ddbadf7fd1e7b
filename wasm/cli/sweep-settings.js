import { hasNormPlace } from '../presets/fill.js';
import { digest, digestOf } from './digest.js';
import { UsageError } from './failure.js';
import { checkStandardization } from './model.js';
import { NO_FILE, readModelFile } from './model-file.js';
import { chooseOptimizer } from './optimizer.js';
import { chooseSampling } from './sampling.js';

/**
 * @typedef {import('./options.js').SweepOptions} SweepOptions
 *
 * What all runs of a sweep have in common: those of one file agree in it.
 *
 * @typedef {import('./optimizer.js').OptimizerSettings & import('./sampling.js').SamplingSettings & {
 *   preset: string | null, model: string | null, modelDigest: string | null, groups: number, placement: string,
 *   weightStandardization?: boolean,
 *   epochs: number, dropLast: boolean, scaleLr: boolean,
 *   data: { name: string, train: number, test: number, digest: string, note?: string }, variant: string, version: string,
 * }} SweepSettings `lr`: with scaleLr that of 32 images a step; digests: SHA-256 of the contents
 */

/** The base that scaling starts from where there is no --lr; nl.sweep has the same. */
const SGD_BASE_RATE = 0.02;

/**
 * @param {SweepOptions} options
 * @param {(name: keyof SweepOptions) => boolean} given whether an option was typed
 * @throws {UsageError}
 */
export async function chooseSweep(options, given) {
  const recipe = options.lr === undefined && options.optimizer === 'sgd';
  const {
    scaleLr = recipe,
    lr = recipe ? SGD_BASE_RATE : undefined,
    schedule = recipe ? 'linear' : 'constant',
  } = options;
  const typed = /** @type {(name: keyof import('./options.js').TrainingOptions) => boolean} */ (given);
  const optimizer = chooseOptimizer(
    /** @type {import('./options.js').TrainingOptions} */ (/** @type {unknown} */ ({ ...options, lr, schedule })),
    typed,
  );
  const { spec: file, saved } = options.model === undefined ? NO_FILE : await readModelFile(options.model);
  if (saved) throw new UsageError(`--model ${options.model}: expected JSON: a sweep trains from new weights`);
  const open = !file || hasNormPlace(file.layers);
  for (const name of /** @type {const} */ (['norm', 'groups', 'placement'])) {
    if (!open && given(name)) {
      throw new UsageError(`--${name}: ${options.model} has no { "type": "norm" } layer that it could apply to`);
    }
  }
  checkStandardization(options, file?.layers);
  const {
    groups,
    placement,
    weightStandardization = false,
    epochs,
    dropLast = false,
    batchSize,
    seed,
    preset,
  } = options;
  const norms = open ? options.norm : [null];
  const { sampling, settings: sampled } = chooseSampling(options);
  return {
    axes: { norms, batchSizes: batchSize, seeds: seed },
    /** What nl.sweep takes. */
    sweep: {
      ...(open && { norms: options.norm }),
      batchSizes: batchSize,
      seeds: seed,
      model: file ?? preset,
      groups,
      placement,
      weightStandardization,
      trainer: optimizer.trainer,
      scaleLr,
      epochs,
      dropLast,
      ...sampling,
    },
    /**
     * @param {import('../data/directory.js').Splits} data
     * @param {{ variant: string, version: string }} engine
     * @returns {SweepSettings}
     */
    settings: ({ train, test, note }, { variant, version }) => ({
      preset: file ? null : preset,
      model: options.model ?? null,
      modelDigest: file && digest(JSON.stringify(file)),
      groups,
      placement,
      ...(weightStandardization && { weightStandardization }),
      epochs,
      dropLast,
      ...sampled,
      ...optimizer.settings,
      scaleLr,
      data: {
        name: train.name,
        train: train.length,
        test: test.length,
        digest: digestOf(train, test),
        ...(note && { note }),
      },
      variant,
      version,
    }),
  };
}
