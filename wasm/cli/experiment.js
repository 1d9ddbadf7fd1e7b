import { createEngine } from '../index.js';
import { loadData } from './data.js';
import { UsageError } from './failure.js';
import { chooseModel } from './model.js';
import { chooseOptimizer } from './optimizer.js';
import { allowRelaxedSimd } from './relaxed.js';
import { blameAugment, chooseSampling } from './sampling.js';

/**
 * @typedef {import('./options.js').TrainingOptions} TrainingOptions
 * @typedef {import('../index.js').Model} Model
 * @typedef {import('../data/dataset.js').Dataset} Dataset
 */

/**
 * What was asked for, as far as it has an effect: what goes into the JSON documents.
 *
 * @typedef {import('./model.js').ModelSettings & import('./optimizer.js').OptimizerSettings &
 *   import('./sampling.js').SamplingSettings & {
 *   batchSize: number,
 *   dropLast: boolean,
 *   data: { name: string, train: number, test: number, note?: string },
 *   variant: string,
 * }} Settings `data`: numbers of images, and what was decided about them; `variant`: the module in use
 */

/**
 * Makes all that training needs, checking every option before any work is done.
 *
 * @param {TrainingOptions} options
 * @param {(name: keyof TrainingOptions) => boolean} given whether an option was typed
 */
export async function prepare(options, given) {
  const optimizer = chooseOptimizer(options, given);
  const choice = await chooseModel(options, given);
  await allowRelaxedSimd();
  const engine = await createEngine({ variant: options.variant });
  const { note, ...data } = await loadData(engine, options);
  const { train, test } = data;
  const model = await choice.make(engine, train);
  checkFit(choice.source, model, train);

  const { batchSize, dropLast = false } = options;
  const trainer = engine.trainer(model, optimizer.trainer);
  const { sampling, settings: sampled } = chooseSampling(options);
  const { augment } = sampling;
  await blameAugment(options, () => {
    const own = engine.trainer(model);
    own.start(train.slice(0, 1), { batchSize: 1, augment });
    own.dispose();
  });
  /** @type {Settings} */
  const settings = {
    ...choice.settings,
    batchSize,
    dropLast,
    ...sampled,
    ...optimizer.settings,
    data: { name: train.name, train: train.length, test: test.length, ...(note && { note }) },
    variant: engine.variant,
  };
  return { engine, model, trainer, data, sampling, settings };
}

/** @typedef {Awaited<ReturnType<typeof prepare>>} Experiment */

/**
 * @param {string} source
 * @param {Model} model
 * @param {Dataset} data
 */
function checkFit(source, { input, layers }, { name, shape, classes }) {
  if (`${input}` !== `${shape}`) {
    throw new UsageError(`${source}: expected input [${shape}], the images of ${name}, got [${input}]`);
  }
  const output = layers.at(-1)?.shape ?? input;
  if (output.length !== 1 || output[0] < classes) {
    throw new UsageError(`${source}: expected ${classes} outputs, the classes of ${name}, got [${output}]`);
  }
}
