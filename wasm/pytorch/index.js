import { checkBoolean, checkInteger, checkOptions, describe, shapeText } from '../checks.js';
import { NormlabError } from '../errors.js';
import { NormLayer } from '../layers.js';
import { Model } from '../model.js';
import { checkRun, Trainer } from '../trainer.js';
import { dataset } from './data.js';
import { layerText } from './layer.js';
import { Modules } from './modules.js';
import { script } from './python.js';
import { EVALUATE, frozenText, mainText, optimizerText, scheduleText, stepText } from './training.js';

/**
 * @typedef {import('../runtime.js').Runtime} Runtime
 *
 * @typedef {object} PyTorchOptions
 * @property {Trainer | import('../trainer.js').TrainerOptions} [trainer] of a model: one of it, or its options; makes it a
 *   script that trains
 * @property {boolean} [distributed] of a model: trains in several processes with DistributedDataParallel, each of which has its
 *   part of every batch, as `replicas` have; default false
 * @property {Partial<Pick<import('../trainer.js').RunOptions,
 *   'batchSize' | 'epochs' | 'shuffle' | 'dropLast' | 'seed' | 'sortByClass' | 'augment'>>} [run] of a model that is trained:
 *   options as `trainer.fit` takes them, of which sortByClass and augment are not supported; default batches of 32, 1 epoch
 * @property {number[]} [shape] of a layer: of the input, with N; default that of its last input
 */

const CALL = 'nl.toPyTorch';
const RUN = ['batchSize', 'epochs', 'shuffle', 'dropLast', 'seed', 'sortByClass', 'augment'];

/**
 * @param {Runtime} runtime
 * @param {Model | NormLayer} subject
 * @param {PyTorchOptions} [options]
 * @returns {string}
 */
export function toPyTorch(runtime, subject, options) {
  if (subject instanceof NormLayer) {
    const { shape } = checkOptions(CALL, 'options', options, ['shape']);
    return layerText(runtime, CALL, subject, shape);
  }
  if (!(subject instanceof Model && subject.runtime === runtime)) {
    const came = subject instanceof Model ? 'one of another' : describe(subject);
    throw new NormlabError('argument', `${CALL}: model: expected a model or a layer of this engine, got ${came}`);
  }
  subject.handle(CALL);
  const given = checkOptions(CALL, 'options', options, ['trainer', 'distributed', 'run']);
  const distributed = checkBoolean(CALL, 'distributed', given.distributed ?? false);
  const trains = distributed || given.trainer !== undefined;
  return trains ? trainingScript(runtime, subject, { ...given, distributed }) : modelScript(runtime, subject);
}

/** @param {Runtime} runtime @param {Model} model */
function modelScript(runtime, model) {
  const modules = new Modules(runtime, CALL, false);
  const made = modelText(modules, model);
  const frozen = frozenText(model.frozen);
  return script(
    `Made by Normlab ${runtime.abi.version} for PyTorch 1.13 or newer.

With the package safetensors, what model.save() wrote is read by
model.load_state_dict(safetensors.torch.load_file("model.safetensors")).`,
    [...modules.classes, frozen, frozen ? `${made}\ntrain_mode(model)` : made],
  );
}

/**
 * @param {Runtime} runtime
 * @param {Model} model
 * @param {PyTorchOptions & { distributed: boolean }} options
 */
function trainingScript(runtime, model, { trainer: given, distributed, run: runOptions }) {
  const trainer = trainerOptions(runtime, model, given);
  const run = checkRunOptions(runtime, runOptions);
  const { replicas, syncBatchNorm } = trainer;
  if (replicas > 1 && !syncBatchNorm && !distributed) {
    const why = 'each is a process of its own in PyTorch; pass distributed: true';
    throw new NormlabError('unsupported', `${CALL}: trainer.replicas: ${why}`);
  }
  const { shape } = model.layers[model.layers.length - 1];
  if (shape.length !== 1) {
    const wanted = 'cross-entropy needs logits of shape [N, K]';
    throw new NormlabError('shape', `${CALL}: ${wanted}, but the model ends in [N, ...] with ${shapeText(shape)}`);
  }
  const modules = new Modules(runtime, CALL, distributed && syncBatchNorm);
  const made = modelText(modules, model);
  const { frozen, layers, input } = model;
  const drops = layers.some(({ type }) => type === 'dropout');
  const recipe = { trainer, run, distributed, frozen, drops };
  const { files, reading } = dataset(input);
  const python = distributed ? `torchrun --nproc_per_node=${Math.max(replicas, 2)}` : 'python';
  const title = `Made by Normlab ${runtime.abi.version} for PyTorch 1.13 or newer.

usage: ${python} train.py FOLDER [WEIGHTS]

FOLDER has ${files}.
WEIGHTS, as model.save() writes them, are what training starts from.`;
  return script(title, [
    ...modules.classes,
    `torch.manual_seed(${run.seed})\n${made}`,
    ...reading,
    optimizerText(runtime, trainer),
    scheduleText(trainer),
    stepText(recipe),
    EVALUATE,
    frozenText(frozen),
    mainText(recipe),
  ]);
}

/** @param {Modules} modules @param {Model} model */
function modelText(modules, model) {
  const layers = new Map(model.layers.map((layer) => [layer.key, layer]));
  const made = modules.sequential(model.spec.layers, model.input, layers);
  return `${modules.note}model = ${made}`;
}

/**
 * @param {Runtime} runtime
 * @param {Model} model
 * @param {PyTorchOptions['trainer']} given
 * @returns {import('./training.js').Recipe['trainer']} in full
 */
function trainerOptions(runtime, model, given) {
  const made = given instanceof Trainer ? given : new Trainer(runtime, model, given, CALL);
  if (!made.trains(model)) {
    throw new NormlabError('argument', `${CALL}: trainer: expected one of this model, got one of another`);
  }
  const { options } = made;
  if (made !== given) made.dispose();
  return /** @type {any} */ (options);
}

/**
 * @param {Runtime} runtime
 * @param {PyTorchOptions['run']} given
 * @returns {Record<string, any>} in full
 */
function checkRunOptions(runtime, given) {
  const { epochs = 1, batchSize = 32, ...rest } = checkOptions(CALL, 'run', given, RUN);
  const run = checkRun(runtime, CALL, { ...rest, batchSize });
  for (const name of ['sortByClass', 'augment']) {
    if (run[name]) throw new NormlabError('unsupported', `${CALL}: run.${name}: is not written in Python`);
  }
  return { ...run, epochs: checkInteger(CALL, 'run.epochs', epochs, 0) };
}
