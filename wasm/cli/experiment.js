import { datasetNames } from '../data/load.js';
import { createEngine } from '../index.js';
import { blame, UsageError } from './failure.js';
import { chooseModel } from './model.js';
import { chooseOptimizer } from './optimizer.js';
import { allowRelaxedSimd } from './relaxed.js';

/**
 * @typedef {import('./options.js').TrainingOptions} TrainingOptions
 * @typedef {import('../index.js').Model} Model
 * @typedef {import('../data/dataset.js').Dataset} Dataset
 */

/**
 * What was asked for, as far as it has an effect: what goes into the JSON documents.
 *
 * @typedef {import('./model.js').ModelSettings & import('./optimizer.js').OptimizerSettings & {
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
  /** @type {import('../data/directory.js').Splits} */
  const { train, test, note } = await blame(`--data ${options.data}`, () =>
    datasetNames.includes(options.data) ? engine.loadDataset(options.data) : engine.loadDirectory(options.data),
  );
  const data = { train: train.slice(0, options.limit), test };
  const model = await choice.make(engine, train);
  checkFit(choice.source, model, train);

  const { batchSize, dropLast = false } = options;
  const trainer = engine.trainer(model, optimizer.trainer);
  /** @type {Settings} */
  const settings = {
    ...choice.settings,
    batchSize,
    dropLast,
    ...optimizer.settings,
    data: { name: train.name, train: data.train.length, test: test.length, ...(note && { note }) },
    variant: engine.variant,
  };
  return { engine, model, trainer, data, settings };
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
