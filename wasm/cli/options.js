import { InvalidArgumentError, Option } from 'commander';
import { datasetNames } from '../data/load.js';
import { norms, placements } from '../presets/fill.js';
import { presets } from '../presets/index.js';

/**
 * What the options come to. Of the model:
 *
 * @typedef {object} ModelOptions
 * @property {string} preset
 * @property {string} [model]
 * @property {string} norm
 * @property {number} groups
 * @property {string} placement
 * @property {boolean} [weightStandardization]
 * @property {number} seed
 *
 * @typedef {object} CommonOptions
 * @property {number} batchSize
 * @property {'auto' | 'scalar' | 'simd' | 'relaxed'} variant
 * @property {boolean} [json]
 * @property {boolean} [quiet]
 *
 * @typedef {object} OwnTrainingOptions
 * @property {string} data
 * @property {number} [limit]
 * @property {boolean} [dropLast]
 * @property {boolean} [sortByClass]
 * @property {boolean} [sortTestByClass]
 * @property {number} [crop]
 * @property {boolean} [flip]
 * @property {number} epochs
 * @property {'sgd' | 'adam' | 'adamW'} optimizer
 * @property {number} [lr]
 * @property {number} momentum
 * @property {number} [weightDecay]
 * @property {'all' | 'weights'} decay
 * @property {'constant' | 'cosine' | 'linear'} schedule
 * @property {number} warmup
 * @property {number} [clipGradNorm]
 * @property {number} labelSmoothing
 * @property {number} replicas
 * @property {boolean} [syncBatchNorm]
 * @property {number} accumulate
 * @property {number} [ghostBatch]
 * @property {number} [measureEvery] of `train`
 * @property {number} [measureBins]
 *
 * @typedef {object} OwnTrainOptions
 * @property {string} [save]
 * @property {string} [checkpoint]
 * @property {number} [checkpointEvery]
 * @property {boolean} [resume]
 *
 * @typedef {object} OwnCheckOptions
 * @property {'train' | 'eval'} mode
 * @property {number} samples
 * @property {number} tolerance
 *
 * @typedef {object} OwnSweepOptions
 * @property {string[]} norm
 * @property {number[]} batchSize
 * @property {number[]} seed
 * @property {boolean} [scaleLr]
 * @property {number} [workers]
 * @property {{ index: number, count: number }} [shard] index from 1
 * @property {string} [out]
 * @property {string[]} [merge]
 *
 * @typedef {object} OwnExportOptions
 * @property {'pytorch' | 'safetensors'} to
 * @property {string} [out]
 * @property {boolean} [train]
 * @property {boolean} [distributed]
 *
 * @typedef {ModelOptions & CommonOptions & OwnTrainingOptions} TrainingOptions
 * @typedef {TrainingOptions & OwnExportOptions} ExportOptions
 * @typedef {TrainingOptions & OwnTrainOptions} TrainOptions
 * @typedef {Omit<TrainingOptions, 'norm' | 'batchSize' | 'seed'> & OwnSweepOptions} SweepOptions
 * @typedef {ModelOptions & CommonOptions & OwnCheckOptions} CheckOptions
 */

// The engine counts in int32, and draws from seeds that are exact in float64.
const MAX_COUNT = 2 ** 31 - 1;
const MAX_SEED = Number.MAX_SAFE_INTEGER;

const SCHEDULES = ['constant', 'cosine', 'linear'];

/**
 * @param {number} least
 * @param {number} greatest
 */
const integer = (least, greatest = MAX_COUNT) => {
  /** @param {string} text */
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= greatest) return value;
    throw new InvalidArgumentError(`Expected an integer from ${least} to ${greatest}.`);
  };
};

/** @param {string} text */
function nonNegative(text) {
  const value = Number(text);
  if (text.trim() !== '' && Number.isFinite(value) && value >= 0) return value;
  throw new InvalidArgumentError('Expected a finite number >= 0.');
}

/** @param {string} text */
function share(text) {
  const value = nonNegative(text);
  if (value < 1) return value;
  throw new InvalidArgumentError('Expected a number from 0 to below 1.');
}

/**
 * @template T
 * @param {(text: string) => T} parse of one value
 */
const list = (parse) => {
  /** @param {string} text */
  return (text) => {
    const values = text.split(',').map((value) => parse(value.trim()));
    if (new Set(values).size === values.length) return values;
    throw new InvalidArgumentError('Expected each value once.');
  };
};

/** @param {string} text */
function knownNorm(text) {
  if (norms.includes(text)) return text;
  throw new InvalidArgumentError(`Expected a list of ${norms.join(', ')}.`);
}

/** @param {string} text */
function shard(text) {
  const [index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  if (index >= 1 && index <= count && count <= MAX_COUNT) return { index, count };
  throw new InvalidArgumentError('Expected i/n with i from 1 to n, such as 2/4.');
}

/**
 * One option: its flags, description and default; then its choices, or what reads the text.
 *
 * @typedef {object} OptionSpec
 * @property {string} flags
 * @property {string} text
 * @property {unknown} [value]
 * @property {string} [shown] the default in words
 * @property {readonly string[]} [choices]
 * @property {(text: string) => unknown} [parse]
 * @property {string} [conflicts]
 * @property {boolean} [mandatory]
 */

/** @type {OptionSpec[]} */
const MODEL = [
  { flags: '--preset <name>', text: 'the model', value: 'smallcnn', choices: Object.keys(presets) },
  {
    flags: '--model <file>',
    text: 'a model of your own in place of a preset: JSON as nl.model() takes it, or what --save wrote',
    conflicts: 'preset',
  },
  { flags: '--norm <norm>', text: 'the normalization put into the model', value: 'batch', choices: norms },
  { flags: '--groups <n>', text: 'number of groups for --norm group', value: 8, parse: integer(1) },
  {
    flags: '--placement <place>',
    text: 'the normalization before or after the activation',
    value: 'before',
    choices: placements,
  },
  { flags: '--weight-standardization', text: 'standardize the weights of each convolution' },
];

/** @type {OptionSpec[]} */
const COMMON = [
  {
    flags: '--variant <variant>',
    text: 'WebAssembly module; auto takes the fastest that runs here',
    value: 'auto',
    choices: ['auto', 'scalar', 'simd', 'relaxed'],
  },
  { flags: '--json', text: 'print one JSON document, nothing else' },
  { flags: '--quiet', text: 'no progress bar' },
];

/** @param {string} text @param {number} value @returns {OptionSpec} */
const batchSize = (text, value) => ({ flags: '--batch-size <n>', text, value, parse: integer(1) });

/** @param {string} text @returns {OptionSpec} */
const seed = (text) => ({ flags: '--seed <n>', text, value: 0, parse: integer(0, MAX_SEED) });

/**
 * Others in place of some options.
 *
 * @param {OptionSpec[]} options
 * @param {OptionSpec[]} others each with the name of the one that it replaces
 */
const replaced = (options, others) => {
  const nameOf = (/** @type {OptionSpec} */ { flags }) => flags.split(' ')[0];
  return options.map((option) => others.find((other) => nameOf(other) === nameOf(option)) ?? option);
};

/** @param {{ epochs: number }} defaults @returns {OptionSpec[]} the options of a command that trains */
export const trainingOptions = ({ epochs }) => [
  ...MODEL,
  {
    flags: '--data <name|dir|file>',
    text: `${datasetNames.join(', ')} (made up), a folder of IDX, CIFAR-10 or npz files, or an .npz file`,
    value: 'fashion-mnist',
  },
  { flags: '--limit <n>', text: 'train on the first n images only', parse: integer(1) },
  batchSize('images per step', 32),
  { flags: '--drop-last', text: 'leave out the last batch of an epoch where it is smaller' },
  { flags: '--sort-by-class', text: 'train on class after class, the images of a class in random order' },
  { flags: '--sort-test-by-class', text: 'evaluate in train mode on batches of class after class' },
  { flags: '--crop <n>', text: 'pad training images by n black pixels and crop at random', parse: integer(1) },
  { flags: '--flip', text: 'mirror training images at random' },
  { flags: '--epochs <n>', text: 'passes over the training images', value: epochs, parse: integer(0) },
  {
    flags: '--optimizer <type>',
    text: "torch.optim's, with its defaults beside what is given here",
    value: 'sgd',
    choices: ['sgd', 'adam', 'adamW'],
  },
  { flags: '--lr <rate>', text: 'learning rate (default: 0.01, of adam and adamW 0.001)', parse: nonNegative },
  { flags: '--momentum <m>', text: 'momentum of sgd', value: 0.9, parse: nonNegative },
  { flags: '--weight-decay <w>', text: 'weight decay (default: 0, of adamW 0.01)', parse: nonNegative },
  {
    flags: '--decay <which>',
    text: 'what weight decay acts on: weights spares biases and normalizations',
    value: 'all',
    choices: ['all', 'weights'],
  },
  {
    flags: '--schedule <type>',
    text: 'how the learning rate changes from the first step to the last',
    value: 'constant',
    choices: SCHEDULES,
  },
  { flags: '--warmup <steps>', text: 'steps in which the learning rate rises', value: 0, parse: integer(0) },
  { flags: '--clip-grad-norm <norm>', text: 'largest norm of all gradients together', parse: nonNegative },
  { flags: '--label-smoothing <share>', text: 'share of the target for all classes', value: 0, parse: share },
  {
    flags: '--replicas <n>',
    text: 'split each batch in shards that normalize on their own, as so many devices would',
    value: 1,
    parse: integer(1),
  },
  { flags: '--sync-batch-norm', text: 'share the statistics of all replicas' },
  {
    flags: '--accumulate <n>',
    text: 'micro-batches that a batch is passed in before its one update, each with its own statistics',
    value: 1,
    parse: integer(1),
  },
  {
    flags: '--ghost-batch <n>',
    text: 'the same, of at most n images each (Ghost Batch Normalization)',
    parse: integer(1),
    conflicts: 'accumulate',
  },
  seed('of the initial weights, of the order of the images, of crops and flips'),
  ...COMMON,
];

/** @type {OptionSpec[]} */
export const trainOptions = [
  ...trainingOptions({ epochs: 3 }),
  { flags: '--save <file>', text: 'write the model here when it is trained, as safetensors, in eval mode' },
  {
    flags: '--checkpoint <file>',
    text: 'keep the run here after each epoch and on Ctrl-C: all that it takes to go on',
  },
  { flags: '--checkpoint-every <steps>', text: 'and after so many steps each', parse: integer(1) },
  { flags: '--resume', text: 'go on with the run in --checkpoint FILE, where there is one, bit for bit' },
  {
    flags: '--measure-every <n>',
    text: 'look into every n-th step: outputs, gradients and batch statistics of each layer',
    parse: integer(1),
  },
  {
    flags: '--measure-bins <n>',
    text: 'and put histograms of so many bins into the JSON document',
    parse: integer(1, 4096),
  },
];

/** @type {OptionSpec[]} */
export const sweepOptions = [
  ...replaced(trainingOptions({ epochs: 2 }), [
    { flags: '--preset <name>', text: 'the model', value: 'mlp', choices: Object.keys(presets) },
    {
      flags: '--norm <list>',
      text: `normalizations put into the model, of ${norms.join(', ')}`,
      value: ['batch', 'group', 'layer'],
      shown: 'batch,group,layer',
      parse: list(knownNorm),
    },
    {
      flags: '--batch-size <list>',
      text: 'images per step',
      value: [2, 4, 8, 16, 32, 64],
      shown: '2,4,8,16,32,64',
      parse: list(integer(1)),
    },
    {
      flags: '--seed <list>',
      text: 'of the initial weights and of the order of the images',
      value: [0],
      shown: '0',
      parse: list(integer(0, MAX_SEED)),
    },
    {
      flags: '--lr <rate>',
      text: 'learning rate of every run (default: 0.02 · batch size / 32, of adam and adamW 0.001)',
      parse: nonNegative,
    },
    {
      flags: '--schedule <type>',
      text: 'how the learning rate changes from the first step to the last (default: linear, to 0, where --lr is the default of sgd, else constant)',
      choices: SCHEDULES,
    },
  ]),
  { flags: '--scale-lr', text: 'the rate is that of batches of 32; others get rate · batch size / 32' },
  { flags: '--workers <n>', text: 'threads (default: one a core); 0 trains in the main one', parse: integer(0) },
  { flags: '--shard <i/n>', text: "this machine's share of the runs, the i-th of n", parse: shard },
  {
    flags: '--out <file.jsonl>',
    text: 'add a line for each finished run; runs that are there already are not repeated',
  },
  { flags: '--merge <files...>', text: 'train nothing: join such files' },
];

/** @type {OptionSpec[]} */
export const checkOptions = [
  ...MODEL,
  batchSize('samples of noise in the batch', 4),
  {
    flags: '--mode <mode>',
    text: 'normalize as in training, or with running statistics',
    value: 'train',
    choices: ['train', 'eval'],
  },
  { flags: '--samples <n>', text: 'elements compared one by one in each parameter', value: 16, parse: integer(1) },
  { flags: '--tolerance <error>', text: 'the largest relative error that passes', value: 1e-3, parse: nonNegative },
  seed('of the weights, the input, the labels and the elements'),
  ...COMMON,
];

/** Of what `export` has no use for: it makes no run of its own. */
const NOT_EXPORTED = /^--(preset|model|data|limit|sort-|crop|flip|json|quiet)/;

/** @type {OptionSpec[]} */
export const exportOptions = [
  { flags: '--to <format>', text: 'what to write', choices: ['pytorch', 'safetensors'], mandatory: true },
  { flags: '--out <file>', text: 'where to; text goes to standard output without it' },
  { flags: '--train', text: 'of pytorch: a script that trains, with the options below' },
  { flags: '--distributed', text: 'the same in several processes, for torchrun' },
  ...trainingOptions({ epochs: 3 }).filter(({ flags }) => !NOT_EXPORTED.test(flags)),
];

/**
 * @param {import('commander').Command} command
 * @param {OptionSpec[]} options
 */
export function addOptions(command, options) {
  for (const { flags, text, value, shown, choices, parse, conflicts, mandatory } of options) {
    const option = new Option(flags, text);
    if (choices) option.choices(choices);
    if (parse) option.argParser(parse);
    if (conflicts) option.conflicts(conflicts);
    if (mandatory) option.makeOptionMandatory();
    if (value !== undefined) option.default(value, shown);
    command.addOption(option);
  }
  return command;
}
