import { InvalidArgumentError, Option } from 'commander';
import { datasetNames } from '../data/load.js';
import { norms, placements } from '../presets/fill.js';
import { presets } from '../presets/index.js';

/**
 * What the options come to for a command that trains.
 *
 * @typedef {object} Options
 * @property {string} preset
 * @property {string} [model]
 * @property {string} norm
 * @property {number} groups
 * @property {string} placement
 * @property {string} data
 * @property {number} [limit]
 * @property {number} batchSize
 * @property {boolean} [dropLast]
 * @property {number} epochs
 * @property {number} lr
 * @property {number} momentum
 * @property {number} weightDecay
 * @property {number} seed
 * @property {'auto' | 'scalar' | 'simd' | 'relaxed'} variant
 * @property {boolean} [json]
 * @property {boolean} [quiet]
 */

// The engine counts in int32, and draws from seeds that are exact in float64.
const MAX_COUNT = 2 ** 31 - 1;
const MAX_SEED = Number.MAX_SAFE_INTEGER;

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

/**
 * The options of all commands that train: flags, description and default; then choices, or what reads the text.
 *
 * @type {{ flags: string, text: string, value?: unknown, choices?: readonly string[], parse?: (text: string) => unknown,
 *   conflicts?: string }[]}
 */
const TRAINING = [
  { flags: '--preset <name>', text: 'the model', value: 'smallcnn', choices: Object.keys(presets) },
  {
    flags: '--model <file.json>',
    text: 'a model of your own, as nl.model() takes it, in place of a preset',
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
  {
    flags: '--data <name|dir>',
    text: `${datasetNames.join(', ')}, or a folder of IDX files`,
    value: 'fashion-mnist',
  },
  { flags: '--limit <n>', text: 'train on the first n images only', parse: integer(1) },
  { flags: '--batch-size <n>', text: 'images per step', value: 32, parse: integer(1) },
  { flags: '--drop-last', text: 'leave out the last batch of an epoch where it is smaller' },
  { flags: '--epochs <n>', text: 'passes over the training images', value: 3, parse: integer(0) },
  { flags: '--lr <rate>', text: 'learning rate', value: 0.01, parse: nonNegative },
  { flags: '--momentum <m>', text: 'momentum of SGD', value: 0.9, parse: nonNegative },
  { flags: '--weight-decay <w>', text: 'weight decay (L2) of SGD', value: 0, parse: nonNegative },
  {
    flags: '--seed <n>',
    text: 'of the initial weights and of the order of the images',
    value: 0,
    parse: integer(0, MAX_SEED),
  },
  {
    flags: '--variant <variant>',
    text: 'WebAssembly module; auto takes the fastest that runs here',
    value: 'auto',
    choices: ['auto', 'scalar', 'simd', 'relaxed'],
  },
  { flags: '--json', text: 'print one JSON document, nothing else' },
  { flags: '--quiet', text: 'no progress bar' },
];

/**
 * Adds the options of a command that trains.
 *
 * @param {import('commander').Command} command
 * @param {Partial<Options>} [defaults] in place of the common ones
 */
export function addTrainingOptions(command, defaults = {}) {
  for (const { flags, text, value, choices, parse, conflicts } of TRAINING) {
    const option = new Option(flags, text);
    if (choices) option.choices(choices);
    if (parse) option.argParser(parse);
    if (conflicts) option.conflicts(conflicts);
    const key = /** @type {keyof Options} */ (option.attributeName());
    const initial = defaults[key] ?? value;
    if (initial !== undefined) option.default(initial);
    command.addOption(option);
  }
  return command;
}
