import { presetHeads as presets } from 'normlab/core';
import type { RunConfig } from '../../worker/protocol';
import { ARM_IDS, type ArmChange, formatArms, parseArms } from './arms';
import { norms } from './norms';
import { round, type Table } from './schema';

type OwnRunConfig = Omit<RunConfig, 'data' | 'weights'>;

/** What is trained, and what of it is shown. */
export interface TrainConfig extends OwnRunConfig {
  /** What stands beside arm A, which the settings of a run describe. */
  arms: readonly ArmChange[];
  /** The arm whose settings, images and layers are shown; one that is not there stands for the last. */
  arm: (typeof ARM_IDS)[number];
  /** The layers are looked into while they train. */
  watch: boolean;
  /** Key of the layer that is shown; empty: the first normalization layer. */
  layer: string;
  /** Which set of test images the grid shows. */
  images: number;
}

/** Test images in the grid, and how many sets of them the 2,000 make. */
export const GRID_IMAGES = 24;
const GRID_SETS = 83;

const INPUT_VALUES = 28 * 28;

/** The presets that take the images this page trains on. */
const models = Object.entries(presets)
  .filter(([, preset]) => preset.input.reduce((product, size) => product * size, 1) === INPUT_VALUES)
  .map(([value, { title, description }]) => ({ value, label: title, help: description }));

/** What a run is made of. */
const runSettings = {
  norm: {
    attribute: 'norm',
    kind: 'choice',
    label: 'Normalization',
    help: 'Which values are normalized together.',
    choices: norms,
    default: 'batch',
    effect: 'restart',
    always: true,
  },
  groups: {
    attribute: 'groups',
    kind: 'choice',
    label: 'Groups',
    help: 'Channels are split into this many groups, each with its own mean and variance.',
    choices: [1, 2, 4, 8, 16].map((value) => ({ value, label: String(value) })),
    default: 8,
    effect: 'restart',
    always: false,
  },
  renorm: {
    kind: 'flag',
    label: 'Batch Renorm',
    help: 'Train mode normalizes with the running statistics too, as far as these can be trusted: what small batches need.',
    default: false,
    effect: 'restart',
    always: false,
  },
  placement: {
    kind: 'choice',
    label: 'Placement',
    help: 'Where the normalization stands next to the ReLU.',
    choices: [
      { value: 'before', label: 'before activation' },
      { value: 'after', label: 'after activation' },
    ],
    default: 'before',
    effect: 'restart',
    always: true,
  },
  model: {
    kind: 'choice',
    label: 'Network',
    help: 'A convolution keeps many values per channel even for one image; a linear layer keeps one.',
    choices: models,
    default: 'smallcnn',
    effect: 'restart',
    always: true,
  },
  batch: {
    attribute: 'batch-size',
    kind: 'number',
    label: 'Batch size',
    help: 'Images per step. In train mode BatchNorm takes its mean and variance from these alone.',
    min: 1,
    max: 256,
    integer: true,
    stops: [1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256],
    ticks: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    default: 32,
    effect: 'restart',
    always: true,
  },
  lr: {
    attribute: 'lr',
    kind: 'number',
    label: 'Learning rate',
    help: 'How far each step moves the weights. Takes effect at once, also while training.',
    min: 1e-4,
    max: 1,
    integer: false,
    stops: [1e-4, 1e-3, 1e-2, 1e-1].flatMap((decade) => [1, 1.5, 2, 3, 5, 7].map((m) => round(m * decade))).concat(1),
    ticks: [1e-4, 1e-3, 1e-2, 1e-1, 1],
    default: 0.02,
    effect: 'live',
    always: true,
  },
  optimizer: {
    kind: 'choice',
    label: 'Optimizer',
    help: 'What makes steps of gradients. Adam wants a smaller learning rate, about 0.001.',
    choices: [
      { value: 'sgd', label: 'SGD' },
      { value: 'adam', label: 'Adam' },
      { value: 'adamW', label: 'AdamW' },
    ],
    default: 'sgd',
    effect: 'restart',
    always: false,
  },
  momentum: {
    kind: 'number',
    label: 'SGD momentum',
    help: 'Share of the last update that is kept in the next. Not the momentum of BatchNorm, which stays at 0.1.',
    min: 0,
    max: 0.99,
    integer: false,
    stops: [0, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99],
    ticks: [0, 0.5, 0.9, 0.99],
    default: 0.9,
    effect: 'restart',
    always: false,
  },
  decay: {
    kind: 'number',
    label: 'Weight decay',
    help: 'Pulls every weight towards zero by this share of itself, times the learning rate; in Adam as part of the gradient.',
    min: 0,
    max: 0.1,
    integer: false,
    stops: [0, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 0.1],
    ticks: [0, 1e-4, 1e-3, 1e-2, 0.1],
    default: 0,
    effect: 'restart',
    always: false,
  },
  seed: {
    attribute: 'seed',
    kind: 'number',
    label: 'Seed',
    help: 'Draws the first weights and the order of the images. The same seed gives the same run.',
    min: 0,
    max: 999_999,
    integer: true,
    stops: [],
    ticks: [],
    default: 1,
    effect: 'restart',
    always: true,
  },
} as const satisfies Table<OwnRunConfig>;

export const trainSettings = {
  ...runSettings,
  arms: {
    kind: 'custom',
    label: 'Further arms',
    help: 'Up to three more runs, each by what it has other than arm A.',
    parse: (text: string) => parseArms(runSettings, text),
    format: (arms: readonly ArmChange[]) => formatArms(runSettings, arms),
    default: [],
    effect: 'none',
    always: false,
  },
  arm: {
    kind: 'choice',
    label: 'Arm',
    help: 'Whose settings, images and layers are shown.',
    choices: ARM_IDS.map((value) => ({ value, label: value.toUpperCase() })),
    default: 'a',
    effect: 'none',
    always: false,
  },
  watch: {
    kind: 'flag',
    label: 'Watch inside',
    help: 'Puts 16 training images, always the same, through the network several times a second, and measures what each layer gives and what gradient comes back. Training is a little slower meanwhile.',
    default: false,
    effect: 'none',
    always: false,
  },
  layer: {
    kind: 'text',
    label: 'Layer',
    help: 'The layer that is shown.',
    pattern: /^[\w.-]{0,64}$/,
    default: '',
    effect: 'none',
    always: false,
  },
  images: {
    kind: 'number',
    label: 'Image set',
    help: `Which ${GRID_IMAGES} test images are shown.`,
    min: 0,
    max: GRID_SETS - 1,
    integer: true,
    stops: [],
    ticks: [],
    default: 0,
    effect: 'none',
    always: false,
  },
} as const satisfies Table<TrainConfig>;
